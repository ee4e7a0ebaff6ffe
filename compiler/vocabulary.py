"""The vocabulary: the conditions that a project declares in the `meta` of its marts' yml, without Python.

A column of a mart is a condition when its yml says so:

    columns:
      - name: country
        config:
          meta:
            condition: {label: Country, kind: list}

and the model's own `meta.segments` declares the grain of its rows and the relation that has them as of the evaluation
hour (`fct_partners` has the present state, `segments.partners_as_of` the state as of an hour).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from compiler.errors import PartnerflowError
from compiler.yaml_source import SAFE_LOADER

Kind = Literal["stage", "list", "text", "date", "window", "count", "amount", "segment", "workflow"]
Grain = Literal["partner", "contract", "group", "day", "segment", "contact"]

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
"""The dbt project of this checkout."""

OPERATORS: dict[str, tuple[str, ...]] = {
    "stage": ("is any of", "is none of"),
    "list": ("is any of", "is none of"),
    "text": ("is any of", "is none of", "contains"),
    "date": ("is", "between", "interval between"),
    "window": ("is", "between", "interval between"),
    "count": ("greater than", "less than", "is 0"),
    "amount": ("greater than", "less than", "is 0"),
    "segment": ("is any of", "is none of"),
    "workflow": ("is any of", "is none of"),
}
"""The operators of each kind of field, in the words of the help page."""


DECLARED = tuple(kind for kind in OPERATORS if kind != "segment")
"""The kinds of conditions that a mart's yml can declare."""

DECLARED_GRAINS = ("partner", "contract", "group", "day", "contact")
"""What a row of a mart with conditions can be."""


