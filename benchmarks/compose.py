"""Measure how many emails of 10 KB one core renders and composes per second, compared with the standard library.

python benchmarks/compose.py                      # messages per second of CPU; medians of the rounds
python benchmarks/compose.py --profile            # and the functions that take the longest

The baseline composes the same headers and bodies with EmailMessage.as_bytes() and the policy SMTP.
"""

import argparse
import cProfile
import pstats
import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from pydantic import SecretStr

from compared import compared
from flows.messages.message import Message, message_from
from flows.messages.mime.compose import compose
from flows.messages.render import render
from flows.settings import Settings

MOMENT = datetime(2026, 3, 20, 18)
STYLE = "font-size:16px;line-height:24px;color:#1f2933"
NAMED = f"<p style='{STYLE}'>Hi {{{{ contact.first_name }}}}, {{{{ program.name }}}} and {{{{ partner.name }}}}!</p>\n"
PLAIN = f"<p style='{STYLE}'>A paragraph about products: tents, boots and “more” – and why to write about them.</p>\n"


@dataclass(frozen=True)
class Delivery:
    """A delivery to render (flows.messages.render.Renderable)."""

    delivery_id: str
    email: str
    context: dict
    workflow_id: str = "few-clicks"
    program_id: str = "1000"
    partner_id: str = "7"
    message_id: str = "5f2c@example.com"
    as_of: datetime = MOMENT
    claimed_at: datetime = MOMENT


def main() -> None:
    """Print messages per second of CPU for each step, and the ratio to the standard library."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print the functions that take the longest")
    options = parser.parse_args()
    settings = Settings(unsubscribe_url="https://mail.example.com/u", unsubscribe_signing_keys=(SecretStr("k" * 32),))
    message, deliveries = _message(), [_delivery(number) for number in range(options.messages)]
    size = len(render(deliveries[0], message, settings).content)
    headers, text, html = _parts(render(deliveries[0], message, settings).content, message, deliveries[0])
    steps: dict[str, Callable[[Delivery], object]] = {
        "EmailMessage.as_bytes": lambda _: _by_the_standard_library(headers, text, html),
        "compose": lambda _: compose(headers, text, html),
        "render (Liquid, headers, token, compose)": lambda delivery: render(delivery, message, settings),
    }
    figures = {name: _rate(step, deliveries, options.rounds) for name, step in steps.items()}
    print(f"{size:,} bytes per message; {options.messages:,} messages, median of {options.rounds} rounds")
    base = figures["EmailMessage.as_bytes"]
    for name, rate in figures.items():
        print(f"{name:44} {rate:>8,.0f} per second of CPU, {rate / base:>6.1f} times the first")
    rendered = list(figures.values())[-1]
    compared("render an email", rendered, "EmailMessage.as_bytes", base, "per s of CPU")
    print(f"memory kept after {options.messages:,} more messages: {_kept(deliveries, message, settings):,} bytes")
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(lambda: [render(delivery, message, settings) for delivery in deliveries])
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def _message() -> Message:
    parts = {
        "subject": "Can we help {{ partner.name }} get more clicks?",
        "text": "Hi {{ contact.first_name }},\n" + "A line of text about the program and its products.\n" * 30,
        "html": "<!doctype html><html><body>\n"
        + NAMED * 3
        + PLAIN * 48
        + "<a href='{{ unsubscribe_link }}'>x</a></body></html>",
        "sign_up_link": None,
    }
    keys = {"sender_name": None, "reply_to": "partners@example.com", "cc": None, "bcc": None}
    return message_from({"format": 1, "language": "en", "languages": {"en": parts}} | keys)


def _delivery(number: int) -> Delivery:
    name = f"Größe & Söhne {number}" if number % 3 == 0 else f"Partner number {number}"
    context = {
        "partner": {"id": str(number), "name": name, "language": "en-US"},
        "contact": {"first_name": f"Sam{number}", "last_name": None},
        "program": {"id": "1000", "name": "Northwind Outdoor", "timezone": "America/New_York"},
        "workflow": {"id": "few-clicks", "name": "Few clicks"},
    }
    return Delivery(f"{number:032x}", f"partner-{number}@example.org", context)


def _parts(content: bytes, message: Message, delivery: Delivery) -> tuple[dict[str, str], str, str]:
    """Return the headers, the text and the HTML that both composers get."""
    head = content.split(b"\r\nMIME-Version")[0].decode("ascii").replace("\r\n ", " ")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n"))
    more = {"unsubscribe_link": "https://mail.example.com/u/x", "today": {}}
    written = message.render(delivery.context | more, "en")
    return headers | {"Subject": written.subject.encode("ascii", "replace").decode()}, written.text, written.html


def _by_the_standard_library(headers: dict[str, str], text: str, html: str) -> bytes:
    email = EmailMessage(policy=SMTP)
    for name, value in headers.items():
        email[name] = value
    email.set_content(text)
    email.add_alternative(html, subtype="html")
    return email.as_bytes()


def _rate(step: Callable, deliveries: list[Delivery], rounds: int) -> float:
    step(deliveries[0])
    rates = []
    for _ in range(rounds):
        started = time.process_time()
        for delivery in deliveries:
            step(delivery)
        rates.append(len(deliveries) / (time.process_time() - started))
    return statistics.median(rates)


def _kept(deliveries: list[Delivery], message: Message, settings: Settings) -> int:
    """Return the bytes of memory that rendering all messages once more keeps, after the caches are warm."""
    tracemalloc.start()
    for delivery in deliveries:
        render(delivery, message, settings)
    before, _ = tracemalloc.get_traced_memory()
    for delivery in deliveries:
        render(delivery, message, settings)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return max(0, after - before)


if __name__ == "__main__":
    main()
