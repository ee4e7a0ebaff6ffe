"""Who is in the holdout of a workflow: a keyed hash of the workflow and the partner decides, and nothing else.

Only new members are decided by it. A partner that has a contact in the ledger keeps what that says, whatever the
percentage is now.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field


def holdout_number(key: bytes, workflow_id: str, program_id: str, partner_id: str) -> float:
    """Return a number from 0 to below 1 that is held out if it is below the percentage / 100.

    It is HMAC-SHA256 of the three ids with the ledger's own key: evenly distributed, always the same, independent of
    other workflows and of the percentage, and not to be guessed from the ids.

    >>> 0 <= holdout_number(b"key", "welcome", "1000", "21005016") < 1
    True
    """
    encoded = [part.encode() for part in (workflow_id, program_id, partner_id)]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
    digest = hmac.digest(key, message, hashlib.sha256)
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def is_held_out(key: bytes, percent: int, workflow_id: str, program_id: str, partner_id: str) -> bool:
    """Return whether a new member is held out with this percentage."""
    return holdout_number(key, workflow_id, program_id, partner_id) < percent / 100


@dataclass(frozen=True)
class Holdouts:
    """The holdouts of some workflows: the ledger's key, and the percentage of each that has a holdout, by id."""

    key: bytes = field(default=b"", repr=False)
    percents: Mapping[str, int] = field(default_factory=dict)

    def include(self, who: tuple[str, str, str]) -> bool:
        """Return whether a new member (workflow, program and partner id) is held out."""
        percent = self.percents.get(who[0])
        return percent is not None and is_held_out(self.key, percent, *who)
