"""The programs of raw.programs and their time zones.

A program without a valid time zone is not evaluated: no program falls back to UTC. Its workflows are held, and those of
other programs go on. Staging sets such a program aside, so that no statement uses its time zone.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from compiler import PartnerflowError
from compiler.errors import did_you_mean
from flows.warehouse.connection import Connection
from flows.warehouse.errors import NotBuilt
from flows.warehouse.ids import id_text


@dataclass(frozen=True)
class Programs:
    """The programs of raw.programs, by id.

    `zones` has the IANA time zone of each program that has one, `unusable` the reason why another one has none.
    """

    zones: dict[str, str]
    unusable: dict[str, str]


def read_programs(connection: Connection) -> Programs:
    """Return the programs of raw.programs. Raises PartnerflowError without raw tables."""
    try:
        rows = connection.execute("SELECT program_id, timezone FROM raw.programs").fetchall()
    except NotBuilt:
        raise PartnerflowError(
            "There is no table raw.programs in the warehouse. A loader fills the raw tables; "
            "`partnerflow load-example` fills them with the example account."
        ) from None
    loaded: dict[str | None, set[str | None]] = defaultdict(set)
    for program, zone in rows:
        loaded[id_text(program)].add(None if zone is None else str(zone))
    programs = Programs({}, {})
    for program in sorted(one for one in loaded if one is not None):
        zone, reason = _judged(program, loaded[program])
        if zone:
            programs.zones[program] = zone
        else:
            programs.unusable[program] = reason
    return programs


def time_zones(connection: Connection) -> dict[str, str]:
    """Return the time zone of each program that has a valid one, by id. Raises PartnerflowError without raw tables."""
    return read_programs(connection).zones


def require_time_zone(connection: Connection, program: str) -> str | None:
    """Return the time zone of a program, None if raw.programs lacks it. Raises PartnerflowError if it is not valid."""
    programs = read_programs(connection)
    if reason := programs.unusable.get(program):
        raise PartnerflowError(reason)
    return programs.zones.get(program)


@cache
def time_zone_names() -> frozenset[str]:
    """Return the names of the IANA time zones. Factory, the zone of a clock that is not set, is not one of them."""
    return frozenset(available_timezones() - {"Factory"})


def _judged(program: str, loaded: set[str | None]) -> tuple[str | None, str]:
    """Return the program's time zone, or None and the reason why it has none."""
    if len(loaded) > 1:
        shown = ", ".join(sorted(map(repr, loaded)))
        return None, f"raw.programs has several time zones for program {program}: {shown}. Leave one row in the source."
    (zone,) = loaded
    if zone is None:
        return None, f"Program {program} has no time zone in raw.programs. {_HINT}"
    if zone in time_zone_names():
        return zone, ""
    near = did_you_mean(zone, sorted(time_zone_names()))
    return None, f"{zone!r} of program {program} in raw.programs is not a valid time zone. {near}{_HINT}"


_HINT = "Give it an IANA time zone in the source, such as America/New_York."
