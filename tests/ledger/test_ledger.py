"""The ledger: once is once, whoever asks, and every move is written down. On SQLite and on PostgreSQL."""

import random
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import event, text

from compiler import PartnerflowError
from flows.ledger.delivery import (
    AUTOMATIC_TRANSITIONS,
    MANUAL_TRANSITIONS,
    STATES,
    Delivery,
    ResultToRecord,
    SendResult,
    utc_now,
)
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import DELIVERY_COLUMNS, mirror
from flows.ledger.queries import changes_since, deliveries, find_delivery
from flows.ledger.resolution import settle_by_evidence, settle_by_person
from flows.ledger.suppressions import suppress, suppressions, unsuppress
from flows.ledger.transitions import mark_sending
from support.ledgers import delivery, leased, log, new_place, opened, states

SENT = SendResult("sent", smtp_stage="end of message", code=250, text="250 queued")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where an empty ledger may be made."""
    return new_place(request.param, tmp_path)


@pytest.fixture
def ledger(place: Path | str) -> Iterator[Ledger]:
    """An empty ledger."""
    with opened(place) as one:
        yield one


def test_a_partner_is_claimed_once_for_a_workflow(ledger: Ledger):
    """Whatever the address, the run and the number of attempts; another workflow is another matter."""
    assert len(ledger.claim([delivery("p")], {})) == 1
    assert ledger.claim([delivery("p"), delivery("p", "b@x.example")], {}) == []
    assert [one.partner_id for one in ledger.claim([delivery("p", workflow="v"), delivery("q")], {})] == ["p", "q"]


def test_all_addresses_of_a_partner_are_claimed_together(ledger: Ledger):
    """Two contacts are two deliveries under one contact."""
    assert len(ledger.claim([delivery("p"), delivery("q"), delivery("p", "b@x.example")], {})) == 3


def both(place: Path | str, do) -> list:
    """What two runners get that do the same thing at the same time, each with a ledger of its own."""
    answers: list = []
    ledgers = [Ledger(place) for _ in range(2)]
    threads = [threading.Thread(target=lambda one=one: answers.append(do(one))) for one in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in ledgers:
        one.close()
    assert len(answers) == 2
    return answers


def test_of_two_that_claim_at_once_one_wins(place: Path | str):
    """Each partner goes to exactly one of them."""
    partners = [delivery(str(number)) for number in range(300)]
    claimed = both(place, lambda ledger: ledger.claim(partners, {}))
    assert sorted(one.partner_id for part in claimed for one in part) == sorted(one.partner_id for one in partners)


def test_of_two_that_lease_at_once_each_delivery_goes_to_one(place: Path | str):
    """And what one has leased the other does not begin."""
    with opened(place) as ledger:
        ledger.claim([delivery(str(number)) for number in range(300)], {})

    def lease_all(ledger: Ledger) -> list[Delivery]:
        me, mine = f"run-{id(ledger)}", []
        while block := ledger.lease(me, ["w"], 7, utc_now()):
            mine += block
        return [one for one in mine if ledger.mark_sending(one) == "sending"]

    begun = both(place, lease_all)
    assert sorted(int(one.partner_id) for part in begun for one in part) == list(range(300))


def test_only_the_winner_of_the_swap_sends_and_every_move_is_logged(ledger: Ledger):
    """The second who asks is told no."""
    (one,) = leased(ledger, "p")
    assert ledger.mark_sending(one) == "sending"
    assert ledger.mark_sending(one) is None
    assert ledger.record_result(one, "sending", SENT)
    assert not ledger.record_result(one, "sending", SENT)
    (sent,) = deliveries(ledger, ["sent"])
    assert (sent.sent_at is not None, sent.attempts, sent.reply_text) == (True, 1, "250 queued")
    assert log(ledger) == [
        (None, "pending", "r"), ("pending", "leased", "r"), ("leased", "sending", "r"), ("sending", "sent", "r"),
    ]  # fmt: skip


def test_one_is_settled_and_another_begun_in_one_commit(ledger: Ledger):
    """Each swap still says for itself whether it was made, and has its line of the log."""
    first, second, third = leased(ledger, "a", "b", "c")
    ledger.mark_sending(first)
    assert ledger.record_result_and_mark_sending(ResultToRecord(first, "sending", SENT), second) == (True, "sending")
    assert ledger.record_result_and_mark_sending(ResultToRecord(first, "sending", SENT), third) == (False, "sending")
    assert ledger.record_result_and_mark_sending(ResultToRecord(second, "sending", SENT), third) == (True, None)
    assert states(ledger) == {"a": "sent", "b": "sent", "c": "sending"}
    moves = [(source, target) for source, target, _ in log(ledger) if source in ("leased", "sending")]
    assert moves == [("leased", "sending"), ("sending", "sent")] + [("leased", "sending")] * 2 + [("sending", "sent")]


def test_an_address_that_does_not_exist_is_not_written_to_again_at_once(ledger: Ledger):
    """The commit that settles the hard bounce suppresses the address before it looks at the next delivery."""
    first, second = leased(ledger, "a", "b")
    ledger.mark_sending(first)
    bounced = ResultToRecord(first, "sending", SendResult("failed", "550 5.1.1", is_hard_bounce=True))
    assert ledger.record_result_and_mark_sending(bounced, second) == (True, "suppressed")
    assert states(ledger) == {"a": "failed", "b": "suppressed"}


def test_a_ledger_that_somebody_else_keeps_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """After the patience is over, with a message for a person."""
    monkeypatch.setattr("flows.ledger.store.BUSY_TIMEOUT", 0.1)
    with opened(tmp_path / "ledger.db") as ledger, sqlite3.connect(tmp_path / "ledger.db") as other:
        (one,) = leased(ledger, "p")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(PartnerflowError, match=r"ledger\.db does not answer: database is locked"):
            ledger.mark_sending(one)
        other.rollback()
        assert ledger.mark_sending(one) == "sending"


def test_what_a_dead_runner_held_is_pending_or_in_doubt(ledger: Ledger):
    """Not begun: certainly not sent. Begun: nobody knows. A live runner's is left alone."""
    not_begun, begun = leased(ledger, "a", "b", run_id="dead")
    ledger.mark_sending(begun)
    ledger.end_lease(run_id="dead")
    (alive,) = leased(ledger, "c", run_id="alive")
    ledger.mark_sending(alive)
    ledger.reclaim_expired("me", utc_now())
    assert states(ledger) == {"a": "pending", "b": "in_doubt", "c": "sending"}
    assert not_begun.fencing_token < ledger.lease("me", ["w"], 1, utc_now())[0].fencing_token


