"""explain agrees with the membership, shows each condition, and predicts the next change."""

from datetime import datetime
from pathlib import Path

import pytest

from compiler import Compiler, PartnerflowError
from flows.cli.output.explanation import explanation_lines
from flows.definitions.loader import read_definitions
from flows.preview.explain import explain
from flows.preview.partner.find import partner_id_of
from flows.preview.preview import preview
from flows.settings import Settings
from flows.warehouse.connection import open_read_only, open_warehouse
from flows.warehouse.program_names import read_program_names
from support.cli import partnerflow
from support.databases import ENGINE
from support.definitions import VOCABULARY, workflow
from support.example_members import MEMBERS, NOT_MEMBERS
from support.published import partner, publish_rows
from support.states import HOUR

COMPILER = Compiler(VOCABULARY)
PAIRS = [(name, next(iter(members))) for name, members in MEMBERS.items()]
NEAR_MISSES = [(name, partner) for name, partners in NOT_MEMBERS.items() for partner in list(partners)[:2]]


@pytest.fixture(scope="module")
def definitions(example):
    """The definitions of the sixteen workflows."""
    return read_definitions(example[0])


@pytest.mark.parametrize(("workflow", "partner"), PAIRS + NEAR_MISSES)
def test_explain_agrees_with_membership(example, definitions, workflow: str, partner: str):
    """A member meets every condition; any other partner fails at least one."""
    found = explain(example[0], definitions[workflow], partner, definitions.compiler, HOUR)
    assert found.member == (partner in MEMBERS[workflow])
    assert all(condition.holds for condition in found.conditions) == found.member


@pytest.mark.parametrize(
    ("workflow", "partner", "at"),
    [
        ("few-clicks-14", "21005016", "2026-03-21T04:00:00Z"),  # midnight in New York
        ("prospect-invite", "33001007", "2026-03-20T19:00:00Z"),  # 00:30 in Kolkata, the first run of the next day
        ("welcome", "21004803", "2026-03-20T22:00:00Z"),  # its contract starts at 18:00 in New York
        ("revenue-1000", "21006062", "2026-04-01T04:00:00Z"),
    ],
)
def test_next_change_happens_at_the_predicted_hour(example, definitions, workflow: str, partner: str, at: str):
    """At the predicted hour the partner has entered or left the segment."""
    settings, _ = example
    chosen = definitions[workflow]
    found = explain(settings, chosen, partner, definitions.compiler, HOUR)
    assert found.next_change == at
    at_hour = preview(settings, chosen, definitions.compiler, datetime.fromisoformat(at))
    assert (partner in {one for _, one, _ in at_hour.members}) == (found.then == "enters") != found.member


def test_next_change_is_at_an_hour_of_the_deployments_zone(example, definitions):
    """Midnight in Kolkata is an hour of a deployment in that zone; on UTC the next run comes half an hour later."""
    settings = example[0].model_copy(update={"timezone": "Asia/Kolkata"})
    found = explain(settings, definitions["prospect-invite"], "33001007", definitions.compiler, HOUR)
    assert found.next_change == "2026-03-20T18:30:00Z"


def test_explain_shows_conditions_as_json_and_text(example):
    """Each condition is in the JSON and in the text."""
    settings, _ = example
    arguments = ("explain", "few-clicks-14", "21005057", "--as-of", HOUR.isoformat())
    document = partnerflow(settings, *arguments, "--json").json()
    assert (document["member"], document["already_contacted_at"]) == (False, None)
    assert document["conditions"][3] == {
        "text": "Clicks less than 100", "holds": False, "actual": "100", "dates": None,
    }  # fmt: skip
    text = partnerflow(settings, *arguments).stdout
    assert "21005057 (Exactly One Hundred) is not in few-clicks-14 as of 2026-03-20 14:00 EDT." in text
    assert "✓ Last Transition Date is 14 Days Ago (2026-03-06): 2026-03-06\n" in text
    assert "✗ Clicks less than 100: 100\n" in text


def test_explain_takes_the_name_of_a_partner(example, tmp_path: Path):
    """In any letter case, of the program. One that several partners have is an error that lists their ids."""
    by_id, by_name = (
        partnerflow(example[0], "explain", "few-clicks-14", who, "--as-of", HOUR.isoformat(), "--json").json()
        for who in ("21005024", "quiet CREEK ")
    )
    assert by_id == by_name
    twins = Settings(state_dir=tmp_path / "var")
    publish_rows(twins.published, fct_partners=[partner("p1", "Twin"), partner("p2", "Twin"), partner("Twin", "Other")])
    assert partner_id_of(twins, "1000", "p2") == "p2"
    assert partner_id_of(twins, "1000", "Twin") == "Twin"
    assert partner_id_of(twins, "2000", "Other") == "Other"
    with pytest.raises(PartnerflowError, match=r"2 partners of 1000 are named 'twin'\. Give an id: p1, p2\."):
        partner_id_of(twins, "1000", "twin")


