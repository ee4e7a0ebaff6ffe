"""New workflows: from the templates of the help page, from scratch, and as a copy; each shown before it is written."""

import os
from pathlib import Path

from compiler import read_yaml
from flows.definitions.scaffold.templates import templates
from support.studio import Client


def test_cards_have_every_template_with_its_chain(client: Client):
    """Names, program types and languages as on the help page."""
    page = client.get("/create")
    for one in templates():
        assert one.about.name.replace("&", "&amp;").replace("'", "&#39;") in page
        assert all(f"/create/template/{one.id}" in page for one in templates())
    assert "Performance and Creator" in page and "Creator only" in page and "1 language" in page


def test_template_is_written_as_drafts_after_its_files_were_shown(client: Client, folder: Path):
    """All of its workflows and messages, with what was chosen for its term."""
    path = "/create/template/automate-your-prospecting"
    fields = {"program": "1000", "term": "Standard Terms", "prefix": "spring-"}
    shown = client.post(path, **fields)
    assert "Create 5 workflows" in shown and "Turn the system" in shown
    assert not list(folder.glob("spring-*"))
    assert client.confirm(path, **fields) == "/workflows/spring-prospecting-invite"
    assert len(list(folder.glob("spring-*.yml"))) == 5
    accepts = read_yaml("x", (folder / "spring-prospecting-accept.yml").read_text()).value
    assert accepts["status"] == "draft" and "Standard Terms" in accepts["segment"][0]
    page = client.get("/workflows/spring-prospecting-invite")
    assert "The rest of its chain" in page and "and the rest of its chain (4)" in page


def test_template_when_its_files_exist_is_refused(client: Client, folder: Path):
    """The form stays as it was."""
    path, fields = "/create/template/celebrate-a-first-sale", {"program": "1000", "prefix": ""}
    client.confirm(path, **fields)
    assert "already has" in client.post(path, 422, **fields)
    assert "There is no template nothing" in client.get("/create/template/nothing", 404)


def test_scratch_is_written_with_its_message(client: Client, folder: Path):
    """The id, and the name of a new message, are made from the name."""
    fields = {
        "name": "First look", "program": "1000", "description": "Ours", "sentences": "Relationship Stage is any of New",
        "message": "", "new_message": "", "segment": "", "id": "",
    }  # fmt: skip
    assert client.confirm("/create/scratch", **fields) == "/workflows/first-look"
    assert read_yaml("x", (folder / "first-look.yml").read_text()).value == {
        "name": "First look", "description": "Ours", "program": "1000", "status": "draft",
        "segment": ["Relationship Stage is any of New"], "action": {"email": "first-look"},
    }  # fmt: skip
    assert (folder / "messages" / "first-look" / "body.mjml").exists()


def test_application_workflow_is_written_without_a_message(client: Client, folder: Path):
    """It accepts applications for which the conditions hold."""
    term = "Partner Template Term is any of Standard Terms"
    fields = {"name": "Accept all", "program": "1000", "sentences": term, "segment": "", "id": ""}
    assert "Application workflow" in client.get("/create") and "new_message" not in client.get("/create/application")
    assert client.confirm("/create/application", **fields) == "/workflows/accept-all"
    assert read_yaml("x", (folder / "accept-all.yml").read_text()).value == {
        "name": "Accept all", "program": "1000", "status": "draft", "segment": [term], "action": "accept application",
    }  # fmt: skip
    assert sorted(one.name for one in (folder / "messages").iterdir()) == ["hello"]
    assert "needs a condition" in client.post("/create/application", 422, **fields | {"sentences": ""})


def test_scratch_when_something_is_wrong_keeps_what_was_typed(client: Client):
    """Missing values are named, and problems of check are shown."""
    assert "needs a name, a program, an email, a condition" in client.post("/create/scratch", 422, description="kept")
    fields = {"name": "N", "program": "1000", "message": "hello", "sentences": "Clicks lesser than 5"}
    page = client.post("/create/scratch", 422, **fields)
    assert "less than 100" in page and "Clicks lesser than 5" in page
    too_long = client.post("/create/scratch", 422, **fields | {"name": "x" * 51, "sentences": "Clicks is 0"})
    assert "50" in too_long


def test_copy_warns_that_it_writes_again(client: Client, folder: Path):
    """It is a draft with the comments of the original, under a name and an id of its own."""
    assert "A copy writes again" in client.get("/create/copy?workflow=sends")
    assert "needs another name" in client.post("/create/copy", 422, workflow="sends", name="Sends")
    assert client.confirm("/create/copy", workflow="sends", name="Sends too", id="") == "/workflows/sends-too"
    expected = (folder / "sends.yml").read_text().replace("Sends ", "Sends too ").replace("active", "draft")
    assert (folder / "sends-too.yml").read_text() == expected
    for bad in ("../x", "a/b", ".hidden", "sends"):
        assert "Nothing was written" in client.post("/create/copy", 422, workflow="sends", name="N", id=bad)


def test_new_files_have_the_permissions_of_the_users_umask(client: Client, folder: Path):
    """Others may read definitions; what else the process creates is private."""
    os.umask(0o077)
    client.confirm("/create/template/celebrate-a-first-sale", program="1000", prefix="new-")
    made = [folder / "new-first-sale.yml", folder / "messages" / "new-first-sale" / "body.mjml"]
    assert [one.stat().st_mode & 0o777 for one in (*made, made[1].parent)] == [0o644, 0o644, 0o755]
