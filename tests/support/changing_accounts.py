"""Hypothesis strategies for an account that changes between runs: few rows, each with a history of its own.

A source keeps the present row of a contract, which moves through stages, is corrected, is loaded late or is missing for
some hours. All instants are numbers of hours after `Changes.base`, so that hypothesis shrinks to few and small numbers.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from support.oracle import CONTRACT_STAGES, RELATIONSHIP_STAGES
from support.strategies import HOURS

PROGRAM = "1"
PARTNERS = ("ann", "ben")
CHECKED = ("partner_id", "contract_stage", "starts_at", "ends_at", "superseded_by", "created_at")
"""The columns of a contract whose change makes a new version."""
LAST_HOUR = 60

PATHS = (
    ("Awaiting Publisher Approval", "Publisher Declined"),
    ("Awaiting Publisher Approval", "Publisher Countered", "Advertiser Declined"),
    ("Awaiting Publisher Approval", "Awaiting Contract Start", "Joined", "Expired"),
    ("Awaiting Advertiser Approval", "Advertiser Countered", "Publisher Declined"),
    ("Awaiting Advertiser Approval", "Advertiser Declined"),
    ("Awaiting Advertiser Approval", "Awaiting Contract Start", "Joined"),
    ("Awaiting Advertiser Approval", "Joined", "Expired", "Joined"),
    ("Awaiting Contract Start", "Advertiser Retracted"),
    ("Joined", "Expired"),
    ("Joined", "Joined", "Joined"),
)
"""Chains of stages, as contracts go through them."""


@dataclass(frozen=True)
class Changes:
    """An account by hour: `loaded` has the rows that a source holds at each run, by raw table.

    `runs` are the hours at which the flow runs, in UTC; between them are outages.
    """

    zone: ZoneInfo
    base: datetime
    runs: tuple[datetime, ...]
    loaded: tuple[dict[str, list[dict[str, Any]]], ...]


STAGE = st.sampled_from(CONTRACT_STAGES)
STAGES = st.one_of(st.sampled_from(PATHS), st.sampled_from(PATHS), st.lists(STAGE, min_size=1, max_size=3))
HOUR = st.sampled_from((2, 10, 12, 24, 25, 30.5, 47, -30, -1, 0))
DELAY = st.sampled_from((0, 0, 0, 0.5, 3, 26))
STEP = st.fixed_dictionaries(
    {
        "after": st.sampled_from((5, 1, 0.5, 24, 13)),
        "delay": DELAY,
        "moves_start": st.sampled_from((0, 0, 0, 0, 0, 0, 12, 48)),
        "moves_end": st.sampled_from((0, 0, 0, 0, 0, 0, 12, 48)),
    }
)
CONTRACT = st.fixed_dictionaries(
    {
        "partner": st.sampled_from((0, 0, 0, 1)),
        "stages": STAGES,
        "created": HOUR,
        "start": st.sampled_from((0, 1, -400, 12, 30, None)),
        "end": st.sampled_from((None, None, 20, 36, 13)),
        "steps": st.lists(STEP, min_size=4, max_size=4),
        "says": st.sampled_from(("when it changed", "nothing", "when it was created")),
        "loader": st.sampled_from(("when it changed", "each hour", "nothing")),
        "successor": st.sampled_from((None, None, 0, 1, "unknown", "")),
        "missing": st.one_of(st.none(), st.none(), st.tuples(HOUR, st.sampled_from((4, 30, 100)))),
    }
)
EVENT = st.tuples(st.integers(0, 1), HOUR, DELAY)


@st.composite
def changes(draw: st.DrawFn) -> Changes:
    """Draw an account of two partners, the hours of its runs, and what each run finds."""
    zone, day = draw(st.sampled_from(HOURS))
    base = datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)
    gaps = draw(st.lists(st.sampled_from((1, 1, 1, 3, 12, 24)), min_size=4, max_size=7))
    runs = sorted({min(sum(gaps[: number + 1]), LAST_HOUR) for number in range(len(gaps))} | {LAST_HOUR})
    contracts = draw(st.lists(CONTRACT, min_size=1, max_size=3))
    tags = draw(st.lists(EVENT, max_size=2, unique_by=lambda event: event[0]))
    told = draw(
        st.lists(
            st.tuples(EVENT, st.sampled_from(RELATIONSHIP_STAGES)), max_size=2, unique_by=lambda event: event[0][:2]
        )
    )
    emailed = draw(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(runs)), max_size=1))
    source = _Source(base, contracts, tags, told, emailed)
    return Changes(
        ZoneInfo(zone),
        base,
        tuple(base + timedelta(hours=hour) for hour in runs),
        tuple(source.rows(hour) for hour in runs),
    )


@dataclass(frozen=True)
class _Source:
    """What happened, by hour; `rows` are those that a loader has delivered by an hour."""

    base: datetime
    contracts: list[dict[str, Any]]
    tags: list[tuple]
    told: list[tuple]
    emailed: list[tuple]

    def rows(self, hour: float) -> dict[str, list[dict[str, Any]]]:
        contracts = [self._contract(number, picks, hour) for number, picks in enumerate(self.contracts)]
        return {
            "contracts": [row for row in contracts if row],
            "prospects": [
                _key(partner) | {"tagged_at": self.at(at)} for partner, at, delay in self.tags if at + delay <= hour
            ],
            "relationship_events": [
                _key(partner) | {"transitioned_at": self.at(at), "relationship_stage": stage}
                for (partner, at, delay), stage in self.told
                if at + delay <= hour
            ],
            # a run sees the emails of the runs before it
            "sent_emails": [
                _key(partner) | {"action": "email", "state": "sent", "as_of": self.at(at), "delivery_id": str(number)}
                for number, (partner, at) in enumerate(self.emailed)
                if at < hour
            ],
        }

    def at(self, hours: float | None) -> datetime | None:
        return None if hours is None else self.base + timedelta(hours=hours)

    def _contract(self, number: int, picks: dict[str, Any], hour: float) -> dict[str, Any] | None:
        """Return the row of a contract that was loaded last, or None before the first and while it is missing."""
        if picks["missing"] and picks["missing"][0] <= hour < sum(picks["missing"]):
            return None
        loaded = [row for since, row in self._contract_rows(number, picks) if since <= hour]
        if not loaded:
            return None
        return loaded[-1] | ({"_loaded_at": self.at(hour)} if picks["loader"] == "each hour" else {})

    def _contract_rows(self, number: int, picks: dict[str, Any]) -> list[tuple[float, dict[str, Any]]]:
        """Return the rows that a contract has had in the source, each with the hour at which it is loaded."""
        changed = created = picks["created"]
        start, end = (None if picks[key] is None else created + picks[key] for key in ("start", "end"))
        rows = []
        for place, (stage, step) in enumerate(zip(picks["stages"], picks["steps"], strict=False)):
            if place:
                changed += step["after"]
                start = None if start is None else start + step["moves_start"]
                end = None if end is None else end + step["moves_end"]
            is_last = place == len(picks["stages"]) - 1
            said = {"when it changed": changed, "when it was created": picks["created"], "nothing": None}[picks["says"]]
            loaded = changed + step["delay"]
            row = _key(picks["partner"]) | {
                "contract_id": str(number),
                "contract_stage": stage,
                "created_at": self.at(created),
                "starts_at": self.at(start),
                "ends_at": self.at(end),
                "updated_at": self.at(said),
                "superseded_by": _successor(picks["successor"], number) if is_last else None,
                "_loaded_at": self.at(loaded) if picks["loader"] == "when it changed" else None,
            }
            rows.append((loaded, row))
        return rows


def _key(partner: int) -> dict[str, str]:
    return {"program_id": PROGRAM, "partner_id": PARTNERS[partner]}


def _successor(successor: int | str | None, number: int) -> str | None:
    return None if successor is None or successor == number else str(successor)
