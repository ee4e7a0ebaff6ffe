"""The session of a studio: its secrets, and the addresses at which it is reached."""

import secrets
from dataclasses import dataclass, field
from hmac import compare_digest


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Session:
    """The secrets of one start of the studio on a port of 127.0.0.1.

    `token` is in the address that the command opens, and is exchanged for `cookie`, so that an address in the history
    of a browser is worthless once the studio has ended. `csrf` is in every form.
    """

    port: int
    token: str = field(default_factory=_secret)
    cookie: str = field(default_factory=_secret)
    csrf: str = field(default_factory=_secret)

    @property
    def hosts(self) -> tuple[str, str]:
        """The values of the Host header that are accepted. Any other one comes from a name that points here."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    @property
    def cookie_name(self) -> str:
        """The name of the cookie; cookies are shared by all ports of a host."""
        return f"partnerflow-studio-{self.port}"

    @property
    def written_cookie(self) -> str:
        """The name of the cookie with the number of files that were just written."""
        return f"{self.cookie_name}-written"

    @property
    def address(self) -> str:
        """The address to open."""
        return f"http://{self.hosts[0]}/?token={self.token}"


def is_same(secret: str, given: str | None) -> bool:
    """Return whether a secret was given, in a time that says nothing about it."""
    return compare_digest(secret.encode(), (given or "").encode("utf-8", "replace"))
