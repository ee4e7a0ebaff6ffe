"""A project whose source cannot tell all stages apart: what a segment may name there."""

import pytest
import yaml

from compiler import PROJECT, PartnerflowError, Vocabulary, check, project_vocabulary, read_definition
from compiler.vocabulary import read_vocabulary

DEFINITION = """\
name: Told
program: "1000"
segment: [{sentence}]
action: {action}
"""


def lossy(model: str, told: str) -> Vocabulary:
    """Return the project's vocabulary, with the supported stages of a mart as `told` lists them."""
    files = {file.stem: yaml.safe_load(file.read_text()) for file in (PROJECT / "models" / "marts").rglob("*.yml")}
    (columns,) = [mart["columns"] for mart in files[model]["models"]]
    conditions = [column.get("config", {}).get("meta", {}).get("condition", {}) for column in columns]
    (stage,) = [condition for condition in conditions if condition.get("kind") == "stage"]
    stage["supported_values"] = {"contract": told.split(", ")}
    return read_vocabulary(yaml.safe_dump(file) for file in files.values())


def problems(vocabulary: Vocabulary, sentence: str, action: str = "{email: welcome}") -> list[tuple[str, str, str]]:
    """Severity, message and hint of what the rule finds."""
    read = read_definition("told.yml", DEFINITION.format(sentence=sentence, action=action), vocabulary)
    found = check([read], vocabulary).get("told", [])
    return [(one.severity, one.message, one.hint) for one in found if one.code == "unsupported-stage"]


def test_a_stage_that_the_source_cannot_tell_is_refused_with_those_that_it_can():
    """And the nearest one."""
    vocabulary = lossy("fct_contracts", "Joined, Publisher Declined")
    (problem,) = problems(vocabulary, "'Contract Stage is any of Joined, Publisher Retracted'")
    assert problem == (
        "error",
        "The loader does not deliver Contract Stage Publisher Retracted.",
        "Did you mean Publisher Declined? Supported are Joined, Publisher Declined. Use these, or load more and add "
        "them in fct_contracts.yml.",
    )


def test_none_is_refused_where_only_contracts_in_force_are_loaded():
    """No contract in force is not no contract."""
    assert problems(lossy("fct_contracts", "Joined"), "Contract Stage is any of None")[0][0] == "error"


def test_select_all_is_what_can_be_told_with_a_warning():
    """It names what is missed."""
    ((severity, message, _),) = problems(
        lossy("fct_partners", "None, Joined, Expired"), "Relationship Stage is any of Select All"
    )
    assert (severity, message) == (
        "warning",
        "Select All does not include what the loader does not deliver: New, Outreach, Negotiating.",
    )


def test_applications_are_accepted_only_where_the_source_tells_that_they_wait():
    """Whatever the segment says."""
    sentence, action = "Partner Template Term is any of Gold", "accept application"
    assert problems(lossy("fct_contracts", "Joined, Awaiting Advertiser Approval"), sentence, action) == []
    (problem,) = problems(lossy("fct_contracts", "Joined"), sentence, action)
    assert problem[1].startswith("The loader does not deliver Contract Stage Awaiting Advertiser Approval")


def test_each_loader_tells_its_own_stages():
    """Fivetran's five statuses and two signatures look the same for a countered contract and one that waits."""
    sentence = "Contract Stage is any of Publisher Countered"
    assert problems(project_vocabulary(loader="contract"), sentence) == []
    (problem,) = problems(project_vocabulary(loader="fivetran"), sentence)
    assert problem[:2] == ("error", "The loader does not deliver Contract Stage Publisher Countered.")


def test_a_slip_in_the_yml_names_its_place():
    """supported_values is a part of values."""
    with pytest.raises(PartnerflowError, match=r"fct_contracts.contract_stage: supported_values names Joyned"):
        lossy("fct_contracts", "Joyned")
