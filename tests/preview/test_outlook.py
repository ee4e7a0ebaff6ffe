"""The outlook is that of every hour of the days, though few of them are evaluated."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flows.clock import next_hour
from flows.definitions.loader import read_definitions
from flows.ledger.holdout import Holdouts
from flows.preview.compiled_models import CompiledModels, read_compiled_models
from flows.preview.hours import local_hours, open_facts
from flows.preview.outlook import Outlook, look_ahead
from flows.preview.replay import Replay
from flows.settings import Settings
from flows.warehouse.connection import Connection
from flows.warehouse.evaluations import Hour
from support.states import HOUR

DAYS = 3

ALONE = ("few-clicks-14", "prospect-follow-up-7", "prospect-invite", "welcome")
"""Workflows that partners come into with a day, by an email, by a transition, and by a contract."""

AFTER, BEFORE = HOUR + timedelta(hours=1), HOUR - timedelta(days=9)
"""An hour after the run of the example account, and one after which the facts have stages, actions and contracts."""


@pytest.fixture(scope="module")
def definitions(example):
    """The definitions of the sixteen workflows."""
    return read_definitions(example[0])


@contextmanager
def facts(settings: Settings) -> Iterator[tuple[Connection, CompiledModels]]:
    """Open the facts of the example account, with the models that made them."""
    with open_facts(settings) as connection:
        yield connection, read_compiled_models(settings, connection)


def every_instant(replay: Replay, settings: Settings, as_of: datetime) -> list[Hour]:
    """Return all instants that runs evaluate from an hour on."""
    found = []
    for program, zone in replay.programs():
        first = as_of.astimezone(ZoneInfo(zone)).date()
        hours = local_hours(program, ZoneInfo(zone), first, first + timedelta(days=DAYS), settings.zone)
        found += [one for one in hours if one.as_of >= as_of]
    return found


def looked(settings: Settings, definitions, workflows, as_of: datetime) -> Outlook:
    """Return the outlook of workflows."""
    with facts(settings) as (connection, models):
        return look_ahead(
            connection, models, workflows, definitions.compiler, as_of, DAYS, settings.zone, Holdouts()
        )  # fmt: skip


@pytest.mark.parametrize("as_of", [AFTER, BEFORE], ids=["after", "before"])
def test_outlook_of_each_workflow_when_alone_is_that_of_every_hour(example, definitions, as_of: datetime):
    """The first hour at which a partner is in the segment, of those that have an address and had no email of it."""
    settings = example[0]
    emails = [definitions[name] for name in ALONE]
    with facts(settings) as (connection, models):
        hours = every_instant(Replay(connection, emails, definitions.compiler, models, settings.zone), settings, as_of)
        members = connection.execute(models.at(hours, definitions.compiler.membership(emails))).fetchall()
        with_address = """
            SELECT program_id, partner_id FROM intermediate.int_partner_addresses
            WHERE is_primary AND NOT is_unsubscribed"""
        reached = set(connection.execute(with_address).fetchall())
        known = "SELECT workflow_id, partner_id FROM raw.sent_emails WHERE as_of < ?"
        contacted = set(connection.execute(known, [as_of.replace(tzinfo=None)]).fetchall())
    expected: dict[tuple[str, str], datetime] = {}
    for workflow, program, partner, at in sorted(members, key=lambda one: one[3]):
        if (program, partner) in reached and (workflow, partner) not in contacted:
            expected.setdefault((workflow, partner), next_hour(settings.zone, at.replace(tzinfo=UTC)))
    found = {
        (one.workflow_id, one.partner_id): one.as_of
        for workflow in emails
        for one in looked(settings, definitions, [workflow], as_of).sends
    }
    assert found == expected
    assert len({at for at in expected.values() if at > as_of}) > 1


@pytest.mark.parametrize("as_of", [AFTER, BEFORE], ids=["after", "before"])
def test_outlook_of_workflows_together_is_that_of_every_hour(example, definitions, as_of: datetime):
    """An email moves its partner to Outreach from the next hour on, and the reminder of a week later follows it."""
    settings = example[0]
    with facts(settings) as (connection, models):
        replay = Replay(connection, definitions.workflows, definitions.compiler, models, settings.zone)
        replay.run(every_instant(replay, settings, as_of))
        found = looked(settings, definitions, definitions.workflows, as_of)
    assert found.sends == tuple(replay.sends())
    for one in definitions.workflows:  # the first partners of each, with the hour at which they come
        now, later = found.first(one.id, 2)
        assert (len(now), len(later)) == (min(2, found.now().get(one.id, 0)), min(2, found.later().get(one.id, 0)))
        assert all(send.as_of == as_of for send in now) and all(send.as_of > as_of for send in later)
        assert later == sorted(later, key=lambda send: send.as_of)
