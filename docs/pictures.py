"""Write the pictures of the README from a run of the example account: `python docs/pictures.py`.

They are the terminal as SVG, and the report and an email as Chromium shows them. A test compares the words of the
terminal with what the commands print now.
"""

import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from email import message_from_bytes
from email.policy import default
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = CHECKOUT / "docs" / "pictures"

COMMANDS = (
    "run --as-of 2026-03-20T14:00:00-04:00",
    "explain few-clicks-14 21005057 --as-of 2026-03-20T14:00:00-04:00",
)
"""What the picture of the terminal shows; each prints the same on every machine, but for its paths and the run's id."""

WIDTH = 100

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

JPEG = {"type": "jpeg", "quality": 80}


def terminal(commands: Iterable[str] = COMMANDS) -> str:
    """Run commands in this process, and return what a terminal of WIDTH columns shows, as SVG without a font."""
    shown = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    for command in commands:
        shown.print(Text(f"$ partnerflow {command}", style="bold"))
        shown.print(Text.from_ansi(_printed(command)))
    svg = shown.export_svg(title="partnerflow", unique_id="partnerflow")
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)


def _printed(command: str) -> str:
    """Return what a command prints, without the lines that name the folder of this machine."""
    from flows.cli.common import out
    from flows.cli.main import main

    out.width, sys.argv, printed = WIDTH, ["partnerflow", *shlex.split(command)], StringIO()
    with redirect_stdout(printed), redirect_stderr(StringIO()):
        try:
            main()
        except SystemExit as end:
            assert not end.code, command
    text = re.sub(r"(?m)^(Emails|Published file):\s+\S+\n", "", printed.getvalue())
    return re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{8}", "20260320T180000Z-0a1b2c3d", text)


def words(svg: str) -> list[str]:
    """Return the words of a picture of the terminal, in order."""
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
    return " ".join(texts).replace("&#160;", " ").split()


def photograph(browser: Any, var: Path) -> None:
    """Write the pictures of the report and of an email of the outbox."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto((var / "published" / "report.html").as_uri())
    page.screenshot(path=FOLDER / "report.jpg", **JPEG)
    page.set_viewport_size({"width": 620, "height": 900})
    page.set_content(_email(var / "outbox"))
    page.screenshot(path=FOLDER / "email.jpg", **JPEG)


def _email(outbox: Path) -> str:
    """Return the HTML of an email to Quiet Creek."""
    emails = [message_from_bytes(file.read_bytes(), policy=default) for file in sorted(outbox.glob("*.eml"))]
    (one,) = [one for one in emails if "quietcreek" in one["To"]]
    part = one.get_body(["html"])
    assert part is not None
    return str(part.get_content())


def write_pictures() -> None:
    """Run the example account in a folder of its own, and write all pictures."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder) / "var"
        os.environ |= {"PARTNERFLOW_VAR": str(var), "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
        _printed("load-example")
        (FOLDER / "terminal.svg").write_text(terminal(), encoding="utf-8")
        with sync_playwright() as started:
            program = next(filter(None, map(shutil.which, BROWSERS)))
            browser = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            photograph(browser, var)
            browser.close()


if __name__ == "__main__":
    write_pictures()
