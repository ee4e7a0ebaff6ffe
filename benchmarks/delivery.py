"""Measure emails per second to a test server, and memory: by a reference client, our transport, and a whole run.

    python benchmarks/delivery.py --postfix /tmp/postfix/usr --messages 1000,10000,50000

`whole` is all that a run does with the recipients of its plan: claim them, apply the contact policy, render, compose,
send, record each reply in the ledger, and mirror the ledger to the warehouse. `transport` sends one composed message
again and again, without a ledger.

The server and the reference client are Postfix's smtp-sink and smtp-source, unpacked without installing them:
`apt-get download postfix && dpkg -x postfix_*.deb /tmp/postfix`. Without --postfix, the server is a small one in this
file, and the reference is smtplib's sendmail. Every measurement runs in a process of its own, and so does the server.
"""

import argparse
import asyncio
import json
import os
import resource
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from compared import compared
from compiler import ContactPolicy, SendEmail, Workflow
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.ledger.queries import message_content
from flows.ledger.worker_lease import worker_lease
from flows.messages.envelope import OutgoingMessage
from flows.messages.loader import read_message
from flows.pipeline.contact_policy import apply, decide_in_ledger
from flows.plan.plan import Plan, Recipient
from flows.sending.claim import claim
from flows.sending.contact_policy import SendingHour
from flows.sending.dispatcher import Dispatcher
from flows.sending.rendering import DeliveryRenderer
from flows.sending.summary import SendSummary
from flows.sending.transports.smtp import SmtpTransport
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse

CONNECTIONS = 4
GREETING = "Dear {{ contact.first_name }}, {{ partner.name }} has been with {{ program.name }} for two weeks.\n"
LINE = "Your links have had fewer clicks than we hoped; here is what other partners do about it, and it helps.\n"
HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)


def main() -> None:
    """Measure each part at each size in several rounds, and print a table of the medians."""
    options = _options()
    if options.part:
        print(json.dumps(PARTS[options.part](options)))
        return
    print(f"{options.size} bytes per message, {CONNECTIONS} connections, median of {options.rounds} rounds, ", end="")
    print("smtp-sink and smtp-source" if options.postfix else "own test server; the reference is smtplib")
    print(f"{'messages':>9} {'':12}{'per s':>8}{'of reference':>14}{'CPU ms each':>13}{'MiB':>7}{'grown':>7}  seconds")
    for number in map(int, options.messages.split(",")):
        measured: dict[str, list[dict]] = {name: [] for name in PARTS}
        for _ in range(options.rounds):
            for name, rounds in measured.items():
                with _sink(options) as port:
                    rounds.append(_apart(name, number, port, options))
        _print(number, measured)


def reference(options: argparse.Namespace) -> dict:
    """Measure smtp-source, which generates its message and records nothing; or smtplib, without --postfix."""
    if not options.postfix:
        return _timed(options, {"send": lambda: _each_thread(_smtplib_thread, options)})
    command = [_postfix(options, "smtp-source"), "-s", str(CONNECTIONS), "-m", str(options.messages), "-l",
               str(options.size), "-c", f"127.0.0.1:{options.port}"]  # fmt: skip
    run = partial(subprocess.run, command, env=_library(options), check=True, stdout=subprocess.PIPE)
    return _timed(options, {"send": run})


def transport(options: argparse.Namespace) -> dict:
    """Measure our SMTP connections, with a message that is already composed and without a ledger."""
    sender = SmtpTransport(_settings(options))

    def thread(count: int) -> None:
        with closing(sender.open_connection()) as session:
            for _ in range(count):
                assert session.prepare(message)().state == "sent"

    message = OutgoingMessage("d", _content(options.size), "us@example.com", ("ann@example.org",))
    return _timed(options, {"send": lambda: _each_thread(lambda _, count: thread(count), options)})


