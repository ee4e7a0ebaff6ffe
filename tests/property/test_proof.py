"""Compare the compiled SQL with an oracle that shares no code with the compiler, and with frozen SQL.

`cases/*.yml` are written for people: an hour, the sentences of a segment (and of named segments), and the partners that
are `in` and `out`, each with a history (its keys are in account.py) and a reason. `cases/*.sql` has the SQL that the
sentences compile to. This writes the SQL again:

    PARTNERFLOW_FREEZE=1 .venv/bin/python -m pytest tests/property/test_proof.py

The property test draws 60 accounts, always the same ones. This draws 5,000 others each time, in about 15 minutes:

    HYPOTHESIS_PROFILE=long .venv/bin/python -m pytest tests/property/test_proof.py
"""

import ast
import csv
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from compiler import Compiler, compile_workflow
from compiler.sql.explain import explain_query
from compiler.sql.single_statement import MAX_SINGLE_STATEMENT_FEATURES
from flows.settings import CHECKOUT
from support.account import VOCABULARY, empty_account, raw_rows
from support.definitions import DEFINITION_FILES, workflow
from support.example_members import MEMBERS
from support.oracle import CONTACT_RANGE, DATES, END_DATE, LABELS, MEASURES, Oracle, meaning
from support.strategies import PARTNERS, Draw, Segment, draws

IN_TABLES = -1
"""As `max_single_statement_features`: never in one statement."""

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
CASES = CHECKOUT / "tests" / "data" / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.yml"))


# The property


@settings(
    max_examples=5000 if LONG else 15,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    report_multiple_bugs=False,
)
@given(drawn=draws())
def test_all_members_are_those_of_the_oracle(drawn: Draw):
    """Whatever the account, hour and segments: the SQL finds the members, stages and dates that the semantics give."""
    compiler = Compiler(
        VOCABULARY, drawn.include_today, IN_TABLES if drawn.in_tables else MAX_SINGLE_STATEMENT_FEATURES
    )
    named = drawn.named_sentences
    workflows = [workflow(name, one.program, one.sentences, named) for name, one in drawn.segments.items()]
    with empty_account().holding(drawn.rows, drawn.hours[0]) as account:
        for hours in [drawn.hours] if drawn.in_tables else [(hour,) for hour in drawn.hours]:
            account.turn_to(*hours)
            for hour, members in account.members(workflows, compiler).items():
                report = differences(drawn, hour, members, account.stages(hour))
                assert not report, "\n" + "\n".join(report)


@settings(
    max_examples=500 if LONG else 10,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    report_multiple_bugs=False,
)
@given(drawn=draws())
def test_explain_of_each_condition_equals_the_oracle(drawn: Draw):
    """Whether it holds, and the actual clicks, actions and revenue; all together are the membership."""
    compiler = Compiler(VOCABULARY, drawn.include_today)
    with empty_account().holding(drawn.rows, drawn.hours[0]) as account:
        account.turn_to(*drawn.hours)
        for name, segment in list(drawn.segments.items())[:2]:
            partner = PARTNERS[0]
            one = workflow(name, segment.program, segment.sentences, drawn.named_sentences)
            statement = explain_query(one, partner, compiler)
            for hour, is_member, *found in account.connection.execute(statement).fetchall():
                oracle = oracle_of(drawn, segment.program, hour.replace(tzinfo=UTC))
                assert bool(is_member) == (partner in oracle.members(segment.conditions))
                assert_explained(oracle, partner, segment, found)


def assert_explained(oracle: Oracle, partner: str, segment: Segment, found: list) -> None:
    """Assert that explain and the oracle agree on each condition.

    `found` has, for each condition in turn, whether it holds and the actual value. For the oracle several conditions on
    contracts must hold on one contract. Explain evaluates each alone, so these are not compared.
    """
    window = next((one for one in segment.conditions if one[0] == "Performance Date Range"), None)
    for verdict in oracle.verdicts(partner, segment.conditions):
        condition = verdict.conditions[0]
        holds, actual = found[2 * segment.conditions.index(condition) :][:2]
        assert bool(holds) == verdict.holds or len(verdict.conditions) > 1, verdict.because
        if condition[0] in MEASURES:
            assert actual == oracle.measure(condition[0], partner, window)


def oracle_of(drawn: Draw, program: str, hour: datetime) -> Oracle:
    """Return the oracle of a program at an hour."""
    return Oracle(drawn.rows, program, hour, drawn.include_today, drawn.named_conditions)


