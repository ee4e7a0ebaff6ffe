"""A folder that holds what another one holds, with some files of its own in it.

What is the same already is left as it is: dbt reads a file again whose time has changed.
"""

import filecmp
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from flows.atomic import write_atomic

UNCOPIED = {"target", "logs", ".user.yml"}
"""What dbt itself writes beside a project."""


def copy_folder(source: Path, folder: Path, own: Collection[Path] = ()) -> None:
    """Make `folder` hold the files of `source` and no others, but for those that are its `own` (relative paths)."""
    wanted = {file.relative_to(source): file for file in files_of(source)}
    for file in files_of(folder):
        if file.relative_to(folder) not in {*wanted, *own}:
            file.unlink()
    for place in wanted.keys() - set(own):
        copy = folder / place
        if not (copy.exists() and filecmp.cmp(wanted[place], copy)):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(wanted[place], copy)


def write_changed(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files whose text is another one now, each at once or not at all."""
    for name, text in texts.items():
        file = folder / name
        if not (file.exists() and file.read_text(encoding="utf-8") == text):
            write_atomic(file, text)


def files_of(folder: Path) -> list[Path]:
    """The files below a folder, sorted, but for what dbt has written."""
    found = [path for path in folder.rglob("*") if not UNCOPIED.intersection(path.relative_to(folder).parts)]
    return sorted(path for path in found if path.is_file())
