"""A small account that changes between the hours of the real flow, in the words of a partner manager.

    timeline = Timeline(settings, ZoneInfo("America/New_York"))
    timeline.tagged("Maya", "2026-03-02 10:20")
    timeline.run("2026-03-02 11:00")
    timeline.contract("Maya", "Awaiting Advertiser Approval", created="2026-03-04 09:10")

Times are local times of the account's one program. Rows are written at once, and a run sees what was written before it.
A source keeps only the present row of a contract, so `contract` replaces the row.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flows.ledger.queries import deliveries
from flows.pipeline.run import Run, run_hour
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.raw_tables import CREATE, create_raw_table
from support.ledgers import opened

PROGRAM = "1000"

LOADED = ("programs", "partners", "partner_contacts", "partner_groups", "contracts", "prospects",
          "relationship_events", "partner_clicks_daily", "actions")  # fmt: skip
"""The raw tables that a loader fills."""


class Timeline:
    """One program in a zone, in an empty state; `segments` are the sentences of its workflows by id."""

    def __init__(self, settings: Settings, zone: ZoneInfo, segments: dict[str, Sequence[str]]):
        self.settings, self.zone = settings, zone
        self.runs: list[Run] = []
        self._add_workflows(segments)
        with open_warehouse(settings.warehouse) as connection, transaction(connection):
            for name in CREATE:
                if name in LOADED:
                    create_raw_table(connection, name)
        self.insert("programs", program_id=PROGRAM, name="Lumen", timezone=zone.key, currency="USD")

    def partner(self, name: str) -> None:
        """Add a partner with one contact, unless there is one of this name."""
        if not self._query("SELECT 1 FROM raw.partners WHERE partner_id = ?", [name]):
            self.insert("partners", program_id=PROGRAM, partner_id=name, name=name)
            address = f"{name.lower().replace(' ', '-')}@example.org"
            self.insert("partner_contacts", program_id=PROGRAM, partner_id=name, email=address, is_primary=True)

    def tagged(self, name: str, at: str) -> None:
        """Tag a partner as a prospect."""
        self.partner(name)
        self.insert("prospects", program_id=PROGRAM, partner_id=name, tagged_at=self.at(at))

    def supplied(self, name: str, stage: str, at: str) -> None:
        """Add a relationship event of the source."""
        self.partner(name)
        self.insert(
            "relationship_events",
            program_id=PROGRAM,
            partner_id=name,
            relationship_stage=stage,
            transitioned_at=self.at(at),
        )

    def contract(self, name: str, stage: str, contract_id: str | None = None, **columns: str | None) -> None:
        """Write the present row of a contract: created, starts, ends, updated, superseded_by; `updated` is optional."""
        self.partner(name)
        contract_id = contract_id or f"c-{name}"
        times = {f"{key}_at": self.at(value) for key, value in columns.items() if key != "superseded_by" and value}
        self.delete_contract(contract_id)
        self.insert(
            "contracts",
            program_id=PROGRAM,
            contract_id=contract_id,
            partner_id=name,
            contract_stage=stage,
            template_term_name="Standard",
            superseded_by=columns.get("superseded_by"),
            **times,
        )

    def delete_contract(self, contract_id: str) -> None:
        """Delete the row of a contract, as a source does that reloads a table."""
        self._execute("DELETE FROM raw.contracts WHERE contract_id = ?", [contract_id])

    def clicks(self, name: str, day: str, clicks: int) -> None:
        """Add clicks of a partner on a day."""
        self.partner(name)
        self.insert("partner_clicks_daily", program_id=PROGRAM, partner_id=name, click_date=day, clicks=clicks)

    def run(self, *hours: str, **options: Any) -> Run:
        """Run these hours, each after a loader has looked at all tables, and return the last run."""
        for hour in hours:
            instant = self.at(hour)
            for table in LOADED:
                self._execute(f"UPDATE raw.{table} SET _loaded_at = ?", [instant])
            self.runs.append(run_hour(self.settings, instant.replace(tzinfo=UTC), **options))
        return self.runs[-1]

    def contacted(self, name: str) -> list[tuple[str, str]]:
        """Return a partner's contacts: workflow id and local hour of the run that claimed it, in order."""
        with opened(self.settings.ledger) as ledger:
            found = [(one.as_of, one.workflow_id) for one in deliveries(ledger) if one.partner_id == name]
        return [(workflow, self._local(at)) for at, workflow in sorted(found)]

    def stages(self) -> dict[str, tuple[str, str | None]]:
        """Return the stage and transition date of each partner at the hour of the last run."""
        query = "SELECT partner_id, relationship_stage_as_of, last_transition_date_as_of FROM segments.partners_as_of"
        return {name: (stage, str(day) if day else None) for name, stage, day in self._query(query)}

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        return int(self._query(f"SELECT count(*) FROM {table}")[0][0])

    def at(self, text: str) -> datetime:
        """Return a local time in UTC, without a time zone, as raw tables store it."""
        return datetime.fromisoformat(text).replace(tzinfo=self.zone).astimezone(UTC).replace(tzinfo=None)

    def insert(self, table: str, **row: Any) -> None:
        """Insert a row into a raw table; the next run's loader gives it its time of loading."""
        marks = ", ".join("?" for _ in row)
        self._execute(f"INSERT INTO raw.{table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def _execute(self, statement: str, values: Iterable[Any] = ()) -> None:
        with open_warehouse(self.settings.warehouse) as connection:
            connection.execute(statement, list(values))

    def _query(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with open_warehouse(self.settings.warehouse) as connection:
            found = connection.execute(query, list(values)).fetchall()
        return [tuple(row) for row in found]

    def _local(self, at: datetime) -> str:
        return f"{at.replace(tzinfo=UTC).astimezone(self.zone):%Y-%m-%d %H:%M}"

    def _add_workflows(self, segments: dict[str, Sequence[str]]) -> None:
        message = self.settings.workflows / "messages" / "note"
        message.mkdir(parents=True)
        (message / "message.yml").write_text('subject: "Hello {{ partner.name }}"\n')
        (message / "body.txt").write_text("Hi {{ partner.name }}\n\n{{ unsubscribe_link }}\n")
        for name, sentences in segments.items():
            lines = "".join(f"  - {one}\n" for one in sentences)
            text = f'name: {name}\nprogram: "{PROGRAM}"\nstatus: active\nsegment:\n{lines}action: {{email: note}}\n'
            (self.settings.workflows / f"{name}.yml").write_text(text)
