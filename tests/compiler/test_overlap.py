"""Overlaps of segments, each compared with the compiled SQL and the oracle."""

import os
from collections.abc import Iterable
from datetime import date
from itertools import combinations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from compiler import Compiler, Workflow
from compiler.analysis.overlap import Overlap, overlaps
from compiler.analysis.sequences import WorkflowSequence, find_sequences
from flows.definitions.loader import read_definitions
from flows.settings import CHECKOUT, Settings
from support.account import VOCABULARY
from support.cli import partnerflow
from support.definitions import workflow, workflow_without_yaml
from support.example_partners import by_oracle, by_sql
from support.oracle import Oracle, meaning
from support.states import HOUR
from support.strategies import Draw, draws

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
ON = date(2026, 3, 20)
COMPILER = Compiler(VOCABULARY)
JOINED = "Relationship Stage is any of Joined"


def pair(*segments: Iterable[str], compiler: Compiler = COMPILER) -> Overlap | None:
    """Return the overlap of two segments, or None if they have none."""
    found = overlaps([workflow(name, "1000", one) for name, one in zip("ab", segments, strict=True)], compiler, ON)
    return next(iter(found.pairs), None)


def expected_workflows(found: Overlap) -> dict[str, set[str]]:
    """Return, for each example of an overlap, the workflows that the example must be a member of."""
    one, other = found.workflows
    return {"both": {one, other}, "first_only": {one}, "second_only": {other}}


def oracle_conditions(workflows: Iterable[Workflow]) -> dict[str, list[tuple]]:
    """Return the segments as the oracle reads them, by workflow id."""
    return {one.id: [meaning(str(condition)) for condition in one.segment] for one in workflows}


@pytest.fixture(scope="module")
def examples() -> dict[str, Workflow]:
    """The sixteen example workflows, by id."""
    return {one.id: one for one in read_definitions(Settings(workflows=CHECKOUT / "workflows")).workflows}


@pytest.fixture(scope="module")
def found(examples) -> dict[tuple[str, str], Overlap]:
    """The overlaps of the example workflows, by the two ids."""
    return {one.workflows: one for one in overlaps(examples.values(), COMPILER, ON).pairs}


@pytest.fixture(scope="module")
def sequences(examples) -> dict[str, WorkflowSequence]:
    """The sequences of the example workflows, by the first step."""
    return {one.workflows[0]: one for one in find_sequences(examples.values(), COMPILER, ON)}


def test_example_6_overlaps_and_example_4_does_not(found):
    """The help page says so: in Example 4, the revenue is "within two separate time periods"."""
    six = found["revenue-1000", "revenue-10000"]
    assert six.relation == "overlap"
    assert sum(one.revenue for one in six.both.activity) == 10_000
    assert ("high-revenue-1-30", "high-revenue-31-60") not in found


@pytest.mark.long
def test_example_overlaps_agree_with_sql_and_oracle(found, examples):
    """The SQL puts the partner of each of the 28 overlaps into both segments, and the oracle confirms all examples."""
    assert len(found) == 28
    for one in found.values():
        two = [examples[name] for name in one.workflows]
        assert by_sql(one.both, two, COMPILER) == set(one.workflows), str(one.both)
        for name, expected in expected_workflows(one).items():
            example = getattr(one, name)
            held = example and by_oracle(example, two[0].program, oracle_conditions(two))
            assert example is None or held == expected, (one.workflows, str(example))


def test_example_segments_inside_one_another_are_found(found):
    """Three pairs have one segment inside the other, unless a refund makes revenue negative; two segments are equal."""
    relations = {names: (one.relation, one.except_when) for names, one in found.items() if one.relation != "overlap"}
    assert relations == {
        ("first-action-30", "high-revenue-1-30"): ("superset", None),
        ("first-action-30", "revenue-1000"): ("superset", None),
        ("first-action-30-60", "high-revenue-31-60"): ("superset", "a day's revenue is negative"),
        ("high-revenue-1-30", "revenue-1000"): ("equal", None),
    }
    refunds = found["first-action-30-60", "high-revenue-31-60"].second_only
    assert any(one.revenue < 0 for one in refunds.activity)


