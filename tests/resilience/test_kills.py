"""Runners killed again and again: no email is sent twice, none is lost, and only real doubts are in doubt.

`PARTNERFLOW_KILLS=100 python -m pytest -s tests/resilience/test_kills.py` is the long run; its figures are in
benchmarks/README.md.
"""

import os
from pathlib import Path

import pytest

from support.kills import CONNECTIONS, survive
from support.ledgers import new_place

KILLS = int(os.environ.get("PARTNERFLOW_KILLS", "5"))

pytestmark = pytest.mark.long


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_killed_runners_send_nothing_twice_and_lose_nothing(store: str, tmp_path: Path):
    """On a server that delays, refuses, hangs up and loses replies. A kill leaves at most one doubt per connection."""
    account = survive(new_place(store, tmp_path), messages=60 * KILLS, kills=KILLS, seed=1)
    print(f"\n{store}: {account}")
    assert (account.duplicates, account.unexplained) == ([], [])
    assert account.kills == KILLS
    assert account.doubts_by_kill <= KILLS * CONNECTIONS


def test_without_compare_and_swap_emails_are_sent_twice(tmp_path: Path):
    """Shows that the test above can fail."""
    account = survive(tmp_path / "ledger.db", messages=60 * KILLS, kills=KILLS, seed=1, with_swap=False)
    print(f"\nwithout compare-and-swap: {account}")
    assert account.duplicates
