"""The values that a condition can have in this account, as last published, searched."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from compiler import PartnerflowError, Vocabulary, project_vocabulary
from compiler.errors import did_you_mean
from compiler.language.parse import EXAMPLES
from compiler.segment_tree import AnyOf
from compiler.vocabulary import Field
from flows.definitions.loader import Definitions, read_segments
from flows.settings import Settings
from flows.warehouse.engine import Connection
from flows.warehouse.published import require_published


@dataclass(frozen=True)
class Value:
    """A value of a condition, and the number of partners of each program that have it (or had it, of a contract).

    `sentence` is the condition with this value. `name` is the name that goes with an id, or empty. `partners` is None
    where it is not counted.
    """

    value: str
    sentence: str
    name: str = ""
    partners: dict[str, int] | None = None

    @property
    def written(self) -> str:
        """Return the value as it is written in a condition."""
        return self.sentence.partition(" is any of ")[2]

    def as_json(self) -> dict[str, Any]:
        """Return the value as JSON values."""
        return vars(self)


@dataclass(frozen=True)
class FieldValues:
    """The values of a condition that contain the text that was looked for, sorted."""

    label: str
    values: tuple[Value, ...]

    def containing(self, text: str) -> "FieldValues":
        """Return those of which the value or its name contains a text; letter case does not matter."""
        wanted = text.strip().casefold()
        kept = [one for one in self.values if wanted in one.value.casefold() or wanted in one.name.casefold()]
        return FieldValues(self.label, tuple(kept))

    def as_json(self) -> dict[str, Any]:
        """Return the JSON of `values`."""
        return {"label": self.label, "values": [one.as_json() for one in self.values]}


def find_values(settings: Settings, definitions: Definitions, label: str, text: str = "") -> FieldValues:
    """Return the values of a condition in the account, of which the value or its name contains `text`.

    Letter case does not matter. Raises PartnerflowError for a label that is not a condition, for one that is compared
    with numbers or dates, and if nothing has been published and the values are not a closed list.
    """
    field = find_field(project_vocabulary(loader=settings.loader), label)
    return FieldValues(field.label, tuple(_all(settings, definitions, field))).containing(text)


def find_field(vocabulary: Vocabulary, label: str) -> Field:
    """Return the condition with this label, in any letter case. Raises PartnerflowError, which suggests the nearest."""
    found = vocabulary.match(label)
    if found is None or label[found[1] :].strip():
        labels = [one.label for one in vocabulary.fields]
        hint = f"{did_you_mean(label, labels)}The conditions are {', '.join(labels)}."
        raise PartnerflowError(f"{label!r} is not a valid condition. {hint}")
    return found[0]


def _all(settings: Settings, definitions: Definitions, field: Field) -> list[Value]:
    if "is any of" not in field.operators:
        raise PartnerflowError(f"{field.label} has no list of values. Write {field.label} {EXAMPLES[field.kind]}.")
    if field.kind == "segment":
        return _values(field, sorted(read_segments(settings.workflows)[0]))
    if field.kind == "workflow":
        return [Value(one.id, _sentence(field, one.id), one.name) for one in definitions.workflows]
    counts: dict[str, dict[str, int]] = {}
    names: dict[str, str] = {}
    if settings.published.exists() or not field.values:
        with require_published(settings) as connection:
            counts, names = _counts(connection, field), _names(connection, field)
    listed = field.values or sorted(counts, key=lambda one: (one.casefold(), one))
    return [Value(one, _sentence(field, one), names.get(one, ""), counts.get(one, {})) for one in listed]


def _counts(connection: Connection, field: Field) -> dict[str, dict[str, int]]:
    column = exp.column(field.column)
    partners = exp.Count(this=exp.Distinct(expressions=[exp.column("partner_id")]))
    query = (
        exp.select(column, exp.column("program_id"), partners)
        .from_(exp.table_(field.model, db="marts"))
        .where(column.is_(exp.null()).not_())
        .group_by(column, exp.column("program_id"))
        .order_by(exp.column("program_id"))
    )
    found: dict[str, dict[str, int]] = {}
    for value, program, count in connection.execute(query).fetchall():
        found.setdefault(str(value), {})[program] = count
    return found


def _names(connection: Connection, field: Field) -> dict[str, str]:
    """Return the names of partners by id, for the condition on these ids."""
    if (field.model, field.column) != ("fct_partners", "partner_id"):
        return {}
    query = "SELECT partner_id, min(name) FROM marts.fct_partners WHERE name IS NOT NULL GROUP BY partner_id"
    return dict(connection.execute(query).fetchall())


def _values(field: Field, values: Iterable[str]) -> list[Value]:
    return [Value(one, _sentence(field, one)) for one in values]


def _sentence(field: Field, value: str) -> str:
    return str(AnyOf(field.label, (value,)))
