"""Definition files: the problems of invalid ones, and the meaning of valid ones."""

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from compiler import SentenceError, parse, project_vocabulary, read_definition, read_yaml
from compiler.errors import DefinitionError
from compiler.lint.rules import RULES
from compiler.segment_tree import AnyOf, Compare, Contains, DateRange, DateWithin, DaysAgo, LastDays
from flows.definitions.loader import read_definitions
from flows.settings import CHECKOUT, Settings
from support.cli import partnerflow

VOCABULARY = project_vocabulary()

PRINTED = {
    "Relationship Stage is any of New": AnyOf("Relationship Stage", ("New",)),
    "Last Transition Date is Today": DateWithin("Last Transition Date", DaysAgo(0, 0)),
    "Last Transition Date is 7 Days Ago": DateWithin("Last Transition Date", DaysAgo(7, 7)),
    "Last Transition Date is 14 days ago": DateWithin("Last Transition Date", DaysAgo(14, 14)),
    "Partner template term is any of [your selected template term]": AnyOf(
        "Partner Template Term", ("[your selected template term]",)
    ),
    "Relationship Stage Is Any Of Joined": AnyOf("Relationship Stage", ("Joined",)),
    "Last Transition Date Is Last 30 Days": DateWithin("Last Transition Date", LastDays(30)),
    "Performance Date Range Is Last 30 Days": DateWithin("Performance Date Range", LastDays(30)),
    "Revenue greater than 0": Compare("Revenue", "greater than", Decimal(0)),
    "Last Transition Date interval between 30 & 60 Days Ago": DateWithin("Last Transition Date", DaysAgo(30, 60)),
    "Performance Date Range interval between 0 and 14 Days Ago": DateWithin("Performance Date Range", DaysAgo(0, 14)),
    "Clicks less than 100": Compare("Clicks", "less than", Decimal(100)),
    "Revenue greater than 9999": Compare("Revenue", "greater than", Decimal(9999)),
}
"""The conditions of the help page's six examples, as they are printed there."""

TOLERATED = {
    "  relationship   STAGE is ANY of  joined ,new": AnyOf("Relationship Stage", ("Joined", "New")),
    "Performance Date Range between Oct 1 2024-Oct 7 2024": DateWithin(
        "Performance Date Range", DateRange(date(2024, 10, 1), date(2024, 10, 7))
    ),
    "Last Transition Date between 2024-10-01 and 10/7/2024": DateWithin(
        "Last Transition Date", DateRange(date(2024, 10, 1), date(2024, 10, 7))
    ),
    "Last Transition Date interval between 10 & 20 day ago": DateWithin("Last Transition Date", DaysAgo(10, 20)),
    "Click less than 1,000": Compare("Clicks", "less than", Decimal(1000)),
    "Revenue greater than 999.50": Compare("Revenue", "greater than", Decimal("999.50")),
    'Partner Name is any of O\'Brien, "Smith, ""the"" Sons"': AnyOf("Partner Name", ("O'Brien", 'Smith, "the" Sons')),
    'Partner Template Term contains "50% {{ off }}"': Contains("Partner Template Term", "50% {{ off }}"),
    "Partner Groups is any of Gold, Gold": AnyOf("Partner Group", ("Gold",)),
}


@pytest.mark.parametrize("sentence", [*PRINTED, *TOLERATED])
def test_sentence_parses_to_its_condition(sentence: str):
    """Letter case, spacing, `&` instead of `and`, and the format of dates make no difference."""
    condition = parse(sentence, VOCABULARY)
    assert condition == (PRINTED | TOLERATED)[sentence]


@pytest.mark.parametrize("sentence", [*PRINTED, *TOLERATED])
def test_canonical_sentence_parses_to_the_same_condition(sentence: str):
    """Parsing the text of a condition returns an equal condition."""
    condition = parse(sentence, VOCABULARY)
    assert parse(str(condition), VOCABULARY) == condition


