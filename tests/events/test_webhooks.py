"""The receiver stores signed requests unchanged, and refuses forged, old, repeated and oversized ones."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.testclient import TestClient

from flows.events import webhooks
from flows.events.landing import landed_files
from flows.events.payload_reader import read_payloads
from flows.events.webhook_settings import ReceiverSettings
from flows.events.webhooks import Receiver, application
from flows.messages.unsubscribe import sign_token
from flows.settings import Settings
from support.cli import command_line, environment
from support.provider_payloads import SENT, mailgun, postmark, sendgrid, sendgrid_event, ses

NOW = SENT.timestamp() + 60
DELIVERY = "0123456789abcdef0123456789abcdef"
SIGNING = (SecretStr("a new key of the tests"), SecretStr("an old key of the tests"))
MAILGUN = "a signing key of mailgun"
LOGIN = "postmark:a long password of the tests"
TOPIC = "arn:aws:sns:us-east-1:123456789012:partnerflow"
CERTIFICATE = "SimpleNotificationService-0123456789abcdef.pem"


@pytest.fixture(scope="module")
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    """The private key of SendGrid; the receiver has the public key."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def sns_key() -> rsa.RSAPrivateKey:
    """The private key of SNS."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def receiver(tmp_path: Path, sendgrid_key, sns_key) -> Receiver:
    """A receiver of all four providers, a minute after the events."""
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates" / CERTIFICATE).write_bytes(certificate(sns_key))
    public = sendgrid_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    configured = ReceiverSettings(
        unsubscribe_signing_keys=SIGNING,
        sendgrid_key=base64.b64encode(public).decode(),
        mailgun_key=MAILGUN,
        postmark_basic_auth=LOGIN,
        sns_certificate_dir=tmp_path / "certificates",
        sns_topic_arn=TOPIC,
    )
    return Receiver(tmp_path / "landing", configured, lambda: NOW)


@pytest.fixture
def client(receiver: Receiver) -> TestClient:
    """A client that gets the response of a failed request, not the exception."""
    return TestClient(application(receiver), raise_server_exceptions=False)


def certificate(key: rsa.RSAPrivateKey) -> bytes:
    """Return a certificate like those of SNS, valid at NOW."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    day = datetime.fromtimestamp(NOW, UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(day - timedelta(days=1)).not_valid_after(day + timedelta(days=1))
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def stored(receiver: Receiver) -> list[tuple[str, str]]:
    """Return the provider and the payload of everything that was stored."""
    files = landed_files(receiver.landing)
    return [(one.provider, one.payload) for file in files for one in read_payloads(file)]


