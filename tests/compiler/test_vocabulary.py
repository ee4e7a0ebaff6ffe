"""What the yml files of models declare as conditions, in marts and in your own models."""

from pathlib import Path

import pytest

from compiler import PartnerflowError, project_vocabulary
from compiler.vocabulary import read_vocabulary

SCORES = """
models:
  - name: partner_scores
    config: {meta: {segments: {grain: group, relation: marts.partner_scores}}}
    columns:
      - name: tier
        config: {meta: {condition: {label: Tier, kind: list}}}
"""


def test_condition_of_your_own_model_is_declared(tmp_path: Path):
    """Files of models/custom are read like those of the marts; other files, and empty ones, declare nothing."""
    for name, text in {"custom/scores.yml": SCORES, "custom/empty.yml": "", "staging/other.yml": "- none"}.items():
        (tmp_path / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "models" / name).write_text(text)
    (tier,) = [field for field in project_vocabulary(tmp_path).fields if field.kind == "list"]
    assert (tier.label, tier.model, tier.column, tier.relation) == (
        "Tier", "partner_scores", "tier", "marts.partner_scores",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("models: [", "models/custom/a.yml is not valid YAML: while parsing"),
        ("- partner_scores", "models/custom/a.yml: `models` is not a list of models with a name"),
        ("models: [columns: []]", "models/custom/a.yml: `models` is not a list of models with a name"),
        (
            SCORES.replace("grain: group", "grain: person"),
            "partner_scores.tier is a condition, so partner_scores needs",
        ),
        (
            SCORES.replace(", relation: marts.partner_scores", ""),
            "needs config.meta.segments with a relation and a grain",
        ),
        (
            SCORES.replace("grain: group", "grain: day").replace("kind: list", "kind: count"),
            "models/custom/a.yml: conditions with the grain day are columns of segments.performance_as_of, not of",
        ),
        (
            SCORES.replace("kind: list", "kind: count"),
            "partner_scores.tier has the kind count, but a model with the grain",
        ),
        (SCORES.replace("kind: list", "kind: lists"), "partner_scores.tier: a condition needs a label and a kind"),
        (
            SCORES.replace("Tier", "clicks"),
            "models/custom/a.yml: partner_scores.tier and fct_performance_daily.clicks both declare the condition",
        ),
    ],
)
def test_declaration_that_is_not_valid_is_an_error_with_its_place(text: str, error: str):
    """No part of it is used."""
    clicks = """
models:
  - name: fct_performance_daily
    config: {meta: {segments: {grain: day, relation: segments.performance_as_of}}}
    columns:
      - name: clicks
        config: {meta: {condition: {label: Clicks, kind: count}}}
"""
    with pytest.raises(PartnerflowError) as raised:
        read_vocabulary({"models/marts/clicks.yml": clicks, "models/custom/a.yml": text})
    assert error in str(raised.value)
