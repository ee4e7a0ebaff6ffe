"""The landing folder: what providers say, untouched, one line a payload, until the next run loads it.

    email_events/20260320T180000.123456-9f2c….jsonl   what the receiver took: a line a payload, as RawPayload is
    email_events/sendgrid/any-name.jsonl               what a provider or an export dropped: a payload a line
    email_events/ses/any-name.json                     the same, a payload a file
    email_events/bounce/any-name.eml                   bounce messages, as the mail server got them

Nothing here knows of the ledger or the warehouse: the receiver uses this module.
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
"""The provider of a line that nobody can read; it is kept and counted."""

SMALL = 10_000_000
"""Bytes of a file that is merged with others."""


@dataclass(frozen=True)
class RawPayload:
    """One payload as it landed: a row of raw.email_events.

    `event_id` names the payload, not the events in it. `received_at` is UTC, ISO, without a zone. `payload` is the text
    of the request.
    """

    event_id: str
    provider: str
    received_at: str
    payload: str


def write_payload(folder: Path, provider: str, payload: str) -> Path:
    """Append one payload to the landing folder: on disk, whole, when this returns. Raises OSError."""
    now = datetime.now(UTC).replace(tzinfo=None)
    event_id = secrets.token_hex(16)
    record = RawPayload(event_id, provider, now.isoformat(), payload)
    file = folder / f"{now:%Y%m%dT%H%M%S.%f}-{event_id}.jsonl"
    write_atomic(file, json.dumps(asdict(record)) + "\n")
    return file


def payload_files(folder: Path) -> list[Path]:
    """Every file that has landed, oldest name first; none that is still being written."""
    patterns = ("*.jsonl", "*/*.jsonl", "*/*.json", "*/*.eml")
    return sorted(file for pattern in patterns for file in folder.glob(pattern) if not file.name.startswith("."))


def read_payloads(folder: Path, file: Path) -> Iterator[RawPayload]:
    """The payloads of a file. A line that cannot be read is a payload too, of provider UNKNOWN.

    A payload that has no id of its own is named by its content, so that a file dropped twice is read once.
    """
    content = file.read_bytes()
    if file.parent == folder:
        yield from (_read_line(line, file) for line in _lines(content))
        return
    provider = file.parent.name
    texts = {".eml": _bounces, ".json": _whole, ".jsonl": _lines}[file.suffix](content)
    for text in texts:
        yield _named_by_content(provider, text, file)


def merge(folder: Path, files: Iterable[Path]) -> Path | None:
    """Make one file of the receiver's own small ones, which have been loaded, and return it.

    A crash on the way leaves lines twice, never none.
    """
    small = [file for file in files if file.parent == folder and file.stat().st_size < SMALL]
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
        return _named_by_content(UNKNOWN, line, file)


def _clean(text: str) -> str:
    """The text without what UTF-8 cannot hold (half a surrogate pair, which JSON can)."""
    return text.encode(errors="replace").decode()


def _named_by_content(provider: str, text: str, file: Path) -> RawPayload:
    digest = hashlib.blake2s(f"{provider}\n{text}".encode(), digest_size=16).hexdigest()
    changed = datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None)
    return RawPayload(digest, provider, changed.isoformat(), text)


def _lines(content: bytes) -> list[str]:
    return [line for line in content.decode(errors="replace").split("\n") if line.strip()]


def _whole(content: bytes) -> list[str]:
    return [content.decode(errors="replace")]


def _bounces(content: bytes) -> list[str]:
    return [json.dumps(read_bounce(content))]
