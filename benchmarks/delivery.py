"""Measure emails per second to a test server: by a reference client, our transport, and the sending step of a run.

    python benchmarks/delivery.py --postfix /tmp/postfix/usr --messages 10000 --rounds 3

The server and the reference client are Postfix's smtp-sink and smtp-source, unpacked without installing them:
`apt-get download postfix && dpkg -x postfix_*.deb /tmp/postfix`. Without --postfix, the server is a small one in this
file, and the reference is smtplib's sendmail. Every measurement runs in a process of its own.
"""

import argparse
import asyncio
import json
import os
import resource
import smtplib
import socket
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

from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries, message_content
from flows.ledger.worker_lease import worker_lease
from flows.messages.envelope import OutgoingMessage
from flows.messages.loader import read_message
from flows.plan.plan import Plan, Recipient
from flows.sending.claim import claim
from flows.sending.dispatcher import Dispatcher
from flows.sending.rendering import DeliveryRenderer
from flows.sending.summary import SendSummary
from flows.sending.transports.smtp import SmtpTransport
from flows.settings import Settings

CONNECTIONS = 4
GREETING = "Dear {{ contact.first_name }}, {{ partner.name }} has been with {{ program.name }} for two weeks.\n"
LINE = "Your links have had fewer clicks than we hoped; here is what other partners do about it, and it helps.\n"
HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)


def main() -> None:
    """Measure each part in several rounds, and print the best and the median rate."""
    options = _options()
    if options.part:
        print(json.dumps(PARTS[options.part](options)))
        return
    measured: dict[str, list[dict]] = {name: [] for name in PARTS}
    for _ in range(options.rounds):
        for name in PARTS:
            with _sink(options) as port:
                measured[name].append(_apart(name, port, options))
    _print(measured, options)


def reference(options: argparse.Namespace) -> dict:
    """Measure smtp-source, which generates its message and records nothing; or smtplib, without --postfix."""
    if not options.postfix:
        return _timed(options, lambda: _each_thread(_smtplib_thread, options))
    command = [_postfix(options, "smtp-source"), "-s", str(CONNECTIONS), "-m", str(options.messages), "-l",
               str(options.size), "-c", f"127.0.0.1:{options.port}"]  # fmt: skip
    return _timed(options, lambda: subprocess.run(command, env=_library(options), check=True, stdout=subprocess.PIPE))


def transport(options: argparse.Namespace) -> dict:
    """Measure our SMTP connections, with a message that is already composed and without a ledger."""
    sender = SmtpTransport(_settings(options))

    def thread(count: int) -> None:
        with closing(sender.open_connection()) as session:
            for _ in range(count):
                assert session.prepare(message)().state == "sent"

    message = OutgoingMessage("d", _content(options.size), "us@example.com", ("ann@example.org",))
    return _timed(options, lambda: _each_thread(lambda _, count: thread(count), options))


def whole(options: argparse.Namespace) -> dict:
    """Measure the sending step of a run: lease, render, compose, commit, send, commit; the claim separately."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        message = Path(folder) / "message"
        message.mkdir()
        (message / "message.yml").write_text("subject: Hello {{ partner.name }}\n")
        (message / "body.txt").write_text(GREETING + LINE * (options.size // len(LINE)))
        people = [
            Recipient("w", "W", "1", "Program", str(n), f"Partner {n}", f"p{n}@example.org", "Ann", None, None, "UTC")
            for n in range(options.messages)
        ]
        settings = _settings(options)
        with closing(Ledger(options.ledger or Path(folder) / "ledger.db")) as ledger:
            started = time.perf_counter()
            claim(ledger, Plan(HOUR, (), tuple(people), messages={"w": read_message(message)}), "r", "example.com")
            claimed = time.perf_counter() - started
            people.clear()

            def step() -> None:
                content, transports = partial(message_content, ledger), {"email": SmtpTransport(settings)}
                render = DeliveryRenderer(content, settings).render
                with worker_lease(ledger, "r", "bench"):
                    Dispatcher(ledger, "r", ["w"], render, transports, SendSummary()).run()

            answer = _timed(options, step) | {"claim": claimed}
            assert len(deliveries(ledger, ["sent"])) == options.messages
            return answer


PARTS: dict[str, Callable[[argparse.Namespace], dict]] = {
    "reference": reference, "transport": transport, "whole": whole,
}  # fmt: skip


def _timed(options: argparse.Namespace, do: Callable[[], object]) -> dict:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before = _peak()
    cpu = -sum(sum(resource.getrusage(one)[:2]) for one in who)
    started = time.perf_counter()
    do()
    seconds = time.perf_counter() - started
    cpu += sum(sum(resource.getrusage(one)[:2]) for one in who)
    return {"rate": options.messages / seconds, "cpu": cpu, "mib": _peak(), "grown": _peak() - before}


def _peak() -> float:
    """Return the peak memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(name: str, port: int, options: argparse.Namespace) -> dict:
    command = [sys.executable, __file__, "--part", name, "--port", str(port), "--messages",
               str(options.messages), "--size", str(options.size)]  # fmt: skip
    for option in ("postfix", "folder", "ledger"):
        if getattr(options, option):
            command += [f"--{option}", getattr(options, option)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _print(measured: dict[str, list[dict]], options: argparse.Namespace) -> None:
    sink = "smtp-sink, smtp-source" if options.postfix else "own test server, smtplib"
    print(f"{options.messages} messages of {options.size} bytes, {CONNECTIONS} connections, {sink}")
    base = [one["rate"] for one in measured["reference"]]
    print(f"{'':12}{'best/s':>9}{'median/s':>10}{'of reference':>14}{'cpu s':>8}{'MiB':>7}{'grown':>7}")
    for name, rounds in measured.items():
        rates = sorted(one["rate"] for one in rounds)
        ratio = max(rates) / max(base)
        cpu, mib = min(one["cpu"] for one in rounds), max(one["mib"] for one in rounds)
        grown = max(one["grown"] for one in rounds)
        median = rates[len(rates) // 2]
        print(f"{name:12}{max(rates):9,.0f}{median:10,.0f}{ratio:14.2f}{cpu:8.1f}{mib:7.0f}{grown:7.0f}")
    print(f"claim of all: {min(one['claim'] for one in measured['whole']):.1f} s")


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(smtp_host="127.0.0.1", smtp_port=options.port, smtp_tls="none", smtp_max_connections=CONNECTIONS)


def _content(size: int) -> bytes:
    return b"Subject: Hello\r\n\r\n" + (b"x" * 76 + b"\r\n") * (size // 78)


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
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=10_240, help="bytes per message")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="the folder in which the ledger is created")
    parser.add_argument("--ledger", help="URL of an empty ledger, instead of a new SQLite file")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink:
        asyncio.run(_serve(options.port))
    return options


if __name__ == "__main__":
    main()
