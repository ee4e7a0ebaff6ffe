"""Many hours of the real Prefect flow with injected faults, and a comparison of the ledger with the expected contacts.

Every hour new rows are loaded, and the flow runs in a process of its own under a Prefect server, with a scripted SMTP
server. Faults: no run for some hours, a SIGKILL, stale sources, an invalid definition, an SMTP server that refuses
connections or loses replies, two runs at once, a client that keeps the published file open. At the end the ledger is
compared with one replay of all hours, and with the emails that the SMTP server accepted.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb

from flows.clock import end_of_day_instants
from flows.definitions.loader import read_definitions
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.ledger.suppressions import suppressions
from flows.preview.compiled_models import read_compiled_models
from flows.preview.hours import open_facts
from flows.preview.replay import Replay
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_warehouse, transaction
from flows.warehouse.evaluations import Hour
from support.cli import environment
from support.kills import FAULTS
from support.smtp_server import DROP, ScriptedServer
from support.states import HOUR, reload_raw_tables

FLOW = "import sys; from flows.hourly import hourly; hourly(sys.argv[1], return_state=True)"
SHARES = {
    "outage": 0.08,
    "kill": 0.15,
    "stale": 0.05,
    "invalid": 0.05,
    "no_smtp": 0.05,
    "two_runs": 0.05,
    "open_reader": 0.1,
}
"""The share of the hours with each fault; the others are undisturbed."""


@dataclass
class Week:
    """The faults, the cost of each run, and the contacts of the ledger compared with the expected ones.

    `seconds`, `peaks` (MiB) and `files` (files of the state) have one value per run that was not killed, in order.
    """

    faults: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    expected: set[tuple[str, str]] = field(default_factory=set)
    contacted: set[tuple[str, str]] = field(default_factory=set)
    sent_twice: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    states: Counter = field(default_factory=Counter)

    def __str__(self) -> str:
        """Return a summary of a few lines."""
        third = max(1, len(self.peaks) // 3)
        return (
            f"{len(self.seconds)} complete runs, {_mean(self.seconds):.1f} s each; {_listed(self.faults)}.\n"
            f"{len(self.expected)} contacts expected: {len(self.expected - self.contacted)} missing, "
            f"{len(self.contacted - self.expected)} unexpected, {len(self.sent_twice)} sent twice, "
            f"{len(self.unexplained)} unexplained; {_listed(self.states)}.\n"
            f"peak MiB, first and last third: {_mean(self.peaks[:third]):.0f}, {_mean(self.peaks[-third:]):.0f}; "
            f"files beside the outbox: {self.files[0]}, {self.files[-1]}"
        )


class ServerBehavior:
    """Decides the replies of the SMTP server: a fault in one phase of 100, and no connection at all if `is_down`."""

    def __init__(self, dice: random.Random):
        self._dice = dice
        self.is_down = False

    def __call__(self, phase: str) -> str | None:
        """Return the reply in a phase (see `Decide`)."""
        if self.is_down:
            return DROP if phase == "greeting" else None
        return self._dice.choice(FAULTS[phase]) if phase in FAULTS and self._dice.random() < 0.01 else None


def run_hours(settings: Settings, hours: int, seed: int, variables: dict[str, str]) -> Week:
    """Run the hours after the example's hour, which the state has run already, and compare the result.

    `variables` are the environment variables of the Prefect server that the flow runs under.
    """
    dice, week, next_run = random.Random(seed), Week(), 0
    with open_warehouse(settings.warehouse) as connection:
        _clicks(connection, dice, hours)
    behavior = ServerBehavior(random.Random(seed))
    with ScriptedServer(behavior) as server:
        variables = variables | {f"PARTNERFLOW_{name.upper()}": str(value) for name, value in server.settings.items()}
        for number in range(1, hours + 1):
            hour, is_last = HOUR + timedelta(hours=number), number == hours
            _load(settings, dice, hour)
            fault = None if is_last else dice.choices([*SHARES, None], [*SHARES.values(), 1 - sum(SHARES.values())])[0]
            next_run = max(next_run, number + dice.randrange(1, 30)) if fault == "outage" else next_run
            if is_last or number >= next_run:
                week.faults[fault or "undisturbed"] += 1
                with _with_fault(fault, settings, hour, behavior):
                    _run(settings, hour, fault, dice, variables, week)
            else:
                week.faults["without a run"] += 1
        _compare(settings, hours, Counter(server.message_ids), week)
    return week


def _run(
    settings: Settings, hour: datetime, fault: str | None, dice: random.Random, variables: dict[str, str], week: Week
) -> None:
    started = time.monotonic()
    processes = [_start(settings, hour, variables) for _ in range(2 if fault == "two_runs" else 1)]
    if fault == "kill":
        time.sleep(dice.uniform(3, 15))
        processes[0].kill()
    ends = [os.wait4(process.pid, 0) for process in processes]
    if fault != "kill":
        week.seconds.append(time.monotonic() - started)
        week.peaks.append(max(usage.ru_maxrss for _, _, usage in ends) // 1024)
        week.files.append(sum("outbox" not in path.parts for path in settings.state_dir.rglob("*") if path.is_file()))


def _start(settings: Settings, hour: datetime, variables: dict[str, str]) -> subprocess.Popen:
    with (settings.state_dir.parent / "flow.log").open("ab") as log:
        command = [sys.executable, "-c", FLOW, hour.isoformat()]
        return subprocess.Popen(command, env=environment(settings) | variables, stdout=log, stderr=log)


@contextmanager
def _with_fault(fault: str | None, settings: Settings, hour: datetime, behavior: ServerBehavior) -> Iterator[None]:
    """Inject the fault of an hour, and undo it afterwards."""
    file = settings.workflows / "welcome.yml"
    valid = file.read_text()
    reader = duckdb.connect(settings.published, read_only=False) if fault == "open_reader" else None
    if fault == "invalid":
        file.write_text(valid.replace("Joined", "Joyned"))
    if fault == "stale":
        _set_loaded_at(settings, hour - timedelta(days=3))
    behavior.is_down = fault == "no_smtp"
    try:
        yield
    finally:
        file.write_text(valid)
        behavior.is_down = False
        if reader is not None:
            reader.close()


def _load(settings: Settings, dice: random.Random, hour: datetime) -> None:
    """Load what happened in the hour before: two partners join, two are tagged, two that joined earlier have sales."""
    reload_raw_tables(settings, hour)
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        for number in range(2):
            at = (hour - timedelta(seconds=dice.randrange(3600))).replace(tzinfo=None)
            name = f"n{hour:%d%H}{number}"
            for program, kind in (("1000", "joins"), ("2000", "tagged")):
                partner = f"{name}-{kind}"
                connection.execute(_PARTNER, [program, partner, partner, hour.replace(tzinfo=None)])
                connection.execute(_CONTACT, [program, partner, f"{partner}@example.org", hour.replace(tzinfo=None)])
            connection.execute(_CONTRACT, [f"c{name}", f"{name}-joins", at, at, at, hour.replace(tzinfo=None)])
            connection.execute(_PROSPECT, [f"{name}-tagged", at, hour.replace(tzinfo=None)])
            revenue, loaded_at = dice.randrange(1, 2000), hour.replace(tzinfo=None)
            connection.execute(_ACTION, [f"a{name}", at, revenue, at, loaded_at, name])


_PARTNER = "INSERT INTO raw.partners (program_id, partner_id, name, _loaded_at) VALUES (?, ?, ?, ?)"
_CONTACT = (
    "INSERT INTO raw.partner_contacts (program_id, partner_id, email, is_primary, _loaded_at) VALUES (?, ?, ?, true, ?)"
)
_CONTRACT = """
    INSERT INTO raw.contracts (
        program_id, contract_id, partner_id, contract_stage, starts_at, created_at, updated_at, _loaded_at)
    VALUES ('1000', ?, ?, 'Joined', ?, ?, ?, ?)"""
_PROSPECT = "INSERT INTO raw.prospects VALUES ('2000', ?, ?, ?)"
_ACTION = """
    INSERT INTO raw.actions
    SELECT '1000', ?, partner_id, CAST(? AS TIMESTAMP), 'APPROVED', CAST(? AS DECIMAL), 'USD', CAST(? AS TIMESTAMP),
        CAST(? AS TIMESTAMP)
    FROM raw.contracts
    WHERE program_id = '1000' AND contract_stage = 'Joined'
    ORDER BY md5(contract_id || ?)
    LIMIT 1"""


def _clicks(connection: Connection, dice: random.Random, hours: int) -> None:
    """Load the clicks of all days at once: they have no time of day, so a replay must see the same as every run."""
    today = HOUR.date()
    for number in range(1, hours // 24 + 3):
        for program in ("1000", "2000"):
            connection.execute(
                """
                INSERT INTO raw.partner_clicks_daily
                SELECT program_id, partner_id, CAST(? AS DATE), CAST(? AS BIGINT), NULL FROM raw.partners
                WHERE program_id = ? AND partner_id LIKE '%7'""",
                [today + timedelta(days=number), dice.randrange(1, 40), program],
            )


def _set_loaded_at(settings: Settings, loaded_at: datetime) -> None:
    with open_warehouse(settings.warehouse) as connection:
        for table in ("partner_clicks_daily", "actions"):
            connection.execute(f"UPDATE raw.{table} SET _loaded_at = ?", [loaded_at.replace(tzinfo=None)])


def _compare(settings: Settings, hours: int, accepted: Counter, week: Week) -> None:
    """Compare contacts with a replay, and deliveries with the emails that the server accepted.

    The replay uses the current suppressions, so contacts at an address that hard-bounced during the week are left out.
    """
    with closing(Ledger(settings.ledger)) as ledger:
        found = [one for one in deliveries(ledger) if one.as_of > HOUR.replace(tzinfo=None)]
        suppressed = {one.email_key for one in suppressions(ledger)}
    bounced = {
        (one.workflow_id, one.partner_id) for one in found if one.state == "failed" and one.email_key in suppressed
    }
    week.expected = replayed_contacts(settings, hours) - bounced
    week.contacted = {(one.workflow_id, one.partner_id) for one in found} - bounced
    week.states = Counter(one.state for one in found)
    week.sent_twice = [name for name, times in accepted.items() if times > 1]
    for one in found:
        times = accepted[one.message_id] if one.action == "email" else None
        if (one.state, times) == ("sent", 0) or (one.state == "failed" and times):
            week.unexplained.append(f"{one.message_id} is {one.state}, accepted {times} times")
        if one.state in ("leased", "sending") or (one.state == "pending" and not one.reason):
            week.unexplained.append(f"{one.message_id} is {one.state}")


def replayed_contacts(settings: Settings, hours: int, *excluded: str) -> set[tuple[str, str]]:
    """Return (workflow_id, partner_id) of all contacts that a run in each of the hours after the example's would make.

    They are computed by one replay, with its own ledger, of all active workflows except those in `excluded`.
    """
    definitions = read_definitions(settings)
    active = [one for one in definitions.active if one.id not in excluded]
    whole = [HOUR + timedelta(hours=number) for number in range(1, hours + 1)]
    with open_facts(settings) as connection:
        models = read_compiled_models(settings, connection)
        replay = Replay(connection, active, definitions.compiler, models, settings.zone)
        replay.run(
            [
                Hour(program, instant, instant.astimezone(ZoneInfo(zone)).date())
                for program, zone in replay.programs()
                for instant in sorted({*whole, *end_of_day_instants(ZoneInfo(zone), HOUR, whole[-1])})
            ]
        )
        return {(one.workflow_id, one.partner_id) for one in replay.sends()}


def _listed(counts: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _mean(values: list) -> float:
    return sum(values) / max(1, len(values))
