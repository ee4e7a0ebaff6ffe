"""The ledger contacts each partner once, and logs every transition. On SQLite and on PostgreSQL."""

import itertools
import random
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pandas
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
from flows.ledger.mirror import DELIVERY_COLUMNS, _deliveries_frame, mirror
from flows.ledger.queries import Changes, Watermark, changes_since, deliveries, find_delivery
from flows.ledger.resolution import settle_by_evidence, settle_by_person
from flows.ledger.schema import MESSAGE_VERSION
from flows.ledger.suppressions import lift, suppress, suppressions, unsuppress
from flows.ledger.transitions import mark_sending
from support.ledgers import application, delivery, leased, ledger_location, log, opened, states
from support.warehouses import empty_warehouse

SENT = SendResult("sent", smtp_stage="end of message", code=250, text="250 queued")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The location of a ledger that does not exist yet."""
    return ledger_location(request.param, tmp_path)


@pytest.fixture
def ledger(place: Path | str) -> Iterator[Ledger]:
    """An empty ledger."""
    with opened(place) as one:
        yield one


def test_claim_of_contacted_partner_is_left_out(ledger: Ledger):
    """The address, the run and the number of attempts make no difference. Another workflow has its own contact."""
    assert len(ledger.claim([delivery("p")], {})) == 1
    assert ledger.claim([delivery("p"), delivery("p", "b@x.example")], {}) == []
    assert [one.partner_id for one in ledger.claim([delivery("p", workflow="v"), delivery("q")], {})] == ["p", "q"]


def test_each_application_of_a_partner_is_claimed_once(ledger: Ledger):
    """Two at once, and another one later. An email of the same workflow has its own contact, whatever is accepted."""
    assert len(ledger.claim([application("p", "C1", "w"), application("p", "C2", "w")], {})) == 2
    again = [application("p", "C2", "w"), application("p", "C3", "w")]
    assert [one.contract_id for one in ledger.claim(again, {})] == ["C3"]
    assert ledger.claim(again, {}) == []
    assert len(ledger.claim([delivery("p")], {})) == 1
    ledger.claim([application("p", "C4", "w")], {})
    assert ledger.claim([delivery("p", "b@x.example")], {}) == []


def test_claim_takes_all_addresses_of_a_partner_together(ledger: Ledger):
    """Two contacts are two deliveries under one contact."""
    assert len(ledger.claim([delivery("p"), delivery("q"), delivery("p", "b@x.example")], {})) == 3


def both(place: Path | str, do) -> list:
    """Return the results of two threads that do the same thing at once, each with its own ledger object."""
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


def test_concurrent_claims_have_one_winner_per_partner(place: Path | str):
    """Each partner goes to exactly one of the two claims."""
    partners = [delivery(str(number)) for number in range(300)]
    claimed = both(place, lambda ledger: ledger.claim(partners, {}))
    assert sorted(one.partner_id for part in claimed for one in part) == sorted(one.partner_id for one in partners)


def test_concurrent_leases_have_one_winner_per_delivery(place: Path | str):
    """The other run cannot start what one has leased."""
    with opened(place) as ledger:
        ledger.claim([delivery(str(number)) for number in range(300)], {})

    def lease_all(ledger: Ledger) -> list[Delivery]:
        me, mine = f"run-{id(ledger)}", []
        while block := ledger.lease(me, ["w"], 7, utc_now()):
            mine += block
        return [one for one in mine if ledger.mark_sending(one) == "sending"]

    started = both(place, lease_all)
    assert sorted(int(one.partner_id) for part in started for one in part) == list(range(300))


def test_second_transition_is_refused_and_all_are_logged(ledger: Ledger):
    """Each transition succeeds once; the result keeps the reply."""
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


def test_result_and_next_send_share_one_commit(ledger: Ledger):
    """Each transition still reports whether it succeeded, and has its row of the log."""
    first, second, third = leased(ledger, "a", "b", "c")
    ledger.mark_sending(first)
    assert ledger.record_result_and_mark_sending(ResultToRecord(first, "sending", SENT), second) == (True, "sending")
    assert ledger.record_result_and_mark_sending(ResultToRecord(first, "sending", SENT), third) == (False, "sending")
    assert ledger.record_result_and_mark_sending(ResultToRecord(second, "sending", SENT), third) == (True, None)
    assert states(ledger) == {"a": "sent", "b": "sent", "c": "sending"}
    moves = [(source, target) for source, target, _ in log(ledger) if source in ("leased", "sending")]
    assert moves == [("leased", "sending"), ("sending", "sent")] + [("leased", "sending")] * 2 + [("sending", "sent")]


def test_hard_bounce_suppresses_next_delivery_in_same_commit(ledger: Ledger):
    """The address is suppressed before the next delivery to it is checked."""
    first, second = leased(ledger, "a", "b")
    ledger.mark_sending(first)
    bounced = ResultToRecord(first, "sending", SendResult("failed", "550 5.1.1", is_hard_bounce=True))
    assert ledger.record_result_and_mark_sending(bounced, second) == (True, "suppressed")
    assert states(ledger) == {"a": "failed", "b": "suppressed"}


def test_locked_ledger_is_named_in_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The error is raised after the busy timeout. Once the ledger is unlocked, the same transition succeeds."""
    monkeypatch.setattr("flows.ledger.store.BUSY_TIMEOUT", 0.1)
    with opened(tmp_path / "ledger.db") as ledger, sqlite3.connect(tmp_path / "ledger.db") as other:
        (one,) = leased(ledger, "p")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(PartnerflowError, match=r"ledger\.db does not answer: database is locked"):
            ledger.mark_sending(one)
        other.rollback()
        assert ledger.mark_sending(one) == "sending"