@pytest.mark.parametrize(
    ("sentence", "offset", "hint"),
    [
        ("Clicks les than 100", 7, "Write Clicks greater than 100, less than 100, or is 0."),
        ("Revenu greater than 3", 0, "Did you mean Revenue?"),
        ("Relationship Stage is any of", 28, "is any of Joined"),
        ("Last Transition Date is 1.5 days ago", 24, "is a whole number, 0 or more"),
        ("Last Transition Date between Feb 30 2024 and Mar 1 2024", 29, "2024-10-01"),
        ('Partner Name is any of 12" Vinyl', 25, '"with, a comma"'),
        ("", 0, "The conditions are"),
    ],
)
def test_invalid_sentence_reports_its_offset_and_a_hint(sentence: str, offset: int, hint: str):
    """The offset is where the sentence stops being valid."""
    with pytest.raises(SentenceError) as caught:
        parse(sentence, VOCABULARY)
    assert caught.value.offset == offset
    assert hint in caught.value.hint


def define(segment: list[str], **keys: str) -> str:
    """Return the text of a definition with this segment."""
    fields = {"name": "Test", "program": '"1000"', "status": "active"} | keys
    lines = [f"{key}: {value}" for key, value in fields.items()]
    return "\n".join([*lines, "segment:", *[f"  - {one}" for one in segment], "action: {email: few-clicks}", ""])


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """A workflows folder with one message and no workflow."""
    workflows = tmp_path / "workflows"
    shutil.copytree(CHECKOUT / "workflows" / "messages" / "few-clicks", workflows / "messages" / "few-clicks")
    return Settings(state_dir=tmp_path / "var", workflows=workflows)


JOINED = "Relationship Stage is any of Joined"

INVALID = {
    "less-than-one": [JOINED, "Performance Date Range is Last 30 Days", "Clicks less than 1"],
    "number-limits": [JOINED, "Performance Date Range is Last 30 Days", "Clicks less than 10.5"],
    "window-order": [JOINED, "Last Transition Date interval between 30 and 1 Days Ago"],
    "window-out-of-range": [JOINED, "Last Transition Date is Last 0 Days"],
    "repeated-condition": [JOINED, "Relationship Stage is any of New"],
    "performance-range-alone": [JOINED, "Performance Date Range is Last 30 Days"],
    "contact-range-alone": [JOINED, "Contacted By Date Range is Last 7 Days"],
    "unknown-workflow": [JOINED, "Contacted By is none of welcom"],
    "future-date": [JOINED, "Last Transition Date is in 30 Days"],
    "transition-date-alone": ["Last Transition Date is Today"],
    "contract-stage-with-dates": ["Contract Stage is any of Joined", "Relationship Stage is any of New",
                                  "Last Transition Date is Today"],
    "unknown-value": ["Relationship Stage is any of Joyned"],
    "empty-text": ['Partner Name is any of ""'],
}  # fmt: skip

UNUSUAL = {
    "measure-without-range": [JOINED, "Clicks less than 100"],
    "comment-behind-value": ["Partner Name is any of Best Deals # 1"],
    "placeholder": ["Partner template term is any of [your selected template term]"],
    "no-transition-date": ["Relationship Stage is any of None", "Last Transition Date is Today"],
    "none-with-contract-condition": ["Contract Stage is any of None, Joined", "Contract ID is any of S-1"],
    "contradicting-numbers": [
        JOINED,
        "Performance Date Range is Last 30 Days",
        "Clicks greater than 9",
        "Clicks less than 10",
    ],
    "contradicting-values": ["Partner Group is any of Gold", "Partner Group is none of Gold, Silver"],
    "matches-inactive-partners": ["Performance Date Range is Last 30 Days", "Clicks less than 10"],
}


@pytest.mark.parametrize("code", INVALID)
def test_segment_that_breaks_a_rule_is_an_error(own: Settings, code: str):
    """The problem has the code of the rule, and the workflow does not run."""
    (own.workflows / "w.yml").write_text(define(INVALID[code]))
    definitions = read_definitions(own)
    assert {problem.code for problem in definitions.problems if problem.severity == "error"} == {code}
    assert (list(definitions.broken), definitions.workflows) == (["w"], ())


