"""Changes of files: read with a version, shown as a diff, written only while the files are as they were shown."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from threading import Lock
from typing import Literal

from compiler import DefinitionError, PartnerflowError
from flows.atomic import rewrite, sync
from flows.definitions.loader import not_utf8
from flows.definitions.scaffold.drafts import write_drafts
from flows.local_time import counted

CONTEXT = 3
"""Unchanged lines around a change that a diff shows."""

_WRITING = Lock()
"""Held from the comparison of files with what was shown until they are written."""


class Changed(PartnerflowError):
    """A file is no longer as it was when the change was made from it."""


@dataclass(frozen=True)
class Line:
    """A line of a diff: removed, added, the same in both, or a gap where lines are left out."""

    kind: Literal["removed", "added", "same", "gap"]
    text: str


@dataclass(frozen=True)
class Edit:
    """A change of a file: its text before and after. None: there is no such file."""

    file: Path
    before: str | None
    after: str | None

    @property
    def what(self) -> str:
        """What happens to the file, in a word."""
        return "new" if self.before is None else "deleted" if self.after is None else "changed"

    def diff(self) -> list[Line]:
        """Return the lines that differ, with CONTEXT lines around them."""
        return list(diff_lines(self.before or "", self.after or ""))


def read_text(file: Path) -> str:
    """Return the text of a file with its own line ends. Raises DefinitionError for one that is not UTF-8 text."""
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise DefinitionError([not_utf8(file, error)]) from None


def version_of(text: str | None) -> str:
    """Return the version of a text, which forms carry to notice that the file has changed meanwhile."""
    return "none" if text is None else hashlib.sha256(text.encode()).hexdigest()[:32]


def version_of_edits(edits: Iterable[Edit]) -> str:
    """Return the version of a change: the same only for the same files before and after."""
    parts = [(str(one.file), version_of(one.before), version_of(one.after)) for one in edits]
    return version_of(repr(sorted(parts)))


def with_line_ends_of(text: str, before: str) -> str:
    """Return a text from a form with a line end at its end, and with those of the text before."""
    whole = text if text.endswith("\n") or not text else f"{text}\n"
    return whole.replace("\n", "\r\n") if "\r\n" in before else whole


def write(folder: Path, edits: Sequence[Edit], umask: int) -> None:
    """Write a change: new files all or none, others one after the other, each atomically and with its permissions.

    `folder` is the workflows folder, in which all files are; new ones get the permissions that `umask` gives. Raises
    Changed, with nothing written, when a file is not as it was when the change was made.
    """
    for one in edits:  # names have been checked where they come from; this is the last look
        if not one.file.is_relative_to(folder) or ".." in one.file.parts:
            raise PartnerflowError(f"{one.file} is not in {folder}. Nothing was written.")
    with _WRITING:
        for one in edits:
            if (read_text(one.file) if one.file.exists() else None) != one.before:
                raise Changed(f"{one.file.name} has changed meanwhile. Nothing was written.")
        new = {str(one.file.relative_to(folder)): one.after for one in edits if one.before is None}
        _write_new(folder, {name: text for name, text in new.items() if text is not None}, umask)
        for one in edits:
            if one.before is not None and one.after is None:
                one.file.unlink()
                sync(one.file.parent)
            elif one.before is not None and one.after is not None and one.after != one.before:
                rewrite(one.file, one.after)


def _write_new(folder: Path, files: Mapping[str, str], umask: int) -> None:
    """Write new files. The umask of the process is for the files of the state, which are private."""
    folders = {parent for name in files for parent in (folder / name).parents if not parent.exists()}
    for path in write_drafts(folder, files):
        path.chmod(0o666 & ~umask)
    for path in folders:
        path.chmod(0o777 & ~umask)


def diff_lines(before: str, after: str) -> Iterator[Line]:
    """Yield the lines of a diff of two texts; a gap has the number of lines that it leaves out.

    >>> [f"{one.kind} {one.text}" for one in diff_lines("a\\nb\\n", "a\\nc\\n")]
    ['same a', 'removed b', 'added c']
    """
    old, new = before.splitlines(), after.splitlines()
    last = 0
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT):
        first = group[0][1]
        if first > last:
            yield Line("gap", counted(first - last, "line"))
        for kind, begin, end, new_begin, new_end in group:
            if kind == "equal":
                yield from (Line("same", one) for one in old[begin:end])
            else:
                yield from (Line("removed", one) for one in old[begin:end])
                yield from (Line("added", one) for one in new[new_begin:new_end])
        last = group[-1][2]
    if last < len(old) and last:
        yield Line("gap", counted(len(old) - last, "line"))
