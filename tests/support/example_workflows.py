"""The workflows of the example account without its contact policy: most tests want every email to leave in its hour."""

import shutil
import tempfile
from pathlib import Path

from compiler import CONTACT_POLICY
from flows.settings import CHECKOUT


def copy_workflows(target: Path) -> Path:
    """Copy the workflows without the contact policy to a new folder, and return it."""
    shutil.copytree(CHECKOUT / "workflows", target, ignore=shutil.ignore_patterns(CONTACT_POLICY))
    return target


_FOLDER = tempfile.TemporaryDirectory(prefix="partnerflow-")

WORKFLOWS = copy_workflows(Path(_FOLDER.name) / "workflows")
"""A copy that every test of this process reads and none changes."""
