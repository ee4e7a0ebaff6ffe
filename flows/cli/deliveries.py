"""The commands for deliveries: list them, and settle those that the program cannot decide."""

from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from compiler import PartnerflowError
from flows.cli.common import Json, answer, app, open_ledger, out, print_lines, read_date
from flows.local_time import counted
from flows.settings import read_settings

if TYPE_CHECKING:
    from flows.ledger.ledger import Ledger
    from flows.sending.evidence import Evidence

Run = Annotated[str | None, typer.Option(help="Only deliveries that this run has claimed or sent last.")]
Containing = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Only deliveries with this text in their reason or the reply.")
]


@app.command(epilog="Example: partnerflow deliveries welcome --from 2026-03-20 --to 2026-03-21")
def deliveries(
    workflow: Annotated[str | None, typer.Argument(help="Only deliveries of this workflow.")] = None,
    state: Annotated[str | None, typer.Option(help="Only deliveries in this state.")] = None,
    partner: Annotated[str | None, typer.Option(help="Only deliveries to this partner: an id or a name.")] = None,
    address: Annotated[str | None, typer.Option(help="Only deliveries to this address.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="D", help="From this date of the program on.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="D", help="Up to this date of the program.")] = None,
    run: Run = None,
    containing: Containing = None,
    as_json: Json = False,
) -> None:
    """List deliveries with their time, state and its reason; first their number per day."""
    from flows.cli.output.deliveries import as_json as one_as_json
    from flows.cli.output.deliveries import deliveries_lines, deliveries_table
    from flows.preview.partner.deliveries import DeliveryFilter, find_deliveries
    from flows.warehouse.partner_names import read_partner_names
    from flows.warehouse.program_names import read_program_names

    settings = read_settings()
    programs = read_program_names(settings)
    days = (read_date(first, "--from"), read_date(last, "--to"))
    with open_ledger() as ledger:
        wanted = DeliveryFilter(workflow, state, partner, address, *days, run, containing)
        found = find_deliveries(settings, ledger, wanted, programs)
    if as_json:
        answer({"deliveries": [one_as_json(one) for one in found]})
    else:
        print_lines(deliveries_lines(found, programs))
    if found and not as_json:
        names = read_partner_names(settings, {(one.program_id, one.partner_id) for one in found})
        out.print(deliveries_table(found, programs, names))


@app.command(
    epilog='Example: partnerflow settle 3f2a9c01 --as sent --reason "The partner has replied to it", or '
    'partnerflow settle welcome --evidence none --as pending --reason "The server was down"'
)
def settle(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="[WORKFLOW or DELIVERY]",
            help="A workflow's id, or the first characters of a delivery id or Message-ID.",
        ),
    ] = None,
    state: Annotated[
        str | None, typer.Option("--as", help="The new state: sent, failed, or pending (send it again).")
    ] = None,
    reason: Annotated[str, typer.Option(help="How you know the result; kept in the log.")] = "",
    run: Run = None,
    containing: Containing = None,
    from_state: Annotated[str, typer.Option("--state", help="Which state to choose many from.")] = "in_doubt",
    evidence: Annotated[
        str | None, typer.Option(metavar="some|none", help="Only deliveries with evidence that they left, or without.")
    ] = None,
    mail_log: Annotated[
        Path | None, typer.Option(help="The mail server's log, to look for the Message-IDs in.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the deliveries with the evidence only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many are settled.")] = False,
    by: Annotated[str | None, typer.Option(help="Who has decided this; default: your user name.")] = None,
    as_json: Json = False,
) -> None:
    """Resolve deliveries that are in doubt, or retry those that were certainly not delivered: one, or many at once."""
    choice = Choice(which, from_state, run, containing, evidence, mail_log)
    choice.check()
    with open_ledger() as ledger:
        if dry_run:
            _print_evidence(choice.find(ledger), as_json)
        elif state is None:
            raise PartnerflowError("The new state is missing. Add --as sent, failed or pending, or --dry-run.")
        elif (delivery := choice.delivery(ledger)) is not None:
            _settle_one(ledger, delivery, state, reason, by or getuser(), as_json)
        else:
            _settle_many(ledger, choice.find(ledger), state, reason, by or getuser(), yes, as_json)


