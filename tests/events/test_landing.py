"""What is read of the files of the landing folder, and what is listed as unreadable."""

import codecs
import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.events.ingestion import load_events
from flows.events.landing import landed_files, write_payload
from flows.events.payload_reader import read_payloads
from flows.warehouse.connection import Connection
from support.warehouses import empty_warehouse

ONE, TWO = {"event": "open", "id": 1}, {"event": "click", "id": "é"}
LINES = f"{json.dumps(ONE)}\n{json.dumps(TWO, ensure_ascii=False)}\n"
PRETTY = f"{json.dumps(ONE, indent=2)}\n{json.dumps(TWO, indent=2)}"
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    with empty_warehouse(tmp_path) as connection:
        yield connection


def land(folder: Path, name: str, content: bytes | str) -> Path:
    """Write a file into the landing folder."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def loaded(warehouse: Connection) -> list[tuple[str, object]]:
    """Return provider and value of each payload."""
    rows = warehouse.execute("SELECT provider, payload FROM raw.email_events").fetchall()
    return [(provider, json.loads(payload)) for provider, payload in sorted(rows)]


def unreadable(warehouse: Connection) -> list[tuple[str, str, str]]:
    """Return file, lines and reason of what cannot be read."""
    return sorted(warehouse.execute("SELECT file, lines, reason FROM raw.unreadable_payloads").fetchall())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jsonl", LINES),
        ("x.jsonl", codecs.BOM_UTF8 + LINES.encode()),
        ("x.json", LINES.encode("utf-16")),
        ("x.json", LINES.encode("utf-16-le")),
        ("x.json", LINES.encode("utf-32")),
        ("x.jsonl", LINES.replace("\n", "\r\n")),
        ("x.jsonl", LINES.replace("\n", "")),
        ("x.jsonl", LINES.replace("\n", ", ")),
        ("x.jsonl", LINES.replace("\n", "\n\ufeff")),
        ("x.jsonl", PRETTY),
        ("x.JSON", PRETTY),
        ("x.ndjson", LINES),
        ("2026/03/x.jsonl", LINES),
        ("2026/x.jsonl.gz", gzip.compress(LINES.encode())),
        ("x.json.gz", gzip.compress(LINES[:28].encode()) + gzip.compress(LINES[28:].encode())),
    ],
    ids=map(str, range(15)),
)
def test_json_is_read_however_it_is_written(warehouse, tmp_path: Path, name: str, content: bytes | str):
    """In each encoding, with each separator, packed, and in subfolders of the provider's folder."""
    land(tmp_path, f"SendGrid/{name}", content)
    assert load_events(warehouse, tmp_path) == 2
    assert loaded(warehouse) == [("sendgrid", TWO), ("sendgrid", ONE)]
    assert unreadable(warehouse) == []


WHOLE, JSON, GZIP = "whole file", "it is not valid JSON", "it is not a complete gzip file"
SUFFIX = "its name must end in one of .json, .jsonl, .ndjson, .eml, or these and .gz"
NESTED = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(1000))


