"""The ledger as the warehouse sees it: raw.sent_emails and raw.workflow_runs."""

import duckdb
import pandas

from flows.ledger import Ledger
from flows.raw_tables import replace_raw_table

DELIVERY_COLUMNS = [
    "delivery_id",
    "workflow_id",
    "program_id",
    "partner_id",
    "email",
    "action",
    "state",
    "message_id",
    "run_id",
    "as_of",
    "sent_at",
    "reason",
]
RUN_COLUMNS = [
    "run_id",
    "workflow_id",
    "as_of",
    "status",
    "members",
    "addresses",
    "already_contacted",
    "suppressed",
    "no_address",
    "recipients",
    "sent",
    "failed",
    "in_doubt",
    "detail",
]


def mirror(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Make the mirror equal to the ledger."""
    deliveries = [[getattr(one, column) for column in DELIVERY_COLUMNS] for one in ledger.deliveries()]
    runs = [[run[column] for column in RUN_COLUMNS] for run in ledger.runs()]
    replace_raw_table(connection, "sent_emails", pandas.DataFrame(deliveries, columns=DELIVERY_COLUMNS, dtype=object))
    replace_raw_table(connection, "workflow_runs", pandas.DataFrame(runs, columns=RUN_COLUMNS, dtype=object))