def test_new_ledger_waits_for_other_program_that_creates_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """SQLite itself does not wait when it switches to a write-ahead log."""
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("flows.ledger.store.time.sleep", lambda _: other.in_transaction and other.rollback())
        with opened(tmp_path / "ledger.db") as ledger:
            assert not other.in_transaction
            assert deliveries(ledger) == []


def test_reclaim_makes_leased_pending_and_started_in_doubt(ledger: Ledger):
    """A leased delivery was certainly not sent; a started one may have been. A live worker keeps its own."""
    not_started, started = leased(ledger, "a", "b", run_id="dead")
    ledger.mark_sending(started)
    ledger.end_lease(run_id="dead")
    (alive,) = leased(ledger, "c", run_id="alive")
    ledger.mark_sending(alive)
    ledger.reclaim_expired("me", utc_now())
    assert states(ledger) == {"a": "pending", "b": "in_doubt", "c": "sending"}
    assert not_started.fencing_token < ledger.lease("me", ["w"], 1, utc_now())[0].fencing_token


def test_fencing_token_refuses_worker_with_expired_lease(ledger: Ledger):
    """A worker that was suspended past its lease finds that another one has the delivery."""
    (old,) = leased(ledger, "p", run_id="sleeper")
    ledger.reclaim_expired("other", utc_now() + timedelta(minutes=3))
    (new,) = ledger.lease("other", ["w"], 1, utc_now())
    assert ledger.mark_sending(old) is None
    assert ledger.mark_sending(new) == "sending"
    assert not ledger.record_result(old, "sending", SENT)


def test_deliveries_are_stored_in_lease_order(ledger: Ledger):
    """Ids are hashes; stored in the order of the claim, every email would change another page of the database."""
    ledger.claim([delivery(str(n)) for n in range(40)], {})
    where = {"sqlite": "rowid", "postgresql": "ctid"}[ledger.store.dialect]
    with ledger.store.reading() as connection:
        lie = connection.execute(text(f"SELECT delivery_id FROM delivery ORDER BY {where}")).scalars().all()
    assert lie == [one.delivery_id for one in ledger.lease("r", ["w"], 40, utc_now())]


def test_fencing_token_distinguishes_two_leases_of_one_run(ledger: Ledger):
    """After a release and a second lease, the first lease is no longer valid."""
    (old,) = leased(ledger, "p")
    ledger.release("r")
    (new,) = ledger.lease("r", ["w"], 1, utc_now())
    assert (ledger.mark_sending(old), ledger.mark_sending(new)) == (None, "sending")


def test_late_result_resolves_doubt_but_never_to_pending(ledger: Ledger):
    """A delivery in doubt becomes sent or failed; a temporary refusal leaves it in doubt."""
    first, second = leased(ledger, "a", "b")
    for one in (first, second):
        ledger.mark_sending(one)
    ledger.reclaim_expired("other", utc_now() + timedelta(minutes=3))
    assert ledger.record_result(first, "sending", SENT)
    assert not ledger.record_result(second, "sending", SendResult("pending", "Not now"))
    assert states(ledger) == {"a": "sent", "b": "in_doubt"}


