"""Read the payloads of a file of the landing folder, whatever its encoding and however its values are separated.

What cannot be read is reported with its place, and never with its content.
"""

import gzip
import io
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePath

from flows.events.bounces import read_bounce
from flows.events.json_values import JsonValue, json_values
from flows.events.landing import UNKNOWN, LandedFile, RawPayload, payload_id
from flows.events.mail_limits import MAX_BYTES as MAX_MAIL
from flows.events.mail_limits import is_nested_too_deeply

MAX_BYTES = 200_000_000
"""Bytes of a file, also after decompression, above which it is not read."""

WHOLE = "whole file"

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Unreadable:
    """A file, or a part of it, that cannot be read, a row of raw.unreadable_payloads.

    `lines` is its place, such as "line 3", or WHOLE.
    """

    file: str
    lines: str
    provider: str
    reason: str


def read_payloads(file: LandedFile) -> Iterator[RawPayload | Unreadable]:
    """Yield the payloads of a file, and what of it cannot be read. Raises OSError.

    A payload without an id gets a hash of its content as id, so that a file delivered twice is loaded once.
    """
    suffix = PurePath(file.path.name.lower().removesuffix(".gz")).suffix
    provider = "bounce" if suffix == ".eml" else file.provider
    if not file.is_regular:
        yield Unreadable(file.name, WHOLE, provider, "it is not a regular file")
    elif suffix == ".eml":
        yield from _read_mail(file, provider)
    elif suffix in JSON_SUFFIXES:
        yield from _read_json(file, provider)
    else:
        names = ", ".join((*JSON_SUFFIXES, ".eml"))
        yield Unreadable(file.name, WHOLE, provider, f"its name must end in one of {names}, or these and .gz")


def _read_mail(file: LandedFile, provider: str) -> Iterator[RawPayload | Unreadable]:
    content, problem = _content(file, MAX_MAIL)
    if problem is None and is_nested_too_deeply(content):
        problem = "it has too many nested parts"
    if problem is not None:
        yield Unreadable(file.name, WHOLE, provider, problem)
    elif content.strip():
        yield _with_content_id(provider, json.dumps(read_bounce(content)), file)


def _read_json(file: LandedFile, provider: str) -> Iterator[RawPayload | Unreadable]:
    content, problem = _content(file, MAX_BYTES + 1)
    if problem is None and len(content) > MAX_BYTES:
        problem = f"it has more than {MAX_BYTES // 1_000_000} MB; split it"
    if problem is not None:
        yield Unreadable(file.name, WHOLE, provider, problem)
        return
    for one in json_values(content.decode(json.detect_encoding(content), errors="replace")):
        if one.value is None:
            yield Unreadable(file.name, one.lines, provider, "it is not valid JSON")
        elif file.is_of_receiver:
            yield from _read_received(file, one)
        else:
            yield _with_content_id(provider, one.text, file)


def _content(file: LandedFile, limit: int) -> tuple[bytes, str | None]:
    """Return the decompressed content up to `limit` bytes, and what is wrong with the file.

    Of a file that grows while it is read, what it had when it was found.
    """
    with file.path.open("rb") as opened:
        if not file.path.name.lower().endswith(".gz"):
            return opened.read(min(file.size, limit)), None
        packed = opened.read(min(file.size, MAX_BYTES))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as unpacked:
            return unpacked.read(limit), None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return b"", "it is not a complete gzip file"


def _read_received(file: LandedFile, line: JsonValue) -> Iterator[RawPayload | Unreadable]:
    received = _received(line.value)
    if received is None:
        reason = "it was not written by `partnerflow receive`; put it into a folder named like its provider"
        yield Unreadable(file.name, line.lines, UNKNOWN, reason)
        return
    values = list(json_values(received.payload))
    if not values or any(one.value is None for one in values):
        yield Unreadable(file.name, line.lines, received.provider, "its payload is not valid JSON")
        return
    for number, one in enumerate(values):
        event_id = f"{received.event_id}-{number}" if number else received.event_id
        yield replace(received, event_id=event_id, payload=one.text)


def _received(record: object) -> RawPayload | None:
    """Return the payload of a line that the receiver wrote, or None if it did not write it."""
    if not isinstance(record, dict):
        return None
    try:
        received_at = datetime.fromisoformat(record["received_at"]).replace(tzinfo=None).isoformat()
        event_id, provider, payload = (_clean(record[name]) for name in ("event_id", "provider", "payload"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return RawPayload(event_id, provider, received_at, payload)


def _clean(text: str) -> str:
    """Replace what databases do not store: NUL, and a lone surrogate, which JSON allows."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def _with_content_id(provider: str, text: str, file: LandedFile) -> RawPayload:
    modified = datetime.fromtimestamp(min(max(file.modified_at, 0), time.time()), UTC).replace(tzinfo=None)
    return RawPayload(payload_id(provider, text), provider, modified.isoformat(), text)
