"""States whose facts are built, for tests of what may go wrong around them, and what is left in the end.

dbt takes as long as all other steps together many times over; here it has built the example account's facts already,
with nobody contacted, and a run passes over it. The plan then names everybody again, so only the ledger stands between
them and a second email.
"""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.ledger.delivery import Delivery
from flows.ledger.queries import deliveries
from flows.pipeline.run import Run, run_hour
from flows.settings import CHECKOUT, Settings
from flows.transform.build import BuildResult
from flows.warehouse.connection import open_warehouse
from flows.warehouse.raw_tables import create_raw_table
from support.ledgers import opened
from support.states import HOUR

NOBODY_HELD = BuildResult({}, list)
"""What a build answers that held nobody, in the place of one that is passed over."""

EVERYBODY = 80
"""Deliveries of the example account's hour: 77 emails and three decisions."""


def built(example: Settings, folder: Path, **more: Any) -> Settings:
    """A copy of the example account's state, its facts built and nobody contacted yet."""
    var = folder / "var"
    shutil.copytree(
        example.state_dir, var, ignore=shutil.ignore_patterns("ledger.db*", "outbox", "decisions", "published")
    )
    settings = Settings(**{"state_dir": var, "workflows": CHECKOUT / "workflows"} | more)
    with open_warehouse(settings.warehouse) as connection:
        for name in ("sent_emails", "workflow_runs", "ledger_watermark", "run_watermark"):
            create_raw_table(connection, name)
    return settings


def unbuilt(title: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """A step that takes the facts as they are."""
    return NOBODY_HELD if title == "Run dbt build" else function(*arguments)


def run(settings: Settings) -> Run:
    """One run at the account's hour on the facts as they are."""
    return run_hour(settings, HOUR, unbuilt)


def only(settings: Settings, *workflows: str) -> None:
    """Let the plan name the recipients of these workflows alone; `everybody` brings the others back."""
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS main.everybody AS FROM marts.recipients")
        connection.execute("DELETE FROM marts.recipients WHERE NOT list_contains(?, workflow_id)", [list(workflows)])


def everybody(settings: Settings) -> None:
    """Let the plan name all recipients again."""
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("DELETE FROM marts.recipients; INSERT INTO marts.recipients FROM main.everybody")


def book(settings: Settings) -> list[Delivery]:
    """All deliveries of the ledger."""
    with opened(settings.ledger) as ledger:
        return deliveries(ledger)


def states(settings: Settings) -> Counter:
    """State to the number of deliveries in it."""
    return Counter(one.state for one in book(settings))


def files(settings: Settings) -> Counter:
    """Delivery id to how many files of the outbox and the decisions there are, half-written ones too."""
    found = [*settings.outbox.glob("*.eml"), *settings.decisions.glob("*.json"), *settings.outbox.glob(".*.part")]
    return Counter(file.stem for file in found)


def everybody_heard_once(settings: Settings) -> None:
    """Each of the hour's deliveries is sent, and there is one file of each, and no other."""
    assert states(settings) == {"sent": EVERYBODY}
    assert files(settings) == Counter({one.delivery_id: 1 for one in book(settings)})
