"""Measure the CPU seconds that loading, staging and deduplicating provider events takes.

    PYTHONPATH=.:tests python benchmarks/events.py --events 150000

The events are payloads of four providers, a fifth of them duplicates, in files of the landing folder. The floor is the
least that any query of them takes: reading one key of every payload.
"""

import json
import os
import random
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from dbt.cli.main import dbtRunner

from compared import compared
from flows.definitions.loader import read_definitions
from flows.events.ingestion import load_events
from flows.settings import CHECKOUT, Settings
from flows.transform.build import build
from flows.transform.build_state import revalidate
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.evaluations import write_evaluations_at
from flows.warehouse.example import load_example
from flows.warehouse.raw_tables import replace_raw_table
from support.provider_payloads import SENT, mailgun, postmark, sendgrid_event, ses

SHARE_REPEATED = 0.2
MORE = 400
"""Events of the hour after all others."""

EVENT_MODELS = "stg_email_payloads+1 int_provider_events+"
FLOOR = "SELECT count(json_extract_string(payload, '$.event')) FROM raw.email_events"
KINDS: dict[str, list[tuple[str, Callable[..., str | dict]]]] = {
    "sendgrid": [(kind, sendgrid_event) for kind in ("delivered", "open", "click", "bounce")],
    "ses": [(kind, ses) for kind in ("Delivery", "Open", "Click", "Bounce")],
    "postmark": [(kind, postmark) for kind in ("Delivery", "Open", "Click", "Bounce")],
    "mailgun": [(kind, mailgun) for kind in ("delivered", "opened", "clicked", "failed")],
}


def payloads(events: int, draw: random.Random) -> Iterator[tuple[str, str]]:
    """Yield provider and payload. SendGrid's payloads are arrays of a hundred events."""
    distinct = int(events * (1 - SHARE_REPEATED))
    made: dict[str, list] = {provider: [] for provider in KINDS}
    for number in range(distinct):
        provider = list(KINDS)[number % 4]
        kind, maker = KINDS[provider][draw.randrange(4)]
        delivery, at = f"{number // 12:032x}", SENT + timedelta(seconds=number % 100_000)
        made[provider].append(maker(delivery, f"somebody.{number // 12}@partner.example", kind, at))
    for provider, ones in made.items():
        ones += [_repeated(one, number) for number, one in enumerate(draw.choices(ones, k=(events - distinct) // 4))]
        if provider == "sendgrid":
            ones = [json.dumps(ones[first : first + 100]) for first in range(0, len(ones), 100)]
        yield from ((provider, one) for one in ones)


def _repeated(payload: str | dict, number: int) -> str | dict:
    """Return the same event as in another request: its spaces differ, so only the event's id shows the duplicate."""
    return payload if isinstance(payload, dict) else payload + " " * (number % 50 + 1)


@contextmanager
def timed(name: str, taken: dict[str, float]) -> Iterator[None]:
    """Record the CPU seconds of the block as `taken[name]`."""
    started = time.process_time()
    yield
    taken[name] = time.process_time() - started


def main(events: Annotated[int, typer.Option(help="Number of events.")] = 150_000) -> None:
    """Print the CPU seconds of loading and staging, as multiples of the floor too, and the peak memory.

    `dbt` is the run of one tiny view, which is the part of the others that dbt takes for itself. `stage` reads all
    events, and `hour` the MORE that came after it.
    """
    with TemporaryDirectory() as temporary:
        settings = Settings(state_dir=Path(temporary), workflows=CHECKOUT / "workflows")
        deliveries = events // 12
        _prepare(settings, deliveries)
        size = _write_files(settings, events)
        taken: dict[str, float] = {}
        with open_warehouse(settings.warehouse) as connection:
            with timed("load", taken):
                loaded = load_events(connection, settings.landing)
            with timed("floor", taken):
                connection.execute(FLOOR).fetchone()
        _dbt(settings, "stg_programs")  # parses the project
        with timed("dbt", taken):
            _dbt(settings, "stg_programs")
        with timed("stage", taken):
            _dbt(settings, EVENT_MODELS, "--full-refresh")
        _write_files(settings, MORE, "more", seed=2)
        with open_warehouse(settings.warehouse) as connection:
            load_events(connection, settings.landing)
            revalidate(connection)
        with timed("hour", taken):
            _dbt(settings, EVENT_MODELS)
        with open_warehouse(settings.warehouse) as connection:
            query = "SELECT count(*), sum(occurrences), count(delivery_id) FROM intermediate.int_email_events"
            distinct, total, linked = connection.execute(query).fetchone()
    print(f"{total:,} events in {loaded:,} payloads, {size / 1e6:.0f} MB; {distinct:,} are distinct, {linked:,} linked")
    for name, seconds in taken.items():
        print(f"{name:6} {seconds:6.2f} s of CPU  {seconds / taken['floor']:5.1f} floors")
    compared("load events", taken["load"], "the floor", taken["floor"], "s of CPU")
    compared("stage all events", taken["stage"], "the floor", taken["floor"], "s of CPU")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _prepare(settings: Settings, deliveries: int) -> None:
    """Build the example account, and fill the mirror of the ledger with this number of deliveries."""
    import pandas

    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        load_example(connection)
        write_evaluations_at(connection, datetime(2026, 3, 20, 18, tzinfo=UTC))
        ids = [f"{number:032x}" for number in range(deliveries)]
        rows = [
            (one, "w", "1000", str(number), "", f"somebody.{number}@partner.example", "email", "sent",
             f"{one}@example.com", "run", SENT.replace(tzinfo=None), SENT.replace(tzinfo=None), None, False,
             SENT.replace(tzinfo=None), None)
            for number, one in enumerate(ids)
        ]  # fmt: skip
        replace_raw_table(connection, "sent_emails", pandas.DataFrame(rows))
    assert not build(settings, read_definitions(settings)).held


def _write_files(settings: Settings, events: int, name: str = "export", seed: int = 1) -> int:
    """Write files of the landing folder, one per provider, and return their size in bytes."""
    texts: dict[str, list[str]] = {}
    for provider, payload in payloads(events, random.Random(seed)):
        texts.setdefault(provider, []).append(payload)
    size = 0
    for provider, ones in texts.items():
        file = settings.landing / provider / f"{name}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        size += file.write_text("\n".join(ones))
    return size


def _dbt(settings: Settings, models: str, *options: str) -> None:
    """Run the selected models."""
    project = str(settings.state_dir / "dbt_project")
    folders = ["--project-dir", project, "--profiles-dir", project, "--log-path", str(settings.state_dir / "logs")]
    os.environ["PARTNERFLOW_VAR"] = str(settings.state_dir)
    done = dbtRunner().invoke(["run", *folders, "--quiet", "--select", models, *options])
    assert done.success, done.exception


if __name__ == "__main__":
    typer.run(main)
