"""Measure the size of the report for many workflows, and the time to render, open, sort and filter it.

python benchmarks/report_page.py --workflows 200
"""

import random
import shutil
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from compared import compared
from compiler import CONTACT_POLICY, compile_workflow
from compiler.sql import DEFAULT
from flows.definitions.loader import Definitions, read_definitions
from flows.report.data import RATES, RECIPIENTS, RUNS, WEEKS, ReportData, Row
from flows.report.page import render_report
from flows.settings import CHECKOUT, Settings
from flows.warehouse.program_names import ProgramNames

MONDAY = date(2026, 3, 16)


def definitions(folder: Path, count: int) -> Definitions:
    """Return `count` workflows: copies of the example workflows under other ids, with their messages."""
    shutil.copytree(CHECKOUT / "workflows" / "messages", folder / "messages")
    if (CHECKOUT / "workflows" / "segments").exists():
        shutil.copytree(CHECKOUT / "workflows" / "segments", folder / "segments")
    extra = {CONTACT_POLICY, "programs.yml"}
    files = sorted(file for file in (CHECKOUT / "workflows").glob("*.yml") if file.name not in extra)
    for number in range(count):
        file = files[number % len(files)]
        shutil.copy(file, folder / f"{file.stem}-{number:03}.yml")
    return read_definitions(Settings(workflows=folder))


def rows(ids: list[str]) -> ReportData:
    """Return a report in which every workflow has all the weeks, runs and recipients that the page can show."""
    draw = random.Random(1)
    weeks = [_week(name, MONDAY - timedelta(weeks=back), draw) for name in ids for back in reversed(range(WEEKS))]
    totals = [_total(name, [week for week in weeks if week["workflow_id"] == name]) for name in ids]
    now = datetime(2026, 3, 20, 18)
    runs = [_run(name, now - timedelta(hours=back), draw) for name in ids for back in range(RUNS)]
    recipients = [_recipient(name, number, now, draw) for name in ids for number in range(RECIPIENTS)]
    return ReportData(now, totals, [], weeks, runs, recipients, [], [])


def _week(name: str, monday: date, draw: random.Random) -> Row:
    sent = draw.randint(50, 2000)
    delivered, bounced = int(sent * 0.97), int(sent * 0.02)
    counts = {"sent": sent, "delivered": delivered, "opened": delivered // 2, "bot_opened_only": delivered // 5}
    return {"workflow_id": name, "week": monday, "clicked": delivered // 9, "bounced": bounced, "complained": 0,
            "unsubscribed": 2, "with_events": delivered} | counts  # fmt: skip


def _total(name: str, weeks: list[Row]) -> Row:
    counts = [column for column in weeks[0] if column not in ("workflow_id", "week")]
    total = {column: sum(week[column] for week in weeks) for column in counts}
    return (
        {"workflow_id": name, "accepted": 0, "goal": None}
        | total
        | {rate: total[count] / total["sent"] for count, rate in RATES}
    )


def _run(name: str, as_of: datetime, draw: random.Random) -> Row:
    counts = {
        "members": draw.randint(0, 9000),
        "already_contacted": draw.randint(0, 9000),
        "suppressed": 3,
        "no_address": 0,
        "sent": 40,
    }
    return {"workflow_id": name, "as_of": as_of, "status": "done", "detail": None, "failed": 0, "in_doubt": 0} | counts


def _recipient(name: str, number: int, as_of: datetime, draw: random.Random) -> Row:
    fate = draw.choice(RATES)[0]
    partner = {"name": f"Partner {number} of {name}", "partner_id": str(number), "state": "sent", "as_of": as_of}
    partner |= {"program_id": "1000", "sent_at": as_of}
    address = {"email": f"somebody.{number}@partner{number}.example"}
    return {"workflow_id": name} | partner | address | {f"is_{one}": one == fate for one, _ in RATES}


def in_browser(file: Path) -> dict[str, float] | None:
    """Return milliseconds: CPU of the main thread to load, wall time of the other steps. None without Chromium."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        return None
    timed = (
        "(what) => { const at = performance.now(); what(); document.body.offsetHeight; return performance.now() - at }"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(file.as_uri())
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        entry = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
        steps = {
            "sorted": "() => document.querySelectorAll('#list th button')[2].click()",
            "filtered": "() => { text.value = 'few clicks'; text.dispatchEvent(new Event('input')) }",
        }
        taken = {name: page.evaluate(f"({timed})({step})") for name, step in steps.items()}
        browser.close()
    return {
        "CPU": metrics["TaskDuration"] * 1000,
        "interactive": entry["domInteractive"],
        "loaded": entry["loadEventEnd"],
        **taken,
    }


def main(workflows: Annotated[int, typer.Option(help="Number of workflows.")] = 200) -> None:
    """Render the page, and print its size and times."""
    with TemporaryDirectory() as temporary:
        found = definitions(Path(temporary) / "workflows", workflows)
        data = rows([workflow.id for workflow in found.workflows])
        started = time.process_time()
        text = render_report(data, found, Path(temporary) / "workflows", ProgramNames(ZoneInfo("UTC")), False)
        taken = time.process_time() - started
        file = Path(temporary) / "report.html"
        file.write_text(text, encoding="utf-8")
        size = file.stat().st_size
        count = len(found.workflows)
        print(f"{count} workflows: {size:,} bytes, {size // count:,} per workflow, rendered in {taken:.2f} s of CPU")
        started = time.process_time()
        for workflow in found.workflows:
            compile_workflow(workflow, found.compiler, DEFAULT)
        compared(
            f"report of {count} workflows", taken, "compiling their SQL", time.process_time() - started, "s of CPU"
        )
        milliseconds = in_browser(file)
        print("There is no Chromium on this machine." if milliseconds is None else
              ", ".join(f"{name} {value:.0f} ms" for name, value in milliseconds.items()))  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
