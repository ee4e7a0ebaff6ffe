"""The unsubscribe page: whose emails to whom, this program or all, an undo; in a browser without script too."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.testclient import TestClient

from flows.events import unsubscribe_page
from flows.events.landing import landed_files
from flows.events.payload_reader import read_payloads
from flows.events.unsubscribe_page import UNDO_SECONDS
from flows.events.unsubscribe_texts import TEXTS
from flows.events.webhook_settings import ReceiverSettings
from flows.events.webhooks import Receiver, application
from flows.messages.unsubscribe import UnsubscribePage, seal_page, sign_token, sign_undo
from support.accessibility import violations
from support.browser import chromium

DELIVERY = "0123456789abcdef0123456789abcdef"
KEYS = (SecretStr("a new key of the tests"), SecretStr("an old key of the tests"))
PAGE = UnsubscribePage(DELIVERY, "Northwind <Outdoor>", "m…@quiet.example", "en")
LINK = f"/u/{seal_page(PAGE, KEYS)}"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class Clock:
    """A clock that the test moves on."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver(tmp_path: Path, clock: Clock) -> Receiver:
    """A receiver with two keys."""
    return Receiver(tmp_path / "landing", ReceiverSettings(unsubscribe_signing_keys=KEYS), clock)


@pytest.fixture
def client(receiver: Receiver) -> TestClient:
    """A client that gets the response of a failed request, not the exception."""
    return TestClient(application(receiver), raise_server_exceptions=False)


def stored(receiver: Receiver) -> list[dict[str, str]]:
    """Return the payloads that were stored, in order, without their request ids."""
    found = [json.loads(one.payload) for file in landed_files(receiver.landing) for one in read_payloads(file)]
    return [{name: value for name, value in one.items() if name != "request_id"} for one in found]


def unsubscribed(scope: str) -> dict[str, str]:
    return {"event": "unsubscribed", "scope": scope, "delivery_id": DELIVERY}


UNDONE = {"event": "undone", "delivery_id": DELIVERY}


def undo_of(answer: httpx.Response) -> str | None:
    """Return the token of the undo button, if the page has one."""
    found = re.search(r'name="undo" value="([^"]+)"', answer.text)
    return found and found[1]


def test_page_names_program_and_masked_address_and_changes_nothing(client: TestClient, receiver: Receiver):
    """GET and HEAD store nothing, because scanners open every link. Names are data, never markup."""
    asked = client.get(LINK)
    assert asked.status_code == client.head(LINK).status_code == 200
    assert "Emails from Northwind &lt;Outdoor&gt; to m…@quiet.example" in asked.text
    assert re.findall(r'name="scope" value="(\w+)">([^<]+)', asked.text) == [
        ("program", "Unsubscribe from Northwind &lt;Outdoor&gt;"),
        ("all", "Unsubscribe from all programs of this sender"),
    ]
    assert undo_of(asked) is None
    assert "script" not in asked.text and "default-src 'none'" in asked.headers["content-security-policy"]
    assert (asked.headers["referrer-policy"], asked.headers["cache-control"]) == ("no-referrer", "no-store")
    assert stored(receiver) == []


@pytest.mark.parametrize(
    ("form", "scope"),
    [
        ({"data": ONE_CLICK}, "program"),
        ({"files": {"List-Unsubscribe": (None, "One-Click")}}, "program"),
        ({}, "program"),
        ({"content": b"\xff\xfe"}, "program"),
        ({"content": b"&".join(b"a=%d" % n for n in range(500))}, "program"),
        ({"data": {"scope": "nothing"}}, "program"),
        ({"data": {"scope": "program"}}, "program"),
        ({"data": {"scope": "all"}}, "all"),
        ({"data": {"scope": "all", **ONE_CLICK}}, "all"),
    ],
)
def test_post_unsubscribes_from_the_program_or_from_all(client: TestClient, receiver: Receiver, form: dict, scope: str):
    """One click of a mail program (RFC 8058) and a POST without a form are for the program; there is no redirect."""
    for _ in range(3):
        answer = client.post(LINK, follow_redirects=False, **form)
        assert (answer.status_code, answer.headers.get("set-cookie")) == (200, None)
    assert "You are unsubscribed" in answer.text
    assert stored(receiver) == [unsubscribed(scope)]


