"""Overlaps and sequences as text and as JSON."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from compiler.analysis.overlap import Overlap, Overlaps
from compiler.analysis.sequences import WorkflowSequence
from flows.local_time import counted
from flows.preview.bound import EmailBound
from flows.warehouse.program_names import ProgramNames

PERIODS = {"hour": "an hour", "day": "24 hours", "30 days": "30 days"}

RELATIONS = {
    "equal": "{0} and {1} are the same segment",
    "subset": "{0} is a subset of {1}: every partner in {0} is also in {1}",
    "superset": "{1} is a subset of {0}: every partner in {1} is also in {0}",
    "overlap": "{0} and {1} can reach the same partner in the same hour",
    "undecided": "{0} and {1} cannot be compared",
}


def overlaps_json(found: Overlaps, sequences: Sequence[WorkflowSequence]) -> dict[str, Any]:
    """Return the pairs, the number of disjoint pairs, the sequences, and the workflows that match no partner."""
    return {
        "overlaps": [one.as_json() for one in found.pairs],
        "disjoint": found.disjoint,
        "sequences": [one.as_json() for one in sequences],
        "unsatisfiable": list(found.unsatisfiable),
    }


def bound_lines(bounds: Sequence[EmailBound], programs: ProgramNames) -> list[str]:
    """Return the most emails that one partner of each program can get, each with a partner that gets them."""
    lines = []
    for program, found in groupby(bounds, key=lambda one: one.program_id):
        each = list(found)
        most = [f"{_at_most(one)} in {PERIODS[one.period]}" for one in each]
        lines.append(f"A partner of {programs.name(program)} gets at most {', '.join(most[:-1])} and {most[-1]}.")
        for one in each:
            lines += _witness(one)
    return lines or ["No active workflow sends emails."]


def _at_most(one: EmailBound) -> str:
    known = "" if one.at_most == one.reached else f" (perhaps fewer: {one.reached} are reached)"
    return f"{counted(one.at_most, 'email')}{known}"


def _witness(one: EmailBound) -> Iterable[str]:
    emails = ", ".join(f"{name} at {hour:%Y-%m-%d %H:%M}" for name, hour in one.witness.emails)
    yield f"    {counted(one.reached, 'email')} in {PERIODS[one.period]}: {emails or 'none'} (UTC)"
    if one.reached:
        yield f"        address known since {one.witness.since:%Y-%m-%d %H:%M}; {one.witness.history}"


def overlap_lines(found: Overlaps, sequences: Sequence[WorkflowSequence]) -> list[str]:
    """Return the sequences, then the pairs, each with its example partner."""
    lines = [line for one in sequences for line in _sequence(one)]
    lines += [line for one in found.pairs for line in _pair(one)]
    lines += [f"{name} can never match a partner." for name in found.unsatisfiable]
    lines += [
        f"{len(found.pairs):,} pairs of workflows can reach the same partner in the same hour; "
        f"{found.disjoint:,} pairs cannot."
    ]
    return lines


def _pair(one: Overlap) -> Iterable[str]:
    if one.relation == "undecided":
        yield f"{RELATIONS[one.relation].format(*one.workflows)}: the analysis does not support {one.except_when}."
        return
    exception = f", except when {one.except_when}" if one.except_when else ""
    yield RELATIONS[one.relation].format(*one.workflows) + exception + "."
    yield f"    {one.both}"


def _sequence(one: WorkflowSequence) -> Iterable[str]:
    steps = [f"{name} ({_days(days)})" for name, days in zip(one.workflows, one.days, strict=True)]
    yield f"Sequence: {', '.join(steps)}"
    for overlap in one.overlaps:
        yield f"    overlap on {_days(overlap.days)}: {' and '.join(overlap.workflows)}, {overlap.example}"
    for gap in one.gaps:
        shown = f", {gap.example}" if gap.example and not gap.is_intended else ""
        yield f"    {'between steps' if gap.is_intended else 'gap'} on {_days(gap.days)}{shown}"
    if one.continues:
        yield f"    every partner in {', '.join(one.continues)} was in the step before"


def _days(days: tuple[int, int]) -> str:
    return f"day {days[0]}" if days[0] == days[1] else f"days {days[0]} to {days[1]}"
