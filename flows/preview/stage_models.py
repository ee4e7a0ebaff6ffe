"""The two models that turn events into relationship stages, as dbt compiled them when the facts were last built."""

import re
from dataclasses import dataclass

from compiler import PartnerflowError
from flows.settings import Settings


@dataclass(frozen=True)
class StageModel:
    """A table, and the SELECT that builds it."""

    relation: str
    sql: str


MODELS = {
    "intermediate.int_transition_events": "intermediate/contracts/int_transition_events.sql",
    "marts.fct_relationship_history": "marts/core/fct_relationship_history.sql",
}


def read_stage_models(settings: Settings) -> tuple[StageModel, ...]:
    """Return the models, each after those it reads. Raises PartnerflowError when nothing has been built yet."""
    folder = settings.state_dir / "dbt_project" / "target" / "compiled" / "partnerflow" / "models"
    try:
        texts = {name: (folder / file).read_text(encoding="utf-8") for name, file in MODELS.items()}
    except FileNotFoundError:
        raise PartnerflowError("No facts have been built yet. Run `partnerflow plan` once; it builds them.") from None
    return tuple(StageModel(name, _without_database(text)) for name, text in texts.items())


def _without_database(text: str) -> str:
    """Return compiled SQL without the name of the database, which may have been renamed or copied since."""
    return re.sub(r'"[^"]+"\.("[^"]+"\."[^"]+")', r"\1", text)
