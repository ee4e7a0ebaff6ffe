"""Recovery: deliveries left by a crashed run are completed, resolved or in doubt; nothing is sent twice."""

from pathlib import Path

import pytest

from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.sending.recovery import recover
from flows.sending.summary import SendSummary
from flows.sending.transports.outbox import FileTransport
from support.ledgers import delivery, states
from support.sending import rendered


@pytest.mark.parametrize(
    ("left", "state", "files"),
    [(".d.eml.part", "sent", ["d.eml"]), ("d.eml", "sent", ["d.eml"]), (None, "in_doubt", [])],
)
def test_interrupted_file_is_completed_or_in_doubt(ledger: Ledger, tmp_path: Path, left, state, files):
    """A file with its temporary name was not delivered, and is completed. Without a file the result is not known."""
    outbox = FileTransport(tmp_path / "outbox", ".eml")
    ledger.claim([delivery("p")], {})
    (one,) = ledger.lease("dead", ["w"], 1, utc_now())
    ledger.mark_sending(one)
    names = {name: name and name.replace("d.eml", f"{one.delivery_id}.eml") for name in (left, *files)}
    if left:
        (outbox.folder / names[left]).write_bytes(b"x")
    for _ in range(2):
        recover(ledger, {"email": outbox}, rendered, "next", SendSummary())
        assert states(ledger) == {"p": state}
    assert sorted(file.name for file in outbox.folder.iterdir()) == [names[file] for file in files]
