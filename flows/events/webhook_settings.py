"""The secrets of the receiver: from the environment, from no file. A provider without its secret is refused."""

import base64
import binascii
from pathlib import Path
from typing import Annotated, Any

from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from compiler import PartnerflowError


class ReceiverSettings(BaseSettings):
    """What verifies requests. Read from PARTNERFLOW_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="PARTNERFLOW_", frozen=True, extra="ignore", hide_input_in_errors=True)

    unsubscribe_signing_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Signs unsubscribe links. Several, with commas between them: the first signs, the others are still believed."""

    sendgrid_key: str | None = None
    """SendGrid's verification key (public), as its settings page shows it."""

    mailgun_key: SecretStr | None = None
    """Mailgun's HTTP webhook signing key."""

    postmark_basic_auth: SecretStr | None = None
    """`user:password` of the webhook's address, which Postmark sends as basic authentication."""

    sns_certificate_dir: Path | None = None
    """The folder of Amazon SNS's signing certificates, each under its own name."""

    sns_topic_arn: str | None = None
    """The ARN of the one topic that may write."""

    @field_validator("unsubscribe_signing_keys", mode="before")
    @classmethod
    def _keys(cls, keys: Any) -> Any:
        return tuple(key.strip() for key in keys.split(",") if key.strip()) if isinstance(keys, str) else keys

    @field_validator("sendgrid_key")
    @classmethod
    def _public_key(cls, key: str | None) -> str | None:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        try:
            found = load_der_public_key(base64.b64decode(key, validate=True)) if key else None
        except (ValueError, binascii.Error):
            raise ValueError("it is no public key in base64") from None
        if found is not None and not (isinstance(found, EllipticCurvePublicKey) and isinstance(found.curve, SECP256R1)):
            raise ValueError("it is no key of the curve P-256")
        return key

    @field_validator("postmark_basic_auth")
    @classmethod
    def _login(cls, login: SecretStr | None) -> SecretStr | None:
        user, _, password = login.get_secret_value().partition(":") if login else ("", "", "")
        if login and not (user and len(password) >= 16):
            raise ValueError("it is no user:password with 16 characters or more of password")
        return login


def read_receiver_settings() -> ReceiverSettings:
    """The secrets of the environment. Raises PartnerflowError that names what is wrong, and shows no secret."""
    try:
        return ReceiverSettings()
    except ValidationError as error:
        lines = [
            f"PARTNERFLOW_{str(detail['loc'][0]).upper()}: {detail['msg'].removeprefix('Value error, ')}"
            for detail in error.errors()
        ]
        raise PartnerflowError("The receiver cannot use these settings.\n  " + "\n  ".join(lines)) from None
