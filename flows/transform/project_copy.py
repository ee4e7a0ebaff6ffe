"""Copies of a folder. Files that are the same keep their modification time, so that dbt does not read them again."""

import filecmp
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from flows.atomic import write_atomic

WRITTEN_BY_DBT = {"target", "logs", ".user.yml"}
"""Files and folders that dbt writes into a project, which are not copied."""


def copy_folder(source: Path, folder: Path, excluded: Collection[Path] = ()) -> None:
    """Make `folder` a copy of `source`; the `excluded` files (relative paths) are neither copied nor deleted."""
    wanted = {file.relative_to(source): file for file in files_of(source)}
    for file in files_of(folder):
        if file.relative_to(folder) not in {*wanted, *excluded}:
            file.unlink()
    for path in wanted.keys() - set(excluded):
        copy = folder / path
        if copy.is_dir():
            shutil.rmtree(copy)
        if not (copy.exists() and filecmp.cmp(wanted[path], copy)):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(wanted[path], copy)
            copy.chmod(0o600)


def write_changed(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files (name to text) whose text has changed, each atomically."""
    for name, text in texts.items():
        file = folder / name
        if not (file.exists() and file.read_text(encoding="utf-8") == text):
            write_atomic(file, text)


def files_of(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted, without those that dbt writes."""
    found = [path for path in folder.rglob("*") if not WRITTEN_BY_DBT.intersection(path.relative_to(folder).parts)]
    return sorted(path for path in found if path.is_file())
