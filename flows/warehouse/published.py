"""Read the published file."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from compiler import PartnerflowError
from flows.settings import Settings
from flows.warehouse.engines.duckdb import BROKEN, DuckDBConnection, in_one_line, is_locked, open_file
from flows.warehouse.errors import NotBuilt

_SQLITE = b"SQLite format 3\0"


@contextmanager
def open_published(file: Path) -> Iterator[DuckDBConnection]:
    """Open the published file for reading, and close it at the end.

    Raises PartnerflowError, what is wrong and what to do in a line each, when it is damaged, another database, or open
    for writing.
    """
    with connect_published(file) as connection:
        try:
            yield connection
        except NotBuilt as error:
            raise _unreadable(file, error.said) from None


def require_published(settings: Settings) -> AbstractContextManager[DuckDBConnection]:
    """Open the published file of an installation, as `open_published` does.

    Raises PartnerflowError before the first run.
    """
    if not settings.published.exists():
        raise PartnerflowError("Nothing has been published yet. Run `partnerflow run` first.")
    return open_published(settings.published)


def connect_published(file: Path) -> DuckDBConnection:
    """Return a connection that reads the published file. Raises PartnerflowError, as `open_published` does."""
    if _is_sqlite(file):  # DuckDB would download an extension
        raise _unreadable(file, "it is a SQLite database.")
    try:
        return open_file(file, lambda error: _unreadable(file, in_one_line(error)))
    except BROKEN as error:
        if is_locked(error):
            raise PartnerflowError(f"A session keeps {file} open for writing.\nOpen it with read_only.") from None
        raise _unreadable(file, in_one_line(error)) from None


def _is_sqlite(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(_SQLITE)) == _SQLITE


def _unreadable(file: Path, why: str) -> PartnerflowError:
    return PartnerflowError(f"{file} cannot be read: {why}\nMove it away; the next run writes it again.")
