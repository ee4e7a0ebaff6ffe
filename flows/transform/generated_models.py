"""The files of the dbt project that are generated from the definitions."""

from pathlib import Path

from compiler import EXPOSURES, GOAL_MODELS, MODELS, compile_exposures, compile_models
from flows.definitions.loader import Definitions

FOLDER = Path("models", "segments", "generated")
"""Their folder in a dbt project."""

FILES = frozenset((*(f"{model}.sql" for model in (*MODELS, *GOAL_MODELS)), EXPOSURES))
"""Their names, the same for any definitions."""


def generated_files(definitions: Definitions, dialect: str) -> dict[str, str]:
    """Return the models and exposures of the definitions: file name (each of FILES) to text."""
    models = compile_models(definitions.active, definitions.compiler, dialect, definitions.measured)
    return models | compile_exposures(definitions.active, definitions.compiler)
