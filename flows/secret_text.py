"""Secrets in settings, as people paste them: with white space around, or with a line break in the middle."""

from pydantic import SecretStr


def strip_secret(secret: SecretStr | None) -> SecretStr | None:
    """Return the secret without white space around it. Raises ValueError where a control character is in it."""
    if secret is None:
        return None
    text = secret.get_secret_value().strip()
    if any(character < " " or "\x7f" <= character < "\xa0" for character in text):
        raise ValueError("it has a line break or another control character in it")
    return SecretStr(text)
