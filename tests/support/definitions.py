"""Workflows made from sentences."""

from collections.abc import Iterable

import yaml

from compiler import Workflow, check, project_vocabulary, read_definition

VOCABULARY = project_vocabulary()


def workflow(workflow_id: str, program: str, sentences: Iterable[str]) -> Workflow:
    """Return the workflow of these sentences, read as a definition file would be; fails when it has an error."""
    definition = {"name": "A case", "program": program, "segment": list(sentences), "action": {"email": "a-message"}}
    text = yaml.safe_dump(definition, allow_unicode=True)
    read = read_definition(f"{workflow_id}.yml", text, VOCABULARY)
    problems = [problem for found in check([read], VOCABULARY).values() for problem in found]
    assert not [str(problem) for problem in problems if problem.severity == "error"]
    return read.workflow
