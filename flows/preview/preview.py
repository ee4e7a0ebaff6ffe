"""Preview who is in a segment at an hour, from the facts as last built. Nothing is built, sent or kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp

from compiler import AcceptApplication, Compiler, Workflow
from compiler.sql.dialect import literal, table
from flows.preview.compiled_models import read_compiled_models
from flows.preview.hours import open_facts
from flows.settings import Settings
from flows.warehouse.evaluations import evaluation_hours
from flows.warehouse.newest_data import notes_of_old_data
from flows.warehouse.programs import require_time_zone


@dataclass(frozen=True)
class Preview:
    """The members of a segment (program, partner, name), sorted, and the number of its workflow's addresses.

    `notes` say what is unusual about the data.
    """

    members: tuple[tuple[str, str, str | None], ...]
    addresses: int
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the preview as the command prints it with --json; `notes` only if there are any."""
        members = [{"program_id": program, "partner_id": partner} for program, partner, _ in self.members]
        notes = {"notes": list(self.notes)} if self.notes else {}
        return {"members": members, "count": len(members), "addresses": self.addresses, **notes}


def preview(settings: Settings, workflow: Workflow, compiler: Compiler, as_of: datetime) -> Preview:
    """Return the members of the segment of a workflow of any status at `as_of` (UTC).

    The SQL of a run is evaluated with that hour as a value. Raises PartnerflowError when the facts have not been built,
    or the workflow's program has no valid time zone.
    """
    with open_facts(settings) as connection:
        models = read_compiled_models(settings, connection)
        zone = require_time_zone(connection, workflow.program)
        hours = evaluation_hours({workflow.program: zone}, as_of) if zone else []
        statement = models.at(hours, _members(workflow, compiler))
        rows = connection.execute(statement).fetchall()
        addresses = rows[0][-1] if rows else 0
        notes = notes_of_old_data(connection, as_of, settings.zone)
        return Preview(tuple((program, partner, name) for program, partner, name, _ in rows), addresses, notes)


def _members(workflow: Workflow, compiler: Compiler) -> exp.Query:
    """Return a query for the members: one row per partner (program_id, partner_id, name, addresses).

    `addresses` is the number of addresses of all of them, the same in each row; 0 if the workflow sends no email.
    """
    columns = [exp.column(name, table="previewed") for name in ("program_id", "partner_id")]
    partners, known = table("marts.fct_partners"), table("intermediate.int_partner_addresses")
    counted = exp.select(exp.alias_(exp.Count(this=exp.Distinct(expressions=[exp.column("email")])), "addresses"))
    counted = counted.from_("previewed").join(known, using=["program_id", "partner_id"])
    if isinstance(workflow.action, AcceptApplication):
        counted = exp.select(exp.alias_(literal(0), "addresses"))
    elif workflow.recipients != "all":
        counted = counted.where("is_primary")
    named = exp.select(*columns, exp.column("name", table="fct_partners"), exp.column("addresses", table="counted"))
    return (
        named.from_("previewed")
        .with_("previewed", as_=compiler.membership([workflow]))
        .with_("counted", as_=counted)
        .join(partners, using=["program_id", "partner_id"], join_type="left")
        .join("counted", join_type="cross")
        .order_by(*columns)
    )
