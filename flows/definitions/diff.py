"""Describe how the definitions have changed since the last run.

Each run saves a snapshot of its definitions in the state (definitions.json), with which `plan` compares.
"""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compiler import Workflow
from flows.atomic import write_atomic
from flows.definitions.loader import Definitions
from flows.settings import Settings

logger = logging.getLogger(__name__)

Described = dict[str, Any]
"""A workflow in the snapshot: name, program, status, segment (its sentences), action, recipients, goal, holdout, owner
and notify.

`segments` has the sentences of the named segments that it uses, by name.
"""

DELETED = "deleted"
"""The status in the snapshot of a workflow whose file was deleted: a new file may be the same under another name."""


@dataclass(frozen=True)
class Change:
    """A workflow that has changed since the last run. `what` is new, changed, activated, paused or gone."""

    workflow_id: str
    what: str
    description: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the change as a JSON object."""
        return asdict(self) | {"description": list(self.description)}


def save_snapshot(settings: Settings, definitions: Definitions) -> None:
    """Save the definitions of a run atomically. A broken or deleted workflow keeps its last valid definition."""
    before = last_run(settings)
    kept = {name: one if name in definitions.broken else one | {"status": DELETED} for name, one in before.items()}
    document = kept | {workflow.id: described(workflow) for workflow in definitions.workflows}
    write_atomic(_file(settings), json.dumps(document, indent=1, ensure_ascii=False))


def changes(settings: Settings, definitions: Definitions) -> list[Change]:
    """Return the changes since the last run, by workflow id; before the first run, all active workflows are new."""
    before = last_run(settings)
    now = {workflow.id: described(workflow) for workflow in definitions.workflows}
    found = [_change(name, before.get(name), now.get(name)) for name in sorted(before.keys() | now.keys())]
    return [one for one in found if one is not None and one.workflow_id not in definitions.broken]


def _change(name: str, before: Described | None, now: Described | None) -> Change | None:
    was_active = before is not None and before["status"] == "active"
    is_active = now is not None and now["status"] == "active"
    if now is None:
        return Change(name, "gone") if was_active else None
    if before is None:
        return Change(name, "new", tuple(now["segment"])) if is_active else None
    if was_active and not is_active:
        return Change(name, "paused", (f"is {now['status']} now",))
    words = tuple(_words(before, now))
    if is_active and not was_active:
        return Change(name, "activated", words)
    return Change(name, "changed", words) if is_active and words else None


def _words(before: Described, now: Described) -> list[str]:
    """Return one line per difference; a condition with changed values is one difference."""
    words = [
        f"{key} was {before[key]!r}, is {now[key]!r}"
        for key in ("name", "program", "action", "recipients", "goal", "holdout")
        if before[key] != now[key]
    ]
    words += _changed_sentences(before["segment"], now["segment"])
    for name in sorted(before["segments"].keys() & now["segments"].keys()):
        changed = _changed_sentences(before["segments"][name], now["segments"][name])
        words += [f"segment {name}: {one}" for one in changed]
    return words


def _changed_sentences(before: list[str], now: list[str]) -> list[str]:
    words = []
    gone = [one for one in before if one not in now]
    added = [one for one in now if one not in before]
    for sentence in gone:
        successor = next((one for one in added if _subject(one) == _subject(sentence)), None)
        if successor is not None:
            added.remove(successor)
        words.append(f"{sentence} → {successor}" if successor else f"no longer: {sentence}")
    return words + [f"now also: {sentence}" for sentence in added]


def _subject(sentence: str) -> str:
    """Return the subject of a canonical sentence: its capitalized words, and the direction of a comparison."""
    words: list[str] = []
    for word in sentence.split():
        if not word[0].isupper():
            return " ".join([*words, word if word in ("greater", "less") else ""])
        words.append(word)
    return sentence


_KEYS = ("name", "program", "status", "segment", "action", "recipients")
_LATER_KEYS: Described = {"segments": {}, "goal": None, "holdout": None, "owner": "", "notify": None}
"""Keys that an older snapshot does not have, with what they were then."""


def described(workflow: Workflow) -> Described:
    """Return a workflow as it is in the snapshot."""
    action = getattr(workflow.action, "message", None)
    return {
        "name": workflow.name,
        "program": workflow.program,
        "status": workflow.status,
        "segment": [str(condition) for condition in workflow.segment],
        "segments": {one.name: [str(condition) for condition in one.conditions] for one in workflow.segments},
        "action": f"email {action}" if action else str(workflow.action),
        "recipients": workflow.recipients,
        "goal": workflow.goal and str(workflow.goal),
        "holdout": workflow.holdout and f"{workflow.holdout} %",
        "owner": workflow.owner,
        "notify": None if workflow.notify is None else [str(receiver) for receiver in workflow.notify],
    }


def last_run(settings: Settings) -> dict[str, Described]:
    """Return the definitions of the last run by workflow id; none before the first run.

    A damaged snapshot counts as none, since the next run writes it again.
    """
    try:
        found = json.loads(_file(settings).read_bytes())
        return {
            name: {key: one[key] for key in _KEYS} | {key: one.get(key, was) for key, was in _LATER_KEYS.items()}
            for name, one in found.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError):
        logger.warning("%s is damaged; the next run writes it again", _file(settings))
        return {}


def _file(settings: Settings) -> Path:
    return settings.state_dir / "definitions.json"
