"""Saved segments: their list, their editor, who uses them, and what a change of one does to its users."""

import itertools
import re
from pathlib import Path

import pytest

from flows.studio.segment.saved import files_that_use
from support.definitions import VOCABULARY
from support.studio import Client, fields, sentences

JOINED, DATE = "Relationship Stage is any of Joined", "Last Transition Date is 7 Days Ago"
PATH = "/segments/joined"


@pytest.fixture
def segments(folder: Path) -> Path:
    """The folder of segments: one workflow uses `joined` as a whole, another one within `recent`."""
    path = folder / "segments"
    path.mkdir()
    (path / "joined.yml").write_text(f"- {JOINED}  # who\n- Clicks greater than 5\n")
    (path / "recent.yml").write_text(f"- Segment is any of joined\n- {JOINED}\n- {DATE}\n")
    (path / "other.yml").write_text(f"- {JOINED}\n")
    use(folder, "later", "joined")
    use(folder, "sends", "\n  - Segment is none of recent\n  - " + JOINED)
    return path


def use(folder: Path, workflow: str, segment: str) -> None:
    """Give a workflow another segment."""
    file = folder / f"{workflow}.yml"
    text = re.sub(r"segment:.*?(?=action)", f"segment: {segment}\n", file.read_text(), flags=re.DOTALL)
    file.write_text(text)


def version(client: Client, path: str = PATH) -> str:
    """Return the version of the file as the page carries it."""
    return re.findall(r'name="version" value="(\w+)"', client.get(path))[0]


def test_list_has_each_segment_with_the_workflows_that_use_it(client: Client, segments: Path):
    """Also one that uses it within another segment; a file that is not valid uses none."""
    cards = re.findall(r'<li class="card".*?</li>\n(?=<li class="card"|</ul>)', client.get("/segments"), re.DOTALL)
    used = {
        re.search(r'href="/segments/([^"]+)"', one)[1]: re.findall(r'href="/workflows/([^"]+)"', one) for one in cards
    }
    assert used == {"joined": ["later", "sends"], "other": [], "recent": ["sends"]}


def test_users_of_a_segment_are_found_at_any_depth(folder: Path, segments: Path):
    """By the name of the whole segment, or in a condition of it or of a segment in it."""
    names = {name: [file.stem for file in files_that_use(folder, name, VOCABULARY)] for name in ("joined", "other")}
    assert names == {"joined": ["later", "sends"], "other": []}
    (folder / "sends.yml").write_bytes(b"name: \xe9 recent\n")
    assert [file.stem for file in files_that_use(folder, "recent", VOCABULARY)] == []


def test_editor_has_the_conditions_and_changes_only_their_lines(client: Client, segments: Path):
    """The review names the workflows that use it; comments stay."""
    assert sentences(client.get(PATH)) == [JOINED, "Clicks greater than 5"]
    form = fields(JOINED, "Clicks greater than 9", version=version(client), program="1000")
    shown = client.post(PATH, **form)
    assert "Sends (active) uses it." in shown and "Later (draft) uses it." in shown
    assert client.confirm(PATH, **form) == "/segments"
    assert (segments / "joined.yml").read_text() == f"- {JOINED}  # who\n- Clicks greater than 9\n"


def test_error_of_a_condition_is_at_its_row_and_refuses_the_change(client: Client, segments: Path):
    """As in the segment of a workflow."""
    page = client.post(f"{PATH}/check", **fields(JOINED, "Clicks less than 1", program="1000"))
    assert "less-than-one" in re.findall(r'<div id="problems-1" .*?</div>', page, re.DOTALL)[0]
    before = (segments / "joined.yml").read_text()
    form = fields(JOINED, "Clicks less than 1", version=version(client), program="1000")
    assert "Nothing was written" in client.post(PATH, 422, **form)
    assert (segments / "joined.yml").read_text() == before


def test_segment_that_would_contain_itself_is_refused(client: Client, segments: Path):
    """By way of another one."""
    form = fields(JOINED, "Segment is any of recent", version=version(client), program="1000")
    assert "contains itself" in client.post(PATH, 422, **form)


def test_error_that_a_change_adds_to_a_workflow_refuses_it(client: Client, folder: Path, segments: Path):
    """The segment is valid by itself, but not where the workflow uses it: segments would be nested too deeply."""
    (segments / "wide.yml").write_text(f"- {JOINED}\n")
    names = ["wide", "first", "second", "third", "fourth"]
    for inner, outer in itertools.pairwise(names):
        (segments / f"{outer}.yml").write_text(f"- Segment is any of {inner}\n")
    use(folder, "later", f"\n  - Segment is any of {names[-1]}")
    form = fields("Segment is any of other", version=version(client, "/segments/wide"), program="1000")
    assert "nested 6 levels deep" in client.post("/segments/wide", 422, **form)


def test_second_of_two_people_is_told_of_the_other_one(client: Client, segments: Path):
    """The file has changed since the page was loaded."""
    form = fields(JOINED, version=version(client), program="1000")
    (segments / "joined.yml").write_text(f"- {JOINED}\n- Clicks is 0\n")
    assert "Somebody has changed this file meanwhile" in client.post(PATH, 409, **form)


def test_text_of_a_segment_is_checked_while_it_is_typed_and_written(client: Client, segments: Path):
    """An error is shown with its remedy, and refused."""
    assert "Clicks can&#39;t be set" in client.post(f"{PATH}/text/check", text="- Clicks less than 1\n")
    assert "check finds no problem" in client.post(f"{PATH}/text/check", text=f"- {JOINED}\n")
    assert "Clicks can&#39;t be set" in client.post(
        f"{PATH}/text", 422, text="- Clicks less than 1\n", version=version(client)
    )
    client.confirm(f"{PATH}/text", text=f"- {JOINED} # all\n", version=version(client))
    assert (segments / "joined.yml").read_text() == f"- {JOINED} # all\n"


def test_workflow_with_a_saved_segment_leads_to_its_editor(client: Client, segments: Path):
    """From its own page and from that of its segment."""
    for path in ("/workflows/later", "/workflows/later/segment"):
        assert 'href="/segments/joined' in client.get(path)


@pytest.mark.parametrize("name", ["nothing", "..%2fsends", "%2e%2e", "joined.yml"])
def test_name_that_is_not_a_segment_reaches_no_file(client: Client, segments: Path, name: str):
    """Names are compared with those of the folder."""
    assert client.http.get(f"/segments/{name}").status_code == 404
