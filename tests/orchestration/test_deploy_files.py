"""The deployment files refer to flows, commands and paths that exist."""

import importlib
import re
import shlex

import typer
import yaml

from flows.cli.main import app
from flows.settings import CHECKOUT

DEPLOY = CHECKOUT / "flows" / "orchestration" / "deploy"
COMMANDS = set(typer.main.get_command(app).commands)


def test_prefect_yaml_deploys_a_flow_that_exists():
    """The flow runs every hour, one run at a time."""
    (deployment,) = yaml.safe_load((DEPLOY / "prefect.yaml").read_text())["deployments"]
    file, name = deployment["entrypoint"].split(":")
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    assert getattr(module, name).name == "partnerflow-hourly"
    assert [one["cron"] for one in deployment["schedules"]] == ["0 * * * *"]
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_systemd_unit_starts_commands_that_exist():
    """The unit runs `doctor` before `serve`."""
    lines = re.findall(r"^ExecStart(?:Pre)?=-?(.*)$", (DEPLOY / "partnerflow.service").read_text(), re.MULTILINE)
    commands = [shlex.split(line) for line in lines]
    assert [command[1] for command in commands] == ["doctor", "serve"]
    assert {command[1] for command in commands} <= COMMANDS
    assert {command[0].rpartition("/")[2] for command in commands} == {"partnerflow"}


def test_deployed_state_is_for_its_owner_only():
    """The unit has a umask, and the image creates the folder with permissions for its owner."""
    assert "\nUMask=0077\n" in (DEPLOY / "partnerflow.service").read_text()
    assert "install -d -m 0700 -o partnerflow /var/lib/partnerflow" in (DEPLOY / "Containerfile").read_text()


def test_containerfile_copies_paths_that_exist():
    """The command of the container exists too."""
    text = (DEPLOY / "Containerfile").read_text()
    copied = [path for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE) for path in line.split()[:-1]]
    assert {"compiler", "dbt_project", "flows", "seeds", "requirements.lock"} <= set(copied)
    assert [path for path in copied if not (CHECKOUT / path).exists()] == []
    (command,) = re.findall(r"^CMD (.*)$", text, re.MULTILINE)
    assert yaml.safe_load(command)[:2] == ["partnerflow", "serve"]
