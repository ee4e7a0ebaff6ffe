"""A new condition needs a column and its meta, and no Python: docs/add-a-condition.md is followed to the letter."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

import duckdb
import pytest

from flows.settings import CHECKOUT, Settings
from support.states import HOUR

PAGE = (CHECKOUT / "docs" / "add-a-condition.md").read_text(encoding="utf-8").split("`label` is the name")[0]
MODELS = Path("dbt_project", "models")
BASE = MODELS / "staging" / "contract" / "base" / "base_partners.sql"
STAGING = MODELS / "staging" / "contract" / "stg_partners.sql"
MART = MODELS / "marts" / "core" / "fct_partners.sql"


def page_blocks() -> list[str]:
    """Return the indented blocks of the page's list of steps, in order, without their indentation."""
    return [dedent(block) for block in re.findall(r"(?m)(?:^ {7}.*\n)+", PAGE)]


def insert_above(file: Path, line: str, text: str) -> None:
    """Insert text above the one line that starts with `line`, with its indentation."""
    lines = file.read_text().splitlines(keepends=True)
    ((at, found),) = [(at, one) for at, one in enumerate(lines) if one.strip().startswith(line)]
    lines.insert(at, indent(text, found[: len(found) - len(found.lstrip())]))
    file.write_text("".join(lines))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project with one more column, added as the page says, and a workflow that uses it."""
    for name in ("compiler", "flows", "dbt_project", "seeds", "workflows"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("target", "logs"))
    _, base, staging, mart, declared = page_blocks()
    for path in (BASE, STAGING, MART, MART.with_suffix(".yml")):
        assert f"`{path}`" in PAGE
    insert_above(tmp_path / BASE, "cast({{ column_name('language')", base)
    insert_above(tmp_path / STAGING, "{{ column_name('language')", staging)
    insert_above(tmp_path / MART, "partners.language,", mart)
    insert_above(tmp_path / MART.with_suffix(".yml"), "- name: language", declared)
    (tmp_path / "workflows" / "americans.yml").write_text(
        'name: Americans\nprogram: "1000"\nstatus: active\nsegment:\n  - Relationship Stage is any of Joined\n'
        "  - Country is any of US, CA\naction: {email: welcome}\n"
    )
    return tmp_path


def command(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the copy."""
    code = "from flows.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=project, env={**os.environ, "PYTHONPATH": str(project), "PARTNERFLOW_VAR": str(project / "var")},
        capture_output=True, text=True,
    )  # fmt: skip


def add_countries(project: Path) -> None:
    """Add the column to the raw table by the command of the page, and fill it."""
    python, *arguments = shlex.split(page_blocks()[0])
    assert python == "python"
    subprocess.run([sys.executable, *arguments], cwd=project, check=True)
    with duckdb.connect(project / "var" / "warehouse.duckdb") as connection:
        connection.execute("UPDATE raw.partners SET country = 'US' WHERE partner_id < '21005'")
        connection.execute("UPDATE raw.partners SET country = 'DE' WHERE partner_id > '21006'")


def members_of_americans(project: Path) -> int:
    """Plan the hour, and return the number of members of the new workflow, after comparing it with the raw rows."""
    planned = command(project, "plan", "--as-of", HOUR.isoformat(), "--days", "0", "--json")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    (row,) = [row for row in json.loads(planned.stdout)["workflows"] if row["workflow_id"] == "americans"]
    with duckdb.connect(project / "var" / "warehouse.duckdb") as connection:
        query = """
            SELECT count(*) FROM raw.partners JOIN marts.fct_partners USING (program_id, partner_id)
            WHERE program_id = '1000' AND relationship_stage = 'Joined' AND partner_id < '21005'"""
        assert connection.execute(query).fetchall() == [(row["members"],)]
    return row["members"]


@pytest.mark.long
def test_condition_of_your_own_model_has_its_members(copy: Path, built_example: Settings):
    """A model in models/custom, as docs/add-a-model.md has it, is built and published, and segments can use it."""
    shutil.copytree(built_example.state_dir, copy / "var")
    add_countries(copy)
    page = (CHECKOUT / "docs" / "add-a-model.md").read_text(encoding="utf-8").split("## Your own models")[1]
    _, sql, yml = re.findall(r"(?ms)^```\w*\n(.*?)^```$", page)[:3]
    custom = copy / "dbt_project" / "models" / "custom"
    (custom / "partner_tiers.sql").write_text(sql)
    (custom / "partner_tiers.yml").write_text(yml)
    definition = copy / "workflows" / "americans.yml"
    definition.write_text(definition.read_text().replace("Country is any of US, CA", "Tier is any of Gold"))
    planned = command(copy, "plan", "--as-of", HOUR.isoformat(), "--days", "0", "--json")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    (row,) = [row for row in json.loads(planned.stdout)["workflows"] if row["workflow_id"] == "americans"]
    with duckdb.connect(copy / "var" / "warehouse.duckdb") as connection:
        query = """
            SELECT count(*) FILTER (tier = 'Gold'), count(*) FILTER (tier = 'Silver')
            FROM marts.partner_tiers
            JOIN marts.fct_partners USING (program_id, partner_id)
            WHERE program_id = '1000' AND relationship_stage = 'Joined'"""
        ((gold, silver),) = connection.execute(query).fetchall()
    assert row["members"] == gold
    assert min(gold, silver) > 0


@pytest.mark.long
def test_column_is_added_to_a_state_that_has_not_run(copy: Path):
    """The first build has the column."""
    assert command(copy, "load-example").returncode == 0
    add_countries(copy)
    assert members_of_americans(copy) == 11


@pytest.mark.long
def test_column_with_meta_becomes_a_condition(copy: Path, built_example: Settings):
    """On a state that has run, `Country is any of US, CA` is listed, checked, built, and has the right members.

    Until the tables are built with it, a preview says in one sentence what is missing.
    """
    shutil.copytree(built_example.state_dir, copy / "var")
    add_countries(copy)
    assert "Country" in command(copy, "fields").stdout
    assert "17 workflows are valid." in command(copy, "check").stdout
    seen = command(copy, "preview", "americans", "--as-of", HOUR.isoformat())
    assert seen.returncode == 1
    assert "The warehouse does not have what this command reads." in seen.stderr and "country" in seen.stderr
    assert "Traceback" not in seen.stderr and "partnerflow plan" in seen.stderr
    assert members_of_americans(copy) == 11
