"""The rows that are set aside, in the words of a run."""

from flows.warehouse.quarantine import hint_of_set_aside, notes_of_set_aside
from support.warehouses import duckdb_connection

ROWS = [
    ("partners", "1000", "name is null", 2),
    ("actions", "1000", "state is null", 1),
    ("actions", "2000", "state is null", 2),
    ("actions", "1000", "amount is null", 1),
    ("contracts", "1000", "contract_stage is null", 1),
    ("partner_clicks_daily", "1000", "clicks is null", 1),
]
"""Table, program, reason and number of equal rows."""


def notes(*rows: tuple[str, str, str, int]) -> tuple[str, ...]:
    """Return the notes of a warehouse with these rows in marts.quarantined_rows."""
    with duckdb_connection() as warehouse:
        assert notes_of_set_aside(warehouse) == ()
        warehouse.execute("CREATE SCHEMA marts")
        warehouse.execute("""
            CREATE TABLE marts.quarantined_rows
                (table_name VARCHAR, program_id VARCHAR, reason VARCHAR, occurrences BIGINT)""")
        for row in rows:
            warehouse.execute("INSERT INTO marts.quarantined_rows VALUES (?, ?, ?, ?)", row)
        return notes_of_set_aside(warehouse)


def test_note_counts_the_rows_of_each_reason_most_first():
    """Equal rows count one by one, whatever their program. Without rows, or before a build, there is no note."""
    said = (
        "8 rows are set aside: 3 of raw.actions (state is null), 2 of raw.partners (name is null), "
        "1 of raw.actions (amount is null), 1 of raw.contracts (contract_stage is null), "
        "1 of raw.partner_clicks_daily (clicks is null)."
    )
    assert notes(*ROWS) == (f"{said} {hint_of_set_aside()}",)
    assert notes() == ()


def test_note_names_five_reasons_and_counts_the_others():
    """The rows of the others are in the total."""
    (note,) = notes(*ROWS, ("contracts", "1000", "partner_id is null", 1), ("programs", "1000", "currency is null", 1))
    assert note.startswith("10 rows are set aside: 3 of raw.actions (state is null)")
    assert "1 of raw.contracts (partner_id is null), and for 2 more reasons." in note
