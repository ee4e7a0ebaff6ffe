"""Nobody but the person who started the studio sees or changes anything through it."""

import os
import re
import socket
import sys

import pytest

import flows.studio.security
from flows.studio.peer import user_of
from flows.studio.security import MAX_BODY_BYTES
from support.studio import ORIGIN, PORT, Client

OTHER_HOSTS = ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", "[::1]"]
OTHER_ORIGINS = [None, "null", "http://evil.example", f"http://localhost:{PORT}", f"https://127.0.0.1:{PORT}"]
PAGES = ["/", "/workflows/sends", "/static/studio.css", "/nowhere"]


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_request_with_another_host_name_is_refused(client: Client, host: str):
    """A name that somebody points to 127.0.0.1 (DNS rebinding) reaches nothing, even with the cookie."""
    for path in PAGES:
        assert client.http.get(path, headers={"host": host}).status_code == 421
    assert client.http.get("/", params={"token": client.session.token}, headers={"host": host}).status_code == 421


def test_both_names_of_this_host_are_accepted(client: Client):
    """127.0.0.1 and localhost."""
    cookie = f"{client.session.cookie_name}={client.session.cookie}"
    answer = client.http.get("/", headers={"host": f"localhost:{PORT}", "cookie": cookie})
    assert answer.status_code == 200


