"""The documentation names what exists."""

import re

import pytest

from compiler import parse, project_vocabulary
from flows.settings import CHECKOUT

PAGES = [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), CHECKOUT / "benchmarks" / "README.md"]
PATH = re.compile(r"`((?:compiler|flows|dbt_project|tests|docs|benchmarks|seeds|workflows)/[\w./*-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_every_path_in_a_page_exists(page):
    """A path in backquotes is a file, a folder or a pattern of the checkout."""
    named = set(PATH.findall(page.read_text(encoding="utf-8")))
    assert [path for path in sorted(named) if not list(CHECKOUT.glob(path.rstrip("/")))] == []


def test_sentences_of_what_segments_cannot_say_are_conditions():
    """What the page offers instead can be written as it stands there."""
    page = (CHECKOUT / "docs" / "what-segments-cannot-say.md").read_text(encoding="utf-8")
    labels = "|".join(field.label for field in project_vocabulary().fields)
    sentences = re.findall(rf"`((?:{labels}) (?:is|greater|less|interval)\b[^`]*)`", page)
    assert len(sentences) > 10
    assert [str(parse(one, project_vocabulary())).partition(" ")[0] for one in sentences] == [
        one.partition(" ")[0] for one in sentences
    ]


def test_every_threat_names_tests_that_exist():
    """Each row of the table in SECURITY.md has at least one test, in one of the files of the row."""
    table = (CHECKOUT / "SECURITY.md").read_text(encoding="utf-8").split("## Threats")[1]
    rows = [line.rstrip(" |").rsplit(" | ", 1)[1] for line in table.splitlines() if line.startswith("| ")][1:]
    for row in rows:
        names = re.findall(r"`(tests/[\w/]+\.py|test_\w+)`", row)
        text = "".join((CHECKOUT / name).read_text(encoding="utf-8") for name in names if name.startswith("tests/"))
        tests = [name for name in names if name.startswith("test_")]
        assert tests, row
        assert [name for name in tests if f"def {name}(" not in text] == []
