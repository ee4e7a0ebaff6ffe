"""Who is in an edited segment, by the SQL of a run, from facts that are kept open and cut to the hour."""

import shutil
from collections import Counter
from datetime import timedelta

import pytest

import flows.studio.segment.facts
from compiler import PartnerflowError
from flows.definitions.loader import read_definitions
from flows.definitions.text_edit import with_values
from flows.preview.explain import explain
from flows.preview.preview import preview
from flows.studio.segment.ahead import NAMED, expected, neighbours, outlook
from flows.studio.segment.facts import OpenFacts
from flows.studio.segment.members import SHOWN, SegmentMembers, segment_members
from flows.studio.segment.saved import members_of_users
from flows.studio.studio import Known
from flows.warehouse.connection import open_warehouse
from support.definitions import VOCABULARY, workflow
from support.example_members import MEMBERS
from support.example_workflows import copy_workflows
from support.states import HOUR

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def definitions(example):
    """The definitions of the sixteen workflows."""
    return read_definitions(example[0])


@pytest.fixture(scope="module")
def opened(example):
    """The facts of the example, open."""
    facts = OpenFacts(example[0], VOCABULARY)
    yield facts
    facts.close()


def members(opened: OpenFacts, definitions, chosen, as_of=HOUR) -> SegmentMembers:
    """Return who is in a segment."""
    with opened.use() as facts:
        return segment_members(facts, chosen, definitions.compiler, as_of)


@pytest.mark.parametrize("as_of", [HOUR, HOUR - DAY, HOUR - 40 * DAY], ids=["now", "yesterday", "long-ago"])
def test_numbers_are_those_of_preview(example, opened, definitions, as_of):
    """Of all workflows, at the hour and at past ones."""
    for one in definitions.workflows:
        seen, found = preview(example[0], one, definitions.compiler, as_of), members(opened, definitions, one, as_of)
        assert (found.members, found.addresses) == (len(seen.members), seen.addresses), one.id
        first = sorted(partner for _, partner, _ in seen.members)[:SHOWN]
        assert [partner.partner_id for partner in found.inside] == first, one.id


def test_conditions_on_contracts_hold_on_the_same_contract(example, opened, definitions):
    """A partner that meets each of them on another contract is not in, as in a run."""
    term, stage = "Creator Standard Terms", "Awaiting Advertiser Approval"
    one = workflow("w", "2000", [f"Contract Stage is any of {stage}", f"Partner Template Term is any of {term}"])
    seen, found = preview(example[0], one, definitions.compiler, HOUR), members(opened, definitions, one)
    assert found.members == len(seen.members)
    nearest = found.outside[0]
    assert (nearest.partner_id, [each.holds for each in nearest.conditions]) == ("33005040", [True, True])


def test_reasons_are_those_of_explain(example, opened, definitions):
    """Whether each condition holds, and the actual value, for partners in and out."""
    one = definitions["revenue-1000"]
    found = members(opened, definitions, one)
    assert {partner.partner_id for partner in found.inside} <= set(MEMBERS["revenue-1000"])
    assert found.outside
    for partner in (*found.inside, *found.outside):
        explained = explain(example[0], one, partner.partner_id, definitions.compiler, HOUR)
        assert partner.conditions == explained.conditions
        assert partner.name == (explained.name or partner.partner_id)


def test_nearest_partners_fail_the_fewest_conditions(opened, definitions):
    """Those that a small change would let in are shown first."""
    found = members(opened, definitions, definitions["revenue-1000"])
    failed = [sum(not one.holds for one in partner.conditions) for partner in found.outside]
    assert failed == sorted(failed) and failed[0] == 1


def test_each_condition_has_the_number_of_partners_that_meet_it(opened, definitions):
    """By itself; the last one of a segment shows what narrows it."""
    sentences = ["Relationship Stage is any of Joined", "Relationship Stage is none of Joined"]
    joined, others = (members(opened, definitions, workflow("w", "1000", [one])) for one in sentences)
    both = members(opened, definitions, workflow("w", "1000", [sentences[0], "Clicks less than 1000000"]))
    assert joined.met == (joined.members,) and joined.members + others.members == joined.partners
    assert both.met == (joined.members, both.partners)


def test_a_changed_condition_reads_only_what_it_needs(opened, definitions, monkeypatch):
    """The facts of the hour are cut once; another hour cuts them again."""
    cut: Counter[str] = Counter()
    create = flows.studio.segment.facts.create_temp_table
    monkeypatch.setattr(
        flows.studio.segment.facts, "create_temp_table",
        lambda connection, name, query: (cut.update([name]), create(connection, name, query)),
    )  # fmt: skip
    hour = HOUR - 2 * DAY
    for clicks in (10, 20, 30):
        members(opened, definitions, workflow("w", "1000", [f"Clicks less than {clicks}"]), hour)
    assert cut == {"studio_partners_as_of": 1, "studio_performance_as_of": 1}
    members(opened, definitions, workflow("w", "1000", ["Contract Stage is any of Joined"]), hour)
    assert cut == {"studio_partners_as_of": 1, "studio_performance_as_of": 1, "studio_contracts_as_of": 1}
    members(opened, definitions, workflow("w", "2000", ["Clicks less than 10"]), hour)
    assert cut["studio_performance_as_of"] == 2


