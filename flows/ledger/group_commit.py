"""Swaps of several threads in one commit: whoever comes while a commit is on its way to the disk goes with the next.

Each swap still stands on its own, and none returns before it is on disk; they only share the waiting for it.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine.interfaces import DBAPICursor

from flows.ledger.store import Store

Answer = tuple[Any, list[dict[str, Any]]]
"""What a swap says to whoever asked for it, and its lines for the log."""

Swap = Callable[[DBAPICursor], Answer]
"""Executes its statements."""


@dataclass
class _Request:
    swap: Swap
    answer: Any = None
    error: BaseException | None = None
    done: bool = False


class GroupCommit:
    """Commits swaps on a store, those that wait at the same time together; `log` writes their lines down."""

    def __init__(self, store: Store, log: Callable[[DBAPICursor, list[dict[str, Any]]], None]):
        self._store, self._log = store, log
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
        def all_swaps(cursor: DBAPICursor) -> None:
            lines = []
            for request in batch:
                request.answer, entries = request.swap(cursor)
                lines += entries
            self._log(cursor, lines)

        try:
            self._store.transact(all_swaps)
        except BaseException as error:
            for request in batch:
                request.error = error
            raise
        finally:
            for request in batch:
                request.done = True
