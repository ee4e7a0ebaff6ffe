"""Which texts of a loader are timestamps: the same on every engine."""

from datetime import datetime
from pathlib import Path

from flows.settings import Settings
from flows.transform.dbt_runner import Dbt
from support.warehouses import empty_warehouse, run_native

MACRO = "select text, {{ try_cast('text', dbt.type_timestamp()) }} as found from texts"

TEXTS = {
    "2026-03-06": datetime(2026, 3, 6),
    " 2026-03-06 10:20:30.5": datetime(2026, 3, 6, 10, 20, 30, 500000),
    "2026-03-06T10:20:30": datetime(2026, 3, 6, 10, 20, 30),
    "2026-02-30": None,
    "03/06/2026": None,
    "6 March 2026": None,
    "20260306": None,
    "yesterday": None,
    "today 10:00": None,
    "now": None,
    "": None,
    None: None,
}


def test_text_is_a_timestamp_if_it_is_a_date_of_iso_8601(settings: Settings, tmp_path: Path):
    """PostgreSQL alone would read `now` as the time of the build, and `03/06/2026` by a setting of the server."""
    done = Dbt(settings, settings.state_dir / "dbt_project").invoke("compile", "--inline", MACRO, "--quiet")
    assert done.success, done.exception
    with empty_warehouse(tmp_path) as warehouse:
        warehouse.execute("CREATE TABLE texts AS SELECT unnest(CAST(? AS VARCHAR[])) AS text", [list(TEXTS)])
        assert dict(run_native(warehouse, done.result.results[0].node.compiled_code).fetchall()) == TEXTS
