"""The one state folder of a warehouse that has no lock."""

from pathlib import Path

import pytest

from compiler import PartnerflowError
from flows.warehouse.owner import claim_warehouse
from support.warehouses import empty_warehouse


def test_second_state_folder_is_refused_until_the_table_is_dropped(tmp_path: Path):
    """The folder whose run came first keeps the warehouse, also after it was moved."""
    first, moved, second = (tmp_path / name for name in ("first", "moved", "second"))
    with empty_warehouse(tmp_path) as connection:
        claim_warehouse(connection, first)
        first.rename(moved)
        claim_warehouse(connection, moved)
        with pytest.raises(PartnerflowError, match=f"those of the state folder {first} on .* whose run came first"):
            claim_warehouse(connection, second)
        connection.execute("DROP TABLE raw.state_folder")
        claim_warehouse(connection, second)
        with pytest.raises(PartnerflowError, match=f"those of the state folder {second} on"):
            claim_warehouse(connection, moved)