def test_explain_shows_the_conditions_of_named_segments(example):
    """Below the condition that refers to a segment, at any depth, with the partner's actual values."""
    named = {
        "few": ["Performance Date Range interval between 0 and 14 Days Ago", "Clicks less than 100"],
        "joined": ["Relationship Stage is any of Joined", "Segment is none of few"],
    }
    both = workflow("both", "1000", ["Segment is any of few, joined"], named)
    found = explain(example[0], both, "21005057", COMPILER, HOUR)
    (condition,) = found.conditions
    few, joined = condition.segments
    assert (found.member, condition.actual, few.member, joined.member) == (True, "joined", False, True)
    document = found.as_json()["conditions"][0]["segments"][1]["conditions"]
    assert [one["text"] for one in document] == named["joined"]
    assert document[1]["segments"][0]["conditions"][1] == {
        "text": "Clicks less than 100", "holds": False, "actual": "100", "dates": None,
    }  # fmt: skip
    text = "\n".join(map(str, explanation_lines(found, read_program_names(example[0]))))
    assert "✓ Segment is any of few, joined: joined\n    few:\n    ✓ Performance Date Range" in text
    assert "        few:\n        ✓ Performance Date Range" in text


def test_explain_shows_contacts_and_missing_addresses(example, definitions):
    """One member has no address and one is unsubscribed; the others were sent the welcome."""
    settings, _ = example
    welcome = definitions["welcome"]
    found = {one: explain(settings, welcome, one, definitions.compiler, HOUR) for one in MEMBERS["welcome"]}
    assert {one for one, why in found.items() if why.state == "sent"} == set(MEMBERS["welcome"]) - {
        "21004745",
        "21004761",
    }
    assert (found["21004745"].addresses, found["21004745"].unsubscribed) == (0, 0)
    assert (found["21004761"].addresses, found["21004761"].unsubscribed) == (0, 1)


def test_explain_of_an_unknown_partner_is_an_error(example):
    """The message names the program and the partner, and the exit code is 1."""
    answer = partnerflow(example[0], "explain", "welcome", "nobody")
    assert answer.code == 1
    assert "Program 1000 has no partner nobody." in answer.stderr


def test_explain_says_why_the_partner_has_its_stage(example):
    """The event, its contract, when its row was loaded, and whether it was inferred; in JSON and in a sentence."""
    settings, _ = example
    arguments = ("explain", "prospect-invite", "33001056", "--as-of", HOUR.isoformat())
    assert partnerflow(settings, *arguments, "--json").json()["stage_reason"] == {
        "stage": "Outreach",
        "since": "2026-03-17T04:30:00Z",
        "event": "proposal sent",
        "contract_id": "P-25200001",
        "seen_at": "2026-03-20T17:50:00Z",
        "is_inferred": True,
    }
    assert (
        "Outreach since 2026-03-17 10:00 IST: proposal sent (P-25200001), loaded at 2026-03-20 23:20 IST, "
        "inferred from a later stage of the contract.\n"
    ) in partnerflow(settings, *arguments).stdout


@pytest.mark.parametrize("end", ["9999-12-31", "12000-01-01", "infinity"])
def test_explain_of_an_open_end_written_as_a_date(copied: Settings, end: str):
    """A contract that ends in the year 9999, in a later one, or never, changes nothing in the days ahead."""
    definitions = read_definitions(copied)
    welcome = definitions["welcome"]
    before = explain(copied, welcome, "21004711", definitions.compiler, HOUR)
    with open_warehouse(copied.warehouse) as connection:
        query = "INSERT INTO marts.fct_relationship_history (program_id, partner_id, valid_from) VALUES ('1000', ?, ?)"
        connection.execute(query, ["21004711", end])
    assert explain(copied, welcome, "21004711", definitions.compiler, HOUR) == before


def test_explain_shows_years_that_python_has_no_dates_for(copied: Settings):
    """They are shown as the warehouse writes them."""
    definitions = read_definitions(copied)
    with open_warehouse(copied.warehouse) as connection:
        connection.execute(
            "UPDATE marts.fct_relationship_history SET valid_from = '0044-03-15 (BC)', seen_at = '12000-01-01', "
            "valid_to = NULL WHERE partner_id = '21004711'"
        )
    found = explain(copied, definitions["few-clicks-14"], "21004711", definitions.compiler, HOUR)
    assert found.stage_reason is not None
    ides = {"duckdb": "0044-03-15 (BC) 00:00:00", "postgres": "0044-03-15 00:00:00 BC"}[ENGINE]
    assert (found.stage_reason.since, found.stage_reason.seen_at) == (ides, "12000-01-01 00:00:00")


DAY = ("--from", "2026-03-20", "--to", "2026-03-20")


@pytest.mark.parametrize(
    "command",
    [
        ("preview", "welcome", "--as-of", HOUR.isoformat()),
        ("explain", "welcome", "21004803", "--as-of", HOUR.isoformat()),
        ("history", "welcome", *DAY),
        ("simulate", "welcome", *DAY),
    ],
    ids=lambda command: command[0],
)
def test_previews_only_read_the_warehouse(example, command: tuple[str, ...]):
    """So any number of them use a DuckDB file at once: one that may write could not open it beside another one."""
    settings, _ = example
    with open_read_only(settings.warehouse):
        answer = partnerflow(settings, *command, "--json")
    assert (answer.code, answer.stderr) == (0, "")
