"""The rules of the two help pages, each a function whose docstring is its manual.

A rule checks one workflow and yields every problem. The name of the function, with dashes, is the code of its problems.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Protocol

from compiler.analysis.constraints import alternatives_of
from compiler.analysis.satisfiability import is_satisfiable
from compiler.errors import Problem, did_you_mean
from compiler.language.definition import ReadWorkflow
from compiler.segment_reader import SegmentReader
from compiler.segment_tree import (
    AWAITING_APPROVAL,
    NO_STAGE,
    SELECT_ALL,
    AcceptApplication,
    AnyOf,
    Compare,
    Condition,
    Contains,
    DateRange,
    DateWithin,
    DaysAgo,
    LastDays,
    NoneOf,
    SendEmail,
    Window,
)
from compiler.vocabulary import Field, Vocabulary
from compiler.yaml_source import yaml_text

ANY_DAY = date(2026, 1, 1)
"""A date for rules whose result is the same on every date."""

MAX_DAYS = 36_600
"""The most days in a window: a hundred years."""


class AccountCatalog(Protocol):
    """The programs and values of the account, for the rules that need them."""

    def programs(self) -> Collection[str]:
        """Return the ids of all programs."""

    def values(self, program: str, field: Field) -> Collection[str] | None:
        """Return the values that a field has among the partners of a program; None if they are not known."""


@dataclass(frozen=True)
class RuleContext:
    """The input of a rule: one workflow as read, the vocabulary, and the messages and the catalog if they are known.

    `workflow_ids` are those of all definitions, if they are known; `no_email` those that accept applications;
    `programs` has the program of each definition that could be read.
    """

    read: ReadWorkflow
    vocabulary: Vocabulary
    messages: Collection[str] | None = None
    catalog: AccountCatalog | None = None
    workflow_ids: Collection[str] | None = None
    no_email: Collection[str] = ()
    programs: Mapping[str, str] | None = None

    def __iter__(self) -> Iterator[tuple[int, Condition, Field]]:
        for index, condition in enumerate(self.read.workflow.segment):
            yield index, condition, self.vocabulary[condition.label]

    def first(self, label: str) -> int | None:
        """Return the position of the first condition with this label."""
        labels = [condition.label for condition in self.read.workflow.segment]
        return labels.index(label) if label in labels else None

    def on_one_contract(self) -> list[int]:
        """Return the positions of the conditions that must hold on the same contract."""
        return [index for index, one, field in self if field.grain == "contract" and not isinstance(one, NoneOf)]

    def ranges(self, grain: str) -> list[int]:
        """Return the positions of the date ranges of conditions of this grain."""
        return [index for index, _, field in self if field.kind == "window" and field.grain == grain]

    def of_kind(self, *kinds: str) -> list[int]:
        """Return the positions of the conditions of these kinds."""
        return [index for index, _, field in self if field.kind in kinds]


Rule = Callable[[RuleContext], Iterable[Problem]]


def less_than_one(context: RuleContext) -> Iterable[Problem]:
    """Clicks, Actions and Revenue can't be set to less than 1: partners without any have 0, written `is 0`."""
    for index, condition, field in context:
        if isinstance(condition, Compare) and condition.operator == "less than" and condition.value <= 1:
            message = f"{field.label} can't be set to less than 1."
            hint = f"To target partners without any, write {field.label} is 0; with few, an option such as "
            hint += f"{field.label} less than 100."
            yield context.read.at_condition(index, "less-than-one", message, hint)


def number_limits(context: RuleContext) -> Iterable[Problem]:
    """Measures are compared with numbers of at least 0; Clicks and Actions with whole numbers."""
    for index, condition, field in context:
        if isinstance(condition, Compare) and (wrong := _wrong_number(condition, field)):
            yield context.read.at_condition(index, "number-limits", *wrong)
    goal = context.read.workflow.goal
    if goal is not None and (wrong := _wrong_number(goal.condition, context.vocabulary[goal.condition.label])):
        yield context.read.at("goal", "number-limits", *wrong)


def window_order(context: RuleContext) -> Iterable[Problem]:
    """The first end of a window comes before the second: interval between 1 and 30, between Oct 1 and Oct 7."""
    for index, condition, field in context:
        window = condition.window if isinstance(condition, DateWithin) else None
        if isinstance(window, DaysAgo) and window.first > window.last:
            hint = f"Write {field.label} {DaysAgo(window.last, window.first)}."
            yield context.read.at_condition(index, "window-order", "The first number is greater than the second.", hint)
        if isinstance(window, DateRange) and window.first > window.last:
            hint = f"Write {field.label} {DateRange(window.last, window.first)}."
            yield context.read.at_condition(index, "window-order", "The first date is later than the second.", hint)


