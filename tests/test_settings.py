"""Settings come from keywords, environment variables and partnerflow.toml, in this order."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from compiler import PartnerflowError
from flows.events.webhook_settings import read_receiver_settings
from flows.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("keyword", "variable", "key", "expected"),
    [
        ("/keyword", "/variable", "/file", "/keyword"),
        (None, "/variable", "/file", "/variable"),
        (None, None, "/file", "/file"),
        ("/keyword", None, None, "/keyword"),
        (None, "/variable", None, "/variable"),
    ],
)
def test_state_dir_takes_keyword_then_variable_then_file(
    keyword: str | None,
    variable: str | None,
    key: str | None,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PARTNERFLOW_VAR sets `state_dir`; a keyword wins over it, and it wins over the file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARTNERFLOW_VAR", raising=False)
    if variable:
        monkeypatch.setenv("PARTNERFLOW_VAR", variable)
    if key:
        Path("partnerflow.toml").write_text(f'state_dir = "{key}"')
    settings = Settings(state_dir=Path(keyword)) if keyword else Settings()
    assert settings.state_dir == Path(expected)


SECRETS = {
    "SMTP_PASSWORD": "a password of the tests",
    "APPLICATION_API_TOKEN": "token-of-the-tests",
    "LEDGER_URL": "postgresql://flow:secret-of-the-tests@db/ledger",
    "UNSUBSCRIBE_SIGNING_KEYS": "key-of-the-tests-which-is-long",
    "MAILGUN_KEY": "key-of-the-tests",
    "POSTMARK_BASIC_AUTH": "user:password-of-the-tests",
}


def read_all() -> dict[str, str]:
    """Return the values of the settings and of the receiver's settings, by name."""
    every = [*read_settings(), *read_receiver_settings()]
    values = {name.upper(): value[0] if isinstance(value, tuple) and value else value for name, value in every}
    return {name: value.get_secret_value() for name, value in values.items() if isinstance(value, SecretStr)}


def test_white_space_around_secrets_is_removed(monkeypatch: pytest.MonkeyPatch):
    """A secret that was copied with a line break, or read from a file, works."""
    for name, secret in SECRETS.items():
        monkeypatch.setenv(f"PARTNERFLOW_{name}", f"\t {secret}\r\n")
    assert read_all() == SECRETS


@pytest.mark.parametrize("inserted", ["\n", "\r\n", "\x1b", "\x85"])
@pytest.mark.parametrize("name", SECRETS)
def test_control_character_in_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, inserted: str):
    """The error names the setting, and has no part of the secret."""
    monkeypatch.setenv(f"PARTNERFLOW_{name}", SECRETS[name].replace("of-the-tests", f"of{inserted}tests-of-it"))
    if name == "SMTP_PASSWORD":
        monkeypatch.setenv(f"PARTNERFLOW_{name}", f"password-of{inserted}tests-of-it")
    with pytest.raises(PartnerflowError, match=f"(?i){name}.*control character") as caught:
        read_all()
    assert "tests-of-it" not in str(caught.value) and "-of" not in str(caught.value)


@pytest.mark.parametrize("name", ["APPLICATION_API_TOKEN", "LEDGER_URL"])
@pytest.mark.parametrize("inserted", [" ", "\u00a0", "é"])
def test_secret_that_no_header_or_url_can_have_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, inserted: str):
    """An error of a library would print it."""
    monkeypatch.setenv(f"PARTNERFLOW_{name}", SECRETS[name].replace("of", inserted))
    with pytest.raises(PartnerflowError, match=f"(?i){name}: it has white space") as caught:
        read_all()
    assert "tests" not in str(caught.value)


def test_unknown_time_zone_is_refused(monkeypatch: pytest.MonkeyPatch):
    """The error names the setting and the value."""
    monkeypatch.setenv("PARTNERFLOW_TIMEZONE", "Asia/Calcuta")
    with pytest.raises(PartnerflowError, match="timezone: 'Asia/Calcuta' is not a valid IANA time zone, such as"):
        read_settings()
