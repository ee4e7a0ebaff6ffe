"""`partnerflow doctor`: report what is wrong with this installation, and what to do about it.

Each check is a function whose docstring states what must be true. It yields findings and changes nothing.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

from packaging.requirements import Requirement

from compiler import PartnerflowError
from flows.definitions.loader import read_definitions
from flows.ledger.ledger import Ledger
from flows.ledger.notified import failed_notices
from flows.ledger.queries import deliveries
from flows.ledger.recovery.integrity import REMEDY, describe, find_gaps
from flows.messages.loader import check_messages
from flows.notices.notify import has_receivers
from flows.notices.receivers import missing_names
from flows.pipeline.state_files import check_state_files
from flows.pipeline.text import grouped
from flows.sending.transports.smtp import SmtpTransport
from flows.settings import Settings, read_settings
from flows.warehouse.connection import Connection, open_read_only
from flows.warehouse.engines import engine_of
from flows.warehouse.errors import Unavailable
from flows.warehouse.program_names import read_program_names
from flows.warehouse.programs import read_programs
from flows.warehouse.published import open_published
from flows.warehouse.quarantine import describe_set_aside, hint_of_set_aside, rows_set_aside
from flows.warehouse.raw_tables import CREATE, raw_columns
from flows.warehouse.time_zone_rules import rule_differences
from flows.warehouse.unreadable import HINT, describe_unreadable, unreadable_payloads

FREE = 1_000_000_000
"""Bytes that should be free on the disk of the state folder, besides room for a second copy of the warehouse."""

LATE = timedelta(hours=2)
"""Age of the last run's hour above which an hourly deployment is late."""

SPAN = timedelta(days=2 * 365)
"""How far into the past and the future the time zone rules of Python and the warehouse are compared."""

RUN_TABLES = {
    "addresses", "build_state", "chosen_partners", "copy_addresses", "email_events", "email_events_staged",
    "evaluations", "ingested_files", "ledger_watermark", "run_watermark", "seen_transitions", "sent_emails",
    "suppressions", "unreadable_payloads", "workflow_runs",
}  # fmt: skip
"""The raw tables that a run creates itself, or does not need."""


