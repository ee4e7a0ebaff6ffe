"""A second process that renders while this one sends.

Rendering is a third of the work of an email, and one interpreter does one thing at a time. Of a delivery and a message
the parcel is always the same, so nothing is lost with this process: whoever misses it renders. It has no ledger, and
ends when the process that began it ends, however that ends.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery
from flows.messages.envelope import Parcel
from flows.sending.rendering import Content, Parcels
from flows.settings import Settings

Made = Parcel | PartnerflowError
"""What became of one delivery: its parcel, or why there is none."""

MANY = 4_000
"""Deliveries from which on it pays: the process takes a second of a core before it renders the first."""

PATIENCE = 60.0
"""Seconds without an answer after which the process counts as gone."""


class GoneError(Exception):
    """The process does not answer any more."""


class Renderer:
    """The process. It is ready after a second or two, and renders one block of deliveries at a time.

    `content` is the content of a message version, for a process that has no ledger.
    """

    def __init__(self, settings: Settings, content: Content):
        self._content = content
        self._ready = False
        self._line, theirs = Pipe()
        command = [sys.executable, "-m", "flows.sending.renderer"]
        with theirs:  # a group of its own: Ctrl-C is for the run, which finishes what it has begun
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, process_group=0)
        with suppress(OSError):
            self._line.send(settings)

    def is_ready(self) -> bool:
        """Whether it can be asked; does not wait. Raises GoneError."""
        self._ready = self._ready or (self._line.poll() and self._receive() == "ready")
        return self._ready

    def ask(self, deliveries: list[Delivery]) -> None:
        """Let it render. Raises GoneError."""
        versions = {one.template_version for one in deliveries} - {None}
        try:
            self._line.send((deliveries, {version: self._content(version) for version in versions}))
        except OSError:
            raise GoneError from None

    def answer(self) -> list[Made]:
        """What became of the deliveries that it was asked for, in their order. Raises GoneError."""
        return self._receive()

    def close(self) -> None:
        """End it, whatever it is doing: it holds nothing that could be lost."""
        self._line.close()
        self._process.kill()
        self._process.wait()

    def _receive(self) -> Any:
        try:
            if self._line.poll(PATIENCE):
                return self._line.recv()
        except (EOFError, OSError):
            pass
        self._process.kill()
        raise GoneError


@contextmanager
def rendering(settings: Settings, content: Content, due: int) -> Iterator[Renderer | None]:
    """A renderer for as long as the block lasts, where so many are due that it pays."""
    if due < MANY:
        yield None
    else:
        with closing(Renderer(settings, content)) as renderer:
            yield renderer


def serve(line: Connection) -> None:
    """Render what comes over the line, until nobody is at its other end."""
    contents: dict[str, dict] = {}
    with suppress(EOFError, OSError):
        make = Parcels(contents.__getitem__, line.recv()).make
        line.send("ready")
        while True:
            deliveries, more = line.recv()
            contents |= more
            line.send([_made(one, make) for one in deliveries])


def _made(delivery: Delivery, make: Callable[[Delivery], Parcel]) -> Made:
    try:
        return make(delivery)
    except PartnerflowError as error:
        return PartnerflowError(str(error))


if __name__ == "__main__":
    serve(Connection(sys.stdin.fileno()))
