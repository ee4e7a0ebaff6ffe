"""The chains of the folder: the workflows that `new` wrote from one template, by their ids."""

from collections.abc import Iterable
from dataclasses import dataclass

from compiler import Workflow
from flows.definitions.scaffold.templates import template_of


@dataclass(frozen=True)
class HalfActivated:
    """A chain of which some workflows are active and others drafts (ids, in the order of the chain)."""

    template_id: str
    active: tuple[str, ...]
    drafts: tuple[str, ...]

    def __str__(self) -> str:
        """Return what is wrong, in one sentence."""
        return (
            f"The chain {self.template_id} is half activated: {', '.join(self.active)} {_verb(self.active)} active, "
            f"{', '.join(self.drafts)} {_verb(self.drafts)} not."
        )


def half_activated_chains(workflows: Iterable[Workflow]) -> list[HalfActivated]:
    """Return the chains of which a part is a draft while another part is active, by template and prefix."""
    found = []
    for (template_id, _), ordered in sorted(_chains(workflows).items()):
        active, drafts = (tuple(one.id for one in ordered if one.status == status) for status in ("active", "draft"))
        if active and drafts:
            found.append(HalfActivated(template_id, active, drafts))
    return found


def chain_of(workflow: Workflow, workflows: Iterable[Workflow]) -> list[Workflow]:
    """Return the workflows of a workflow's chain in their order, itself included; itself alone if it is in none."""
    return next((chain for chain in _chains(workflows).values() if workflow in chain), [workflow])


def _chains(workflows: Iterable[Workflow]) -> dict[tuple[str, str], list[Workflow]]:
    """Return the workflows of each chain in their order, by template and prefix."""
    chains: dict[tuple[str, str], list[Workflow]] = {}
    for workflow in workflows:
        if template := template_of(workflow.id):
            name = max((one for one in template.about.workflows if workflow.id.endswith(one)), key=len)
            chains.setdefault((template.id, workflow.id.removesuffix(name)), []).append(workflow)
    return {key: sorted(chain, key=lambda one: _position(one.id)) for key, chain in chains.items()}


def _position(workflow_id: str) -> int:
    template = template_of(workflow_id)
    names = template.about.workflows if template else ()
    return next((position for position, name in enumerate(names) if workflow_id.endswith(name)), 0)


def _verb(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"
