"""Commits that several threads share: to wait for the disk is what limits how many emails a SQLite ledger can take."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import Connection

Result = TypeVar("Result")

Work = Callable[[Connection], Any]
"""Statements of a transaction."""


class SharedCommits:
    """Runs the work of several threads. While one of them commits, the others queue; the next one commits for all.

    `writing` opens a transaction, which is committed and on disk when its block ends.
    """

    def __init__(self, writing: Callable[[], AbstractContextManager[Connection]]):
        self._writing = writing
        self._queue: list[tuple[Work, Future[Any]]] = []
        self._turn = threading.Lock()

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Run the work in a transaction, and return its result once that is committed.

        An error in the work of one thread rolls back that of all whose transaction it is, and each of them raises it.
        """
        done: Future[Result] = Future()
        self._queue.append((work, done))
        with self._turn:
            if not done.done():
                self._write_all()
        return done.result()

    def _write_all(self) -> None:
        """Write all that is queued. Only the thread whose turn it is takes from the queue."""
        batch = [self._queue.pop(0) for _ in range(len(self._queue))]
        try:
            with self._writing() as connection:
                results = [work(connection) for work, _ in batch]
        except BaseException as error:  # noqa: BLE001 (the other threads wait for it)
            for _, done in batch:
                done.set_exception(error)
        else:
            for (_, done), result in zip(batch, results, strict=True):
                done.set_result(result)