def test_no_automatic_transition_from_in_doubt_to_pending():
    """Only `leased`, and `sending` after a definite refusal, lead to pending; only a person decides a doubt."""
    assert {source for source, targets in AUTOMATIC_TRANSITIONS.items() if "pending" in targets} == {
        "leased",
        "sending",
    }
    assert {
        state for targets in (*AUTOMATIC_TRANSITIONS.values(), *MANUAL_TRANSITIONS.values()) for state in targets
    } <= set(STATES)


def test_deferred_delivery_is_leased_when_due(ledger: Ledger):
    """It has a new fencing token, and its attempts are counted."""
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


def test_lease_leaves_paused_workflows_pending(ledger: Ledger):
    """Only the workflows that the run names are leased."""
    ledger.claim([delivery("p"), delivery("p", workflow="paused")], {})
    assert [one.workflow_id for one in ledger.lease("r", ["w"], 10, utc_now())] == ["w"]


def test_clock_that_was_a_month_ahead_blocks_nothing(ledger: Ledger):
    """Once the clock is right, a lease from that time is not valid, and a retry from that time is due at once. A clock
    that is an hour behind reclaims nothing."""
    now = utc_now()
    ledger.claim([delivery(partner) for partner in "abc"], {})
    ledger.heartbeat("r", "elsewhere", now + timedelta(days=30, minutes=2))
    refused, started, _ = ledger.lease("r", ["w"], 3, now + timedelta(days=30))
    ledger.mark_sending(refused)
    ledger.record_result(refused, "sending", SendResult("pending", "Not now"), now + timedelta(days=30, hours=4))
    ledger.mark_sending(started)
    ledger.reclaim_expired("s", now + timedelta(days=30, hours=-1))
    assert states(ledger) == {"a": "pending", "b": "sending", "c": "leased"}
    ledger.reclaim_expired("s", now)
    assert states(ledger) == {"a": "pending", "b": "in_doubt", "c": "pending"}
    ledger.heartbeat("s", "here", now + timedelta(minutes=2))
    assert [one.partner_id for one in ledger.lease("s", ["w"], 3, now)] == ["a", "c"]


def test_lease_takes_no_more_than_its_limit(ledger: Ledger):
    """The rest is left for other runs."""
    ledger.claim([delivery(partner) for partner in "abcdef"], {})
    assert [one.partner_id for one in ledger.lease("r", ["w"], 2, utc_now())] == ["a", "b"]
    assert [one.partner_id for one in ledger.lease("s", ["w"], 3, utc_now())] == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("scope", "state"),
    [
        ("all", "suppressed"), ("w", "suppressed"), ("v", "sending"), ("1", "sending"),
        ("program:1", "suppressed"), ("program:2", "sending"), ("program:", "sending"),
    ],
)  # fmt: skip
def test_address_suppressed_after_claim_is_not_sent_to(ledger: Ledger, scope: str, state: str):
    """The transition to `sending` checks the key; a suppression for another workflow or program does not count."""
    (one,) = leased(ledger, "p")
    suppress(ledger, [" A@X.example"], "asked us", "person:ann", scope)
    assert ledger.mark_sending(one) == state
    assert states(ledger) == {"p": state}


def test_lifted_suppression_lets_the_email_leave_and_stays_as_a_row(ledger: Ledger):
    """Another scope stays. Suppressed and lifted again, the row says when that was last, who did so and why."""
    (one,) = leased(ledger, "p")
    suppress(ledger, ["a@x.example"], "unsubscribed", "event")
    suppress(ledger, ["a@x.example"], "asked us", "person:ann", "program:2")
    for reason in ("She asked us to", "She asked us again"):
        assert lift(ledger, " A@X.example", reason, "person:bo")
        assert not lift(ledger, "a@x.example", reason, "person:bo")
        found = {each.scope: (each.reason, each.source) for each in suppressions(ledger)}
        assert found == {"lifted:all": (reason, "person:bo"), "program:2": ("asked us", "person:ann")}
        suppress(ledger, ["a@x.example"], "complaint", "event")
    assert lift(ledger, "a@x.example", "again", "person:bo")
    assert ledger.mark_sending(one) == "sending"


