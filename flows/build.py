"""`dbt build`, in this process, from the state's own copy of the dbt project.

The copy holds the models generated from this state's definitions, so that several states run side by side from one
checkout, and a run is not touched by an edit made while it works.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dbt.cli.main import dbtRunner, dbtRunnerResult

from compiler import PROJECT, compile_models
from flows.definitions import Definitions
from flows.settings import Settings

FAILED = {"error", "fail", "runtime error", "partial success"}


@dataclass(frozen=True)
class Build:
    """What dbt did: `nodes` models and tests, and what failed of them, a line each; empty when all is well."""

    nodes: int
    failures: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether recipients may be read."""
        return not self.failures


def build(settings: Settings, definitions: Definitions) -> Build:
    """Build and test every table, membership and recipients included, for the hours of raw.evaluations.

    The database file must be closed in this process, and is closed again afterwards.
    """
    project = prepare_project(settings, definitions)
    arguments = [
        "--project-dir",
        str(project),
        "--profiles-dir",
        str(project),
        "--log-path",
        str(settings.var / "logs"),
        "--target",
        settings.target,
    ]
    with _variable("PARTNERFLOW_VAR", str(settings.var)), redirect_stdout(StringIO()):
        result = dbtRunner().invoke(["build", *arguments, "--quiet", "--log-level", "none", "--log-level-file", "info"])
    return _read(result)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """An environment variable for as long as dbt reads its profile."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def prepare_project(settings: Settings, definitions: Definitions) -> Path:
    """The state's copy of the dbt project, with the models generated from its definitions."""
    project = settings.var / "dbt_project"
    for path in project.glob("*"):
        if path.name != "target":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(PROJECT, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target", "logs", ".user.yml"))
    write_models(project, compile_models(definitions.active, definitions.compiler, settings.dialect))
    return project


def write_models(project: Path, models: dict[str, str]) -> None:
    """Write the generated models into a dbt project, each at once or not at all."""
    for name, text in models.items():
        file = project / "models" / "segments" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)


def _read(result: dbtRunnerResult) -> Build:
    if result.exception is not None:
        return Build(0, (f"dbt could not start: {result.exception}",))
    nodes = list(getattr(result.result, "results", []))
    failures = [_failure(node) for node in nodes if node.status in FAILED]
    return Build(len(nodes), tuple(failures) if result.success or failures else ("dbt failed; see logs/dbt.log",))


def _failure(node) -> str:
    what = f"test {node.node.name}" if node.node.resource_type in ("test", "unit_test") else node.node.name
    message = " ".join((node.message or "").split())
    return f"{what}: {message}"
