"""The plot of a workflow's weeks, as SVG: emails sent, and within them those opened and clicked.

By leather, because its plots are plain SVG of a few kilobytes, without script, fonts or network, and dbt brings it
anyway; matplotlib's have 20 kB each, and plotly, vega or bokeh bring megabytes of script. Colours and fonts are the
page's: what leather writes on every element is taken off, so that the page's style sheet rules, dark or light.
"""

from datetime import date, timedelta
from xml.etree import ElementTree

import leather

from flows.report.data import WEEKS, Row

WIDTH, HEIGHT = 640, 190
SERIES = ("sent", "opened", "clicked")
_SVG = "http://www.w3.org/2000/svg"
_LOOKS = ("fill", "stroke", "stroke-width", "font-family", "font-size", "text-anchor", "dy", "version")

leather.theme.margin = 0.02
leather.theme.background_color = "none"
ElementTree.register_namespace("", _SVG)


class _Columns(leather.Columns):
    """Columns without a legend: the page has one."""

    def legend_to_svg(self, series, palette) -> list:
        return []


def plot(weeks: list[Row]) -> str:
    """The plot of rows of marts.workflow_report_weekly; a week between them without a row had no emails."""
    by_week = {row["week"]: row for row in weeks}
    mondays = _mondays(max(by_week), min(by_week))
    chart = leather.Chart()
    most = max(row["sent"] for row in weeks)
    top = _round_number(most)
    chart.add_y_scale(0, top)
    chart.add_y_axis(ticks=[0, top // 2, top] if top > 1 else [0, 1], tick_formatter=lambda value, *_: f"{value:,}")
    for name in SERIES:
        bars = [(f"{monday:%-d %b}", by_week.get(monday, {}).get(name, 0)) for monday in mondays]
        chart.add_series(leather.Series(bars), _Columns())
    return _plain(chart.to_svg(width=WIDTH, height=HEIGHT))


def _mondays(newest: date, oldest: date) -> list[date]:
    """The weeks from the oldest to the newest, at most WEEKS and at least 6, so that a single column is no wall."""
    count = max(6, min(WEEKS, (newest - oldest).days // 7 + 1))
    return [newest - timedelta(weeks=back) for back in reversed(range(count))]


def _round_number(most: int) -> int:
    """The least even number of one significant digit or of 1, 2, 5 steps that is not below `most`."""
    step = 1
    while True:
        for factor in (2, 4, 6, 8, 10):
            if factor * step >= most:
                return factor * step
        step *= 10


def _plain(svg: str) -> str:
    """The SVG without looks and as wide as its place; each series is a class of the page's style sheet."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        for name in _LOOKS:
            element.attrib.pop(name, None)
        for name in ("x", "y", "x1", "y1", "x2", "y2", "width", "height"):
            if name in element.attrib:
                element.set(name, f"{float(element.get(name)):.0f}")
    series = [group for group in root.iter(f"{{{_SVG}}}g") if group.get("class") == "series columns"]
    for name, group in zip(SERIES, series, strict=True):
        group.set("class", name)
        for bar in [bar for bar in group if float(bar.get("height")) == 0]:
            group.remove(bar)
    for tick in root.iterfind(".//*[@class='axis bottom']/*[@class='tick']"):
        tick.attrib.clear()
        tick.remove(tick[0])
    background = root.find(f"{{{_SVG}}}g/{{{_SVG}}}rect")
    root.find(f"{{{_SVG}}}g").remove(background)
    for name in ("width", "height"):
        root.attrib.pop(name)
    root.set("viewBox", f"0 0 {WIDTH} {HEIGHT}")
    root.set("aria-hidden", "true")
    return ElementTree.tostring(root, encoding="unicode")
