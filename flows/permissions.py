"""Permissions: the files of the state are for their owner only, but for those that are published."""

import os
from pathlib import Path


def write_privately() -> int:
    """Give every file and folder that this process creates from now on to its owner only (0600, 0700).

    Return the umask of before.
    """
    return os.umask(0o077)


def make_readable(file: Path) -> None:
    """Let every user read a published file, and list its folder. Whether they reach it depends on the folders above."""
    file.parent.chmod(0o755)
    file.chmod(file.stat().st_mode | 0o444)
