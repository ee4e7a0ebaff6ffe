"""The rule that marks a dead run: a flow run whose heartbeat stops has crashed.

A run that is killed together with the process that started it would stay `Running` in Prefect for ever. The rule is an
automation of the Prefect server; `partnerflow serve` keeps it there, and `python -m
flows.orchestration.automation` does so for a fleet.
It changes what Prefect shows, nothing else: the next run settles what the dead one left, whatever Prefect calls it.
"""

from datetime import timedelta

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

PATIENCE = timedelta(seconds=90)
"""A run is dead after three heartbeats that did not come."""

NAME = "partnerflow: a run without a heartbeat has crashed"
ENDS = ("Completed", "Failed", "Cancelled", "Crashed")


def watch_heartbeats(flow_name: str) -> None:
    """Make the Prefect server of PREFECT_API_URL mark runs of this flow as crashed when their heartbeat stops.

    Replaces the rule that an earlier version has left there.
    """
    wanted = _rule(flow_name)
    try:
        present = Automation.read(name=NAME)
    except ValueError:
        wanted.create()
    else:
        present.trigger, present.actions = wanted.trigger, wanted.actions
        present.update()


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
            within=PATIENCE,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="No heartbeat: the process of this run is dead.")],
    )


if __name__ == "__main__":
    watch_heartbeats("partnerflow-hourly")
