"""A new condition needs a column and its meta, and no Python: the test adds one to a copy of the project."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.settings import CHECKOUT
from support.states import HOUR

COLUMN = """\
      - name: country
        data_type: varchar
        description: Country of the partner (ISO 3166).
        config:
          meta:
            condition: {label: Country, kind: list}
"""


def edit(file: Path, old: str, new: str) -> None:
    """Replace text that occurs once in a file."""
    text = file.read_text()
    assert text.count(old) == 1, f"{file}: {old}"
    file.write_text(text.replace(old, new))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project with one more column, added as docs/add-a-condition.md describes."""
    for name in ("compiler", "flows", "dbt_project", "seeds", "workflows"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("target", "logs"))
    models = tmp_path / "dbt_project" / "models"
    edit(
        models / "staging" / "contract" / "stg_partners.sql",
        "        cast(language as {{ dbt.type_string() }}) as language\n",
        "        cast(language as {{ dbt.type_string() }}) as language,\n"
        "        cast(country as {{ dbt.type_string() }}) as country\n",
    )
    edit(
        models / "marts" / "core" / "fct_partners.sql",
        "        partners.language,\n",
        "        partners.language,\n        partners.country,\n",
    )
    edit(
        models / "marts" / "core" / "fct_partners.yml",
        "      - name: relationship_stage\n",
        COLUMN + "      - name: relationship_stage\n",
    )
    (tmp_path / "workflows" / "americans.yml").write_text(
        'name: Americans\nprogram: "1000"\nstatus: active\nsegment:\n  - Relationship Stage is any of Joined\n'
        "  - Country is any of US, CA\naction: {email: welcome}\n"
    )
    return tmp_path


def run_command(project: Path, *arguments: str) -> str:
    """Run a command of the copy, and return what it prints."""
    code = "from flows.cli.main import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=project, env={**os.environ, "PYTHONPATH": str(project)}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_column_with_meta_becomes_a_condition(copy: Path):
    """`Country is any of US, CA` is parsed, listed, checked, compiled and built, and has the right members."""
    import duckdb

    run_command(copy, "load-example")
    with duckdb.connect(copy / "var" / "warehouse.duckdb") as connection:
        connection.execute("ALTER TABLE raw.partners ADD COLUMN country VARCHAR")
        connection.execute("UPDATE raw.partners SET country = 'US' WHERE partner_id < '21005'")
        connection.execute("UPDATE raw.partners SET country = 'DE' WHERE partner_id > '21006'")
    assert "Country" in run_command(copy, "fields")
    assert "17 workflows are valid." in run_command(copy, "check")
    planned = json.loads(run_command(copy, "plan", "--as-of", HOUR.isoformat(), "--json"))
    (row,) = [row for row in planned["workflows"] if row["workflow_id"] == "americans"]
    with duckdb.connect(copy / "var" / "warehouse.duckdb") as connection:
        query = """
            SELECT count(*) FROM raw.partners JOIN marts.fct_partners USING (program_id, partner_id)
            WHERE program_id = '1000' AND relationship_stage = 'Joined' AND partner_id < '21005'"""
        expected = connection.execute(query).fetchone()
    assert (row["members"],) == expected
    assert row["members"] == 11
