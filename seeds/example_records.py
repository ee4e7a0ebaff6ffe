"""The records from which the example account is written, and the constants of its two programs.

Times are local times of the program ("2026-03-06 23:30"); make_example.py converts them to UTC. Amounts are text,
because they are exact.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

ZONES = {"1000": "America/New_York", "2000": "Asia/Kolkata"}
CURRENCIES = {"1000": "USD", "2000": "INR"}
PROGRAMS = [
    ("1000", "Northwind Outdoor", "performance", ZONES["1000"], CURRENCIES["1000"]),
    ("2000", "Lumen Creator Collective", "creator", ZONES["2000"], CURRENCIES["2000"]),
]

STANDARD = "Creator Standard Terms"  # the term whose applications are accepted: no bulk partner has it
TERM_IDS = {
    "Northwind Standard Terms": "70001",
    "Northwind Content Terms 5%": "70002",
    "Northwind_Legacy Terms": "70003",
    STANDARD: "88001",
    "Creator Launch Terms": "88002",
    "Creator Standard Terms (2024)": "88003",
}
DEFAULT_TERM = {"1000": "Northwind Standard Terms", "2000": "Creator Launch Terms"}
GROUPS = {
    "501": "Gold Tier",
    "502": "Content & Reviews",
    "503": "Coupons, Cashback",
    "601": "Video",
    "602": "हिन्दी Creators",
}


@dataclass(frozen=True)
class Contract:
    """One contract; a term of None is the program's default."""

    contract_id: str
    stage: str
    term: str | None = None
    starts: str | None = None
    ends: str | None = None
    superseded_by: str | None = None
    created: str | None = None
    updated: str | None = None


@dataclass(frozen=True)
class Sale:
    """One action in its current state; `corrected` is when its amount or state was last changed."""

    at: str
    amount: str
    state: str = "APPROVED"
    corrected: str | None = None


@dataclass(frozen=True)
class Contact:
    """One address of a partner."""

    email: str
    first: str
    last: str
    primary: bool = True
    unsubscribed: str | None = None


@dataclass(frozen=True)
class Partner:
    """A partner in one program with all its rows. If `contacts` is None, it has a default primary contact."""

    program_id: str
    partner_id: str
    name: str
    shows: str = ""
    contracts: tuple[Contract, ...] = ()
    tagged: str | None = None
    supplied: dict[str, str] = field(default_factory=dict)  # local time -> relationship stage
    clicks: dict[str, int] = field(default_factory=dict)  # local date -> clicks
    sales: list[Sale] = field(default_factory=list)
    contacts: list[Contact] | None = None
    groups: list[str] = field(default_factory=list)
    language: str | None = None


def joined(contract_id, starts, term=None, ends=None):
    """Return a contract in force; `ends` is in the future."""
    return Contract(contract_id, "Joined", term, starts, ends, created=drawn_up(starts), updated=starts)


def expired(contract_id, starts, ends, term=None):
    """Return a contract that has ended without a successor."""
    return Contract(contract_id, "Expired", term, starts, ends, created=drawn_up(starts), updated=ends)


def replaced(old_id, starts, new_id, switch, old_term=None, new_term=None, old_ends=None):
    """Return a contract and the one that superseded it."""
    old = replace(expired(old_id, starts, old_ends or switch, old_term), superseded_by=new_id)
    return old, joined(new_id, switch, new_term)


def pending(contract_id, stage, created, term=None, updated=None, starts=None):
    """Return a contract that is not in force: proposed, applied for, countered, declined, or starting later."""
    return Contract(contract_id, stage, term, starts, created=created, updated=updated or created)


def drawn_up(starts):
    """Return when a contract was created: five days before it starts, so that tests distinguish the two."""
    return str(datetime.fromisoformat(starts) - timedelta(days=5))


def northwind(partner_id, name, shows, *contracts, language="en-US", **rows):
    """Return a designed partner of program 1000."""
    return Partner("1000", partner_id, name, shows, contracts, language=language, **rows)


def lumen(partner_id, name, shows, *contracts, language="en-IN", **rows):
    """Return a designed partner of program 2000."""
    return Partner("2000", partner_id, name, shows, contracts, language=language, **rows)
