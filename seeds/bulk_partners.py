"""The bulk partners of the example account, generated at random from a fixed seed.

The last transition of each is at least 150 days before the example's hour, or it has none, and none has a contract
under Creator Standard Terms. So none of them is in any of the sixteen workflows, whatever its clicks and revenue are.
"""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from random import Random

from example_records import Contact, Partner, Sale, expired, joined, pending, replaced

HOW_MANY = {"1000": 217, "2000": 106}
FIRST_DAY = date(2024, 4, 1)
LAST_TRANSITION = date(2025, 10, 10)  # 161 days before the hour
YESTERDAY = date(2026, 3, 19)
TERMS = {
    "1000": ["Northwind Standard Terms", "Northwind Content Terms 5%", "Northwind_Legacy Terms"],
    "2000": ["Creator Launch Terms", "Creator Standard Terms (2024)"],
}
GROUPS = {"1000": ["501", "502", "503"], "2000": ["601", "602"]}
LANGUAGES = {
    "1000": ["en-US", "en-US", "en-US", "fr-CA", "es-US", None],
    "2000": ["en-IN", "en-IN", "hi-IN", "ta-IN", None],
}
PRICES = {"1000": (1_000, 30_000), "2000": (40_000, 900_000)}  # in cents and paise
FIRST_WORDS = ["Alpine", "Cedar", "Coastal", "Copper", "Indigo", "Lantern", "Marigold", "Monsoon", "Nomad", "Saffron"]
LAST_WORDS = ["Blog", "Buys", "Channel", "Deals", "Diary", "Finds", "Guide", "Journal", "Media", "Notes", "Studio"]


def bulk_partners(seed=20260320):
    """Return the bulk partners of both programs. The same seed gives the same partners on every machine."""
    rng, numbers = Random(seed), count(1)
    return [
        draw_partner(rng, program_id, f"{start + number * 37}", numbers)
        for program_id, start in (("1000", 22_000_000), ("2000", 34_000_000))
        for number in range(1, HOW_MANY[program_id] + 1)
    ]


def draw_partner(rng, program_id, partner_id, numbers):
    """Return one partner: its history up to its contracts, and its clicks and sales while it was joined."""
    draw_history = rng.choices(list(HISTORIES), weights=HISTORIES.values())[0]
    history, active = draw_history(rng, rng.choice(TERMS[program_id]), numbers)
    clicks, sales = draw_activity(rng, PRICES[program_id], *active) if active else ({}, [])
    return Partner(
        program_id,
        partner_id,
        name=f"{rng.choice(FIRST_WORDS)} {rng.choice(LAST_WORDS)}",
        clicks=clicks,
        sales=sales,
        groups=[rng.choice(GROUPS[program_id])] if rng.random() < 0.4 else [],
        contacts=draw_contacts(rng, partner_id),
        language=rng.choice(LANGUAGES[program_id]),
        **history,
    )


def long_joined(rng, term, numbers):
    """Return a partner that joined, some after an invitation; a few of the contracts end with this year."""
    start = draw_day(rng, FIRST_DAY + timedelta(30), LAST_TRANSITION)
    ends = "2026-12-31 23:59" if rng.random() < 0.2 else None
    history = {"contracts": (joined(contract_id("S-73", numbers), moment(rng, start), term, ends),)}
    if rng.random() < 0.4:
        history["tagged"] = moment(rng, start - timedelta(21))
        history["supplied"] = {moment(rng, start - timedelta(14)): "Outreach"}
    return history, (start, YESTERDAY)


def recontracted(rng, term, numbers):
    """Return a partner that joined, and later moved to a new contract."""
    start = draw_day(rng, FIRST_DAY, date(2025, 3, 31))
    switch = draw_day(rng, start + timedelta(60), LAST_TRANSITION)
    old, new = contract_id("S-73", numbers), contract_id("S-73", numbers)
    contracts = replaced(old, moment(rng, start), new, moment(rng, switch), term, term)
    return {"contracts": contracts}, (start, YESTERDAY)


