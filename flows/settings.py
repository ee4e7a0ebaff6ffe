"""The settings: PARTNERFLOW_* variables, or partnerflow.toml in the current folder or the checkout."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from compiler import PartnerflowError
from flows.addresses import normalize_address
from flows.clock import read_zone
from flows.secret_text import strip_secret

CHECKOUT = Path(__file__).resolve().parents[1]
"""The root of the checkout."""

SETTINGS_FILES = [CHECKOUT / "partnerflow.toml", Path("partnerflow.toml")]
"""Where settings are read from, if it exists; the last one wins."""


@dataclass(frozen=True)
class Database:
    """A database on a server, by its dbt target; the variables that dbt_project/profiles.yml reads say where it is."""

    target: str

    def __str__(self) -> str:
        return f"the database of target {self.target}"

    def exists(self) -> bool:
        """Return True: only the server knows whether it does."""
        return True


Place = Path | Database
"""Where the warehouse is: a file in the state folder, or a database."""

FILES = {"duckdb": "warehouse.duckdb"}
"""The targets whose warehouse is a file in the state folder, and its name."""


class Settings(BaseSettings):
    """The settings of an installation. A variable wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix="PARTNERFLOW_",
        toml_file=SETTINGS_FILES,
        frozen=True,
        hide_input_in_errors=True,  # secrets
        validate_default=False,  # saves the import of what validates addresses
        populate_by_name=True,  # `state_dir` in code and in the file; its variable is PARTNERFLOW_VAR
    )

    workflows: Path = CHECKOUT / "workflows"
    """The folder of definitions: workflow files, segments/ and messages/."""

    state_dir: Path = Field(CHECKOUT / "var", validation_alias="PARTNERFLOW_VAR")
    """The folder of the state: warehouse.duckdb, ledger.db, published/, outbox/, logs/."""

    target: Literal["duckdb", "postgres", "spark"] = "duckdb"
    """Where dbt builds (dbt_project/profiles.yml): `duckdb` is a file in the state folder, `postgres` a database, and
    `spark` the Iceberg tables of a cluster."""

    timezone: str = "UTC"
    """The IANA time zone whose full hours are evaluated: of `run` without --as-of, of `serve`, of hours to catch up."""

    loader: Literal["contract", "tap_impact", "fivetran"] = "contract"
    """Which loader writes the raw rows (docs/bring-your-own-loader.md)."""

    sender_address: str = "partners@example.com"
    """The address in From; its domain is also the right side of Message-IDs."""

    test_address: str | None = None
    """Your own address, for test emails. Default: none; each test email says where it goes."""

    bounce_address: str | None = None
    """Where bounces go: bounce@example.com receives them at bounce+<delivery id>@example.com. Default: the sender."""

    unsubscribe_url: str | None = None
    """The base of unsubscribe links, for example https://mail.example.com/u."""

    unsubscribe_signing_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Keys of unsubscribe links, separated by commas: the first one signs, all of them verify."""

    last_n_days_include_today: bool = False
    """Whether Last N Days is 0 to N days ago instead of 1 to N."""

    ledger_url: SecretStr | None = None
    """The PostgreSQL database of the ledger when several hosts send. Default: `ledger.db` in the state folder."""

    smtp_host: str | None = None
    """The mail server. Default: none; emails are files in the outbox."""

    smtp_port: PositiveInt = 587
    """Its port."""

    smtp_tls: Literal["starttls", "implicit", "none"] = "starttls"
    """How the connection is protected; the server's certificate is verified."""

    smtp_ca_file: Path | None = None
    """The certificates of your own certificate authority, if it signed the server's."""

    smtp_user: str | None = None
    """The user at the mail server."""

    smtp_password: SecretStr | None = None
    """The user's password."""

    smtp_max_connections: PositiveInt = 4
    """Number of connections open at the same time."""

    smtp_max_per_second: PositiveFloat | None = None
    """Emails per second of one run, over all its connections. Default: no limit."""

    smtp_connect_timeout: PositiveFloat = 60
    """Seconds for all of a connection's set-up: to connect, greet, start TLS and log in."""

    smtp_command_timeout: PositiveFloat = 300
    """Seconds for each reply before the message (RFC 5321, 4.5.3.2: 5 minutes)."""

    smtp_data_timeout: PositiveFloat = 180
    """Seconds to hand over a message (RFC 5321: 3 minutes)."""

    smtp_data_done_timeout: PositiveFloat = 600
    """Seconds for the reply to a message (RFC 5321: 10 minutes). A shorter time leaves more deliveries in doubt."""

    retry_hours: PositiveFloat = 24
    """Hours in which a delivery is tried again after the first deferral; then it is `expired`."""

    application_api_url: str | None = None
    """The HTTP endpoint that decisions about applications are posted to. Default: none; decisions are files."""

    application_api_token: SecretStr | None = None
    """The bearer token of that endpoint."""

    application_api_idempotent: bool = False
    """Whether that endpoint runs an Idempotency-Key once, even if it is posted again."""

    application_api_timeout: PositiveFloat = 30
    """Seconds for that endpoint's reply to be complete, and to connect to it."""

    notice_webhooks: dict[str, SecretStr] = {}
    """The URLs of webhooks that notices name (docs/notices.md), by name."""

    notice_commands: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    """The commands that notices name, each a list of the program and its arguments, by name."""

    @field_validator("workflows", "state_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            return read_zone(name).key
        except PartnerflowError as error:
            raise ValueError(str(error)) from None

    @field_validator("smtp_password", "application_api_token", "ledger_url")
    @classmethod
    def _secret(cls, secret: SecretStr | None) -> SecretStr | None:
        return strip_secret(secret)

    @field_validator("application_api_token", "ledger_url")
    @classmethod
    def _visible(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and any(not "!" <= character <= "~" for character in secret.get_secret_value()):
            raise ValueError("it has white space or a character that is not ASCII in it")
        return secret

    @field_validator("notice_webhooks")
    @classmethod
    def _webhooks(cls, webhooks: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in webhooks.items():
            url = secret.get_secret_value()
            parts = urlsplit(url)
            safe = parts.scheme == "https" or (parts.scheme == "http" and _is_this_host(parts.hostname))
            if not (safe and parts.hostname and all("!" <= character <= "~" for character in url)):
                raise ValueError(f"the URL of {name} is not a valid https URL")
        return webhooks

    @field_validator("application_api_url")
    @classmethod
    def _endpoint(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https://none")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("it is not a valid URL, such as https://api.example.com/decisions")
        return url

    @model_validator(mode="after")
    def _secrets_are_protected(self) -> Self:
        if self.smtp_user and not self.smtp_password:
            raise ValueError("smtp_user is set, but smtp_password is not")
        if self.smtp_user and self.smtp_tls == "none" and not _is_this_host(self.smtp_host):
            raise ValueError("smtp_tls is none: the password would be sent unencrypted")
        url = urlsplit(self.application_api_url or "")
        if self.application_api_token and url.scheme == "http" and not _is_this_host(url.hostname):
            raise ValueError("application_api_url is not https: the token would be sent unencrypted")
        return self

    @field_validator("sender_address", "test_address", "bounce_address")
    @classmethod
    def _address(cls, text: str | None) -> str | None:
        try:
            return None if text is None else normalize_address(text)
        except PartnerflowError:
            raise ValueError("it is not a valid email address, such as partners@example.com") from None

    @field_validator("unsubscribe_url")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"))
        plain = url is not None and url.isascii() and len(url) <= 300 and not set(url) & set(' <>,"?#')
        if url is not None and not (safe and parts.hostname and plain):
            raise ValueError("it is not a valid https URL, such as https://mail.example.com/u")
        return url and url.rstrip("/")

    @field_validator("unsubscribe_signing_keys", mode="before")
    @classmethod
    def _keys(cls, keys: Any) -> Any:
        return tuple(key.strip() for key in keys.split(",") if key.strip()) if isinstance(keys, str) else keys

    @field_validator("unsubscribe_signing_keys")
    @classmethod
    def _stripped_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return tuple(stripped for key in keys if (stripped := strip_secret(key)))

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if any(len(key.get_secret_value()) < 16 for key in self.unsubscribe_signing_keys):
            raise ValueError("unsubscribe_signing_keys: a key has fewer than 16 characters")
        if self.unsubscribe_url and not self.unsubscribe_signing_keys:
            raise ValueError(
                "unsubscribe_url needs unsubscribe_signing_keys, so that nobody can unsubscribe someone else"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose full hours are evaluated."""
        return read_zone(self.timezone)

    @property
    def has_default_sender(self) -> bool:
        """Whether emails come from the default sender, which is not an address of your own."""
        return self.sender_address.endswith("@example.com")

    @property
    def warehouse(self) -> Place:
        """Where dbt builds. A file may be deleted and rebuilt."""
        file = FILES.get(self.target)
        return self.state_dir / file if file else Database(self.target)

    @property
    def ledger(self) -> Path | str:
        """The ledger: a SQLite file, or the URL of a PostgreSQL database. It ensures that contacts are made once."""
        return self.ledger_url.get_secret_value() if self.ledger_url else self.state_dir / "ledger.db"

    @property
    def published(self) -> Path:
        """The DuckDB file that people query."""
        return self.state_dir / "published" / "partnerflow.duckdb"

    @property
    def last_build(self) -> Path:
        """An empty file, as old as the last build of the warehouse."""
        return self.state_dir / "dbt_state" / "last_build"

    @property
    def report(self) -> Path:
        """The page of the report, written by each run."""
        return self.state_dir / "published" / "report.html"

    @property
    def landing(self) -> Path:
        """The folder where provider events and bounce messages land."""
        return self.state_dir / "landing" / "email_events"

    @property
    def outbox(self) -> Path:
        """The folder of .eml files, the default delivery."""
        return self.state_dir / "outbox"

    @property
    def decisions(self) -> Path:
        """The folder of decision files of application workflows."""
        return self.state_dir / "decisions"


def read_settings() -> Settings:
    """Return the settings of this installation.

    Raises PartnerflowError that names every invalid setting, or says why partnerflow.toml cannot be read.
    """
    for file in SETTINGS_FILES:
        _check_file(file.absolute())
    try:
        return Settings()
    except ValidationError as error:
        lines = [_line(detail["loc"], detail["msg"].removeprefix("Value error, ")) for detail in error.errors()]
        hint = "Correct each as PARTNERFLOW_<NAME> or in partnerflow.toml."
        raise PartnerflowError("These settings are not valid.\n  " + "\n  ".join(lines) + f"\n{hint}") from None


def _check_file(file: Path) -> None:
    """Raise PartnerflowError if the file exists and is not valid TOML. pydantic would ignore a folder of this name."""
    try:
        tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise PartnerflowError(f"{file} cannot be read: {error.strerror}. Correct it, or move it away.") from None
    except ValueError as error:  # not UTF-8, or not TOML
        hint = 'Write one setting per line, such as timezone = "UTC".'
        raise PartnerflowError(f"{file} is not valid TOML: {error}. {hint}") from None


def _line(where: tuple[int | str, ...], message: str) -> str:
    return f"{where[0]}: {message}" if where else message


def _is_this_host(host: str | None) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")