def signed_sendgrid(key: ec.EllipticCurvePrivateKey, at: float = NOW) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a request that SendGrid has signed."""
    body, stamp = sendgrid([sendgrid_event(DELIVERY, "ann@x.example", "open")]).encode(), str(int(at))
    signature = key.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    name = "X-Twilio-Email-Event-Webhook"
    return body, {f"{name}-Timestamp": stamp, f"{name}-Signature": base64.b64encode(signature).decode()}


def other_signature(headers: dict[str, str]) -> dict[str, str]:
    """Return headers with the other valid signature of the same request, which needs no key."""
    name = "X-Twilio-Email-Event-Webhook-Signature"
    r, s = decode_dss_signature(base64.b64decode(headers[name]))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return headers | {name: base64.b64encode(encode_dss_signature(r, order - s)).decode()}


def signed_mailgun(at: float = NOW, token: str = "a" * 50) -> bytes:
    """Return the body of a request that Mailgun has signed."""
    body = json.loads(mailgun(DELIVERY, "ann@x.example", "opened"))
    stamp = str(int(at))
    digest = hmac.new(MAILGUN.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
    return json.dumps(body | {"signature": {"timestamp": stamp, "token": token, "signature": digest}}).encode()


def signed_sns(key: rsa.RSAPrivateKey, **changes: str | None) -> bytes:
    """Return a message that SNS has signed after these changes; None removes a field."""
    message = json.loads(ses(DELIVERY, "ann@x.example", "Delivery")) | changes
    message = {name: value for name, value in message.items() if value is not None}
    fields = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"]
    fields += ["Subject"] if message.get("Type") == "Notification" else ["SubscribeURL", "Token"]
    text = "".join(f"{name}\n{message[name]}\n" for name in sorted(fields) if name in message)
    signature = key.sign(text.encode(), padding.PKCS1v15(), SHA256())
    return json.dumps(message | {"Signature": base64.b64encode(signature).decode()}).encode()


def basic(login: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}


def test_signed_requests_are_stored_unchanged(client, receiver, sendgrid_key, sns_key):
    """The payload equals the body, for each provider."""
    body, headers = signed_sendgrid(sendgrid_key)
    bodies = {
        "sendgrid": (body, headers),
        "mailgun": (signed_mailgun(), {}),
        "postmark": (postmark(DELIVERY, "ann@x.example", "Open").encode(), basic(LOGIN)),
        "ses": (signed_sns(sns_key), {"Content-Type": "text/plain; charset=UTF-8"}),
    }
    for provider, (content, more) in bodies.items():
        assert client.post(f"/events/{provider}", content=content, headers=more).status_code == 200, provider
    assert sorted(stored(receiver)) == sorted((provider, content.decode()) for provider, (content, _) in bodies.items())


def test_repeated_request_is_answered_and_stored_once(client, receiver, sendgrid_key):
    """Providers repeat a request if they missed the response. A signature is not accepted again with another body."""
    body, headers = signed_sendgrid(sendgrid_key)
    stolen = signed_mailgun().replace(b'"opened"', b'"complained"')
    answers = [client.post("/events/sendgrid", content=body, headers=headers).status_code for _ in range(3)]
    answers += [client.post("/events/mailgun", content=content).status_code for content in (signed_mailgun(), stolen)]
    assert answers == [200] * 5
    assert [provider for provider, _ in stored(receiver)] == ["sendgrid", "mailgun"]


def test_cache_of_request_ids_is_bounded(client, receiver, monkeypatch: pytest.MonkeyPatch):
    """The oldest request ids are dropped; dbt removes the duplicates that this lets through."""
    monkeypatch.setattr(webhooks, "DEDUP_CACHE_SIZE", 3)
    for letter in "abcde":
        assert client.post("/events/mailgun", content=signed_mailgun(token=letter * 50)).status_code == 200
    assert [request_id for _, request_id in receiver.recent_request_ids] == ["c" * 50, "d" * 50, "e" * 50]
    client.post("/events/mailgun", content=signed_mailgun(token="e" * 50))
    assert len(stored(receiver)) == 5


def test_forged_or_expired_requests_are_refused(client, receiver, sendgrid_key, sns_key):
    """A wrong key, body, time, topic or host gets the status 401, and nothing is stored."""
    body, headers = signed_sendgrid(sendgrid_key)
    forged, forged_headers = signed_sendgrid(ec.generate_private_key(ec.SECP256R1()))
    old, old_headers = signed_sendgrid(sendgrid_key, NOW - 301)
    other = rsa.generate_private_key(65537, 2048)
    host = "https://sns.us-east-1.amazonaws.com.evil.example/" + CERTIFICATE
    requests = [
        ("sendgrid", body + b" ", headers),
        ("sendgrid", body, {}),
        ("sendgrid", forged, forged_headers),
        ("sendgrid", old, old_headers),
        ("mailgun", signed_mailgun().replace(b'"token": "aa', b'"token": "ba'), {}),
        ("mailgun", signed_mailgun(NOW - 301), {}),
        ("mailgun", signed_mailgun(NOW + 301), {}),
        ("mailgun", b'{"signature": {"timestamp": 1, "token": "a", "signature": "b"}}', {}),
        ("mailgun", b'["signature"]', {}),
        ("postmark", b"{}", {}),
        ("postmark", b"{}", basic("postmark:a wrong password of the tests")),
        ("postmark", b"{}", {"Authorization": basic(LOGIN)["Authorization"].replace("Basic", "Bearer")}),
        ("ses", signed_sns(other), {}),
        ("ses", signed_sns(sns_key).replace(b"Delivery", b"Bounced!"), {}),
        ("ses", signed_sns(sns_key, SigningCertURL=host), {}),
        ("ses", signed_sns(sns_key, SigningCertURL="https://sns.us-east-1.amazonaws.com/../../etc/passwd"), {}),
        ("ses", signed_sns(sns_key, SigningCertURL=f"http://sns.us-east-1.amazonaws.com/{CERTIFICATE}"), {}),
        ("ses", signed_sns(sns_key, TopicArn=TOPIC + "-of-another"), {}),
        ("ses", signed_sns(sns_key, SignatureVersion="1"), {}),
        ("ses", signed_sns(sns_key, Timestamp="2026-03-20T14:00:00.000Z"), {}),
    ]
    for position, (provider, content, more) in enumerate(requests):
        assert client.post(f"/events/{provider}", content=content, headers=more).status_code == 401, position
    assert stored(receiver) == []


def test_sns_messages_of_every_type_are_stored(client, receiver, sns_key):
    """The types are those that AWS documents. A notification may have no subject, and line breaks in its Message."""
    link = {"SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription", "Token": "a" * 64}
    bodies = [
        signed_sns(sns_key, MessageId="1", Subject=None),
        signed_sns(sns_key, MessageId="2", Message='{\n"eventType": "Send"\n}'),
        signed_sns(sns_key, MessageId="3", Type="SubscriptionConfirmation", Subject=None, **link),
        signed_sns(sns_key, MessageId="4", Type="UnsubscribeConfirmation", Subject=None, **link),
    ]
    assert [client.post("/events/ses", content=body).status_code for body in bodies] == [200] * 4
    assert [payload for _, payload in stored(receiver)] == [body.decode() for body in bodies]


def test_sns_messages_against_the_rules_are_refused(client, receiver, sns_key):
    """Another type, a missing field, a line break outside Message or a repeated key is refused, though it is signed."""
    confirmation = {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.us-east-1.amazonaws.com/"}
    signed = signed_sns(sns_key)
    bodies = [
        signed_sns(sns_key, Type="Confirmation", Token="a", SubscribeURL="https://sns.us-east-1.amazonaws.com/"),
        signed_sns(sns_key, Type=None, Token="a", SubscribeURL="https://sns.us-east-1.amazonaws.com/"),
        signed_sns(sns_key, **confirmation),
        *(signed_sns(sns_key, **{name: None}) for name in ("Message", "MessageId", "Timestamp", "Type")),
        *(signed_sns(sns_key, Subject=f"Hi{end}there") for end in ("\n", "\r", "\r\n", "\x85", "\u2028")),
        signed_sns(sns_key, Subject="Hi\n"),
        signed_sns(sns_key, Subject=None, MessageId="1\nSubject\nHi"),
        b'{"Message": "{}",' + signed[1:],
        signed[:-1] + b', "MessageId": "another"}',
    ]
    answers = [client.post("/events/ses", content=body).status_code for body in bodies]
    assert answers == [401] * len(bodies)
    assert stored(receiver) == []


def test_replays_after_a_restart_have_the_same_id(receiver, sendgrid_key, sns_key):
    """The ids in the landing folder decide what is loaded, so a replay to a new receiver is loaded once."""
    body, headers = signed_sendgrid(sendgrid_key)
    stolen = signed_mailgun().replace(b'"opened"', b'"complained"')
    sent = [
        ("sendgrid", body, headers),
        ("sendgrid", body, other_signature(headers)),
        ("mailgun", signed_mailgun(), {}),
        ("mailgun", stolen, {}),
        *[("postmark", postmark(DELIVERY, "ann@x.example", "Open").encode(), basic(LOGIN))] * 2,
        *[("ses", signed_sns(sns_key), {})] * 2,
    ]
    for provider, content, more in sent:
        again = TestClient(application(Receiver(receiver.landing, receiver.settings, receiver.clock)))
        assert again.post(f"/events/{provider}", content=content, headers=more).status_code == 200
    files = landed_files(receiver.landing)
    found = [one for file in files for one in read_payloads(file)]
    assert len(found) == 8
    assert len({one.event_id for one in found}) == 4


def test_concurrent_replays_are_stored_once(receiver, monkeypatch: pytest.MonkeyPatch):
    """A repeat that arrives while the first is written waits for it, and is stored if the first could not be."""
    written: list[str] = []

    def write_slowly(_, __, payload: str, ___) -> None:
        time.sleep(0.05)
        written.append(payload)
        if len(written) == 1:
            raise OSError(28, "No space left on device")

    async def post_at_once() -> list[int]:
        transport = httpx.ASGITransport(application(receiver), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            posts = [client.post("/events/mailgun", content=signed_mailgun()) for _ in range(10)]
            return sorted(answer.status_code for answer in await asyncio.gather(*posts))

    monkeypatch.setattr(webhooks, "write_payload", write_slowly)
    assert asyncio.run(post_at_once()) == [200] * 9 + [500]
    assert len(written) == 2


def test_oversized_requests_are_refused(client, receiver, monkeypatch: pytest.MonkeyPatch):
    """The limit applies with and without a Content-Length."""
    monkeypatch.setattr(webhooks, "MAX_BODY_BYTES", 1000)
    answers = [
        client.post("/events/postmark", content=b"x" * 1001, headers=basic(LOGIN)),
        client.post("/events/postmark", content=iter([b"x" * 600, b"x" * 600]), headers=basic(LOGIN)),
        client.post(f"/u/{sign_token(DELIVERY, SIGNING)}", content=b"x" * 4001),
    ]
    assert [answer.status_code for answer in answers] == [413, 413, 413]
    assert stored(receiver) == []


@pytest.mark.parametrize(
    "token", [DELIVERY, sign_token(DELIVERY, [SecretStr("the key of somebody else")]), "x" * 3000, "a.b"]
)
def test_unsigned_token_does_nothing(client, receiver, token: str):
    """The response is 404, and nothing is stored."""
    assert [client.get(f"/u/{token}").status_code, client.post(f"/u/{token}").status_code] == [404, 404]
    assert stored(receiver) == []


def test_link_of_a_test_email_has_no_effect(client, receiver):
    """The response is the same as for any other link."""
    assert client.post(f"/u/{sign_token('test-1', SIGNING)}").status_code == 200
    assert stored(receiver) == []


def test_other_paths_and_methods_do_not_exist(client, receiver, tmp_path: Path):
    """A provider whose secret is not set does not exist either."""
    for path in (
        "/",
        "/docs",
        "/events",
        "/events/",
        "/events/resend",
        "/u/",
        "/events/ses/x",
        "/..%2f..%2fetc/passwd",
    ):
        assert client.post(path).status_code == 404, path
    assert client.get("/events/sendgrid").status_code == 405
    assert client.delete(f"/u/{sign_token(DELIVERY, SIGNING)}").status_code == 405
    bare = TestClient(application(Receiver(tmp_path, ReceiverSettings(), lambda: NOW)))
    assert {bare.post(f"/events/{name}").status_code for name in ("sendgrid", "ses", "postmark", "mailgun")} == {404}
    assert bare.get(f"/u/{sign_token(DELIVERY, SIGNING)}").status_code == 404


def test_request_can_be_repeated_after_a_full_disk(client, receiver, monkeypatch: pytest.MonkeyPatch):
    """The answer is 500, so that the provider retries, and the repeat is stored."""
    body = signed_mailgun()
    with monkeypatch.context() as patch:
        patch.setattr(
            webhooks, "write_payload", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        assert client.post("/events/mailgun", content=body).status_code == 500
    assert client.post("/events/mailgun", content=body).status_code == 200
    assert len(stored(receiver)) == 1


FIELDS = ["signature", "timestamp", "token", "Type", "Message", "SigningCertURL", "TopicArn", "Timestamp",
          "SignatureVersion", "Signature", "MessageId"]  # fmt: skip
VALUES = ["2", TOPIC, f"https://sns.us-east-1.amazonaws.com/{CERTIFICATE}", "2026-03-20T18:00:05Z"]
STAMPED = "x-twilio-email-event-webhook"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner | st.sampled_from(VALUES), max_size=8)
    ),
    max_leaves=12,
)


@given(
    provider=st.sampled_from(["sendgrid", "mailgun", "postmark", "ses"]),
    body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=300) | st.just(b"[" * 100_000),
    headers=st.dictionaries(
        st.sampled_from(["authorization", f"{STAMPED}-timestamp", f"{STAMPED}-signature", "content-length"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
    ),
)
@hypothesis_settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_unsigned_requests_are_never_stored(client, receiver, provider: str, body: bytes, headers: dict[str, str]):
    """Any body and any header is refused with a reason, never with a server error."""
    answer = client.post(f"/events/{provider}", content=body, headers=headers)
    assert answer.status_code in (400, 401, 413)
    assert stored(receiver) == []


@given(token=st.text(max_size=60))
@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_tokens_are_refused(client, receiver, token: str):
    """The response is 404 or 405, and nothing is stored."""
    path = httpx.URL("http://testserver").copy_with(
        raw_path=b"/u/" + "".join(f"%{byte:02x}" for byte in token.encode(errors="replace")).encode()
    )
    assert client.post(path).status_code in (404, 405)
    assert stored(receiver) == []


def test_receiver_imports_neither_ledger_nor_warehouse():
    """This includes indirect imports."""
    code = "import sys, flows.events.webhooks; print(sorted(name for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    ours = set(re.findall(r"'flows\.([\w.]+)'", loaded))
    assert ours == {
        "atomic", "events", "events.connections", "events.landing", "events.request_body", "events.signatures",
        "events.unsubscribe_page", "events.unsubscribe_texts", "events.webhook_settings", "events.webhooks", "messages",
        "messages.mime", "messages.mime.languages", "messages.unsubscribe", "secret_text",
    }  # fmt: skip
    assert not {"duckdb", "sqlalchemy", "sqlite3", "dbt", "prefect"} & set(re.findall(r"'(\w+)'", loaded))


def test_receive_command_serves_concurrent_connections(settings: Settings):
    """It reads secrets from the environment, and responds while 50 other connections are open."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secrets = {"PARTNERFLOW_POSTMARK_BASIC_AUTH": LOGIN}
    command = command_line(settings, "receive", "--port", str(port))
    server = subprocess.Popen(command, env=environment(settings) | secrets, stderr=subprocess.PIPE)
    try:
        content, headers = postmark(DELIVERY, "ann@x.example", "Delivery").encode(), basic(LOGIN)
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = httpx.post(f"http://127.0.0.1:{port}/events/postmark", content=content, headers=headers)
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert answer.status_code == 200
        assert "server" not in answer.headers
        waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
        answer = httpx.post(f"http://127.0.0.1:{port}/events/postmark", content=content, headers=headers)
        assert answer.status_code == 200
        for connection in waiting:
            connection.close()
    finally:
        server.terminate()
        server.wait()
    (file,) = landed_files(settings.landing)
    assert [one.payload for one in read_payloads(file)] == [content.decode()]


@pytest.mark.parametrize(
    ("name", "value"),
    [("SENDGRID_KEY", "not a key"), ("POSTMARK_BASIC_AUTH", "user:short"), ("POSTMARK_BASIC_AUTH", "nobody")],
)
def test_invalid_secret_is_named_but_not_shown(settings: Settings, name: str, value: str):
    """The command exits before it serves any request."""
    done = subprocess.run(
        command_line(settings, "receive"),
        env=environment(settings) | {f"PARTNERFLOW_{name}": value},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"PARTNERFLOW_{name}" in done.stderr
    assert value not in done.stderr
