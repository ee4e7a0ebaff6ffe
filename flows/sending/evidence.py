"""Evidence about deliveries: what shows that an email or a decision has left, for a person who settles it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery
from flows.settings import Settings
from flows.warehouse.connection import has_table
from flows.warehouse.published import open_published

_MESSAGE_ID = re.compile(rb"[^\s<>=,;()\"]+@[^\s<>=,;()\"]+")


@dataclass(frozen=True)
class Evidence:
    """What is known about one delivery, besides the ledger.

    `events` is the number of events of the provider about it, as of the last run; `has_file` whether its file is in the
    outbox or the folder of decisions; `is_logged` whether the mail server's log names its Message-ID, None without a
    log.
    """

    delivery: Delivery
    events: int
    has_file: bool
    is_logged: bool | None

    @property
    def is_found(self) -> bool:
        """Whether anything shows that it has left."""
        return bool(self.events or self.has_file or self.is_logged)


def find_evidence(settings: Settings, deliveries: Sequence[Delivery], mail_log: Path | None = None) -> list[Evidence]:
    """Return the evidence about each delivery, in their order. `mail_log` is the log of the mail server, as text.

    Raises PartnerflowError if the log cannot be read.
    """
    events = _events(settings, [one.delivery_id for one in deliveries])
    logged = None if mail_log is None else _logged(mail_log, {one.message_id for one in deliveries})
    return [
        Evidence(
            one,
            events.get(one.delivery_id, 0),
            any(file.exists() for file in _files(settings, one)),
            None if logged is None else one.message_id in logged,
        )
        for one in deliveries
    ]


def _files(settings: Settings, delivery: Delivery) -> Iterable[Path]:
    return settings.outbox / f"{delivery.delivery_id}.eml", settings.decisions / f"{delivery.delivery_id}.json"


def _events(settings: Settings, identities: list[str]) -> dict[str, int]:
    """Return the number of events of those deliveries that have any; of none if nothing has been published."""
    if not settings.published.exists():
        return {}
    query = """
        SELECT delivery_id, events FROM marts.fct_email_deliveries
        WHERE events > 0 AND delivery_id IN (SELECT UNNEST(?))"""
    with open_published(settings.published) as connection:
        if not has_table(connection, "marts", "fct_email_deliveries"):
            return {}
        return dict(connection.execute(query, [identities]).fetchall())


def _logged(mail_log: Path, message_ids: set[str]) -> set[str]:
    """Return the Message-IDs that are in the log."""
    wanted = {one.encode() for one in message_ids}
    try:
        with mail_log.open("rb") as lines:
            found = {name for line in lines for name in wanted.intersection(_MESSAGE_ID.findall(line))}
    except OSError as error:
        raise PartnerflowError(f"The log {mail_log} cannot be read: {error.strerror}.") from None
    return {name.decode() for name in found}
