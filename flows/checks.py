"""What `check` reports: every problem of definitions and of their messages, and warnings about workflows together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler import Problem
from flows.definitions.advice import advice
from flows.definitions.loader import Definitions, read_definitions
from flows.messages.loader import check_messages
from flows.settings import Settings
from flows.warehouse.catalog import open_catalog


@dataclass(frozen=True)
class Checked:
    """The definitions that were checked, without those that have errors, and all problems, sorted by place."""

    definitions: Definitions
    problems: tuple[Problem, ...]


def check_definitions(
    settings: Settings, paths: Sequence[Path] = (), texts: Mapping[Path, str] | None = None
) -> Checked:
    """Check the definitions of the folder, or of some files and folders, against the published file and the ledger.

    `texts` has, by absolute path, the texts of files to check in place of what is on disk. Messages that no workflow
    uses are checked only with the whole folder. Raises PartnerflowError when a path does not exist.
    """
    definitions = read_definitions(settings, paths, open_catalog(settings.published), texts)
    whole = read_definitions(settings, texts=texts) if paths else definitions
    files = set(definitions.files.values())
    advised = [one for one in advice(settings, whole) if not paths or one.path in files]
    definitions = check_messages(definitions, settings, only_used=bool(paths))
    return Checked(definitions, tuple(sorted([*definitions.problems, *advised])))