def test_a_lease_that_ran_out_is_lost_and_the_fence_keeps_its_holder_out(ledger: Ledger):
    """A runner that slept through its lease wakes up and finds that somebody else has the delivery."""
    (old,) = leased(ledger, "p", run_id="sleeper")
    ledger.reclaim_expired("other", utc_now() + timedelta(minutes=3))
    (new,) = ledger.lease("other", ["w"], 1, utc_now())
    assert ledger.mark_sending(old) is None
    assert ledger.mark_sending(new) == "sending"
    assert not ledger.record_result(old, "sending", SENT)


def test_deliveries_lie_in_the_order_in_which_they_are_leased(ledger: Ledger):
    """Ids are hashes; in the order of the claim, every email would be on a page of the database of its own."""
    ledger.claim([delivery(str(n)) for n in range(40)], {})
    where = {"sqlite": "rowid", "postgresql": "ctid"}[ledger.store.dialect]
    with ledger.store.reading() as connection:
        lie = connection.execute(text(f"SELECT delivery_id FROM delivery ORDER BY {where}")).scalars().all()
    assert lie == [one.delivery_id for one in ledger.lease("r", ["w"], 40, utc_now())]


def test_the_fence_tells_two_leases_of_one_runner_apart(ledger: Ledger):
    """What it gave back and leased again is another attempt; the first one's thread is too late."""
    (old,) = leased(ledger, "p")
    ledger.release("r")
    (new,) = ledger.lease("r", ["w"], 1, utc_now())
    assert (ledger.mark_sending(old), ledger.mark_sending(new)) == (None, "sending")


