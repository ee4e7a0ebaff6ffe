"""Describe how the definitions have changed since the last run.

Each run saves a snapshot of its definitions in the state (definitions.json), with which `plan` compares.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compiler import Workflow
from flows.atomic import write_atomic
from flows.definitions.loader import Definitions
from flows.settings import Settings

Described = dict[str, Any]
"""A workflow in the snapshot: name, program, status, segment (its sentences), action and recipients."""


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
    """Save the definitions of a run atomically. A broken workflow keeps its last valid definition."""
    before = _last(settings)
    broken = {name: before[name] for name in definitions.broken if name in before}
    document = broken | {workflow.id: _described(workflow) for workflow in definitions.workflows}
    write_atomic(_file(settings), json.dumps(document, indent=1, ensure_ascii=False))


def changes(settings: Settings, definitions: Definitions) -> list[Change]:
    """Return the changes since the last run, by workflow id; before the first run, all active workflows are new."""
    before = _last(settings)
    now = {workflow.id: _described(workflow) for workflow in definitions.workflows}
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
        for key in ("name", "program", "action", "recipients")
        if before[key] != now[key]
    ]
    gone = [one for one in before["segment"] if one not in now["segment"]]
    added = [one for one in now["segment"] if one not in before["segment"]]
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


def _described(workflow: Workflow) -> Described:
    action = getattr(workflow.action, "message", None)
    return {
        "name": workflow.name,
        "program": workflow.program,
        "status": workflow.status,
        "segment": [str(condition) for condition in workflow.segment],
        "action": f"email {action}" if action else str(workflow.action),
        "recipients": workflow.recipients,
    }


def _last(settings: Settings) -> dict[str, Described]:
    file = _file(settings)
    found: dict[str, Described] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found


def _file(settings: Settings) -> Path:
    return settings.state_dir / "definitions.json"
