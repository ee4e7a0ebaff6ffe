"""Find new workflows that repeat one that has sent: under another id, the same partners get the same email again."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from flows.definitions.diff import DELETED, Described, described, last_run
from flows.definitions.loader import Definitions
from flows.settings import Settings


@dataclass(frozen=True)
class Repeat:
    """A workflow that has contacted nobody, and an earlier one with its program, segment and message.

    `is_renamed`: the file of the earlier one is gone, so this looks like the same file under another name. Then the
    segment may differ if the workflow's name is the same.
    """

    workflow_id: str
    earlier_id: str
    is_renamed: bool

    def __str__(self) -> str:
        """Return what is wrong, in one sentence."""
        if self.is_renamed:
            return f"{self.workflow_id} looks like {self.earlier_id} under another name."
        return f"{self.workflow_id} has the segment and the message of {self.earlier_id}, which has sent it."

    @property
    def hint(self) -> str:
        """What to do."""
        if self.is_renamed:
            return f"Write `id: {self.earlier_id}` in it: as a new workflow it contacts the same partners again."
        return "As a new workflow it sends it to the same partners again. Change its segment or its message."


def find_repeats(settings: Settings, definitions: Definitions, contacted: Collection[str]) -> list[Repeat]:
    """Return the workflows that repeat another, by id; one that looks renamed repeats the workflow that is gone.

    `contacted` are the ids of the workflows that have contacted somebody. Email workflows of any status are compared
    with each other and with those of the last run, which remembers deleted ones.
    """
    now, before, gone = _compared(settings, definitions)
    found = []
    for name in sorted(now.keys() - set(contacted)):
        earlier = {one: (before | now)[one] for one in sorted({*contacted, *gone} & (before | now).keys() - {name})}
        repeats = list(_repeats(name, now[name], earlier, gone))
        found += sorted(repeats, key=lambda one: not one.is_renamed)[:1]
    return found


def may_repeat(settings: Settings, definitions: Definitions) -> bool:
    """Return whether `find_repeats` can find any, whichever workflows have contacted somebody."""
    now, before, gone = _compared(settings, definitions)
    alike: defaultdict[tuple[str, str], dict[str, Described]] = defaultdict(dict)
    for name, one in (before | now).items():
        alike[one["program"], one["action"]][name] = one
    others = {name: alike[one["program"], one["action"]] for name, one in now.items()}
    return any(
        any(_repeats(name, one, {other: others[name][other] for other in others[name] if other != name}, gone))
        for name, one in now.items()
    )


def _compared(
    settings: Settings, definitions: Definitions
) -> tuple[dict[str, Described], dict[str, Described], set[str]]:
    """Return the workflows of now and of the last run, by id, and the ids of those that are gone."""
    now = {workflow.id: described(workflow) for workflow in definitions.workflows}
    before = {name: one for name, one in last_run(settings).items() if name not in definitions.broken}
    gone = {name for name, one in before.items() if name not in now and one["status"] in ("active", DELETED)}
    return now, before, gone


def _repeats(name: str, one: Described, earlier: dict[str, Described], gone: set[str]) -> Iterator[Repeat]:
    for other_id, other in earlier.items():
        same = all(one[key] == other[key] for key in ("program", "action")) and one["action"].startswith("email ")
        same_segment = set(one["segment"]) == set(other["segment"]) and one["segments"] == other["segments"]
        is_renamed = other_id in gone
        if same and (same_segment or (is_renamed and one["name"] == other["name"])):
            yield Repeat(name, other_id, is_renamed)
