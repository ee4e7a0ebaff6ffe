"""Copy a workflow: the same definition under another id, as a draft. It contacts everybody again."""

from pathlib import Path

from compiler import PartnerflowError
from flows.definitions.loader import read_definitions, shown
from flows.definitions.scaffold.create import ScaffoldPlan, plan_files, require_id, slug
from flows.definitions.text_edit import with_values
from flows.settings import Settings


def plan_copy(settings: Settings, workflow_id: str, name: str, new_id: str = "") -> ScaffoldPlan:
    """Return a copy of a workflow as a draft with a name and an id, made from the name if it is empty.

    Comments and layout are those of the original. Raises PartnerflowError where `new` would refuse.
    """
    definitions = read_definitions(settings)
    definitions[workflow_id]  # raises if there is none
    file = Path(definitions.files[workflow_id]).absolute()
    identity = new_id or slug(name)
    require_id(identity)
    if name == definitions[workflow_id].name:
        raise PartnerflowError(f"The copy needs another name than {name}.")
    text = with_values(shown(file), file.read_bytes().decode(), {"id": None, "name": name, "status": "draft"})
    note = (
        f"The copy is a workflow of its own. It does not know whom {workflow_id} has contacted, and writes again to "
        "every partner that is in its segment. Change its segment or its message before you activate it."
    )
    return plan_files(settings, {f"{identity}.yml": text}, (note,))
