"""The templates of the help page: folders of library/, each with its chained workflows and their messages.

    library/automate-your-prospecting/template.yml        name, description, program_types, workflows, notes
    library/automate-your-prospecting/<workflow>.yml      a definition whose program is PROGRAM
    library/automate-your-prospecting/messages/<message>/

Names, descriptions and kinds of program are those of the page "Create & Manage Email Workflows"; the segments are
those of its examples, and the texts our own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from compiler import PartnerflowError, project_vocabulary, read_definition
from compiler.errors import did_you_mean
from compiler.segment_tree import AnyOf

LIBRARY = Path(__file__).parent / "library"

PLACEHOLDERS = {
    "term": ("Partner Template Term", "[your selected template term]"),
    "group": ("Partner Group", "[your group of top creators]"),
}
"""What a template leaves to be chosen: a condition whose value stands in brackets until then, as on the page."""


class About(BaseModel):
    """template.yml: what a template is for. `workflows` are in the order of the chain."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    description: str
    program_types: tuple[str, ...]
    workflows: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """One template; `id` is the name of its folder."""

    id: str
    about: About

    @cached_property
    def placeholders(self) -> tuple[str, ...]:
        """The keys of PLACEHOLDERS that this template leaves open."""
        texts = "".join(self._text(name) for name in self.about.workflows)
        return tuple(key for key, (_, placeholder) in PLACEHOLDERS.items() if placeholder in texts)

    def files(self, program: str, filled: Mapping[str, str], prefix: str = "") -> dict[str, str]:
        """The drafts for a program, by path within a folder of workflows; `prefix` goes before every id.

        What is not `filled` (keys of PLACEHOLDERS) keeps its placeholder, of which `check` warns.
        """
        messages = sorted(path.name for path in (LIBRARY / self.id / "messages").glob("*"))
        files = {}
        for name in self.about.workflows:
            text = self._text(name).replace("program: PROGRAM\n", f"program: {json.dumps(program)}\n")
            for key, value in filled.items():
                text = _fill(text, key, value)
            for message in messages:
                text = text.replace(f"  email: {message}\n", f"  email: {prefix}{message}\n")
            files[f"{prefix}{name}.yml"] = text
        for message in messages:
            for part in sorted((LIBRARY / self.id / "messages" / message).iterdir()):
                files[f"messages/{prefix}{message}/{part.name}"] = part.read_text(encoding="utf-8")
        return files

    def as_json(self) -> dict:
        """The template with the keys of the contract; a workflow is {id, name, description, action, segment}."""
        vocabulary = project_vocabulary()
        workflows = [read_definition(f"{name}.yml", self._text(name), vocabulary) for name in self.about.workflows]
        described = [
            {
                "id": one.workflow.id,
                "name": one.workflow.name,
                "description": one.workflow.description,
                "action": str(one.workflow.action),
                "segment": [str(condition) for condition in one.workflow.segment],
            }
            for one in workflows
        ]
        about = {"id": self.id, "name": self.about.name, "description": self.about.description}
        return about | {"program_types": list(self.about.program_types), "workflows": described}

    def _text(self, workflow: str) -> str:
        return (LIBRARY / self.id / f"{workflow}.yml").read_text(encoding="utf-8")


def templates() -> list[Template]:
    """All templates, by id."""
    return [
        Template(file.parent.name, About.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))))
        for file in sorted(LIBRARY.glob("*/template.yml"))
    ]


def template(template_id: str) -> Template:
    """One template. Raises PartnerflowError that names the nearest, and all."""
    known = {one.id: one for one in templates()}
    if template_id not in known:
        hint = did_you_mean(template_id, known) + f"The templates are {', '.join(known)}."
        raise PartnerflowError(f"There is no template {template_id}. {hint}")
    return known[template_id]


def _fill(text: str, key: str, value: str) -> str:
    """The text with a placeholder's whole condition written anew, in quotes where YAML needs them."""
    label, placeholder = PLACEHOLDERS[key]
    open_condition = f"{label} is any of {placeholder}"
    return text.replace(open_condition, json.dumps(str(AnyOf(label, (value,))), ensure_ascii=False))