def test_all_after_this_program_is_stored_and_the_reverse_is_not(client: TestClient, receiver: Receiver):
    """A mail program's one click must not narrow what a person chose; one undo lifts both."""
    client.post(LINK, data={"scope": "program"})
    client.post(LINK, data={"scope": "all"})
    last = client.post(LINK, data=ONE_CLICK)
    assert "any of our programs" in last.text
    client.post(LINK, data={"undo": undo_of(last)})
    client.post(LINK, data={"scope": "all"})
    client.post(LINK, data=ONE_CLICK)
    assert stored(receiver) == [unsubscribed("program"), unsubscribed("all"), UNDONE, unsubscribed("all")]
    ids = {
        json.loads(one.payload)["request_id"] for file in landed_files(receiver.landing) for one in read_payloads(file)
    }
    assert len(ids) == 2


def test_undo_is_stored_once_and_leads_back_to_the_choice(client: TestClient, receiver: Receiver):
    """Its replay stores nothing, and unsubscribing again is a new request that the old undo does not lift."""
    undo = undo_of(client.post(LINK, data={"scope": "program"}))
    for _ in range(2):
        undone = client.post(LINK, data={"undo": undo})
        assert undone.status_code == 200 and "Undone" in undone.text and 'value="all"' in undone.text
    client.post(LINK, data=ONE_CLICK)
    client.post(LINK, data={"undo": undo})
    assert stored(receiver) == [unsubscribed("program"), UNDONE, unsubscribed("program")]


def test_undo_works_for_half_an_hour_and_for_its_own_request(
    client: TestClient, receiver: Receiver, clock: Clock, tmp_path: Path
):
    """Somebody who has the link later gets no undo for an earlier request, and a new request undoes only itself."""
    undo = undo_of(client.post(LINK, data=ONE_CLICK))
    clock.now += UNDO_SECONDS + 1
    assert client.post(LINK, data={"undo": undo}).status_code == 400
    assert undo_of(client.post(LINK, data=ONE_CLICK)) is None
    assert stored(receiver) == [unsubscribed("program")]
    later = undo_of(client.post(LINK, data={"scope": "all"}))
    client.post(LINK, data={"undo": later})
    events = [json.loads(one.payload) for file in landed_files(receiver.landing) for one in read_payloads(file)]
    assert [one["event"] for one in events] == ["unsubscribed", "unsubscribed", "undone"]
    assert events[0]["request_id"] != events[1]["request_id"] == events[2]["request_id"]
    restarted = TestClient(application(Receiver(receiver.landing, receiver.settings, clock)))
    again = undo_of(restarted.post(LINK, data=ONE_CLICK))
    assert again and again != later


@pytest.mark.parametrize(
    "undo",
    [
        "", "x", "a.b", f"{DELIVERY}:r:9999999999", f"{DELIVERY}:r:9999999999.signature",
        sign_undo("another", "r", 9e9, KEYS), sign_undo(DELIVERY, "r", 1.0, KEYS),
        sign_undo(DELIVERY, "r", 9e9, [SecretStr("the key of somebody else")]), sign_token(DELIVERY, KEYS), "ü" * 100,
    ],
)  # fmt: skip
def test_forged_undo_is_refused(client: TestClient, receiver: Receiver, undo: str):
    """So is a link's token in its place. Nothing is stored; an empty field means nothing."""
    answer = client.post(LINK, data={"undo": undo})
    assert answer.status_code == (400 if undo else 200)
    assert stored(receiver) == ([] if undo else [unsubscribed("program")])


def test_tokens_of_old_keys_and_of_mailto_links_are_accepted(client: TestClient, receiver: Receiver):
    """The page of a mailto link's token knows neither program nor address."""
    tokens = {seal_page(PAGE, KEYS[1:]): "to m…@quiet.example", sign_token(DELIVERY, KEYS[1:]): "from this program<"}
    for token, whose in tokens.items():
        assert whose in client.get(f"/u/{token}").text
    assert client.post(f"/u/{sign_token(DELIVERY, KEYS)}").status_code == 200
    assert stored(receiver) == [unsubscribed("program")]


def test_link_of_a_test_email_shows_everything_and_stores_nothing(client: TestClient, receiver: Receiver):
    """Its author can try the whole page."""
    link = f"/u/{seal_page(UnsubscribePage('test-1', 'Acme', 'a…@x.example'), KEYS)}"
    undo = undo_of(client.post(link, data={"scope": "all"}))
    assert "Undone" in client.post(link, data={"undo": undo}).text
    assert stored(receiver) == []


