"""Workflows as dbt exposures, which are the end of the dbt project's lineage."""

import pytest
import yaml
from sqlglot import exp

from compiler import Compiler, compile_exposures, project_vocabulary, read_definition
from compiler.sql.exposures import relations_read
from flows.settings import CHECKOUT
from support.definitions import workflow

VOCABULARY = project_vocabulary()
CASES = sorted((CHECKOUT / "tests" / "data" / "cases").glob("*.yml"))
"""The cases of tests/property/test_proof.py, which have every condition and operator."""


def exposures(**definitions: str) -> list[dict]:
    """Return the exposures of workflows: id to further lines of the definition. A `__` in an id becomes a dash."""
    head = 'name: "{{ name }}"\nprogram: "1000"\nstatus: active\n'
    reads = [
        read_definition(f"{name.replace('__', '-')}.yml", head + lines, VOCABULARY)
        for name, lines in definitions.items()
    ]
    (text,) = compile_exposures((read.workflow for read in reads), Compiler(VOCABULARY)).values()
    return yaml.safe_load(text)["exposures"]


def test_exposure_hangs_off_its_recipients_and_is_tagged_with_what_it_reads():
    """Performance facts are read only for a measure."""
    groups, clicks, accepts = exposures(
        a="segment: [Partner Group is any of Gold]\naction: {email: m}\n",
        b="segment: [Clicks less than 5]\naction: {email: m}\n",
        c="segment: [Partner Name is any of Ann]\naction: accept application\n",
    )
    assert [one["depends_on"] for one in (groups, clicks)] == [["ref('recipients')"]] * 2
    assert accepts["depends_on"] == ["ref('application_recipients')"]
    assert groups["config"]["tags"] == ["fct_partner_groups", "partners_as_of"]
    assert "performance_as_of" in clicks["config"]["tags"]
    assert accepts["config"]["tags"] == ["contracts_as_of", "partners_as_of"]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_relations_read_are_those_in_the_sql(case):
    """The conditions tell what a segment reads, without compiling it."""
    content = yaml.load(case.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    one, compiler = workflow(case.stem, "1000", content["sentences"], content.get("segments")), Compiler(VOCABULARY)
    tables = compiler.membership([one]).find_all(exp.Table)
    assert relations_read(one, compiler) == {table.name for table in tables if table.db}


def test_exposure_owner_is_that_of_the_definition():
    """An owner is a name, an address, or both. A workflow may have no owner."""
    action = "segment: [Partner Group is any of Gold]\naction: {email: m}\n"
    found = exposures(a=action + "owner: Ann Lee <ann@example.com>\n", b=action + "owner: ann@example.com\n", c=action)
    assert [one["owner"] for one in found] == [
        {"name": "Ann Lee", "email": "ann@example.com"},
        {"name": "ann@example.com", "email": "ann@example.com"},
        {"name": "No owner"},
    ]


def test_exposure_names_are_unique_and_never_jinja():
    """Two ids that would give the same name get different names. The meta has the id itself."""
    action = "segment: [Partner Group is any of Gold]\naction: {email: m}\n"
    found = exposures(few__clicks=action, few_clicks=action)
    assert [(one["name"], one["config"]["meta"]["workflow_id"]) for one in found] == [
        ("few_clicks", "few-clicks"), ("few_clicks_2", "few_clicks"),
    ]  # fmt: skip
    assert found[0]["label"] == "{{ '{' }}{{ '{' }} name }}"


def test_only_active_workflows_are_exposed():
    """Without active workflows, the file is an empty list that dbt can read."""
    draft = 'name: A\nprogram: "1000"\nsegment: [Partner Group is any of Gold]\naction: {email: m}\n'
    read = read_definition("a.yml", draft, VOCABULARY)
    (text,) = compile_exposures([read.workflow], Compiler(VOCABULARY)).values()
    assert yaml.safe_load(text) == {"exposures": []}
