"""The linter: all rules on all workflows."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from compiler.errors import Problem
from compiler.language.definition import ReadWorkflow
from compiler.lint.rules import RULES, SEGMENT_RULES, AccountCatalog, RuleContext
from compiler.segment_tree import AcceptApplication
from compiler.vocabulary import Vocabulary


def check(
    reads: Iterable[ReadWorkflow],
    vocabulary: Vocabulary,
    messages: Collection[str] | None = None,
    catalog: AccountCatalog | None = None,
    workflow_ids: Collection[str] | None = None,
) -> dict[str, list[Problem]]:
    """Return the problems of the workflows by workflow id, each list sorted by place.

    A shared id of two workflows is one of the problems. `messages` are the ids of the messages that exist,
    `workflow_ids` those of all definitions, whether or not they are read or valid; `catalog` has the values
    of the account. Without them, the rules that need them find nothing. Named segments are checked with the workflows
    that use them.
    """
    reads = list(reads)
    no_email = {one.workflow.id for one in reads if isinstance(one.workflow.action, AcceptApplication)}
    programs = {one.workflow.id: one.workflow.program for one in reads}
    problems: dict[str, list[Problem]] = {}
    first: dict[str, ReadWorkflow] = {}
    for read in reads:
        context = RuleContext(read, vocabulary, messages, catalog, workflow_ids, no_email, programs)
        found = [problem for rule in RULES for problem in rule(context)]
        for named in read.named:
            found += [problem for rule in SEGMENT_RULES for problem in rule(replace(context, read=named))]
        other = first.setdefault(read.workflow.id, read)
        if other is not read:
            found.append(_shared_id(read, other))
        problems.setdefault(read.workflow.id, []).extend(found)
    return {workflow_id: sorted(set(found)) for workflow_id, found in problems.items() if found}


def _shared_id(read: ReadWorkflow, other: ReadWorkflow) -> Problem:
    message = f"The id {read.workflow.id} is also the id of {other.source.path}."
    hint = "Give one of them another id; do not change an id that has already run."
    return read.at("id", "shared-id", message, hint)
