"""Emails that are delivered days after they were claimed: a stage and its date follow the delivery."""

import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flows.settings import Settings
from support.smtp_server import ScriptedServer, closed_port
from support.states import remove_state
from support.timeline import Timeline

SEGMENTS = {
    "invite": ["Relationship Stage is any of New", "Last Transition Date is Today"],
    "follow-up": ["Relationship Stage is any of Outreach", "Last Transition Date is 7 Days Ago"],
}

pytestmark = pytest.mark.long


def test_follow_ups_count_from_the_delivery(read_project: Path, workshop: Path, tmp_path: Path):
    """A mail server is down for three days: the follow-up comes seven days after the delivery, not after the claim."""
    shutil.copytree(read_project, workshop / "dbt_project")
    try:
        settings = Settings(
            state_dir=workshop,
            workflows=tmp_path / "workflows",
            smtp_host="127.0.0.1",
            smtp_tls="none",
            sender_address="us@x.example",
        )
        account = Timeline(settings, ZoneInfo("America/New_York"), SEGMENTS)
        account.tagged("Maya", "2026-03-02 10:20")
        with closed_port() as port:
            account.settings = settings.model_copy(update={"smtp_port": port})
            account.run("2026-03-02 11:00", "2026-03-04 11:00")
            assert account.stages()["Maya"] == ("New", "2026-03-02")
        with ScriptedServer() as server:
            account.settings = settings.model_copy(update={"smtp_port": server.port})
            account.run("2026-03-05 11:00", "2026-03-05 12:00")
            assert account.stages()["Maya"] == ("Outreach", "2026-03-05")
            account.run("2026-03-09 12:00")
            assert [workflow for workflow, _ in account.contacted("Maya")] == ["invite"]
            account.run("2026-03-12 12:00")
            assert [workflow for workflow, _ in account.contacted("Maya")] == ["invite", "follow-up"]
            assert len(server.accepted) == 2
    finally:
        remove_state(workshop)
