"""Workflows of the example account are installed, simulated, run, paused, edited and deleted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from flows.definitions.loader import read_definitions
from flows.definitions.scaffold.create import from_template
from flows.definitions.scaffold.templates import template, templates
from flows.pipeline.run import Run, run_hour
from flows.preview.preview import preview
from flows.preview.simulate import Simulation, simulate
from flows.settings import Settings
from support.example_workflows import WORKFLOWS, copy_workflows
from support.states import HOUR, copy_state, remove_state

JOINS_IN_THE_EVENING = "21004803"
EVENING = HOUR + timedelta(hours=5)

EXPECTED = {
    "p-prospecting-invite": "prospect-invite",
    "p-prospecting-follow-up-7": "prospect-follow-up-7",
    "p-prospecting-follow-up-14": "prospect-follow-up-14",
    "p-prospecting-accept": "accept-applications",
    "p-prospecting-welcome": "prospect-welcome",
    "k-kickstart-welcome": "welcome",
    "s-first-sale": "first-action-30",
    "m-milestone-1000": "revenue-1000",
    "m-milestone-10000": "revenue-10000",
}
"""Workflow of a template to the example workflow with the same segment."""


PREFIXES = {
    "automate-your-prospecting": ("p-", "2000"),
    "celebrate-a-first-sale": ("s-", "1000"),
    "celebrate-top-performing-partners": ("m-", "1000"),
    "unlock-the-power-of-top-creators": ("t-", "2000"),
    "welcome-and-kickstart": ("k-", "1000"),
}
"""The prefix and the program that each template is installed with."""


CONTACTED = {
    "k-kickstart-assets": ["21004787", "21004795"],
    "k-kickstart-welcome": [
        "21004711", "21004729", "21004737", "21004753", "21004779", "21004803", "21004829", "21009000",
        "31e4",
    ],
    "m-milestone-1000": ["21006047", "21006062", "21006088", "21006096"],
    "m-milestone-10000": ["21005321", "21006088", "21006245", "21006278"],
    "p-prospecting-accept": ["33001106", "33005008", "33005032"],
    "p-prospecting-follow-up-7": ["33002021"],
    "s-first-sale": [
        "21005206", "21005214", "21006005", "21006039", "21006047", "21006054", "21006062", "21006070", "21006088",
        "21006096", "21006112",
    ],
}  # fmt: skip
"""The partners that each installed workflow contacts in the run of that evening; the others contact nobody."""


@dataclass
class Evening:
    """The example account five hours after its run, when a partner has joined.

    Since then `welcome` has been paused and `first-action-30` deleted (its text is `deleted`), and every template has
    been installed, simulated and activated. `run` is the run of that hour.
    """

    settings: Settings
    deleted: str
    simulation: Simulation
    drafts: tuple[str, ...]
    run: Run


@pytest.fixture(scope="module")
def evening(example, workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """The state of that evening; the last test runs another hour in it."""
    folder = tmp_path_factory.mktemp("life")
    copy_state(example[0].state_dir, workshop)
    copy_workflows(folder / "workflows")
    settings = Settings(state_dir=workshop, workflows=folder / "workflows")
    rewrite(settings.workflows / "welcome.yml", "status: active", "status: paused")
    sale = settings.workflows / "first-action-30.yml"
    deleted = sale.read_text()
    sale.unlink()
    drafts = tuple(name for template_id in PREFIXES for name in install(settings, template_id))
    definitions = read_definitions(settings)
    assert not {one.id for one in definitions.active}.intersection(drafts)
    today, tomorrow = date(2026, 3, 20), date(2026, 3, 21)
    found = simulate(settings, [definitions[name] for name in drafts], definitions.compiler, today, tomorrow)
    for name in drafts:
        rewrite(settings.workflows / f"{name}.yml", "status: draft", "status: active")
    write_own_messages(settings)
    yield Evening(settings, deleted, found, drafts, run_hour(settings, EVENING))
    remove_state(workshop)


def install(settings: Settings, template_id: str) -> tuple[str, ...]:
    """Write the drafts of a template, and return their ids."""
    prefix, program = PREFIXES[template_id]
    values = {"term": "Creator Standard Terms", "group": "Top creators"}
    filled = {key: values[key] for key in template(template_id).placeholders}
    return from_template(settings, template_id, program, filled, prefix).workflows


def write_own_messages(settings: Settings) -> None:
    """Change the text and the links of every message, without which an installed workflow cannot be active."""
    for body in settings.workflows.glob("messages/*/body.mjml"):
        text_of_template = body.read_text().replace("example.com", "northwind.example")
        body.write_text(text_of_template.rstrip() + "\n<mj-text>Written by us.</mj-text>\n")


def contacts(settings: Settings, workflow_id: str) -> list[str]:
    """Return the partners that a workflow has contacted according to the ledger, sorted."""
    with create_engine(f"sqlite:///{settings.ledger}").connect() as connection:
        query = text("SELECT partner_id FROM contact WHERE workflow_id = :id ORDER BY 1")
        return [partner for (partner,) in connection.execute(query, {"id": workflow_id})]


def rewrite(file: Path, old: str, new: str) -> None:
    """Replace text of a definition."""
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new))


@pytest.mark.long
def test_installed_templates_contact_the_simulated_partners(evening: Evening):
    """They have the members of the examples, and contact those whom the simulation listed by that hour."""
    rows = {row.workflow_id: row for row in evening.run.plan.workflows}
    assert {rows[name].status for name in evening.drafts} == {"done"}
    assert {one.id for one in templates()} == set(PREFIXES)
    page = read_definitions(Settings(workflows=WORKFLOWS))
    previews = {name: preview(evening.settings, page[one], page.compiler, EVENING) for name, one in EXPECTED.items()}
    assert {name: rows[name].members for name in EXPECTED} == {name: len(one.members) for name, one in previews.items()}
    definitions = read_definitions(evening.settings)
    for name in evening.drafts:
        simulated = {send.partner_id for send in evening.simulation.of(name) if send.as_of <= EVENING}
        members = preview(evening.settings, definitions[name], definitions.compiler, EVENING).members
        assert set(contacts(evening.settings, name)) == simulated & {partner for _, partner, _ in members}, name
        assert contacts(evening.settings, name) == CONTACTED.get(name, []), name
        assert rows[name].sent == len(CONTACTED.get(name, [])), name


@pytest.mark.long
def test_paused_day_is_not_caught_up_and_restored_id_contacts_once(example, evening: Evening):
    """A workflow that was paused when a partner joined does not contact the partner the next day.

    A deleted workflow that is restored with its id and a wider segment contacts no partner again.
    """
    settings = evening.settings
    welcome, sale = settings.workflows / "welcome.yml", settings.workflows / "first-action-30.yml"
    before = {name: contacts(example[0], name) for name in ("welcome", "first-action-30")}
    assert {"welcome", "first-action-30"}.isdisjoint(row.workflow_id for row in evening.run.plan.workflows)
    definitions = read_definitions(settings)
    missed = preview(settings, definitions["welcome"], definitions.compiler, EVENING)
    assert JOINS_IN_THE_EVENING in {partner for _, partner, _ in missed.members}

    rewrite(welcome, "status: paused", "status: active")
    wider = evening.deleted.replace("Last Transition Date Is Last 30 Days", "Last Transition Date Is Last 31 Days")
    sale.write_text(wider)
    ran = {row.workflow_id: row for row in run_hour(settings, EVENING + timedelta(days=1)).plan.workflows}
    assert (ran["welcome"].status, contacts(settings, "welcome")) == ("done", before["welcome"])
    after = contacts(settings, "first-action-30")
    assert set(after) >= set(before["first-action-30"])
    assert ran["first-action-30"].already_contacted > 0
    assert len(after) == len(set(after)) == len(before["first-action-30"]) + ran["first-action-30"].sent
