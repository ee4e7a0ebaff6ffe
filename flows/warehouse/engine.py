"""The seam to the warehouse: what flows needs of an engine.

Each module of flows/warehouse/engines/ gives it for one engine; no other module asks which engine it is. A statement is
a sqlglot tree, which an adapter writes in the dialect of its engine, or text that every engine runs as it is. Either
has `?` for its parameters, and a text has no other question mark.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sqlglot import exp

from flows.settings import Place

if TYPE_CHECKING:
    import pandas


class Rows(Protocol):
    """The rows of a statement. `description` has one sequence per column, with its name first."""

    @property
    def description(self) -> Sequence[Any] | None:
        """The columns; None if the statement has no rows."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""


class Connection(Protocol):
    """A session in UTC. A statement outside a transaction (flows.warehouse.connection) is one of its own.

    Every method raises NotBuilt when it reads a table or a column that does not exist, and PartnerflowError when the
    store does not answer, is damaged or full.
    """

    @property
    def has_transactions(self) -> bool:
        """Whether BEGIN, COMMIT and ROLLBACK make several statements one."""

    def execute(self, statement: str | exp.Expr, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement. A tree may be changed by it: pass a new one each time."""

    def written(self, statement: exp.Expr) -> str:
        """Return a statement as text for `execute` of this session: to write a large one may take longer than to run
        it. The tree may be changed by it."""

    def create_table(self, statement: exp.Create) -> None:
        """Create a table empty, in place of an existing one, and its schema if it does not exist.

        Views on it stay, and columns that it lacks are added.
        """

    def append(self, columns: exp.Schema, rows: "pandas.DataFrame") -> None:
        """Add rows, whose columns are in the order of `columns`."""

    def analyze(self, table: exp.Table) -> None:
        """Let the planner know how many rows the table has now."""

    def columns(self, schema: str) -> Mapping[str, frozenset[str]]:
        """Return the names of the columns of each table and view of a schema, by its name; empty without the schema."""

    def comment(self, schema: str, name: str) -> str | None:
        """Return the comment of a table, if it has one."""

    def time_zones(self) -> set[str]:
        """Return the names of the time zones that the engine knows."""

    def local_time(self, instant: exp.Expr) -> exp.Expr:
        """Return an expression: the local time of a timestamp in UTC, in the time zone that a parameter names."""

    def versions(self, schema: str, names: Collection[str]) -> Mapping[str, str]:
        """Return for each of these tables, by name, a text that differs when a row or a column of it has changed."""

    def export(self, schemas: Sequence[str], file: Path) -> None:
        """Write the tables and views of these schemas, as they are at one instant, to a new DuckDB file.

        It may have other schemas, too, which views read.
        """

    def create_from_parquet(self, schema: str, name: str, file: Path) -> None:
        """Create a table with the columns and rows of a Parquet file; all or nothing. Raises PartnerflowError if the
        file is not valid."""

    def close(self) -> None:
        """End the session."""


@dataclass(frozen=True)
class Engine:
    """A kind of engine.

    `dialect` is that of the compiled models (compiler.sql.dialect); `connect` opens a session that may write, and
    `connect_read_only` one that reads, and raises Unavailable while another process writes, after waiting if so asked;
    `lock` keeps runs of other state folders than this one out of the store during a block, and raises PartnerflowError
    if one is at work or the store is another one's;
    `local_bytes` returns the bytes of a store on the disk of the state folder. `readers_block_writers` says that nobody
    can write while somebody reads: then the published file has all tables, and previews read it. `environment` has the
    variables that dbt needs besides its profile. `time_zone_hint` says what to do when the time zone rules of the
    engine differ from those of Python, and has the place {tzdata} for the version of the package.
    """

    dialect: str
    connect: Callable[[Place], AbstractContextManager[Connection]]
    connect_read_only: Callable[[Place, bool], AbstractContextManager[Connection]]
    lock: Callable[[Place, Path], AbstractContextManager[None]]
    local_bytes: Callable[[Place], int]
    time_zone_hint: str
    readers_block_writers: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
