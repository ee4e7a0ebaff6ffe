"""What definitions make of a dbt project: the files of one folder, always the same ones."""

from pathlib import Path

from compiler import EXPOSURES, MODELS, compile_exposures, compile_models
from flows.definitions.loader import Definitions

FOLDER = Path("models", "segments", "generated")
"""Where in a project they are; nothing else is there."""

FILES = frozenset((*(f"{model}.sql" for model in MODELS), EXPOSURES))


def generated_files(definitions: Definitions, dialect: str) -> dict[str, str]:
    """The models and exposures of the active workflows, file name to text: those of FILES."""
    models = compile_models(definitions.active, definitions.compiler, dialect)
    return models | compile_exposures(definitions.active, definitions.compiler)