def differences(drawn: Draw, hour: datetime, members: Mapping, stages: Mapping) -> list[str]:
    """Return a report of the partners for whom the SQL and the oracle differ, as lines; empty if there are none."""
    report: list[str] = []
    for program in drawn.rows["programs"]:
        oracle = oracle_of(drawn, program["program_id"], hour)
        known = {row["partner_id"] for row in oracle.rows["partners"]}
        wrong = {partner for partner in known if oracle.stage(partner) != stages.get((program["program_id"], partner))}
        segments = {name: one for name, one in drawn.segments.items() if one.program == program["program_id"]}
        for name, segment in segments.items():
            differing = oracle.members(segment.conditions) ^ members[name]
            wrong |= differing
            report += report_of(oracle, segment, {partner: partner in members[name] for partner in differing})
        for partner in sorted(wrong):
            report += history(oracle, partner)
            by_sql = stages.get((program["program_id"], partner), ("nowhere", None))
            report.append(f"    stage: {shown_stage(oracle.stage(partner))}; by SQL {shown_stage(by_sql)}")
    return report


def report_of(oracle: Oracle, segment: Segment, found: Mapping[str, bool]) -> list[str]:
    """Return the sentences of a segment and, for each partner that differs, the oracle's verdict on each condition."""
    if not found:
        return []
    report = ["Segment:", *[f"  {sentence}" for sentence in segment.sentences]]
    report += [f"  {name}: {conditions}" for name, conditions in oracle.named.items()]
    for partner, is_member in sorted(found.items()):
        report.append(f"  {partner} is {'in' if is_member else 'out'} by SQL; the oracle finds")
        for verdict in oracle.verdicts(partner, segment.conditions):
            report.append(f"    {'holds' if verdict.holds else 'fails'}: {verdict.because}")
    return report


def history(oracle: Oracle, partner: str) -> list[str]:
    """Return the raw rows of a partner as lines, in local times of its program."""
    report = [f"  {partner} at {shown(oracle.as_of, oracle.zone)} in {oracle.zone.key}:"]
    for table, rows in oracle.rows.items():
        for row in rows:
            if row.get("partner_id") == partner and table != "programs":
                facts = {key: shown(value, oracle.zone) for key, value in row.items() if value is not None}
                hidden = ("program_id", "partner_id", "currency", "workflow_id", "delivery_id", "sent_at")
                report.append(f"    {table}: " + ", ".join(f"{k} {v}" for k, v in facts.items() if k not in hidden))
    return report


def shown(value: Any, zone: ZoneInfo) -> str:
    """Return a value as text: an instant in local time."""
    return value.astimezone(zone).isoformat(" ") if isinstance(value, datetime) else str(value)


def shown_stage(stage: tuple[str, date | None]) -> str:
    """Return a stage and its date as text."""
    return f"{stage[0]} since {stage[1]}" if stage[1] else stage[0]


# The cases