@dataclass(frozen=True)
class Finding:
    """What a check found. `severity` is ok, warning (it works, with a risk) or error; `hint` says what to do."""

    check: str
    severity: str
    message: str
    hint: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the finding as the command prints it with --json."""
        return asdict(self)


T = TypeVar("T")

Findings = Iterator[tuple[str, str, str | None]]
"""Severity, message and hint."""


def run_checks(now: datetime) -> list[Finding]:
    """Return the findings of every check, in order. `now` is the current time, with a time zone."""
    try:
        settings = read_settings()
    except PartnerflowError as error:
        return [Finding("settings", "error", str(error))]
    findings = [Finding("settings", "ok", f"Definitions in {settings.workflows}, state in {settings.state_dir}.")]
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            findings += [Finding(name, *found) for found in check(settings, now)]
        except PartnerflowError as error:
            findings.append(Finding(name, "error", str(error)))
    return findings


def packages(_: Settings, __: datetime) -> Findings:
    """Every installed package is of a version that partnerflow has been tested with."""
    wrong = [line for line in map(_wrong_package, requires("partnerflow") or []) if line]
    if wrong:
        yield "error", f"Packages of untested versions: {', '.join(wrong)}.", "Install requirements.lock again."
    else:
        yield "ok", "All packages are of the tested versions.", None


def state_folder(settings: Settings, _: datetime) -> Findings:
    """The state folder can be written, by its owner only, and its disk has room for another build of the facts."""
    try:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.state_dir):
            pass
    except OSError as error:
        hint = "Let the user that runs partnerflow write to it, or set PARTNERFLOW_VAR to another folder."
        yield "error", f"{settings.state_dir} cannot be written: {error.strerror}.", hint
        return
    check_state_files(settings.state_dir)
    if settings.state_dir.stat().st_mode & 0o066:
        hint = f"It has addresses of partners. Run: chmod 700 {settings.state_dir}"
        yield "warning", f"Other users can list or change {settings.state_dir}.", hint
    free = shutil.disk_usage(settings.state_dir).free
    needed = FREE + 2 * engine_of(settings.warehouse).local_bytes(settings.warehouse)
    said = f"{free / 1e9:,.1f} GB are free on the disk of {settings.state_dir}"
    if free < needed:
        hint = "A run needs twice the size of the warehouse and 1 GB. Make room."
        yield "warning", f"{said}; {needed / 1e9:,.1f} GB are needed.", hint
    else:
        yield "ok", f"{said}.", None


def ledger(settings: Settings, _: datetime) -> Findings:
    """The ledger opens, and no delivery needs a person."""
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        yield "ok", "There is no ledger yet: no partner has been contacted.", None
        return
    with closing(Ledger(settings.ledger)) as book:
        doubtful = len(deliveries(book, ["in_doubt"]))
        waiting = len(deliveries(book, ["pending", "leased"]))
    if doubtful:
        hint = "List them with `partnerflow deliveries --state in_doubt`, and resolve them with `partnerflow settle`."
        yield "warning", f"{doubtful:,} deliveries are in doubt; none is sent again automatically.", hint
    if waiting:
        yield "ok", f"{waiting:,} deliveries wait for the next run or for a retry.", None
    if not doubtful and not waiting:
        yield "ok", "The ledger opens, and no delivery waits.", None


def ledger_integrity(settings: Settings, _: datetime) -> Findings:
    """The ledger has every contact that the warehouse and the published file have."""
    place = settings.ledger
    is_new = isinstance(place, Path) and not place.exists()
    with tempfile.TemporaryDirectory() as folder, closing(Ledger(Path(folder) / "new.db" if is_new else place)) as book:
        try:
            found = find_gaps(book, settings.warehouse, settings.published, opened=open_read_only)
        except Unavailable:
            return  # the check of the raw tables reports it
        name = str(place) if is_new else str(book.store.name)
    for one in found:
        yield "error", describe(one, name), REMEDY
    if not found:
        yield "ok", "The ledger is not older than the warehouse and the published file.", None


def raw_tables(settings: Settings, now: datetime) -> Findings:
    """The loader's tables exist, with the columns of the contract, and every program has a time zone.

    Python and the warehouse have the same rules for these time zones.
    """
    if not settings.warehouse.exists():
        hint = "Let a loader fill its schema raw, or run `partnerflow load-example`."
        yield "error", f"There is no warehouse {settings.warehouse}.", hint
        return
    try:
        with open_read_only(settings.warehouse) as connection:
            yield from _missing(connection) or _zones(connection, settings, now)
    except Unavailable as error:
        message, _, hint = str(error).partition("\n")
        yield "warning" if error.is_locked else "error", message, hint


def definitions(settings: Settings, _: datetime) -> Findings:
    """The definitions are valid, and at least one workflow is active."""
    if not settings.workflows.is_dir():
        yield "error", f"There is no folder {settings.workflows}.", "Set PARTNERFLOW_WORKFLOWS."
        return
    found = check_messages(read_definitions(settings), settings, only_used=True)
    if found.broken:
        yield "error", f"Workflows that cannot be used: {', '.join(sorted(found.broken))}.", "See `partnerflow check`."
    if found.active:
        yield "ok", f"{len(found.active)} workflows are active.", None
    else:
        yield "warning", "No workflow is active, so a run sends nothing.", "Set `status: active` in a definition."


def delivery(settings: Settings, _: datetime) -> Findings:
    """The mail server accepts the login, and the sender is an address of your own."""
    if settings.smtp_host is None:
        yield "ok", f"Emails are files in {settings.outbox}.", None
        return
    SmtpTransport(settings).check()
    yield "ok", f"{settings.smtp_host}:{settings.smtp_port} accepts the login.", None
    if settings.has_default_sender:
        hint = "Set PARTNERFLOW_SENDER_ADDRESS to your own; until then no email is sent."
        yield "error", f"Emails would come from {settings.sender_address}.", hint
    if settings.unsubscribe_url is None:
        hint = "Set PARTNERFLOW_UNSUBSCRIBE_URL and PARTNERFLOW_UNSUBSCRIBE_SIGNING_KEYS for one-click unsubscribe."
        yield "warning", "Recipients can unsubscribe by email only.", hint


def last_run(settings: Settings, now: datetime) -> Findings:
    """The last run is of this hour or the one before, and every workflow in it is done."""
    if not settings.published.exists():
        yield "ok", "There has been no run yet.", None
        return
    query = """
        SELECT run_id, as_of, workflow_id, status, detail FROM marts.workflow_runs
        WHERE run_id = (SELECT run_id FROM marts.workflow_runs ORDER BY as_of DESC, run_id DESC LIMIT 1)
        ORDER BY workflow_id"""
    try:
        with open_published(settings.published) as connection:
            rows = connection.execute(query).fetchall()
    except PartnerflowError as error:
        message, _, hint = str(error).partition("\n")
        yield "warning", message, hint
        return
    if not rows:
        yield "ok", "No run with a workflow has been published yet.", None
        return
    run_id, as_of = rows[0][:2]
    said = f"The last run, {run_id}, was as of {read_program_names(settings).hour(as_of)}"
    others = {name: f"{status}: {detail}" for _, _, name, status, detail in rows if status != "done"}
    for line in grouped(others):
        yield "warning", f"{said}; not done: {line}", None
    if now - as_of.replace(tzinfo=UTC) > LATE:
        yield "warning", f"{said}.", "If it should run every hour, check that `partnerflow serve` is running."
    elif not others:
        yield "ok", f"{said}; all its workflows are done.", None


def email_events(settings: Settings, _: datetime) -> Findings:
    """Everything in the landing folder could be read by the last run."""
    rows = _published(settings, unreadable_payloads)
    if rows is None:
        return
    if rows:
        yield "warning", f"{describe_unreadable(rows)}.", HINT
    else:
        yield "ok", "All email events that were received could be read.", None


def rows_used(settings: Settings, _: datetime) -> Findings:
    """The last run could use every row of the raw tables."""
    found = _published(settings, rows_set_aside)
    if found is None:
        return
    for table in sorted({table for table, *_ in found}):
        yield "warning", describe_set_aside([one for one in found if one[0] == table]), hint_of_set_aside(table)
    if not found:
        yield "ok", "Every row of the raw tables could be used.", None


def notices(settings: Settings, _: datetime) -> Findings:
    """The last notices could be sent, and the settings have every webhook and command that definitions name."""
    if not settings.workflows.is_dir():
        return
    found = read_definitions(settings)
    missing = missing_names(found, settings.notice_webhooks, settings.notice_commands)
    failed: dict[str, str] = {}
    if not isinstance(settings.ledger, Path) or settings.ledger.exists():
        with closing(Ledger(settings.ledger)) as book:
            failed = failed_notices(book)
    if missing:
        hint = "Set notice_webhooks or notice_commands (docs/notices.md), or correct `notify:`."
        yield "error", f"Notices go to {', '.join(missing)}, and the settings do not have them.", hint
    for receiver, error in failed.items():
        yield "warning", f"A notice to {receiver} could not be sent: {error}", "The next run tries again."
    if not missing and not failed:
        yield "ok", "The last notices were sent." if has_receivers(found) else "Nobody gets notices.", None


def _published(settings: Settings, read: Callable[[Connection], list[T]]) -> list[T] | None:
    """Return what is read of the marts as last published; None before the first run, or while a session writes."""
    if not settings.published.exists():
        return None
    try:
        with open_published(settings.published) as connection:
            return read(connection)
    except PartnerflowError:
        return None  # the check of the last run reports it


def prefect_server(_: Settings, __: datetime) -> Findings:
    """The Prefect server of PREFECT_API_URL responds, if it is set."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        yield "ok", "PREFECT_API_URL is not set: `partnerflow serve` starts a server on 127.0.0.1.", None
        return
    try:
        with urlopen(f"{url.rstrip('/')}/health", timeout=10):
            yield "ok", f"The Prefect server at {url} answers.", None
    except (OSError, ValueError) as error:
        hint = "Start it, correct PREFECT_API_URL, or unset it so that `partnerflow serve` starts one."
        yield "error", f"The Prefect server at {url} does not answer: {error}.", hint


