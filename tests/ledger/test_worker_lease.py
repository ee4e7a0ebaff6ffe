"""The lease of a run that sends: heartbeats renew it for as long as the run works."""

import threading
from datetime import datetime, timedelta
from pathlib import Path

from flows.ledger.delivery import utc_now
from flows.ledger.worker_lease import HEARTBEAT_INTERVAL, LEASE, worker_lease
from support.ledgers import delivery, opened, states


class ManualClock(threading.Event):
    """A clock that moves only by `advance`, and the event whose `wait` passes the time between two heartbeats."""

    def __init__(self, now: datetime):
        super().__init__()
        self.now = now
        self._waiting, self._go = threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        """Report that the heartbeat before is written, then block until the test lets `timeout` seconds pass."""
        self._seconds = timeout
        self._waiting.release()
        self._go.acquire()
        return self.is_set()

    def advance(self) -> None:
        """Pass the time up to the next heartbeat, and return just before it is written."""
        self._waiting.acquire()
        self.now += timedelta(seconds=self._seconds)

    def write_heartbeat(self) -> None:
        """Let the heartbeat be written."""
        self._go.release()

    def set(self) -> None:
        """Stop the heartbeats."""
        super().set()
        self._go.release()


def test_heartbeat_interval_leaves_room_for_lost_heartbeats():
    """Three heartbeats in a row may be lost before the lease expires."""
    assert HEARTBEAT_INTERVAL * 4 < LEASE


def test_lease_is_renewed_while_a_long_send_works(tmp_path: Path):
    """Over an hour, no other worker can reclaim the delivery, not even just before a heartbeat."""
    with opened(tmp_path / "ledger.db") as ledger, opened(tmp_path / "ledger.db") as other:
        ledger.claim([delivery("p")], {})
        start = utc_now()
        clock = ManualClock(start)
        with worker_lease(ledger, "r", "here", lambda: clock.now, clock):
            (one,) = ledger.lease("r", ["w"], 1, utc_now())
            assert ledger.mark_sending(one) == "sending"
            while clock.now < start + timedelta(hours=1):
                clock.advance()
                other.reclaim_expired("s", clock.now)
                assert states(other) == {"p": "sending"}
                clock.write_heartbeat()
        other.reclaim_expired("s", clock.now)
        assert states(other) == {"p": "in_doubt"}


def test_end_of_lease_releases_what_was_not_started(tmp_path: Path):
    """The next run may lease it at once."""
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.claim([delivery("p")], {})
        with worker_lease(ledger, "r", "here"):
            ledger.lease("r", ["w"], 1, utc_now())
        assert states(ledger) == {"p": "pending"}
