"""An automation of the Prefect server that marks a flow run as crashed when its heartbeat stops.

Without it, a run that is killed together with the process that started it stays `Running` in Prefect. `partnerflow
serve` creates the automation; for a fleet, `python -m flows.orchestration.automation` does. It changes only what
Prefect shows: the next run recovers what a crashed one left, in any case.
"""

import asyncio
from datetime import timedelta

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

HEARTBEAT_TIMEOUT = timedelta(seconds=90)
"""A run counts as crashed after three missing heartbeats."""

NAME = "partnerflow: a run without a heartbeat has crashed"
ENDS = ("Completed", "Failed", "Cancelled", "Crashed")


def ensure_crash_automation(flow_name: str) -> None:
    """Make the Prefect server of PREFECT_API_URL mark runs of this flow as crashed when their heartbeat stops.

    Updates the automation if it exists.
    """
    asyncio.run(_ensure(_rule(flow_name)))


async def _ensure(rule: Automation) -> None:
    try:
        present = await Automation.aread(name=NAME)
    except ValueError:
        await rule.acreate()
    else:
        present.trigger, present.actions = rule.trigger, rule.actions
        await present.aupdate()


def _rule(flow_name: str) -> Automation:
    heartbeat = "prefect.flow-run.heartbeat"
    return Automation(
        name=NAME,
        trigger=EventTrigger(
            after={heartbeat},
            expect={heartbeat, *(f"prefect.flow-run.{end}" for end in ENDS)},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": ["flow"], "prefect.resource.name": [flow_name]}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=HEARTBEAT_TIMEOUT,
        ),
        actions=[
            ChangeFlowRunState(state=StateType.CRASHED, message="No heartbeat: the process of this run has died.")
        ],
    )


if __name__ == "__main__":
    ensure_crash_automation("partnerflow-hourly")
