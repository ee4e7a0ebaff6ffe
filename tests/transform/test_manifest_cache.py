"""The project that dbt has read is not read again as long as nothing of it is another, and only then."""

import os
import shutil
from pathlib import Path

import pytest
from dbt.contracts.graph.manifest import Manifest

from flows.settings import Settings
from flows.transform.dbt_runner import Dbt

MODEL = Path("models/marts/core/fct_partner_groups.sql")


class Counted(Dbt):
    """dbt, and how often it has read the project itself."""

    reads = 0

    def invoke(self, *command: str):
        self.reads += command[0] == "parse"
        return super().invoke(*command)


@pytest.fixture
def project(settings: Settings) -> Path:
    """The state's project."""
    return settings.var / "dbt_project"


def reads(settings: Settings, project: Path) -> int:
    """How often another process would read the project."""
    dbt = Counted(settings, project)
    dbt.parse()
    return dbt.reads


def told(manifest: Manifest) -> dict:
    """All that a manifest says but when it was made, and what names that."""
    said = manifest.writable_manifest().to_dict(omit_none=False)
    return {name: value for name, value in said.items() if name != "metadata"}


def test_what_was_kept_says_what_dbt_has_read(settings: Settings, project: Path):
    kept = Counted(settings, project)
    manifest = kept.parse()
    assert kept.reads == 0
    (project / "target" / "manifest.pickle").unlink()
    anew = Counted(settings, project)
    assert told(manifest) == told(anew.parse())
    assert anew.reads == 1


@pytest.mark.parametrize("place", [MODEL, Path("profiles.yml"), Path("macros/another.sql")])
def test_a_file_that_is_another_is_read(settings: Settings, project: Path, place: Path):
    file = project / place
    file.write_text((file.read_text() if file.exists() else "") + "\n")
    assert reads(settings, project) == 1
    assert reads(settings, project) == 0


def test_a_file_that_is_gone_or_elsewhere_is_noticed(settings: Settings, project: Path):
    other = (project / MODEL).with_suffix("")  # a folder, sorted as the file was
    other.mkdir()
    (project / MODEL).rename(other / MODEL.name)
    assert reads(settings, project) == 1
    (other / MODEL.name).unlink()
    assert reads(settings, project) == 1


def test_another_setting_is_read(settings: Settings, project: Path, monkeypatch: pytest.MonkeyPatch):
    assert reads(settings.model_copy(update={"loader": "fivetran"}), project) == 1
    assert reads(settings, project) == 1
    monkeypatch.setenv("PGHOST", os.environ.get("PGHOST", "") + "another")
    assert reads(settings, project) == 1


def test_a_copy_elsewhere_is_not_read(settings: Settings, project: Path, tmp_path: Path):
    elsewhere = settings.model_copy(update={"var": Path(shutil.copytree(settings.var, tmp_path / "var"))})
    assert reads(elsewhere, elsewhere.var / "dbt_project") == 0
    model = elsewhere.var / "dbt_project" / MODEL
    model.write_text(model.read_text() + "-- {{ env_var('PARTNERFLOW_VAR') }}\n")
    assert reads(elsewhere, elsewhere.var / "dbt_project") == 1


@pytest.mark.parametrize("kept", [b"", b"\0" * 100, "half"])
def test_what_cannot_be_read_is_made_anew(settings: Settings, project: Path, kept: bytes | str):
    file = project / "target" / "manifest.pickle"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if kept == "half" else kept)
    assert reads(settings, project) == 1
    assert reads(settings, project) == 0
