"""All workflows with what became of them: their status now, their last run, and how much they have sent."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from flows.definitions.loader import Definitions, read_definitions
from flows.messages.loader import check_messages
from flows.report.data import Row, read_in_doubt, read_outcomes
from flows.report.health import signs_of
from flows.settings import Settings
from flows.warehouse.engine import Connection
from flows.warehouse.errors import NotBuilt
from flows.warehouse.published import open_published


@dataclass(frozen=True)
class LastRun:
    """What the last run of a workflow did, as of `as_of` (UTC); the other fields are columns of marts.workflow_runs."""

    run_id: str
    as_of: datetime
    status: str
    members: int
    sent: int
    detail: str | None


@dataclass(frozen=True)
class AboutWorkflow:
    """What a person looks for in the list.

    `conditions` has those first that the fewest workflows have; `problem` says why a broken one is not valid; `signs`
    are those of flows.report.health; `outcomes` is the row of marts.workflow_report, if there is one.
    """

    description: str = ""
    conditions: tuple[str, ...] = ()
    problem: str = ""
    signs: tuple[str, ...] = ()
    outcomes: Row | None = None


@dataclass(frozen=True)
class ListedWorkflow:
    """A workflow of the folder, or one that has run and whose file was deleted.

    `status` is draft, active, paused, broken (its definition is not valid) or deleted; `action` is email or accept
    application, empty if the definition is not known. `last_run` is None if no published run has it, and `sent`, the
    emails sent or applications accepted so far, is None if nothing has been published. `about` is for people who look
    through the list.
    """

    workflow_id: str
    name: str
    program_id: str
    status: str
    action: str
    owner: str
    last_run: LastRun | None
    sent: int | None
    about: AboutWorkflow = AboutWorkflow()

    def as_json(self) -> dict[str, Any]:
        """Return the workflow as JSON values."""
        run = self.last_run
        last = run and {**vars(run), "as_of": run.as_of.isoformat().replace("+00:00", "Z")}
        return {name: value for name, value in vars(self).items() if name != "about"} | {"last_run": last}


def list_workflows(settings: Settings, checked: Definitions | None = None) -> list[ListedWorkflow]:
    """Return all workflows, by id, with their last run and totals as last published.

    `checked` are the definitions of the folder with the problems of their messages, if they have been read already.
    Raises PartnerflowError if the published file cannot be read.
    """
    runs: dict[str, LastRun] = {}
    sent: dict[str, int] | None = None
    outcomes: dict[str, Row] = {}
    in_doubt: dict[str, int] = {}
    if settings.published.exists():
        with open_published(settings.published) as connection:
            runs, sent = _last_runs(connection), _sent(connection)
            outcomes, in_doubt = read_outcomes(connection), read_in_doubt(connection)
    definitions = checked or check_messages(read_definitions(settings), settings, only_used=True)
    broken, common = definitions.broken, Counter(map(str, chain(*(one.segment for one in definitions.workflows))))
    defined = {one.id: one for one in definitions.workflows}
    found = []
    for name in sorted({*defined, *broken, *runs}):
        one = defined.get(name)
        status = "broken" if name in broken else one.status if one else "deleted"
        given = (one.name, one.program, status, str(one.action), one.owner) if one else ("", "", status, "", "")
        run = runs.get(name)
        about = AboutWorkflow(
            description=one.description if one else "",
            conditions=tuple(sorted(map(str, one.segment), key=lambda text: common[text])) if one else (),
            problem=broken.get(name, ""),
            signs=signs_of(status, run.status if run else None, in_doubt.get(name, 0)),
            outcomes=outcomes.get(name),
        )
        found.append(ListedWorkflow(name, *given, run, None if sent is None else sent.get(name, 0), about))
    return found


def _last_runs(connection: Connection) -> dict[str, LastRun]:
    query = """
        SELECT workflow_id, run_id, as_of, status, members, sent, detail FROM marts.workflow_runs
        QUALIFY row_number() OVER (PARTITION BY workflow_id ORDER BY as_of DESC, run_id DESC) = 1"""
    rows = connection.execute(query).fetchall()
    return {name: LastRun(run_id, as_of.replace(tzinfo=UTC), *rest) for name, run_id, as_of, *rest in rows}


def _sent(connection: Connection) -> dict[str, int] | None:
    """Return the emails sent and applications accepted of each workflow that has any; None if they are not known."""
    query = """
        SELECT workflow_id, count(*) FROM marts.fct_email_deliveries WHERE is_sent GROUP BY ALL
        UNION ALL
        SELECT workflow_id, count(*) FROM marts.sent_emails WHERE email IS NULL AND state = 'sent' GROUP BY ALL"""
    try:
        return dict(connection.execute(query).fetchall())
    except NotBuilt:  # a data test has failed since the first run
        return None