def test_example_5_is_a_sequence_without_overlap(sequences, examples):
    """No partner is in two steps in the same hour, or in a later step without having been in the steps before."""
    five = sequences["few-clicks-14"]
    assert five.workflows == ("few-clicks-14", "few-clicks-30", "few-clicks-60", "few-clicks-90")
    assert five.overlaps == ()
    assert [(gap.days, gap.is_intended) for gap in five.gaps] == [((15, 29), True), ((31, 59), True), ((61, 89), True)]
    assert five.continues == five.workflows[1:]
    for gap in five.gaps:
        assert by_sql(gap.example, [examples[name] for name in five.workflows], COMPILER) == set()


def test_example_3_overlaps_on_day_30_and_example_4_does_not(sequences, examples):
    """The SQL puts the example partner into both steps of Example 3."""
    (overlap,) = sequences["first-action-30"].overlaps
    assert (overlap.workflows, overlap.days) == (("first-action-30", "first-action-30-60"), (30, 30))
    assert by_sql(overlap.example, [examples[name] for name in overlap.workflows], COMPILER) == set(overlap.workflows)
    four = [one for one in examples.values() if one.id.startswith("high-revenue")]
    (chain,) = find_sequences(four, COMPILER, ON)
    assert (chain.days, chain.gaps, chain.overlaps) == (((1, 30), (31, 60)), (), ())


def test_gap_between_two_ranges_is_not_intended():
    """A partner on day 31 meets all conditions of the first step except its days, and is in neither step."""
    rest = ["Performance Date Range is Last 60 Days", "Revenue greater than 9"]
    two = [
        workflow(name, "1000", [JOINED, f"Last Transition Date interval between {first} and {last} Days Ago", *rest])
        for name, first, last in (("early", 1, 30), ("late", 32, 60))
    ]
    (chain,) = find_sequences(two, COMPILER, ON)
    (gap,) = chain.gaps
    assert (gap.days, gap.is_intended) == ((31, 31), False)
    assert by_sql(gap.example, two, COMPILER) == by_oracle(gap.example, "1000", oracle_conditions(two)) == set()
    assert sum(one.revenue for one in gap.example.activity) == 10


def test_step_with_a_more_recent_window_can_be_the_first():
    """Clicks on day 3 keep a partner out of the first step, but are too old to count for the second."""
    two = [
        workflow(str(day), "1000", [JOINED, f"Last Transition Date is {day} Days Ago", window, "Clicks less than 5"])
        for day, window in (
            (7, "Performance Date Range interval between 0 and 7 Days Ago"),
            (30, "Performance Date Range interval between 0 and 7 Days Ago"),
        )
    ]
    (chain,) = find_sequences(two, COMPILER, ON)
    assert chain.continues == ()


DAYS = "Performance Date Range interval between {} and {} Days Ago"

