"""The time zones of the programs, as Python and dbt read them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt.context.base import get_pytz_module_context

from compiler import PartnerflowError
from flows.warehouse.connection import Connection
from flows.warehouse.programs import read_programs, require_time_zone, time_zone_names, time_zones
from flows.warehouse.raw_tables import create_raw_table
from support.warehouses import empty_warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    """A warehouse with an empty table raw.programs."""
    with empty_warehouse(tmp_path) as connection:
        create_raw_table(connection, "programs")
        yield connection


def unusable(warehouse: Connection, *zones: str | None) -> str | None:
    """Load program 7 once per time zone, and return why it has none."""
    for zone in zones:
        warehouse.execute("INSERT INTO raw.programs (program_id, timezone) VALUES ('7', ?)", [zone])
    found = read_programs(warehouse)
    assert found.zones.keys() | found.unusable.keys() == {"7"}
    return found.unusable.get("7")


HINT = "Give it an IANA time zone in the source, such as America/New_York."


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Kiev", None),
        (
            "Europe/Kiev ",
            "'Europe/Kiev ' of program 7 in raw.programs is not a valid time zone. Did you mean Europe/Kiev? " + HINT,
        ),
        ("", "'' of program 7 in raw.programs is not a valid time zone. " + HINT),
        (
            "europe/kiev",
            "'europe/kiev' of program 7 in raw.programs is not a valid time zone. Did you mean Europe/Kiev? " + HINT,
        ),
        ("../etc/passwd", "'../etc/passwd' of program 7 in raw.programs is not a valid time zone. " + HINT),
        (None, "Program 7 has no time zone in raw.programs. " + HINT),
    ],
)
def test_time_zone_must_be_the_name_of_an_iana_zone(warehouse: Connection, zone: str | None, expected: str | None):
    """The reason has the value with its blanks, and what is probably meant."""
    assert unusable(warehouse, zone) == expected


def test_program_with_several_time_zones_has_none(warehouse: Connection):
    """Equal rows are one; of different ones, nobody knows which is right."""
    assert unusable(warehouse, "Asia/Tokyo", "Asia/Tokyo") is None
    expected = (
        "raw.programs has several time zones for program 7: 'Asia/Seoul', 'Asia/Tokyo'. Leave one row in the source."
    )
    assert unusable(warehouse, "Asia/Seoul") == expected


def test_time_zones_of_dbt_are_those_of_python():
    """The macro `is_time_zone` reads the names from pytz."""
    assert set(get_pytz_module_context()["all_timezones"]) == time_zone_names()


def test_time_zone_of_another_program_does_not_matter(warehouse: Connection):
    """Each program is judged alone, by its id as text, however the loader has written the id."""
    rows = [("1000.0", "America/New_York"), ("1e+06", "Asia/Kolkata"), ("7", "Nowhere"), ("8", "Factory"), ("", "UTC")]
    for row in rows:
        warehouse.execute("INSERT INTO raw.programs (program_id, timezone) VALUES (?, ?)", row)
    found = read_programs(warehouse)
    assert found.zones == time_zones(warehouse) == {"1000": "America/New_York", "1000000": "Asia/Kolkata"}
    assert list(found.unusable) == ["7", "8"]
    require_time_zone(warehouse, "1000")
    with pytest.raises(PartnerflowError, match="'Nowhere' of program 7"):
        require_time_zone(warehouse, "7")
