"""The workflow templates of the help page: folders of library/ with chained workflows and their messages.

    library/automate-your-prospecting/template.yml        name, description, program_types, workflows, notes
    library/automate-your-prospecting/<workflow>.yml      a definition whose program is PROGRAM
    library/automate-your-prospecting/messages/<message>/
    library/layout.mjml                                   the layout around all of their bodies

Names, descriptions and program types are those of the page "Create & Manage Email Workflows", the segments those of
its examples; the texts are our own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

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
"""What the user chooses: a key, its condition, and the placeholder in brackets that the page shows for its value."""


STARTER = """<mj-text>
  <h1>Write a heading here.</h1>
  <p>Hi {{ contact.first_name | default: partner.name }},</p>
  <p>Write what you have to say here.</p>
  <p>Kind regards,<br />The {{ program.name }} team</p>
</mj-text>
"""
"""The body of a message from scratch, for the author to replace."""

TO_REPLACE = ("Write a heading here.", "Write what you have to say here.")
"""The sentences of it that the author must replace."""

LAYOUT = "messages/layout.mjml"
"""Where a workflows folder has the layout around the bodies of templates and of STARTER."""


class About(BaseModel):
    """The content of template.yml.

    `workflows` are in the order of the chain. `max_languages` is how many languages its emails may have; None is any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    name: str
    description: str
    program_types: tuple[str, ...]
    workflows: tuple[str, ...]
    max_languages: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """A template; `id` is the name of its folder."""

    id: str
    about: About

    @cached_property
    def placeholders(self) -> tuple[str, ...]:
        """The keys of PLACEHOLDERS that occur in this template."""
        texts = "".join(self._text(name) for name in self.about.workflows)
        return tuple(key for key, (_, placeholder) in PLACEHOLDERS.items() if placeholder in texts)

    def files(self, program: str, filled: Mapping[str, str], prefix: str = "") -> dict[str, str]:
        """Return the drafts for a program by path within a workflows folder, with `prefix` before every id.

        Keys of PLACEHOLDERS that are not in `filled` keep their placeholder, and `check` warns about them.
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

    def as_json(self) -> dict[str, Any]:
        """Return the JSON of `partnerflow templates`; a workflow is {id, name, description, action, segment}."""
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


def layout() -> str:
    """Return the text of the layout."""
    return (LIBRARY / "layout.mjml").read_text(encoding="utf-8")


@cache
def templates() -> tuple[Template, ...]:
    """Return all templates, sorted by id."""
    return tuple(
        Template(file.parent.name, About.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))))
        for file in sorted(LIBRARY.glob("*/template.yml"))
    )


def template_of(workflow_id: str) -> Template | None:
    """Return the template that a workflow was made from, by its id, which `new` may have given a prefix."""
    return next((one for one in templates() if workflow_id.endswith(one.about.workflows)), None)


def template(template_id: str) -> Template:
    """Return a template. Raises PartnerflowError, which suggests the nearest id and lists all."""
    known = {one.id: one for one in templates()}
    if template_id not in known:
        hint = did_you_mean(template_id, known) + f"The templates are {', '.join(known)}."
        raise PartnerflowError(f"There is no template {template_id}. {hint}")
    return known[template_id]


def _fill(text: str, key: str, value: str) -> str:
    """Return the text with the condition of a placeholder replaced, quoted for YAML."""
    label, placeholder = PLACEHOLDERS[key]
    open_condition = f"{label} is any of {placeholder}"
    return text.replace(open_condition, json.dumps(str(AnyOf(label, (value,))), ensure_ascii=False))
