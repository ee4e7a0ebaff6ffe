"""The ledger: once is once, whoever asks, and every move is written down."""

import threading
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from compiler import PartnerflowError
from flows.deliver import FileSender
from flows.ledger import Delivery, Ledger
from flows.settle import Outcome, finish_interrupted

HOUR = datetime(2026, 3, 20, 18)


def delivery(partner: str, email: str = "a@x.example", workflow: str = "w") -> Delivery:
    """A claimed delivery of run r."""
    identity = f"{workflow}-{partner}-{email}"
    return Delivery(identity, workflow, "1", partner, email, "email", "claimed", identity, {}, "r", HOUR, HOUR)


@pytest.fixture
def ledger(tmp_path: Path):
    """An empty ledger."""
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


def test_a_partner_is_claimed_once_for_a_workflow(ledger: Ledger):
    """Whatever the address, the run and the number of attempts; another workflow is another matter."""
    assert len(ledger.claim([delivery("p")])) == 1
    assert ledger.claim([delivery("p"), delivery("p", "b@x.example")]) == []
    assert [one.partner_id for one in ledger.claim([delivery("p", workflow="v"), delivery("q")])] == ["p", "q"]


def test_all_addresses_of_a_partner_are_claimed_together(ledger: Ledger):
    """Two contacts are two deliveries under one contact."""
    assert len(ledger.claim([delivery("p"), delivery("q"), delivery("p", "b@x.example")])) == 3


def test_of_two_that_claim_at_once_one_wins(tmp_path: Path):
    """Two ledgers on one file, as two hosts' runs would have; each partner goes to exactly one."""
    partners = [delivery(str(number)) for number in range(300)]
    claimed: list[list[Delivery]] = []
    ledgers = [Ledger(tmp_path / "ledger.db") for _ in range(2)]
    threads = [threading.Thread(target=lambda one=one: claimed.append(one.claim(partners))) for one in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in ledgers:
        one.close()
    assert sorted(one.partner_id for part in claimed for one in part) == sorted(one.partner_id for one in partners)


def test_a_move_happens_once_and_is_logged(ledger: Ledger, tmp_path: Path):
    """Only the winner of the swap sends."""
    (one,) = ledger.claim([delivery("p")])
    assert ledger.move(one, "claimed", "sending", "r")
    assert not ledger.move(one, "claimed", "sending", "other")
    assert ledger.move(one, "sending", "sent", "r")
    (sent,) = ledger.in_state("sent")
    assert sent.sent_at is not None
    with create_engine(f"sqlite:///{tmp_path}/ledger.db").connect() as connection:
        log = connection.execute(text("SELECT from_state, to_state, run_id FROM delivery_log ORDER BY entry")).all()
    assert log == [(None, "claimed", "r"), ("claimed", "sending", "r"), ("sending", "sent", "r")]


@pytest.mark.parametrize(
    ("left", "state", "files"),
    [(".d.eml.part", "sent", ["d.eml"]), ("d.eml", "sent", ["d.eml"]), (None, "in_doubt", [])],
)
def test_a_delivery_that_a_crash_interrupted_is_finished_or_in_doubt(ledger: Ledger, tmp_path, left, state, files):
    """Under its temporary name it has not happened and is completed; in the outbox it has; gone, nobody knows."""
    outbox = FileSender(tmp_path / "outbox", ".eml")
    one = Delivery("d", "w", "1", "p", "a@x.example", "email", "claimed", "d@x", {}, "dead", HOUR, HOUR)
    ledger.claim([one])
    ledger.move(one, "claimed", "sending", "dead")
    if left:
        (outbox.folder / left).write_bytes(b"x")
    outcome = Outcome()
    finish_interrupted(ledger, {"email": outbox}, "next", outcome)
    assert [found.delivery_id for found in ledger.in_state(state)] == ["d"]
    assert outcome.of("w", state) == 1
    assert sorted(file.name for file in outbox.folder.iterdir()) == files


def test_the_message_key_is_made_once_and_kept(tmp_path: Path):
    """The same partner has the same Message-ID in every run, and nobody can guess it."""
    first, second = Ledger(tmp_path / "a.db"), Ledger(tmp_path / "a.db")
    other = Ledger(tmp_path / "b.db")
    assert first.message_key == second.message_key != other.message_key
    for one in (first, second, other):
        one.close()


def test_a_file_that_is_no_ledger_is_never_replaced(tmp_path: Path):
    """It may be the only word on who has been contacted."""
    (tmp_path / "ledger.db").write_bytes(b"not a database, but precious" * 100)
    with pytest.raises(PartnerflowError, match="restore it from a backup rather than begin a new one"):
        Ledger(tmp_path / "ledger.db")
    assert (tmp_path / "ledger.db").read_bytes() == b"not a database, but precious" * 100


def test_every_commit_is_on_disk_before_it_returns(ledger: Ledger):
    """Write-ahead log, synchronous FULL: a power cut forgets no `sending`."""
    with ledger._engine.connect() as connection:
        pragmas = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]