def window_out_of_range(context: RuleContext) -> Iterable[Problem]:
    """A window of days has at least one day and goes at most a hundred years back or ahead."""
    for index, condition, _ in context:
        window = condition.window if isinstance(condition, DateWithin) else None
        days = getattr(window, "days", max(-window.first, window.last) if isinstance(window, DaysAgo) else 1)
        if days > MAX_DAYS:
            hint = f"Write at most {MAX_DAYS} days."
            yield context.read.at_condition(
                index, "window-out-of-range", "The window goes more than a hundred years back or ahead.", hint
            )
        if days == 0 and not isinstance(window, DaysAgo):
            yield context.read.at_condition(
                index, "window-out-of-range", "Last 0 Days contains no day.", "Write is Today."
            )


def future_date(context: RuleContext) -> Iterable[Problem]:
    """Only dates whose column says so, such as Contract End Date, can be in the future: the others have passed."""
    for index, condition, field in context:
        window = condition.window if isinstance(condition, DateWithin) else None
        if isinstance(window, DaysAgo) and window.is_ahead and not field.has_future:
            message = f"{field.label} is never in the future, so no partner can meet this."
            known = " or ".join(one.label for one in context.vocabulary.fields if one.has_future)
            hint = f"Write {field.label} {DaysAgo(max(-window.last, 0), max(-window.first, 0))}"
            hint += f"; days to come are for {known}." if known else "."
            yield context.read.at_condition(index, "future-date", message, hint)


def repeated_condition(context: RuleContext) -> Iterable[Problem]:
    """A segment has each condition once, per operator: a measure may have one greater than and one less than."""
    keys = [(condition.label, _operator(condition)) for _, condition, _ in context]
    counts = Counter(keys)
    for index, key in enumerate(keys):
        if counts[key] > 1 and index != keys.index(key):
            message = f"{' '.join(key).strip()} is given twice; a partner would have to meet both."
            listed = "is none of" if "is none of" in key else "is any of"
            hint = f"Put the values into one condition ({listed} A, B), or remove one of the two."
            yield context.read.at_condition(index, "repeated-condition", message, hint)


def performance_range_alone(context: RuleContext) -> Iterable[Problem]:
    """Performance Date Range must be paired with at least 1 Clicks, Actions or Revenue condition."""
    if not context.of_kind("count", "amount"):
        for index in context.ranges("day"):
            label = context.read.workflow.segment[index].label
            message = f"{label} must be paired with at least 1 clicks, actions, or revenue condition."
            hint = "Add for example Clicks less than 100."
            yield context.read.at_condition(index, "performance-range-alone", message, hint)


def contact_range_alone(context: RuleContext) -> Iterable[Problem]:
    """Contacted By Date Range says when a workflow of Contacted By has written to the partner, so it needs one."""
    if not context.of_kind("workflow"):
        for index in context.ranges("contact"):
            label = context.read.workflow.segment[index].label
            message = f"{label} must be paired with a Contacted By condition."
            hint = "Add for example Contacted By is none of welcome."
            yield context.read.at_condition(index, "contact-range-alone", message, hint)


def unknown_workflow(context: RuleContext) -> Iterable[Problem]:
    """Contacted By names workflows of the same program that send emails, or others that have sent some in it.

    A workflow writes to a partner once, so it cannot write to those that it has written to (warning).
    """
    if context.workflow_ids is None:
        return
    own = context.read.workflow.program
    for index, condition, field in context:
        if field.kind != "workflow":
            continue
        sent = context.catalog.values(own, field) if context.catalog is not None else None
        known = sorted({*context.workflow_ids, *(sent or ())} - set(context.no_email))
        for value in _written_values(condition):
            if value in context.no_email:
                message = f"{value} accepts applications, and sends no email."
                hint = did_you_mean(value, known) + "Name workflows that send one."
                yield context.read.at_condition(index, "unknown-workflow", message, hint, value=value)
            elif value not in known:
                hint = did_you_mean(value, known) + f"The workflows are {', '.join(known)}."
                message = f"There is no workflow {value}."
                yield context.read.at_condition(index, "unknown-workflow", message, hint, value=value)
            elif (program := (context.programs or {}).get(value, own)) != own and value not in (sent or ()):
                message = f"{value} is a workflow of program {program}, and this one of program {own}."
                hint = "A partner of this program is never contacted by it; name workflows of this program."
                yield context.read.at_condition(index, "unknown-workflow", message, hint, value=value)
        if condition == AnyOf(condition.label, (context.read.workflow.id,)):
            message = "A workflow writes to a partner once, so this one can write to nobody."
            hint = "Name another workflow."
            yield context.read.at_condition(index, "unknown-workflow", message, hint, "warning")


