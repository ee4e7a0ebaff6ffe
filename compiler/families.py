"""Segments that sum measures, in two families: those with a Last Transition Date, and those without."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from compiler.compile import Compiler, Features
from compiler.conditions import Conditions
from compiler.dialect import literal
from compiler.tree import Condition, Dates, DaysAgo, Window, Within, Workflow
from compiler.vocabulary import Field


@dataclass(frozen=True)
class Family:
    """Segments that sum measures of the same partners: `name` is dated or undated."""

    name: str
    workflows: tuple[Workflow, ...] = ()

    @property
    def relation(self) -> str:
        """The table of their partners with the sums."""
        return f"segments.segment_features_{self.name}"

    @property
    def flag(self) -> str:
        """The column of a partner that is true if one of them can have it."""
        return f"is_{self.name}"

    def features(self, compiler: Compiler) -> Features:
        """The sums."""
        return compiler.features(self.workflows)


def families_of(workflows: Sequence[Workflow], compiler: Compiler) -> list[Family]:
    """The families that these workflows need."""
    measured = [one for one in workflows if compiler.features([one])]
    split: dict[str, list[Workflow]] = {"dated": [], "undated": []}
    for workflow in measured:
        split["dated" if _transition(workflow, compiler.conditions) else "undated"].append(workflow)
    return [Family(name, tuple(chosen)) for name, chosen in split.items() if chosen]


def reach(family: Family, conditions: Conditions) -> exp.Expression:
    """True for every partner that one of the segments can have, by program, stage and transition date.

    Few others meet it: the windows of one program and stage are taken together.
    """
    dates: dict[tuple[str, Condition | None], set[Within | None]] = {}
    for workflow in family.workflows:
        key = (workflow.program, _of_kind("stage", workflow, conditions))
        dates.setdefault(key, set()).add(_transition(workflow, conditions))
    return exp.or_(*[_branch(*key, found, conditions) for key, found in dates.items()], copy=False)


def _branch(program: str, stage: Condition | None, dates: set[Within | None], conditions: Conditions) -> exp.Expression:
    tests = [exp.column("program_id").eq(literal(program))]
    if stage is not None:
        tests.append(conditions.on_row(stage))
    named = [one for one in dates if one is not None]
    if len(named) == len(dates):
        tests += hull(conditions, conditions.field(named[0]), [one.window for one in named])
    return exp.and_(*tests, copy=False)


def hull(conditions: Conditions, dates: Field, windows: Sequence[Window | None]) -> list[exp.Expression]:
    """What every date in one of the windows meets: from the first day of them to the last. No test for all history."""
    if None in windows:
        return []
    days = [conditions.days(one) for one in windows if not isinstance(one, Dates)]
    fixed = [one for one in windows if isinstance(one, Dates)]
    hulls: list[Window] = []
    if days:
        hulls.append(DaysAgo(min(one.first for one in days), max(one.last for one in days)))
    if fixed:
        hulls.append(Dates(min(one.first for one in fixed), max(one.last for one in fixed)))
    return [exp.or_(*[conditions.inside(dates, one) for one in hulls], copy=False)]


def _transition(workflow: Workflow, conditions: Conditions) -> Within | None:
    """Its Last Transition Date."""
    return _of_kind("date", workflow, conditions)


def _of_kind(kind: str, workflow: Workflow, conditions: Conditions):
    """The first condition on a partner of this kind."""
    found = (one for one in conditions.on(workflow, "partner") if conditions.field(one).kind == kind)
    return next(found, None)
