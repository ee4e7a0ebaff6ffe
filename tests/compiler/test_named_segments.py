"""Segments that refer to named segments: what is refused, how they are checked, compiled and compared."""

import os
from collections.abc import Iterable, Mapping
from datetime import date

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from compiler import Compiler, DefinitionError, check, project_vocabulary, read_definition, read_yaml
from compiler.analysis.overlap import overlaps
from compiler.language.definition import ReadWorkflow
from compiler.segment_tree import Condition
from compiler.sql.recheck import conditions_to_recheck, recheck_segment
from support.definitions import workflow, workflow_without_yaml
from support.oracle import Oracle, meaning
from support.strategies import Draw, draws

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
VOCABULARY = project_vocabulary()
COMPILER = Compiler(VOCABULARY)
JOINED = "Relationship Stage is any of Joined"
RECENT = "Performance Date Range interval between 0 and 60 Days Ago"


def read(sentences: Iterable[str], named: Mapping[str, Iterable[str]]) -> ReadWorkflow:
    """Return the workflow w of these sentences and named segments, as read from files."""
    files = {name: read_yaml(f"segments/{name}.yml", yaml.safe_dump(list(one))) for name, one in named.items()}
    head = {"name": "W", "program": "1000", "segment": list(sentences), "action": {"email": "m"}}
    return read_definition("w.yml", yaml.safe_dump(head, sort_keys=False), VOCABULARY, files)


@pytest.mark.parametrize(
    ("named", "code", "place", "message", "hint"),
    [
        ({"actve": ["Clicks greater than 5"]}, "unknown-segment", "w.yml:4:21", "There is no segment active.",
         "Did you mean actve?"),
        ({"active": ["Segment is any of b"]}, "unknown-segment", "segments/active.yml:1:21", "There is no segment b.",
         "A named segment is a file in workflows/segments/."),
        ({"active": ["Segment is any of b"], "b": ["Segment is none of active"]}, "segment-circle",
         "segments/b.yml:1:22", "The segment active contains itself: active → b → active.", "Remove one of these"),
        ({"active": ["Clicks les than 5"]}, "condition", "segments/active.yml:1:10", "After Clicks, 'les than 5'",
         "Write Clicks"),
        ({"active": {"a": 1}}, "condition", "segments/active.yml:1:3", "This does not begin with a known condition",
         "The conditions are"),
        ({name: [f"Segment is any of {inner}"] for name, inner in zip(["active", *"bcde"], [*"bcdef"], strict=True)}
         | {"f": [JOINED]}, "segment-depth", "w.yml:4:3", "nested 6 levels deep", "Use at most 5 levels."),
        ({"active": [f"Segment is any of {', '.join(f's{number}' for number in range(20))}"]}
         | {f"s{number}": [JOINED] * 10 for number in range(20)}, "segment-size", "w.yml:4:3", "has 202 conditions",
         "Use at most 200"),
    ],
)  # fmt: skip
def test_segment_that_cannot_be_used_is_a_problem(named, code: str, place: str, message: str, hint: str):
    """The problem is at the condition that names it, in the definition or in another segment."""
    with pytest.raises(DefinitionError) as caught:
        read(["Segment is any of active"], named)
    problem = caught.value.problems[0]
    assert (problem.code, f"{problem.path}:{problem.line}:{problem.column}") == (code, place)
    assert message in problem.message
    assert hint in problem.hint


def test_segment_named_as_a_whole_and_in_itself_is_a_circle():
    """`segment: a` begins the circle, too."""
    files = {"a": read_yaml("segments/a.yml", "[Segment is any of a]")}
    text = "name: W\nprogram: '1000'\nsegment: a\naction: {email: m}\n"
    with pytest.raises(DefinitionError, match="The segment a contains itself: a → a"):
        read_definition("w.yml", text, VOCABULARY, files)


def test_rule_broken_in_a_named_segment_is_a_problem_in_its_file():
    """Each segment must be valid by itself; what the workflow adds, such as its stage, need not be repeated."""
    named = {"idle": [RECENT, "Clicks less than 1"], "few": ["Performance Date Range is Last 7 Days", "Clicks is 0"]}
    found = check([read([JOINED, "Segment is any of idle, few"], named)], VOCABULARY)["w"]
    assert [(one.path, one.code, one.severity) for one in found] == [("segments/idle.yml", "less-than-one", "error")]


@pytest.mark.parametrize(
    ("sentences", "named"),
    [
        ([JOINED, "Segment is any of left"], {"left": ["Relationship Stage is any of Expired"]}),
        ([JOINED, "Segment is none of joined"], {"joined": [JOINED]}),
        ([RECENT, "Clicks is 0", "Segment is any of clicked"], {"clicked": [RECENT, "Clicks greater than 3"]}),
    ],
)
def test_segments_that_exclude_each_other_are_a_warning(sentences: list[str], named: dict[str, list[str]]):
    """The problem is at the condition on segments."""
    problems = check([read(sentences, named)], VOCABULARY)["w"]
    (found,) = [one for one in problems if one.code == "unmeetable-segments"]
    assert (found.severity, found.path) == ("warning", "w.yml")


