"""Read the report's data from the published file, so that neither it nor a run ever waits for the other."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from compiler import PartnerflowError
from flows.warehouse.engine import Connection
from flows.warehouse.errors import NotBuilt
from flows.warehouse.published import open_published
from flows.warehouse.quarantine import SetAside, rows_set_aside
from flows.warehouse.unreadable import UnreadableRow, unreadable_payloads

WEEKS = 12
"""Weeks of a workflow that are read, at most."""

RUNS = 5
"""Runs of a workflow that are read, at most."""

RECIPIENTS = 8
"""Recipients of a workflow that are read, at most."""

WAITING = 8
"""Emails of a workflow that wait to be sent and are read, at most."""

SKIPPED = 8
"""Members of a segment that are not written to and are read, at most."""

MEMBERS = 8
"""Members of a segment that are read, at most."""

RATES = [
    ("delivered", "delivery_rate"),
    ("opened", "open_rate"),
    ("clicked", "click_rate"),
    ("bounced", "bounce_rate"),
    ("complained", "complaint_rate"),
    ("unsubscribed", "unsubscribe_rate"),
]
"""The counts of marts.workflow_report and their rates, in the order in which they are shown."""

Row = dict[str, Any]
"""A row of a mart: column names to values."""


@dataclass(frozen=True)
class ReportData:
    """The rows that the report shows, each list in order of workflow id.

    `totals` are the rows of marts.workflow_report, `lifts` those of marts.workflow_lift; `weeks` the last WEEKS of
    marts.workflow_report_weekly, oldest first; `runs` the last run of each workflow and its latest other runs with
    emails or problems, newest first; `recipients` the latest rows of marts.fct_email_deliveries that do not wait,
    with the partner's name, newest first; `unreadable` what was received and cannot be read; `set_aside` the raw
    tables with rows that are set aside, and why; `in_doubt` the number of emails in doubt of each workflow that has
    any; `notes` what the last run said of no single workflow, such as that its data are old; `members` the latest
    members of each segment as of the last run, with the partner's name, `since` when, and the hour for which the
    workflow `contacted` them, those that it has not contacted first; `waiting` the emails that are to be sent next,
    the first claimed first, and `skipped` whom the workflow does not write to, with the `reason`, both with the
    partner's name and the `total` of the workflow. `as_of` is the hour of the last run (UTC, without a zone), or
    None before the first.
    """

    as_of: datetime | None
    totals: list[Row]
    lifts: list[Row]
    weeks: list[Row]
    runs: list[Row]
    recipients: list[Row]
    unreadable: list[UnreadableRow]
    set_aside: list[SetAside]
    in_doubt: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    waiting: list[Row] = field(default_factory=list)
    skipped: list[Row] = field(default_factory=list)

    def of(self, workflow_id: str | None) -> "ReportData":
        """Return the report of one workflow, or of all for None. Raises PartnerflowError if it has no row."""
        if workflow_id is None:
            return self
        if workflow_id not in {row["workflow_id"] for row in self.totals}:
            known = ", ".join(row["workflow_id"] for row in self.totals)
            raise PartnerflowError(f"No run has had a workflow {workflow_id}. The workflows are: {known}.")
        lists = (self.totals, self.lifts, self.weeks, self.runs, self.recipients)
        kept = ([row for row in rows if row["workflow_id"] == workflow_id] for rows in lists)
        totals, lifts, weeks, runs, recipients = kept
        return replace(self, totals=totals, lifts=lifts, weeks=weeks, runs=runs, recipients=recipients)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON of `partnerflow report`: totals, lifts, weeks with ISO dates, and what could not be used."""
        totals = [row | {"goal_revenue": float(row["goal_revenue"])} for row in self.totals]
        weeks = [row | {"week": row["week"].isoformat()} for row in self.weeks]
        unreadable = [dict(zip(("file", "lines", "reason"), row, strict=True)) for row in self.unreadable]
        set_aside = [dict(zip(("table_name", "reason", "rows"), row, strict=True)) for row in self.set_aside]
        return {
            "as_of": self.as_of and self.as_of.isoformat() + "Z",
            "workflows": totals,
            "lifts": self.lifts,
            "weeks": weeks,
            "unreadable": unreadable,
            "set_aside": set_aside,
        }


