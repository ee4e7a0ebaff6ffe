"""The landing folder: raw payloads of email events, unchanged, until the next run loads them.

    email_events/20260320T180000.123456-9f2c….jsonl   from the receiver: one RawPayload per line
    email_events/sendgrid/any-name.jsonl               from a provider or an export: one payload per line
    email_events/ses/any-name.json                     the same, one payload per file
    email_events/bounce/any-name.eml                   bounce messages as the mail server received them

This module uses neither the ledger nor the warehouse, because the receiver must not import them.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.atomic import write_atomic
from flows.events.bounces import read_bounce

UNKNOWN = "unknown"
"""The provider of a line that cannot be parsed; the line is loaded and counted."""

MERGE_BELOW = 10_000_000
"""Bytes below which a file is merged with others."""


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


def write_payload(folder: Path, provider: str, payload: str, request_id: str | None = None) -> Path:
    """Write one payload to the landing folder, durably and atomically, and return its file. Raises OSError.

    Payloads of a provider with the same `request_id` get the same event_id, so that only the first is loaded.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    event_id = secrets.token_hex(16) if request_id is None else _hash(f"{provider}\n{request_id}")
    record = RawPayload(event_id, provider, now.isoformat(), payload)
    file = folder / f"{now:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(16)}.jsonl"
    write_atomic(file, json.dumps(asdict(record)) + "\n")
    return file


def payload_files(folder: Path) -> list[Path]:
    """Return every file of the landing folder in order of name, without those still being written."""
    patterns = ("*.jsonl", "*/*.jsonl", "*/*.json", "*/*.eml")
    return sorted(file for pattern in patterns for file in folder.glob(pattern) if not file.name.startswith("."))


def read_payloads(folder: Path, file: Path) -> Iterator[RawPayload]:
    """Yield the payloads of a file. A line that cannot be parsed is a payload of provider UNKNOWN.

    A payload without an id gets a hash of its content as id, so that a file delivered twice is loaded once.
    """
    content = file.read_bytes()
    if file.parent == folder:
        yield from (_read_line(line, file) for line in _lines(content))
        return
    provider = file.parent.name
    texts = {".eml": _bounces, ".json": _whole, ".jsonl": _lines}[file.suffix](content)
    for text in texts:
        yield _with_content_id(provider, text, file)


def merge_files(folder: Path, files: Iterable[Path]) -> Path | None:
    """Merge the receiver's small files among `files`, which are loaded already, and return the new file, if any.

    A crash can leave payloads in both the old and the new file, but loses none.
    """
    small = [file for file in files if file.parent == folder and file.stat().st_size < MERGE_BELOW]
    if len(small) < 2:
        return None
    content = b"".join(line.encode() + b"\n" for file in small for line in _lines(file.read_bytes()))
    merged = folder / f"merged-{small[-1].name}"
    write_atomic(merged, content)
    for file in small:
        file.unlink(missing_ok=True)
    return merged


def _read_line(line: str, file: Path) -> RawPayload:
    try:
        record = json.loads(line)
        received_at = datetime.fromisoformat(record["received_at"]).replace(tzinfo=None).isoformat()
        event_id, provider, payload = (_clean(record[name]) for name in ("event_id", "provider", "payload"))
        return RawPayload(event_id, provider, received_at, payload)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _with_content_id(UNKNOWN, line, file)


def _clean(text: str) -> str:
    """Replace what UTF-8 cannot encode: a lone surrogate, which JSON allows."""
    return text.encode(errors="replace").decode()


def _with_content_id(provider: str, text: str, file: Path) -> RawPayload:
    event_id = _hash(f"{provider}\n{text}")
    modified = datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None)
    return RawPayload(event_id, provider, modified.isoformat(), text)


def _hash(text: str) -> str:
    return hashlib.blake2s(text.encode(), digest_size=16).hexdigest()


def _lines(content: bytes) -> list[str]:
    return [line for line in content.decode(errors="replace").split("\n") if line.strip()]


def _whole(content: bytes) -> list[str]:
    return [content.decode(errors="replace")]


def _bounces(content: bytes) -> list[str]:
    return [json.dumps(read_bounce(content))]
