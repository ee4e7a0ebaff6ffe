"""Write a published file with the tables that the report reads, from rows in Python."""

from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas

HOUR = datetime(2026, 3, 20, 18)
COUNTS = ("sent", "delivered", "opened", "bot_opened_only", "clicked", "bounced", "complained", "unsubscribed")
OUTCOMES = ("delivered", "opened", "bot_opened", "clicked", "bounced", "hard_bounced", "complained", "unsubscribed")


def total(workflow_id: str, *counts: int) -> dict:
    """Return a row of marts.workflow_report: the counts in the order of COUNTS, and the rates computed from them."""
    row = {"workflow_id": workflow_id} | dict(zip(COUNTS, counts, strict=True))
    row |= {"with_events": row["delivered"] + row["bounced"], "accepted": 0}
    rates = {
        "delivery_rate": ("delivered", "with_events"), "bounce_rate": ("bounced", "with_events"),
        "open_rate": ("opened", "delivered"), "click_rate": ("clicked", "delivered"),
        "complaint_rate": ("complained", "delivered"), "unsubscribe_rate": ("unsubscribed", "delivered"),
    }  # fmt: skip
    goal = dict.fromkeys(("goal_partners", "goal_complete", "goal_reached", "goal_revenue"), 0)
    return row | goal | {"goal": None, "goal_rate": None} | {
        rate: row[count] / row[base] if row[base] else None for rate, (count, base) in rates.items()
    }  # fmt: skip


def lift(workflow_id: str, goal: str, emailed: tuple[int, int], held_out: tuple[int, int], verdict: str) -> dict:
    """Return a row of marts.workflow_lift from the complete and reached partners of both arms."""
    arms = {"emailed": emailed, "held_out": held_out}
    counts = {name: complete for name, (complete, _) in arms.items()}
    counts |= {f"{name}_complete": complete for name, (complete, _) in arms.items()}
    counts |= {f"{name}_reached": reached for name, (_, reached) in arms.items()}
    rates = {f"{name}_rate": reached / complete for name, (complete, reached) in arms.items()}
    difference = rates["emailed_rate"] - rates["held_out_rate"]
    intervals = {
        "rate_difference": difference, "rate_difference_low": difference - 0.05,
        "rate_difference_high": difference + 0.05, "revenue_difference": 2.5, "revenue_difference_low": -1.0,
        "revenue_difference_high": 6.0,
    }  # fmt: skip
    known = {"workflow_id": workflow_id, "goal": goal, "holdout_percent": 10, "verdict": verdict}
    return known | counts | rates | {"emailed_revenue": 10.0, "held_out_revenue": 7.5} | intervals


def week(workflow_id: str, monday: date, *counts: int) -> dict:
    """Return a row of marts.workflow_report_weekly."""
    return {"workflow_id": workflow_id, "week": monday, "with_events": counts[1]} | dict(
        zip(COUNTS, counts, strict=True)
    )


def run(workflow_id: str, as_of: datetime, status: str = "done", sent: int = 0, detail: str | None = None) -> dict:
    """Return a row of marts.workflow_runs."""
    zeros = dict.fromkeys(("members", "addresses", "already_contacted", "suppressed", "no_address", "held_out",
                           "recipients", "failed", "in_doubt"), 0)  # fmt: skip
    row = {"run_id": f"{as_of:%Y%m%dT%H%M%S}", "workflow_id": workflow_id, "as_of": as_of, "status": status}
    return row | zeros | {"sent": sent, "detail": detail, "notes": None}


def delivery(workflow_id: str, partner_id: str, email: str, *outcomes: str) -> dict:
    """Return a row of marts.fct_email_deliveries."""
    return {
        "delivery_id": f"{workflow_id}/{partner_id}", "workflow_id": workflow_id, "program_id": "1000",
        "partner_id": partner_id, "email": email, "state": "sent", "as_of": HOUR, "sent_at": HOUR,
    } | {f"is_{one}": one in outcomes for one in OUTCOMES}  # fmt: skip


def partner(partner_id: str, name: str) -> dict:
    """Return a row of marts.fct_partners."""
    return {"program_id": "1000", "partner_id": partner_id, "name": name}


def publish_rows(file: Path, **tables: list[dict]) -> None:
    """Write the file with these tables of the schema marts, each from its rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(file) as connection:
        connection.execute("CREATE SCHEMA marts")
        for name, rows in tables.items():
            connection.register("rows", pandas.DataFrame(rows))
            connection.table("rows").create(f"marts.{name}")
            connection.unregister("rows")