def test_hard_bounce_suppresses_address_for_every_workflow(ledger: Ledger):
    """The reply is the reason; other refusals suppress no address."""
    gone, spam = leased(ledger, "gone", "spam")
    for one, is_hard_bounce in ((gone, True), (spam, False)):
        ledger.mark_sending(one)
        ledger.record_result(one, "sending", SendResult("failed", "550", is_hard_bounce=is_hard_bounce))
    (found,) = suppressions(ledger)
    assert (found.email_key, found.scope, found.source) == ("a@x.example", "all", gone.delivery_id)
    assert unsuppress(ledger, "A@x.example")
    assert not unsuppress(ledger, "A@x.example")


@pytest.mark.parametrize("state", ["sent", "failed", "pending"])
def test_person_settles_delivery_in_doubt(ledger: Ledger, state: str):
    """The start of its id is enough. The log keeps the person and the reason."""
    (one,) = leased(ledger, "p")
    ledger.mark_sending(one)
    ledger.record_result(one, "sending", SendResult("in_doubt", "No answer"))
    assert settle_by_person(ledger, one.delivery_id[:5], state, "She answered it", "ann").state == state
    assert log(ledger)[-1] == ("in_doubt", state, "person:ann")
    assert find_delivery(ledger, f"<{one.message_id}>").reason == "She answered it"
    assert len(ledger.lease("r", ["w"], 1, utc_now())) == (state == "pending")


def test_manual_transition_that_is_not_allowed_is_refused(ledger: Ledger):
    """A sent or leased delivery cannot be changed; a reason and a known id are required."""
    (one,) = leased(ledger, "p")
    with pytest.raises(PartnerflowError, match=r"is leased\. A person cannot change this state"):
        settle_by_person(ledger, one.delivery_id, "sent", "because", "ann")
    ledger.mark_sending(one)
    ledger.record_result(one, "sending", SENT)
    with pytest.raises(PartnerflowError, match=r"is sent\. A person cannot change this state"):
        settle_by_person(ledger, one.delivery_id, "pending", "because", "ann")
    with pytest.raises(PartnerflowError, match="Say with --reason TEXT how you know the result"):
        settle_by_person(ledger, one.delivery_id, "sent", " ", "ann")
    for identity in ("x", ""):
        with pytest.raises(PartnerflowError, match="`partnerflow deliveries` lists them"):
            settle_by_person(ledger, identity, "sent", "because", "ann")


def test_person_retries_failed_delivery(ledger: Ledger):
    """For example after a wrong sender address has been corrected."""
    (one,) = leased(ledger, "p")
    ledger.mark_sending(one)
    ledger.record_result(one, "sending", SendResult("failed", "550 5.7.1 not authorised"))
    with pytest.raises(PartnerflowError, match="can become pending"):
        settle_by_person(ledger, one.delivery_id, "sent", "because", "ann")
    settle_by_person(ledger, one.delivery_id, "pending", "SPF is right now", "ann")
    assert [again.fencing_token for again in ledger.lease("r", ["w"], 1, utc_now())] == [2]


def test_event_settles_only_delivery_in_doubt(ledger: Ledger):
    """The event is a provider's or a bounce, and has the Message-ID or the delivery id."""
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
    """Run random operations on a ledger, as runs, people and events would; yield after each."""
    dice = random.Random(seed)
    held: list[Delivery] = []
    for step in range(steps):
        act = dice.choice(["claim", "lease", "send", "send", "record", "record", "reclaim", "person", "release"])
        if act == "claim":
            partners = dice.sample(range(200), 3)
            ledger.claim([delivery(str(partner), workflow=dice.choice("vw")) for partner in partners], {})
        elif act == "lease":
            ledger.heartbeat(f"r{step}", "here", utc_now() + timedelta(minutes=1))
            held += ledger.lease(f"r{step}", ["v", "w"], 4, utc_now() + timedelta(days=1))
        elif act == "send" and held:
            ledger.mark_sending(dice.choice(held[-12:]))
        elif act == "record" and held:
            state = dice.choice(["sent", "failed", "pending", "expired", "in_doubt"])
            ledger.record_result(dice.choice(held[-12:]), "sending", SendResult(state, state))
        elif act == "reclaim":
            ledger.end_lease(run_id=f"r{dice.randrange(step + 1)}")
            ledger.reclaim_expired("me", utc_now())
        elif act == "release":
            ledger.release(f"r{dice.randrange(step + 1)}")
        elif act == "person":
            for one in deliveries(ledger, ["in_doubt", "failed"])[:1]:
                ledger.resolve(one, dice.choice(sorted(MANUAL_TRANSITIONS[one.state])), "person:ann", "because")
        yield


