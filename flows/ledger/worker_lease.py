"""A runner's lease: it says that it is alive for as long as it sends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from compiler import PartnerflowError
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger

LEASE = timedelta(minutes=2)
"""After so long without a sign a runner is taken for dead. It may come back: the ledger's swaps do not mind."""

BEAT = 20.0
"""Seconds between two signs."""


def place_of(var: Path) -> str:
    """Where runs take turns: this host and state folder. Whoever has its lock knows that older runs there are over."""
    return f"{socket.gethostname()}:{var}"


@contextmanager
def alive(ledger: Ledger, run_id: str, place: str) -> Iterator[None]:
    """Hold a lease for as long as the block lasts; what it has leased and not begun is given back at its end."""
    over = threading.Event()
    ledger.beat(run_id, place, utc_now() + LEASE)
    beats = threading.Thread(target=_beat, args=(ledger, run_id, place, over), daemon=True)
    beats.start()
    try:
        yield
    finally:
        over.set()
        beats.join()
        ledger.release(run_id)
        ledger.retire(run_id=run_id)


def _beat(ledger: Ledger, run_id: str, place: str, over: threading.Event) -> None:
    while not over.wait(BEAT):
        try:
            ledger.beat(run_id, place, utc_now() + LEASE)
        except PartnerflowError:
            continue  # the ledger does not answer; the senders will say so
