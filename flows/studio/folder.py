"""The definitions of the workflows folder, read again only when one of its files has changed."""

from collections.abc import Callable
from threading import Lock
from typing import Any

from flows.definitions.loader import Definitions, read_definitions
from flows.messages.loader import check_messages
from flows.settings import Settings

Fingerprint = frozenset[tuple[str, int, int, int]]


class Folder:
    """What has been read of the folder, for the files that it was read from. Threads may use it at the same time."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._lock = Lock()
        self._kept: dict[str, tuple[Fingerprint, Definitions]] = {}

    def definitions(self) -> Definitions:
        """Return the definitions as they are on disk now."""
        return self._current("definitions", lambda: read_definitions(self._settings))

    def checked(self) -> Definitions:
        """Return the definitions, of which those are broken whose message has errors."""
        return self._current("checked", lambda: check_messages(self.definitions(), self._settings, only_used=True))

    def _current(self, name: str, read: Callable[[], Definitions]) -> Definitions:
        found = self._fingerprint()
        with self._lock:
            before = self._kept.get(name)
        if before and before[0] == found:
            return before[1]
        fresh = read()
        with self._lock:
            self._kept[name] = found, fresh
        return fresh

    def _fingerprint(self) -> Fingerprint:
        """Return the names of all files with inode, size and time of change; an atomic write makes another inode."""
        files: list[tuple[str, Any]] = []
        for path in self._settings.workflows.rglob("*"):
            try:
                files.append((str(path), path.stat()))
            except FileNotFoundError:  # a temporary file of an atomic write
                continue
        return frozenset((name, one.st_ino, one.st_size, one.st_mtime_ns) for name, one in files)
