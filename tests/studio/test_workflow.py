"""One workflow: its form and its text change its file, unless somebody else has changed it meanwhile."""

from pathlib import Path

from support.studio import Client


def test_about_changes_the_keys_that_differ(client: Client, folder: Path):
    """Comments stay, an empty field removes its key, a new one goes to its place."""
    file, version = folder / "later.yml", client.version("later")
    before = file.read_text()
    fields = {"name": "Much later", "description": "", "owner": "Ann", "program": "1000", "message": "hello"}
    path = "/workflows/later/about"
    assert "Much later</ins>" not in client.get("/workflows/later")
    assert "name: Much later   # ours</ins>" in client.post(path, version=version, **fields)
    assert client.confirm(path, version=version, **fields) == "/workflows/later"
    expected = before.replace("name: Later ", "name: Much later ").replace("program", "owner: Ann\nprogram")
    assert file.read_text() == expected


def test_segment_as_text_keeps_the_lines_that_stay(client: Client, folder: Path):
    """One condition per line."""
    sentences = "Last Transition Date is 7 Days Ago\nRelationship Stage is any of New\n"
    client.confirm("/workflows/later/segment", version=client.version("later"), sentences=sentences)
    text = (folder / "later.yml").read_text()
    assert "segment:\n  - Last Transition Date is 7 Days Ago  # a week\n  - Relationship Stage is any of New\n" in text


def test_change_with_a_new_error_is_refused_with_what_to_do(client: Client, folder: Path):
    """The form keeps what was typed, and nothing is written."""
    before = (folder / "later.yml").read_text()
    page = client.post(
        "/workflows/later/segment", 422, version=client.version("later"), sentences="Clicks lesser than 5"
    )
    assert "Nothing was written" in page and "Clicks lesser than 5" in page and "less than 100" in page
    unpaired = "Clicks less than 100\nPerformance Date Range is Last 7 Days\nContract Stage is any of Joined"
    assert "Contract Stage" in client.post(
        "/workflows/later/segment", 422, version=client.version("later"), sentences=unpaired
    )
    name = client.post("/workflows/later/about", 422, version=client.version("later"), name="x" * 51)
    assert "at most 50" in name or "50 characters" in name
    assert (folder / "later.yml").read_text() == before


def test_second_of_two_people_sees_both_versions_and_loses_nothing(client: Client, folder: Path):
    """The save is refused with the difference, and what was typed stays in the form, to be saved after a look."""
    file, version = folder / "later.yml", client.version("later")
    first = {"name": "Of the first"}
    client.confirm("/workflows/later/about", version=version, **first)
    after_first = file.read_text()
    page = client.post("/workflows/later/about", 409, version=version, name="Of the second")
    assert "Somebody has changed this file meanwhile" in page
    assert "Of the first" in page and 'value="Of the second"' in page
    assert file.read_text() == after_first
    client.confirm("/workflows/later/about", version=client.version("later"), name="Of the second")
    assert "name: Of the second" in file.read_text()


def test_text_of_a_conflict_stays_in_the_form(client: Client, folder: Path):
    """Whole, with what the other one wrote beside it."""
    file, version = folder / "later.yml", client.version("later")
    mine = file.read_text() + "# mine\n"
    file.write_text(file.read_text() + "# theirs\n")
    page = client.post("/workflows/later/text", 409, version=version, text=mine)
    assert "# theirs</del>" in page and "# mine</ins>" in page
    assert page.partition('id="text"')[2].partition("</textarea>")[0].endswith("# mine\n")


def test_invalid_file_is_shown_as_text_with_its_problems(client: Client, folder: Path):
    """And is corrected as text; what is still wrong is said again."""
    page = client.get("/workflows/wrong")
    assert "not valid YAML" in page and "name: Wrong\nsegment: [\n" in page
    version = client.version("wrong")
    still = client.post("/workflows/wrong/text", 422, version=version, text="name: Wrong\nsegment: []\n")
    assert "Nothing was written" in still and "segment: []" in still
    text = (folder / "sends.yml").read_text().replace("Sends", "Wrong no more")
    client.confirm("/workflows/wrong/text", version=version, text=text)
    assert (folder / "wrong.yml").read_text() == text


def test_line_ends_of_a_file_stay_when_its_text_is_edited(client: Client, folder: Path):
    """A browser sends CRLF whatever the file has."""
    text = (folder / "later.yml").read_text()
    for ends in ("\n", "\r\n"):
        (folder / "later.yml").write_bytes(text.replace("\n", ends).encode())
        changed = text.replace("Later", "Soon").replace("\n", "\r\n")
        client.confirm("/workflows/later/text", version=client.version("later"), text=changed)
        assert (folder / "later.yml").read_bytes() == text.replace("Later", "Soon").replace("\n", ends).encode()


def test_text_of_a_definition_is_checked_while_it_is_typed(client: Client, folder: Path):
    """The problems of this file alone, with what to do."""
    text = (folder / "later.yml").read_text()
    assert "check finds no problem" in client.post("/workflows/later/text/check", text=text)
    page = client.post("/workflows/later/text/check", text=text.replace("7 Days Ago", "a week ago"))
    assert "later.yml:6:" in page and "sends.yml" not in page and "wrong.yml" not in page


def test_file_that_is_not_utf8_is_shown_with_the_wrong_byte(client: Client, folder: Path):
    """Its name, line and column, and what to do; other workflows are as they were."""
    (folder / "later.yml").write_bytes("name: Later\ndescription: für Café\n".encode("cp1252"))
    for path in ("/workflows/later", "/workflows/later/segment"):
        page = client.get(path, 400)
        assert "later.yml:2:15" in page and "not UTF-8" in page and "0xFC" in page and "iconv" in page
    assert "not UTF-8" in client.get("/")
    (folder / "messages" / "hello" / "body.txt").write_bytes(b"Hi\n\xe9")
    assert "body.txt:2:1" in client.get("/workflows/sends/email", 400)
    client.get("/workflows/sends")


def test_page_of_no_workflow_is_not_found(client: Client):
    """With the way back."""
    assert "There is no workflow nothing" in client.get("/workflows/nothing", 404)