def left(rng, term, numbers):
    """Return a partner that joined and has expired."""
    start = draw_day(rng, FIRST_DAY, date(2025, 3, 31))
    end = draw_day(rng, start + timedelta(60), LAST_TRANSITION)
    contract = expired(contract_id("S-73", numbers), moment(rng, start), moment(rng, end), term)
    return {"contracts": (contract,)}, (start, end)


def tagged_only(rng, term, numbers):
    """Return a prospect that was never contacted."""
    return {"tagged": moment(rng, draw_day(rng, FIRST_DAY, LAST_TRANSITION))}, None


def not_signed(rng, term, numbers):
    """Return a partner whose contract was proposed, applied for, countered or declined."""
    created = draw_day(rng, FIRST_DAY, LAST_TRANSITION - timedelta(20))
    updated = moment(rng, created + timedelta(rng.randrange(1, 20)))
    stage = rng.choice(UNSIGNED_STAGES)
    contract = pending(contract_id("P-253", numbers), stage, moment(rng, created), term, updated)
    return {"contracts": (contract,)}, None


def stranger(rng, term, numbers):
    """Return a partner with only a name and an address: stage None."""
    return {}, None


HISTORIES: dict[Callable, int] = {
    long_joined: 52,
    recontracted: 10,
    left: 13,
    tagged_only: 8,
    not_signed: 10,
    stranger: 7,
}
UNSIGNED_STAGES = [
    "Awaiting Publisher Approval",
    "Awaiting Advertiser Approval",
    "Publisher Declined",
    "Advertiser Declined",
    "Advertiser Retracted",
    "Advertiser Countered",
    "Publisher Retracted",
    "Publisher Countered",
    "Pending Contract Expired",
]


def draw_activity(rng, prices, first, last):
    """Return clicks in most weeks between two days, and a few sales."""
    weekly = rng.choice([3, 8, 20, 60])
    days = [first + timedelta(n) for n in range(rng.randrange(1, 8), (last - first).days + 1, 7)]
    clicked = [day for day in days if rng.random() < 0.9]
    clicks = {str(day): rng.randrange(1, 2 * weekly) for day in clicked}
    return clicks, [draw_sale(rng, prices, day) for day in clicked if rng.random() < weekly / 120 + 0.1]


def draw_sale(rng, prices, day):
    """Return one sale: pending if it is recent, otherwise approved or sometimes reversed."""
    cents = rng.randrange(*prices)
    amount = f"{cents // 100}.{cents % 100:02}"
    locked = day + timedelta(30)
    if locked > YESTERDAY:
        return Sale(moment(rng, day), amount, "PENDING")
    return Sale(moment(rng, day), amount, "REVERSED" if rng.random() < 0.08 else "APPROVED", moment(rng, locked))


def draw_contacts(rng, partner_id):
    """Return None (a default primary contact), two contacts, or one that has unsubscribed."""
    desk = f"desk.{partner_id}@example.net"
    roll = rng.random()
    if roll < 0.1:
        owner = Contact(f"owner.{partner_id}@example.org", "Ines", "Moreau")
        return [owner, Contact(desk, "Sam", "Pillai", primary=False)]
    return [Contact(desk, "Sam", "Pillai", unsubscribed="2025-11-03 10:00")] if roll < 0.14 else None


def draw_day(rng, first, last):
    """Return a day between two days, both included."""
    return first + timedelta(rng.randrange((last - first).days + 1))


def moment(rng, day):
    """Return a local time on that day, in working hours."""
    return f"{day} {rng.randrange(8, 20):02}:{rng.randrange(60):02}"


def contract_id(prefix, numbers):
    """Return the next contract id: S-7300001 for a signed contract, P-25300001 for one that was not signed."""
    return f"{prefix}{next(numbers):05}"
