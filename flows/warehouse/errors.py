"""Errors that both engines raise."""

from compiler import PartnerflowError


def not_built(said: object) -> PartnerflowError:
    """Return the error to raise when the warehouse lacks a table or column; `said` is the text of the engine."""
    (first, *_) = str(said).strip().splitlines()
    hint = "Run `partnerflow plan`, which builds the tables; `partnerflow doctor` names what a raw table lacks."
    return PartnerflowError(f"The warehouse does not have what this command reads. {first}\n{hint}")
