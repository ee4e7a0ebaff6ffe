"""How many sessions and statements an hour takes on a server, those of dbt included."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg2
import pytest

from flows.pipeline.run import run_hour
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from support.fault_injection import skip_dbt_build
from support.states import HOUR

pytestmark = pytest.mark.engine("postgres", "counts what goes to its server")

OURS = "partnerflow"
"""The name of our sessions; those of dbt have the name dbt."""


@dataclass
class Traffic:
    """The number of sessions and statements, by the name of the session. Commits and rollbacks of dbt do not count."""

    sessions: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count what this process sends to the server during a block."""
    traffic, connect = Traffic(), psycopg2.connect

    def counting(*arguments, **options):
        session = connect(*arguments, **options)
        name = session.get_dsn_parameters().get("application_name", OURS)
        traffic.sessions[name] += 1

        class Cursor(psycopg2.extensions.cursor):
            def execute(self, *statement):
                traffic.statements[name] += 1
                return super().execute(*statement)

            def copy_expert(self, *statement):
                traffic.statements[name] += 1
                return super().copy_expert(*statement)

        session.cursor_factory = Cursor
        return session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg2, "connect", counting)
        yield traffic


def test_idle_hour_takes_one_session_per_step(copied: Settings):
    """No row is new and nobody is contacted. dbt opens a session per node, which is a model or test of each hour."""
    with counted() as traffic:
        run = run_hour(copied, HOUR)
    assert {(row.status, row.recipients) for row in run.plan.workflows} == {("done", 0)}
    assert traffic.sessions[OURS] == 11
    assert traffic.statements[OURS] <= 100
    assert sum(traffic.sessions.values()) <= 100
    assert sum(traffic.statements.values()) <= 450


def test_thousand_recipients_take_few_more_statements(copied: Settings):
    """They are claimed, sent and mirrored in batches: statements do not grow with the number of emails."""
    with open_warehouse(copied.warehouse) as connection:
        connection.execute(f"""
            INSERT INTO marts.recipients (
                workflow_id, program_id, partner_id, email, evaluated_at, partner_name, program_name, timezone
            )
            SELECT 'welcome', '1000', 'new' || number, 'p' || number || '@x.example', TIMESTAMP '{HOUR:%Y-%m-%d %H:%M}',
                'New', 'Program', 'America/New_York'
            FROM generate_series(1, 1000) AS numbers (number)""")
    with counted() as traffic:
        run = run_hour(copied, HOUR, skip_dbt_build)
    assert sum(row.sent for row in run.plan.workflows) == 1000
    assert traffic.sessions == {OURS: 10}
    assert traffic.statements[OURS] <= 100
