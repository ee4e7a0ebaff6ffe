"""Segments with measures, in two feature groups: those with a Last Transition Date, and those without."""

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.segment_tree import Workflow
from compiler.sql.candidates import transition_date
from compiler.sql.single_statement import Compiler, Features


@dataclass(frozen=True)
class FeatureGroup:
    """Segments whose measures are summed for the same partners: `name` is by_transition or all_partners."""

    name: str
    workflows: tuple[Workflow, ...] = ()

    @property
    def relation(self) -> str:
        """Return the table of their partners with the sums."""
        return f"segments.segment_features_{self.name}"

    @property
    def flag_column(self) -> str:
        """Return the column of a partner that is true if one of the segments can have it as a member."""
        return f"in_features_{self.name}"

    def features(self, compiler: Compiler) -> Features:
        """Return the sums."""
        return compiler.features(self.workflows)


def feature_groups(workflows: Sequence[Workflow], compiler: Compiler) -> list[FeatureGroup]:
    """Return the feature groups that these workflows need."""
    measured = [one for one in workflows if compiler.features([one])]
    split: dict[str, list[Workflow]] = {"by_transition": [], "all_partners": []}
    for workflow in measured:
        split["by_transition" if transition_date(workflow, compiler.builder) else "all_partners"].append(workflow)
    return [FeatureGroup(name, tuple(chosen)) for name, chosen in split.items() if chosen]
