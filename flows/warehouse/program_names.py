"""The names and time zones of programs, for what people read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from compiler import PartnerflowError
from flows.local_time import local_minute, local_time, local_times
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_read_only
from flows.warehouse.errors import NotBuilt
from flows.warehouse.programs import time_zone_names
from flows.warehouse.published import open_published

MAX_ZONES = 3
"""Most zones in which one hour is shown."""


@dataclass(frozen=True)
class ProgramNames:
    """The names and time zones of programs by id; times of any other program are in the zone `default`."""

    default: ZoneInfo
    names: dict[str, str] = field(default_factory=dict)
    zones: dict[str, ZoneInfo] = field(default_factory=dict)

    def name(self, program_id: str) -> str:
        """Return the program's name with its id, or the id alone."""
        name = self.names.get(program_id)
        return f"{name} ({program_id})" if name else program_id

    def zone(self, program_id: str | None) -> ZoneInfo:
        """Return the time zone of a program."""
        return self.zones.get(program_id or "", self.default)

    def zones_of(self, programs: Iterable[str]) -> list[ZoneInfo]:
        """Return the different zones of these programs, in the order of the ids; `default` for no program."""
        return list(dict.fromkeys(map(self.zone, sorted(set(programs))))) or [self.default]

    def time(self, instant: datetime, program_id: str | None) -> str:
        """Return an instant in the program's zone, to the minute, with the zone's name."""
        return local_time(instant, self.zone(program_id))

    def minute(self, instant: datetime, program_id: str | None) -> str:
        """Return an instant in the program's zone, to the minute, without the zone's name."""
        return local_minute(instant, self.zone(program_id))

    def hour(self, instant: datetime) -> str:
        """Return an hour that is every program's, in all their zones; in `default` if there are more than MAX_ZONES."""
        zones = list(dict.fromkeys(zone for _, zone in sorted(self.zones.items())))
        return local_times(instant, zones if 0 < len(zones) <= MAX_ZONES else [self.default])

    def column(self, programs: Iterable[str]) -> tuple[str, Callable[[datetime, str], str]]:
        """Return what a table's column of times adds to its heading, and the function for its cells.

        The cells of one zone do without its name, which is in the heading; those of several have it each.
        """
        zones = self.zones_of(programs)
        return (f"\n{zones[0].key}", self.minute) if len(zones) == 1 else ("", self.time)


def read_program_names(settings: Settings) -> ProgramNames:
    """Return the programs of the published file, or before the first run those of the warehouse.

    Never waits and never fails: what cannot be read is left out, and its times are in the deployment's zone.
    """
    try:
        if settings.published.exists():
            with open_published(settings.published) as connection:
                return _read(connection, "marts.programs", settings.zone)
        if settings.warehouse.exists():
            with open_read_only(settings.warehouse) as warehouse:
                return _read(warehouse, "raw.programs", settings.zone)
    except PartnerflowError:
        pass
    return ProgramNames(settings.zone)


def _read(connection: Connection, relation: str, default: ZoneInfo) -> ProgramNames:
    found = ProgramNames(default)
    try:
        rows = connection.execute(f"SELECT program_id, name, timezone FROM {relation}").fetchall()
    except NotBuilt:
        return found
    for program, name, zone in rows:
        if name:
            found.names[str(program)] = name
        if zone in time_zone_names():
            found.zones[str(program)] = ZoneInfo(zone)
    return found
