"""Serve the studio on 127.0.0.1, and open it in a browser."""

import socket
import threading
import webbrowser
from collections.abc import Callable
from datetime import datetime

import uvicorn

from compiler import PartnerflowError
from flows.permissions import write_privately
from flows.settings import Settings
from flows.studio.app import application
from flows.studio.session import Session
from flows.studio.studio import Studio

HOST = "127.0.0.1"
"""The only address that the studio listens on."""


def serve_studio(
    settings: Settings, port: int, say: Callable[[str], None], as_of: datetime | None = None, open_browser: bool = True
) -> None:
    """Serve the studio until interrupted; `say` gets its address once it listens. Port 0 is a free one.

    Raises PartnerflowError when another program listens on the port.
    """
    listening = _listen(port)
    session = Session(listening.getsockname()[1])
    studio = Studio(settings, session, as_of, write_privately())
    config = uvicorn.Config(
        application(studio),
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=2,
    )
    say("The studio is open to this computer only, until you press Ctrl-C:")
    say(session.address)
    if open_browser:
        threading.Timer(0.5, webbrowser.open, [session.address]).start()
    try:
        uvicorn.Server(config).run([listening])
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()
    say("The studio has stopped.")


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        hint = "Name another one: partnerflow studio --port 8766." if port else "Try again."
        raise PartnerflowError(f"The studio cannot listen on {HOST}, port {port}: {error.strerror}. {hint}") from None
