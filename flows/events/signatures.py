"""Verify that a provider has signed a request: on the raw body, before anything else is parsed.

Each check raises Refused when the request is forged or expired, and returns an id that identifies repeats of it.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

WINDOW = 300.0
"""Seconds that the timestamp of a request may differ from now, either way."""

SNS_WINDOW = 3600.0
"""The same for SNS, which signs once and retries for an hour."""

_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?")
_SNS_FILE = re.compile(r"SimpleNotificationService-[0-9a-f]{1,64}\.pem")
_SUBSCRIPTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SNS_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _SUBSCRIPTION,
    "UnsubscribeConfirmation": _SUBSCRIPTION,
}
"""The signed fields of each type of message, in order. Source: Amazon SNS, "Verifying the signatures of messages"."""


class Refused(Exception):
    """The request is not signed by the provider, or its timestamp is too old."""


def check_sendgrid(public_key: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """ECDSA (P-256, SHA-256) over timestamp and body. `public_key` is base64 of DER, as SendGrid shows it.

    The id is a hash of the body: one request has several valid signatures, since ECDSA accepts s and -s.
    """
    timestamp = headers.get("x-twilio-email-event-webhook-timestamp", "")
    signature = headers.get("x-twilio-email-event-webhook-signature", "")
    key = load_der_public_key(base64.b64decode(public_key))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Refused("The key is not an elliptic curve key.")
    try:
        key.verify(base64.b64decode(signature, validate=True), timestamp.encode() + body, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise Refused("Invalid signature.") from None
    _check_timestamp(_seconds(timestamp), now, WINDOW)
    return hashlib.sha256(body).hexdigest()


def check_mailgun(signing_key: str, body: bytes, now: float) -> str:
    """HMAC-SHA256 of the timestamp and token in the body. It does not cover the event data."""
    signature = _object(body).get("signature")
    fields = signature if isinstance(signature, dict) else {}
    parts = [part for name in ("timestamp", "token", "signature") if isinstance(part := fields.get(name), str)]
    if len(parts) < 3:
        raise Refused("Missing signature.")
    timestamp, token, given = parts
    expected = hmac.new(signing_key.encode(), (timestamp + token).encode(errors="replace"), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
        raise Refused("Invalid signature.")
    _check_timestamp(_seconds(timestamp), now, WINDOW)
    return token


def check_postmark(credentials: str, headers: Mapping[str, str], body: bytes) -> str:
    """HTTP basic authentication, as Postmark does not sign. `credentials` is `user:password`."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    expected = base64.b64encode(credentials.encode())
    if scheme.lower() != "basic" or not hmac.compare_digest(expected, given.strip().encode(errors="replace")):
        raise Refused("Invalid credentials.")
    return hashlib.sha256(body).hexdigest()


def check_sns(certificates: Path, topic: str, body: bytes, now: float) -> str:
    """RSA (SHA-256, signature version 2) over the fields of an SNS message.

    Nothing is downloaded: the certificate is the file in the folder `certificates` with the name in SigningCertURL,
    whose host must be one of SNS. `topic` is the only ARN that is accepted.
    """
    message = _object(body)
    if message.get("SignatureVersion") != "2":
        raise Refused("SignatureVersion must be 2; set it on the topic.")
    if message.get("TopicArn") != topic:
        raise Refused("Unknown TopicArn.")
    key = _sns_key(certificates, str(message.get("SigningCertURL", "")), now)
    signed = _sns_signed_text(message)
    try:
        signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(signature, signed.encode(), padding.PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):  # also a lone surrogate, which JSON allows and UTF-8 does not
        raise Refused("Invalid signature.") from None
    _check_timestamp(_iso_seconds(message["Timestamp"]), now, SNS_WINDOW)
    return str(message["MessageId"])


def _sns_signed_text(message: dict[str, Any]) -> str:
    """Return the text that SNS signs: each field's name and value on lines of their own. Only Subject may be missing.

    Raises Refused where two messages would have the same text: a value other than Message has a line break.
    """
    fields = _SNS_SIGNED.get(str(message.get("Type")))
    if fields is None:
        raise Refused("Unknown Type.")
    lines = []
    for name in fields:
        value = message.get(name)
        if value is None and name == "Subject":
            continue
        if not isinstance(value, str) or (name != "Message" and value.splitlines() != [value]):
            raise Refused(f"{name} is not a valid text of one line.")
        lines += [name, value]
    return "\n".join([*lines, ""])


def _sns_key(certificates: Path, url: str, now: float) -> rsa.RSAPublicKey:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused("SigningCertURL is not a valid URL.") from None
    name = parts.path.removeprefix("/")
    if parts.scheme != "https" or not _SNS_HOST.fullmatch(parts.netloc) or not _SNS_FILE.fullmatch(name):
        raise Refused("SigningCertURL is not a certificate of Amazon SNS.")
    try:
        certificate = x509.load_pem_x509_certificate((certificates / name).read_bytes())
    except (OSError, ValueError):
        raise Refused(f"There is no certificate {name}. Put it into the certificate folder.") from None
    valid = certificate.not_valid_before_utc.timestamp() <= now <= certificate.not_valid_after_utc.timestamp()
    key = certificate.public_key()
    if not valid or not isinstance(key, rsa.RSAPublicKey):
        raise Refused("The certificate has expired, or is not an RSA certificate.")
    return key


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused("The body is not a JSON object.")
    return found


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises ValueError when a key is there twice: another reader would take the other value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _seconds(text: str) -> float:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Refused("Invalid timestamp.")
    return float(text)


def _iso_seconds(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused("Invalid timestamp.")
    return at.timestamp()


def _check_timestamp(seconds: float, now: float, window: float) -> None:
    if abs(now - seconds) > window:
        raise Refused("The timestamp is too old or in the future.")
