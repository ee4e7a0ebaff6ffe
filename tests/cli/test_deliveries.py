"""`settle` of many deliveries: how they are chosen, the evidence about them, and the question."""

import shutil
import sys
from collections import Counter
from dataclasses import replace
from datetime import datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from rich.console import Console

from flows.cli.output.deliveries import deliveries_table, evidence_table
from flows.ledger.delivery import RESTORED_CONTEXT, SendResult, utc_now
from flows.ledger.queries import deliveries
from flows.sending.evidence import find_evidence
from flows.settings import Settings
from flows.warehouse.partner_names import PartnerNames
from flows.warehouse.program_names import ProgramNames
from support.cli import Answer, partnerflow
from support.ledgers import delivery, log, opened, states

WHY = ("--reason", "The mail server was down")


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A state, not to be changed, with five deliveries in doubt and f, which is sent.

    a, b, c and e are of workflow w, of which e was restored, and d is of v, by another run. An event speaks of a, b has
    a file in the outbox, and the mail server's log has c.
    """
    settings = Settings(state_dir=tmp_path_factory.mktemp("in doubt") / "var")
    claimed = [delivery(name, f"{name}@x.example", "v" if name == "d" else "w") for name in "abcdf"]
    claimed.append(replace(delivery("e", "e@x.example"), context=RESTORED_CONTEXT))
    with opened(settings.ledger) as ledger:
        ledger.claim(claimed, {})
        for run, workflow in (("one", "w"), ("two", "v")):
            for one in ledger.lease(run, [workflow], 10, utc_now()):
                ledger.mark_sending(one)
                doubt = SendResult("in_doubt", "No reply after the message: timed out", text=f"250 maybe {run}")
                ledger.record_result(one, "sending", SendResult("sent") if one.partner_id == "f" else doubt)
    settings.outbox.mkdir(parents=True)
    (settings.outbox / "w-b-b@x.example.eml").touch()
    settings.published.parent.mkdir(parents=True)
    with duckdb.connect(settings.published) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(
            "CREATE TABLE marts.fct_email_deliveries AS SELECT 'w-a-a@x.example' AS delivery_id, 2 AS events"
        )
    (settings.state_dir / "mail.log").write_bytes(b"\xff cleanup[1]: 3A5F: message-id=<w-c-c@x.example>\n")
    return settings


@pytest.fixture
def settings(unchanged: Settings, tmp_path: Path) -> Settings:
    """A copy of that state."""
    shutil.copytree(unchanged.state_dir, tmp_path / "var")
    return Settings(state_dir=tmp_path / "var")


def settle(settings: Settings, *arguments: str, stdin: str = "") -> Answer:
    """Run `settle` with this input."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", StringIO(stdin))
        return partnerflow(settings, "settle", *arguments)


def now(settings: Settings) -> dict[str, str]:
    """Return the state of each partner's delivery."""
    with opened(settings.ledger) as ledger:
        return states(ledger)


def test_settle_dry_run_lists_the_evidence(unchanged: Settings):
    """Events, a file, and the mail server's log; nothing changes, and one delivery can be looked at, too."""
    mail_log = ("--mail-log", str(unchanged.state_dir / "mail.log"))
    found = settle(unchanged, "w", "--dry-run", "--json", *mail_log).json()["deliveries"]
    assert {one["partner_id"]: tuple(one["evidence"].values()) for one in found} == {
        "a": (2, False, False), "b": (0, True, False), "c": (0, False, True), "e": (0, False, False),
    }  # fmt: skip
    assert found[0].keys() >= {"message_id", "reply_text", "reason", "state", "send_started_at"}
    table = " ".join(settle(unchanged, "w-a", "--dry-run").stdout.split())
    assert ("2 events" in table, "1 delivery, 1 with evidence that they left" in table) == (True, True)
    assert Counter(now(unchanged).values()) == {"in_doubt": 5, "sent": 1}


@pytest.mark.parametrize(
    ("chosen", "partners"),
    [
        (["w"], "abce"),
        (["--run", "two"], "d"),
        (["--containing", "TIMED OUT"], "abcde"),
        (["--containing", "maybe two"], "d"),
        (["--containing", "100%"], ""),
        (["--evidence", "some"], "ab"),
        (["w", "--evidence", "none"], "ce"),
        (["w", "--state", "sent"], "f"),
    ],
)
def test_settle_chooses_by_workflow_run_text_and_evidence(unchanged: Settings, chosen: list[str], partners: str):
    """Those in doubt by default. `deliveries` takes the same conditions."""
    found = settle(unchanged, *chosen, "--dry-run", "--json").json().get("deliveries", [])
    assert "".join(sorted(one["partner_id"] for one in found)) == partners
    if "--evidence" not in chosen:
        listed = partnerflow(unchanged, "deliveries", "--state", "in_doubt", *chosen, "--json").json()["deliveries"]
        assert [one["delivery_id"] for one in listed] == [one["delivery_id"] for one in found]


@pytest.mark.parametrize(
    ("conditions", "partners"),
    [
        (["--partner", "a"], "a"),
        (["--address", "B@x.example"], "b"),
        (["v", "--state", "in_doubt"], "d"),
        (["--to", "2026-03-20"], "abcde"),
        (["--from", "2026-03-21"], "f"),
        (["--from", "2026-03-21", "--to", "2026-03-22"], ""),
    ],
)
def test_deliveries_are_chosen_by_partner_address_and_date(unchanged: Settings, conditions: list[str], partners: str):
    """A date is that of sending, or of the hour of one that was not sent; the argument is a workflow."""
    found = partnerflow(unchanged, "deliveries", *conditions, "--json").json()["deliveries"]
    assert "".join(sorted(one["partner_id"] for one in found)) == partners


