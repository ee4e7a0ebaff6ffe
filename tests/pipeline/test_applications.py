"""Applications: each is decided once, and a partner that returns is accepted again."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.pipeline.run import Run, run_hour
from flows.plan.plan import Application, Plan, Recipient, WorkflowPlan, excluding_contacted
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from support.example_members import APPLICATIONS
from support.fault_injection import DELIVERY_COUNT, built_state, run, states, written_files
from support.states import HOUR, reload_raw_tables
from support.warehouses import execute_replacing

WORKFLOW = "accept-applications"
PARTNER = "33005008"
"""A partner of the example account whose application is accepted in its hour."""


def decisions(settings: Settings) -> Counter[str]:
    """Return the number of decisions about each contract of the partner."""
    found = [json.loads(file.read_text()) for file in settings.decisions.glob("*.json")]
    return Counter(one["contract_id"] for one in found if one["partner_id"] == PARTNER)


def counts(done: Run) -> tuple[int, int, int]:
    """Return how many were already contacted, due and accepted in a run."""
    (row,) = [one for one in done.plan.workflows if one.workflow_id == WORKFLOW]
    assert row.status == "done"
    return row.already_contacted, row.recipients, row.sent


def apply(settings: Settings, *contracts: str) -> None:
    """Expire the partner's contracts, and add applications to the raw tables."""
    with open_warehouse(settings.warehouse) as connection:
        key = [PARTNER, APPLICATIONS[PARTNER]]
        connection.execute("UPDATE raw.contracts SET contract_stage = 'Expired' WHERE partner_id = ?", key[:1])
        for contract in contracts:
            execute_replacing(
                connection,
                "INSERT INTO raw.contracts SELECT * REPLACE (? AS contract_id, 'Awaiting Advertiser Approval' AS "
                "contract_stage) FROM raw.contracts WHERE partner_id = ? AND contract_id = ?",
                [contract, *key],
            )


@pytest.mark.long
def test_returning_partner_is_accepted_again(copied: Settings):
    """Its contract has expired and it applies twice: two decisions in one run, none in the next, and one for a third
    application. That one is accepted at the end of the day, and so not at the next hour. No email is sent again."""
    first = APPLICATIONS[PARTNER]
    emails = {file.name for file in copied.outbox.iterdir()}
    assert decisions(copied) == {first: 1}
    apply(copied, "A-1", "A-2")
    assert counts(run_hour(copied, HOUR)) == (len(APPLICATIONS) - 1, 2, 2)
    assert decisions(copied) == {first: 1, "A-1": 1, "A-2": 1}
    assert counts(run_hour(copied, HOUR)) == (len(APPLICATIONS), 0, 0)
    assert {file.name for file in copied.outbox.iterdir()} == emails
    apply(copied, "A-3")
    later = HOUR + timedelta(hours=1)
    reload_raw_tables(copied, later)
    done = run_hour(copied, later)
    (end_of_day,) = done.catch_up
    assert counts(end_of_day) == (len(APPLICATIONS) - 1, 1, 1)
    assert counts(done) == (len(APPLICATIONS), 0, 0)
    assert decisions(copied) == {first: 1, "A-1": 1, "A-2": 1, "A-3": 1}


def test_run_killed_before_sending_decides_each_application_once(example, tmp_path: Path):
    """Two applications of one partner are claimed, and the next run sends both decisions."""
    state = built_state(example[0], tmp_path)
    with open_warehouse(state.warehouse) as connection:
        execute_replacing(
            connection,
            "INSERT INTO segments.application_recipients SELECT * REPLACE ('A-1' AS contract_id) "
            "FROM segments.application_recipients WHERE partner_id = ?",
            [PARTNER],
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.pipeline.run.Dispatcher", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            run(state)
    assert (states(state), decisions(state)) == ({"pending": DELIVERY_COUNT + 1}, {})
    for _ in range(2):
        run(state)
        assert decisions(state) == {APPLICATIONS[PARTNER]: 1, "A-1": 1}
        assert (states(state), set(written_files(state).values())) == ({"sent": DELIVERY_COUNT + 1}, {1})


def planned(hour: int, **more: Any) -> Plan:
    """Return the plan of an hour with one row for workflow w."""
    contacts = len(more.get("applications", ())) + len(more.get("recipients", ()))
    row = WorkflowPlan("w", members=9, already_contacted=1, recipients=contacts)
    return Plan(datetime(2026, 3, 20, hour, tzinfo=UTC), (row,), **more)


def test_caught_up_application_leaves_another_of_its_partner():
    """Only a partner that has nothing else to be accepted counts as already contacted."""
    ones = [Application("w", "1", partner, contract) for partner, contract in ("pA", "pB", "qC", "qD", "rE")]
    earlier = planned(17, applications=(ones[0], ones[2], ones[3]))
    left = excluding_contacted((earlier,), planned(18, applications=tuple(ones)))
    assert left.applications == (ones[1], ones[4])
    (row,) = left.workflows
    assert (row.recipients, row.already_contacted) == (2, 2)


def test_caught_up_email_leaves_no_other_of_its_partner():
    """Whatever the address: an email workflow has one contact per partner."""
    names = {"workflow_name": "W", "program_name": None, "partner_name": None, "first_name": None, "last_name": None}
    both = [Recipient("w", program_id="1", partner_id="p", email=f"{name}@x.example", language=None, timezone="UTC",
                      **names) for name in "ab"]  # fmt: skip
    left = excluding_contacted((planned(17, recipients=(both[0],)),), planned(18, recipients=tuple(both)))
    (row,) = left.workflows
    assert (left.recipients, row.recipients, row.already_contacted) == ((), 0, 2)
