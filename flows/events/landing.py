"""The landing folder: raw payloads of email events, unchanged, until the next run loads them.

    email_events/20260320T180000.123456-9f2c….jsonl   from the receiver: one RawPayload per line
    email_events/sendgrid/2026/any-name.jsonl          from a provider or an export: any number of payloads
    email_events/ses/any-name.json.gz                  the same, compressed
    email_events/bounce/any-name.eml                   bounce messages as the mail server received them

This module uses neither the ledger nor the warehouse, because the receiver must not import them.
"""

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.atomic import write_atomic

UNKNOWN = "unknown"
"""The provider of what is outside the folders of the providers and was not written by the receiver."""


@dataclass(frozen=True)
class RawPayload:
    """One payload, a row of raw.email_events.

    `event_id` identifies the payload, not the events in it. `received_at` is ISO 8601 in UTC, without an offset.
    `payload` is the text of the request.
    """

    event_id: str
    provider: str
    received_at: str
    payload: str


@dataclass(frozen=True)
class LandedFile:
    """A file of the landing folder: `name` is its path in it, `size` its bytes, `modified_at` seconds of Unix time."""

    path: Path
    name: str
    size: int
    modified_at: float
    is_regular: bool

    @property
    def is_of_receiver(self) -> bool:
        """Whether it is directly in the landing folder, where the receiver writes."""
        return "/" not in self.name

    @property
    def provider(self) -> str:
        """The name of its uppermost folder, in lower case; UNKNOWN without one."""
        return UNKNOWN if self.is_of_receiver else self.name.partition("/")[0].lower()


def write_payload(folder: Path, provider: str, payload: str, request_id: str | None = None) -> Path:
    """Write one payload to the landing folder, durably and atomically, and return its file. Raises OSError.

    Payloads of a provider with the same `request_id` get the same event_id, so that only the first is loaded.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    event_id = secrets.token_hex(16) if request_id is None else payload_id(provider, request_id)
    record = RawPayload(event_id, provider, now.isoformat(), payload)
    file = folder / f"{now:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(16)}.jsonl"
    write_atomic(file, json.dumps(asdict(record)) + "\n")
    return file


def landed_files(folder: Path) -> list[LandedFile]:
    """Return every file in the landing folder and its subfolders, in order of name.

    Hidden files are left out: they are still being written. Symbolic links are not followed. Raises OSError when a
    folder cannot be read.
    """
    return sorted(_walk(folder), key=lambda file: file.name)


def _walk(root: Path) -> Iterator[LandedFile]:
    for place, folders, files in os.walk(root, onerror=_raise_unless_missing):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if Path(place, name).is_symlink()]
        for path in (Path(place, name) for name in (*files, *links) if not name.startswith(".")):
            try:
                status = path.lstat()
            except FileNotFoundError:  # removed or renamed since
                continue
            name = _printable(path.relative_to(root).as_posix())
            yield LandedFile(path, name, status.st_size, status.st_mtime, stat.S_ISREG(status.st_mode))


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in name)


def payload_id(provider: str, content: str) -> str:
    """Return the id of a payload by what identifies it: the id of its request, or its text."""
    return hashlib.blake2s(f"{provider}\n{content}".encode(), digest_size=16).hexdigest()
