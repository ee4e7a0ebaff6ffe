"""Swaps of several threads in one commit: whoever comes while a commit is on its way to the disk goes with the next.

Each swap still stands on its own, and none returns before it is on disk; they only share the waiting for it.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from flows.ledger.schema import DELIVERY_LOG
from flows.ledger.store import Store

_LOG = insert(DELIVERY_LOG)

Swap = Callable[[Connection], tuple[Any, list[dict]]]
"""Does its statements, and returns its answer and its lines for the log."""


@dataclass
class _Request:
    swap: Swap
    answer: Any = None
    error: BaseException | None = None
    done: bool = False


class GroupCommit:
    """Commits swaps on a store, those that wait at the same time together."""

    def __init__(self, store: Store):
        self._store = store
        self._waiting: deque[_Request] = deque()
        self._turn = threading.Lock()

    def commit(self, swap: Swap) -> Any:
        """The answer of a swap, once it is on disk. Raises what the transaction raised."""
        request = _Request(swap)
        self._waiting.append(request)
        with self._turn:
            if not request.done:  # nobody took it along: this thread commits for all that wait
                self._commit_all([self._waiting.popleft() for _ in range(len(self._waiting))])
        if request.error:
            raise request.error
        return request.answer

    def _commit_all(self, batch: list[_Request]) -> None:
        try:
            with self._store.writing() as connection:
                lines = []
                for request in batch:
                    request.answer, entries = request.swap(connection)
                    lines += entries
                if lines:
                    connection.execute(_LOG, lines)
        except BaseException as error:
            for request in batch:
                request.error = error
            raise
        finally:
            for request in batch:
                request.done = True
