"""The system's Chromium, headless, for tests of pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield the browser. Without one the test is skipped; with PARTNERFLOW_REQUIRE_BROWSER=1 it fails."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        missing = pytest.fail if os.environ.get("PARTNERFLOW_REQUIRE_BROWSER") == "1" else pytest.skip
        missing("There is no Chromium: install the package `chromium` (apt-get install chromium) to run this test.")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
