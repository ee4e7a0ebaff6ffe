"""The log: where it is, who can read it, and what it never contains."""

import io
import logging
import re
import stat
import time
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

import pytest

from compiler import PartnerflowError
from flows.logs import LOG_FILE, LOGGERS, MAX_BYTES, MaskingFormatter, configure_logging, logging_errors, mask

LOGGER = logging.getLogger("flows.example")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("550 5.1.1 <ann.o-neil+x@mail.example.co.uk>: unknown", "ann"),
        ("RCPT TO:<josé@localhost>", "josé"),
        ("GET /u?to=ann%40example.com", "ann"),
        ("postgresql://flow:pa@ss@db.example.com/ledger", "pa@ss"),
        ("https://token123@api.example.com/decisions", "token123"),
        ("Authorization: Bearer abc.def-123", "abc"),
        ('{"smtp_password": "hunter2", "a": 1}', "hunter2"),
        ("PGPASSWORD=hunter2 psql", "hunter2"),
        ("smtp_password='hunter2 and more'", "more"),
        ("smtp_password: hunter2, and; more", "more"),
        ('{"token": "a\\"more"}', "more"),
        ("postgresql://flow:pa/ss@db.example.com/ledger", "pa/"),
        ("unsubscribe_signing_keys='0123456789abcdef'", "0123456789"),
    ],
)
def test_mask_hides_addresses_and_secrets(text: str, secret: str):
    """Whatever is around them."""
    assert secret in text
    assert secret not in mask(text)


def test_log_file_is_private_and_in_utc(tmp_path: Path):
    """It is created with the first record, for its owner only."""
    configure_logging(tmp_path)
    assert not (tmp_path / LOG_FILE).exists()
    LOGGER.info("Send: to %s", "ann@example.com")
    assert stat.S_IMODE((tmp_path / LOG_FILE).stat().st_mode) == 0o600
    line = (tmp_path / LOG_FILE).read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO \d+ flows\.example: Send: to <address>\n", line)


def test_times_are_utc_where_the_host_is_not(monkeypatch):
    """18:00 UTC is 23:30 in Kolkata."""
    instant = datetime(2026, 3, 20, 18, tzinfo=UTC).timestamp()
    record = logging.makeLogRecord({"msg": "Send", "created": instant, "msecs": 0})
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert MaskingFormatter("%(asctime)s").format(record) == "2026-03-20T18:00:00.000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_log_file_rotates_and_stays_private(tmp_path: Path):
    """Older files are numbered."""
    configure_logging(tmp_path)
    for _ in range(2):
        LOGGER.info("x" * (MAX_BYTES // 2))
    files = sorted((tmp_path / LOG_FILE).parent.iterdir())
    assert [file.name for file in files] == ["partnerflow.log", "partnerflow.log.1"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_error_is_logged_with_the_traceback_of_its_cause(tmp_path: Path):
    """The user's message leaves the cause out (`from None`); the log has it, masked."""
    configure_logging(tmp_path)
    with pytest.raises(PartnerflowError), logging_errors():
        try:
            raise OSError("550 ann@example.com")
        except OSError:
            raise PartnerflowError("The mail server does not respond.") from None
    text = (tmp_path / LOG_FILE).read_text()
    assert "The mail server does not respond." in text
    assert "Traceback" in text and "OSError: 550 <address>" in text


def test_verbose_prints_the_log_to_stderr(tmp_path: Path):
    """And nothing without it."""
    printed = {}
    for verbose in (True, False):
        with redirect_stderr(io.StringIO()) as stderr:
            configure_logging(tmp_path, verbose)
            LOGGER.info("Send: started")
        printed[verbose] = "Send: started" in stderr.getvalue()
    assert printed == {True: True, False: False}


def test_full_disk_does_not_stop_what_is_logged(tmp_path: Path, capsys):
    """A folder in the place of the file: nothing is logged, printed or raised."""
    configure_logging(tmp_path)
    (tmp_path / LOG_FILE).mkdir(parents=True)
    LOGGER.info("Send: started")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("configured", [True, False])
def test_no_log_is_left_from_the_test_before(tmp_path: Path, configured: bool):
    """The first case opens one, the second finds none."""
    assert [handler for name in LOGGERS for handler in logging.getLogger(name).handlers] == []
    if configured:
        configure_logging(tmp_path)