CHECKS: tuple[Callable[[Settings, datetime], Findings], ...] = (
    packages,
    state_folder,
    ledger,
    ledger_integrity,
    raw_tables,
    definitions,
    delivery,
    last_run,
    email_events,
    rows_used,
    notices,
    prefect_server,
)


def _wrong_package(line: str) -> str | None:
    requirement = Requirement(line)
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
        return None
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is missing"
    wanted = requirement.specifier
    return None if wanted.contains(installed, prereleases=True) else f"{requirement.name} {installed} (needs {wanted})"


def _missing(connection: Connection) -> list[tuple[str, str, str | None]]:
    """Return a finding per raw table that is missing or lacks columns, compared with CREATE of raw_tables.

    There is one finding if all are missing: in a new database, or one whose tables this user may not read.
    """
    present = connection.columns("raw")
    if not present:
        hint = "Let a loader fill them, or run `partnerflow load-example`."
        return [("error", "There is no raw table that this user can read.", hint)]
    findings: list[tuple[str, str, str | None]] = []
    for table in CREATE:
        wanted = set(raw_columns(table))
        lacking = sorted(wanted - present.get(table, frozenset()) - {"_loaded_at"})
        if table not in present and table not in RUN_TABLES:
            findings.append(("error", f"There is no table raw.{table}.", "Let the loader create it; it may be empty."))
        elif table in present and lacking:
            hint = "Let the loader add them; they may be null."
            findings.append(("error", f"raw.{table} has no {', '.join(lacking)}.", hint))
        if table in present and table not in RUN_TABLES and "_loaded_at" in wanted - present[table]:
            hint = "Let the loader add it, so that stale rows hold the workflows that read them."
            findings.append(("warning", f"raw.{table} has no _loaded_at.", hint))
    return sorted(findings)


def _zones(connection: Connection, settings: Settings, now: datetime) -> Findings:
    programs = read_programs(connection)
    for reason in programs.unusable.values():
        yield "error", reason, "Until then, the workflows of this program are held."
    differences = rule_differences(connection, programs.zones.values(), now - SPAN, now + SPAN)
    for one in differences:
        yield "error", f"Time zone rules differ: {one}.", _same_rules(settings)
    if not (programs.zones or programs.unusable):
        yield "warning", "raw.programs is empty.", "Let the loader fill it."
    elif not (programs.unusable or differences):
        yield "ok", f"The raw tables exist, with {len(programs.zones)} programs.", None


def _same_rules(settings: Settings) -> str:
    hint = engine_of(settings.warehouse).time_zone_hint.format(tzdata=version("tzdata"))
    return f"{hint} Until then a run can miss partners, because it dates their events and itself differently."
