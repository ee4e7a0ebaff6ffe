"""A record of what a program asks the disk to keep, in order: syncs and renames."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def record_disk(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """Return a list to which every sync and rename below `folder`, and of its own name, is added from now on.

    A synced file is recorded with its size at that moment, so that a sync before the last byte shows.
    """
    record: list[str] = []
    fsync, replace = os.fsync, os.replace

    def names() -> dict[int, Path]:
        return {path.stat().st_ino: path for path in [folder.parent, folder, *folder.rglob("*")]}

    def recorded_fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        path = names()[status.st_ino]
        name = path.relative_to(folder.parent)
        record.append(f"sync {name}" if path.is_dir() else f"sync {name}, {status.st_size} bytes")
        fsync(descriptor)

    def recorded_replace(source: Any, target: Any, **more: Any) -> None:
        record.append(f"rename {Path(source).name} to {Path(target).name}")
        replace(source, target, **more)

    functions: dict[str, Callable[..., None]] = {"fsync": recorded_fsync, "replace": recorded_replace}
    for name, function in functions.items():
        monkeypatch.setattr(os, name, function)
    return record