@pytest.mark.parametrize(
    ("sentence", "message", "hint"),
    [
        (
            "Last Transition Date interval between 0 and 30 Days From Now",
            "Last Transition Date is never in the future",
            "Write Last Transition Date interval between 0 and 30 Days Ago; days to come are for Contract End Date.",
        ),
        ("Clicks less than 1", "can't be set to less than 1.", "To target partners without any, write Clicks is 0;"),
        (
            "Contacted By is none of elsewhere",
            "elsewhere is a workflow of program 2000, and this one of program 1000.",
            "A partner of this program is never contacted by it",
        ),
        ("Contacted By is none of accept", "accept accepts applications, and sends no email.", "Name workflows"),
        (
            "Contacted By is any of othr",
            "There is no workflow othr.",
            "Did you mean other? The workflows are other, w.",
        ),
    ],
)
def test_condition_that_is_refused_names_the_one_to_write(own: Settings, sentence: str, message: str, hint: str):
    """Other definitions are known even when only one file is checked."""
    (own.workflows / "w.yml").write_text(define([JOINED, sentence]))
    (own.workflows / "x.yml").write_text(define([JOINED], id="other"))
    accept = define([JOINED]).replace("action: {email: few-clicks}", "action: accept application")
    (own.workflows / "accept.yml").write_text(accept)
    (own.workflows / "elsewhere.yml").write_text(define([JOINED]).replace('"1000"', '"2000"'))
    paths = () if "accept" in sentence or "elsewhere" in sentence else (own.workflows / "w.yml",)
    found = [one for one in read_definitions(own, paths).problems if one.severity == "error"]
    if paths:
        hint = hint.replace("are other, w.", "are accept, elsewhere, other, w.")
    assert (len(found), message in found[0].message, hint in found[0].hint) == (1, True, True), str(found[0])


def test_workflow_that_can_only_follow_itself_is_a_warning(own: Settings):
    """It writes to a partner once, so it has nobody to write to."""
    (own.workflows / "w.yml").write_text(define([JOINED, "Contacted By is any of w"]))
    (found,) = read_definitions(own).problems
    assert (found.code, found.severity) == ("unknown-workflow", "warning")


def test_stages_without_commas_are_offered_with_commas(own: Settings):
    """The hint of the unknown value names the stages as a list."""
    (own.workflows / "w.yml").write_text(define(["Relationship Stage is any of joined & New"]))
    (problem,) = read_definitions(own).problems
    assert problem.hint.startswith("Write Relationship Stage is any of Joined, New. The values are")


@pytest.mark.parametrize("code", UNUSUAL)
def test_unusual_definition_is_a_warning(own: Settings, code: str):
    """A workflow with a warning still runs."""
    (own.workflows / "w.yml").write_text(define(UNUSUAL[code]))
    definitions = read_definitions(own)
    assert [(problem.code, problem.severity) for problem in definitions.problems] == [(code, "warning")]
    assert [workflow.id for workflow in definitions.workflows] == ["w"]


class Account:
    """A catalog with one program and two groups."""

    def programs(self):
        return {"1000"}

    def values(self, program, field):
        return {"Gold", "Silver"} if field.label == "Partner Group" else set()


@pytest.mark.parametrize(
    ("program", "segment", "code", "hint", "column"),
    [
        ('"1001"', [JOINED], "unknown-program", "Did you mean 1000?", 11),
        ('"1000"', ["Partner Group is any of Gold, Golden"], "value-not-found", "Did you mean Gold?", 35),
        ('"1000"', ["Partner Group is any of gold and Silver"], "value-not-found", "is any of Gold, Silver.", 29),
        ('"1000"', ["Partner Group is any of GOLD"], "value-not-found", "Did you mean Gold, which differs in", 29),
        (
            '"1000"',
            ["Partner Group is any of “Sil\xa0ver”"],
            "value-not-found",
            "Did you mean Silver, which differs in",
            30,
        ),
        ('"1000"', ["Partner Template Term is any of Gold"], "value-not-found", "Names must match exactly.", 37),
    ],
)
def test_name_that_is_not_in_the_account_is_a_problem(own: Settings, program, segment, code, hint, column):
    """Names are checked only if the account is known, and the problem points at the name."""
    (own.workflows / "w.yml").write_text(define(segment, program=program))
    assert read_definitions(own).problems == ()
    (problem,) = read_definitions(own, catalog=Account()).problems
    assert (problem.code, problem.column) == (code, column)
    assert hint in problem.hint