def test_log_is_complete_and_mirror_follows_random_operations(ledger: Ledger, tmp_path: Path):
    """In every order of operations: each row of the log starts in the state in which the delivery's last row ended, the
    last one is the delivery's state, and every transition is allowed. The mirror equals the ledger."""
    dice = random.Random(7)
    with empty_warehouse(tmp_path) as warehouse:
        for _ in shuffled(ledger, seed=5, steps=400):
            if dice.random() < 0.05:
                mirror(warehouse, ledger)
        mirror(warehouse, ledger)
        query = f"SELECT {', '.join(DELIVERY_COLUMNS)} FROM raw.sent_emails ORDER BY delivery_id"
        mirrored = warehouse.execute(query).fetchall()
    rows = {one.delivery_id: one for one in deliveries(ledger)}
    ours = [name for name in DELIVERY_COLUMNS if name != "delivered_as_of"]
    assert [row[: len(ours)] for row in mirrored] == [
        tuple(getattr(rows[key], name) for name in ours) for key in sorted(rows)
    ]
    last_state: dict[str, str | None] = {}
    visited = set()
    with ledger.store.reading() as connection:
        lines = connection.execute(text("SELECT delivery_id, from_state, to_state FROM delivery_log ORDER BY id"))
        for key, source, target in lines:
            assert last_state.get(key) == source
            assert source is None or target in AUTOMATIC_TRANSITIONS.get(source, set()) | MANUAL_TRANSITIONS.get(
                source, set()
            )
            last_state[key] = target
            visited.add(target)
    assert last_state == {key: one.state for key, one in rows.items()}
    assert {"pending", "leased", "sending", "sent", "failed", "expired", "in_doubt"} <= visited


def changes_of(ledger: Ledger, watermark: Watermark | None) -> tuple[list[Delivery], Changes]:
    """Return the deliveries that have changed since a watermark, and what else is said of the changes."""
    with changes_since(ledger, watermark) as changes:
        return list(itertools.chain(*changes.batches)), changes


