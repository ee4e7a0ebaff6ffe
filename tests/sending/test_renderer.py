"""The second process that renders: the same parcels, and nothing that depends on its staying alive."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries, message_content
from flows.ledger.worker_lease import alive
from flows.messages.envelope import Parcel
from flows.messages.loader import read_message
from flows.plan.plan import Plan, Recipient
from flows.sending.claim import claim
from flows.sending.dispatcher import send_due
from flows.sending.renderer import MANY, Renderer, rendering
from flows.sending.rendering import Parcels
from flows.sending.summary import Outcome
from flows.sending.transports.outbox import FileSender
from flows.settings import Settings
from support.ledgers import opened

HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)
PEOPLE = 100


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A ledger with claimed emails, one of them to an address that nobody can write to; leased in small blocks."""
    message = tmp_path / "message"
    message.mkdir()
    (message / "message.yml").write_text("subject: Hello {{ partner.name }}\n")
    (message / "body.txt").write_text("Dear {{ contact.first_name | default: partner.name }}, hello.\n")
    addresses = ["nobody", *[f"p{n}@example.org" for n in range(1, PEOPLE)]]
    people = [
        Recipient("w", "W", "1", "Program", str(n), f"Partner {n}", email, None, None, None, "UTC")
        for n, email in enumerate(addresses)
    ]
    monkeypatch.setattr("flows.sending.step.BLOCK", 10)
    with opened(tmp_path / "ledger.db") as one:
        claim(one, Plan(HOUR, (), tuple(people), messages={"w": read_message(message)}), "r", "example.com")
        yield one


@pytest.fixture
def renderer(ledger: Ledger) -> Iterator[Renderer]:
    """A renderer that can be asked."""
    with closing(Renderer(Settings(), partial(message_content, ledger))) as one:
        while not one._line.poll(0.1):
            assert one._process.poll() is None
        yield one


class Here:
    """Makes parcels in this process, and counts them."""

    def __init__(self, ledger: Ledger):
        self._make, self.count = Parcels(partial(message_content, ledger), Settings()).make, 0

    def make(self, delivery: Delivery) -> Parcel:
        """The parcel of a delivery."""
        self.count += 1
        return self._make(delivery)


def sent(ledger: Ledger, renderer: Renderer | None, sender: FileSender) -> tuple[dict[str, bytes], int]:
    """What the outbox has after a step, by the delivery's id, and how many of the parcels were made here."""
    here = Here(ledger)
    with alive(ledger, "r", "here"):
        send_due(ledger, "r", ["w"], here.make, {"email": sender}, Outcome(), renderer=renderer)
    return {file.stem: file.read_bytes() for file in sender.folder.iterdir()}, here.count


def as_made_here(ledger: Ledger) -> dict[str, bytes]:
    """The content of every parcel that can be made."""
    made = Here(ledger).make
    return {one.delivery_id: made(one).content for one in deliveries(ledger) if one.email != "nobody"}


def test_the_parcels_are_those_that_are_made_here(ledger: Ledger, renderer: Renderer, tmp_path: Path):
    """All but the first block are made there; what cannot be made has failed, and says why."""
    found, here = sent(ledger, renderer, FileSender(tmp_path / "outbox", ".eml"))
    assert found == as_made_here(ledger)
    assert here == 10
    (failed,) = deliveries(ledger, ["failed"])
    assert "'nobody' is no address" in failed.reason


def test_whoever_misses_it_renders(ledger: Ledger, renderer: Renderer, tmp_path: Path):
    """Killed after 35 emails, and everybody is written to all the same."""

    class Killing(FileSender):
        count = 0

        def prepare(self, parcel: Parcel):
            """As ever; the renderer dies meanwhile."""
            self.count += 1
            if self.count == 35:
                renderer._process.kill()
                renderer._process.wait()
            return super().prepare(parcel)

    found, here = sent(ledger, renderer, Killing(tmp_path / "outbox", ".eml"))
    assert found == as_made_here(ledger)
    assert 10 < here < PEOPLE


def test_one_that_hangs_counts_as_gone(ledger: Ledger, renderer: Renderer, tmp_path: Path, monkeypatch):
    """The parcels that it was asked for are made here."""
    monkeypatch.setattr("flows.sending.renderer.PATIENCE", 0.1)
    renderer._process.send_signal(signal.SIGSTOP)
    found, here = sent(ledger, renderer, FileSender(tmp_path / "outbox", ".eml"))
    assert (found, here) == (as_made_here(ledger), PEOPLE)
    assert renderer._process.wait() == -signal.SIGKILL


def test_a_run_that_ends_waits_for_no_process_that_hangs():
    """Nor for one that has not begun to listen."""
    renderer = Renderer(Settings(), {}.__getitem__)
    renderer._process.send_signal(signal.SIGSTOP)
    ending = threading.Thread(target=renderer.close, daemon=True)
    ending.start()
    ending.join(10)
    has_ended = not ending.is_alive()
    renderer._process.kill()
    assert has_ended


def test_it_ends_with_the_process_that_began_it(tmp_path: Path):
    """Also when that is killed, and before it was ready."""
    code = """
import os, signal, time
from flows.sending.renderer import Renderer
from flows.settings import Settings
renderer = Renderer(Settings(), dict().__getitem__)
print(renderer._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert done.returncode == -9
    until = time.monotonic() + 60
    while is_running(int(done.stdout)):
        assert time.monotonic() < until
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(("due", "begun"), [(0, False), (MANY - 1, False), (MANY, True)])
def test_a_small_hour_begins_no_process(due: int, begun: bool, monkeypatch: pytest.MonkeyPatch):
    """It would be over before the process is ready."""
    started = []
    monkeypatch.setattr("subprocess.Popen.__init__", lambda *_, **__: started.append(1))
    monkeypatch.setattr("subprocess.Popen.__del__", lambda _: None)
    monkeypatch.setattr("subprocess.Popen.kill", lambda _: None)
    monkeypatch.setattr("subprocess.Popen.wait", lambda _: 0)
    with rendering(Settings(), {}.__getitem__, due):
        assert bool(started) is begun