def test_columns_of_named_segments_are_those_of_the_workflow():
    """Rows that are set aside hold a workflow whose named segments read them."""
    named = {"gold": ["Partner Group is any of Gold"], "sold": ["Revenue greater than 0", "Segment is any of gold"]}
    one = workflow("w", "1000", [JOINED, "Segment is none of sold"], named)
    expected = {"fct_partner_groups.group_name", "fct_performance_daily.revenue", "fct_partners.relationship_stage"}
    assert COMPILER.columns_read(one) == expected


RECHECKED = {
    "stage and upper bound": (
        ["Segment is any of s"], [JOINED, "Last Transition Date is Today", RECENT, "Clicks is 0"],
        [JOINED, "Clicks is 0", RECENT]),
    "nothing is checked": (["Segment is any of s"], ["Partner Group is any of Gold"], None),
    "one of two is always met": (["Segment is any of s, gold"], [JOINED], None),
    "no longer few": (["Segment is none of s"], [RECENT, "Clicks greater than 99"], ["Clicks greater than 99", RECENT]),
    "excluded by a date": (["Segment is none of s"], [JOINED, "Last Transition Date is Today"], None),
    "excluded few": (["Segment is none of s"], [RECENT, "Clicks less than 99"], None),
    "excluded stage": (["Segment is none of s, gold"], [JOINED], [JOINED]),
}  # fmt: skip


@pytest.mark.parametrize("case", RECHECKED)
def test_conditions_checked_again_for_missed_hours_are_weaker(case: str):
    """Stages and upper bounds are checked, also inside of segments; all else is taken as it was at the missed hour."""
    sentences, segment, expected = RECHECKED[case]
    named = {"s": segment, "gold": ["Partner Group is any of Gold"]}
    one = workflow("w", "1000", sentences, named)
    found = conditions_to_recheck(one, COMPILER.builder)
    assert bool(found) == (expected is not None)
    for condition in found:
        (weakened,) = recheck_segment(one, condition, COMPILER.builder).segments
        assert [str(part) for part in weakened.conditions] == expected


@settings(
    max_examples=2000 if LONG else 30,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate] + ([Phase.shrink] if LONG else []),
)
@given(drawn=draws())
def test_what_is_checked_again_holds_wherever_the_segment_does(drawn: Draw):
    """At the same hour, so that a partner can be left out only because of what has changed since; by the oracle."""
    for name, one in drawn.segments.items():
        drawn_workflow = workflow_without_yaml(name, one.program, one.sentences, drawn.named_sentences)
        members = oracle_of(drawn, one.program, drawn.named_conditions).members(one.conditions)
        for condition in conditions_to_recheck(drawn_workflow, COMPILER.builder):
            weaker = recheck_segment(drawn_workflow, condition, COMPILER.builder)
            named = {part.name: meanings(part.conditions) for part in weaker.segments}
            assert members <= oracle_of(drawn, one.program, named).members(meanings(weaker.segment)), str(condition)


def oracle_of(drawn: Draw, program: str, named: Mapping[str, Iterable[tuple]]) -> Oracle:
    """Return the oracle of a program at the first hour."""
    return Oracle(drawn.rows, program, drawn.hours[0], drawn.include_today, named)


def meanings(conditions: Iterable[Condition]) -> list[tuple]:
    """Return conditions as the oracle reads them."""
    return [meaning(str(condition)) for condition in conditions]


OVER_60 = "Performance Date Range interval between 61 and 150 Days Ago"
NAMED = {
    "sold": [RECENT, "Revenue greater than 0"],
    "sold-before": [OVER_60, "Revenue greater than 0"],
    "gold": ["Partner Group is any of Gold"],
    "left": ["Relationship Stage is any of Expired"],
    "gold-or-left": ["Segment is any of gold, left"],
    "ends": ["Contract End Date is in 30 Days"],
}
PAIRS = {
    "or": ([JOINED, "Segment is any of sold, gold"], [JOINED, "Segment is any of gold"], "superset"),
    "not": ([JOINED, "Segment is none of gold"], [JOINED, "Partner Group is any of Gold"], None),
    "nested": (["Segment is none of gold-or-left"], ["Relationship Stage is any of Expired"], None),
    "same": ([JOINED, "Segment is none of gold-or-left"], [JOINED, "Partner Group is none of Gold"], "equal"),
    "three windows": (
        [RECENT, "Actions is 0", "Segment is any of sold-before"],
        ["Performance Date Range is Last 30 Days", "Revenue greater than 0"], None),
    "three windows together": (
        [RECENT, "Clicks is 0", "Segment is any of sold-before"],
        ["Performance Date Range is Last 30 Days", "Revenue greater than 0"], "overlap"),
    "not analyzed": ([JOINED, "Segment is none of ends"], [JOINED], "undecided"),
    "not analyzed, and excluded": ([JOINED, "Segment is none of ends, gold"], ["Segment is any of gold"], None),
}  # fmt: skip


@pytest.mark.parametrize("case", PAIRS)
def test_relation_of_segments_of_segments_is_as_expected(case: str):
    """Or, not, nesting and many windows are decided; what is not analyzed never makes a pair impossible."""
    first, second, expected = PAIRS[case]
    two = [workflow(name, "1000", one, NAMED) for name, one in zip("ab", (first, second), strict=True)]
    found = overlaps(two, COMPILER, date(2026, 3, 20))
    assert [one.relation for one in found.pairs] == ([expected] if expected else [])
