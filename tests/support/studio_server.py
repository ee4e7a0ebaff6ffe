"""A studio that listens on a free port of this host, for a browser."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from flows.settings import Settings
from flows.studio.app import application
from flows.studio.session import Session
from flows.studio.studio import Studio
from support.states import HOUR


@contextmanager
def served(settings: Settings) -> Iterator[Session]:
    """Serve the studio in a thread, and yield its session."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        session = Session(listening.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(application(Studio(settings, session, HOUR)), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield session
        finally:
            server.should_exit = True
            thread.join()
