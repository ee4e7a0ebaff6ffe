"""Faults that a run survives, each with the real thing: processes, kills, disks, clocks, files, servers.

`PARTNERFLOW_KILLS=100 python -m pytest tests/test_faults.py` kills every step twenty times, at other moments.
"""

import os
import random
from pathlib import Path

import duckdb
import pytest

from faults import book, built, everybody_heard_once
from flows.run import call
from flows.settings import Settings
from processes import Killed, start

PASSES = max(1, int(os.environ.get("PARTNERFLOW_KILLS", "5")) // 5)


@pytest.fixture
def state(example, tmp_path: Path) -> Settings:
    """The example account with its facts built and nobody contacted."""
    return built(example[0], tmp_path)


def contacts(settings: Settings) -> set[tuple]:
    """Whom the ledger has contacted, with what, and what became of it; ids and times aside."""
    return {
        (one.workflow_id, one.program_id, one.partner_id, one.email, one.action, one.state) for one in book(settings)
    }


def published(settings: Settings, query: str) -> list[tuple]:
    """Rows of the published file."""
    with duckdb.connect(settings.published, read_only=True) as reader:
        return reader.execute(query).fetchall()


MEMBERS = "SELECT workflow_id, program_id, partner_id FROM marts.segment_membership ORDER BY ALL"


def test_killed_at_every_step_and_run_again_it_is_as_if_it_had_not_been(example, state: Settings):
    """kill -9 in each step of the story, one run after the other on one state; the run after them leaves what an
    undisturbed one leaves: nobody twice, nobody lost, nothing half-written."""
    undisturbed, _ = example
    dice = random.Random(1)
    for _ in range(PASSES):
        number, code = 0, -9
        while code == -9:
            number += 1
            seconds = {"Build the facts": dice.uniform(2, 8), "Send": dice.uniform(0.05, 0.3)}
            seconds["Record and publish"] = dice.uniform(0.05, 1)
            process = start(state, Killed(number, seconds))
            process.join()
            code = process.exitcode
            assert code in (-9, 0)
        assert number == 11, "the story has ten steps"
    last = start(state, call)
    last.join()
    assert last.exitcode == 0
    assert contacts(state) == contacts(undisturbed)
    everybody_heard_once(state)
    assert published(state, MEMBERS) == published(undisturbed, MEMBERS)
    assert published(state, "SELECT count(*), count(DISTINCT delivery_id) FROM marts.sent_emails") == [(80, 80)]
    assert [file.name for file in state.published.parent.glob(".*")] == []
