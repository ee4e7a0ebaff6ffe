"""What `check` says of workflows together, and compared with what has been sent: warnings, each at a definition."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from compiler import PartnerflowError, Problem
from flows.definitions.chains import half_activated_chains
from flows.definitions.loader import Definitions, shown
from flows.definitions.repeats import find_repeats, may_repeat
from flows.settings import Settings


def advice(settings: Settings, definitions: Definitions) -> list[Problem]:
    """Return the warnings about half-activated chains and workflows that repeat one that has sent, by place.

    `definitions` are those of the whole folder. What has been sent is known from the ledger; without one, nothing is.
    """
    return sorted([*_chains(definitions), *_repeats(settings, definitions)])


def _chains(definitions: Definitions) -> Iterator[Problem]:
    hint = "Activate the others, or delete those that you do not need."
    for one in half_activated_chains(definitions.workflows):
        yield _warning(definitions.files[one.active[0]], "half-activated-chain", str(one), hint)


def _repeats(settings: Settings, definitions: Definitions) -> Iterator[Problem]:
    if not may_repeat(settings, definitions):
        return
    try:
        contacted = _contacted(settings)
    except PartnerflowError as error:
        place = shown(settings.ledger) if isinstance(settings.ledger, Path) else "ledger"
        hint = "So it is not known which workflows have sent their messages before."
        yield _warning(place, "ledger", str(error), hint)
        return
    for one in find_repeats(settings, definitions, contacted):
        partners = f" It has contacted {contacted[one.earlier_id]:,} partners." if one.earlier_id in contacted else ""
        code = "renamed-file" if one.is_renamed else "repeated-message"
        yield _warning(definitions.files[one.workflow_id], code, f"{one}{partners}", one.hint)


def _contacted(settings: Settings) -> Mapping[str, int]:
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        return {}
    from flows.ledger.ledger import Ledger  # imports SQLAlchemy, which is slow
    from flows.ledger.queries import contacted_partners

    with closing(Ledger(settings.ledger)) as ledger:
        return contacted_partners(ledger)


def _warning(path: str, code: str, message: str, hint: str) -> Problem:
    return Problem(path, 1, 1, code, "warning", message, hint)
