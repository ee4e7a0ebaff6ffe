"""The sixteen workflows of the help page on the example account, compared with members derived by hand."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from flows.settings import CHECKOUT
from flows.warehouse.connection import open_warehouse
from support.definitions import DEFINITION_FILES
from support.example_members import APPLICATIONS, MEMBERS, NOT_MEMBERS

IDS = sorted(path.stem for path in DEFINITION_FILES)


@pytest.fixture(scope="module")
def published(example):
    """A connection to the published file, opened as an analyst does."""
    settings, _ = example
    with duckdb.connect(settings.published, read_only=True) as connection:
        yield connection


def test_every_row_of_the_six_examples_is_a_workflow():
    """Example 1 has five rows, example 2 one, examples 3, 4 and 6 two each, and example 5 four."""
    assert sorted(MEMBERS) == IDS
    assert len(IDS) == 16


@pytest.mark.parametrize("workflow", IDS)
def test_members_are_those_derived_by_hand(published, workflow):
    """The published membership has exactly the partners derived from the help page and the seed rows."""
    query = "SELECT partner_id FROM marts.segment_membership WHERE workflow_id = ?"
    found = {partner for (partner,) in published.execute(query, [workflow]).fetchall()}
    assert set(MEMBERS[workflow]) == found


@pytest.mark.parametrize("workflow", sorted(NOT_MEMBERS))
def test_near_misses_are_not_members(published, workflow):
    """Partners that a naive query would include are not members."""
    query = "SELECT partner_id FROM marts.segment_membership WHERE workflow_id = ?"
    found = {partner for (partner,) in published.execute(query, [workflow]).fetchall()}
    assert found.isdisjoint(NOT_MEMBERS[workflow])


def test_waiting_applications_are_accepted_once(example):
    """Each member with a waiting application gets one decision, which names the contract."""
    settings, _ = example
    decisions = [json.loads(file.read_text()) for file in settings.decisions.glob("*.json")]
    assert {one["partner_id"]: one["contract_id"] for one in decisions} == APPLICATIONS
    assert {one["decision"] for one in decisions} == {"accept"}


def test_every_member_is_accounted_for(example):
    """members = already contacted + suppressed + no address + recipients, for each email workflow.

    An application workflow has members without an application that waits instead of the suppressed.
    """
    settings, run = example
    with open_warehouse(settings.warehouse) as connection:
        query = "SELECT workflow_id, no_application FROM segments.segment_counts"
        others = dict(connection.execute(query).fetchall())
    assert others["accept-applications"] == 4
    for row in run.plan.workflows:
        parts = row.already_contacted + row.suppressed + row.no_address + row.recipients + others[row.workflow_id]
        assert (row.workflow_id, row.members) == (row.workflow_id, parts)
        assert row.sent == row.recipients


def test_welcome_skips_missing_and_unsubscribed_addresses(example):
    """One member has no contact; another has an unsubscribed primary contact, which no other contact replaces."""
    _, run = example
    (welcome,) = [row for row in run.plan.workflows if row.workflow_id == "welcome"]
    assert (welcome.no_address, welcome.suppressed) == (1, 1)


def test_partner_of_two_programs_has_two_stages(published):
    """Relationship stages are per program and partner."""
    query = "SELECT program_id, relationship_stage FROM marts.fct_partners WHERE partner_id = '21009000'"
    stages = dict(published.execute(query).fetchall())
    assert stages == {"1000": "Joined", "2000": "Outreach"}


def test_ids_that_look_like_numbers_stay_text(published):
    """0042917 and 42917 are two partners, and 31e4 is not 310000.0."""
    query = "SELECT partner_id FROM marts.fct_partners WHERE partner_id IN ('0042917', '42917', '31e4', '310000.0')"
    assert sorted(partner for (partner,) in published.execute(query).fetchall()) == ["0042917", "31e4", "42917"]


def test_seeds_equal_the_output_of_their_generator(tmp_path: Path):
    """seeds/make_example.py writes the committed files, byte for byte."""
    subprocess.run([sys.executable, CHECKOUT / "seeds" / "make_example.py", "--to", tmp_path], check=True)
    written = {file.name: file.read_bytes() for file in tmp_path.glob("*.csv")}
    committed = {file.name: file.read_bytes() for file in (CHECKOUT / "seeds").glob("*.csv")}
    assert committed == written


def test_shared_address_gets_an_email_for_each_partner(published):
    """Workflows contact partners, so partners that share an address get an email each."""
    rows = published.execute("SELECT email, partner_id FROM marts.sent_emails WHERE state = 'sent'").fetchall()
    partners = defaultdict(set)
    for email, partner in rows:
        partners[email].add(partner)
    assert max(len(found) for email, found in partners.items() if email) >= 2
