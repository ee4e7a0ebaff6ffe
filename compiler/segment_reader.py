"""What the conditions of a segment mean together, without SQL: their fields, their windows, and the stages they select.

The SQL of segments, the analysis of overlaps and the rules of `check` read segments by it. It does not import sqlglot,
so that commands that only read definitions start fast.
"""

from compiler.segment_tree import (
    NO_STAGE,
    SELECT_ALL,
    AnyOf,
    Condition,
    DateWithin,
    DaysAgo,
    LastDays,
    NoneOf,
    Window,
    Workflow,
)
from compiler.vocabulary import Field, Vocabulary


class SegmentReader:
    """Reads the conditions of segments, for a project's vocabulary.

    `last_n_days_include_today` is the project setting of that name: Last N Days are the days 0 to N ago, not 1 to N.
    """

    def __init__(self, vocabulary: Vocabulary, last_n_days_include_today: bool = False):
        self.vocabulary = vocabulary
        self._include_today = last_n_days_include_today

    def field(self, condition: Condition) -> Field:
        """Return the field of a condition."""
        return self.vocabulary[condition.label]

    def conditions_at_grain(self, workflow: Workflow, grain: str) -> list[Condition]:
        """Return the conditions of a segment whose field has this grain."""
        return [one for one in workflow.segment if self.field(one).grain == grain]

    def on_one_contract(self, workflow: Workflow) -> list[Condition]:
        """Return the conditions that must hold on the same contract: those on contracts but `is none of`."""
        return [one for one in self.conditions_at_grain(workflow, "contract") if not isinstance(one, NoneOf)]

    def window_of(self, workflow: Workflow) -> Window | None:
        """Return the Performance Date Range of a segment, which applies to all of its measures."""
        ranges = [one for one in self.conditions_at_grain(workflow, "day") if isinstance(one, DateWithin)]
        return ranges[0].window if ranges else None

    def days(self, window: DaysAgo | LastDays) -> DaysAgo:
        """Return a relative window in days ago."""
        return window.days_ago(self._include_today) if isinstance(window, LastDays) else window


def selected_stages(condition: AnyOf | NoneOf, field: Field) -> list[str]:
    """Return the stages that meet a condition, in the order of the help page; Select All is every stage but None."""
    named = set(condition.values)
    if SELECT_ALL in named:
        named |= set(field.values) - {NO_STAGE}
    return [value for value in field.values if (value in named) == isinstance(condition, AnyOf)]