@pytest.mark.parametrize("cookie", [None, "", "x", "é"])
def test_request_without_the_cookie_is_refused(client: Client, cookie: str | None):
    """No page, no static file, and no form answers without the cookie of the session."""
    client.http.cookies.clear()
    headers = {"cookie": f"{client.session.cookie_name}={cookie}".encode()} if cookie is not None else {}
    for path in PAGES:
        assert client.http.get(path, headers=headers).status_code == 403
    answer = client.http.post("/status", data={"csrf": client.session.csrf}, headers={"origin": ORIGIN, **headers})
    assert answer.status_code == 403


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say whose a connection is")
def test_connection_is_known_to_be_of_the_user_who_opened_it():
    """A connection that does not exist is nobody's."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as opened:
        assert user_of(opened.getsockname(), server.getsockname()) == os.getuid()
        assert user_of(opened.getsockname(), ("127.0.0.1", 1)) is None
        assert user_of(("testclient", 50000), server.getsockname()) is None


def test_connection_of_another_user_is_refused_even_with_the_cookie(client: Client, monkeypatch: pytest.MonkeyPatch):
    """A browser sends the cookie to every port of 127.0.0.1, so to servers of other users of this computer, too."""
    users = {"own": os.getuid(), "not known": None, "other": os.getuid() + 1}
    found = {}
    for name, user in users.items():
        monkeypatch.setattr(flows.studio.security, "user_of", lambda client, server, user=user: user)
        found[name] = client.http.get("/workflows/sends").status_code
    assert found == {"own": 200, "not known": 200, "other": 403}


def test_token_is_exchanged_for_a_cookie_once_it_is_right(client: Client):
    """The cookie is HttpOnly and SameSite=Strict, is not the token, and the address goes on without the token."""
    client.http.cookies.clear()
    wrong = client.http.get("/", params={"token": client.session.token[:-1]})
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (403, False)
    assert client.http.get("/workflows/sends", params={"token": client.session.token}).status_code == 403
    right = client.http.get("/", params={"token": client.session.token})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(right.headers["set-cookie"].split("; "))
    assert client.session.token not in right.headers["set-cookie"]


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_post_from_another_site_is_refused(client: Client, origin: str | None):
    """Even with the cookie and the CSRF token, a form needs the origin of the page."""
    headers = {"origin": origin} if origin else {}
    form = {"csrf": client.session.csrf, "workflow": "sends", "action": "pause"}
    assert client.http.post("/status", data=form, headers=headers).status_code == 403


@pytest.mark.parametrize("csrf", [None, "", "x"])
def test_post_without_the_csrf_token_is_refused(client: Client, csrf: str | None):
    """In the form or in the header that htmx sends."""
    form = {"workflow": "sends", "action": "pause"} | ({"csrf": csrf} if csrf is not None else {})
    assert client.http.post("/status", data=form, headers={"origin": ORIGIN}).status_code == 403
    headers = {"origin": ORIGIN, "x-csrf-token": csrf or "wrong"}
    assert client.http.post("/status", data=form, headers=headers).status_code == 403


def test_post_with_the_csrf_header_is_accepted(client: Client):
    """htmx sends the token in a header."""
    headers = {"origin": ORIGIN, "x-csrf-token": client.session.csrf}
    form = {"workflow": "sends", "action": "pause"}
    assert client.http.post("/status", data=form, headers=headers).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data; boundary=x", None])
def test_body_that_is_not_a_form_is_refused(client: Client, kind: str | None):
    """Only forms of a page are read."""
    headers = {"origin": ORIGIN, "x-csrf-token": client.session.csrf} | ({"content-type": kind} if kind else {})
    assert client.http.post("/status", content=b"workflow=sends&action=pause", headers=headers).status_code == 415


def test_body_that_is_too_large_or_not_text_is_refused(client: Client):
    """Announced or not, and before a page sees it."""
    headers = {"origin": ORIGIN, "x-csrf-token": client.session.csrf}
    headers["content-type"] = "application/x-www-form-urlencoded"
    large = b"a" * (MAX_BODY_BYTES + 1)
    assert client.http.post("/status", content=large, headers=headers).status_code == 413
    assert client.http.post("/status", content=iter([large]), headers=headers).status_code == 413
    assert client.http.post("/status", content=b"a=%ff", headers=headers).status_code == 400
    assert client.http.post("/status", content=b"&".join([b"a=1"] * 3_000), headers=headers).status_code == 400


@pytest.mark.parametrize(
    "name",
    [
        "..", "../programs", "..%2f..%2fetc%2fpasswd", "%2e%2e%2fmessages", "sends.yml", "programs", "messages/hello",
        "\x00", "sends%00", "/etc/passwd", "~", "sends/../later",
    ],
)  # fmt: skip
def test_a_name_that_is_not_a_workflow_reaches_no_file(client: Client, folder, name: str):
    """Names are compared with those of the folder, and are never parts of a path."""
    (folder / "programs.yml").write_text("{}\n")
    text = (folder / "sends.yml").read_text()
    quoted = name.replace("\x00", "%00").replace("..", "%2e%2e")
    assert client.http.get(f"/workflows/{quoted}").status_code in (403, 404)
    assert client.http.get(f"/static/{quoted}").status_code == 404
    for path in ("/status", f"/workflows/{quoted}/text"):
        form = {"csrf": client.session.csrf, "workflow": name, "action": "delete", "text": "x", "version": ""}
        answer = client.http.post(path, data=form, headers={"origin": ORIGIN})
        assert answer.status_code in (404, 405)
    assert (folder / "sends.yml").read_text() == text


def test_every_answer_forbids_what_the_page_does_not_need(client: Client):
    """No inline script or style, nothing from elsewhere, no frame around it, no copy in a cache."""
    answers = [client.http.get(path) for path in PAGES] + [client.http.get("/", headers={"host": "x"})]
    for answer in answers:
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert (policy["script-src"], policy["style-src"], policy["frame-ancestors"]) == ("'self'", "'self'", "'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_no_page_has_an_inline_script_or_style(client: Client):
    """The policy would block them."""
    for path in PAGES[:2]:
        page = client.get(path)
        assert "<script>" not in page and "<style" not in page and " style=" not in page and " onclick=" not in page


def test_markup_in_a_definition_is_shown_as_text(client: Client, folder):
    """A name or a comment can not become markup."""
    text = (folder / "later.yml").read_text().replace("Later", "'<script>alert(1)</script>'")
    (folder / "later.yml").write_text(text + "# </textarea><img src=x>\n")
    for path in ("/", "/workflows/later"):
        page = client.get(path)
        assert "<script>alert" not in page and "<img" not in page
        assert "&lt;script&gt;alert(1)" in page


NAMES_OF_FILES = ["../../x", "/etc/x", "a/b", "..", ".", "\x00", "a\\b", "x" * 300]


@pytest.mark.parametrize("name", NAMES_OF_FILES)
def test_no_name_in_a_form_reaches_a_file_outside(client: Client, folder, name: str):
    """Names of new files come from forms: of copies, segments, messages, languages and prefixes."""
    before = {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}

    def version(editor: str) -> str:
        return re.findall(r'name="version" value="(\w+)"', client.get(f"/workflows/sends/{editor}"))[0]

    condition = {"sentence-0": "Relationship Stage is any of Joined", "row": "0"}
    texts = {"language": ["en", name]}
    texts |= {f"{field}-{one}": "Hi {{ unsubscribe_link }}" for one in ("en", name) for field in ("subject", "txt")}
    forms = [
        ("/create/copy", {"workflow": "sends", "name": "N", "id": name}),
        ("/create/scratch", {"name": "N", "program": "1000", "sentences": "Clicks is 0", "new_message": name}),
        ("/create/scratch", {"name": "N", "program": "1000", "sentences": "Clicks is 0", "message": name}),
        ("/create/scratch", {"name": "N", "program": "1000", "sentences": "Clicks is 0", "message": "m", "id": name}),
        ("/create/scratch", {"name": "N", "program": "1000", "message": "hello", "segment": name}),
        ("/create/template/celebrate-a-first-sale", {"program": "1000", "prefix": name}),
        ("/workflows/sends/segment", {"version": version("segment"), "save_as": name, **condition}),
        (
            "/workflows/sends/email",
            {"version": version("email"), "save_as": name, "subject": "S", "language": "en", "text-en": "x"},
        ),
        (
            "/workflows/sends/email",
            {"version": version("email"), "language": ["en", name], f"text-{name}": "x", "text-en": "x"},
        ),
        ("/workflows/sends/email/check", texts),
        ("/workflows/sends/about", {"version": client.version("sends"), "message": name}),
    ]
    for path, fields in forms:
        answer = client.http.post(path, data={"csrf": client.session.csrf, **fields}, headers={"origin": ORIGIN})
        confirmed = re.findall(r'name="confirm" value="(\w+)"', answer.text)
        assert confirmed == [] and answer.status_code in (200, 400, 422), (path, answer.status_code)
    assert {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()} == before
