"""Find a partner by its id, its name or an address."""

from compiler import PartnerflowError
from flows.addresses import address_key
from flows.preview.hours import open_facts
from flows.preview.partner.model import PartnerId
from flows.settings import Settings
from flows.warehouse.engine import Connection
from flows.warehouse.published import require_published

MAX_FOUND = 10
"""Most partners that are found at once."""


def find_partners(settings: Settings, text: str) -> list[PartnerId]:
    """Return the partners with this id, name or address, or if there are none, those whose name contains the text.

    Letter case does not matter in names. Raises PartnerflowError if there are none or more than MAX_FOUND, and if
    nothing has been published.
    """
    wanted = text.strip()
    with require_published(settings) as connection:
        rows = connection.execute("SELECT program_id, partner_id, name FROM marts.fct_partners ORDER BY ALL").fetchall()
        addressed = _with_address(settings, connection, wanted) if "@" in wanted else set()
    names = {PartnerId(*row): " ".join((row[2] or "").split()).casefold() for row in rows}
    folded = " ".join(wanted.split()).casefold()
    found = [one for one, name in names.items() if wanted == one.partner_id or folded == name or one[:2] in addressed]
    found = found or [one for one, name in names.items() if folded and folded in name]
    if not found:
        hint = "Give an id, a name or a part of it, or an address."
        raise PartnerflowError(f"There is no partner {text!r} as of the last run. {hint}")
    if len(found) > MAX_FOUND:
        first = ", ".join(f"{one.name} ({one.partner_id})" for one in found[:MAX_FOUND])
        raise PartnerflowError(f"{len(found):,} partners match {text!r}: {first}, … Give the id of one.")
    return found


def partner_id_of(settings: Settings, program_id: str, text: str) -> str:
    """Return the id of the partner of a program that has this id or name; the text as it is if none is published.

    Raises PartnerflowError if several partners have the name.
    """
    if not settings.published.exists():
        return text
    query = """
        SELECT partner_id FROM marts.fct_partners
        WHERE program_id = ? AND (partner_id = ? OR lower(trim(name)) = lower(?)) ORDER BY partner_id"""
    with require_published(settings) as connection:
        found = [row[0] for row in connection.execute(query, [program_id, text, text.strip()]).fetchall()]
    if text in found or not found:
        return text
    if len(found) > 1:
        ids = ", ".join(found)
        raise PartnerflowError(f"{len(found):,} partners of {program_id} are named {text!r}. Give an id: {ids}.")
    return str(found[0])


def _with_address(settings: Settings, published: Connection, address: str) -> set[tuple[str, ...]]:
    """Return the partners that were written to at an address, and unless a run is at work, all that have it."""
    query, key = "SELECT DISTINCT program_id, partner_id FROM {} WHERE email = ?", [address_key(address)]
    found = set(published.execute(query.format("marts.sent_emails"), key).fetchall())
    try:
        with open_facts(settings, wait=False) as facts:
            found |= set(facts.execute(query.format("intermediate.int_partner_addresses"), key).fetchall())
    except PartnerflowError:  # a run is at work
        pass
    return found