def test_mirror_writes_in_batches(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """All rows arrive, at first and after a change of each, though only two are in memory at once."""
    monkeypatch.setattr("flows.ledger.queries.CHANGES_AT_A_TIME", 2)
    ones = leased(ledger, *"abcde")
    with changes_since(ledger, None) as changes:
        assert [len(batch) for batch in changes.batches] == [2, 2, 1]
    with empty_warehouse(tmp_path) as warehouse:
        for state in ("leased", "sending"):
            mirror(warehouse, ledger)
            rows = warehouse.execute(
                "SELECT state, count(*), count(DISTINCT partner_id) FROM raw.sent_emails GROUP BY 1"
            )
            assert rows.fetchall() == [(state, 5, 5)]
            for one in ones:
                ledger.mark_sending(one)


def test_interrupted_mirror_loses_no_row(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A batch is written whole or not at all, a replacement of all rows too, and the next mirror writes the rest."""
    monkeypatch.setattr("flows.ledger.queries.CHANGES_AT_A_TIME", 2)
    ones = leased(ledger, *"abcde")
    states = "SELECT state, count(*) FROM raw.sent_emails GROUP BY state ORDER BY state"
    with empty_warehouse(tmp_path) as warehouse:

        def interrupted() -> list[tuple[str, int]]:
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr("flows.ledger.mirror._deliveries_frame", frames_until(2))
                mirror(warehouse, ledger)
            return warehouse.execute(states).fetchall()

        mirror(warehouse, ledger)
        for one in ones:
            ledger.mark_sending(one)
        assert interrupted() == [("leased", 3), ("sending", 2)]
        mirror(warehouse, ledger)
        assert warehouse.execute(states).fetchall() == [("sending", 5)]
        warehouse.execute("DELETE FROM raw.sent_emails WHERE partner_id = 'b'")
        assert interrupted() == [("sending", 4)]
        mirror(warehouse, ledger)
        assert warehouse.execute(states).fetchall() == [("sending", 5)]


def frames_until(number: int) -> Callable[[Iterable[Delivery]], pandas.DataFrame]:
    """Return what makes the rows of a batch, and is interrupted at the batch with this number."""
    batches = itertools.count(1)

    def frame(deliveries: Iterable[Delivery]) -> pandas.DataFrame:
        if next(batches) == number:
            raise KeyboardInterrupt
        return _deliveries_frame(deliveries)

    return frame


def test_mirror_reads_only_changes_since_its_watermark(ledger: Ledger, tmp_path: Path):
    """A watermark of another log, or a mirror that lost rows, makes it read everything again."""
    first, _ = leased(ledger, "a", "b")
    with empty_warehouse(tmp_path) as warehouse:
        mirror(warehouse, ledger)
        watermark = changes_of(ledger, None)[1].watermark
        ledger.mark_sending(first)
        found, changes = changes_of(ledger, watermark)
        assert ([one.partner_id for one in found], changes.is_complete) == (["a"], False)
        warehouse.execute("DELETE FROM raw.sent_emails WHERE partner_id = 'b'")
        mirror(warehouse, ledger)
        assert warehouse.execute("SELECT count(*) FROM raw.sent_emails").fetchone() == (2,)
        warehouse.execute("UPDATE raw.ledger_watermark SET delivery_id = 'another'")
        warehouse.execute("UPDATE raw.sent_emails SET reason = 'stale'")
        mirror(warehouse, ledger)
        assert warehouse.execute("SELECT DISTINCT reason FROM raw.sent_emails").fetchall() == [(None,)]


def test_mirror_has_the_addresses_of_copies(ledger: Ledger, tmp_path: Path):
    """The cc and bcc of all message versions in canonical form, with each form that an event may spell."""
    contents = [{"cc": "Desk@Bücher.example", "bcc": None}, {"cc": None, "bcc": "desk@bücher.example"}, {"bcc": "a@x"}]
    with ledger.store.writing() as connection:
        rows = [{"version": str(number), "content": content} for number, content in enumerate(contents)]
        connection.execute(MESSAGE_VERSION.insert(), rows)
    with empty_warehouse(tmp_path) as warehouse:
        mirror(warehouse, ledger)
        found = warehouse.execute("SELECT email, spelling FROM raw.copy_addresses ORDER BY spelling").fetchall()
    desk = "desk@xn--bcher-kva.example"
    assert found == [("a@x", "a@x"), (desk, "desk@bücher.example"), (desk, desk)]


def test_changes_wait_for_uncommitted_log_ids(tmp_path: Path):
    """In PostgreSQL a later id may be committed first; the watermark must not pass the earlier one."""
    changes: list = []
    with opened(ledger_location("postgresql", tmp_path)) as ledger:
        first, second = leased(ledger, "a", "b")
        watermark = changes_of(ledger, None)[1].watermark
        with ledger.store.writing() as slow:
            mark_sending(slow, first)
            ledger.mark_sending(second)
            reader = threading.Thread(target=lambda: changes.append(changes_of(ledger, watermark)[0]))
            reader.start()
            reader.join(0.5)
            assert changes == []
        reader.join()
    assert sorted(one.partner_id for one in changes[0]) == ["a", "b"]


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


def test_changes_miss_nothing_written_concurrently(place: Path | str):
    """Ids of the log are drawn before they are committed; none is skipped."""
    with opened(place) as ledger:
        ledger.claim([delivery(str(number)) for number in range(200)], {})
    seen: dict[str, str] = {}
    over = threading.Event()

    def watch(ledger: Ledger) -> None:
        watermark = None
        while True:
            last = over.is_set()
            found, changes = changes_of(ledger, watermark)
            seen.update({one.delivery_id: one.state for one in found})
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


def test_message_key_is_created_once_and_kept(place: Path | str, tmp_path: Path):
    """The same partner has the same Message-ID in every run, and nobody can guess it."""
    with opened(place) as first, opened(place) as second, opened(tmp_path / "other.db") as other:
        assert first.message_key == second.message_key != other.message_key


def test_file_that_is_not_a_ledger_is_never_replaced(tmp_path: Path):
    """It may be the only record of who has been contacted."""
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
def test_unreachable_ledger_is_reported_without_password(place: str, says: str):
    """The error is one message."""
    with pytest.raises(PartnerflowError) as caught:
        Ledger(place)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_commits_are_on_disk_before_they_return(ledger: Ledger):
    """A power cut loses no `sending`: SQLite has WAL with synchronous FULL, PostgreSQL synchronous_commit."""
    questions = {
        "sqlite": {"PRAGMA journal_mode": "wal", "PRAGMA synchronous": 2},
        "postgresql": {"SHOW synchronous_commit": "on"},
    }[ledger.store.dialect]
    with ledger.store.reading() as connection:
        assert {query: connection.execute(text(query)).scalar() for query in questions} == questions