class Choice(NamedTuple):
    """Which deliveries are to be settled: the one that `which` names, or all in a state that meet the conditions."""

    which: str | None
    state: str
    run: str | None
    containing: str | None
    evidence: str | None
    mail_log: Path | None

    def check(self) -> None:
        """Raise PartnerflowError if nothing is chosen, or what cannot be."""
        if self.which is None and not self._has_conditions:
            raise PartnerflowError(
                "Name a workflow or one delivery, or choose deliveries with --run, --containing or --evidence."
            )
        if self.evidence not in (None, "some", "none"):
            raise PartnerflowError(f"--evidence {self.evidence} is not valid. Write some or none.")

    @property
    def _has_conditions(self) -> bool:
        return any((self.run, self.containing, self.evidence))

    def delivery(self, ledger: "Ledger") -> str | None:
        """Return the id of the delivery that is chosen alone; None if `which` is a workflow that has deliveries."""
        from flows.ledger.queries import deliveries, find_delivery

        if self.which is None or deliveries(ledger, (), self.which):
            return None
        found = find_delivery(ledger, self.which).delivery_id
        if self._has_conditions:
            raise PartnerflowError("Conditions choose among many deliveries: leave them out, or the delivery.")
        return found

    def find(self, ledger: "Ledger") -> list["Evidence"]:
        """Return the deliveries with the evidence about them. Raises PartnerflowError if there are none."""
        from flows.ledger.queries import deliveries_in_state, find_delivery
        from flows.sending.evidence import find_evidence

        if one := self.delivery(ledger):
            chosen = [find_delivery(ledger, one)]
        else:
            chosen = deliveries_in_state(ledger, self.state, self.which, self.run, self.containing)
        found = find_evidence(read_settings(), chosen, self.mail_log)
        found = [one for one in found if self.evidence is None or one.is_found == (self.evidence == "some")]
        if not found:
            hint = "`partnerflow deliveries` lists all."
            raise PartnerflowError(f"No delivery that is {self.state} meets these conditions. {hint}")
        return found


def _settle_one(ledger: "Ledger", delivery: str, state: str, reason: str, person: str, as_json: bool) -> None:
    from flows.cli.output.deliveries import as_json as one_as_json
    from flows.ledger.resolution import settle_by_person

    settled = settle_by_person(ledger, delivery, state, reason, person)
    if as_json:
        answer(one_as_json(settled))
    else:
        print_lines([f"{settled.delivery_id} is {settled.state}."])


def _settle_many(
    ledger: "Ledger", found: list["Evidence"], state: str, reason: str, person: str, yes: bool, as_json: bool
) -> None:
    """Settle the deliveries after a look at the evidence and a question, unless `yes`."""
    from flows.ledger.resolution import check_settlement, settle_many_by_person

    chosen = [one.delivery for one in found]
    check_settlement(chosen, state, reason)
    if as_json and not yes:
        raise PartnerflowError("With --json there is no question. Add --yes, or --dry-run to list the deliveries only.")
    if not as_json:
        _print_evidence(found, as_json, limit=20)
    if not yes and not typer.confirm(f"Settle {counted(len(chosen), 'delivery', 'deliveries')} as {state}?"):
        raise PartnerflowError("Nothing has been changed.")
    settled = settle_many_by_person(ledger, chosen, state, reason, person)
    if as_json:
        answer({"state": state, "settled": settled, "unchanged": len(chosen) - settled})
        return
    print_lines([f"{settled:,} are {state}."])
    if settled < len(chosen):
        why = "they have changed in the meantime, or `restore` has lost the values of their messages"
        print_lines([f"{len(chosen) - settled:,} are as they were: {why}."])


def _print_evidence(found: list["Evidence"], as_json: bool, limit: int | None = None) -> None:
    from flows.cli.output.deliveries import evidence_as_json, evidence_table
    from flows.warehouse.program_names import read_program_names

    if as_json:
        answer({"deliveries": [evidence_as_json(one) for one in found]})
    else:
        out.print(evidence_table(found, read_program_names(read_settings()), limit))
