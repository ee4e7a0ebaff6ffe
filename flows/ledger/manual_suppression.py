"""`partnerflow suppress`: a person adds, lifts or looks at suppressions."""

from getpass import getuser

from rich import box
from rich.table import Table
from rich.text import Text

from compiler import PartnerflowError
from flows.addresses import address_key
from flows.ledger.ledger import Ledger
from flows.ledger.suppressions import ALL, Suppression, suppress, suppressions, unsuppress


def suppress_by_person(
    ledger: Ledger, address: str | None, workflow: str | None, reason: str, remove: bool
) -> list[Suppression]:
    """Suppress an address, or lift its suppression, and return what holds for it then; of no address, all that holds.

    Raises PartnerflowError when the text is no address, or there is nothing to lift.
    """
    if address is None:
        return [one for one in suppressions(ledger) if workflow in (None, one.scope)]
    local, _, domain = address.strip().rpartition("@")
    if not local or not domain:
        raise PartnerflowError(f"{address!r} is no address, such as ann@example.com.")
    scope = workflow or ALL
    if not remove:
        suppress(ledger, [address], reason, f"person:{getuser()}", scope)
    elif not unsuppress(ledger, address, scope):
        raise PartnerflowError(f"{address} is not suppressed for {scope}. `partnerflow suppress` lists all.")
    return [one for one in suppressions(ledger) if one.email_key == address_key(address)]


def suppressions_table(found: list[Suppression]) -> Table:
    """One row an address and scope."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("address", "not written to by", "since (UTC)", "why"):
        table.add_column(name)
    for one in found:
        table.add_row(Text(one.email_key), one.scope, f"{one.at:%Y-%m-%d %H:%M}", Text(f"{one.reason} ({one.source})"))
    return table
