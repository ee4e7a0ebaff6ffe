"""Logging: one configuration for the command line and the Prefect flow.

Records go to a rotating file in the state folder, with UTC times, readable by its owner only; with `--verbose` also to
stderr. Email addresses, passwords and tokens are masked.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG_FILE = Path("logs") / "partnerflow.log"
"""Relative to the state folder."""

MAX_BYTES, BACKUPS = 5_000_000, 5
"""Size in bytes at which the file is rotated, and the number of older files that are kept."""

FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"

LOGGERS = ("flows", "compiler")
"""The loggers that are configured; libraries keep their own configuration."""

logger = logging.getLogger(__name__)

_CREDENTIALS = re.compile(r"(?<=://)\S+@")
_SECRET = re.compile(
    r"(?i)(password|token|secret|authorization|signing_keys?)([\"']?\s*[=:]\s*)"
    r"(?:(?P<quote>[\"'])(?:\\.|(?!(?P=quote)).)*+(?P=quote)|[^\r\n]+)"
)
_PART = r"[^\s@<>\"'(),:;=\[\]/%]"
_ADDRESS = re.compile(rf"(?<!{_PART}){_PART}++(?:@|%40){_PART}+")


class MaskingFormatter(logging.Formatter):
    """Formats a record with its time in UTC, and masks the whole text, tracebacks included."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        return mask(super().format(record))


class PrivateFileHandler(RotatingFileHandler):
    """A rotating file that only its owner can read, created with the first record."""

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()

    def handleError(self, _: logging.LogRecord) -> None:
        """Ignore that the file cannot be written (a full disk): the log must not stop a run."""


def mask(text: str) -> str:
    """Return the text with credentials of URLs, passwords, tokens and email addresses masked.

    >>> mask("550 ann@example.com refused")
    '550 <address> refused'
    >>> mask("postgresql://flow:s3cret@db/ledger")
    'postgresql://***@db/ledger'
    >>> mask("smtp_password='x y', smtp_port=25")
    'smtp_password=***, smtp_port=25'
    >>> mask("Authorization: Bearer abc.def and what follows, which may be part of it")
    'Authorization: ***'
    """
    text = _SECRET.sub(r"\1\2***", _CREDENTIALS.sub("\0", text))
    return _ADDRESS.sub("<address>", text).replace("\0", "***@")


def configure_logging(state: Path, verbose: bool = False) -> None:
    """Log to the file in the state folder, and with `verbose` to stderr too. Replaces an earlier configuration."""
    file = PrivateFileHandler(state / LOG_FILE, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True)
    handlers: list[logging.Handler] = [file, logging.StreamHandler(sys.stderr)] if verbose else [file]
    for handler in handlers:
        handler.setFormatter(MaskingFormatter(FORMAT))
    for name in LOGGERS:
        configured = logging.getLogger(name)
        for old in list(configured.handlers):
            configured.removeHandler(old)
            old.close()
        for handler in handlers:
            configured.addHandler(handler)
        configured.setLevel(logging.INFO)
        configured.propagate = False  # else a handler of the root logger would print it unmasked


@contextmanager
def logging_errors() -> Iterator[None]:
    """Log an exception that leaves the block, with the traceback of its cause, which the user's message leaves out."""
    try:
        yield
    except Exception as error:
        cause = error.__cause__ or error.__context__ or error
        logger.error("%s", error, exc_info=(type(cause), cause, cause.__traceback__))
        raise