def measure_without_range(context: RuleContext) -> Iterable[Problem]:
    """Clicks, Actions and Revenue without a Performance Date Range count all history (warning)."""
    if not context.ranges("day"):
        for index in context.of_kind("count", "amount"):
            label = context.read.workflow.segment[index].label
            message = f"{label} without a Performance Date Range counts all history."
            hint = "Add for example Performance Date Range is Last 30 Days."
            yield context.read.at_condition(index, "measure-without-range", message, hint, "warning")


def transition_date_alone(context: RuleContext) -> Iterable[Problem]:
    """Last Transition Date can only be used with Relationship Stage."""
    index = context.first("Last Transition Date")
    if index is not None and context.first("Relationship Stage") is None:
        message = "Last Transition Date can only be used with Relationship Stage."
        hint = "Add for example Relationship Stage is any of Joined."
        yield context.read.at_condition(index, "transition-date-alone", message, hint)


def contract_stage_with_dates(context: RuleContext) -> Iterable[Problem]:
    """Contract Stage can't be used with Last Transition Date nor with Performance Date Range."""
    index = context.first("Contract Stage")
    for label in ("Last Transition Date", "Performance Date Range"):
        if index is not None and context.first(label) is not None:
            message = f"Contract Stage can't be used with {label}."
            hint = "Choose Relationship Stage is any of Joined instead."
            yield context.read.at_condition(index, "contract-stage-with-dates", message, hint)


def unknown_value(context: RuleContext) -> Iterable[Problem]:
    """A stage is one of those of the help page, or Select All."""
    for index, condition, field in context:
        if isinstance(condition, AnyOf | NoneOf) and field.values:
            known = (*field.values, SELECT_ALL)
            for value in condition.values:
                if value not in known:
                    hint = _listed(value, condition, field.values) or did_you_mean(value, known)
                    hint += f"The values are {', '.join(known)}."
                    message = f"{value} is not a valid {field.label}."
                    yield context.read.at_condition(index, "unknown-value", message, hint, value=value)


def unsupported_stage(context: RuleContext) -> Iterable[Problem]:
    """A segment names only stages that the project's loader delivers (`supported_values` of the column's condition).

    Some sources are incomplete: one with only the contracts in force has neither None nor proposals. Select All means
    the supported stages, with a warning. An application workflow needs the stage of waiting applications.
    """
    for index, condition, field in context:
        unsupported = [value for value in field.values if value not in field.supported_values]
        supported = ", ".join(field.supported_values)
        remedy = f"Supported are {supported}. Use these, or load more and add them in {field.model}.yml."
        for value in _written_values(condition):
            if value in unsupported:
                message = f"The loader does not deliver {field.label} {value}."
                hint = did_you_mean(value, field.supported_values) + remedy
                yield context.read.at_condition(index, "unsupported-stage", message, hint, value=value)
            elif value == SELECT_ALL and unsupported:
                message = f"{SELECT_ALL} does not include what the loader does not deliver: {', '.join(unsupported)}."
                yield context.read.at_condition(index, "unsupported-stage", message, remedy, "warning", value)
    if isinstance(context.read.workflow.action, AcceptApplication):
        for field in context.vocabulary.fields:
            if AWAITING_APPROVAL in field.values and AWAITING_APPROVAL not in field.supported_values:
                message = f"The loader does not deliver {field.label} {AWAITING_APPROVAL}, so nothing can be accepted."
                hint = f"Load applications and add the stage in {field.model}.yml, or accept them elsewhere."
                yield context.read.at("action", "unsupported-stage", message, hint)


def empty_text(context: RuleContext) -> Iterable[Problem]:
    """A value or search text has at least one visible character, and no NUL."""
    for index, condition, field in context:
        texts = (condition.text,) if isinstance(condition, Contains) else _written_values(condition)
        if any(not text.strip() or "\0" in text for text in texts):
            hint = f"Remove it, or write a value of {field.label}."
            yield context.read.at_condition(index, "empty-text", "A value is empty.", hint)