def test_a_runner_that_was_taken_for_dead_may_still_say_that_it_sent(ledger: Ledger):
    """in_doubt becomes sent or failed; but a no for now leaves it in doubt: nothing returns to pending from there."""
    first, second = leased(ledger, "a", "b")
    for one in (first, second):
        ledger.mark_sending(one)
    ledger.reclaim_expired("other", utc_now() + timedelta(minutes=3))
    assert ledger.record_result(first, "sending", SENT)
    assert not ledger.record_result(second, "sending", SendResult("pending", "Not now"))
    assert states(ledger) == {"a": "sent", "b": "in_doubt"}


def test_the_machine_brings_nothing_in_doubt_back_to_pending():
    """By table: only `leased`, and `sending` on a definite no, lead to pending; a person alone decides a doubt."""
    assert {source for source, targets in AUTOMATIC_TRANSITIONS.items() if "pending" in targets} == {
        "leased",
        "sending",
    }
    assert {
        state for targets in (*AUTOMATIC_TRANSITIONS.values(), *MANUAL_TRANSITIONS.values()) for state in targets
    } <= set(STATES)


def test_what_is_refused_for_now_waits_until_it_is_due(ledger: Ledger):
    """And is leased again then, with a new fence and its attempts counted."""
    (one,) = leased(ledger, "p")
    ledger.mark_sending(one)
    now = utc_now()
    ledger.record_result(one, "sending", SendResult("pending", "451 greylisted"), now + timedelta(minutes=5))
    assert ledger.lease("r", ["w"], 1, now + timedelta(minutes=4)) == []
    (again,) = ledger.lease("r", ["w"], 1, now + timedelta(minutes=6))
    assert (again.attempts, again.fencing_token, again.message_id, again.claimed_at) == (
        1,
        2,
        one.message_id,
        one.claimed_at,
    )


def test_only_deliveries_of_the_workflows_that_are_going_are_leased(ledger: Ledger):
    """A paused workflow's stay pending."""
    ledger.claim([delivery("p"), delivery("p", workflow="paused")], {})
    assert [one.workflow_id for one in ledger.lease("r", ["w"], 10, utc_now())] == ["w"]


def test_a_clock_that_was_a_month_ahead_blocks_nothing(ledger: Ledger):
    """A runner that died then is no longer alive when the clock is right again, and what was refused then is due now;
    a clock that is an hour behind takes nothing from anybody."""
    now = utc_now()
    ledger.claim([delivery(partner) for partner in "abc"], {})
    ledger.heartbeat("r", "elsewhere", now + timedelta(days=30, minutes=2))
    refused, begun, _ = ledger.lease("r", ["w"], 3, now + timedelta(days=30))
    ledger.mark_sending(refused)
    ledger.record_result(refused, "sending", SendResult("pending", "Not now"), now + timedelta(days=30, hours=4))
    ledger.mark_sending(begun)
    ledger.reclaim_expired("s", now + timedelta(days=30, hours=-1))
    assert states(ledger) == {"a": "pending", "b": "sending", "c": "leased"}
    ledger.reclaim_expired("s", now)
    assert states(ledger) == {"a": "pending", "b": "in_doubt", "c": "pending"}
    ledger.heartbeat("s", "here", now + timedelta(minutes=2))
    assert [one.partner_id for one in ledger.lease("s", ["w"], 3, now)] == ["a", "c"]


def test_no_more_are_leased_than_were_asked_for(ledger: Ledger):
    """The others are left for the other runners."""
    ledger.claim([delivery(partner) for partner in "abcdef"], {})
    assert [one.partner_id for one in ledger.lease("r", ["w"], 2, utc_now())] == ["a", "b"]
    assert [one.partner_id for one in ledger.lease("s", ["w"], 3, utc_now())] == ["c", "d", "e"]


@pytest.mark.parametrize(("scope", "state"), [("all", "suppressed"), ("w", "suppressed"), ("v", "sending")])
def test_an_address_suppressed_after_the_claim_is_not_written_to(ledger: Ledger, scope: str, state: str):
    """The swap itself looks, by the address's key; another workflow's suppression does not count."""
    (one,) = leased(ledger, "p")
    suppress(ledger, [" A@X.example"], "asked us", "person:ann", scope)
    assert ledger.mark_sending(one) == state
    assert states(ledger) == {"p": state}


