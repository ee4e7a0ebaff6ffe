"""Stages in segments when the source does not deliver all of them."""

import pytest
import yaml

from compiler import PROJECT, PartnerflowError, Vocabulary, check, project_vocabulary, read_definition
from compiler.vocabulary import read_vocabulary

DEFINITION = """\
name: Supported
program: "1000"
segment: [{sentence}]
action: {action}
"""


def vocabulary_with(model: str, supported: str) -> Vocabulary:
    """Return the project's vocabulary, in which a mart supports only these stages (separated by commas)."""
    files = {file.stem: yaml.safe_load(file.read_text()) for file in (PROJECT / "models" / "marts").rglob("*.yml")}
    (columns,) = [mart["columns"] for mart in files[model]["models"]]
    conditions = [column.get("config", {}).get("meta", {}).get("condition", {}) for column in columns]
    (stage,) = [condition for condition in conditions if condition.get("kind") == "stage"]
    stage["supported_values"] = {"contract": supported.split(", ")}
    return read_vocabulary({name: yaml.safe_dump(file) for name, file in files.items()})


def problems(vocabulary: Vocabulary, sentence: str, action: str = "{email: welcome}") -> list[tuple[str, str, str]]:
    """Return severity, message and hint of each problem that the rule finds."""
    read = read_definition("supported.yml", DEFINITION.format(sentence=sentence, action=action), vocabulary)
    found = check([read], vocabulary).get("supported", [])
    return [(one.severity, one.message, one.hint) for one in found if one.code == "unsupported-stage"]


def test_unsupported_stage_error_lists_the_supported_stages():
    """The hint also has the nearest supported stage."""
    vocabulary = vocabulary_with("fct_contracts", "Joined, Publisher Declined")
    (problem,) = problems(vocabulary, "'Contract Stage is any of Joined, Publisher Retracted'")
    assert problem == (
        "error",
        "The loader does not deliver Contract Stage Publisher Retracted.",
        "Did you mean Publisher Declined? Supported are Joined, Publisher Declined. Use these, or load more and add "
        "them in fct_contracts.yml.",
    )


def test_none_is_an_error_without_all_contracts():
    """A partner without a contract in force may have another contract, which was not loaded."""
    assert problems(vocabulary_with("fct_contracts", "Joined"), "Contract Stage is any of None")[0][0] == "error"


def test_select_all_of_supported_stages_is_a_warning():
    """The warning names the stages that are left out."""
    ((severity, message, _),) = problems(
        vocabulary_with("fct_partners", "None, Joined, Expired"), "Relationship Stage is any of Select All"
    )
    assert (severity, message) == (
        "warning",
        "Select All does not include what the loader does not deliver: New, Outreach, Negotiating.",
    )


def test_accept_application_needs_the_awaiting_stage():
    """The stage is needed even when the segment has no Contract Stage condition."""
    sentence, action = "Partner Template Term is any of Gold", "accept application"
    assert problems(vocabulary_with("fct_contracts", "Joined, Awaiting Advertiser Approval"), sentence, action) == []
    (problem,) = problems(vocabulary_with("fct_contracts", "Joined"), sentence, action)
    assert problem[1].startswith("The loader does not deliver Contract Stage Awaiting Advertiser Approval")


def test_each_loader_has_its_own_supported_stages():
    """Fivetran's status and signatures are the same for a countered contract and for one that awaits approval."""
    sentence = "Contract Stage is any of Publisher Countered"
    assert problems(project_vocabulary(loader="contract"), sentence) == []
    (problem,) = problems(project_vocabulary(loader="fivetran"), sentence)
    assert problem[:2] == ("error", "The loader does not deliver Contract Stage Publisher Countered.")


def test_unknown_supported_value_error_names_the_column():
    """supported_values must be a subset of values."""
    with pytest.raises(PartnerflowError, match="contract_stage: Joyned of supported_values is not in values"):
        vocabulary_with("fct_contracts", "Joyned")
