"""Write the example account, one CSV file per raw table: `python seeds/make_example.py [--to DIR]`.

It writes the same bytes on every machine. Empty fields are NULL, timestamps are UTC, dates are local to the program.
"""

import argparse
import csv
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from zlib import crc32
from zoneinfo import ZoneInfo

from bulk_partners import bulk_partners
from designed_partners import DESIGNED
from example_records import CURRENCIES, DEFAULT_TERM, GROUPS, PROGRAMS, TERM_IDS, ZONES, Contact

LOADED_AT = "2026-03-20T17:50:00Z"
TABLES = {
    "programs": "program_id name program_type timezone currency",
    "partners": "program_id partner_id name language",
    "partner_contacts": "program_id partner_id email first_name last_name is_primary unsubscribed_at",
    "partner_groups": "program_id group_id partner_id group_name",
    "contracts": "program_id contract_id partner_id contract_stage template_term_id template_term_name"
    " starts_at ends_at superseded_by created_at updated_at",
    "prospects": "program_id partner_id tagged_at",
    "relationship_events": "program_id partner_id transitioned_at relationship_stage",
    "partner_clicks_daily": "program_id partner_id click_date clicks",
    "actions": "program_id action_id partner_id event_at state amount currency updated_at",
    "email_events": "event_id provider received_at payload",
}
ACTION_PREFIX = {"1000": "1000.4636", "2000": "2000.7710"}
FIRST_NAMES = ["Aisha", "Ben", "Chloe", "Diego", "Esra", "Farid", "Isha", "Jonas", "Kavya", "Meera", "Omar", "Sofia"]
LAST_NAMES = ["Bauer", "Desai", "Ekwueme", "Gupta", "Hansen", "Iyer", "Khan", "Lopez", "Novak", "Rao", "Silva"]


def main():
    """Write every table into the folder that --to names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--to", type=Path, default=Path(__file__).parent, metavar="DIR", help="default: beside this file"
    )
    folder = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in example_rows().items():
        write_table(folder / f"{table}.csv", TABLES[table].split(), rows)


def example_rows():
    """Return the rows of every raw table, sorted, as tuples in the order of its columns without _loaded_at."""
    partners = DESIGNED + bulk_partners()
    per_partner = {
        "partners": partner_rows,
        "partner_contacts": contact_rows,
        "partner_groups": group_rows,
        "contracts": contract_rows,
        "prospects": prospect_rows,
        "relationship_events": event_rows,
        "partner_clicks_daily": click_rows,
    }
    rows = {table: [row for partner in partners for row in make(partner)] for table, make in per_partner.items()}
    rows |= {"programs": PROGRAMS, "actions": action_rows(partners), "email_events": []}
    return {table: sorted(rows[table], key=lambda row: [value or "" for value in row]) for table in TABLES}


def write_table(path, columns, rows):
    """Write one CSV file with a header, \\n line ends, and quotes only where they are needed."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*columns, "_loaded_at"])
        writer.writerows([*row, LOADED_AT] for row in rows)


def partner_rows(p):
    yield p.program_id, p.partner_id, p.name, p.language


def contact_rows(p):
    for c in [invented_contact(p)] if p.contacts is None else p.contacts:
        primary = "true" if c.primary else "false"
        yield p.program_id, p.partner_id, c.email, c.first, c.last, primary, utc(p, c.unsubscribed)


def group_rows(p):
    for group_id in p.groups:
        yield p.program_id, group_id, p.partner_id, GROUPS[group_id]


def contract_rows(p):
    for c in p.contracts:
        term = c.term or DEFAULT_TERM[p.program_id]
        times = utc(p, c.starts), utc(p, c.ends), c.superseded_by, utc(p, c.created), utc(p, c.updated)
        yield p.program_id, c.contract_id, p.partner_id, c.stage, TERM_IDS[term], term, *times


def prospect_rows(p):
    if p.tagged:
        yield p.program_id, p.partner_id, utc(p, p.tagged)


def event_rows(p):
    for at, stage in p.supplied.items():
        yield p.program_id, p.partner_id, utc(p, at), stage


def click_rows(p):
    for day, clicks in p.clicks.items():
        yield p.program_id, p.partner_id, day, str(clicks)


def action_rows(partners):
    """Return the actions of all partners, numbered in order."""
    numbers = count(158133)
    return [
        (
            p.program_id,
            f"{ACTION_PREFIX[p.program_id]}.{next(numbers)}",
            p.partner_id,
            utc(p, sale.at),
            sale.state,
            sale.amount,
            CURRENCIES[p.program_id],
            utc(p, sale.corrected or sale.at),
        )
        for p in partners
        for sale in p.sales
    ]


def invented_contact(p):
    """Return the default primary contact of a partner, which depends only on the partner's id."""
    number = crc32(p.partner_id.encode())
    first, last = FIRST_NAMES[number % len(FIRST_NAMES)], LAST_NAMES[number // 100 % len(LAST_NAMES)]
    return Contact(f"{first}.{last}.{p.partner_id}@example.com".lower(), first, last)


def utc(p, local):
    """Return a local time of the partner's program as an ISO timestamp in UTC; None stays None."""
    if local is None:
        return None
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(ZONES[p.program_id]))
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main()
