"""The linter: all rules on all workflows."""

from collections.abc import Collection, Iterable

from compiler.errors import Problem
from compiler.language.definition import ReadWorkflow
from compiler.lint.rules import RULES, AccountCatalog, RuleContext
from compiler.vocabulary import Vocabulary


def check(
    reads: Iterable[ReadWorkflow],
    vocabulary: Vocabulary,
    messages: Collection[str] | None = None,
    catalog: AccountCatalog | None = None,
) -> dict[str, list[Problem]]:
    """Return the problems of the workflows by workflow id, each list sorted by place.

    A shared id of two workflows is one of the problems. `messages` are the ids of the messages that exist, `catalog`
    has the programs and values of the account; without them, the rules that need them find nothing.
    """
    problems: dict[str, list[Problem]] = {}
    first: dict[str, ReadWorkflow] = {}
    for read in reads:
        found = [problem for rule in RULES for problem in rule(RuleContext(read, vocabulary, messages, catalog))]
        other = first.setdefault(read.workflow.id, read)
        if other is not read:
            found.append(_shared_id(read, other))
        problems.setdefault(read.workflow.id, []).extend(found)
    return {workflow_id: sorted(found) for workflow_id, found in problems.items() if found}


def _shared_id(read: ReadWorkflow, other: ReadWorkflow) -> Problem:
    message = f"The id {read.workflow.id} is also the id of {other.source.path}."
    hint = "Give one of them another id; do not change an id that has already run."
    return read.at("id", "shared-id", message, hint)
