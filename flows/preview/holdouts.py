"""The holdouts of workflows, for commands that show what a run would do and write nothing."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from compiler import Workflow
from flows.ledger.holdout import Holdouts
from flows.ledger.ledger import Ledger
from flows.settings import Settings


def read_holdouts(settings: Settings, workflows: Iterable[Workflow]) -> Holdouts:
    """Return the holdouts that the next run would use.

    Without a ledger there are none: its key, which decides who is held out, does not exist yet.
    """
    percents = {one.id: one.holdout for one in workflows if one.holdout is not None}
    if not percents or (isinstance(settings.ledger, Path) and not settings.ledger.exists()):
        return Holdouts()
    with closing(Ledger(settings.ledger)) as ledger:
        return Holdouts(ledger.holdout_key, percents)
