"""The names of partners, for what people read beside their ids."""

from collections.abc import Collection

from compiler import PartnerflowError
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_read_only
from flows.warehouse.published import open_published
from flows.warehouse.raw_tables import batched

PartnerKey = tuple[str, str]
"""Program id and partner id."""


class PartnerNames:
    """The names of some partners by program id and partner id."""

    def __init__(self, names: dict[PartnerKey, str]):
        self._names = names

    def name(self, program_id: str, partner_id: str) -> str:
        """Return the partner's name, or an empty text."""
        return self._names.get((program_id, partner_id), "")

    def beside(self, program_id: str, partner_id: str) -> str:
        """Return the partner's name with its id, or the id alone."""
        name = self.name(program_id, partner_id)
        return f"{name} ({partner_id})" if name else partner_id


def read_partner_names(settings: Settings, partners: Collection[PartnerKey]) -> PartnerNames:
    """Return the names of these partners in the published file, or before the first run in the warehouse.

    Never waits and never fails: a partner that is not found has no name.
    """
    try:
        if partners and settings.published.exists():
            with open_published(settings.published) as connection:
                return _read(connection, partners)
        if partners and settings.warehouse.exists():
            with open_read_only(settings.warehouse) as warehouse:
                return _read(warehouse, partners)
    except PartnerflowError:
        pass
    return PartnerNames({})


def _read(connection: Connection, partners: Collection[PartnerKey]) -> PartnerNames:
    names: dict[PartnerKey, str] = {}
    for ids in batched({partner_id for _, partner_id in partners}):
        places = ", ".join("?" * len(ids))
        query = f"SELECT program_id, partner_id, name FROM marts.fct_partners WHERE partner_id IN ({places})"
        for program, partner, name in connection.execute(query, ids).fetchall():
            if name and name.strip():
                names[program, partner] = " ".join(name.split())
    return PartnerNames(names)
