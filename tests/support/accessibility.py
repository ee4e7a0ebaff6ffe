"""What axe-core (tests/data/axe) finds on a page, in both color schemes, on a phone and on a desktop."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

AXE = Path(__file__).parents[1] / "data" / "axe" / "axe.min.js"

SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}

_RUN = """async () => (await axe.run(document, {iframes: false})).violations.map(
    (one) => `${one.id}: ` + one.nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary}`).join("; ")
)"""


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


def violations(page: Any) -> list[str]:
    """Return what axe finds on a page of a browser as it is now; the page may forbid inline scripts."""
    page.evaluate(_axe())
    found: list[str] = page.evaluate(_RUN)
    return found


def overflow(page: Any) -> int:
    """Return by how many pixels a page is wider than its window."""
    pixels: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return pixels


def looks(page: Any) -> Iterator[str]:
    """Yield a phone in light and a desktop in dark colors by name, after the page has been set to it."""
    for (name, size), scheme in zip(SIZES.items(), ("light", "dark"), strict=True):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        yield f"{name} {scheme}"
