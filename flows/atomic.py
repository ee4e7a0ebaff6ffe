"""Atomic file writes: a reader sees the old file or the new one, never a part of it.

Everything is on disk before the new name is: a power cut leaves the old file or the complete new one.
"""

import os
from pathlib import Path


def write_atomic(file: Path, content: bytes | str, mode: int = 0o666) -> None:
    """Replace the content of `file`; text is written as UTF-8, line ends as given.

    The content goes to a temporary file in the same folder (`.<name>.part`), which is synced and renamed. Folders that
    are missing are created. `mode` are the permissions of a new file, less the umask. Only one process may write a file
    at a time. Raises OSError, for example when the disk is full, and then leaves the old file as it was.
    """
    make_folder(file.parent)
    temporary = file.with_name(f".{file.name}.part")
    try:
        write_synced(temporary, content, mode)
        rename_synced(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def rewrite(file: Path, text: str) -> None:
    """Replace the text of a file that exists, as `write_atomic` does, and keep its permissions whatever the umask is.

    A symbolic link stays; the file that it points to is replaced.
    """
    target = file.resolve()
    mode = target.stat().st_mode & 0o777
    write_atomic(target, text, mode)
    target.chmod(mode)


def make_folder(folder: Path) -> None:
    """Create a folder and the missing ones above it, and wait until their names are on disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in reversed(missing):
        sync(path.parent)


def write_synced(file: Path, content: bytes | str, mode: int = 0o666) -> None:
    """Write a file and wait until its content is on disk; for a temporary file that is renamed later."""
    data = content.encode() if isinstance(content, str) else content
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())


def rename_synced(source: Path, target: Path) -> None:
    """Rename a file whose content is on disk, replacing `target`, and wait until the new name is on disk as well."""
    source.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