def comment_behind_value(context: RuleContext) -> Iterable[Problem]:
    """A comment directly behind a name may have been meant as a part of it; YAML leaves it out (warning)."""
    for index, condition, field in context:
        comment = context.read.comment_at(index)
        if field.kind in ("list", "text") and re.match(r"\s#", comment):
            message = f"{comment.strip()[:40]!r} is a comment, and not a part of the condition."
            whole = yaml_text(f"{condition}{comment}")
            hint = f"If it is a part, put the condition in quotes: {whole}. If not, write two blanks before #."
            yield context.read.at_condition(index, "comment-behind-value", message, hint, "warning")


def placeholder(context: RuleContext) -> Iterable[Problem]:
    """A value in square brackets is the help page's placeholder, to be replaced by your own (warning)."""
    for index, condition, field in context:
        for value in _written_values(condition):
            if re.fullmatch(r"\[.*\]", value):
                message = f"{value} looks like the help page's placeholder."
                hint = f"Write a {field.label} without brackets."
                yield context.read.at_condition(index, "placeholder", message, hint, "warning", value)


def no_transition_date(context: RuleContext) -> Iterable[Problem]:
    """A partner of stage None has no transition date, so the two together match no partner (warning)."""
    stage, date = context.first("Relationship Stage"), context.first("Last Transition Date")
    if stage is not None and date is not None and _values(context, stage) == {NO_STAGE}:
        message = "Stage None has no Last Transition Date, so this segment matches no partner."
        hint = "Remove one of the two conditions."
        yield context.read.at_condition(date, "no-transition-date", message, hint, "warning")


def none_with_contract_condition(context: RuleContext) -> Iterable[Problem]:
    """Contract Stage None means no contract, so no partner meets it and another condition on contracts (warning)."""
    stage = context.first("Contract Stage")
    others = [index for index in context.on_one_contract() if index != stage]
    if stage in context.on_one_contract() and others and NO_STAGE in _values(context, stage):
        message = "Contract Stage None means no contract, so the other conditions on contracts cannot be met with it."
        hint = "Remove None, or the other conditions on contracts."
        yield context.read.at_condition(stage, "none-with-contract-condition", message, hint, "warning")


def contradicting_numbers(context: RuleContext) -> Iterable[Problem]:
    """A measure cannot be greater than one number and less than another with no number between them (warning)."""
    bounds: dict[tuple[str, str], tuple[int, Decimal]] = {
        (condition.label, condition.operator): (index, condition.value)
        for index, condition, _ in context
        if isinstance(condition, Compare)
    }
    for (label, operator), (index, least) in bounds.items():
        if operator == "greater than" and (label, "is") in bounds:
            message = f"{label} cannot be 0 and greater than {least:f}."
            yield context.read.at_condition(
                index, "contradicting-numbers", message, "Remove one of the conditions.", "warning"
            )
        _, most = bounds.get((label, "less than"), (0, None))
        step = 1 if context.vocabulary[label].kind == "count" else 0
        if operator == "greater than" and most is not None and most <= least + step:
            message = f"No number of {label} is greater than {least:f} and less than {most:f}."
            hint = "Swap the two numbers, or remove one of the conditions."
            yield context.read.at_condition(index, "contradicting-numbers", message, hint, "warning")


def contradicting_values(context: RuleContext) -> Iterable[Problem]:
    """A partner cannot have one of some values and none of the same values, nor none of all stages (warning)."""
    for index, condition, field in context:
        if not isinstance(condition, NoneOf) or field.default_filter_column:
            continue
        excluded = _named(context, index)
        pairs = [(at, one) for at, one, _ in context if isinstance(one, AnyOf) and one.label == condition.label]
        for at, one in pairs:
            if _named(context, at) <= excluded:
                message = f"No partner meets this and {one}."
                hint = "Remove values from one of the two conditions."
                yield context.read.at_condition(index, "contradicting-values", message, hint, "warning")
        if field.grain == "partner" and field.values and not _values(context, index):
            message = f"Every partner has a {field.label}, and this excludes all."
            hint = f"Leave the values of {field.label} out that are allowed."
            yield context.read.at_condition(index, "contradicting-values", message, hint, "warning")


