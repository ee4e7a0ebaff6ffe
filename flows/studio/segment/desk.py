"""What the editors keep between requests: the vocabulary, the account's values, and the facts, open for reading."""

from dataclasses import dataclass

from starlette.requests import Request

from compiler import Vocabulary, project_vocabulary
from flows.settings import Settings
from flows.studio.segment.account import Account
from flows.studio.segment.facts import OpenFacts


@dataclass(frozen=True)
class Desk:
    """What the editors of one studio keep.

    `facts` are cut to the hour on the page; `outlook_facts` are for looks that take longer.
    """

    vocabulary: Vocabulary
    account: Account
    facts: OpenFacts
    outlook_facts: OpenFacts

    def close(self) -> None:
        """End the sessions."""
        self.facts.close()
        self.outlook_facts.close()


def new_desk(settings: Settings) -> Desk:
    """Return a desk that has opened nothing yet."""
    vocabulary = project_vocabulary(loader=settings.loader)
    return Desk(vocabulary, Account(settings), OpenFacts(settings, vocabulary), OpenFacts(settings))


def desk_of(request: Request) -> Desk:
    """Return the desk of the studio that a request is for."""
    desk: Desk = request.app.state.desk
    return desk
