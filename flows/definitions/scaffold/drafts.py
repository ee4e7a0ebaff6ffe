"""Write new files into the workflows folder: all or none, and never over an existing one."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from compiler import PartnerflowError
from flows.atomic import make_folder, sync, write_synced


def write_drafts(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write new files, given as texts by path within the folder, and return their paths, definitions last.

    All files are on disk under temporary names before the first gets its final name. Raises PartnerflowError, with
    nothing written, when files exist already or cannot be written.
    """
    ordered = sorted(files, key=lambda name: (not name.startswith("messages/"), not name.startswith("segments/"), name))
    refuse_existing(folder, ordered)
    folders = _make_folders(folder, ordered)
    written: list[Path] = []
    temporary = {name: (folder / name).with_name(f".{Path(name).name}.{os.getpid()}") for name in ordered}
    try:
        for name, path in temporary.items():
            write_synced(path, files[name])
        for name, path in temporary.items():
            os.link(path, folder / name)  # unlike rename, this fails if the file now exists
            written.append(folder / name)
        for parent in {path.parent for path in written}:
            sync(parent)
    except BaseException as error:
        for path in written:
            path.unlink()
        _remove(temporary.values(), folders)
        if isinstance(error, OSError):
            raise PartnerflowError(f"Nothing was written into {folder}: {error}.") from None
        raise
    _remove(temporary.values(), [])
    return written


def refuse_existing(folder: Path, names: list[str]) -> None:
    """Raise PartnerflowError when any of the files exists."""
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise PartnerflowError(
            f"{folder} already has {', '.join(there)}. Nothing was written. "
            "Choose other names (--prefix, or --id and --message), or move the old files away."
        )


def _make_folders(folder: Path, names: list[str]) -> list[Path]:
    """Create the missing folders, and return them, innermost first."""
    wanted = {parent for name in names for parent in (folder / name).parents if not parent.exists()}
    for path in sorted(wanted):
        make_folder(path)
    return sorted(wanted, reverse=True)


def _remove(files: Iterable[Path], folders: list[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    for path in folders:
        path.rmdir()
