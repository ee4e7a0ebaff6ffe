"""Who may import whom: the import-linter contracts of pyproject.toml, and that they can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.settings import CHECKOUT


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts on the packages in a folder."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of both packages and of the contracts."""
    for package in ("compiler", "flows"):
        shutil.copytree(CHECKOUT / package, tmp_path / package)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_is_kept():
    """The layers of docs/architecture.md hold."""
    done = lint_imports(CHECKOUT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("flows/ledger/delivery.py", "flows.messages.message", "The packages of flows, top down"),
        ("flows/warehouse/connection.py", "flows.ledger.ledger", "The packages of flows, top down"),
        ("flows/events/apply_events.py", "flows.sending.claim", "The packages of flows, top down"),
        ("flows/ledger/delivery.py", "flows.ledger.ledger", "No circle between siblings"),
        ("compiler/sql/dialect.py", "compiler.lint.linter", "The packages of the compiler, top down"),
        ("compiler/errors.py", "flows.settings", "The compiler connects to nothing and knows nothing of flows"),
        ("compiler/sql/explain.py", "duckdb", "The compiler connects to nothing and knows nothing of flows"),
    ],
)
def test_an_import_against_the_layers_breaks_a_contract(copy: Path, module: str, imported: str, contract: str):
    """A circle between siblings, an effect in the compiler: each is named."""
    file = copy / module
    file.write_text(file.read_text(encoding="utf-8") + f"\n\nimport {imported}\n", encoding="utf-8")
    done = lint_imports(copy)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_light_commands_import_neither_dbt_nor_prefect():
    """`partnerflow fields` answers at once: what starts slowly is imported by the commands that use it."""
    heavy = {"dbt", "prefect", "duckdb", "pandas", "sqlalchemy", "sqlglot", "fastapi", "liquid"}
    code = f"import sys, flows.cli.main; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_nothing_is_unpickled():
    """A state folder holds data, never code."""
    files = [*(CHECKOUT / "compiler").rglob("*.py"), *(CHECKOUT / "flows").rglob("*.py")]
    assert [file for file in files if "pickle" in file.read_text(encoding="utf-8")] == []