def read_case(name: str) -> dict[str, Any]:
    """Return the contents of a case file, with all values as text."""
    return yaml.load((CASES / f"{name}.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def drawn_of(name: str, case: Mapping[str, Any]) -> Draw:
    """Return the rows, the segment and the hour of a case."""
    segment = Segment("1000", tuple(meaning(sentence) for sentence in case["sentences"]))
    named = {
        name: Segment("1000", tuple(meaning(sentence) for sentence in sentences))
        for name, sentences in case.get("segments", {}).items()
    }
    rows = raw_rows({**case["in"], **case["out"]}, ZoneInfo(case["zone"]))
    include_today = case.get("last_n_days_include_today") == "true"
    return Draw(rows, (datetime.fromisoformat(case["as_of"]),), {name: segment}, include_today, named=named)


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Return each case with its name."""
    return request.param, read_case(request.param)


def test_members_of_a_case_equal_sql_rows_and_oracle(case):
    """The oracle and the SQL find the members that the case lists, and the SQL is the frozen SQL."""
    name, content = case
    drawn = drawn_of(name, content)
    (hour,) = drawn.hours
    expected = {story.get("id", partner) for partner, story in content["in"].items()}
    one = workflow(name, "1000", content["sentences"], content.get("segments"))
    compiler = Compiler(VOCABULARY, drawn.include_today)
    assert frozen(name, compile_workflow(one, compiler, "duckdb")) == compile_workflow(one, compiler, "duckdb")
    assert expected == oracle_of(drawn, "1000", hour).members(drawn.segments[name].conditions)
    for max_single_statement_features in (MAX_SINGLE_STATEMENT_FEATURES, IN_TABLES):
        compiler = Compiler(VOCABULARY, drawn.include_today, max_single_statement_features)
        with empty_account().holding(drawn.rows, hour) as account:
            found = account.members([one], compiler)[hour]
            report = differences(drawn, hour, found, account.stages(hour))
        assert {name: expected} == found, "\n".join([content["title"], *report])
        assert not report, "\n".join(report)


FEW_CLICKS = ["Performance Date Range is Last 7 Days", "Clicks less than 5"]
SEVERAL_HOURS = {
    "clicks-today": ["Performance Date Range is Today", "Clicks greater than 3"],
    "moved-today": ["Relationship Stage is any of Joined", "Last Transition Date is Today", *FEW_CLICKS],
    "joined": ["Contract Stage is any of Joined", "Clicks less than 100"],
    "gold": ["Partner Group is any of Gold", "Partner ID is any of early"],
}


@pytest.mark.parametrize("max_single_statement_features", [MAX_SINGLE_STATEMENT_FEATURES, IN_TABLES])
def test_hours_of_one_run_are_evaluated_separately(max_single_statement_features: int):
    """The activity, stage and contracts of one hour do not make a partner a member at another hour."""
    early, late = (datetime(2026, 3, day, 18, tzinfo=UTC) for day in (19, 20))
    stories = {
        "early": {"joined": "2026-03-19 10:00", "clicks": {"2026-03-19": "5"}, "groups": ["Gold"]},
        "late": {"clicks": {"2026-03-20": "5"}},
    }
    stories["late"]["contracts"] = [{"stage": "Joined", "from": "2026-03-20 10:00", "created": "2026-03-20 10:00"}]
    workflows = [workflow(name, "1000", sentences) for name, sentences in SEVERAL_HOURS.items()]
    with empty_account().holding(raw_rows(stories, ZoneInfo("UTC")), early) as account:
        account.turn_to(early, late)
        found = account.members(
            workflows, Compiler(VOCABULARY, max_single_statement_features=max_single_statement_features)
        )
    assert found == {
        early: {"clicks-today": {"early"}, "moved-today": {"early"}, "joined": {"early"}, "gold": {"early"}},
        late: {"clicks-today": {"late"}, "moved-today": {"late"}, "joined": {"early", "late"}, "gold": {"early"}},
    }


SOME_CLICKS = ["Performance Date Range is Last 7 Days", "Clicks greater than 5"]
ALL_DATED = {
    "joined-lately": ["Relationship Stage is any of Joined", "Last Transition Date is Last 3 Days", *SOME_CLICKS],
    "few-clicks": ["Relationship Stage is any of Joined", "Last Transition Date is Last 60 Days", *FEW_CLICKS],
    "february": [
        "Relationship Stage is any of Joined",
        "Last Transition Date between Feb 1 2026 and Feb 9 2026",
        *SOME_CLICKS,
    ],
    "new": ["Relationship Stage is any of New", "Last Transition Date is Last 60 Days", *SOME_CLICKS],
    "any-date": ["Relationship Stage is any of Joined"],
}


@pytest.mark.parametrize("max_single_statement_features", [MAX_SINGLE_STATEMENT_FEATURES, IN_TABLES])
def test_segments_with_transition_dates_sum_the_measures_of_all_their_partners(max_single_statement_features: int):
    """The measures count for the partners of each segment, however different their dates and stages are."""
    hour = datetime(2026, 3, 20, 18, tzinfo=UTC)
    nine = {"2026-03-18": "9"}
    stories = {
        "recent": {"joined": "2026-03-18 10:00", "clicks": nine},
        "february": {"joined": "2026-02-05 10:00", "clicks": nine},
        "quiet": {"joined": "2026-02-05 10:00"},
        "tagged": {"tagged": "2026-02-20 10:00", "clicks": nine},
        "old": {"joined": "2025-02-05 10:00", "clicks": nine},
    }
    workflows = [workflow(name, "1000", sentences) for name, sentences in ALL_DATED.items()]
    with empty_account().holding(raw_rows(stories, ZoneInfo("UTC")), hour) as account:
        found = account.members(
            workflows, Compiler(VOCABULARY, max_single_statement_features=max_single_statement_features)
        )
    assert found[hour] == {
        "joined-lately": {"recent"},
        "few-clicks": {"quiet"},
        "february": {"february"},
        "new": {"tagged"},
        "any-date": {"recent", "february", "quiet", "old"},
    }


def frozen(name: str, text: str) -> str:
    """Return the frozen SQL of a case. With PARTNERFLOW_FREEZE=1, write `text` as the frozen SQL first."""
    file = CASES / f"{name}.sql"
    if os.environ.get("PARTNERFLOW_FREEZE"):
        assert not os.environ.get("CI"), "The frozen SQL is not rewritten in CI."
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"{file} is missing; PARTNERFLOW_FREEZE=1 pytest tests/property/test_proof.py writes it"
    return file.read_text(encoding="utf-8")


def test_every_frozen_statement_has_its_case():
    """Each frozen statement has a case of its name."""
    assert {path.stem for path in CASES.glob("*.sql")} == set(NAMES)


def test_the_cases_cover_every_condition_operator_and_window():
    """The cases have all conditions with all operators, and all windows for the conditions on dates."""
    said = {form(meaning(sentence)) for name in NAMES for sentence in read_case(name)["sentences"]}
    expected = {(field.label, operator) for field in VOCABULARY.fields for operator in field.operators}
    windows = ("is Today", "is Yesterday", "is N Days Ago", "is Last N Days", "interval between", "between")
    expected = {pair for pair in expected if pair[0] not in (*DATES, END_DATE, CONTACT_RANGE)}
    expected |= {(CONTACT_RANGE, window) for window in ("is Last N Days", "between")}
    expected |= {(label, window) for label in DATES for window in windows}
    expected |= {(END_DATE, window) for window in ("is N Days Ago", "between", "is in N Days", "from now")}
    assert expected <= said


def form(condition: tuple) -> tuple[str, str]:
    """Return the label and operator of a condition, or the label and kind of window of a condition on dates."""
    label, operator, *ends = condition
    if label not in (*DATES, END_DATE, CONTACT_RANGE):
        return label, operator
    if operator == "days ago" and ends[0] < 0:
        return label, "is in N Days" if ends[0] == ends[1] else "from now"
    if operator == "days ago" and ends[0] == ends[1]:
        return label, {0: "is Today", 1: "is Yesterday"}.get(ends[0], "is N Days Ago")
    return label, {"days ago": "interval between", "last days": "is Last N Days", "dates": "between"}[operator]


# The oracle itself


@pytest.mark.parametrize("module", ["oracle", "stage_oracle"])
def test_oracle_imports_only_the_standard_library(module: str):
    """The two modules of the oracle import nothing else; one imports the other."""
    tree = ast.parse((CHECKOUT / "tests" / "support" / f"{module}.py").read_text(encoding="utf-8"))
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    others = {name for name in froms | names if name.split(".")[0] not in sys.stdlib_module_names}
    assert others <= {"support.stage_oracle"}


def test_the_oracle_finds_the_members_derived_by_hand():
    """A person derived the members of the example account from the help page and the rows."""
    rows = {path.stem: [_typed(row) for row in csv.DictReader(path.open(encoding="utf-8"))] for path in SEEDS}
    oracles = {row["program_id"]: Oracle(rows, row["program_id"], EXAMPLE_HOUR) for row in rows["programs"]}
    found = {}
    for path in DEFINITION_FILES:
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
        segment = [meaning(canonical(sentence)) for sentence in definition["segment"]]
        found[path.stem] = oracles[definition["program"]].members(segment)
    assert {name: set(members) for name, members in MEMBERS.items()} == found


SEEDS = sorted((CHECKOUT / "seeds").glob("*.csv"))
EXAMPLE_HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)


def canonical(sentence: str) -> str:
    """Return a sentence with the letter case that the help page uses in its list of conditions."""
    for words in (*LABELS, "is any of", "is Last", "Days Ago", "is Today"):
        sentence = re.sub(rf"\b{words}\b", words, sentence, flags=re.IGNORECASE)
    return re.sub(r"\bIs (?=\d)", "is ", sentence)


def _typed(row: Mapping[str, str]) -> dict[str, Any]:
    kinds = {"click_date": date.fromisoformat, "clicks": int}
    return {
        name: (datetime.fromisoformat if name.endswith("_at") else kinds.get(name, str))(text) if text else None
        for name, text in row.items()
    }
