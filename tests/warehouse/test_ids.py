"""Ids that loaders write as floating numbers are the whole numbers, in SQL as in Python."""

from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from flows.transform.dbt_runner import Dbt
from flows.warehouse.ids import id_text
from support.id_values import MACRO, NUMBERS, TEXTS
from support.warehouses import empty_warehouse, run_native


@pytest.mark.parametrize(("value", "expected"), [*TEXTS.items(), *NUMBERS.items(), (float("nan"), None)], ids=str)
def test_id_of_a_whole_floating_number_is_the_number(value: Any, expected: str | None):
    """A number that may have lost digits counts as missing, and other texts are left as they are."""
    assert id_text(value) == expected


def test_macro_and_python_follow_the_same_rule(settings: Settings, tmp_path: Path):
    """The macro `id_text`, of texts and of floating numbers."""
    done = Dbt(settings, settings.state_dir / "dbt_project").invoke("compile", "--inline", MACRO, "--quiet")
    assert done.success, done.exception
    for values, kind in (({**TEXTS}, "VARCHAR"), ({**NUMBERS, float("nan"): None, None: None}, "FLOAT8")):
        with empty_warehouse(tmp_path) as warehouse:
            warehouse.execute(f"CREATE TABLE ids AS SELECT unnest(CAST(? AS {kind}[])) AS id", [list(values)])
            found = run_native(warehouse, done.result.results[0].node.compiled_code).fetchall()
        assert [one for _, one in found] == list(values.values())
