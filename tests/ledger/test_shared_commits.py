"""Threads share the commits of a SQLite ledger."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from flows.ledger.shared_commits import SharedCommits


class Transactions:
    """Counts transactions; the first one holds the others up until three threads wait for it."""

    def __init__(self):
        self.ended: list[str] = []
        self.commits = SharedCommits(self.writing)
        self.is_open = threading.Event()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open a transaction."""
        self.is_open.set()
        try:
            while not self.ended and len(self.commits._queue) < 3:
                time.sleep(0.001)
            yield
        except ValueError:
            self.ended.append("rolled back")
            raise
        self.ended.append("committed")

    def run(self, *works):
        """Run the works in threads, the first of them before the others; return their futures."""
        with ThreadPoolExecutor(len(works)) as pool:
            first = pool.submit(self.commits.run, works[0])
            assert self.is_open.wait(10)
            return [first, *[pool.submit(self.commits.run, one) for one in works[1:]]]


def fail(_):
    """Fail as a statement does."""
    raise ValueError("no")


def test_threads_that_wait_for_a_commit_share_the_next_one():
    """Each gets the result of its own work."""
    transactions = Transactions()
    done = transactions.run(*[lambda _, number=number: number for number in range(4)])
    assert [one.result() for one in done] == [0, 1, 2, 3]
    assert transactions.ended == ["committed", "committed"]


def test_error_is_raised_in_all_threads_of_the_transaction():
    """Nothing of it was written. The transaction before and the one after are not affected."""
    transactions = Transactions()
    first, *others = transactions.run(str, str, fail, str)
    assert first.result() == "None"
    for one in others:
        with pytest.raises(ValueError, match="no"):
            one.result()
    assert transactions.commits.run(str) == "None"
    assert transactions.ended == ["committed", "rolled back", "committed"]
