"""The lease of a run that sends: renewed by heartbeats for as long as it works."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from compiler import PartnerflowError
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
"""How long a lease is valid without a heartbeat. A run may outlive it safely: see the transitions of the ledger."""

HEARTBEAT_INTERVAL = timedelta(seconds=20)
"""Time between two heartbeats: several may be late or lost before the lease expires."""


def host_of(state_dir: Path) -> str:
    """Return the name of this host and state folder. The holder of the folder's lock knows that older runs are over."""
    return f"{socket.gethostname()}:{state_dir}"


@contextmanager
def worker_lease(
    ledger: Ledger,
    run_id: str,
    host: str,
    now: Callable[[], datetime] = utc_now,
    stop: threading.Event | None = None,
) -> Iterator[None]:
    """Hold a lease for the length of the block; then release what the run has leased and not started.

    `now` (UTC, without a time zone) and `stop`, whose `wait` passes the time between two heartbeats, are for tests.
    """
    stop = stop or threading.Event()
    ledger.heartbeat(run_id, host, now() + LEASE)
    heartbeats = threading.Thread(target=_renew, args=(ledger, run_id, host, now, stop), daemon=True)
    heartbeats.start()
    try:
        yield
    finally:
        stop.set()
        heartbeats.join()
        ledger.release(run_id)
        ledger.end_lease(run_id=run_id)


def _renew(ledger: Ledger, run_id: str, host: str, now: Callable[[], datetime], stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_INTERVAL.total_seconds()):
        try:
            ledger.heartbeat(run_id, host, now() + LEASE)
        except PartnerflowError as error:  # the senders report it too
            logger.warning("Heartbeat failed, next in %g s: %s", HEARTBEAT_INTERVAL.total_seconds(), error)