def whole(options: argparse.Namespace) -> dict:
    """Measure all that a run does with its recipients, each step by itself."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        settings = _settings(options).model_copy(update={"state_dir": Path(folder)})
        with closing(Ledger(options.ledger or settings.ledger)) as ledger:
            found = _timed(options, _steps(settings, ledger, options.messages, options.size))
        with open_warehouse(settings.warehouse) as connection:
            query = "SELECT count(*) FROM raw.sent_emails WHERE state = 'sent'"
            assert connection.execute(query).fetchone() == (options.messages,)
    return found


def _steps(settings: Settings, ledger: Ledger, messages: int, size: int) -> dict[str, Callable[[], object]]:
    """Return the steps of a run from its plan on."""
    plans: list[Plan] = []
    workflow = Workflow("w", "W", "", "1", "active", (), SendEmail("message"))
    hour = SendingHour(HOUR.replace(tzinfo=None), ContactPolicy(), [workflow], {"1": "UTC"})

    def send() -> None:
        render = DeliveryRenderer(partial(message_content, ledger), settings).render
        with worker_lease(ledger, "r", "bench"):
            Dispatcher(ledger, "r", ["w"], render, {"email": SmtpTransport(settings)}, SendSummary()).run()

    def copy() -> None:
        with open_warehouse(settings.warehouse) as connection:
            mirror(connection, ledger)

    copy()  # as a run does before it plans
    return {
        "plan": lambda: plans.append(_plan(settings.state_dir / "message", messages, size)),
        "claim": lambda: claim(ledger, plans[0], "r", "example.com"),
        "mirror the claims": copy,
        "policy": lambda: apply(ledger, decide_in_ledger(ledger, hour, lambda _: {}), "r"),
        "send": send,
        "mirror the results": copy,
    }


def _plan(folder: Path, messages: int, size: int) -> Plan:
    """Return a plan of one workflow with so many recipients, and write its message to a folder."""
    folder.mkdir()
    (folder / "message.yml").write_text("subject: Hello {{ partner.name }}\n")
    (folder / "body.txt").write_text(GREETING + LINE * (size // len(LINE)))
    people = (
        Recipient("w", "W", "1", "Program", f"{n:08}", f"Partner {n}", f"p{n}@example.org", "Ann", None, None, "UTC")
        for n in range(messages)
    )
    return Plan(HOUR, (), tuple(people), messages={"w": read_message(folder)})


PARTS: dict[str, Callable[[argparse.Namespace], dict]] = {
    "reference": reference, "transport": transport, "whole": whole,
}  # fmt: skip


def _timed(options: argparse.Namespace, steps: dict[str, Callable[[], object]]) -> dict:
    """Run the steps, and return the rate and the CPU time of all of them, and the wall seconds of each."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before = _peak()
    cpu = -sum(sum(resource.getrusage(one)[:2]) for one in who)
    seconds = {}
    for name, step in steps.items():
        started = time.perf_counter()
        step()
        seconds[name] = time.perf_counter() - started
    cpu += sum(sum(resource.getrusage(one)[:2]) for one in who)
    rate = options.messages / sum(seconds.values())
    return {"rate": rate, "cpu": cpu / options.messages, "mib": _peak(), "grown": _peak() - before, "seconds": seconds}


def _peak() -> float:
    """Return the peak memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(name: str, messages: int, port: int, options: argparse.Namespace) -> dict:
    command = [sys.executable, __file__, "--part", name, "--port", str(port), "--messages", str(messages),
               "--size", str(options.size)]  # fmt: skip
    for option in ("postfix", "folder", "ledger"):
        if getattr(options, option):
            command += [f"--{option}", getattr(options, option)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _print(messages: int, measured: dict[str, list[dict]]) -> None:
    """Print a line per part, and the ratio of a whole run: medians, and of memory the most."""
    base = statistics.median(one["rate"] for one in measured["reference"])
    for name, rounds in measured.items():
        rate, cpu = (statistics.median(one[key] for one in rounds) for key in ("rate", "cpu"))
        mib, grown = (max(one[key] for one in rounds) for key in ("mib", "grown"))
        seconds = {step: statistics.median(one["seconds"][step] for one in rounds) for step in rounds[0]["seconds"]}
        steps = ", ".join(f"{step} {wall:.1f}" for step, wall in seconds.items())
        print(
            f"{messages:9,} {name:12}{rate:8,.0f}{rate / base:14.2f}{cpu * 1000:13.2f}{mib:7.0f}{grown:7.0f}  {steps}",
            flush=True,
        )
    whole = statistics.median(one["rate"] for one in measured["whole"])
    compared(f"{messages:,} emails whole", whole, "the reference client", base, "emails per s")


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(smtp_host="127.0.0.1", smtp_port=options.port, smtp_tls="none", smtp_max_connections=CONNECTIONS)


def _content(size: int) -> bytes:
    return b"Subject: Hello\r\n\r\n" + (LINE.encode() * (size // len(LINE))).replace(b"\n", b"\r\n")


def _each_thread(thread: Callable[[argparse.Namespace, int], None], options: argparse.Namespace) -> None:
    each = options.messages // CONNECTIONS
    threads = [threading.Thread(target=thread, args=(options, each)) for _ in range(CONNECTIONS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def _smtplib_thread(options: argparse.Namespace, count: int) -> None:
    content = _content(options.size)
    with smtplib.SMTP("127.0.0.1", options.port, local_hostname="bench") as client:
        for _ in range(count):
            client.sendmail("us@example.com", ["ann@example.org"], content)


@contextmanager
def _sink(options: argparse.Namespace) -> Iterator[int]:
    """Run a server that accepts every message and stores none, and yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    own = [sys.executable, __file__, "--sink", "--port", str(port)]
    postfix = [_postfix(options, "smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "1000"] if options.postfix else None
    process = subprocess.Popen(postfix or own, env=_library(options))
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


def _postfix(options: argparse.Namespace, name: str) -> str:
    return str(Path(options.postfix) / "sbin" / name)


def _library(options: argparse.Namespace) -> dict[str, str]:
    path = {"LD_LIBRARY_PATH": str(Path(options.postfix) / "lib" / "postfix")} if options.postfix else {}
    return {**os.environ, **path}


async def _serve(port: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250 PIPELINING\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 accepted\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, limit=1 << 24)
    await server.serve_forever()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--postfix", help="the folder with sbin/smtp-sink and lib/postfix/")
    parser.add_argument("--messages", default="1000,10000,50000", help="numbers of messages")
    parser.add_argument("--size", type=int, default=10_240, help="bytes per message")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", help="the folder in which the ledger is created")
    parser.add_argument("--ledger", help="URL of an empty ledger, instead of a new SQLite file")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink:
        asyncio.run(_serve(options.port))
    if options.part:
        options.messages = int(options.messages)
    return options


if __name__ == "__main__":
    main()
