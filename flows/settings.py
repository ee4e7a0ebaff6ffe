"""What an installation may set: PARTNERFLOW_* variables, or partnerflow.toml in the current folder or the checkout."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from compiler import PartnerflowError
from flows.postgres import Postgres

CHECKOUT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """Where definitions and state are, and how emails look. A variable wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix="PARTNERFLOW_", toml_file=[CHECKOUT / "partnerflow.toml", "partnerflow.toml"], frozen=True
    )

    workflows: Path = CHECKOUT / "workflows"
    """The definitions: workflow files, segments/ and messages/."""

    var: Path = CHECKOUT / "var"
    """The state: warehouse.duckdb, ledger.db, published/, outbox/."""

    target: Literal["local", "postgres"] = "local"
    """Where dbt builds (dbt_project/profiles.yml): `local` is the state's DuckDB file, `postgres` a database."""

    sender_address: str = "partners@example.com"
    """The address in From; its domain is that of the Message-IDs."""

    last_n_days_include_today: bool = False
    """Whether Last N Days is 0 to N days ago instead of 1 to N."""

    @field_validator("workflows", "var")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("sender_address")
    @classmethod
    def _address(cls, address: str) -> str:
        local, _, domain = address.rpartition("@")
        if not local or not domain or not address.isascii() or set(address) & set(' <>,;"\r\n\t'):
            raise ValueError("it is no plain email address, such as partners@example.com")
        return address

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def warehouse(self) -> Path | Postgres:
        """Where dbt builds. The DuckDB file may be deleted and rebuilt."""
        return Postgres() if self.target == "postgres" else self.var / "warehouse.duckdb"

    @property
    def dialect(self) -> str:
        """The dialect of the generated models."""
        return "postgres" if self.target == "postgres" else "duckdb"

    @property
    def ledger(self) -> Path:
        """The SQLite file that makes "once" true; precious."""
        return self.var / "ledger.db"

    @property
    def published(self) -> Path:
        """The DuckDB file that people query."""
        return self.var / "published" / "partnerflow.duckdb"

    @property
    def outbox(self) -> Path:
        """The folder of .eml files, the default delivery."""
        return self.var / "outbox"

    @property
    def decisions(self) -> Path:
        """The folder of decision files of application workflows."""
        return self.var / "decisions"


def read_settings() -> Settings:
    """The settings of this installation. Raises PartnerflowError that names each one that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"{detail['loc'][0]}: {detail['msg'].removeprefix('Value error, ')}" for detail in error.errors()]
        hint = "Set it as PARTNERFLOW_<NAME> or in partnerflow.toml."
        raise PartnerflowError("These settings cannot be used.\n  " + "\n  ".join(lines) + f"\n{hint}") from None
