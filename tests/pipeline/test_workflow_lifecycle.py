"""The life of a workflow on the example account: from a template, tried, run, paused, edited, deleted."""

import shutil
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
from flows.settings import CHECKOUT, Settings
from support.states import HOUR

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
"""The templates' workflows, and those of the page's examples that ask the same."""


PREFIXES = {
    "automate-your-prospecting": ("p-", "2000"),
    "celebrate-a-first-sale": ("s-", "1000"),
    "celebrate-top-performing-partners": ("m-", "1000"),
    "unlock-the-power-of-top-creators": ("t-", "2000"),
    "welcome-and-kickstart": ("k-", "1000"),
}
"""Under which prefix, and for which program, each template is installed."""


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
    """That state; one test may take it further."""
    folder = tmp_path_factory.mktemp("life")
    shutil.copytree(example[0].state_dir, workshop)
    shutil.copytree(CHECKOUT / "workflows", folder / "workflows")
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
    yield Evening(settings, deleted, found, drafts, run_hour(settings, EVENING))
    shutil.rmtree(workshop)


def install(settings: Settings, template_id: str) -> tuple[str, ...]:
    """Write a template's drafts."""
    prefix, program = PREFIXES[template_id]
    values = {"term": "Creator Standard Terms", "group": "Top creators"}
    filled = {key: values[key] for key in template(template_id).placeholders}
    return from_template(settings, template_id, program, filled, prefix).workflows


def contacts(settings: Settings, workflow_id: str) -> list[str]:
    """The partners that a workflow has contacted, by the ledger."""
    with create_engine(f"sqlite:///{settings.ledger}").connect() as connection:
        query = text("SELECT partner_id FROM contact WHERE workflow_id = :id ORDER BY 1")
        return [partner for (partner,) in connection.execute(query, {"id": workflow_id})]


def rewrite(file: Path, old: str, new: str) -> None:
    """Edit a definition."""
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new))


def test_each_template_is_installed_simulated_and_run(evening: Evening):
    """They contact whom the page's examples contact: the members of that hour that the simulation has named."""
    rows = {row.workflow_id: row for row in evening.run.plan.workflows}
    assert {rows[name].status for name in evening.drafts} == {"done"}
    assert {one.id for one in templates()} == set(PREFIXES)
    page = read_definitions(Settings(workflows=CHECKOUT / "workflows"))
    asked = {name: preview(evening.settings, page[one], page.compiler, EVENING) for name, one in EXPECTED.items()}
    assert {name: rows[name].members for name in EXPECTED} == {name: len(one.members) for name, one in asked.items()}
    definitions = read_definitions(evening.settings)
    for name in evening.drafts:
        simulated = {send.partner_id for send in evening.simulation.of(name) if send.as_of <= EVENING}
        members = preview(evening.settings, definitions[name], definitions.compiler, EVENING).members
        assert set(contacts(evening.settings, name)) == simulated & {partner for _, partner, _ in members}, name
    assert sum(rows[name].sent for name in evening.drafts) > 20


def test_a_paused_day_is_not_made_up_and_a_deleted_workflow_writes_to_nobody_twice(example, evening: Evening):
    """Paused while a partner joins, `is Today` means the next day when it is active again. A file that comes back with
    its id, and a wider segment, knows whom it has contacted."""
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
