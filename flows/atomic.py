"""A file that is there whole or not at all."""

import os
from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Write a file under a temporary name, sync it, and rename it: no reader ever sees a part of it.

    What was there is replaced at once. Raises OSError, for example when the disk is full, and leaves what was there.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.part")
    with temporary.open("wb") as part:
        part.write(content)
        part.flush()
        os.fsync(part.fileno())
    temporary.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