def read_report(published: Path) -> ReportData:
    """Return the report as last published. Raises PartnerflowError before the first run, and if it cannot be read."""
    if not published.exists():
        raise PartnerflowError("Nothing has been published yet. Run `partnerflow run` first.")
    with open_published(published) as connection:
        try:
            return _read(connection)
        except NotBuilt:
            hint = "The next `partnerflow run` publishes one, unless a data test fails."
            raise PartnerflowError(f"{published} has no report yet. {hint}") from None


def _read(connection: Connection) -> ReportData:
    marts = connection.columns("marts").keys()
    ((newest,),) = connection.execute("SELECT max(as_of) FROM marts.workflow_runs").fetchall()
    return ReportData(
        newest,
        _rows(connection, "SELECT * FROM marts.workflow_report ORDER BY workflow_id"),
        _rows(connection, "SELECT * FROM marts.workflow_lift ORDER BY workflow_id"),
        _rows(connection, _WEEKS, WEEKS),
        _rows(connection, _RUNS, RUNS),
        _rows(connection, _RECIPIENTS, RECIPIENTS),
        unreadable_payloads(connection),
        rows_set_aside(connection),
        dict(connection.execute(_IN_DOUBT).fetchall()),
        [line for (notes,) in connection.execute(_NOTES).fetchall() for line in notes.splitlines()],
        _rows(connection, _MEMBERS, MEMBERS) if marts >= _MEMBER_TABLES else [],
        _rows(connection, _WAITING, WAITING) if "sent_emails" in marts else [],
        _rows(connection, _SKIPPED, SKIPPED) if marts >= _SKIPPED_TABLES else [],
    )


def read_outcomes(connection: Connection) -> dict[str, Row]:
    """Return the rows of marts.workflow_report by workflow id; none before it has been published."""
    try:
        return {row["workflow_id"]: row for row in _rows(connection, "SELECT * FROM marts.workflow_report")}
    except NotBuilt:
        return {}


def read_in_doubt(connection: Connection) -> dict[str, int]:
    """Return the number of emails in doubt of each workflow that has any; none before they have been published."""
    try:
        return dict(connection.execute(_IN_DOUBT).fetchall())
    except NotBuilt:
        return {}


def by_workflow(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the rows of each workflow id, in their order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["workflow_id"], []).append(row)
    return found


_IN_DOUBT = """
    SELECT workflow_id, count(*) FROM marts.fct_email_deliveries WHERE state = 'in_doubt' GROUP BY workflow_id"""

_NOTES = """
    SELECT DISTINCT notes FROM marts.workflow_runs
    WHERE notes IS NOT NULL AND as_of = (SELECT max(as_of) FROM marts.workflow_runs)"""

_WEEKS = """
    SELECT * FROM marts.workflow_report_weekly
    QUALIFY row_number() OVER (PARTITION BY workflow_id ORDER BY week DESC) <= ?
    ORDER BY workflow_id, week"""

_RUNS = """
    SELECT
        workflow_id, as_of, status, members, already_contacted, suppressed, no_address, sent, failed, in_doubt, detail
    FROM marts.workflow_runs
    QUALIFY row_number() OVER (PARTITION BY workflow_id ORDER BY as_of DESC, run_id DESC) = 1
        OR (
            (status <> 'done' OR sent + failed + in_doubt > 0)
            AND row_number() OVER (
                PARTITION BY workflow_id, status <> 'done' OR sent + failed + in_doubt > 0
                ORDER BY as_of DESC, run_id DESC
            ) < ?
        )
    ORDER BY workflow_id, as_of DESC, run_id DESC"""