def test_a_hard_bounce_suppresses_the_address_for_every_workflow(ledger: Ledger):
    """With the server's words as the reason; other refusals suppress nobody."""
    gone, spam = leased(ledger, "gone", "spam")
    for one, is_hard_bounce in ((gone, True), (spam, False)):
        ledger.mark_sending(one)
        ledger.record_result(one, "sending", SendResult("failed", "550", is_hard_bounce=is_hard_bounce))
    (found,) = suppressions(ledger)
    assert (found.email_key, found.scope, found.source) == ("a@x.example", "all", gone.delivery_id)
    assert unsuppress(ledger, "A@x.example")
    assert not unsuppress(ledger, "A@x.example")


@pytest.mark.parametrize("state", ["sent", "failed", "pending"])
def test_a_person_settles_what_is_in_doubt(ledger: Ledger, state: str):
    """The log keeps who and why; by the beginning of the id."""
    (one,) = leased(ledger, "p")
    ledger.mark_sending(one)
    ledger.record_result(one, "sending", SendResult("in_doubt", "No answer"))
    assert settle_by_person(ledger, one.delivery_id[:5], state, "She answered it", "ann").state == state
    assert log(ledger)[-1] == ("in_doubt", state, "person:ann")
    assert find_delivery(ledger, f"<{one.message_id}>").reason == "She answered it"
    assert len(ledger.lease("r", ["w"], 1, utc_now())) == (state == "pending")


def test_what_is_not_a_persons_to_decide_is_refused(ledger: Ledger):
    """What is sent stays sent; what is under way is the runner's; a reason is needed; the id must be one."""
    (one,) = leased(ledger, "p")
    with pytest.raises(PartnerflowError, match=r"is leased\. That cannot be changed by hand"):
        settle_by_person(ledger, one.delivery_id, "sent", "because", "ann")
    ledger.mark_sending(one)
    ledger.record_result(one, "sending", SENT)
    with pytest.raises(PartnerflowError, match=r"is sent\. That cannot be changed by hand"):
        settle_by_person(ledger, one.delivery_id, "pending", "because", "ann")
    with pytest.raises(PartnerflowError, match="Say how you know it"):
        settle_by_person(ledger, one.delivery_id, "sent", " ", "ann")
    for identity in ("x", ""):
        with pytest.raises(PartnerflowError, match="`partnerflow deliveries` lists them"):
            settle_by_person(ledger, identity, "sent", "because", "ann")


def test_what_certainly_failed_may_be_tried_again_by_a_person(ledger: Ledger):
    """For example after a wrong sender address has been mended."""
    (one,) = leased(ledger, "p")
    ledger.mark_sending(one)
    ledger.record_result(one, "sending", SendResult("failed", "550 5.7.1 not authorised"))
    with pytest.raises(PartnerflowError, match="can become pending"):
        settle_by_person(ledger, one.delivery_id, "sent", "because", "ann")
    settle_by_person(ledger, one.delivery_id, "pending", "SPF is right now", "ann")
    assert [again.fencing_token for again in ledger.lease("r", ["w"], 1, utc_now())] == [2]


def test_an_event_settles_what_is_in_doubt_and_nothing_else(ledger: Ledger):
    """By Message-ID or delivery id; a provider's processed, a bounce."""
    doubtful, done = leased(ledger, "a", "b")
    for one, verdict in ((doubtful, SendResult("in_doubt", "No answer")), (done, SENT)):
        ledger.mark_sending(one)
        ledger.record_result(one, "sending", verdict)
    assert not settle_by_evidence(ledger, done.message_id, "failed", "e1", "Bounced")
    assert not settle_by_evidence(ledger, "somebody-elses", "sent", "e2", "Delivered")
    assert settle_by_evidence(ledger, f"<{doubtful.message_id}>", "sent", "e3", "Delivered")
    assert states(ledger) == {"a": "sent", "b": "sent"}
    assert log(ledger)[-1] == ("in_doubt", "sent", "event:e3")


