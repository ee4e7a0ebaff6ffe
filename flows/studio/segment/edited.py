"""The segment that is edited: that of a workflow, or a saved one."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from compiler import read_yaml
from flows.definitions.loader import shown
from flows.studio.files import read_text
from flows.studio.segment.desk import Desk
from flows.studio.segment.rows import Row, read_row
from flows.studio.segment.saved import files_that_use
from flows.studio.studio import Known, Missing, Studio


@dataclass(frozen=True)
class Edited:
    """A segment, its file as it is now, the program whose partners are looked at, and the rows of the page.

    `here` is the path of the editor, `back` that of the page before it. `workflow` is None for a saved segment, whose
    `users` are the workflows that use it. `saved` is the name of the saved segment that the whole segment of a workflow
    is, if it is one.
    """

    name: str
    file: Path
    text: str
    program: str
    rows: tuple[Row, ...]
    here: str
    back: str
    workflow: Known | None = None
    users: tuple[Known, ...] = ()
    saved: str = ""

    @property
    def sentences(self) -> list[str]:
        """The sentence of each row."""
        return [one.sentence for one in self.rows]


def edited_workflow(studio: Studio, desk: Desk, workflow_id: str) -> Edited:
    """Return the segment of a workflow as it is on disk.

    Raises Missing if there is no such workflow, and DefinitionError if its file is not valid YAML.
    """
    known = studio.find(workflow_id)
    text = read_text(known.file)
    value = read_yaml(shown(known.file), text).value
    values = value if isinstance(value, dict) else {}
    segment = values.get("segment")
    back = f"/workflows/{quote(known.id, safe='')}"
    rows, saved = _rows(segment, desk), segment if isinstance(segment, str) else ""
    program = str(values.get("program", ""))
    return Edited(known.name, known.file, text, program, rows, f"{back}/segment", back, known, saved=saved)


def edited_saved_segment(studio: Studio, desk: Desk, name: str, program: str = "") -> Edited:
    """Return a saved segment as it is on disk, for a program: by default that of a workflow that uses it.

    Raises Missing if there is no such segment, and DefinitionError if its file is not valid YAML.
    """
    file = saved_segment_file(studio, name)
    text = read_text(file)
    users = tuple(map(studio.known, files_that_use(studio.settings.workflows, name, desk.vocabulary)))
    programs = [one.workflow.program for one in users if one.workflow] or studio.program_ids()
    rows = _rows(read_yaml(shown(file), text).value, desk)
    here = f"/segments/{quote(name, safe='')}"
    return Edited(name, file, text, program or next(iter(programs), ""), rows, here, "/segments", users=users)


def saved_segment_file(studio: Studio, name: str) -> Path:
    """Return the file of a saved segment; only the files of the folder are compared with the name. Raises Missing."""
    files = {file.stem: file for file in (studio.settings.workflows / "segments").glob("*.y*ml")}
    if name not in files:
        raise Missing(f"There is no saved segment {name}.")
    return files[name]


def _rows(segment: object, desk: Desk) -> tuple[Row, ...]:
    sentences = segment if isinstance(segment, list) else []
    return tuple(read_row(str(one), desk.vocabulary) for one in sentences)
