"""The commands for emails: test-send, suppress, report, receive."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.common import AsOf, Json, answer, app, find_workflow, open_ledger, out, print_lines, read_as_of
from flows.settings import read_settings


@app.command("test-send", epilog="Example: partnerflow test-send welcome --to me@example.com --partner 21005016")
def test_send(
    workflow: Annotated[str, typer.Argument(help="A workflow's id, or a definition file.")],
    to: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Your own address; default: the setting test_address.")
    ] = None,
    partner: Annotated[str | None, typer.Option(help="The partner to render it for; default: sample values.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Send a workflow's email to your own address, marked as a test. No partner counts as contacted."""
    from flows.sending.send_test_email import send_test_email

    chosen, _ = find_workflow(workflow)
    settings = read_settings()
    address = to or settings.test_address
    if address is None:
        raise typer.BadParameter("Give your own address, or set test_address.", param_hint="--to")
    sent = send_test_email(settings, chosen, address, partner, read_as_of(as_of))
    if as_json:
        answer(sent)
    else:
        reader = f"partner {partner}" if partner else "a sample partner"
        print_lines([f"Sent a test of {chosen.id} for {reader} ({sent['language']}): {sent['delivered_to']}"])


@app.command(epilog='Example: partnerflow suppress ann@example.com --reason "Asked us by telephone"')
def suppress(
    address: Annotated[str | None, typer.Argument(help="The address; without it, list all suppressions.")] = None,
    workflow: Annotated[str | None, typer.Argument(help="Suppress for this workflow only; default: all.")] = None,
    program: Annotated[str | None, typer.Option(help="Suppress for the workflows of this program only.")] = None,
    reason: Annotated[str, typer.Option(help="The reason; kept in the ledger.")] = "",
    remove: Annotated[
        bool, typer.Option("--remove", help="Lift the suppression instead, that of an event or unsubscribe, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Suppress an address for all workflows, a program or a workflow, lift a suppression, or list all."""
    from getpass import getuser

    from flows.cli.output.suppressions import suppressions_table
    from flows.ledger.schema import PROGRAM
    from flows.ledger.suppressions import change_suppressions

    zone = read_settings().zone
    if workflow and program:
        raise typer.BadParameter("A workflow is in one program already: leave --program out.")
    only = f"{PROGRAM}{program}" if program else workflow
    with open_ledger() as ledger:
        found = change_suppressions(ledger, address, only, reason, f"person:{getuser()}", remove)
    if as_json:
        answer({"suppressions": [one.as_json() for one in found]})
    elif not found:
        print_lines(["No address is suppressed."])
    else:
        out.print(suppressions_table(found, zone))


@app.command(epilog="Example: partnerflow report welcome, or partnerflow report --html report.html")
def report(
    workflow: Annotated[str | None, typer.Argument(help="Show only this workflow; the page always has all.")] = None,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write a self-contained page to this file.")] = None,
    show_addresses: Annotated[bool, typer.Option("--show-addresses", help="Show whole addresses on the page.")] = False,
    as_json: Json = False,
) -> None:
    """Show opens, clicks, bounces and goals per workflow from the published file; with --html, write a page."""
    from flows.cli.output.report import goal_lines, workflow_report_lines, workflow_report_table
    from flows.report.data import read_report
    from flows.warehouse.program_names import read_program_names
    from flows.warehouse.unreadable import HINT, describe_unreadable

    settings = read_settings()
    data = read_report(settings.published).of(workflow)
    if html is not None:
        from flows.report.page import report_file

        report_file(settings, html, show_addresses)
    if as_json:
        answer(data.as_json())
    elif html is not None:
        print_lines([f"Wrote {html}"])
    else:
        as_of = read_program_names(settings).hour(data.as_of) if data.as_of else ""
        print_lines([f"Email outcomes as of {as_of}" if as_of else "No run yet"])
        out.print(workflow_report_table(data, out.width))
        print_lines(workflow_report_lines(data))
        print_lines(goal_lines(data))
        if data.unreadable:
            print_lines([f"{describe_unreadable(data.unreadable)}. {HINT}"])


@app.command(epilog="Example: partnerflow receive --host 127.0.0.1 --port 8025")
def receive(
    host: Annotated[
        str, typer.Option(help="The address to listen on; a proxy in front of it terminates TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8025,
) -> None:
    """Receive provider events and unsubscribe requests by HTTP; writes to the landing folder only."""
    from flows.events.webhook_settings import read_receiver_settings
    from flows.events.webhooks import receive as serve_receiver

    serve_receiver(read_settings().landing, read_receiver_settings(), host, port)