def test_facts_are_opened_again_when_something_is_published(example, tmp_path):
    """Until then the session stays open."""
    shutil.copytree(example[0].state_dir, tmp_path / "var")
    settings = example[0].model_copy(update={"state_dir": tmp_path / "var"})
    opened = OpenFacts(settings)
    with opened.use() as first:
        pass
    with opened.use() as second:
        assert second is first
    fresh = tmp_path / "fresh.duckdb"
    shutil.copy(settings.published, fresh)
    fresh.replace(settings.published)
    with opened.use() as third:
        assert third is not first
        assert third.connection.execute("SELECT count(*) FROM marts.fct_partners").fetchone()[0]
    opened.close()


def test_an_error_of_one_request_leaves_the_next_one_well(opened, definitions):
    """The session is opened again."""
    with pytest.raises(ZeroDivisionError), opened.use():
        raise ZeroDivisionError
    assert members(opened, definitions, definitions["welcome"]).members == len(MEMBERS["welcome"])


def test_outlook_is_that_of_the_replay(example, opened, definitions):
    """Whom the workflow would contact now and in the next days."""
    with opened.use() as facts:
        found = outlook(facts, example[0], [definitions["few-clicks-14"]], definitions.compiler, HOUR)
    assert set(found.now()) | set(found.later()) <= {"few-clicks-14"}
    (one,) = expected(example[0], found, [definitions["few-clicks-14"]])
    assert (one.now, one.later) == (found.now()["few-clicks-14"], found.later()["few-clicks-14"])
    assert [len(one.first_now), len(one.first_later)] == [min(one.now, NAMED), min(one.later, NAMED)]
    assert all(partner.as_of > HOUR and partner.name != partner.partner_id for partner in one.first_later)


def test_members_of_users_are_those_before_and_after_a_change(example, opened, tmp_path):
    """By the SQL of a run; those of a workflow of another program are not counted."""
    settings = example[0].model_copy(update={"workflows": copy_workflows(tmp_path / "workflows")})
    joined, recent = "- Relationship Stage is any of Joined\n", "- Last Transition Date is Last 30 Days\n"
    file, names = settings.workflows / "segments" / "recent.yml", ("welcome", "prospect-welcome")
    file.parent.mkdir()
    file.write_text(joined + recent)
    for name in names:
        definition = settings.workflows / f"{name}.yml"
        definition.write_text(with_values(name, definition.read_text(), {"segment": None}) + "segment: recent\n")
    read = read_definitions(settings)
    known = [Known(name, settings.workflows / f"{name}.yml", read[name]) for name in names]
    with opened.use() as facts:
        facts.cut_to("1000", HOUR)
        found = members_of_users(facts, settings, known, {file.absolute(): joined}, read.compiler)
    before = preview(settings, read["welcome"], read.compiler, HOUR)
    after = members(opened, read, workflow("w", "1000", [joined.removeprefix("- ").strip()]))
    assert [(one.before, one.after) for one in found] == [(len(before.members), after.members), (None, None)]
    assert 0 < len(before.members) < after.members


def test_overlapping_workflows_are_named_from_the_edited_one(definitions):
    """The relation is that of this segment to the other, whichever id comes first."""
    one = definitions["revenue-10000"]
    near = neighbours(one, definitions.workflows, definitions.compiler, HOUR)
    found = {other.workflow.id: other.relation for other in near}
    assert found["revenue-1000"] == "overlap"
    assert {definitions[name].program for name in found} == {one.program}
    narrow = workflow("a", "1000", [*map(str, one.segment), "Partner Group is any of Gold"])
    wide = {near.workflow.id: near.relation for near in neighbours(narrow, [one], definitions.compiler, HOUR)}
    assert wide == {"revenue-10000": "subset"}
    turned = workflow("z", "1000", [*map(str, one.segment), "Partner Group is any of Gold"])
    assert neighbours(turned, [one], definitions.compiler, HOUR)[0].relation == "subset"


def test_a_segment_that_nobody_can_be_in_is_said_to_be_so(definitions):
    """None, and not an empty list."""
    never = workflow("w", "1000", ["Clicks greater than 10", "Clicks less than 5"])
    assert neighbours(never, definitions.workflows, definitions.compiler, HOUR) is None


@pytest.mark.parametrize("is_built", [True, False], ids=["built", "not-built"])
def test_an_error_before_anything_is_published_leaves_the_warehouse_to_a_run(example, tmp_path, is_built: bool):
    """The session on the warehouse ends with the request, whatever became of it."""
    left_out = ["published"] if is_built else ["published", "dbt_project"]
    shutil.copytree(example[0].state_dir, tmp_path / "var", ignore=shutil.ignore_patterns(*left_out))
    settings = example[0].model_copy(update={"state_dir": tmp_path / "var"})
    opened = OpenFacts(settings)
    with pytest.raises(PartnerflowError), opened.use() as facts:
        facts.cut_to("1000", HOUR)
        raise PartnerflowError("no such partner")
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("CREATE TABLE raw.written (one INTEGER)")
