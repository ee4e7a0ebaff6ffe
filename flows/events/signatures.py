"""Whether a request is what a provider signed: on the raw body, before anything is read from it.

Each check raises Refused when the request is forged or too old, and returns the name under which a repeat of the very
same request is known.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

WINDOW = 300.0
"""Seconds that a signed request may be old, or in the future."""

SNS_WINDOW = 3600.0
"""SNS signs once and tries for an hour."""

_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?")
_SNS_FILE = re.compile(r"SimpleNotificationService-[0-9a-f]{1,64}\.pem")
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SUBSCRIPTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


class Refused(Exception):
    """The request is not the provider's, or is told again too late."""


def check_sendgrid(public_key: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """ECDSA (P-256, SHA-256) over timestamp and body. `public_key` is base64 of DER, as SendGrid shows it."""
    timestamp = headers.get("x-twilio-email-event-webhook-timestamp", "")
    signature = headers.get("x-twilio-email-event-webhook-signature", "")
    key = load_der_public_key(base64.b64decode(public_key))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Refused("The key is no elliptic curve key.")
    try:
        key.verify(base64.b64decode(signature, validate=True), timestamp.encode() + body, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise Refused("The signature does not fit.") from None
    _in_time(_seconds(timestamp), now, WINDOW)
    return signature


def check_mailgun(signing_key: str, body: bytes, now: float) -> str:
    """HMAC-SHA256 of timestamp and token, which stand in the body beside the event that they do not cover."""
    signature = _object(body).get("signature")
    parts = [signature.get(name) for name in ("timestamp", "token", "signature")] if isinstance(signature, dict) else []
    if not parts or not all(isinstance(part, str) for part in parts):
        raise Refused("There is no signature.")
    timestamp, token, given = parts
    expected = hmac.new(signing_key.encode(), (timestamp + token).encode(errors="replace"), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
        raise Refused("The signature does not fit.")
    _in_time(_seconds(timestamp), now, WINDOW)
    return token


def check_postmark(login: str, headers: Mapping[str, str], body: bytes) -> str:
    """Basic authentication; Postmark signs nothing. `login` is `user:password`."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    expected = base64.b64encode(login.encode())
    if scheme.lower() != "basic" or not hmac.compare_digest(expected, given.strip().encode(errors="replace")):
        raise Refused("The login does not fit.")
    return hashlib.sha256(body).hexdigest()


def check_sns(certificates: Path, topic: str, body: bytes, now: float) -> str:
    """RSA (SHA-256, signature version 2) over the fields of SNS, by a certificate that the operator has put here.

    Nothing is ever fetched: the file of SigningCertURL is looked for by its name in `certificates`, and only when its
    host is one of SNS. `topic` is the one ARN that may write.
    """
    message = _object(body)
    if message.get("SignatureVersion") != "2":
        raise Refused("Only signature version 2 is taken; set it on the topic.")
    if message.get("TopicArn") != topic:
        raise Refused("It is another topic.")
    key = _sns_key(certificates, str(message.get("SigningCertURL", "")), now)
    fields = _NOTIFICATION if message.get("Type") == "Notification" else _SUBSCRIPTION
    signed = "".join(f"{name}\n{message[name]}\n" for name in fields if isinstance(message.get(name), str))
    try:
        signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(signature, signed.encode(errors="replace"), padding.PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        raise Refused("The signature does not fit.") from None
    _in_time(_iso_seconds(str(message.get("Timestamp"))), now, SNS_WINDOW)
    return str(message.get("MessageId"))


def _sns_key(certificates: Path, url: str, now: float) -> rsa.RSAPublicKey:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused("The certificate's address is none.") from None
    name = parts.path.removeprefix("/")
    if parts.scheme != "https" or not _SNS_HOST.fullmatch(parts.netloc) or not _SNS_FILE.fullmatch(name):
        raise Refused("The certificate is not one of Amazon SNS.")
    try:
        certificate = x509.load_pem_x509_certificate((certificates / name).read_bytes())
    except (OSError, ValueError):
        raise Refused(f"There is no certificate {name}. Put it into the folder of certificates.") from None
    valid = certificate.not_valid_before_utc.timestamp() <= now <= certificate.not_valid_after_utc.timestamp()
    key = certificate.public_key()
    if not valid or not isinstance(key, rsa.RSAPublicKey):
        raise Refused("The certificate has expired, or is no RSA certificate.")
    return key


def _object(body: bytes) -> dict:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused("The body is no JSON object.")
    return found


def _seconds(text: str) -> float:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Refused("The time is no time.")
    return float(text)


def _iso_seconds(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused("The time is no time.")
    return at.timestamp()


def _in_time(seconds: float, now: float, window: float) -> None:
    if abs(now - seconds) > window:
        raise Refused("It is too old.")
