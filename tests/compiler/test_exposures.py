"""Workflows as dbt exposures: what the lineage of the dbt project ends in."""

import yaml

from compiler import Compiler, compile_exposures, project_vocabulary, read_definition

VOCABULARY = project_vocabulary()


def exposures(**definitions: str) -> list[dict]:
    """The exposures of workflows, id to their further lines; `__` in an id stands for a dash."""
    head = 'name: "{{ name }}"\nprogram: "1000"\nstatus: active\n'
    reads = [
        read_definition(f"{name.replace('__', '-')}.yml", head + lines, VOCABULARY)
        for name, lines in definitions.items()
    ]
    (text,) = compile_exposures((read.workflow for read in reads), Compiler(VOCABULARY)).values()
    return yaml.safe_load(text)["exposures"]


def test_an_exposure_reads_what_the_segment_reads_and_the_addresses():
    """Not the performance facts, where no measure is asked for; an application has no address."""
    groups, clicks, accepts = exposures(
        a="segment: [Partner Group is any of Gold]\naction: {email: m}\n",
        b="segment: [Clicks less than 5]\naction: {email: m}\n",
        c="segment: [Partner Name is any of Ann]\naction: accept application\n",
    )
    assert groups["depends_on"] == [
        "ref('fct_partner_groups')", "ref('int_partner_addresses')", "ref('partners_as_of')",
    ]  # fmt: skip
    assert "ref('performance_as_of')" in clicks["depends_on"]
    assert accepts["depends_on"] == ["ref('contracts_as_of')", "ref('partners_as_of')"]


def test_the_owner_is_that_of_the_definition():
    """A name, an address, or both; and a workflow may have none."""
    action = "segment: [Partner Group is any of Gold]\naction: {email: m}\n"
    found = exposures(a=action + "owner: Ann Lee <ann@example.com>\n", b=action + "owner: ann@example.com\n", c=action)
    assert [one["owner"] for one in found] == [
        {"name": "Ann Lee", "email": "ann@example.com"},
        {"name": "ann@example.com", "email": "ann@example.com"},
        {"name": "No owner"},
    ]


def test_ids_become_names_that_dbt_allows_and_no_text_becomes_jinja():
    """Two ids that become one name stay two; the meta has the id itself."""
    action = "segment: [Partner Group is any of Gold]\naction: {email: m}\n"
    found = exposures(few__clicks=action, few_clicks=action)
    assert [(one["name"], one["config"]["meta"]["workflow_id"]) for one in found] == [
        ("few_clicks", "few-clicks"), ("few_clicks_2", "few_clicks"),
    ]  # fmt: skip
    assert found[0]["label"] == "{{ '{' }}{{ '{' }} name }}"


def test_only_active_workflows_are_exposed():
    """A draft sends nothing, and nothing at all is a file that dbt can read."""
    draft = 'name: A\nprogram: "1000"\nsegment: [Partner Group is any of Gold]\naction: {email: m}\n'
    read = read_definition("a.yml", draft, VOCABULARY)
    (text,) = compile_exposures([read.workflow], Compiler(VOCABULARY)).values()
    assert yaml.safe_load(text) == {"exposures": []}
