"""The models between the raw tables and a segment, as dbt compiled them, so that a statement is given values.

Previews write nothing. Where a statement reads a view on raw.evaluations, it gets the view's own query with the hours
in place of that table. A simulation likewise gives it the ledger and the relationship stages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp, parse_one

from compiler import PartnerflowError
from flows.settings import Settings
from flows.warehouse.connection import Connection, has_table
from flows.warehouse.engines import engine_of
from flows.warehouse.evaluations import Hour, as_query
from flows.warehouse.published_tables import COMPILED

NOT_BUILT = "No facts have been built yet. Run `partnerflow plan` once; it builds them."

EVALUATIONS, SENT_EMAILS = "raw.evaluations", "raw.sent_emails"
EVENTS, HISTORY = "intermediate.int_transition_events", "marts.fct_relationship_history"

MODELS = {
    "staging.stg_evaluations": "staging/contract/stg_evaluations.sql",
    "staging.stg_sent_emails": "staging/contract/stg_sent_emails.sql",
    EVENTS: "intermediate/contracts/int_transition_events.sql",
    HISTORY: "marts/core/fct_relationship_history.sql",
}
"""The files of the models, besides those of AS_OF, by relation."""

HOURS = "evaluated_hours"
"""The CTE that a statement reads in place of EVALUATIONS."""

AS_OF = "segments/as_of"
"""The folder of the views that cut the facts to an hour."""

Values = Mapping[str, exp.Expr]
"""What a statement reads in place of relations (`schema.name`): a query, or another table."""


@dataclass(frozen=True)
class CompiledModels:
    """The SELECT of each model, by relation (`schema.name`), in the dialect of an engine."""

    texts: Mapping[str, str]
    dialect: str

    def query(self, relation: str) -> exp.Expr:
        """Return the SELECT that makes a relation."""
        return _parsed(self.texts[relation], self.dialect).copy()

    def at(self, hours: Sequence[Hour], statement: exp.Query, values: Values | None = None) -> exp.Query:
        """Return the statement for these hours, and with other values, as `given` does; changes it in place."""
        given = self.given(statement, {**(values or {}), EVALUATIONS: exp.to_table(HOURS)})
        assert isinstance(given, exp.Query)
        with_hours = given.with_(HOURS, as_=as_query(hours), copy=False)
        ctes = with_hours.ctes
        with_hours.args["with_"].set("expressions", [ctes[-1], *ctes[:-1]])  # the others read it
        return with_hours

    def given(self, statement: exp.Expr, values: Values) -> exp.Expr:
        """Return the statement with the values in place of their relations, and of those in the models that it reads.

        A model that reads none of them stays a table or view of the warehouse. Changes the tree in place: to copy it
        takes as long as to write it as text.
        """
        unaffected: set[str] = set()

        def value_of(relation: str) -> exp.Expr | None:
            """Return a new tree to read in place of a relation that is one of the values or a model that reads one."""
            if relation in values:
                return values[relation].copy()
            if relation in self.texts and relation not in unaffected:
                query = self.query(relation)
                if replaced(query):
                    return query
                unaffected.add(relation)
            return None

        def replaced(query: exp.Expr) -> bool:
            found = [(one, value) for one in query.find_all(exp.Table) if (value := value_of(_relation(one)))]
            for one, value in found:
                one.replace(_aliased(value, one.alias_or_name))
            return bool(found)

        replaced(statement)
        return statement


def read_compiled_models(settings: Settings, connection: Connection) -> CompiledModels:
    """Return the models that made the tables of a connection.

    The published file has them; those of the warehouse are the files of the last build. Raises PartnerflowError when
    nothing has been built yet.
    """
    if has_table(connection, *COMPILED):
        texts = dict(connection.execute(f"SELECT * FROM {'.'.join(COMPILED)}").fetchall())
    else:
        texts = texts_of_compiled_models(settings)
    if not texts:
        raise PartnerflowError(NOT_BUILT)
    return CompiledModels(texts, engine_of(settings.warehouse).dialect)


def texts_of_compiled_models(settings: Settings) -> dict[str, str]:
    """Return the SELECT of each model, by relation, from the files of the last build; empty if one is missing."""
    folder = settings.state_dir / "dbt_project" / "target" / "compiled" / "partnerflow" / "models"
    files = {name: folder / file for name, file in MODELS.items()}
    files |= {f"segments.{file.stem}": file for file in (folder / AS_OF).glob("*.sql")}
    try:
        return {name: file.read_text(encoding="utf-8") for name, file in files.items()}
    except FileNotFoundError:
        return {}


@lru_cache(maxsize=100)
def _parsed(text: str, dialect: str) -> exp.Expr:
    query = parse_one(text, dialect=dialect)
    for table in query.find_all(exp.Table):  # the database may have another name now
        table.set("catalog", None)
    return query


def _relation(table: exp.Expr) -> str:
    """Return `schema.name` of a table; the name alone of a CTE."""
    return ".".join(filter(None, (table.text("db"), table.name)))


def _aliased(value: exp.Expr, alias: str) -> exp.Expr:
    if isinstance(value, exp.Query):
        return value.subquery(alias, copy=False)
    return exp.alias_(value, alias, table=True, copy=False)