def test_greater_than_with_less_than_is_not_repeated(own: Settings):
    """Only the same comparison twice is a repeated condition."""
    segment = [JOINED, "Performance Date Range is Last 30 Days", "Clicks greater than 0", "Clicks less than 100"]
    (own.workflows / "w.yml").write_text(define(segment))
    assert read_definitions(own).problems == ()


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ("interval between 0 and 14 Days Ago", ["load-lag"]),
        ("is Last 30 Days", ["load-lag"]),
        ("interval between 2 and 14 Days Ago", []),
        ("between Oct 1 2024 and Oct 7 2024", []),
    ],
)
def test_less_than_on_days_not_loaded_is_load_lag(own: Settings, window: str, found: list[str]):
    """tap-impact loads actions only up to midnight UTC. Clicks and other loaders have no such lag."""
    few = [JOINED, "Actions less than 5", f"Performance Date Range {window}"]
    assert codes(own, few, "tap_impact") == found
    assert codes(own, few, "raw") == []
    assert codes(own, [JOINED, "Clicks less than 5", f"Performance Date Range {window}"], "tap_impact") == []


def test_load_lag_when_range_has_only_lagging_days_is_problem(own: Settings):
    """A greater-than condition can wait until a day is loaded, unless that day has left the range by then."""
    more = [JOINED, "Revenue greater than 0"]
    assert codes(own, [*more, "Performance Date Range is Yesterday"], "tap_impact") == ["load-lag"]
    assert codes(own, [*more, "Performance Date Range is Last 30 Days"], "tap_impact") == []
    ever = [JOINED, "Revenue less than 50"]
    assert codes(own, ever, "tap_impact") == ["load-lag", "measure-without-range"]


def codes(own: Settings, sentences: list[str], loader: str) -> list[str]:
    """Return the codes of a segment's problems on an account with this loader."""
    (own.workflows / "w.yml").write_text(define(sentences))
    found = read_definitions(own.model_copy(update={"loader": loader})).problems
    return sorted(problem.code for problem in found)


def test_every_rule_has_a_docstring():
    """The docstring of a rule says what it requires."""
    assert [rule.__name__ for rule in RULES if not rule.__doc__] == []


INVALID_YAML = {
    "tab": ("name: x\n\tprogram: 1\n", "Indent with spaces"),
    "twice": ("name: x\nname: y\n", "Remove one of them"),
    "empty": ("", "Start with name:"),
    "list": ("- a\n", "Start with name:"),
    "deep": ("a: " + "[" * 3000, "Use fewer levels"),
    "huge": ("a: " + "x" * 300_000, "Write at most"),
    "alias": ("a: &x 1\nb: *x\n", "Write the value out"),
    "number": (define([JOINED], program="1000"), 'Put it in quotes: "1000"'),
    "octal": (define([JOINED], program="0042"), 'Put it in quotes: "0042"'),
    "typo": (define([JOINED], statsu="active"), "Did you mean status?"),
    "brackets": (define([JOINED]) + "d[x]: y\n", "The keys are id, name"),
    "long": (define([JOINED], name="n" * 51), "at most 50 characters"),
    "no segment": ("name: x\nprogram: '1'\naction: accept application\n", "Add segment:"),
    "no condition": ("name: x\nprogram: '1'\nsegment: []\naction: accept application\n", "at least one condition"),
    "control": ("name: \x01\n", "Save it as UTF-8 text"),
    "action": ("name: x\nprogram: '1'\nsegment: [Clicks less than 5]\naction: {emial: x}\n", "Did you mean email?"),
}


@pytest.mark.parametrize(("levels", "is_valid"), [(12, True), (13, False)])
def test_yaml_when_nested_over_12_levels_is_problem(levels: int, is_valid: bool):
    """Twelve levels of lists are accepted, thirteen are not."""
    text = "[" * levels + "]" * levels
    if is_valid:
        assert read_yaml("w.yml", text).value is not None
    else:
        with pytest.raises(DefinitionError, match="The YAML is nested more than 12 levels"):
            read_yaml("w.yml", text)


