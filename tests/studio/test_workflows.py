"""The list of workflows and their status: every change is shown first, then written."""

import os
import re
from pathlib import Path

from support.studio import Client, confirmation


def listed(page: str) -> list[str]:
    """Return the ids of the workflows that a list has."""
    return re.findall(r'name="workflow" value="([\w-]+)"', page)


def test_list_has_every_workflow_with_its_status(client: Client):
    """Drafts and those that are not valid too, with what is wrong."""
    page = client.get("/")
    assert listed(page) == ["later", "sends", "wrong"]
    assert "1 definition is not valid" in page and "not valid YAML" in page


def test_list_when_filtered_has_the_others_only_by_number(client: Client):
    """By text (also of conditions), program, status and health."""
    assert listed(client.get("/?q=SENDS")) == ["sends"]
    assert listed(client.get("/?q=7+days+ago&status=draft")) == ["later"]
    assert listed(client.get("/?sign=broken")) == ["wrong"]
    assert listed(client.get("/?program=1000")) == ["later", "sends"]
    assert "2 of 3 workflows" in client.get("/?program=1000")
    assert "No workflow fits" in client.get("/?q=nothing+has+this")


def test_status_is_shown_as_a_diff_before_it_is_written(client: Client, folder: Path):
    """The first click writes nothing; the second exactly what was shown, and the comment and permissions stay."""
    file = folder / "sends.yml"
    before = file.read_text()
    file.chmod(0o640)
    os.umask(0o077)
    shown = client.post("/status", workflow="sends", action="pause")
    assert "status: active</del>" in shown and "status: paused</ins>" in shown
    assert file.read_text() == before
    assert client.confirm("/status", workflow="sends", action="pause") == "/workflows/sends"
    assert "1 file was written" in client.get("/workflows/sends")
    assert "file was written" not in client.get("/workflows/sends")
    assert file.read_text() == before.replace("status: active", "status: paused")
    assert file.stat().st_mode & 0o777 == 0o640


def test_status_of_several_is_changed_at_once_or_not_at_all(client: Client, folder: Path):
    """Activation refuses what check refuses, of all that are chosen."""
    (folder / "third.yml").write_text((folder / "later.yml").read_text().replace("email: hello", "email: gone"))
    before = {file: file.read_text() for file in folder.glob("*.yml")}
    refused = client.post("/status", 400, workflow=["later", "third"], action="activate")
    assert "There is no message gone" in refused
    assert {file: file.read_text() for file in folder.glob("*.yml")} == before
    client.confirm("/status", workflow=["later", "sends"], action="activate")
    assert "status: active" in (folder / "later.yml").read_text()


def test_activation_of_a_chain_says_what_each_workflow_still_needs(client: Client, folder: Path):
    """The texts of a template have to be replaced first; each problem is below its workflow, with a link."""
    client.confirm("/create/template/celebrate-top-performing-partners", program="1000", prefix="")
    page = client.post("/status", 422, workflow="milestone-1000", action="activate", chain="on")
    parts = page.split('<section class="card error"')[1:]
    assert [re.findall(r'href="/workflows/([\w-]+)"', one)[0] for one in parts] == ["milestone-1000", "milestone-10000"]
    assert all("This is the unchanged text of a template." in one for one in parts)
    assert "/workflows/milestone-10000/email" in parts[1]
    assert "status: draft" in (folder / "milestone-1000.yml").read_text()


def test_status_when_a_file_changes_after_the_review_is_shown_again(client: Client, folder: Path):
    """What was not shown is not written."""
    shown = client.post("/status", workflow="sends", action="pause")
    file = folder / "sends.yml"
    file.write_text(file.read_text() + "# a colleague\n")
    again = client.post("/status", workflow="sends", action="pause", confirm=confirmation(shown))
    assert "A file has changed meanwhile" in again
    assert "status: active" in file.read_text()
    client.post("/status", 303, workflow="sends", action="pause", confirm=confirmation(again))
    assert file.read_text().endswith("# a colleague\n") and "status: paused" in file.read_text()


def test_delete_removes_the_file_and_says_what_stays(client: Client, folder: Path):
    """Also of one that is not valid."""
    shown = client.post("/status", workflow=["later", "wrong"], action="delete")
    assert "stays in the ledger" in shown and (folder / "later.yml").exists()
    client.confirm("/status", workflow=["later", "wrong"], action="delete")
    assert sorted(file.name for file in folder.glob("*.yml")) == ["sends.yml"]
    assert (folder / "messages" / "hello").exists()


def test_status_without_a_workflow_or_an_action_is_refused(client: Client):
    """With what to do."""
    assert "No workflow is chosen" in client.post("/status", 400, action="pause")
    assert "not a valid action" in client.post("/status", 400, workflow="sends", action="explode")


def test_empty_folder_says_how_to_begin(client: Client, folder: Path):
    """With a way to create a workflow."""
    for file in folder.glob("*.yml"):
        file.unlink()
    assert "There are no workflows in" in client.get("/")


def test_list_follows_every_file_of_the_folder(client: Client, folder: Path):
    """What has been read is kept only while no file changes: a message with an error breaks its workflows."""
    assert client.get("/").count('class="mark broken"') == 1
    (folder / "messages" / "hello" / "message.yml").write_text("subject: {{ nobody }}\n")
    assert client.get("/").count('class="mark broken"') == 3
    (folder / "programs.yml").write_text("- not a mapping\n")
    (folder / "messages" / "hello" / "message.yml").write_text("subject: Hello\n")
    assert client.get("/").count('class="mark broken"') == 3
    (folder / "programs.yml").unlink()
    assert client.get("/").count('class="mark broken"') == 1
