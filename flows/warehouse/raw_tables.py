"""The raw tables of the contract, as DuckDB creates them: what a loader fills, and what a run mirrors.

All ids are text, all timestamps are UTC. `flows` fills the last thirteen, and email_events from the landing folder; the
others are a loader's. Other engines get the same columns, with their own names of the types.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import sqlglot
from sqlglot import exp

from compiler.sql import DEFAULT
from compiler.sql.dialect import literal
from flows.warehouse.connection import Connection

if TYPE_CHECKING:
    import pandas

CREATE = {
    "programs": """
        CREATE OR REPLACE TABLE raw.programs (
            program_id VARCHAR, name VARCHAR, program_type VARCHAR, timezone VARCHAR, currency VARCHAR,
            _loaded_at TIMESTAMP)""",
    "partners": """
        CREATE OR REPLACE TABLE raw.partners (
            program_id VARCHAR, partner_id VARCHAR, name VARCHAR, language VARCHAR, _loaded_at TIMESTAMP)""",
    "partner_contacts": """
        CREATE OR REPLACE TABLE raw.partner_contacts (
            program_id VARCHAR, partner_id VARCHAR, email VARCHAR, first_name VARCHAR, last_name VARCHAR,
            is_primary BOOLEAN, unsubscribed_at TIMESTAMP, _loaded_at TIMESTAMP)""",
    "partner_groups": """
        CREATE OR REPLACE TABLE raw.partner_groups (
            program_id VARCHAR, group_id VARCHAR, partner_id VARCHAR, group_name VARCHAR, _loaded_at TIMESTAMP)""",
    "contracts": """
        CREATE OR REPLACE TABLE raw.contracts (
            program_id VARCHAR, contract_id VARCHAR, partner_id VARCHAR, contract_stage VARCHAR,
            template_term_id VARCHAR, template_term_name VARCHAR, starts_at TIMESTAMP, ends_at TIMESTAMP,
            superseded_by VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP, _loaded_at TIMESTAMP)""",
    "prospects": """
        CREATE OR REPLACE TABLE raw.prospects (
            program_id VARCHAR, partner_id VARCHAR, tagged_at TIMESTAMP, _loaded_at TIMESTAMP)""",
    "relationship_events": """
        CREATE OR REPLACE TABLE raw.relationship_events (
            program_id VARCHAR, partner_id VARCHAR, transitioned_at TIMESTAMP, relationship_stage VARCHAR,
            _loaded_at TIMESTAMP)""",
    "partner_clicks_daily": """
        CREATE OR REPLACE TABLE raw.partner_clicks_daily (
            program_id VARCHAR, partner_id VARCHAR, click_date DATE, clicks BIGINT, _loaded_at TIMESTAMP)""",
    "actions": """
        CREATE OR REPLACE TABLE raw.actions (
            program_id VARCHAR, action_id VARCHAR, partner_id VARCHAR, event_at TIMESTAMP, state VARCHAR,
            amount DECIMAL(28, 8), currency VARCHAR, updated_at TIMESTAMP, _loaded_at TIMESTAMP)""",
    "email_events": """
        CREATE OR REPLACE TABLE raw.email_events (
            event_id VARCHAR, provider VARCHAR, received_at TIMESTAMP, payload VARCHAR, _loaded_at TIMESTAMP)""",
    "ingested_files": """
        CREATE OR REPLACE TABLE raw.ingested_files (file VARCHAR, bytes BIGINT)""",
    "unreadable_payloads": """
        CREATE OR REPLACE TABLE raw.unreadable_payloads (
            file VARCHAR, lines VARCHAR, provider VARCHAR, reason VARCHAR, read_at TIMESTAMP)""",
    "email_events_staged": """
        CREATE OR REPLACE TABLE raw.email_events_staged (
            event_id VARCHAR, provider VARCHAR, received_at TIMESTAMP, payload VARCHAR, _loaded_at TIMESTAMP)""",
    "evaluations": """
        CREATE OR REPLACE TABLE raw.evaluations (program_id VARCHAR, as_of TIMESTAMP, local_date DATE)""",
    "sent_emails": """
        CREATE OR REPLACE TABLE raw.sent_emails (
            delivery_id VARCHAR, workflow_id VARCHAR, program_id VARCHAR, partner_id VARCHAR, contract_id VARCHAR,
            email VARCHAR, action VARCHAR, state VARCHAR, message_id VARCHAR, run_id VARCHAR, as_of TIMESTAMP,
            sent_at TIMESTAMP, reason VARCHAR, failed_before_sending BOOLEAN, delivered_as_of TIMESTAMP,
            holdout_percent BIGINT)""",
    "chosen_partners": """
        CREATE OR REPLACE TABLE raw.chosen_partners (program_id VARCHAR, partner_id VARCHAR)""",
    "seen_transitions": """
        CREATE OR REPLACE TABLE raw.seen_transitions (
            program_id VARCHAR, partner_id VARCHAR, transitioned_at TIMESTAMP, relationship_stage VARCHAR,
            seen_as_of TIMESTAMP)""",
    "ledger_watermark": """
        CREATE OR REPLACE TABLE raw.ledger_watermark (log_id BIGINT, logged_at TIMESTAMP, delivery_id VARCHAR)""",
    "run_watermark": """
        CREATE OR REPLACE TABLE raw.run_watermark (log_id BIGINT, run_id VARCHAR)""",
    "build_state": """
        CREATE OR REPLACE TABLE raw.build_state (input VARCHAR, checksum VARCHAR, builds_since BIGINT)""",
    "addresses": """
        CREATE OR REPLACE TABLE raw.addresses (loaded_email VARCHAR, email VARCHAR, rule_version VARCHAR)""",
    "copy_addresses": """
        CREATE OR REPLACE TABLE raw.copy_addresses (email VARCHAR, spelling VARCHAR)""",
    "suppressions": """
        CREATE OR REPLACE TABLE raw.suppressions (
            email VARCHAR, scope VARCHAR, reason VARCHAR, suppressed_at TIMESTAMP)""",
    "workflow_runs": """
        CREATE OR REPLACE TABLE raw.workflow_runs (
            run_id VARCHAR, workflow_id VARCHAR, as_of TIMESTAMP, status VARCHAR, members BIGINT, addresses BIGINT,
            already_contacted BIGINT, suppressed BIGINT, no_address BIGINT, held_out BIGINT, recipients BIGINT,
            sent BIGINT, failed BIGINT, in_doubt BIGINT, detail VARCHAR, notes VARCHAR)""",
}


T = TypeVar("T", str, tuple[str, ...])
"""A key: a text, or several texts."""

MAX_VALUES = 5_000
"""Values that one statement names at most."""


def create_raw_table(connection: Connection, name: str) -> None:
    """Create raw.<name> empty, in place of an existing one, and schema raw if it does not exist."""
    connection.create_table(raw_table_statement(name))


def usable_raw_tables(connection: Connection) -> set[str]:
    """Return the raw tables that exist with all columns of CREATE, by name: an earlier program may have created one."""
    columns = connection.columns("raw")
    return {name for name in CREATE if columns.get(name, frozenset()) >= {*raw_columns(name)}}


@cache
def raw_columns(name: str) -> tuple[str, ...]:
    """Return the names of the columns of raw.<name>, in the order of CREATE."""
    return tuple(column.name for column in raw_table_statement(name).find_all(exp.ColumnDef))


def raw_column_types(name: str) -> dict[str, str]:
    """Return the DuckDB type of each column of raw.<name>, by name, in the order of CREATE."""
    return {
        column.name: column.args["kind"].sql(DEFAULT) for column in raw_table_statement(name).find_all(exp.ColumnDef)
    }


def replace_raw_table(connection: Connection, name: str, rows: "pandas.DataFrame") -> None:
    """Replace the rows of raw.<name> with these (columns in the order of CREATE).

    To be called in a transaction, so that the table is replaced or left as it is.
    """
    replace_raw_table_in_batches(connection, name, [rows])


def replace_raw_table_in_batches(connection: Connection, name: str, batches: Iterable["pandas.DataFrame"]) -> None:
    """Replace the rows of raw.<name> as `replace_raw_table` does, by batches that are not in memory all at once."""
    create_raw_table(connection, name)
    for rows in batches:
        append_raw_rows(connection, name, rows)
    connection.analyze(_raw(name))


def append_raw_rows(connection: Connection, name: str, rows: "pandas.DataFrame") -> None:
    """Add rows to raw.<name> (columns in the order of CREATE; the table may have them in another order)."""
    if not rows.empty:
        columns = [exp.to_identifier(column) for column in raw_columns(name)]
        connection.append(exp.Schema(this=_raw(name), expressions=columns), rows)


def delete_raw_rows(connection: Connection, name: str, column: str, values: Collection[str]) -> None:
    """Delete the rows of raw.<name> that have one of these texts in a column."""
    for batch in batched(values):
        chosen = exp.column(column).isin(*map(literal, batch))
        connection.execute(exp.delete(_raw(name), where=chosen))


def batched(values: Collection[T], size: int = MAX_VALUES) -> Iterator[list[T]]:
    """Yield different keys, sorted, `size` at a time, by default as many as one statement names."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


@cache
def raw_table_statement(name: str) -> exp.Create:
    """Return the CREATE of raw.<name> as a tree, which the caller must not change."""
    statement = sqlglot.parse_one(CREATE[name], dialect=DEFAULT)
    assert isinstance(statement, exp.Create)
    return statement


def _raw(name: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(name), db=exp.to_identifier("raw"))
