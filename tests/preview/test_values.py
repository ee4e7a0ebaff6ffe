"""`values` lists what a condition can be compared with in this account."""

from pathlib import Path

import pytest

from flows.settings import CHECKOUT, Settings
from support.cli import partnerflow
from support.published import publish_rows


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published account with groups and partners of two programs, and the example workflows."""
    own = Settings(state_dir=tmp_path_factory.mktemp("values") / "var", workflows=CHECKOUT / "workflows")
    groups = [("1000", "p1", "Gold"), ("1000", "p2", "Gold"), ("2000", "p3", "Gold"), ("1000", "p1", "Silver, EU")]
    partners = [
        ("1000", "p1", "Quiet Creek", "Joined"),
        ("1000", "p2", "creek two", "New"),
        ("2000", "p3", None, "New"),
    ]
    publish_rows(
        own.published,
        fct_partner_groups=[dict(zip(("program_id", "partner_id", "group_name"), row, strict=True)) for row in groups],
        fct_partners=[
            dict(zip(("program_id", "partner_id", "name", "relationship_stage"), row, strict=True)) for row in partners
        ],
    )
    return own


def values(settings: Settings, *arguments: str) -> list[dict]:
    """Return what `values --json` has."""
    return partnerflow(settings, "values", *arguments, "--json").json()["values"]


def test_values_of_an_open_list_are_counted_by_program(settings: Settings):
    """Each with the condition to copy, quoted where that is necessary."""
    assert values(settings, "partner groups") == [
        {"value": "Gold", "sentence": "Partner Group is any of Gold", "name": "", "partners": {"1000": 2, "2000": 1}},
        {
            "value": "Silver, EU", "sentence": 'Partner Group is any of "Silver, EU"', "name": "",
            "partners": {"1000": 1},
        },
    ]  # fmt: skip
    text = partnerflow(settings, "values", "Partner Group").stdout
    assert '"Silver, EU"' in text
    assert "2 values.\nWrite, for example: Partner Group is any of Gold\n" in text


def test_values_are_searched_in_any_letter_case(settings: Settings):
    """In names too, where the condition is on ids."""
    assert [one["value"] for one in values(settings, "Partner Name", "CREEK")] == ["creek two", "Quiet Creek"]
    assert [(one["value"], one["name"]) for one in values(settings, "Partner ID", "creek")] == [
        ("p1", "Quiet Creek"), ("p2", "creek two"),
    ]  # fmt: skip
    assert (
        "No value of Partner Name has 'river' in it." in partnerflow(settings, "values", "Partner Name", "river").stdout
    )


def test_values_of_a_closed_list_include_those_that_no_partner_has(settings: Settings):
    """A stage without partners is still a value."""
    found = {one["value"]: one["partners"] for one in values(settings, "Relationship Stage")}
    assert found == {
        "None": {}, "New": {"1000": 1, "2000": 1}, "Outreach": {}, "Negotiating": {}, "Joined": {"1000": 1},
        "Expired": {},
    }  # fmt: skip


def test_values_of_workflows_are_their_ids_with_names(settings: Settings):
    """Read from the definitions."""
    assert [(one["value"], one["name"], one["partners"]) for one in values(settings, "Contacted By", "14 days")] == [
        ("few-clicks-14", "Few clicks after 14 days", None),
        ("prospect-follow-up-14", "Prospects: second follow-up after 14 days", None),
    ]


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("Clicks", "Clicks has no list of values. Write Clicks greater than 100, less than 100, or is 0."),
        ("Partner Grup", "'Partner Grup' is not a valid condition. Did you mean Partner Group? The conditions are"),
        ("Partner Group is any of", "is not a valid condition."),
    ],
)
def test_values_of_anything_else_is_an_error(settings: Settings, label: str, says: str):
    """The error says what to write."""
    answer = partnerflow(settings, "values", label)
    assert (answer.code, answer.stdout, says in answer.stderr) == (1, "", True)


def test_values_before_the_first_run_are_known_for_closed_lists(tmp_path: Path):
    """An open list needs a run."""
    own = Settings(state_dir=tmp_path / "var", workflows=CHECKOUT / "workflows")
    assert len(values(own, "Relationship Stage")) == 6
    assert "Nothing has been published yet." in partnerflow(own, "values", "Partner Group").stderr
