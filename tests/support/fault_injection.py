"""States with built facts for tests that inject faults, and what such a run leaves.

The dbt build takes far longer than all other steps together. Here the facts of the example account are already built
and nobody has been contacted, so a run skips the build. Every run plans the same recipients again: only the ledger
prevents a second email."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.ledger.delivery import Delivery
from flows.ledger.queries import deliveries
from flows.pipeline.run import Run, run_hour
from flows.settings import Settings
from flows.transform.build import BuildResult
from flows.warehouse.connection import open_warehouse
from flows.warehouse.raw_tables import create_raw_table
from support.example_workflows import WORKFLOWS
from support.ledgers import opened
from support.states import HOUR, copy_state

NOTHING_HELD = BuildResult({})
"""The result of a build that holds no workflow; used in place of a skipped build."""

DELIVERY_COUNT = 79
"""Number of deliveries of the example account's hour: 76 emails and three decisions."""


def built_state(example: Settings, folder: Path, **more: Any) -> Settings:
    """Return a copy of the example account's state: its facts are built, and nobody has been contacted."""
    var = folder / "var"
    copy_state(example.state_dir, var, "ledger.db*", "outbox", "decisions", "published")
    settings = Settings(**{"state_dir": var, "workflows": WORKFLOWS} | more)
    with open_warehouse(settings.warehouse) as connection:
        for name in ("sent_emails", "workflow_runs", "ledger_watermark", "run_watermark"):
            create_raw_table(connection, name)
    return settings


def skip_dbt_build(title: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a step, except that the dbt build is skipped."""
    return NOTHING_HELD if title == "Run dbt build" else function(*arguments)


def run(settings: Settings) -> Run:
    """Run the account's hour without a dbt build."""
    return run_hour(settings, HOUR, skip_dbt_build)


def limit_recipients(settings: Settings, *workflows: str) -> None:
    """Delete the recipients of all other workflows from the facts; `restore_recipients` puts them back."""
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS all_recipients AS SELECT * FROM marts.recipients")
        marks = ", ".join("?" for _ in workflows)
        connection.execute(f"DELETE FROM marts.recipients WHERE workflow_id NOT IN ({marks})", workflows)


def restore_recipients(settings: Settings) -> None:
    """Undo `limit_recipients`."""
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("DELETE FROM marts.recipients")
        connection.execute("INSERT INTO marts.recipients SELECT * FROM all_recipients")


def all_deliveries(settings: Settings) -> list[Delivery]:
    """Return all deliveries of the ledger."""
    with opened(settings.ledger) as ledger:
        return deliveries(ledger)


def states(settings: Settings) -> Counter:
    """Return the number of deliveries per state."""
    return Counter(one.state for one in all_deliveries(settings))


def written_files(settings: Settings) -> Counter:
    """Return the number of files per delivery id, of the outbox and the decisions, partial files included."""
    found = [*settings.outbox.glob("*.eml"), *settings.decisions.glob("*.json"), *settings.outbox.glob(".*.part")]
    return Counter(file.stem for file in found)


def assert_all_sent_once(settings: Settings) -> None:
    """Check that every delivery of the hour is sent and has exactly one file, and that there are no other files."""
    assert states(settings) == {"sent": DELIVERY_COUNT}
    assert written_files(settings) == Counter({one.delivery_id: 1 for one in all_deliveries(settings)})
