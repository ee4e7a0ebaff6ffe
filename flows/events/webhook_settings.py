"""The secrets of the webhook receiver, read from environment variables only."""

import base64
import binascii
from pathlib import Path
from typing import Annotated, Any

from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from compiler import PartnerflowError
from flows.secret_text import strip_secret


class ReceiverSettings(BaseSettings):
    """The secrets that verify requests, from PARTNERFLOW_<NAME>. A provider without its secret is refused."""

    model_config = SettingsConfigDict(env_prefix="PARTNERFLOW_", frozen=True, extra="ignore", hide_input_in_errors=True)

    unsubscribe_signing_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Keys of unsubscribe links, separated by commas: the first signs, all verify."""

    sendgrid_key: str | None = None
    """SendGrid's public verification key, base64, as its settings page shows it."""

    mailgun_key: SecretStr | None = None
    """Mailgun's HTTP webhook signing key."""

    postmark_basic_auth: SecretStr | None = None
    """`user:password` in the webhook's URL, which Postmark sends as HTTP basic authentication."""

    sns_certificate_dir: Path | None = None
    """The folder of Amazon SNS's signing certificates, each under its original file name."""

    sns_topic_arn: str | None = None
    """The ARN of the only topic that is accepted."""

    @field_validator("unsubscribe_signing_keys", mode="before")
    @classmethod
    def _keys(cls, keys: Any) -> Any:
        return tuple(key.strip() for key in keys.split(",") if key.strip()) if isinstance(keys, str) else keys

    @field_validator("unsubscribe_signing_keys")
    @classmethod
    def _stripped_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return tuple(stripped for key in keys if (stripped := strip_secret(key)))

    @field_validator("mailgun_key", "postmark_basic_auth")
    @classmethod
    def _secret(cls, secret: SecretStr | None) -> SecretStr | None:
        return strip_secret(secret)

    @field_validator("sendgrid_key", "sns_topic_arn")
    @classmethod
    def _stripped(cls, text: str | None) -> str | None:
        return text and text.strip()

    @field_validator("sendgrid_key")
    @classmethod
    def _public_key(cls, key: str | None) -> str | None:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        try:
            found = load_der_public_key(base64.b64decode(key, validate=True)) if key else None
        except (ValueError, binascii.Error):
            raise ValueError("it is not a public key in base64") from None
        if found is not None and not (isinstance(found, EllipticCurvePublicKey) and isinstance(found.curve, SECP256R1)):
            raise ValueError("it is not a key on the curve P-256")
        return key

    @field_validator("postmark_basic_auth")
    @classmethod
    def _login(cls, login: SecretStr | None) -> SecretStr | None:
        user, _, password = login.get_secret_value().partition(":") if login else ("", "", "")
        if login and not (user and len(password) >= 16):
            raise ValueError("it must be user:password, with a password of at least 16 characters")
        return login


def read_receiver_settings() -> ReceiverSettings:
    """Return the settings. Raises PartnerflowError, which names each invalid variable but shows no value."""
    try:
        return ReceiverSettings()
    except ValidationError as error:
        lines = [
            f"PARTNERFLOW_{str(detail['loc'][0]).upper()}: {detail['msg'].removeprefix('Value error, ')}"
            for detail in error.errors()
        ]
        raise PartnerflowError("These settings of the receiver are not valid.\n  " + "\n  ".join(lines)) from None