def shuffled(ledger: Ledger, seed: int, steps: int) -> Iterator[None]:
    """Do many things to a ledger at random, as runs, persons and events would; a stop after each."""
    dice = random.Random(seed)
    held: list[Delivery] = []
    for step in range(steps):
        act = dice.choice(["claim", "lease", "begin", "begin", "settle", "settle", "reap", "person", "release"])
        if act == "claim":
            partners = dice.sample(range(200), 3)
            ledger.claim([delivery(str(partner), workflow=dice.choice("vw")) for partner in partners], {})
        elif act == "lease":
            ledger.heartbeat(f"r{step}", "here", utc_now() + timedelta(minutes=1))
            held += ledger.lease(f"r{step}", ["v", "w"], 4, utc_now() + timedelta(days=1))
        elif act == "begin" and held:
            ledger.mark_sending(dice.choice(held[-12:]))
        elif act == "settle" and held:
            state = dice.choice(["sent", "failed", "pending", "expired", "in_doubt"])
            ledger.record_result(dice.choice(held[-12:]), "sending", SendResult(state, state))
        elif act == "reap":
            ledger.end_lease(run_id=f"r{dice.randrange(step + 1)}")
            ledger.reclaim_expired("me", utc_now())
        elif act == "release":
            ledger.release(f"r{dice.randrange(step + 1)}")
        elif act == "person":
            for one in deliveries(ledger, ["in_doubt", "failed"])[:1]:
                ledger.resolve(one, dice.choice(sorted(MANUAL_TRANSITIONS[one.state])), "person:ann", "because")
        yield


def test_the_log_tells_the_whole_story_and_the_mirror_follows_it(ledger: Ledger, tmp_path: Path):
    """Whatever happens in whatever order: each line begins where the last one of its delivery ended, the last one is
    the state, every step is one that the machine or a person may take, and the mirror, appended now and then, is the
    ledger's rows to the letter."""
    dice = random.Random(7)
    with duckdb.connect(tmp_path / "warehouse.duckdb") as warehouse:
        for _ in shuffled(ledger, seed=5, steps=400):
            if dice.random() < 0.05:
                mirror(warehouse, ledger)
        mirror(warehouse, ledger)
        query = f"SELECT {', '.join(DELIVERY_COLUMNS)} FROM raw.sent_emails ORDER BY delivery_id"
        mirrored = warehouse.execute(query).fetchall()
    rows = {one.delivery_id: one for one in deliveries(ledger)}
    assert mirrored == [tuple(getattr(rows[key], name) for name in DELIVERY_COLUMNS) for key in sorted(rows)]
    told: dict[str, str | None] = {}
    visited = set()
    with ledger.store.reading() as connection:
        lines = connection.execute(text("SELECT delivery_id, from_state, to_state FROM delivery_log ORDER BY id"))
        for key, source, target in lines:
            assert told.get(key) == source
            assert source is None or target in AUTOMATIC_TRANSITIONS.get(source, set()) | MANUAL_TRANSITIONS.get(
                source, set()
            )
            told[key] = target
            visited.add(target)
    assert told == {key: one.state for key, one in rows.items()}
    assert {"pending", "leased", "sending", "sent", "failed", "expired", "in_doubt"} <= visited


def test_the_mirror_reads_only_what_has_moved(ledger: Ledger, tmp_path: Path):
    """After its mark. A mark of another log, or a mirror that lost rows, is filled anew."""
    first, _ = leased(ledger, "a", "b")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as warehouse:
        mirror(warehouse, ledger)
        watermark = changes_since(ledger, None).watermark
        ledger.mark_sending(first)
        changes = changes_since(ledger, watermark)
        assert ([one.partner_id for one in changes.deliveries], changes.is_complete) == (["a"], False)
        warehouse.execute("DELETE FROM raw.sent_emails WHERE partner_id = 'b'")
        mirror(warehouse, ledger)
        assert warehouse.execute("SELECT count(*) FROM raw.sent_emails").fetchone() == (2,)
        warehouse.execute("UPDATE raw.ledger_watermark SET delivery_id = 'another'")
        warehouse.execute("UPDATE raw.sent_emails SET reason = 'stale'")
        mirror(warehouse, ledger)
        assert warehouse.execute("SELECT DISTINCT reason FROM raw.sent_emails").fetchall() == [(None,)]


