"""Compile workflow definitions to SQL: text in, checked tree, SQL out.

>>> from compiler import Compiler, check, compile_workflow, project_vocabulary, read_definition
>>> text = '''
... name: Few clicks
... program: "1000"
... segment: [relationship stage is any of joined, Clicks less than 1]
... action: {email: few-clicks}
... '''
>>> vocabulary = project_vocabulary()
>>> read = read_definition("few-clicks.yml", text, vocabulary)
>>> [str(condition) for condition in read.workflow.segment]
['Relationship Stage is any of Joined', 'Clicks less than 1']
>>> [problem.code for problem in check([read], vocabulary)["few-clicks"]]
['less-than-one', 'measure-without-range']
>>> print(compile_workflow(read.workflow, Compiler(vocabulary), "duckdb").splitlines()[-1])
  program_id = '1000' AND relationship_stage_as_of IN ('Joined') AND clicks_ever < 1

Opens no connection, and imports none of flows, duckdb, dbt and prefect. The names of compiler.sql are imported when
they are first used: sqlglot takes as long to import as all others together, and most commands write no SQL.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from compiler.errors import DefinitionError, PartnerflowError, Problem
from compiler.language.contact_policy import FILE as CONTACT_POLICY
from compiler.language.contact_policy import Cap, ContactPolicy, parse_cap, read_contact_policy
from compiler.language.definition import ReadWorkflow, read_definition
from compiler.language.missed_hours import parse_missed_hours
from compiler.language.notices import FILE as NOTICES
from compiler.language.notices import NoticePolicy, parse_receiver, read_notices
from compiler.language.parse import SentenceError, parse
from compiler.lint.linter import check
from compiler.segment_tree import AcceptApplication, MissedHours, Receiver, SendEmail, SendWindow, Workflow
from compiler.vocabulary import PROJECT, Vocabulary, project_vocabulary
from compiler.yaml_source import Source, read_yaml

if TYPE_CHECKING:
    from compiler.sql.dbt_models import MODELS, compile_models
    from compiler.sql.dialect import dialects
    from compiler.sql.explain import describe, explain_query, window_dates
    from compiler.sql.exposures import EXPOSURES, compile_exposures
    from compiler.sql.goals import GOAL_MODELS
    from compiler.sql.single_statement import Compiler, compile_workflow
    from compiler.sql.staged_plan import membership_statements

_OF_SQL = {
    "Compiler": "single_statement",
    "EXPOSURES": "exposures",
    "GOAL_MODELS": "goals",
    "MODELS": "dbt_models",
    "compile_exposures": "exposures",
    "compile_models": "dbt_models",
    "compile_workflow": "single_statement",
    "describe": "explain",
    "dialects": "dialect",
    "explain_query": "explain",
    "membership_statements": "staged_plan",
    "window_dates": "explain",
}

__all__ = [
    "CONTACT_POLICY",
    "EXPOSURES",
    "GOAL_MODELS",
    "MODELS",
    "NOTICES",
    "PROJECT",
    "AcceptApplication",
    "Cap",
    "Compiler",
    "ContactPolicy",
    "DefinitionError",
    "MissedHours",
    "NoticePolicy",
    "PartnerflowError",
    "Problem",
    "ReadWorkflow",
    "Receiver",
    "SendEmail",
    "SendWindow",
    "SentenceError",
    "Source",
    "Vocabulary",
    "Workflow",
    "check",
    "compile_exposures",
    "compile_models",
    "compile_workflow",
    "describe",
    "dialects",
    "explain_query",
    "membership_statements",
    "parse",
    "parse_cap",
    "parse_missed_hours",
    "parse_receiver",
    "project_vocabulary",
    "read_contact_policy",
    "read_definition",
    "read_notices",
    "read_yaml",
    "window_dates",
]


def __getattr__(name: str) -> Any:
    """Return a name of compiler.sql (PEP 562)."""
    if name in _OF_SQL:
        return getattr(import_module(f"compiler.sql.{_OF_SQL[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