@pytest.mark.parametrize("window", ["is {} Days Ago", "is Last {} Days", "interval between 1 and {} Days Ago"])
@pytest.mark.parametrize(("days", "expected"), [(36_600, []), (36_601, ["window-out-of-range"])])
def test_window_when_over_36600_days_is_problem(own: Settings, window: str, days: int, expected: list[str]):
    """A window of exactly 36,600 days (a hundred years) is valid; one day more is not."""
    assert codes(own, [JOINED, f"Last Transition Date {window.format(days)}"], "contract") == expected


@pytest.mark.parametrize("case", INVALID_YAML)
def test_invalid_yaml_is_a_problem_with_place_and_hint(case: str):
    """Each problem has a line and a column, and a hint says what to do."""
    text, remedy = INVALID_YAML[case]
    with pytest.raises(DefinitionError) as caught:
        read_definition("w.yml", text, VOCABULARY)
    assert any(remedy in problem.hint for problem in caught.value.problems), str(caught.value)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in caught.value.problems)


def test_check_prints_all_problems_with_a_caret(own: Settings):
    """`check` prints place, line, caret and hint of every problem, and exits with code 1."""
    (own.workflows / "a.yml").write_text(define([JOINED, "Clicks les than 100", "Revenu greater than 3"]))
    (own.workflows / "b.yml").write_text(define(["Last Transition Date is Today"]))
    answer = partnerflow(own, "check")
    assert answer.code == 1
    assert "a.yml:6:12: error: After Clicks, 'les than 100' is not valid. [condition]" in answer.stdout
    assert "    - Clicks les than 100\n             ^\n    Write Clicks greater than 100" in answer.stdout
    assert "a.yml:7:5: error:" in answer.stdout
    assert "b.yml:5:5: error: Last Transition Date can only be used with Relationship Stage." in answer.stdout


def test_check_json_has_the_documented_keys(own: Settings):
    """The output is one JSON document."""
    (own.workflows / "a.yml").write_text(define([JOINED, "Clicks les than 100"]))
    answer = partnerflow(own, "check", "--json")
    (problem,) = answer.json()["problems"]
    assert list(problem) == ["path", "line", "column", "code", "severity", "message", "hint"]
    assert (problem["line"], problem["column"], problem["code"]) == (6, 12, "condition")


def test_format_prints_canonical_sentences(own: Settings):
    """The spelling in the file makes no difference. If a definition is invalid, the exit code is 1."""
    (own.workflows / "a.yml").write_text(define(["relationship  stage IS any of joined", "clicks LESS than 1,000"]))
    answer = partnerflow(own, "format")
    assert answer.stdout == "a\n  - Relationship Stage is any of Joined\n  - Clicks less than 1000\n"
    assert answer.code == 0
    (own.workflows / "b.yml").write_text("name: x\n")
    assert partnerflow(own, "format").code == 1


def problems_of(own: Settings, **keys: str) -> list[tuple[str, str, int]]:
    """Return severity, code and line of each problem of a definition with these keys, but for what is usual."""
    action = keys.pop("action", "{email: few-clicks}")
    text = define([JOINED], **keys).replace("{email: few-clicks}", action)
    (own.workflows / "a.yml").write_text(text)
    return [(one.severity, one.code, one.line) for one in read_definitions(own).problems]