def test_deliveries_show_times_and_their_number_per_day(unchanged: Settings):
    """The table has the hour of those that were not sent; the bars have a day each."""
    text = partnerflow(unchanged, "deliveries").stdout
    first, bars, *_ = text.splitlines()
    assert first == "6 deliveries: 1 sent, 5 in_doubt."
    assert bars.startswith("Deliveries per day, ")
    assert "2026-03-20 18:00" in text


def test_deliveries_say_until_when_an_email_waits():
    """With the reason, in the time zone of the program."""
    waits = delivery("p", reason="Waits for the send window.", not_before=datetime(2026, 3, 23, 13))
    programs = ProgramNames(ZoneInfo("UTC"), zones={waits.program_id: ZoneInfo("America/New_York")})
    console = Console(file=StringIO(), width=160)
    console.print(deliveries_table([waits, replace(waits, state="sent")], programs, PartnerNames({})))
    shown = " ".join(console.file.getvalue().split())
    assert shown.count("Waits for the send window.") == 2
    assert shown.count("Until 2026-03-23 09:00 EDT") == 1


def test_settle_many_asks_first(settings: Settings):
    """After the list. Only yes moves them, and the log has who and why."""
    refused = settle(settings, "w", "--as", "sent", *WHY, stdin="n\n")
    assert (refused.code, "Settle 4 deliveries as sent?" in refused.stdout, refused.stderr) == (
        1,
        True,
        "Nothing has been changed.\n",
    )
    assert Counter(now(settings).values()) == {"in_doubt": 5, "sent": 1}
    done = settle(settings, "w", "--as", "sent", *WHY, "--by", "ann", stdin="y\n")
    assert (done.code, done.stdout.rstrip().endswith("4 are sent.")) == (0, True)
    assert Counter(now(settings).values()) == {"in_doubt": 1, "sent": 5}
    with opened(settings.ledger) as ledger:
        assert log(ledger)[-4:] == [("in_doubt", "sent", "person:ann")] * 4


def test_settle_many_as_pending_leaves_those_without_values(settings: Settings):
    """`restore` has lost the values of one message, so that it cannot be sent again."""
    arguments = ("w", "--as", "pending", *WHY, "--yes")
    assert settle(settings, *arguments, "--json").json() == {"state": "pending", "settled": 3, "unchanged": 1}
    found = now(settings)
    assert "".join(sorted(name for name in found if found[name] == "pending")) == "abc"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--as", "sent"], "Name a workflow or one delivery, or choose"),
        (["w-a", "--run", "one", "--as", "sent"], "leave them out, or the delivery"),
        (["w", *WHY], "The new state is missing"),
        (["w", "--as", "sent"], "The reason is missing"),
        (["w", "--as", "sent", *WHY, "--json"], "Add --yes"),
        (["w", "--as", "lost", *WHY, "--yes"], "It can become failed, pending, sent"),
        (["w", "--state", "sent", "--as", "failed", *WHY, "--yes"], "A person cannot change this state"),
        (["w", "--state", "lost", "--as", "sent", *WHY, "--yes"], "lost is not a valid state"),
        (["x", "--as", "sent", *WHY, "--yes"], "No delivery starts with 'x'"),
        (["w", "--run", "two", "--as", "sent", *WHY], "No delivery that is in_doubt meets these conditions"),
        (["--evidence", "much", "--as", "sent", *WHY, "--yes"], "Write some or none"),
        (["w", "--mail-log", "/no/such.log", "--dry-run"], "/no/such.log cannot be read"),
    ],
)
def test_settle_that_is_not_clear_changes_nothing(unchanged: Settings, arguments: list[str], says: str):
    """The error says what to write."""
    done = settle(unchanged, *arguments)
    assert (done.code, says in done.stderr) == (1, True)
    assert Counter(now(unchanged).values()) == {"in_doubt": 5, "sent": 1}


def test_long_list_is_cut_before_the_question(unchanged: Settings):
    """The counts below it are those of all deliveries."""
    with opened(unchanged.ledger) as ledger:
        found = find_evidence(unchanged, deliveries(ledger, ["in_doubt"]))
    table = evidence_table(found, ProgramNames(ZoneInfo("UTC")), limit=2)
    assert (table.row_count, evidence_table(found, ProgramNames(ZoneInfo("UTC"))).row_count) == (2, 5)
    assert table.caption == (
        "5 deliveries, 2 with evidence that they left; these are the first 2, and --dry-run lists all"
    )


def test_suppress_for_a_program_is_a_scope_of_its_own(settings: Settings):
    """It is listed and lifted by the same option; with a workflow, it is a misuse."""
    assert partnerflow(settings, "suppress").stdout == "No address is suppressed.\n"
    added = partnerflow(settings, "suppress", "Ann@x.example", "--program", "1000", "--json")
    assert [(one["email_key"], one["scope"]) for one in added.json()["suppressions"]] == [
        ("ann@x.example", "program:1000")
    ]
    assert partnerflow(settings, "suppress", "ann@x.example", "w", "--program", "1000").code == 2
    assert partnerflow(settings, "suppress", "ann@x.example", "--remove", *WHY).code == 1
    assert partnerflow(settings, "suppress", "ann@x.example", "--program", "1000", "--remove", *WHY).code == 0
    assert partnerflow(settings, "suppress", "--program", "1000", "--json").json() == {"suppressions": []}
