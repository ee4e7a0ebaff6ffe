"""The documentation names what exists."""

import re

import pytest

from flows.settings import CHECKOUT

PAGES = [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), CHECKOUT / "benchmarks" / "README.md"]
PATH = re.compile(r"`((?:compiler|flows|dbt_project|tests|docs|benchmarks|seeds|workflows)/[\w./*-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_every_path_in_a_page_exists(page):
    """A path in backquotes is a file, a folder or a pattern of the checkout."""
    named = set(PATH.findall(page.read_text(encoding="utf-8")))
    assert [path for path in sorted(named) if not list(CHECKOUT.glob(path.rstrip("/")))] == []
