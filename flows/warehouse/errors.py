"""Errors of a warehouse, the same for every engine."""

from compiler import PartnerflowError


class NotBuilt(PartnerflowError):
    """The warehouse lacks a table or a column that a statement reads; `said` is the first line of the engine's text."""

    def __init__(self, said: object):
        (self.said, *_) = str(said).strip().splitlines()
        hint = "Run `partnerflow plan`, which builds the tables; `partnerflow doctor` names what a raw table lacks."
        super().__init__(f"The warehouse does not have what this command reads. {self.said}\n{hint}")


class Unavailable(PartnerflowError):
    """The warehouse cannot be read now: another process keeps it open (`is_locked`), or it is damaged."""

    def __init__(self, message: str, is_locked: bool):
        super().__init__(message)
        self.is_locked = is_locked