def matches_inactive_partners(context: RuleContext) -> Iterable[Problem]:
    """`less than` and `is 0` also match partners without any activity, such as prospects that never joined (warning).

    "Without a Joined relationship, partners will not have any performance data to analyze" (best practices page).
    """
    stages = [_named(context, index) for index, one, field in context if field.kind == "stage" and _is_any_of(one)]
    if any("Joined" in values for values in stages):
        return
    for index, condition, _ in context:
        if isinstance(condition, Compare) and condition.is_upper_bound:
            message = f"{condition} also matches partners that never joined."
            hint = "Add Relationship Stage is any of Joined."
            yield context.read.at_condition(index, "matches-inactive-partners", message, hint, "warning")


def unmeetable_segments(context: RuleContext) -> Iterable[Problem]:
    """The conditions on segments can be met together with the other conditions of the workflow (warning)."""
    indexes = context.of_kind("segment")
    if not indexes:
        return
    for include_today in (False, True):
        reader = SegmentReader(context.vocabulary, include_today)
        if any(
            is_satisfiable(one, ANY_DAY, negative_revenue=True)
            for one in alternatives_of(context.read.workflow, reader)
        ):
            return
    message = "No partner can meet this and the other conditions of the workflow at once."
    hint = "Compare the conditions of the segments with each other, and remove what excludes the rest."
    yield context.read.at_condition(indexes[0], "unmeetable-segments", message, hint, "warning")


def unknown_program(context: RuleContext) -> Iterable[Problem]:
    """A workflow's program is a program of the account."""
    program = context.read.workflow.program
    if context.catalog is not None and program not in context.catalog.programs():
        known = context.catalog.programs()
        hint = did_you_mean(program, known) + f"The programs are {', '.join(sorted(known))}."
        yield context.read.at("program", "unknown-program", f"There is no program {program}.", hint)


def value_not_found(context: RuleContext) -> Iterable[Problem]:
    """A template term, group, name or id that no partner of the program has matches no partner (warning)."""
    program = context.read.workflow.program
    if context.catalog is None or program not in context.catalog.programs():
        return
    for index, condition, field in context:
        if isinstance(condition, AnyOf | NoneOf) and not field.values and field.column and field.kind != "workflow":
            known = context.catalog.values(program, field)
            if known is None:  # the column is new
                continue
            for value in condition.values:
                if value not in known:
                    message = f"No partner of program {program} has the {field.label} {value}."
                    hint = _same_but_spelling(value, known) or _listed(value, condition, known)
                    hint = hint or did_you_mean(value, known)
                    hint += "Names must match exactly."
                    yield context.read.at_condition(index, "value-not-found", message, hint, "warning", value)


def load_lag(context: RuleContext) -> Iterable[Problem]:
    """Days that are not loaded completely have too little activity.

    `less than` and `is 0` must not read such days, and a range must not consist of them only.
    """
    windows = [one.window for _, one, field in context if isinstance(one, DateWithin) and field.grain == "day"]
    for index, condition, field in context:
        newest, oldest = _days_ago(windows[0]) if windows else (0, MAX_DAYS)
        missing = field.load_lag_days
        if isinstance(condition, Compare) and (newest if condition.is_upper_bound else oldest) < missing:
            days = f"the last {missing} days (0 to {missing - 1} days ago)"
            message = f"The loader does not deliver all {field.label} of {days}."
            hint = f"Start the Performance Date Range {missing} days ago, as in interval between {missing} and 30."
            yield context.read.at_condition(index, "load-lag", message, hint)


def unknown_message(context: RuleContext) -> Iterable[Problem]:
    """An email's message is a folder of workflows/messages/."""
    action = context.read.workflow.action
    if isinstance(action, SendEmail) and context.messages is not None and action.message not in context.messages:
        hint = did_you_mean(action.message, context.messages) + "A message is a folder of workflows/messages/."
        yield context.read.at("action", "unknown-message", f"There is no message {action.message}.", hint)


def effect_without_email(context: RuleContext) -> Iterable[Problem]:
    """A goal and a holdout measure the effect of an email; an application is accepted or it is not."""
    workflow = context.read.workflow
    for key in ("goal", "holdout"):
        if getattr(workflow, key) is not None and isinstance(workflow.action, AcceptApplication):
            message = f"A workflow that accepts applications can't have a {key}."
            hint = f"Remove `{key}:`; it is for workflows that send an email."
            yield context.read.at(key, "effect-without-email", message, hint)