@pytest.mark.parametrize(
    ("goal", "canonical"),
    [
        ("actions Greater than 0  within 14 Days", "Actions greater than 0 within 14 days"),
        ("Revenue greater than 1,000.50 within 1 day", "Revenue greater than 1000.50 within 1 day"),
        ("Clicks greater than 100 within 365 days", "Clicks greater than 100 within 365 days"),
    ],
)
def test_goal_is_a_measure_within_days(own: Settings, goal: str, canonical: str):
    """It is a condition of the language. `format` prints it, and `check` finds nothing wrong."""
    assert problems_of(own, goal=goal, holdout="10 %") == []
    (found,) = read_definitions(own).workflows
    assert (str(found.goal), found.holdout) == (canonical, 10)
    assert partnerflow(own, "format").stdout.splitlines()[-1] == f"  goal: {canonical}"
    assert partnerflow(own, "format", "--json").json()["workflows"][0]["goal"] == canonical


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"goal": "Actions greater than 0"}, ("error", "goal", 4)),
        ({"goal": "Actions greater than 0 within 0 days"}, ("error", "goal", 4)),
        ({"goal": "Actions greater than 0 within 366 days"}, ("error", "goal", 4)),
        ({"goal": "Actions less than 10 within 14 days"}, ("error", "goal", 4)),
        ({"goal": "Relationship Stage is any of Joined within 14 days"}, ("error", "goal", 4)),
        ({"goal": "Sales greater than 0 within 14 days"}, ("error", "goal", 4)),
        ({"goal": "Actions greater than 0.5 within 14 days"}, ("error", "number-limits", 4)),
        ({"goal": "Actions greater than 0 within 14 days", "action": "accept application"},
         ("error", "effect-without-email", 4)),
        ({"holdout": "0 %"}, ("error", "definition", 4)),
        ({"holdout": "10"}, ("error", "definition", 4)),
        ({"holdout": "100 %"}, ("error", "definition", 4)),
        ({"holdout": "10 %"}, ("warning", "holdout-without-goal", 4)),
        ({"holdout": "10 %", "goal": "Actions greater than 0 within 14 days", "action": "accept application"},
         ("error", "effect-without-email", 4)),
    ],
)  # fmt: skip
def test_goal_or_holdout_that_is_not_valid_is_a_problem_at_its_line(
    own: Settings, keys: dict[str, str], problem: tuple[str, str, int]
):
    """A goal is more than a number of a measure, within 1 to 365 days; a holdout is a percentage from 1 to 99."""
    assert problem in problems_of(own, **keys)


def test_fields_lists_the_conditions(own: Settings):
    """`fields` lists the conditions that the models' yml declares, and Segment, with the documented keys."""
    found = partnerflow(own, "fields", "--json").json()["fields"]
    assert sorted(field["label"] for field in found) == sorted(
        [
            "Actions",
            "Clicks",
            "Contacted By",
            "Contacted By Date Range",
            "Contract End Date",
            "Contract ID",
            "Contract Stage",
            "Last Transition Date",
            "Partner Group",
            "Partner ID",
            "Partner Name",
            "Partner Template Term",
            "Performance Date Range",
            "Relationship Stage",
            "Revenue",
            "Segment",
        ]
    )
    assert list(found[0]) == ["label", "kind", "operators", "values", "model", "column", "description"]
    assert all(field["description"] for field in found)


def test_invalid_named_segment_breaks_only_its_workflows(own: Settings):
    """The problem points at the segment's own file. A workflow that does not use the segment is valid."""
    (own.workflows / "segments").mkdir()
    (own.workflows / "segments" / "idle.yml").write_text("- Clicks less than 1\n")
    used = "name: Test\nprogram: '1000'\nstatus: active\nsegment: idle\naction: {email: few-clicks}\n"
    (own.workflows / "uses.yml").write_text(used)
    (own.workflows / "other.yml").write_text(define([JOINED]))
    definitions = read_definitions(own)
    assert [workflow.id for workflow in definitions.workflows] == ["other"]
    assert list(definitions.broken) == ["uses"]
    assert "segments/idle.yml:1:3" in definitions.broken["uses"]


def test_id_is_the_file_name_unless_it_is_given(own: Settings):
    """Two workflows with the same id are an error."""
    (own.workflows / "a.yml").write_text(define([JOINED]))
    (own.workflows / "b.yml").write_text(define([JOINED], id="own-id"))
    assert [workflow.id for workflow in read_definitions(own).workflows] == ["a", "own-id"]
    (own.workflows / "c.yml").write_text(define([JOINED], id="a"))
    definitions = read_definitions(own)
    assert "is also the id of" in definitions.broken["a"]
    assert [workflow.id for workflow in definitions.workflows] == ["own-id"]


def test_check_of_missing_path_is_one_clear_error(own: Settings):
    """With --json, the message is in the JSON document."""
    answer = partnerflow(own, "check", "nowhere.yml", "--json")
    assert answer.code == 1
    assert "There is no nowhere.yml." in json.loads(answer.stdout)["error"]
    assert "Traceback" not in answer.stderr


def test_example_workflows_have_no_problems():
    """The example workflows have neither errors nor warnings."""
    assert read_definitions(Settings(workflows=CHECKOUT / "workflows")).problems == ()
