"""Who gets a notice of a condition: the receivers of its workflow, or those of notices.yml."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from compiler import Receiver, parse_receiver
from flows.definitions.loader import Definitions
from flows.notices.condition import Condition


@dataclass(frozen=True)
class Receivers:
    """The receivers of all conditions. `before` are the definitions of the last run, for those that cannot be read."""

    definitions: Definitions
    before: Mapping[str, Mapping[str, Any]]

    def of(self, condition: Condition) -> list[Receiver]:
        """Return the receivers of a condition, `owner` as addresses. Of what is not of one workflow, all owners are."""
        owners = [self._owner(condition.subject)] if condition.subject else self._owners()
        found = [
            one
            for receiver in self._named(condition.subject)
            for one in (
                [Receiver("email", owner) for owner in owners if owner] if receiver.kind == "owner" else [receiver]
            )
        ]
        return list(dict.fromkeys(found))

    def _named(self, workflow_id: str) -> tuple[Receiver, ...]:
        policy = self.definitions.notices.notify
        for workflow in self.definitions.workflows:
            if workflow.id == workflow_id:
                return policy if workflow.notify is None else workflow.notify
        own = self.before.get(workflow_id, {}).get("notify")
        return policy if own is None else tuple(map(parse_receiver, own))

    def _owner(self, workflow_id: str) -> str:
        for workflow in self.definitions.workflows:
            if workflow.id == workflow_id:
                return address_of(workflow.owner)
        return address_of(str(self.before.get(workflow_id, {}).get("owner", "")))

    def _owners(self) -> list[str]:
        return sorted({address_of(workflow.owner) for workflow in self.definitions.active})


def missing_names(definitions: Definitions, webhooks: Mapping[str, Any], commands: Mapping[str, Any]) -> list[str]:
    """Return the webhooks and commands that definitions name and the settings do not have, sorted."""
    named = {*definitions.notices.notify, *(one for each in definitions.workflows for one in each.notify or ())}
    known: dict[str, Mapping[str, Any]] = {"webhook": webhooks, "command": commands}
    return sorted(str(one) for one in named if one.kind in known and one.name not in known[one.kind])


def address_of(owner: str) -> str:
    """Return the address of an owner such as `Ann Lee <ann@example.com>`; empty if there is none."""
    address = parseaddr(owner)[1]
    return address if "@" in address else ""
