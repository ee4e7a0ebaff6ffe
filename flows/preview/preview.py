"""Preview who is in a segment at an hour, from the facts as last built. Nothing is built, sent or kept."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from compiler import AcceptApplication, Compiler, PartnerflowError, Workflow
from compiler.sql.dialect import to_sql
from flows.settings import Settings
from flows.warehouse.connection import Connection, fetch_row, has_table, open_warehouse, transaction
from flows.warehouse.evaluations import write_evaluations_at
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

    The SQL of a run is evaluated for that hour, in a transaction that is rolled back. Raises PartnerflowError when the
    facts have not been built, or the workflow's program has no valid time zone.
    """
    with open_warehouse(settings.warehouse) as connection:
        if not has_table(connection, "segments", "partners_as_of"):
            raise PartnerflowError("No facts have been built yet. Run `partnerflow plan` once; it builds them.")
        require_time_zone(connection, workflow.program)
        with transaction(connection, keep=False):
            write_evaluations_at(connection, as_of)
            notes = notes_of_old_data(connection, as_of, settings.zone)
            return replace(_evaluate(connection, workflow, compiler), notes=notes)


def _evaluate(connection: Connection, workflow: Workflow, compiler: Compiler) -> Preview:
    connection.execute("CREATE TEMP TABLE previewed AS " + to_sql(compiler.membership([workflow])))
    members = connection.execute("""
        SELECT previewed.program_id, previewed.partner_id, fct_partners.name
        FROM previewed LEFT JOIN marts.fct_partners USING (program_id, partner_id)
        ORDER BY previewed.program_id, previewed.partner_id""").fetchall()
    if isinstance(workflow.action, AcceptApplication):
        return Preview(tuple(members), 0)
    (addresses,) = fetch_row(
        connection,
        """
        SELECT count(DISTINCT email)
        FROM previewed JOIN intermediate.int_partner_addresses USING (program_id, partner_id)
        WHERE is_primary OR ? = 'all'""",
        [workflow.recipients],
    )
    return Preview(tuple(members), addresses)
