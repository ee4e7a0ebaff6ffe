"""What a person and a program read of overlaps and chains."""

from collections.abc import Iterable, Sequence

from compiler.analysis.overlap import Overlap, Overlaps
from compiler.analysis.sequences import Chain

RELATIONS = {
    "same": "{0} and {1} are the same segment",
    "inside": "{0} is inside {1}: whoever is in {0} is in {1}",
    "contains": "{1} is inside {0}: whoever is in {1} is in {0}",
    "overlap": "{0} and {1} can reach one partner in one hour",
    "undecided": "{0} and {1} cannot be told apart",
}


def overlaps_json(found: Overlaps, linked: Sequence[Chain]) -> dict:
    """Pairs, chains, the number of pairs that never meet, and the workflows that match nobody."""
    return {
        "overlaps": [one.as_json() for one in found.pairs],
        "never": found.never,
        "chains": [one.as_json() for one in linked],
        "nobody": list(found.nobody),
    }


def overlap_lines(found: Overlaps, linked: Sequence[Chain]) -> list[str]:
    """The chains, then the pairs, each with its example."""
    lines = [line for one in linked for line in _chain(one)]
    lines += [line for one in found.pairs for line in _pair(one)]
    lines += [f"{name} matches nobody, ever." for name in found.nobody]
    counted = f"{len(found.pairs):,} pairs of workflows can reach one partner in one hour, {found.never:,} never can."
    return [*lines, counted]


def _pair(one: Overlap) -> Iterable[str]:
    if one.relation == "undecided":
        yield f"{RELATIONS[one.relation].format(*one.workflows)}: nothing is known of {one.unless}."
        return
    unless = f", unless {one.unless}" if one.unless else ""
    yield RELATIONS[one.relation].format(*one.workflows) + unless + "."
    yield f"    {one.both}"


def _chain(one: Chain) -> Iterable[str]:
    steps = [f"{name} ({_days(days)})" for name, days in zip(one.workflows, one.days, strict=True)]
    yield f"Chain: {', '.join(steps)}"
    for double in one.doubles:
        yield f"    double on {_days(double.days)}: {' and '.join(double.workflows)}, {double.witness}"
    for gap in one.gaps:
        shown = f", {gap.witness}" if gap.witness and not gap.is_meant else ""
        yield f"    {'between steps' if gap.is_meant else 'gap'} on {_days(gap.days)}{shown}"
    if one.follows:
        yield f"    whoever is in {', '.join(one.follows)} was in the step before"


def _days(days: tuple[int, int]) -> str:
    return f"day {days[0]}" if days[0] == days[1] else f"days {days[0]} to {days[1]}"