PAIRS = {
    "stages": (["Relationship Stage is any of New"], [JOINED], None),
    "select all is not none": (
        ["Relationship Stage is any of Select All"],
        ["Relationship Stage is any of None"],
        None,
    ),
    "dates that meet days": (
        [JOINED, "Last Transition Date is Last 7 Days"],
        [JOINED, "Last Transition Date between Oct 1 2024 and Oct 7 2024"],
        "overlap",
    ),
    "dates apart": (
        [JOINED, "Last Transition Date between Oct 1 2024 and Oct 7 2024"],
        [JOINED, "Last Transition Date between Oct 8 2024 and Oct 9 2024"],
        None,
    ),
    "dates inside dates": (
        [JOINED, "Last Transition Date between Oct 2 2024 and Oct 3 2024"],
        [JOINED, "Last Transition Date between Oct 1 2024 and Oct 7 2024"],
        "subset",
    ),
    "nested windows": (
        [DAYS.format(0, 14), "Clicks greater than 9"],
        [DAYS.format(0, 30), "Clicks less than 10"],
        None,
    ),
    "clicks are whole": (
        [DAYS.format(0, 14), "Clicks greater than 9"],
        [DAYS.format(0, 14), "Clicks less than 11"],
        "overlap",
    ),
    "nothing between": (
        [DAYS.format(0, 14), "Clicks greater than 9"],
        [DAYS.format(0, 14), "Clicks less than 10"],
        None,
    ),
    "windows beside each other": (
        [DAYS.format(0, 14), "Clicks greater than 9"],
        [DAYS.format(15, 30), "Clicks less than 10"],
        "overlap",
    ),
    "one action has all the revenue": (
        [DAYS.format(0, 30), "Actions less than 2", "Revenue greater than 100"],
        [DAYS.format(0, 14), "Revenue greater than 0", "Revenue less than 50"],
        None,
    ),
    "one action in both windows": (
        [DAYS.format(0, 30), "Actions less than 2", "Revenue greater than 100"],
        [DAYS.format(0, 14), "Revenue greater than 0"],
        "overlap",
    ),
    "two actions share it": (
        [DAYS.format(0, 30), "Actions less than 3", "Revenue greater than 100"],
        [DAYS.format(0, 14), "Revenue greater than 0", "Revenue less than 50"],
        "overlap",
    ),
    "a name and another": (["Partner Name is any of A, B"], ["Partner Name is any of C"], None),
    "a name in both": (["Partner Name is any of A, B"], ["Partner Name is any of B"], "superset"),
    "groups never exclude": (["Partner Group is any of A"], ["Partner Group is any of B"], "overlap"),
    "one contract has one stage": (
        ["Contract ID is any of S", "Contract Stage is any of Joined"],
        ["Contract ID is any of S", "Contract Stage is any of Expired"],
        None,
    ),
    "two contracts have two": (["Contract Stage is any of Joined"], ["Contract Stage is any of Expired"], "overlap"),
    "none means without a contract": (["Contract Stage is any of None"], ["Contract ID is any of S"], None),
    "none or joined": (["Contract Stage is any of None, Joined"], ["Contract Stage is any of Joined"], "superset"),
    "a contract that counts, or any": (
        ["Contract Stage is any of Select All"],
        ["Contract Stage is none of None"],
        "equal",
    ),
    "everybody but a stage": (
        ["Contract Stage is none of Joined"],
        ["Contract Stage is any of None"],
        "superset",
    ),
    "in play is not expired": (
        ["Contract ID is any of S", "Contract Stage is any of Expired"],
        ["Contract ID is any of S", "Partner Template Term is any of Gold"],
        None,
    ),
    "part of a part": (
        ['Partner Template Term contains "gold tier"'],
        ['Partner Template Term contains "OLD"'],
        "subset",
    ),
    "part of a name": (
        ["Partner Template Term is any of Gold Tier"],
        ['Partner Template Term contains "gold"'],
        "subset",
    ),
    "today, and all history": ([DAYS.format(0, 0), "Clicks greater than 5"], ["Clicks greater than 5"], "subset"),
}
"""Two segments and the relation of the first to the second; None if no partner can be in both."""


@pytest.mark.parametrize("name", PAIRS)
def test_relation_of_two_segments_is_as_expected(name: str):
    """By the SQL and the oracle, each example partner is in the segments that the overlap says."""
    first, second, expected = PAIRS[name]
    one = pair(first, second)
    assert (one and one.relation) == expected
    if one:
        two = [workflow("a", "1000", first), workflow("b", "1000", second)]
        for example_name, ids in expected_workflows(one).items():
            example = getattr(one, example_name)
            if example:
                held = by_sql(example, two, COMPILER), by_oracle(example, "1000", oracle_conditions(two))
                assert held == (ids, ids), (example_name, str(example))


def test_today_overlaps_last_7_days_only_by_setting():
    """Last 7 Days overlaps with Today only if the setting includes today."""
    two = [JOINED, "Last Transition Date is Today"], [JOINED, "Last Transition Date is Last 7 Days"]
    assert pair(*two) is None
    assert pair(*two, compiler=Compiler(VOCABULARY, last_n_days_include_today=True)).relation == "subset"


def test_unsatisfiable_segment_is_reported_and_in_no_pair():
    """Its id is in `unsatisfiable`, and it overlaps with no other segment."""
    empty = workflow("empty", "1000", [JOINED, "Contract Stage is any of None, Joined", "Contract ID is any of S"])
    nobody = workflow("nobody", "1000", ["Relationship Stage is any of None", "Last Transition Date is Today"])
    found = overlaps([empty, nobody, workflow("some", "1000", [JOINED])], COMPILER, ON)
    assert found.unsatisfiable == ("nobody",)
    assert [one.workflows for one in found.pairs] == [("empty", "some")]


def test_segments_of_two_programs_never_overlap():
    """Segments are evaluated per program and partner."""
    here, there = (workflow(name, program, [JOINED]) for name, program in (("a", "1000"), ("b", "2000")))
    assert overlaps([here, there], COMPILER, ON).pairs == ()


