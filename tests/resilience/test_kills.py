"""Workers that are killed repeatedly send no email twice, lose none, and leave few deliveries in doubt.

`PARTNERFLOW_KILLS=100 python -m pytest -s -m long tests/resilience/test_kills.py` is the long run; its results are in
benchmarks/README.md.
"""

import os
from pathlib import Path

import pytest

from support.kills import CONNECTIONS, send_with_kills
from support.ledgers import ledger_location

KILLS = int(os.environ.get("PARTNERFLOW_KILLS", "5"))

pytestmark = pytest.mark.long


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_killed_workers_send_every_email_once(store: str, tmp_path: Path):
    """The server has faults too. A kill leaves at most one delivery per connection in doubt. Nobody in the workflow's
    holdout gets an email."""
    report = send_with_kills(ledger_location(store, tmp_path), messages=60 * KILLS, kills=KILLS, seed=1)
    print(f"\n{store}: {report}")
    assert (report.duplicates, report.unexplained) == ([], [])
    assert report.kills == KILLS
    assert report.counts["held_out"] > 0
    assert report.in_doubt_by_kill <= KILLS * CONNECTIONS


def test_without_compare_and_swap_emails_are_sent_twice(tmp_path: Path):
    """This shows that the test above can fail."""
    report = send_with_kills(
        tmp_path / "ledger.db", messages=60 * KILLS, kills=KILLS, seed=1, with_compare_and_swap=False
    )
    print(f"\nwithout compare-and-swap: {report}")
    assert report.duplicates