_RECIPIENTS = """
    SELECT deliveries.*, partners.name
    FROM marts.fct_email_deliveries AS deliveries
    LEFT JOIN marts.fct_partners AS partners USING (program_id, partner_id)
    WHERE deliveries.state <> 'pending'
    QUALIFY row_number() OVER (PARTITION BY workflow_id ORDER BY as_of DESC, delivery_id) <= ?
    ORDER BY workflow_id, as_of DESC, name, delivery_id"""


_MEMBER_TABLES = {"segment_membership", "segment_membership_history", "sent_emails"}

_MEMBERS = """
    SELECT
        members.workflow_id, members.program_id, members.partner_id, partners.name, history.valid_from AS since,
        contacts.contacted
    FROM marts.segment_membership AS members
    LEFT JOIN marts.fct_partners AS partners USING (program_id, partner_id)
    LEFT JOIN marts.segment_membership_history AS history
        ON members.workflow_id = history.workflow_id AND members.program_id = history.program_id
        AND members.partner_id = history.partner_id AND history.valid_to IS NULL
    LEFT JOIN (
        SELECT workflow_id, program_id, partner_id, max(as_of) AS contacted FROM marts.sent_emails
        WHERE state = 'sent' GROUP BY ALL
    ) AS contacts
        ON members.workflow_id = contacts.workflow_id AND members.program_id = contacts.program_id
        AND members.partner_id = contacts.partner_id
    QUALIFY row_number() OVER (
        PARTITION BY members.workflow_id ORDER BY contacts.contacted NULLS FIRST, since DESC, members.partner_id
    ) <= ?
    ORDER BY members.workflow_id, contacts.contacted NULLS FIRST, since DESC, members.partner_id"""


_WAITING = """
    SELECT
        sent.workflow_id, sent.program_id, sent.partner_id, partners.name, sent.email, sent.as_of, sent.reason,
        count(*) OVER (PARTITION BY sent.workflow_id) AS total
    FROM marts.sent_emails AS sent
    LEFT JOIN marts.fct_partners AS partners USING (program_id, partner_id)
    WHERE sent.state = 'pending' AND sent.action = 'email'
    QUALIFY row_number() OVER (PARTITION BY sent.workflow_id ORDER BY sent.as_of, sent.partner_id, sent.email) <= ?
    ORDER BY sent.workflow_id, sent.as_of, sent.partner_id, sent.email"""

_SKIPPED_TABLES = {"skipped_members", "sent_emails"}

_SKIPPED = """
    WITH skipped AS (
        SELECT workflow_id, program_id, partner_id, reason, max(evaluated_at) AS as_of, 1 AS place
        FROM marts.skipped_members GROUP BY ALL
        UNION ALL
        SELECT
            workflow_id, program_id, partner_id,
            coalesce(min(reason), replace(any_value(state), '_', ' ')) AS reason, max(as_of) AS as_of, 2 AS place
        FROM marts.sent_emails
        WHERE action = 'email'
        GROUP BY workflow_id, program_id, partner_id
        HAVING bool_and(state IN ('held_out', 'disqualified', 'expired', 'suppressed', 'failed'))
    )
    SELECT
        skipped.workflow_id, skipped.program_id, skipped.partner_id, partners.name, skipped.reason, skipped.as_of,
        count(*) OVER (PARTITION BY skipped.workflow_id) AS total
    FROM skipped
    LEFT JOIN marts.fct_partners AS partners USING (program_id, partner_id)
    QUALIFY row_number() OVER (
        PARTITION BY skipped.workflow_id ORDER BY place, skipped.as_of DESC, skipped.partner_id
    ) <= ?
    ORDER BY skipped.workflow_id, place, skipped.as_of DESC, skipped.partner_id"""
"""Who is in the segment and cannot be written to, before those whose email was claimed and never left."""


def _rows(connection: Connection, query: str, *values: object) -> list[Row]:
    found = connection.execute(query, list(values))
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
