"""Killed on purpose, again and again: nobody hears twice, nobody is lost, and the doubts are as many as can be.

`PARTNERFLOW_KILLS=100 python -m pytest -s tests/resilience/test_kills.py` is the long run; figures
are in benchmarks/README.md.
"""

import os
from pathlib import Path

import pytest

from support.kills import CONNECTIONS, survive
from support.ledgers import new_place

KILLS = int(os.environ.get("PARTNERFLOW_KILLS", "5"))


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_two_runners_killed_again_and_again_send_nothing_twice_and_lose_nobody(store: str, tmp_path: Path):
    """On a server that delays, refuses, hangs up and loses answers. A kill leaves at most one doubt a connection."""
    account = survive(new_place(store, tmp_path), messages=60 * KILLS, kills=KILLS, seed=1)
    print(f"\n{store}: {account}")
    assert (account.duplicates, account.unexplained) == ([], [])
    assert account.kills == KILLS
    assert account.doubts_by_kill <= KILLS * CONNECTIONS


def test_without_the_swap_the_same_run_sends_twice(tmp_path: Path):
    """So the test above can fail."""
    account = survive(tmp_path / "ledger.db", messages=60 * KILLS, kills=KILLS, seed=1, with_swap=False)
    print(f"\nwithout the swap: {account}")
    assert account.duplicates
