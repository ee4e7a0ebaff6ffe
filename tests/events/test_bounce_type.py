"""What makes a bounce hard: the rule in Python, and that the macro is the same rule."""

from pathlib import Path

import pytest

from flows.events.bounce_type import bounce_type
from flows.settings import Settings
from flows.transform.dbt_runner import Dbt
from support.bounce_evidence import HARD, MACRO, SOFT, pairs
from support.warehouses import empty_warehouse, run_native


@pytest.mark.parametrize(
    ("evidence", "expected"), [(one, "hard") for one in HARD] + [(one, "soft") for one in SOFT], ids=str
)
def test_bounce_is_hard_only_when_a_specific_code_says_so(evidence: tuple[str | None, ...], expected: str):
    """The specific code counts, wherever it is; other specific codes and contrary words make the bounce soft."""
    assert bounce_type(*evidence) == expected


def test_macro_and_python_follow_the_same_rule(settings: Settings, tmp_path: Path):
    """For every enhanced code with every text of the examples."""
    done = Dbt(settings, settings.state_dir / "dbt_project").invoke("compile", "--inline", MACRO, "--quiet")
    assert done.success, done.exception
    evidence = pairs()
    with empty_warehouse(tmp_path) as warehouse:
        columns = [[status for status, _ in evidence], [text for _, text in evidence]]
        warehouse.execute("CREATE TABLE evidence (status VARCHAR, said VARCHAR)")
        insert = "INSERT INTO evidence SELECT unnest(CAST(? AS VARCHAR[])), unnest(CAST(? AS VARCHAR[]))"
        warehouse.execute(insert, columns)
        found = run_native(warehouse, done.result.results[0].node.compiled_code).fetchall()
    assert len(found) == len(evidence)
    assert [row for row in found if bounce_type(row[0], row[1]) != row[2]] == []
