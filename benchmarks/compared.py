"""How a benchmark reports a ratio, so that run_all.py can put it into the table at the top of its file."""

PREFIX = "ratio: "
"""The beginning of the line of a ratio."""


def compared(what: str, value: float, than: str, baseline: float, unit: str) -> None:
    """Print a ratio: of what, its value, what it is compared with, and the value of that in the same run."""
    ratio = f"{value / baseline:.2f}" if baseline else "–"  # a toy may take no measurable time
    print(f"{PREFIX}{what} | {than} | {value:.3g} | {baseline:.3g} | {unit} | {ratio}", flush=True)
