"""From the words of a partner manager to SQL, and nothing else: text in, checked tree, SQL out.

    from compiler import Compiler, check, compile_workflow, project_vocabulary, read_definition

    vocabulary = project_vocabulary()
    read = read_definition("few-clicks-14.yml", text, vocabulary)
    problems = check([read], vocabulary)
    print(compile_workflow(read.workflow, Compiler(vocabulary), "duckdb"))

Never connects to anything; imports neither flows, duckdb, dbt nor prefect.
"""

from compiler.check import check
from compiler.compile import Compiler, compile_models, compile_workflow
from compiler.definition import ReadWorkflow, read_definition
from compiler.dialect import dialects
from compiler.errors import DefinitionError, PartnerflowError, Problem
from compiler.parse import SentenceError, parse
from compiler.tree import AcceptApplication, SendEmail, Workflow
from compiler.vocabulary import PROJECT, Vocabulary, project_vocabulary
from compiler.yaml_source import Source, read_yaml

__all__ = [
    "PROJECT",
    "AcceptApplication",
    "Compiler",
    "DefinitionError",
    "PartnerflowError",
    "Problem",
    "ReadWorkflow",
    "SendEmail",
    "SentenceError",
    "Source",
    "Vocabulary",
    "Workflow",
    "check",
    "compile_models",
    "compile_workflow",
    "dialects",
    "parse",
    "project_vocabulary",
    "read_definition",
    "read_yaml",
]
