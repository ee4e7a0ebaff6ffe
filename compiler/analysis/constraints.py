"""Demand: a segment as what must be the case, and its opposite as the alternatives of which one must be.

Conditions of a kind that cannot be reasoned about are left out of a demand and listed in `unknown`: what is impossible
without them is impossible with them.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from math import ceil, floor, inf
from typing import Literal

from compiler.analysis.interval_sums import Bounds, Interval
from compiler.analysis.string_constraint import Texts
from compiler.segment_tree import (
    NO_STAGE,
    AnyOf,
    Compare,
    Condition,
    Contains,
    Dates,
    DaysAgo,
    Window,
    Within,
    Workflow,
)
from compiler.sql.predicates import Conditions, stages

STAGE, SINCE = "Relationship Stage", "Last Transition Date"
MEASURES = ("Clicks", "Actions", "Revenue")
CONTRACT_STAGE, CONTRACT_ID, TERM = "Contract Stage", "Contract ID", "Partner Template Term"
UNITS = {"count": 1, "amount": 10**8}
"""Totals are whole numbers of these: revenue is kept to eight decimals."""

OVER = frozenset(
    {
        "Expired",
        "Pending Contract Expired",
        "Publisher Declined",
        "Advertiser Declined",
        "Publisher Retracted",
        "Advertiser Retracted",
    }
)
"""The stages of a contract that is neither in force nor in play (segments.contracts_as_of)."""


@dataclass(frozen=True)
class Span:
    """Days ago that a window has on a local date, or those before (`nearer`) or after it (`farther`)."""

    window: DaysAgo | Dates
    side: Literal["in", "nearer", "farther"] = "in"

    def on(self, today: date) -> Interval | None:
        """First and last day ago, both inclusive; None when there is none. Nothing lies in the future."""
        if isinstance(self.window, DaysAgo):
            first, last = self.window.first, self.window.last
        else:
            first, last = (today - self.window.last).days, (today - self.window.first).days
        low, high = {"in": (first, last), "nearer": (0, first - 1), "farther": (last + 1, inf)}[self.side]
        low = max(low, 0)
        return (low, high) if low <= high else None


ANY = Texts()


@dataclass(frozen=True)
class Some:
    """There is a contract that is not superseded and meets all of this; with `counted`, one in force or in play."""

    stages: frozenset[str] | None = None
    counted: bool = False
    id: Texts = ANY
    term: Texts | None = None

    def __and__(self, other: "Some") -> "Some":
        sets = [one for one in (self.stages, other.stages) if one is not None]
        terms = [one for one in (self.term, other.term) if one is not None]
        return Some(
            frozenset.intersection(*sets) if sets else None,
            self.counted or other.counted,
            self.id & other.id,
            terms[0] & terms[-1] if len(terms) == 2 else (terms or [None])[0],
        )

    def but_not(self, other: "Some") -> list["Some"]:
        """What a contract may be that meets this and not the other."""
        found = []
        if other.stages is not None:
            everything = self.stages if self.stages is not None else ALL_CONTRACT_STAGES
            found.append(replace(self, stages=everything - other.stages))
        if other.counted:
            over = OVER if self.stages is None else self.stages & OVER
            found.append(replace(self, stages=frozenset(over)))
        found += [replace(self, id=self.id & one) for one in _opposites(other.id)]
        if other.term is not None:
            found += [replace(self, term=(self.term or ANY) & one) for one in _opposites(other.term)]
        return found


ALL_CONTRACT_STAGES = frozenset(
    {"Joined", "Awaiting Contract Start", "Awaiting Publisher Approval", "Awaiting Advertiser Approval"}
    | {"Advertiser Countered", "Publisher Countered"}
    | OVER
)


@dataclass(frozen=True)
class Demand:
    """All of this must be the case for a partner.

    `stages` are its possible relationship stages; `since` the days since its last transition; `values` its own columns
    by label; `groups` one row each; `totals` the bounds of measures over a window (None: all history), in UNITS.
    `contracts` are lists of alternatives, of each of which one must be: a contract that is such, or None for no
    contract at all. `barred_contracts` and `barred_groups` are what no contract and group may be; `has_contract` that
    there is one, superseded ones included.
    """

    stages: frozenset[str]
    since: tuple[Span, ...] = ()
    values: tuple[tuple[str, Texts], ...] = ()
    groups: tuple[tuple[str, Texts], ...] = ()
    barred_groups: tuple[tuple[str, Texts], ...] = ()
    contracts: tuple[tuple[Some | None, ...], ...] = ()
    barred_contracts: tuple[Some, ...] = ()
    has_contract: bool = False
    totals: tuple[tuple[Span | None, str, Bounds], ...] = ()
    unknown: tuple[str, ...] = field(default=(), compare=False)


def demand(workflow: Workflow, conditions: Conditions) -> Demand:
    """What a workflow's segment asks of a partner of its program."""
    return _Reader(workflow, conditions).demand()


def opposites(workflow: Workflow, conditions: Conditions) -> list[Demand]:
    """The ways not to be in a workflow's segment, as far as they can be reasoned about; one must be the case."""
    return _Reader(workflow, conditions).opposites()