@pytest.mark.parametrize(
    ("name", "content", "lines", "reason"),
    [
        ("ses/x.jsonl", '{"a": 1}\n{"a": \n{"a": 2}\n', "line 2", JSON),
        ("ses/x.json", '{"a": 1}\n[\n  3,\n  {"a": 2}\n', "lines 2 to 3", JSON),
        ("ses/x.jsonl", '{"a": 1} {"a": 2}\nno JSON\n', "line 2", JSON),
        ("ses/x.jsonl", b'{"a": 1}\n\xff\xfe\x00\n{"a": 2}', "line 2", JSON),
        ("ses/x.jsonl", '{"a": 1}\n{"a": NaN}\n{"a": 2}', "line 2", JSON),
        ("ses/x.jsonl", f'{{"a": 1}}\n{DEEP}\n{{"a": 2}}', "line 2", JSON),
    ],
    ids=["torn line", "torn array", "text", "bytes", "NaN", "deep"],
)
def test_unreadable_lines_do_not_hide_the_others(
    warehouse, tmp_path: Path, name: str, content: bytes | str, lines: str, reason: str
):
    """The lines before and after are read; the list has the place and the reason, and not the content."""
    land(tmp_path, name, content)
    assert load_events(warehouse, tmp_path) == 2
    assert loaded(warehouse) == [("ses", {"a": 1}), ("ses", {"a": 2})]
    assert unreadable(warehouse) == [(name, lines, reason)]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("ses/x.jsonl.gz", gzip.compress(LINES.encode())[:-4], GZIP),
        ("ses/x.json.gz", LINES, GZIP),
        ("ses/x.csv", "a,b", SUFFIX),
        ("bounce/x.eml", NESTED, "it has too many nested parts"),
        ("bounce/x.eml", b"Content-Type: message/rfc822\n\n" * 100_000, "it has too many nested parts"),
        ("bounce/x.eml.gz", gzip.compress(NESTED), "it has too many nested parts"),
    ],
    ids=["torn gzip", "no gzip", "csv", "multipart", "message", "packed"],
)
def test_unreadable_file_is_listed_and_stops_nothing(
    warehouse, tmp_path: Path, name: str, content: bytes | str, reason: str
):
    """The files after it are loaded, and the next run does not read it again."""
    land(tmp_path, name, content)
    land(tmp_path, "ses/y.jsonl", LINES)
    assert load_events(warehouse, tmp_path) == 2
    assert unreadable(warehouse) == [(name, WHOLE, reason)]
    read_at = warehouse.execute("SELECT read_at FROM raw.unreadable_payloads").fetchall()
    assert load_events(warehouse, tmp_path) == 0
    assert warehouse.execute("SELECT read_at FROM raw.unreadable_payloads").fetchall() == read_at


