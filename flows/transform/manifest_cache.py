"""The project as dbt has read it, kept beside dbt's own target, for the hours in which it is the same.

dbt keeps what it has read too, but must make its classes ready to read that back, which takes a process longer than an
hour's look at all files. It is a pickle: as for the ledger's sake, nobody but its own user may write into the state.
"""

import hashlib
import json
import os
import pickle
import re
import sys
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dbt.contracts.graph.manifest import Manifest

from flows.transform.project_copy import files_of

SEAL = hashlib.sha256().digest_size
"""Bytes at the beginning of the file: the digest of what the manifest was read from, and of all that follows."""

_NAMED, _PLACE = re.compile(rb"env_var\(\s*['\"](\w+)"), ("profiles.yml", b"PARTNERFLOW_VAR")

PACKAGES = ("dbt-core", "dbt-common", "dbt-adapters", "dbt-duckdb", "dbt-postgres")
"""Their own macros are a part of what is read."""


def read_from(project: Path, *options: str) -> str:
    """The digest of all that dbt reads: the files, the environment variables they name, the options, its version.

    Where the state lies is not of it: the profile names that, and dbt reads the same from a copy elsewhere.
    """
    texts = {str(file.relative_to(project)): file.read_bytes() for file in files_of(project)}
    named = {name for place, text in texts.items() for name in _NAMED.findall(text) if (place, name) != _PLACE}
    variables = {name.decode(): os.environ.get(name.decode()) for name in sorted(named)}
    versions = [sys.version, *map(_version, PACKAGES)]
    files = {place: hashlib.sha256(text).hexdigest() for place, text in texts.items()}
    return hashlib.sha256(json.dumps([files, variables, versions, options]).encode()).hexdigest()


def recall(project: Path, source: str) -> Manifest | None:
    """The manifest that was kept, if it was read from this digest, and is whole."""
    file = _file(project)
    kept = file.read_bytes() if file.exists() else b""
    if kept[:SEAL] != _seal(source, kept[SEAL:]):
        return None
    manifest = Manifest(**pickle.loads(kept[SEAL:]))
    manifest.build_parent_and_child_maps()
    return manifest


def keep(project: Path, source: str, manifest: Manifest) -> None:
    """Keep a manifest as dbt has just read it, at once or not at all; what dbt looks up in it, it makes again."""
    parts = {one.name: getattr(manifest, one.name) for one in fields(manifest) if not one.name.startswith("_")}
    pickled = pickle.dumps(parts)
    temporary = _file(project).with_suffix(".tmp")
    temporary.write_bytes(_seal(source, pickled) + pickled)
    temporary.replace(_file(project))


def _seal(source: str, pickled: bytes) -> bytes:
    return hashlib.sha256(source.encode() + pickled).digest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _file(project: Path) -> Path:
    return project / "target" / "manifest.pickle"
