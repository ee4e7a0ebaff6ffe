"""The time zones of partners, for send windows in the partner's time zone.

raw.partners may have a column `time_zone`. Where it is missing or null, or not an IANA time zone, the window is in the
time zone of the program.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from compiler import ContactPolicy, Workflow
from flows.warehouse.connection import Connection
from flows.warehouse.ids import id_text
from flows.warehouse.programs import time_zone_names

SHOWN = 5
"""Texts that a note names."""


@dataclass(frozen=True)
class PartnerZones:
    """The IANA time zone of each partner that has a valid one, by program and partner, and the numbers of others.

    `unknown` has how many partners have a text that is not an IANA time zone, by that text.
    """

    zones: dict[tuple[str, str], str] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the note of a plan about time zones that are not valid, if there are any."""
        if not self.unknown:
            return ()
        texts = ", ".join(f"{text!r}" for text, _ in self.unknown.most_common(SHOWN))
        more = f" and {len(self.unknown) - SHOWN:,} more" if len(self.unknown) > SHOWN else ""
        total = self.unknown.total()
        who = "1 partner has a time_zone" if total == 1 else f"{total:,} partners have a time_zone"
        return (
            f"{who} in raw.partners that is not an IANA time zone: {texts}{more}. Send windows use the time zone of "
            "their program. Correct it in the source, such as America/New_York.",
        )


def read_partner_zones(connection: Connection, policy: ContactPolicy, workflows: Iterable[Workflow]) -> PartnerZones:
    """Return the time zones of partners if a send window of the policy or of these workflows is in them."""
    windows = [policy.send_window, *(one.send_window for one in workflows)]
    if not any(window and window.is_of_partner for window in windows):
        return PartnerZones()
    if "time_zone" not in connection.columns("raw").get("partners", ()):
        return PartnerZones()
    found = PartnerZones()
    query = "SELECT program_id, partner_id, time_zone FROM raw.partners WHERE time_zone IS NOT NULL"
    for program, partner, zone in connection.execute(query).fetchall():
        program_id, partner_id, text = id_text(program), id_text(partner), str(zone).strip()
        if text and text not in time_zone_names():
            found.unknown[text] += 1
        elif text and program_id and partner_id:
            found.zones[program_id, partner_id] = text
    return found
