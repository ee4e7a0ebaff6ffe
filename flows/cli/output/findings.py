"""The findings of doctor."""

from rich.text import Text

from flows.doctor import Finding


def finding_lines(findings: list[Finding]) -> list[Text]:
    """Return one line per finding of doctor, with its hint below it."""
    marks = {"ok": Text("✓ ", style="green"), "warning": Text("! ", style="yellow"), "error": Text("✗ ", style="red")}
    lines = []
    for one in findings:
        lines.append(marks[one.severity] + Text(f"{one.check}: {one.message}"))
        if one.hint:
            lines.append(Text(f"  {one.hint}", style="dim"))
    return lines