def holdout_without_goal(context: RuleContext) -> Iterable[Problem]:
    """Without a goal, a holdout has a cost and no result (warning)."""
    if context.read.workflow.holdout is not None and context.read.workflow.goal is None:
        message = "A holdout without a goal measures nothing."
        hint = "Add for example `goal: Actions greater than 0 within 14 days`."
        yield context.read.at("holdout", "holdout-without-goal", message, hint, "warning")


RULES: tuple[Rule, ...] = (
    less_than_one,
    number_limits,
    window_order,
    window_out_of_range,
    future_date,
    repeated_condition,
    performance_range_alone,
    contact_range_alone,
    unknown_workflow,
    measure_without_range,
    transition_date_alone,
    contract_stage_with_dates,
    unknown_value,
    unsupported_stage,
    empty_text,
    comment_behind_value,
    placeholder,
    no_transition_date,
    none_with_contract_condition,
    contradicting_numbers,
    contradicting_values,
    matches_inactive_partners,
    unmeetable_segments,
    load_lag,
    unknown_message,
    effect_without_email,
    holdout_without_goal,
    unknown_program,
    value_not_found,
)


SEGMENT_RULES = tuple(
    rule
    for rule in RULES
    if rule
    not in (
        effect_without_email, holdout_without_goal, matches_inactive_partners, unknown_message, unknown_program,
        unmeetable_segments,
    )
)  # fmt: skip
"""The rules for a named segment by itself; the others are about a workflow and its whole segment."""


def _wrong_number(condition: Compare, field: Field) -> tuple[str, str] | None:
    """Return what is wrong with the number of a condition, and what to write instead."""
    if condition.value < 0:
        return f"{field.label} is never negative.", f"Write {field.label} {condition.operator} 0 or more."
    if field.kind == "count" and condition.value != int(condition.value):
        hint = f"Write {field.label} {condition.operator} {int(condition.value)}."
        return f"{field.label} are whole numbers.", hint
    if condition.value >= Decimal(10) ** 15 or _decimals(condition.value) > 8:
        hint = "Write at most 15 digits before the point and at most 8 after it."
        return "This number has too many digits to be compared exactly.", hint
    return None


def _is_any_of(condition: Condition) -> bool:
    return isinstance(condition, AnyOf)


def _operator(condition: Condition) -> str:
    """Return the operator of a condition, where a segment may have others on the same field."""
    if isinstance(condition, NoneOf):
        return "is none of"
    return condition.operator if isinstance(condition, Compare) else ""


def _listed(value: str, condition: AnyOf | NoneOf, known: Collection[str]) -> str:
    """Return a sentence with the known values that a text joins by something other than commas, or an empty text."""
    valid = {one.casefold(): one for one in known}
    parts = [valid.get(one.strip().casefold()) for one in re.split(r"\band\b|[&;/|+]", value)]
    values = tuple(one for one in parts if one is not None)
    return f"Write {replace(condition, values=values)}. " if len(values) == len(parts) else ""


def _same_but_spelling(value: str, known: Collection[str]) -> str:
    """Return a sentence with the known value that differs in letter case, blanks, quotes or Unicode form only."""
    same = [one for one in known if _letters(one) == _letters(value)]
    if not same:
        return ""
    written = str(AnyOf("", (same[0],))).removeprefix(" is any of ")
    return f"Did you mean {written}, which differs in letter case, blanks or punctuation? "


def _letters(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text).casefold() if one.isalnum())


def _days_ago(window: Window) -> tuple[int, int]:
    """Return the newest and the oldest day of a window, in days ago; calendar dates count as long ago."""
    if isinstance(window, LastDays):
        return 1, window.days
    return (window.first, window.last) if isinstance(window, DaysAgo) else (MAX_DAYS, MAX_DAYS)


def _values(context: RuleContext, index: int) -> set[str]:
    """Return the values that meet a condition: those that it names, or of `is none of` the others."""
    condition, named = context.read.workflow.segment[index], _named(context, index)
    return set(context.vocabulary[condition.label].values) - named if isinstance(condition, NoneOf) else named


def _named(context: RuleContext, index: int) -> set[str]:
    """Return the values that a condition names, with Select All replaced by its values."""
    condition = context.read.workflow.segment[index]
    values = set(_written_values(condition))
    if SELECT_ALL in values:
        values |= set(context.vocabulary[condition.label].values) - {NO_STAGE}
    return values - {SELECT_ALL}


def _written_values(condition: Condition) -> tuple[str, ...]:
    return condition.values if isinstance(condition, AnyOf | NoneOf) else ()


def _decimals(number: Decimal) -> int:
    """Return the number of digits after the point."""
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
