"""A studio on the example's workflows, and a browser-like client of it without a network."""

import re
from pathlib import Path

from starlette.testclient import TestClient

from flows.settings import Settings
from flows.studio.app import application
from flows.studio.session import Session
from flows.studio.studio import Studio
from support.states import HOUR

PORT = 8765
ORIGIN = f"http://127.0.0.1:{PORT}"


class Client:
    """A client with the cookie of a session; its posts have the origin and the CSRF token, as a page's forms have."""

    def __init__(self, settings: Settings):
        self.settings, self.session = settings, Session(PORT)
        self.http = TestClient(application(Studio(settings, self.session, HOUR)), base_url=ORIGIN)
        self.http.follow_redirects = False
        self.http.get("/", params={"token": self.session.token})

    def get(self, path: str, status: int = 200) -> str:
        """Return a page."""
        answer = self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path: str, status: int = 200, **fields: str | list[str]) -> str:
        """Return the answer to a form; of a redirect its target."""
        headers = {"origin": ORIGIN}
        answer = self.http.post(path, data={"csrf": self.session.csrf, **fields}, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.headers["location"] if status == 303 else answer.text

    def confirm(self, path: str, **fields: str | list[str]) -> str:
        """Send a form, confirm the change that is shown, and return where that leads."""
        shown = self.post(path, **fields)
        return self.post(path, 303, **fields, confirm=confirmation(shown))

    def version(self, workflow_id: str) -> str:
        """Return the version of a workflow's file as its page carries it."""
        return re.findall(r'name="version" value="(\w+)"', self.get(f"/workflows/{workflow_id}"))[0]


def confirmation(page: str) -> str:
    """Return the version of the change that a review shows."""
    (found,) = re.findall(r'name="confirm" value="(\w+)"', page)
    return found


def fields(*sentences: str, **more: str | list[str]) -> dict[str, str | list[str]]:
    """Return the form of rows whose sentences were written by hand."""
    numbers = [str(number) for number in range(len(sentences))]
    found: dict[str, str | list[str]] = {"row": numbers}
    for number, sentence in zip(numbers, sentences, strict=True):
        found |= {f"sentence-{number}": sentence, f"sentence-was-{number}": "\0"}
    return found | more


def sentences(page: str) -> list[str]:
    """Return the sentences that a page shows in its rows."""
    return re.findall(r'name="sentence-\d+" class="code" value="([^"]*)"', page)


def write_message(folder: Path, name: str) -> None:
    """Write a message that `check` accepts."""
    message = folder / "messages" / name
    message.mkdir(parents=True)
    (message / "message.yml").write_text("subject: Hello\n")
    (message / "body.txt").write_text("Hi {{ unsubscribe_link }}")
