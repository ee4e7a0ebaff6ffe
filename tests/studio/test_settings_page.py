"""The files that are common to all workflows, edited as text with the problems of `check`."""

import re
from pathlib import Path

import pytest

from support.studio import Client

RIGHT = {
    "contact_policy.yml": ("caps:\n  - at most 2 emails per partner per day\n", "caps: [at most]\n"),
    "programs.yml": ('"1000":\n  postal_address: 1 Road, Town\n', '"1000": {address: x}\n'),
    "notices.yml": ("notify: [owner]\n", "notify: [nobody]\n"),
}
"""For each file, a text that is valid and one that is not."""


def version(client: Client, name: str) -> str:
    """Return the version of the file as its page carries it."""
    return re.findall(r'name="version" value="(\w+)"', client.get(f"/settings/{name}"))[0]


@pytest.mark.parametrize("name", RIGHT)
def test_file_is_created_changed_and_removed_after_a_review(client: Client, folder: Path, name: str):
    """What is not valid is said while it is typed, and is not written."""
    path, (right, wrong) = f"/settings/{name}", RIGHT[name]
    assert f"Create <code>{name}" in client.get("/settings")
    assert "check finds no problem" in client.post(f"{path}/check", text=right)
    said = client.post(f"{path}/check", text=wrong)
    assert f"{name}:1" in said
    assert "Nothing was written" in client.post(path, 422, text=wrong, version=version(client, name))
    assert client.confirm(path, text=right, version=version(client, name)) == "/settings"
    assert (folder / name).read_text() == right
    assert f"Edit <code>{name}" in client.get("/settings")
    client.confirm(path, text="", version=version(client, name))
    assert not (folder / name).exists()


def test_example_of_a_file_that_does_not_exist_is_valid(client: Client):
    """It is in the text area, to begin with."""
    for name in RIGHT:
        text = re.search(r'id="text"[^>]*>\n(.*?)</textarea>', client.get(f"/settings/{name}"), re.DOTALL)[1]
        text = text.replace("&#34;", '"')
        assert text and "check finds no problem" in client.post(f"/settings/{name}/check", text=text)


def test_file_that_was_wrong_before_is_shown_with_its_problems(client: Client, folder: Path):
    """And can be corrected."""
    (folder / "notices.yml").write_text("notify: [nobody]\n")
    assert "What check says" in client.get("/settings/notices.yml")
    client.confirm("/settings/notices.yml", text="notify: []", version=version(client, "notices.yml"))
    assert (folder / "notices.yml").read_text() == "notify: []\n"


def test_second_of_two_people_is_told_of_the_other_one(client: Client, folder: Path):
    """The text that was typed stays."""
    before = version(client, "notices.yml")
    (folder / "notices.yml").write_text("silent_hours: 3\n")
    page = client.post("/settings/notices.yml", 409, text="silent_hours: 4\n", version=before)
    assert "Somebody has changed this file meanwhile" in page and "silent_hours: 4" in page


@pytest.mark.parametrize("name", ["welcome.yml", "..%2fx", "sends.yml", "%2e%2e"])
def test_other_files_are_not_edited_here(client: Client, name: str):
    """Only the three names are known."""
    assert client.http.get(f"/settings/{name}").status_code == 404