@dataclass(frozen=True)
class Field:
    """A condition that a segment may use.

    - `label`: its name in the words of the help page.
    - `values`: the closed list of its values; empty when any value is valid.
    - `supported_values`: the `values` that the project's loader delivers; all of them unless the yml names fewer.
    - `model`, `column`: the mart and the column that people read.
    - `relation`, `as_of_column`, `as_of_days_ago_column`: the relation and the columns that segments read.
    - `default_filter_column`: a boolean column that must be true as well where a segment names no stage.
    - `has_future`: whether the date may be after the date of the hour.
    - `load_lag_days`: the number of days, counted back from the local date of the hour, that are not loaded completely.
    """

    label: str
    kind: Kind
    grain: Grain
    values: tuple[str, ...]
    supported_values: tuple[str, ...]
    model: str
    column: str
    relation: str
    as_of_column: str
    as_of_days_ago_column: str | None
    default_filter_column: str | None
    description: str
    load_lag_days: int = 0
    has_future: bool = False

    @property
    def operators(self) -> tuple[str, ...]:
        """Return the operators that may follow the label."""
        return OPERATORS[self.kind]

    def as_json(self) -> dict[str, object]:
        """Return the field as JSON values."""
        keys = ("label", "kind", "operators", "values", "model", "column", "description")
        return {key: list(value) if isinstance(value := getattr(self, key), tuple) else value for key in keys}

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return a pattern for the label in any letter case and spacing, with its last word in singular or plural."""
        words = [re.escape(word) for word in self.label.split()]
        words[-1] = words[-1].removesuffix("s") + "s?"
        return re.compile(r"\s*" + r"\s+".join(words) + r"(?!\w)", re.IGNORECASE)


SEGMENT = Field(
    label="Segment",
    kind="segment",
    grain="segment",
    values=(),
    supported_values=(),
    model="workflows/segments",
    column="",
    relation="",
    as_of_column="",
    as_of_days_ago_column=None,
    default_filter_column=None,
    description="The named segments that the partner is in, each with its own Performance Date Range.",
)
"""The condition on other segments, which is part of the language: no column of a mart has it."""


@dataclass(frozen=True)
class Vocabulary:
    """The fields of a project."""

    fields: tuple[Field, ...]

    def __getitem__(self, label: str) -> Field:
        return self._by_label[label]

    @cached_property
    def _by_label(self) -> dict[str, Field]:
        return {field.label: field for field in self.fields}

    def match(self, sentence: str) -> tuple[Field, int] | None:
        """Return the field that a sentence begins with, and where its label ends; the longest label wins."""
        found = [(field, match.end()) for field in self.fields if (match := field.pattern.match(sentence))]
        return max(found, key=lambda pair: pair[1], default=None)


def project_vocabulary(project: Path = PROJECT, loader: str = "contract") -> Vocabulary:
    """Return the vocabulary that the marts and your own models of a dbt project declare, for an account loaded by
    `loader`.

    Raises PartnerflowError when a file is not YAML or a declaration is incomplete or repeated, with its place.

    >>> [field.label for field in project_vocabulary().fields if field.grain == "day"]
    ['Performance Date Range', 'Clicks', 'Actions', 'Revenue']
    """
    models = project / "models"
    files = [file for folder in ("marts", "custom") for file in sorted((models / folder).rglob("*.yml"))]
    return read_vocabulary({str(file.relative_to(project)): file.read_text(encoding="utf-8") for file in files}, loader)


def read_vocabulary(documents: Mapping[str, str], loader: str = "contract") -> Vocabulary:
    """Return the vocabulary that yml files of models declare (name of the file to its text).

    Raises PartnerflowError when a file is not YAML or a declaration is incomplete or repeated, with its place.
    """
    fields: dict[str, Field] = {}
    relations: dict[Grain, Field] = {}
    for name, text in documents.items():
        for field in _declared_fields(name, text, loader):
            first = relations.setdefault(field.grain, field)
            if field.grain != "group" and field.relation != first.relation:
                raise PartnerflowError(
                    f"{name}: conditions with the grain {field.grain} are columns of {first.relation}, not of "
                    f"{field.relation}. Add {field.column} to {first.model}, or give {field.model} the grain group."
                )
            if field.grain == "group" and field.kind not in ("list", "text"):
                raise PartnerflowError(
                    f"{name}: {field.model}.{field.column} has the kind {field.kind}, but a model with the grain group "
                    "has conditions of the kinds list and text only."
                )
            other = fields.setdefault(field.label.lower(), field)
            if other is not field:
                raise PartnerflowError(
                    f"{name}: {field.model}.{field.column} and {other.model}.{other.column} both declare the condition "
                    f"{field.label}. Give one of them another label."
                )
    return Vocabulary((*fields.values(), SEGMENT))


def _declared_fields(name: str, text: str, loader: str) -> Iterator[Field]:
    """Yield the fields that a yml file declares; it may be empty."""
    try:
        document = yaml.load(text, Loader=SAFE_LOADER) or {}
    except yaml.YAMLError as error:
        raise PartnerflowError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from None
    models = (document.get("models") or []) if isinstance(document, dict) else [document]
    if not all(isinstance(model, dict) and "name" in model for model in models):
        raise PartnerflowError(f"{name}: `models` is not a list of models with a name. `dbt parse` says more.")
    for model in models:
        yield from _fields(model, loader)


def _fields(model: dict[str, Any], loader: str) -> Iterable[Field]:
    segments = model.get("config", {}).get("meta", {}).get("segments")
    for column in model.get("columns", []):
        condition = column.get("config", {}).get("meta", {}).get("condition")
        if condition:
            yield _field(model["name"], segments, column, condition, loader)


def _field(
    model: str, segments: dict[str, Any] | None, column: dict[str, Any], condition: dict[str, Any], loader: str
) -> Field:
    place = f"{model}.{column['name']}"
    if not segments or segments.get("grain") not in DECLARED_GRAINS or not segments.get("relation"):
        raise PartnerflowError(
            f"{place} is a condition, so {model} needs config.meta.segments with a relation and a grain, one of "
            f"{', '.join(DECLARED_GRAINS)}."
        )
    kind = condition.get("kind")
    if kind not in DECLARED or not condition.get("label"):
        raise PartnerflowError(f"{place}: a condition needs a label and a kind, one of {', '.join(DECLARED)}.")
    values = tuple(str(value) for value in condition.get("values", ()))
    by_loader = condition.get("supported_values", {})
    if not isinstance(by_loader, dict):
        raise PartnerflowError(
            f"{place}: supported_values must have a list per loader, such as {{contract: [Joined, Expired]}}."
        )
    supported_values = tuple(str(value) for value in by_loader.get(loader, values))
    if not set(supported_values) <= set(values):
        unknown = ", ".join(sorted(set(supported_values) - set(values)))
        raise PartnerflowError(f"{place}: {unknown} of supported_values is not in values. Add it there, or remove it.")
    return Field(
        label=condition["label"],
        kind=kind,
        grain=segments["grain"],
        values=values,
        supported_values=supported_values,
        model=model,
        column=column["name"],
        relation=segments["relation"],
        as_of_column=condition.get("as_of_column", column["name"]),
        as_of_days_ago_column=condition.get("as_of_days_ago_column"),
        default_filter_column=condition.get("default_filter_column"),
        description=" ".join(column.get("description", "").split()),
        has_future=condition.get("future", False),
        load_lag_days=condition.get("load_lag_days", {}).get(loader, 0),
    )
