"""Check the files and folders of the state: a run is refused before it changes anything if one is of the wrong kind.

The ledger, the warehouse and the lock report their own errors.
"""

import os
from pathlib import Path

from compiler import PartnerflowError

FILES = (
    "definitions.json", "published/partnerflow.duckdb", "published/report.html", "dbt_state/manifest.json",
    "dbt_project/target/partial_parse.msgpack", "logs/dbt.log",
)  # fmt: skip
"""Files that a run writes."""

FOLDERS = ("published", "outbox", "decisions", "landing", "landing/email_events", "dbt_project", "dbt_state", "logs")
"""Folders that a run writes to."""


def check_state_files(state: Path) -> None:
    """Raise PartnerflowError that names every file that is a folder, and every folder that cannot be written to."""
    wrong = [f"{state / name} is a folder, but must be a file." for name in FILES if (state / name).is_dir()]
    for folder in (state / name for name in FOLDERS):
        if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
            wrong.append(f"{folder} is not a folder.")
        elif folder.is_dir() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            wrong.append(f"{folder} cannot be written to.")
    if wrong:
        hint = "Nothing was changed or sent. Move it away, or correct its permissions; a run creates what is missing."
        raise PartnerflowError("\n".join([*wrong, hint]))