def test_failed_write_can_be_repeated(client: TestClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    """The answer is 500 and not a confirmation; so is that of an undo, whose button still works afterwards."""
    real = unsubscribe_page.write_payload

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unsubscribe_page, "write_payload", fail)
    assert client.post(LINK, data=ONE_CLICK).status_code == 500
    monkeypatch.setattr(unsubscribe_page, "write_payload", real)
    undo = undo_of(client.post(LINK, data=ONE_CLICK))
    monkeypatch.setattr(unsubscribe_page, "write_payload", fail)
    assert client.post(LINK, data={"undo": undo}).status_code == 500
    monkeypatch.setattr(unsubscribe_page, "write_payload", real)
    assert client.post(LINK, data={"undo": undo}).status_code == 200
    assert stored(receiver) == [unsubscribed("program"), UNDONE]


def test_concurrent_requests_are_stored_once(receiver: Receiver):
    """A mail program may repeat its POST before the first is answered."""

    async def post_at_once() -> list[int]:
        transport = httpx.ASGITransport(application(receiver))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers = await asyncio.gather(*[client.post(LINK, data=ONE_CLICK) for _ in range(10)])
            return [answer.status_code for answer in answers]

    assert asyncio.run(post_at_once()) == [200] * 10
    assert stored(receiver) == [unsubscribed("program")]


def test_memory_of_links_is_bounded(client: TestClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    """The oldest is forgotten; its repeat is stored again, which changes nothing."""
    monkeypatch.setattr(unsubscribe_page, "MAX_REMEMBERED", 2)
    for name in ("a", "b", "c", "a"):
        client.post(f"/u/{seal_page(UnsubscribePage(name), KEYS)}")
    assert [one["delivery_id"] for one in stored(receiver)] == ["a", "b", "c", "a"]


def test_page_is_in_the_language_of_the_message(client: TestClient):
    """Each language has every text; a regional one has those of its language, and an unknown one English."""
    assert len({frozenset(texts) for texts in TEXTS.values()}) == 1
    for language, shown in [("de", "de"), ("de-AT", "de"), ("fr", "fr"), ("es-MX", "es"), ("ja", "en")]:
        page = client.get(f"/u/{seal_page(UnsubscribePage(DELIVERY, 'Acme', 'a…@x', language), KEYS)}").text
        assert f'<html lang="{shown}">' in page
        assert TEXTS[shown]["button_all"] in page
        assert TEXTS[shown]["whose"].format(program="Acme", address="a…@x") in page


@pytest.fixture
def url(receiver: Receiver) -> Iterator[str]:
    """The receiver behind a real socket."""
    server = uvicorn.Server(uvicorn.Config(application(receiver), port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_works_with_the_keyboard_and_without_script(url: str, receiver: Receiver, scheme: str):
    """Tab and Enter unsubscribe, undo, and unsubscribe from all. Nothing is wider than a small phone."""
    with chromium() as browser:
        context = browser.new_context(
            java_script_enabled=False, color_scheme=scheme, viewport={"width": 320, "height": 600}
        )
        page = context.new_page()
        page.goto(url + LINK)
        for title, tabs in [("You are unsubscribed", 1), ("Undone", 1), ("You are unsubscribed", 2)]:
            for _ in range(tabs):
                page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            page.get_by_role("heading", name=title).wait_for()
            assert title in page.get_by_role("status").inner_text()
            assert page.locator("main").bounding_box()["width"] <= 320
        assert "any of our programs" in page.inner_text("body")
    assert stored(receiver) == [unsubscribed("program"), UNDONE, unsubscribed("all")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_barrier_that_axe_finds(url: str, scheme: str):
    """Asked, unsubscribed, undone, and a link that is not valid, on a phone and on a desktop."""
    with chromium() as browser:
        page = browser.new_page(color_scheme=scheme)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(f"{url}/u/no-token")
            assert violations(page) == []
            page.goto(url + LINK)
            for title in ("You are unsubscribed", "Undone"):
                assert violations(page) == []
                page.locator("button").first.click()
                page.get_by_role("heading", name=title).wait_for()
            assert violations(page) == []
