"""The sixteen workflows of the help page on the example account, against members derived by hand."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from flows.settings import CHECKOUT
from support.example_members import APPLICATIONS, MEMBERS, NOT_MEMBERS

WORKFLOWS = sorted(path.stem for path in (CHECKOUT / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def published(example):
    """The published file, as an analyst opens it."""
    settings, _ = example
    with duckdb.connect(settings.published, read_only=True) as connection:
        yield connection


def test_every_row_of_the_six_examples_is_a_workflow():
    """Five rows of Example 1, one of 2, two of 3, two of 4, four of 5, two of 6."""
    assert sorted(MEMBERS) == WORKFLOWS
    assert len(WORKFLOWS) == 16


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_members_are_those_derived_by_hand(published, workflow):
    """The published membership holds exactly the partners that the help page and the seed rows give."""
    query = "SELECT partner_id FROM marts.segment_membership WHERE workflow_id = ?"
    found = {partner for (partner,) in published.execute(query, [workflow]).fetchall()}
    assert set(MEMBERS[workflow]) == found


@pytest.mark.parametrize("workflow", sorted(NOT_MEMBERS))
def test_near_misses_stay_out(published, workflow):
    """Those whom a naive pipeline would take are not members."""
    query = "SELECT partner_id FROM marts.segment_membership WHERE workflow_id = ?"
    found = {partner for (partner,) in published.execute(query, [workflow]).fetchall()}
    assert found.isdisjoint(NOT_MEMBERS[workflow])


def test_waiting_applications_are_accepted_once(example):
    """Of the application workflow's members those that wait get a decision, each about its contract."""
    settings, _ = example
    decisions = [json.loads(file.read_text()) for file in settings.decisions.glob("*.json")]
    assert {one["partner_id"]: one["contract_id"] for one in decisions} == APPLICATIONS
    assert {one["decision"] for one in decisions} == {"accept"}


def test_every_member_is_accounted_for(example):
    """members = already contacted + suppressed + no address + recipients, for each email workflow."""
    _, run = example
    for row in run.plan.workflows:
        if row.workflow_id != "accept-applications":
            parts = row.already_contacted + row.suppressed + row.no_address + row.recipients
            assert (row.workflow_id, row.members) == (row.workflow_id, parts)
            assert row.sent == row.recipients


def test_the_welcome_leaves_out_whom_it_cannot_write_to(example):
    """One member has no contact at all; one primary contact is unsubscribed, and no other contact is used instead."""
    _, run = example
    (welcome,) = [row for row in run.plan.workflows if row.workflow_id == "welcome"]
    assert (welcome.no_address, welcome.suppressed) == (1, 1)


def test_a_partner_with_two_programs_has_two_stages(published):
    """Everything is per program and partner."""
    query = "SELECT program_id, relationship_stage FROM marts.fct_partners WHERE partner_id = '21009000'"
    stages = dict(published.execute(query).fetchall())
    assert stages == {"1000": "Joined", "2000": "Outreach"}


def test_ids_that_look_like_numbers_stay_text(published):
    """0042917 and 42917 are two partners, and 31e4 is one."""
    query = "SELECT partner_id FROM marts.fct_partners WHERE partner_id IN ('0042917', '42917', '31e4', '310000.0')"
    assert sorted(partner for (partner,) in published.execute(query).fetchall()) == ["0042917", "31e4", "42917"]


def test_the_seeds_are_what_their_generator_writes(tmp_path: Path):
    """The committed files and the committed generator say the same, byte for byte."""
    subprocess.run([sys.executable, CHECKOUT / "seeds" / "make_example.py", "--to", tmp_path], check=True)
    written = {file.name: file.read_bytes() for file in tmp_path.glob("*.csv")}
    committed = {file.name: file.read_bytes() for file in (CHECKOUT / "seeds").glob("*.csv")}
    assert committed == written


def test_one_address_under_two_partners_gets_an_email_for_each(published):
    """The key is the partner; the address is only where it is written to."""
    rows = published.execute("SELECT email, partner_id FROM marts.sent_emails WHERE state = 'sent'").fetchall()
    partners = defaultdict(set)
    for email, partner in rows:
        partners[email].add(partner)
    assert max(len(found) for email, found in partners.items() if email) >= 2