def test_a_number_of_the_log_that_is_drawn_and_not_committed_is_waited_for(tmp_path: Path):
    """In PostgreSQL a later number may be committed first; the mirror must not set its mark beyond the earlier one."""
    changes: list = []
    with opened(new_place("postgresql", tmp_path)) as ledger:
        first, second = leased(ledger, "a", "b")
        watermark = changes_since(ledger, None).watermark
        with ledger.store.writing() as slow:
            mark_sending(slow, first)
            ledger.mark_sending(second)
            reader = threading.Thread(target=lambda: changes.append(changes_since(ledger, watermark)))
            reader.start()
            reader.join(0.5)
            assert changes == []
        reader.join()
    assert sorted(one.partner_id for one in changes[0].deliveries) == ["a", "b"]


def test_failing_commit_changes_nothing_and_raises(ledger: Ledger):
    """No worker may believe that a transition is on disk when it is not."""
    first, second = leased(ledger, "a", "b")
    ledger.mark_sending(first)

    def fail(_: object) -> None:
        raise PartnerflowError("The ledger does not answer")

    event.listen(ledger.store._engine, "commit", fail)
    with pytest.raises(PartnerflowError, match="does not answer"):
        ledger.record_result_and_mark_sending(ResultToRecord(first, "sending", SENT), second)
    event.remove(ledger.store._engine, "commit", fail)
    assert states(ledger) == {"a": "sending", "b": "leased"}
    assert ledger.mark_sending(second) == "sending"


def test_what_another_writes_while_the_mirror_reads_is_seen_by_the_next(place: Path | str):
    """Numbers of the log are drawn before they are committed; none is passed over."""
    with opened(place) as ledger:
        ledger.claim([delivery(str(number)) for number in range(200)], {})
    seen: dict[str, str] = {}
    over = threading.Event()

    def watch(ledger: Ledger) -> None:
        watermark = None
        while True:
            last = over.is_set()
            changes = changes_since(ledger, watermark)
            seen.update({one.delivery_id: one.state for one in changes.deliveries})
            watermark = changes.watermark
            if last:
                return

    def work(ledger: Ledger) -> None:
        ledger.heartbeat("r", "here", utc_now() + timedelta(minutes=5))
        while block := ledger.lease("r", ["w"], 20, utc_now()):
            threads = [threading.Thread(target=send, args=(ledger, block[part::4])) for part in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        over.set()

    def send(ledger: Ledger, ones: list[Delivery]) -> None:
        for one in ones:
            ledger.mark_sending(one)
            ledger.record_result(one, "sending", SENT)

    todo = [work, watch]
    both(place, lambda ledger: todo.pop()(ledger))
    assert len(seen) == 200
    assert set(seen.values()) == {"sent"}


def test_the_message_key_is_made_once_and_kept(place: Path | str, tmp_path: Path):
    """The same partner has the same Message-ID in every run, and nobody can guess it."""
    with opened(place) as first, opened(place) as second, opened(tmp_path / "other.db") as other:
        assert first.message_key == second.message_key != other.message_key


def test_a_file_that_is_no_ledger_is_never_replaced(tmp_path: Path):
    """It may be the only word on who has been contacted."""
    (tmp_path / "ledger.db").write_bytes(b"not a database, but precious" * 100)
    with pytest.raises(PartnerflowError, match="restore it from a backup instead of creating a new one"):
        Ledger(tmp_path / "ledger.db")
    assert (tmp_path / "ledger.db").read_bytes() == b"not a database, but precious" * 100


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("mysql://user:secret@db/x", "is not a valid URL of a ledger"),
        ("postgresql://user:secret@127.0.0.1:1/x", "does not answer"),
    ],
)
def test_a_ledger_that_cannot_be_reached_says_so_without_its_password(place: str, says: str):
    """One message."""
    with pytest.raises(PartnerflowError) as caught:
        Ledger(place)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_every_commit_is_on_disk_before_it_returns(ledger: Ledger):
    """SQLite: write-ahead log, synchronous FULL; PostgreSQL: synchronous_commit. A power cut forgets no `sending`."""
    questions = {
        "sqlite": {"PRAGMA journal_mode": "wal", "PRAGMA synchronous": 2},
        "postgresql": {"SHOW synchronous_commit": "on"},
    }[ledger.store.dialect]
    with ledger.store.reading() as connection:
        assert {query: connection.execute(text(query)).scalar() for query in questions} == questions
