"""Spark: a cluster with Iceberg tables, found by the spark-defaults.conf in SPARK_CONF_DIR, as spark-submit finds it.

This process is the driver. dbt's session method and flows share its one session, which starts with the first statement
and ends with the process.
"""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import duckdb
from sqlglot import exp
from sqlglot.dialects import Spark

from compiler import PartnerflowError
from compiler.sql.single_statement import union_all
from flows.settings import Place
from flows.warehouse.engine import Engine, Rows
from flows.warehouse.engines.duckdb import literal
from flows.warehouse.errors import NotBuilt
from flows.warehouse.owner import claim_warehouse

if TYPE_CHECKING:
    import pandas
    from pyspark.sql import DataFrame, SparkSession

MISSING = {"TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "UNRESOLVED_COLUMN", "NO_SUCH_COLUMN"}
"""The classes of Spark's errors about a table, a namespace or a column that does not exist, without their details."""

ABANDONED = timedelta(days=1)
"""The age of temporary tables above which their command has been killed; a simulation takes minutes."""


class Dialect(Spark):  # type: ignore[misc]
    """Spark's SQL. sqlglot moves the CTEs of subqueries to the top, where two of them may have the same name; Spark 3
    reads them where they are."""

    class Generator(Spark.Generator):  # type: ignore[misc]
        EXPRESSIONS_WITHOUT_NESTED_CTES: ClassVar[set[type[exp.Expr]]] = set()


class SparkRows:
    """The rows of a statement, fetched when it has run; its timestamps are in UTC, without a time zone."""

    def __init__(self, frame: "DataFrame"):
        self.description = [(column,) for column in frame.columns]
        self._rows = iter(_in_utc(frame).collect())

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""
        return next((tuple(row) for row in self._rows), None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        return [tuple(row) for row in self._rows]


class SparkConnection:
    """A session. Each statement is a commit of its own.

    Spark has no temporary tables. They are tables of a namespace that only this connection knows, and `close` drops it.
    """

    has_transactions = False

    def __init__(self, session: "SparkSession"):
        self._session = session
        self._scratch: str | None = None

    def execute(self, statement: str | exp.Expr, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement."""
        text = statement if isinstance(statement, str) else self.written(statement)
        with _clear_errors():
            return SparkRows(self._session.sql(text, [_parameter(one) for one in parameters] or None))

    def written(self, statement: exp.Expr) -> str:
        """Return a statement as text. A temporary table is one of this connection's namespace."""
        if isinstance(statement, exp.Create) and statement.find(exp.TemporaryProperty):
            statement = self._in_scratch(statement)
        return statement.sql(Dialect)

    def create_table(self, statement: exp.Create) -> None:
        """Create a table empty, in place of an existing one, in one commit."""
        table = next(statement.find_all(exp.Table))
        replacing = statement.copy()
        replacing.set("replace", True)
        self.execute(exp.Create(this=exp.to_table(table.db), kind="SCHEMA", exists=True))
        self.execute(f"{_with_instants(replacing).sql('spark')} USING iceberg")

    def append(self, columns: exp.Schema, rows: "pandas.DataFrame") -> None:
        """Add rows in one commit, as the types of the table; their columns are in the order of `columns`."""
        names = [column.name for column in columns.expressions]
        table = columns.this.sql("spark")
        with _clear_errors():
            kinds = {field.name: field.dataType.simpleString() for field in self._session.table(table).schema}
            found = self._frame(names, rows.to_numpy(dtype=object).tolist(), kinds)
            lacking = [f"CAST(NULL AS {kinds[name]}) AS `{name}`" for name in kinds if name not in names]
            found.selectExpr("*", *lacking).writeTo(table).append()

    def analyze(self, table: exp.Table) -> None:
        """Do nothing: Iceberg counts rows in each commit."""

    def columns(self, schema: str) -> Mapping[str, frozenset[str]]:
        """Return the names of the columns of each table and view of a schema, by its name."""
        with _clear_errors():
            return {name: frozenset(self._session.table(f"{schema}.`{name}`").columns) for name in self._names(schema)}

    def comment(self, schema: str, name: str) -> str | None:
        """Return the comment of a table, if it has one."""
        found = [
            (name, value) for name, value, *_ in self.execute(f"DESCRIBE EXTENDED {_named(schema, name)}").fetchall()
        ]
        details = dict(found[found.index(("# Detailed Table Information", "")) :])
        return details.get("Comment")

    def time_zones(self) -> set[str]:
        """Return the names of the time zones that Java knows, on the driver."""
        query = "SELECT java_method('java.time.ZoneId', 'getAvailableZoneIds')"
        ((names,),) = self.execute(query).fetchall()
        return {*names.strip("[]").split(", ")}

    def local_time(self, instant: exp.Expr) -> exp.Expr:
        """Return the local time of a timestamp in UTC, in the time zone of a parameter."""
        return exp.func("from_utc_timestamp", instant, exp.Placeholder())

    def versions(self, schema: str, names: Collection[str]) -> dict[str, str]:
        """Return the id of each table's snapshot with its columns; for a table that has none, a checksum of its rows.

        One statement reads the ids of all tables, unless one of them is a view or not Iceberg's.
        """
        with _clear_errors():
            kinds = {name: self._session.table(_named(schema, name)).schema.simpleString() for name in names}
        try:
            found = self._snapshots(schema, names)
        except NotBuilt:
            found = {name: self._version(schema, name) for name in names}
        return {name: f"{found.get(name, 'empty')}, {kinds[name]}" for name in names}

    def export(self, schemas: Sequence[str], file: Path) -> None:
        """Write the tables and views of these schemas to a new DuckDB file, each by way of a JSON file beside it.

        Each is as it was when its turn came: a run is the only writer.
        """
        rows = file.with_suffix(".json")
        try:
            with duckdb.connect(file) as published:
                for schema in schemas:
                    published.execute(f"CREATE SCHEMA {schema}")
                    for name in self._names(schema):
                        self._export(schema, name, published, rows)
        finally:
            rows.unlink(missing_ok=True)

    def create_from_parquet(self, schema: str, name: str, file: Path) -> None:
        """Create a table with the rows of a Parquet file. Values go as text, since Python's dates end in 9999."""
        source = f"SELECT * FROM read_parquet({literal(file)})"
        try:
            with duckdb.connect() as reader:
                types = {column: kind for column, kind, *_ in reader.execute(f"DESCRIBE {source}").fetchall()}
                rows = reader.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({source})").fetchall()
        except duckdb.Error as error:
            raise PartnerflowError(f"{file} cannot be read as a history of contracts: {error}") from None
        kinds = {
            column: _instant(exp.DataType.build(kind, dialect="duckdb")).sql("spark") for column, kind in types.items()
        }
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        with _clear_errors():
            self._frame(list(kinds), rows, kinds).writeTo(_named(schema, name)).using("iceberg").create()

    def close(self) -> None:
        """Drop the temporary tables. Spark stays, for dbt and for the next connection."""
        if self._scratch is not None:
            self._drop_scratch(self._scratch)
            self._scratch = None

    def drop_abandoned(self, now: datetime) -> None:
        """Drop the temporary tables of commands that were killed. `now` is the current time, with a time zone."""
        for (schema,) in self.execute(f"SHOW SCHEMAS LIKE '{_SCRATCH}*'").fetchall():
            if is_abandoned(schema, now):
                self._drop_scratch(schema)

    def _drop_scratch(self, schema: str) -> None:
        for name in self._names(schema):
            self.execute(f"DROP TABLE {schema}.`{name}` PURGE")
        self.execute(f"DROP SCHEMA {schema}")

    def _snapshots(self, schema: str, names: Collection[str]) -> dict[str, str]:
        """Return the snapshots of these tables, by name; raise NotBuilt if one is a view or not Iceberg's."""
        selects = [
            exp.select(exp.Literal.string(name), "snapshot_id")
            .from_(exp.table_("refs", db=exp.to_identifier(name, quoted=True), catalog=schema))
            .where("name = 'main'")
            for name in names
        ]
        query = union_all(selects)
        found = self.execute(query).fetchall() if query else []
        return {name: f"snapshot {number}" for name, number in found}

    def _version(self, schema: str, name: str) -> str:
        """Return the snapshot of a table, or a checksum of its rows."""
        try:
            return self._snapshots(schema, [name]).get(name, "empty")
        except NotBuilt:
            query = f"SELECT count(*), sum(CAST(xxhash64(*) AS DECIMAL(20))) FROM {_named(schema, name)}"
            ((rows, total),) = self.execute(query).fetchall()
            return f"{rows} rows, {total}"

    def _in_scratch(self, statement: exp.Create) -> exp.Create:
        """Return a CREATE of a table that is not temporary, in a namespace in which later statements find it."""
        if self._scratch is None:
            self._session = _in_utc_session(self._session.newSession())
            self._scratch = scratch_name(datetime.now(UTC))
            self.execute(f"CREATE SCHEMA {self._scratch}")
            self.execute(f"USE SCHEMA {self._scratch}")
        creating = statement.copy()
        properties = creating.args["properties"].expressions
        creating.args["properties"].set(
            "expressions", [one for one in properties if not isinstance(one, exp.TemporaryProperty)]
        )
        return creating

    def _names(self, schema: str) -> list[str]:
        """Return the names of the tables and views of a schema, sorted; none without the schema."""
        try:
            found = [row for kind in ("TABLES", "VIEWS") for row in self.execute(f"SHOW {kind} IN {schema}").fetchall()]
        except NotBuilt:
            return []
        return sorted({name for _, name, is_temporary, *_ in found if not is_temporary})

    def _frame(self, names: Sequence[str], rows: Sequence[Sequence[Any]], kinds: Mapping[str, str]) -> "DataFrame":
        """Return rows as a frame of columns of these types."""
        schema = ", ".join(f"`{name}` STRING" for name in names)
        frame = self._session.createDataFrame([tuple(map(_text, row)) for row in rows], schema)
        return frame.selectExpr(*[f"CAST(`{name}` AS {kinds[name]}) AS `{name}`" for name in names])

    def _export(self, schema: str, name: str, published: duckdb.DuckDBPyConnection, rows: Path) -> None:
        """Copy a table or view. The executors write each row as JSON, which keeps nulls and all digits."""
        from pyspark.sql.types import StructField

        def duckdb_type(field: StructField) -> str:
            return exp.DataType.build(field.dataType.simpleString(), dialect="spark").sql("duckdb")

        table = exp.table_(name, db=schema, quoted=True).sql("duckdb")
        with _clear_errors():
            frame = _in_utc(self._session.table(_named(schema, name)))
            columns = {field.name: duckdb_type(field) for field in frame.schema}
            texts = frame.selectExpr(*[f"CAST(`{column}` AS STRING) AS `{column}`" for column in columns])
            with rows.open("w", encoding="utf-8") as lines:
                lines.writelines(f"{line}\n" for (line,) in texts.selectExpr("to_json(struct(*))").toLocalIterator())
        quoted = {exp.to_identifier(column, quoted=True).sql("duckdb"): kind for column, kind in columns.items()}
        published.execute(f"CREATE TABLE {table} ({', '.join(f'{column} {kind}' for column, kind in quoted.items())})")
        if rows.stat().st_size:
            texts_read = ", ".join(f"{column}: 'VARCHAR'" for column in quoted)
            source = f"read_json({literal(rows)}, format = 'newline_delimited', columns = {{{texts_read}}})"
            published.execute(f"INSERT INTO {table} SELECT * FROM {source}")


_SCRATCH, _MADE_AT = "scratch_", "%Y%m%d%H%M%S"


def scratch_name(now: datetime) -> str:
    """Return a new name of a namespace for temporary tables, with the time (UTC) at which it is made."""
    return f"{_SCRATCH}{now.astimezone(UTC):{_MADE_AT}}_{uuid4().hex[:8]}"


def is_abandoned(schema: str, now: datetime) -> bool:
    """Return whether a namespace is one of `scratch_name`, and older than ABANDONED.

    >>> now = datetime(2026, 3, 20, 18, tzinfo=UTC)
    >>> [is_abandoned(one, now) for one in ("scratch_20260318180000_0ab1", "scratch_20260320170000_0ab1", "scratch_x")]
    [True, False, False]
    """
    try:
        made_at = datetime.strptime(schema.removeprefix(_SCRATCH).partition("_")[0], _MADE_AT).replace(tzinfo=UTC)
    except ValueError:
        return False
    return now - made_at > ABANDONED


def _in_utc(frame: "DataFrame") -> "DataFrame":
    """Return the frame with its instants as timestamps in UTC without a time zone; Python would make them local."""
    kinds = {"timestamp": "timestamp_ntz"}
    return frame.select(*[frame[f"`{name}`"].cast(kinds.get(kind, kind)).alias(name) for name, kind in frame.dtypes])


def _parameter(value: Any) -> Any:
    """Return a value as Spark takes it: Python's timestamps without a time zone are UTC, and not local."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _text(value: Any) -> str | None:
    """Return a value as a text that Spark casts."""
    if value is None or value != value:  # NaN, and NaT of pandas
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def _instant(kind: exp.DataType) -> exp.DataType:
    """Return a type for Spark: a timestamp without a time zone is an instant, in the time zone of the session, UTC."""
    is_timestamp = kind.this in (
        exp.DataType.Type.TIMESTAMP,
        exp.DataType.Type.TIMESTAMPNTZ,
        exp.DataType.Type.TIMESTAMP_NS,
    )
    return exp.DataType.build("TIMESTAMPLTZ") if is_timestamp else kind


def _with_instants(statement: exp.Create) -> exp.Expr:
    return statement.transform(lambda node: _instant(node) if isinstance(node, exp.DataType) else node)


def _named(schema: str, name: str) -> str:
    return exp.table_(name, db=schema, quoted=True).sql("spark")


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Raise NotBuilt when a table or column does not exist, and PartnerflowError when the cluster does not answer."""
    from py4j.protocol import Py4JError, Py4JJavaError
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except AnalysisException as error:
        if (error.getErrorClass() or "").partition(".")[0] in MISSING:
            raise NotBuilt(error) from None
        raise
    except (PySparkException, Py4JError) as error:
        text = str(error.java_exception if isinstance(error, Py4JJavaError) else error)
        (reason, *_) = text.strip().splitlines() or [type(error).__name__]
        if reason.startswith("org.apache.iceberg.exceptions.NoSuch"):
            raise NotBuilt(reason.partition(": ")[2]) from None
        hint = "Look at the cluster and its catalog, and run again; the next run does what is left."
        raise PartnerflowError(f"Spark cannot run a statement: {reason}\n{hint}") from None


@contextmanager
def _connect(_: Place, __: bool = False) -> Iterator[SparkConnection]:
    """Use the session of this process, and start it first. Raises PartnerflowError when that is not possible."""
    connection = SparkConnection(_session())
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _lock(place: Place, state_dir: Path) -> Iterator[None]:
    """Refuse a run of another state folder than the one whose run came first; drop what killed commands left."""
    with _connect(place) as connection:
        claim_warehouse(connection, state_dir)
        connection.drop_abandoned(datetime.now(UTC))
    yield


def _session() -> "SparkSession":
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        hint = 'Install them: pip install "partnerflow[spark]".'
        raise PartnerflowError(f"The target spark needs dbt-spark and PySpark. {hint}") from None
    if not os.environ.get("SPARK_CONF_DIR") or shutil.which("java") is None:
        raise PartnerflowError(_NOT_SET_UP)
    try:
        return _in_utc_session(SparkSession.builder.appName("partnerflow").getOrCreate())
    except PySparkException as error:
        raise PartnerflowError(f"Spark does not start: {error}\n{_NOT_SET_UP}") from None


def _in_utc_session(session: "SparkSession") -> "SparkSession":
    """Set what dbt_project/profiles.yml sets, too."""
    for name, value in {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "false"}.items():
        session.conf.set(name, value)
    return session


_NOT_SET_UP = (
    "The target spark needs Java 17, and SPARK_CONF_DIR: the folder of the spark-defaults.conf that names the master, "
    "the catalog and Iceberg (docs/spark.md)."
)

ENGINE = Engine(
    dialect="spark",
    connect=_connect,
    connect_read_only=_connect,
    lock=_lock,
    local_bytes=lambda _: 0,
    time_zone_hint="Update the time zone rules of Java to those of tzdata {tzdata}, on the driver and the executors.",
)
