"""A week of hours in the real flow, with whatever goes wrong in a week, and what is left of it.

Every hour a loader adds what has happened, and the Prefect flow runs in a process of its own, against a real server and
a real mail server. In between nothing runs for a night, runs are SIGKILLed, sources go stale, a definition is broken,
the mail server is away or loses its answers, a second run is started, an analyst keeps the published file open. At the
end the ledger is compared with one replay of all these hours, and with what the mail server knows that it accepted.
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
from flows.preview.replay import Replay
from flows.preview.stage_models import read_stage_models
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_warehouse, transaction
from flows.warehouse.evaluations import Hour
from support.cli import environment
from support.kills import FAULTS
from support.smtp_server import DROP, ScriptedServer
from support.states import HOUR, reload_raw_tables

FLOW = "import sys; from flows.hourly import hourly; hourly(sys.argv[1], return_state=True)"
SHARE = {"outage": 0.08, "kill": 0.15, "stale": 0.05, "broken": 0.05, "away": 0.05, "twice": 0.05, "analyst": 0.1}
"""The part of the hours that each fault befalls."""


@dataclass
class Week:
    """What was done to a state, and what is left of it. Seconds, MiB and files are a run's, in their order."""

    faults: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    expected: set[tuple[str, str]] = field(default_factory=set)
    contacted: set[tuple[str, str]] = field(default_factory=set)
    doubled: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    states: Counter = field(default_factory=Counter)

    def __str__(self) -> str:
        """A few lines."""
        third = max(1, len(self.peaks) // 3)
        return (
            f"{len(self.seconds)} runs to their end, {_mean(self.seconds):.1f} s each; {_listed(self.faults)}.\n"
            f"{len(self.expected)} to be contacted: {len(self.expected - self.contacted)} lost, "
            f"{len(self.contacted - self.expected)} others, {len(self.doubled)} doubled, "
            f"{len(self.unexplained)} unexplained; {_listed(self.states)}.\n"
            f"MiB at most, first and last third: {_mean(self.peaks[:third]):.0f}, {_mean(self.peaks[-third:]):.0f}; "
            f"files beside the outbox: {self.files[0]}, {self.files[-1]}"
        )


class Mood:
    """How the mail server behaves: mostly well, badly at one step of a hundred, and not at all when `away`."""

    def __init__(self, dice: random.Random):
        self._dice = dice
        self.away = False

    def __call__(self, phase: str) -> str | None:
        """For a phase, see smtp_server."""
        if self.away:
            return DROP if phase == "greeting" else None
        return self._dice.choice(FAULTS[phase]) if phase in FAULTS and self._dice.random() < 0.01 else None


def live(settings: Settings, hours: int, seed: int, variables: dict[str, str]) -> Week:
    """Let so many hours pass on a state in which the example's own hour has been run; then take account.

    `variables` are those of the Prefect server that the flow runs under.
    """
    dice, week, back = random.Random(seed), Week(), 0
    with open_warehouse(settings.warehouse) as connection:
        _clicks(connection, dice, hours)
    mood = Mood(random.Random(seed))
    with ScriptedServer(mood) as server:
        mail = {"HOST": "127.0.0.1", "PORT": str(server.port), "TLS": "none"}
        variables = variables | {f"PARTNERFLOW_SMTP_{name}": value for name, value in mail.items()}
        for number in range(1, hours + 1):
            hour, is_last = HOUR + timedelta(hours=number), number == hours
            _load(settings, dice, hour)
            fault = None if is_last else dice.choices([*SHARE, None], [*SHARE.values(), 1 - sum(SHARE.values())])[0]
            back = max(back, number + dice.randrange(1, 30)) if fault == "outage" else back
            if is_last or number >= back:
                week.faults[fault or "undisturbed"] += 1
                with _befallen(fault, settings, hour, mood):
                    _run(settings, hour, fault, dice, variables, week)
            else:
                week.faults["without a run"] += 1
        _take_account(settings, hours, Counter(server.message_ids), week)
    return week


def _run(
    settings: Settings, hour: datetime, fault: str | None, dice: random.Random, variables: dict[str, str], week: Week
) -> None:
    begun = time.monotonic()
    processes = [_start(settings, hour, variables) for _ in range(2 if fault == "twice" else 1)]
    if fault == "kill":
        time.sleep(dice.uniform(3, 15))
        processes[0].kill()
    ends = [os.wait4(process.pid, 0) for process in processes]
    if fault != "kill":
        week.seconds.append(time.monotonic() - begun)
        week.peaks.append(max(usage.ru_maxrss for _, _, usage in ends) // 1024)
        week.files.append(sum("outbox" not in path.parts for path in settings.state_dir.rglob("*") if path.is_file()))


def _start(settings: Settings, hour: datetime, variables: dict[str, str]) -> subprocess.Popen:
    with (settings.state_dir.parent / "flow.log").open("ab") as log:
        command = [sys.executable, "-c", FLOW, hour.isoformat()]
        return subprocess.Popen(command, env=environment(settings) | variables, stdout=log, stderr=log)


@contextmanager
def _befallen(fault: str | None, settings: Settings, hour: datetime, mood: Mood) -> Iterator[None]:
    """The hour with its fault, and everything mended after it."""
    file = settings.workflows / "welcome.yml"
    sound = file.read_text()
    reader = duckdb.connect(settings.published, read_only=False) if fault == "analyst" else None
    if fault == "broken":
        file.write_text(sound.replace("Joined", "Joyned"))
    if fault == "stale":
        _stamp(settings, hour - timedelta(days=3))
    mood.away = fault == "away"
    try:
        yield
    finally:
        file.write_text(sound)
        mood.away = False
        if reader is not None:
            reader.close()


def _load(settings: Settings, dice: random.Random, hour: datetime) -> None:
    """What has happened in the hour before: two partners join, two are tagged, two of those that joined have sales."""
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
            connection.execute(_ACTION, [f"a{name}", at, dice.randrange(1, 2000), at, hour.replace(tzinfo=None)])


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
    SELECT '1000', $1, partner_id, $2, 'APPROVED', $3, 'USD', $4, $5
    FROM raw.contracts
    WHERE program_id = '1000' AND contract_stage = 'Joined'
    ORDER BY hash(contract_id || $1)
    LIMIT 1"""


def _clicks(connection: Connection, dice: random.Random, hours: int) -> None:
    """Clicks are known by day only; all of them are loaded at once, so that each hour has what a replay will see."""
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


def _stamp(settings: Settings, loaded_at: datetime) -> None:
    with open_warehouse(settings.warehouse) as connection:
        for table in ("partner_clicks_daily", "actions"):
            connection.execute(f"UPDATE raw.{table} SET _loaded_at = ?", [loaded_at.replace(tzinfo=None)])


def _take_account(settings: Settings, hours: int, accepted: Counter, week: Week) -> None:
    """A replay knows the addresses as they are now: whoever was written to at one that proved dead is left out."""
    with closing(Ledger(settings.ledger)) as ledger:
        found = [one for one in deliveries(ledger) if one.as_of > HOUR.replace(tzinfo=None)]
        dead = {one.email_key for one in suppressions(ledger)}
    gone = {(one.workflow_id, one.partner_id) for one in found if one.state == "failed" and one.email_key in dead}
    week.expected = replayed(settings, hours) - gone
    week.contacted = {(one.workflow_id, one.partner_id) for one in found} - gone
    week.states = Counter(one.state for one in found)
    week.doubled = [name for name, times in accepted.items() if times > 1]
    for one in found:
        times = accepted[one.message_id] if one.action == "email" else None
        if (one.state, times) == ("sent", 0) or (one.state == "failed" and times):
            week.unexplained.append(f"{one.message_id} is {one.state}, accepted {times} times")
        if one.state in ("leased", "sending") or (one.state == "pending" and not one.reason):
            week.unexplained.append(f"{one.message_id} is {one.state}")


def replayed(settings: Settings, hours: int, *but: str) -> set[tuple[str, str]]:
    """Workflow and partner, of all that a run in each of so many hours after the example's would have contacted.

    By one replay, with a ledger of its own; of the active workflows but for those named.
    """
    definitions = read_definitions(settings)
    active = [one for one in definitions.active if one.id not in but]
    whole = [HOUR + timedelta(hours=number) for number in range(1, hours + 1)]
    with open_warehouse(settings.warehouse) as connection, transaction(connection, keep=False):
        replay = Replay(connection, active, definitions.compiler, read_stage_models(settings))
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
