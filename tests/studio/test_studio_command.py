"""The command: where it listens, and what it says."""

import socket
from pathlib import Path

from flows.settings import Settings
from flows.studio.serve import HOST
from flows.studio.session import Session, is_same
from support.cli import partnerflow


def test_port_in_use_is_one_message(tmp_path: Path):
    """With another port to name."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        done = partnerflow(Settings(state_dir=tmp_path), "studio", "--no-open", "--port", str(port))
    assert (done.code, done.stdout) == (1, "")
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in done.stderr
    assert "partnerflow studio --port" in done.stderr


def test_secrets_of_two_sessions_differ():
    """Each start of the studio has its own, and no secret is another one."""
    one, other = Session(1), Session(1)
    secrets = {one.token, one.cookie, one.csrf, other.token, other.cookie, other.csrf}
    assert len(secrets) == 6 and all(len(secret) >= 43 for secret in secrets)
    assert one.address == f"http://127.0.0.1:1/?token={one.token}"
    assert is_same("a", "a") and not is_same("a", "A") and not is_same("a", None) and not is_same("a", "")