@pytest.mark.parametrize("name", ["ses/x.jsonl", "ses/x.jsonl.gz"])
def test_file_that_is_too_large_is_listed(warehouse, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    """A compressed file counts by its decompressed size, of which no more than the limit is decompressed."""
    monkeypatch.setattr("flows.events.payload_reader.MAX_BYTES", 1_000_000)
    content = b" " * 1_000_001
    land(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content)
    assert load_events(warehouse, tmp_path) == 0
    assert unreadable(warehouse) == [(name, WHOLE, "it has more than 1 MB; split it")]


def test_only_regular_files_are_read(warehouse, tmp_path: Path):
    """A pipe would block the run, and a link may lead anywhere."""
    elsewhere = land(tmp_path, "secret.jsonl", LINES)
    folder = tmp_path / "landing"
    (folder / "ses").mkdir(parents=True)
    os.mkfifo(folder / "ses" / "pipe.jsonl")
    (folder / "ses" / "link.jsonl").symlink_to(elsewhere)
    (folder / "mailgun").symlink_to(tmp_path)
    assert load_events(warehouse, folder) == 0
    reason = "it is not a regular file"
    assert unreadable(warehouse) == [(name, WHOLE, reason) for name in ("mailgun", "ses/link.jsonl", "ses/pipe.jsonl")]


def test_export_outside_a_provider_folder_is_listed(warehouse, tmp_path: Path):
    """Whose events they are is unknown; an email is a bounce message anywhere."""
    land(tmp_path, "export.json", json.dumps(ONE) + json.dumps(TWO))
    land(tmp_path, "mailgun/bounced.eml", b"Subject: hello\n\n")
    assert load_events(warehouse, tmp_path) == 1
    assert [provider for provider, _ in loaded(warehouse)] == ["bounce"]
    ((file, lines, reason),) = unreadable(warehouse)
    assert (file, lines) == ("export.json", "line 1")
    assert reason.endswith("put it into a folder named like its provider")


def test_payload_of_the_receiver_is_read_however_it_is_written(warehouse, tmp_path: Path):
    """What is not JSON is listed by the file and the provider."""
    write_payload(tmp_path, "ses", f"\ufeff{json.dumps(ONE)}\n{json.dumps(TWO)}")
    torn = write_payload(tmp_path, "postmark", json.dumps(ONE)[:-1])
    assert load_events(warehouse, tmp_path) == 2
    assert loaded(warehouse) == [("ses", TWO), ("ses", ONE)]
    assert unreadable(warehouse) == [(torn.name, "line 1", "its payload is not valid JSON")]


@pytest.mark.parametrize("name", ["x.jsonl", "ses/x.json", "ses/x.jsonl.gz", "bounce/x.eml", "ses/.x.jsonl.part"])
def test_empty_and_hidden_files_have_nothing_to_read(warehouse, tmp_path: Path, name: str):
    """A hidden file is still being written."""
    land(tmp_path, name, LINES[:20] if "part" in name else b"")
    assert load_events(warehouse, tmp_path) == 0
    assert unreadable(warehouse) == []


def test_corrected_or_removed_file_leaves_the_list(warehouse, tmp_path: Path):
    """What was added to a file is loaded, and nothing twice."""
    torn, wrong = land(tmp_path, "ses/x.jsonl", LINES[:-5]), land(tmp_path, "ses/y.csv", "")
    assert load_events(warehouse, tmp_path) == 1
    assert [file for file, *_ in unreadable(warehouse)] == ["ses/x.jsonl", "ses/y.csv"]
    torn.write_text(LINES)
    assert load_events(warehouse, tmp_path) == 1
    assert [file for file, *_ in unreadable(warehouse)] == ["ses/y.csv"]
    wrong.unlink()
    assert load_events(warehouse, tmp_path) == 0
    assert unreadable(warehouse) == []


def test_lines_that_are_added_while_a_file_is_read_are_loaded_next(
    warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Only what the file had when it was found is read, however fast it grows."""
    file = land(tmp_path, "ses/x.jsonl", '{"n": 0}\n')
    land(tmp_path, "ses/y.jsonl", "")
    real = Path.open
    numbers = iter(range(1, 9))

    def growing(path: Path, *args, **more):
        with real(file, "ab") as added:
            added.write(b'{"n": %d}\n' % next(numbers))
        return real(path, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", growing)
        load_events(warehouse, tmp_path)
    assert loaded(warehouse) == [("ses", {"n": 0})]
    load_events(warehouse, tmp_path)
    assert [value["n"] for _, value in loaded(warehouse)] == list(range(next(numbers)))


def test_file_that_is_removed_while_it_is_loaded_stops_nothing(
    warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A mail server moves its files; the next run finds them at their new place."""
    file = land(tmp_path, "bounce/new/1.eml", b"Subject: hello\n\n")
    land(tmp_path, "ses/x.jsonl", LINES)
    real = Path.open

    def moving(path: Path, *args, **more):
        if path == file:
            file.replace(land(tmp_path, "bounce/cur/1.eml", b""))
        return real(path, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", moving)
        assert load_events(warehouse, tmp_path) == 2
    assert load_events(warehouse, tmp_path) == 1
    assert unreadable(warehouse) == []


def test_names_that_are_not_text_are_read_and_printable(warehouse, tmp_path: Path):
    """A name may have any bytes but a slash; what a terminal would obey is replaced."""
    folder = tmp_path / "ses"
    folder.mkdir()
    for name, content in ((b"\xff.jsonl", LINES), (b"\x1b[2J.jsonl", "no JSON")):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_text(content)
    assert load_events(warehouse, tmp_path) == 2
    assert unreadable(warehouse) == [("ses/\ufffd[2J.jsonl", "line 1", JSON)]


@pytest.mark.parametrize("modified_at", [-1e12, 1e12])
def test_file_from_another_millennium_is_received_by_now(tmp_path: Path, modified_at: float):
    """The time of a file may be wrong, and have a year that databases do not have."""
    land(tmp_path, "ses/x.jsonl", LINES)
    (file,) = landed_files(tmp_path)
    found = list(read_payloads(replace(file, modified_at=modified_at)))
    assert all("1970" <= one.received_at <= datetime.now(UTC).replace(tzinfo=None).isoformat() for one in found)
