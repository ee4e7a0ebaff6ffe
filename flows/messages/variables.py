"""The variables that a message can use, and the sample values with which it is checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time


@dataclass(frozen=True)
class Variable:
    """A variable: its name in Liquid, the platform's token for it, a description, and whether it may be empty."""

    name: str
    token: str | None
    description: str
    sample: str
    may_be_empty: bool = False


VARIABLES = (
    Variable("partner.id", "{mpid}", "The partner's id.", "21004711"),
    Variable("partner.name", "{mpname}", "The partner's name.", "Sample Partner"),
    Variable("partner.language", None, "The partner's language, as loaded.", "en-US", may_be_empty=True),
    Variable("contact.first_name", "{firstName}", "The contact's first name.", "Sam", may_be_empty=True),
    Variable("contact.last_name", "{lastName}", "The contact's last name.", "Sample", may_be_empty=True),
    Variable("program.id", None, "The program's id.", "1000"),
    Variable("program.name", None, "The program's name.", "Sample Program"),
    Variable(
        "program.postal_address", None, "The program's postal address, of `programs.yml`.",
        "12 Sample Street, Sampleton", may_be_empty=True,
    ),
    Variable("workflow.id", None, "The workflow's id.", "sample"),
    Variable("workflow.name", None, "The workflow's name.", "Sample"),
    Variable("today.date", "{currentDay}", "The run's date in the program's zone, written out.", "March 20, 2026"),
    Variable("today.time", "{currentTime}", "The run's hour in the program's zone.", "2:00 PM"),
    Variable("subject", None, "The rendered subject; for a layout.", "Sample subject"),
    Variable("preview", None, "The `preview` of message.yml; for a layout.", "Sample preview", may_be_empty=True),
    Variable("reason", None, "The `reason` of message.yml; for a layout.", "Sample reason", may_be_empty=True),
    Variable("sign_up_link", None, "The `sign_up_link` of message.yml.", "https://example.com/apply"),
    Variable("unsubscribe_link", None, "Where the recipient unsubscribes.", "https://example.com/u/token"),
)  # fmt: skip
"""Dates and times are formatted for the message's language. {firstName}, {lastName} default to the partner's name."""

NAMES = {variable.name: variable for variable in VARIABLES}
OF_THE_MESSAGE = ("subject", "preview", "reason")
"""Variables that are themselves templates of message.yml, and cannot be used in one another."""

LINKS = ("sign_up_link", "unsubscribe_link")
"""Variables whose value is a complete URL."""


def sample(omit_optional: bool) -> dict[str, Any]:
    """Return a context with a sample value for every variable, or with `omit_optional` None where it may be empty."""
    context: dict[str, Any] = {}
    for variable in VARIABLES:
        *groups, name = variable.name.split(".")
        place = context.setdefault(groups[0], {}) if groups else context
        place[name] = None if omit_optional and variable.may_be_empty else variable.sample
    return context


@lru_cache(maxsize=256)
def today(as_of: datetime, timezone: str | None, language: str) -> Mapping[str, str]:
    """Return `date` and `time` of an hour (UTC, naive) in the program's time zone, formatted for `language`."""
    locale = _locale(language)
    local = as_of.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone or "UTC"))
    return {
        "date": format_date(local, "long", locale),
        "time": format_time(local, "short", tzinfo=local.tzinfo, locale=locale),
    }


def _locale(language: str) -> Locale:
    """Return the locale of a language tag, with subtags dropped from the right until it is known; else English."""
    parts = language.split("-")
    while parts:
        try:
            return Locale.parse("_".join(parts))
        except (UnknownLocaleError, ValueError):
            parts.pop()
    return Locale("en")
