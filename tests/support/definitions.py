"""Workflows made from sentences."""

from collections.abc import Iterable, Mapping

import yaml

from compiler import CONTACT_POLICY, SendEmail, Workflow, check, parse, project_vocabulary, read_definition, read_yaml
from compiler.segment_tree import NamedSegment
from flows.settings import CHECKOUT

VOCABULARY = project_vocabulary()

OTHER_FILES = ("programs.yml", CONTACT_POLICY)

DEFINITION_FILES = sorted(one for one in (CHECKOUT / "workflows").glob("*.yml") if one.name not in OTHER_FILES)
"""The definitions of the example account."""


Named = Mapping[str, Iterable[str]]
"""The sentences of named segments, by name."""


def workflow(workflow_id: str, program: str, sentences: Iterable[str], named: Named | None = None) -> Workflow:
    """Return the workflow of these sentences, read as a definition file would be; fails when it has an error.

    `named` are the files in workflows/segments/.
    """
    definition = {"name": "A case", "program": program, "segment": list(sentences), "action": {"email": "a-message"}}
    text = yaml.safe_dump(definition, allow_unicode=True)
    files = {
        name: read_yaml(f"segments/{name}.yml", yaml.safe_dump(list(one), allow_unicode=True))
        for name, one in (named or {}).items()
    }
    read = read_definition(f"{workflow_id}.yml", text, VOCABULARY, files)
    problems = [problem for found in check([read], VOCABULARY).values() for problem in found]
    assert not [str(problem) for problem in problems if problem.severity == "error"]
    return read.workflow


def workflow_without_yaml(workflow_id: str, program: str, sentences: Iterable[str], named: Named) -> Workflow:
    """Return the workflow of these sentences, without a file, because YAML takes some letters for line ends."""
    segment = tuple(parse(one, VOCABULARY) for one in sentences)
    found: dict[str, NamedSegment] = {}
    waiting = list(segment)
    while waiting:
        condition = waiting.pop()
        for name in condition.values if condition.label == "Segment" else ():
            found[name] = NamedSegment(name, tuple(parse(one, VOCABULARY) for one in named[name]))
            waiting += found[name].conditions
    segments = [found[name] for name in sorted(found)]
    email = SendEmail("a-message")
    return Workflow(workflow_id, workflow_id, "", program, "active", segment, email, segments=tuple(segments))
