"""The commands that show who is, was or will be in a segment. They send and change nothing."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from compiler import CONTACT_POLICY, ContactPolicy, PartnerflowError
from flows.cli.common import AsOf, Json, answer, app, find_workflow, out, print_lines, read_as_of
from flows.clock import read_day
from flows.definitions.loader import read_definitions, read_policy
from flows.settings import Settings, read_settings


@app.command(epilog="Example: partnerflow preview few-clicks-14 --as-of 2026-03-20T14:00:00-04:00")
def preview(
    workflow: Annotated[str, typer.Argument(help="A workflow's id, or a definition file.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Show who is in a segment, according to the last build. Sends and changes nothing."""
    from flows.cli.output.preview import members_table
    from flows.preview.preview import preview as look

    chosen, compiler = find_workflow(workflow)
    seen = look(read_settings(), chosen, compiler, read_as_of(as_of))
    if as_json:
        answer(seen.as_json())
    else:
        out.print(members_table(chosen.id, seen))
        print_lines(list(seen.notes))


@app.command(epilog="Example: partnerflow explain few-clicks-14 21005016 --as-of 2026-03-20T14:00:00-04:00")
def explain(
    workflow: Annotated[str, typer.Argument(help="A workflow's id, or a definition file.")],
    partner: Annotated[str, typer.Argument(help="A partner's id, or its name.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Explain why a partner is in a segment or not: each condition, the actual value, and when that changes."""
    from flows.cli.output.explanation import explanation_lines
    from flows.preview.explain import explain as look
    from flows.preview.partner.find import partner_id_of
    from flows.warehouse.program_names import read_program_names

    chosen, compiler = find_workflow(workflow)
    partner_id = partner_id_of(read_settings(), chosen.program, partner)
    found = look(read_settings(), chosen, partner_id, compiler, read_as_of(as_of))
    if as_json:
        answer(found.as_json())
    else:
        print_lines([*explanation_lines(found, read_program_names(read_settings())), *found.notes])


@app.command(epilog='Example: partnerflow partner "Quiet Creek"')
def partner(
    text: Annotated[str, typer.Argument(metavar="NAME-or-ID-or-ADDRESS", help="Its name or a part of it, or an id.")],
    as_json: Json = False,
) -> None:
    """Show one partner: stages, segments in and out and why, every email and what became of it, what comes next."""
    from flows.cli.output.partner import partner_lines
    from flows.preview.partner.find import find_partners
    from flows.preview.partner.look import look_at_partner
    from flows.warehouse.program_names import read_program_names

    settings = read_settings()
    definitions, programs = read_definitions(settings), read_program_names(settings)
    found = [look_at_partner(settings, definitions, one) for one in find_partners(settings, text)]
    if as_json:
        answer({"partners": [one.as_json() for one in found]})
        return
    for one in found:
        print_lines(partner_lines(one, programs))


@app.command(epilog="Example: partnerflow simulate few-clicks-14 --from 2026-02-20 --to 2026-03-20")
def simulate(
    first: Annotated[str, typer.Option("--from", metavar="D", help="The first local date.")],
    last: Annotated[str, typer.Option("--to", metavar="D", help="The last local date.")],
    workflow: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORKFLOW]...", help="Ids or files of workflows; default: all active ones."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Simulate another contact policy, and compare it with that of the workflows; `none` for no policy.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate a range of days, hour by hour: which workflow would contact whom. Sends and changes nothing."""
    from flows.cli.output.simulation import comparison_table, simulation_lines, simulation_table
    from flows.preview.simulate import simulate as replay
    from flows.warehouse.partner_names import read_partner_names
    from flows.warehouse.program_names import read_program_names

    settings = read_settings()
    definitions = read_definitions(settings)
    chosen = [find_workflow(name)[0] for name in workflow] if workflow else definitions.active
    days = _day(first, "--from"), _day(last, "--to")
    other = _policy(policy, settings) if policy else definitions.policy
    found = replay(settings, chosen, definitions.compiler, *days, other)
    compared = {}
    if policy:
        own = replay(settings, chosen, definitions.compiler, *days, definitions.policy)
        has_file = (settings.workflows / CONTACT_POLICY).exists()
        compared = {CONTACT_POLICY if has_file else "none": own, policy: found}
    if as_json:
        rows = [{"policy": name, **one.summary()} for name, one in compared.items()]
        answer(found.as_json() | ({"policies": rows} if rows else {}))
    else:
        programs = read_program_names(settings)
        out.print(simulation_table(found, programs))
        partners = {*found.several, *((one.program_id, one.partner_id) for one in found.deferred)}
        print_lines(simulation_lines(found, programs, read_partner_names(settings, partners)))
        if compared:
            out.print(comparison_table(compared))


def _policy(name: str, settings: Settings) -> ContactPolicy:
    """Return the contact policy that `--policy` gives."""
    return ContactPolicy() if name == "none" else read_policy(Path(name), settings.workflows)


@app.command(epilog="Example: partnerflow history few-clicks-14 --from 2026-03-01 --to 2026-03-20")
def history(
    workflow: Annotated[list[str], typer.Argument(help="Ids or files of workflows, of any status.")],
    first: Annotated[str, typer.Option("--from", metavar="D", help="The first local date.")],
    last: Annotated[str, typer.Option("--to", metavar="D", help="The last local date.")],
    as_json: Json = False,
) -> None:
    """Show who entered and left a segment in a range of days, and when, according to the last build."""
    from flows.cli.output.simulation import membership_lines
    from flows.preview.history import history as look
    from flows.warehouse.partner_names import read_partner_names
    from flows.warehouse.program_names import read_program_names

    definitions = read_definitions(read_settings())
    chosen = [find_workflow(name)[0] for name in workflow]
    found = look(read_settings(), chosen, definitions.compiler, _day(first, "--from"), _day(last, "--to"))
    if as_json:
        answer({"history": [one.as_json() for one in found]})
    else:
        names = read_partner_names(read_settings(), {(one.program_id, one.partner_id) for one in found})
        print_lines(membership_lines(found, read_program_names(read_settings()), names))


def _day(text: str, option: str) -> date:
    try:
        return read_day(text)
    except PartnerflowError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
