"""The hour that is evaluated: raw.evaluations, one row a program, local dates computed here."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas

from compiler import PartnerflowError
from flows.warehouse.connection import Connection, has_table
from flows.warehouse.raw_tables import replace_raw_table


def write_evaluations(connection: Connection, *hours: datetime) -> None:
    """Make raw.evaluations ask for these hours (UTC), one row an hour for each of raw.programs.

    Raises PartnerflowError when there are no raw tables, or a program has no IANA time zone (there is no silent UTC).
    """
    rows = [
        (program, as_of.replace(tzinfo=None), _local_date(program, zone, as_of))
        for program, zone in time_zones(connection).items()
        for as_of in hours
    ]
    frame = pandas.DataFrame(rows, columns=["program_id", "as_of", "local_date"])
    replace_raw_table(connection, "evaluations", frame)


def time_zones(connection: Connection) -> dict[str, str]:
    """The time zone that the loader gives each program, by id. Raises PartnerflowError when there are no raw tables."""
    if not has_table(connection, "raw", "programs"):
        raise PartnerflowError(
            "There is no table raw.programs in the warehouse. A loader fills the raw tables; "
            "`partnerflow load-example` fills them with the example account."
        )
    return dict(connection.execute("SELECT program_id, timezone FROM raw.programs ORDER BY program_id").fetchall())


def _local_date(program: str, zone: str | None, as_of: datetime) -> str:
    try:
        return as_of.astimezone(ZoneInfo(zone or "")).date().isoformat()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PartnerflowError(
            f"Program {program} has the time zone {zone!r}. Give it an IANA time zone in raw.programs, "
            "such as America/New_York."
        ) from None