class _Reader:
    def __init__(self, workflow: Workflow, conditions: Conditions):
        self.conditions = conditions
        self.window = conditions.window_of(workflow)
        self.segment = workflow.segment
        self.on_contracts = conditions.on(workflow, "contract")
        self.all_stages = frozenset(conditions.vocabulary[STAGE].values)

    def demand(self) -> Demand:
        found = Demand(self.all_stages)
        for condition in self.segment:
            found = self._with(found, condition)
        if self.on_contracts:
            found = replace(found, contracts=(self._contracts(),))
        return found

    def _with(self, found: Demand, condition: Condition) -> Demand:
        field = self.conditions.field(condition)
        if condition.label == STAGE and isinstance(condition, AnyOf):
            return replace(found, stages=found.stages & frozenset(stages(condition, field)))
        if condition.label == SINCE and isinstance(condition, Within):
            span = Span(self._days(condition.window))
            return replace(found, since=(*found.since, span), stages=found.stages - {NO_STAGE})
        if not _known(condition, field.kind, field.grain):
            return replace(found, unknown=(*found.unknown, str(condition)))
        if field.grain == "partner":
            return replace(found, values=(*found.values, (condition.label, self._texts(condition))))
        if field.grain == "group":
            return replace(found, groups=(*found.groups, (condition.label, self._texts(condition))))
        if isinstance(condition, Compare):
            return replace(found, totals=(*found.totals, self._total(condition)))
        return found

    def opposites(self) -> list[Demand]:
        everybody, found = Demand(self.all_stages), []
        for condition in self.segment:
            field = self.conditions.field(condition)
            if condition.label == STAGE and isinstance(condition, AnyOf):
                found.append(replace(everybody, stages=self.all_stages - frozenset(stages(condition, field))))
            elif condition.label == SINCE and isinstance(condition, Within):
                moved, window = self.all_stages - {NO_STAGE}, self._days(condition.window)
                found += [
                    replace(everybody, stages=moved, since=(Span(window, side),)) for side in ("nearer", "farther")
                ]
                found.append(replace(everybody, stages=frozenset({NO_STAGE})))
            elif not _known(condition, field.kind, field.grain):
                continue
            elif field.grain == "partner":
                texts = _opposites(self._texts(condition))
                found += [replace(everybody, values=((condition.label, one),)) for one in texts]
            elif field.grain == "group":
                found.append(replace(everybody, barred_groups=((condition.label, self._texts(condition)),)))
            elif isinstance(condition, Compare):
                span, label, (low, high) = self._total(condition)
                other = (-inf, low - 1) if low > -inf else (high + 1, inf)
                found.append(replace(everybody, totals=((span, label, other),)))
        if self.on_contracts:
            alternatives = self._contracts()
            barred = tuple(one for one in alternatives if one is not None)
            found.append(replace(everybody, barred_contracts=barred, has_contract=None in alternatives))
        return found

    def _contracts(self) -> tuple[Some | None, ...]:
        """A contract that meets all, or none at all where Contract Stage None is asked for alone."""
        found, named = Some(), None
        for condition in self.on_contracts:
            field = self.conditions.field(condition)
            if condition.label == CONTRACT_STAGE and isinstance(condition, AnyOf):
                named = stages(condition, field)
                found &= Some(stages=frozenset(named) - {NO_STAGE})
            elif condition.label == CONTRACT_ID and isinstance(condition, AnyOf):
                found &= Some(id=self._texts(condition))
            elif condition.label == TERM and isinstance(condition, AnyOf | Contains):
                found &= Some(term=self._texts(condition))
        if named is None:
            found = replace(
                found, counted=any(self.conditions.field(one).default_filter_column for one in self.on_contracts)
            )
        alternatives: list[Some | None] = [] if named == [NO_STAGE] else [found]
        if named is not None and NO_STAGE in named and len(self.on_contracts) == 1:
            alternatives.append(None)
        return tuple(alternatives)

    def _total(self, condition: Compare) -> tuple[Span | None, str, Bounds]:
        units = condition.value * UNITS[self.conditions.field(condition).kind]
        bounds = (floor(units) + 1, inf) if condition.operator == "greater than" else (-inf, ceil(units) - 1)
        return (Span(self._days(self.window)) if self.window is not None else None), condition.label, bounds

    def _days(self, window: Window) -> DaysAgo | Dates:
        return window if isinstance(window, Dates) else self.conditions.days(window)

    def _texts(self, condition: AnyOf | Contains) -> Texts:
        if isinstance(condition, Contains):
            return Texts(parts=(condition.text,))
        field = self.conditions.field(condition)
        values = stages(condition, field) if field.kind == "stage" else condition.values
        return Texts(allowed=frozenset(values))


def _opposites(texts: Texts) -> list[Texts]:
    """The ways not to be such a text."""
    found = [Texts(barred=tuple(sorted(texts.allowed)))] if texts.allowed is not None else []
    return found + [Texts(barred_parts=(part,)) for part in texts.parts]


def _known(condition: Condition, kind: str, grain: str) -> bool:
    """Whether this module reasons about such a condition; conditions on contracts by their label."""
    if grain == "contract":
        return condition.label in (CONTRACT_STAGE, CONTRACT_ID, TERM)
    if grain == "day":
        return isinstance(condition, Within) or condition.label in MEASURES
    return isinstance(condition, AnyOf | Contains) and kind in ("list", "text", "stage")


def merge(first: Demand, second: Demand) -> Demand:
    """All of two demands."""
    return Demand(
        stages=first.stages & second.stages,
        since=first.since + second.since,
        values=first.values + second.values,
        groups=first.groups + second.groups,
        barred_groups=first.barred_groups + second.barred_groups,
        contracts=first.contracts + second.contracts,
        barred_contracts=first.barred_contracts + second.barred_contracts,
        has_contract=first.has_contract or second.has_contract,
        totals=first.totals + second.totals,
        unknown=first.unknown + second.unknown,
    )