@settings(
    max_examples=3000 if LONG else 20,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate] + ([Phase.shrink] if LONG else []),
)
@given(drawn=draws(), data=st.data())
def test_overlaps_of_drawn_segments_are_correct(drawn: Draw, data: st.DataObject):
    """The oracle confirms all example partners and the SQL one of them, and no drawn partner contradicts a relation."""
    compiler = Compiler(VOCABULARY, drawn.include_today)
    workflows = {
        name: workflow_without_yaml(name, one.program, one.sentences, drawn.named_sentences)
        for name, one in drawn.segments.items()
    }
    found = overlaps(workflows.values(), compiler, drawn.hours[0].date())
    confirmed = []
    for one in found.pairs:
        two = [workflows[workflow_id] for workflow_id in one.workflows]
        assert one.relation != "undecided" or any(map(may_be_undecided, two)), one.except_when
        for name, expected in expected_workflows(one).items():
            example = getattr(one, name)
            if example:
                segments = {name: drawn.segments[name].conditions for name in one.workflows}
                held = by_oracle(example, two[0].program, segments, drawn.include_today, drawn.named_conditions)
                assert held == expected, f"{one.workflows} {name}: {example}"
                confirmed.append((example, two, expected))
    if confirmed:
        example, two, expected = data.draw(st.sampled_from(confirmed))
        assert by_sql(example, two, compiler) == expected, str(example)
    for hour in drawn.hours:
        assert_not_contradicted(drawn, found, hour)


def may_be_undecided(workflow: Workflow) -> bool:
    """Return whether a segment has a condition that is not analyzed, or refers to others, which may be too many."""
    return any(one.label.startswith(("Segment", "Contract End", "Contacted By")) for one in workflow.segment)


def assert_not_contradicted(drawn: Draw, found, hour) -> None:
    """Assert that no partner of the account contradicts a relation."""
    pairs = {one.workflows: one for one in found.pairs}
    members = {}
    for name, segment in drawn.segments.items():
        oracle = Oracle(drawn.rows, segment.program, hour, drawn.include_today, drawn.named_conditions)
        members[name] = oracle.members(segment.conditions)
        assert not (name in found.unsatisfiable and members[name])
    for names in combinations(sorted(drawn.segments), 2):
        if drawn.segments[names[0]].program != drawn.segments[names[1]].program:
            continue
        one, other = (members[name] for name in names)
        relation = pairs[names].relation if names in pairs else "never"
        if relation == "never" and not set(names) & set(found.unsatisfiable):
            assert not one & other, f"{names} overlap"
        if names in pairs and pairs[names].except_when is None:
            assert not (relation in ("subset", "equal") and one - other), f"{names[0]} is not inside {names[1]}"
            assert not (relation in ("superset", "equal") and other - one), f"{names[1]} is not inside {names[0]}"


def test_overlaps_command_prints_pairs_and_json(tmp_path):
    """With a workflow's id, the command prints only the overlaps of that workflow."""
    settings = Settings(state_dir=tmp_path / "var", workflows=CHECKOUT / "workflows")
    output = partnerflow(settings, "overlaps", "revenue-10000", "--as-of", HOUR.isoformat()).stdout
    assert "revenue-1000 and revenue-10000 can reach the same partner in the same hour." in output
    assert "few-clicks-14 and first-action-30 " not in output
    document = partnerflow(settings, "overlaps", "--as-of", HOUR.isoformat(), "--json").json()
    assert list(document) == ["overlaps", "disjoint", "sequences", "unsatisfiable"]
    assert (len(document["overlaps"]), document["disjoint"]) == (28, 37)
    six = next(one for one in document["overlaps"] if one["workflows"] == ["revenue-1000", "revenue-10000"])
    assert list(six) == ["workflows", "relation", "except_when", "both", "first_only", "second_only"]
    assert six["both"]["activity"] == [{"day": "2026-03-19", "clicks": 0, "actions": 1, "revenue": "10000"}]


def test_overlaps_page_shows_the_output_of_the_command(tmp_path):
    """docs/overlaps.md has the output of the command, line by line."""
    page = (CHECKOUT / "docs" / "overlaps.md").read_text()
    command, printed = page.split("```console\n$ partnerflow ", 1)[1].split("```", 1)[0].split("\n", 1)
    settings = Settings(state_dir=tmp_path / "var", workflows=CHECKOUT / "workflows")
    assert partnerflow(settings, *command.split()).stdout == printed
