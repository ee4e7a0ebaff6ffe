"""Compare our SQL with that of other engines, which run one statement, or one pass over a data frame, per segment.

    python benchmarks/peers.py --account /tmp/account.duckdb --segments 1,10,100

Each shape is the kind of statement that an engine runs. All of them run on DuckDB here, so this compares shapes, not
products. To favor the others, all but `by_hand` read narrow tables of one program, and these tables and the data frames
are created before the time is measured; `narrow_tables` is the time to create the tables. The program fails if two
shapes find different partners. The segment is one that all of these engines support: stage Joined, Last Transition Date
and Performance Date Range in the last N days, revenue above an amount.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from compared import compared
from compiler import Workflow, project_vocabulary
from generate import POPULAR, account_of, account_options, generate, read_all
from plans import compiled

PROGRAM = "1000"
TABLES = {
    "people": "select partner_id, relationship_stage_as_of as stage, last_transition_days_ago as moved from "
    f"segments.partners_as_of where program_id = '{PROGRAM}'",
    "days": "select partner_id, days_ago, revenue from "
    f"segments.performance_as_of where program_id = '{PROGRAM}' and revenue <> 0",
}
"""The tables that the queries read: one row per partner, and one per partner and day."""

FRAMES = (
    "select partner_id, stage, coalesce(moved, -1) as moved from people",
    "select partner_id, days_ago, cast(revenue * 100 as bigint) as cents from days",
)
"""The same for data frames, in cents, since data frames have no decimals that are both fast and exact."""

Members = set[tuple[int, str]]


@dataclass(frozen=True)
class Segment:
    """Partners that joined in the last `days` days and have revenue above `amount` in these days."""

    number: int
    days: int
    amount: int

    def workflow(self) -> Workflow:
        """Return the segment as a workflow."""
        last = f"is Last {self.days} Days"
        text = (
            f'name: Segment\nprogram: "{PROGRAM}"\nsegment:\n  - Relationship Stage is any of Joined\n'
            f"  - Last Transition Date {last}\n  - Performance Date Range {last}\n"
            f"  - Revenue greater than {self.amount}\naction: {{email: hello}}\n"
        )
        return read_all({f"{self.number}.yml": text}, project_vocabulary())[0].workflow

    @property
    def who(self) -> str:
        """The condition on a partner, in SQL."""
        return f"stage = 'Joined' and moved between 1 and {self.days}"

    @property
    def sums(self) -> str:
        """The condition on the days to sum, in SQL."""
        return f"days_ago between 1 and {self.days}"


Shape = Callable[[duckdb.DuckDBPyConnection, list[Segment]], Members]


def ours(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Compile all segments together; they read the project's own views, not the narrow tables."""
    with _paused():
        statements = compiled([one.workflow() for one in segments], project_vocabulary())
    for statement in statements:
        warehouse.execute(statement)
    return _all(warehouse, "select cast(workflow_id as integer), partner_id from members")


def by_hand(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Use IN with a grouped subquery on the relations that ours reads, as an analyst would write it."""
    program = f"program_id = '{PROGRAM}'"
    return _each(
        warehouse,
        segments,
        lambda one: (
            f"select partner_id from segments.partners_as_of where {program} and relationship_stage_as_of = 'Joined' "
            f"and last_transition_days_ago between 1 and {one.days} and partner_id in ("
            f"select partner_id from segments.performance_as_of where {program} and {one.sums} "
            f"group by partner_id having sum(revenue) > {one.amount})"
        ),
    )


def correlated_sum(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Sum in a subquery of WHERE, as a query in listmonk on an event table of your own would."""
    return _each(
        warehouse,
        segments,
        lambda one: (
            f"select partner_id from people where {one.who} and (select sum(revenue) from days "
            f"where days.partner_id = people.partner_id and {one.sums}) > {one.amount}"
        ),
    )


def exists_having(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Use EXISTS with GROUP BY and HAVING, as Notifuse's goals and Mautic's event filters do."""
    return _each(
        warehouse,
        segments,
        lambda one: (
            f"select partner_id from people where {one.who} and exists (select 1 from days "
            f"where days.partner_id = people.partner_id and {one.sums} "
            f"group by days.partner_id having sum(revenue) > {one.amount})"
        ),
    )


def in_having(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Use IN with a grouped subquery, as PostHog's cohorts do."""
    return _each(
        warehouse,
        segments,
        lambda one: (
            f"select partner_id from people where {one.who} and partner_id in (select partner_id from days "
            f"where {one.sums} group by partner_id having sum(revenue) > {one.amount})"
        ),
    )


def attribute(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Read one attribute of the partner per window, refreshed by a job, as listmonk and Keila do."""
    for days in sorted({one.days for one in segments}):
        warehouse.execute(
            f"create temp table fresh_{days} as select partner_id, sum(revenue) as revenue from days "
            f"where days_ago between 1 and {days} group by partner_id"
        )
    return _each(
        warehouse,
        segments,
        lambda one: (
            f"select people.partner_id from people join fresh_{one.days} as f using (partner_id) "
            f"where {one.who} and f.revenue > {one.amount}"
        ),
    )


def batches(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Add 300 new members per statement until there are no more, then find those that left, as Mautic does."""
    warehouse.execute("create temp table fresh as select partner_id, 0 as days, revenue from days limit 0")
    for days in sorted({one.days for one in segments}):
        warehouse.execute(
            f"insert into fresh select partner_id, {days}, sum(revenue) from days where days_ago between 1 and {days} "
            "group by partner_id"
        )
    warehouse.execute("create temp table lists (segment integer, partner_id varchar)")
    for one in segments:
        meets = (
            f"select partner_id from people join fresh using (partner_id) where {one.who} and days = {one.days} "
            f"and revenue > {one.amount}"
        )
        known = f"select partner_id from lists where segment = {one.number}"
        new = f"from ({meets}) where partner_id not in ({known}) limit 300"
        more = f"insert into lists select {one.number}, partner_id {new}"
        while warehouse.execute(more).fetchone()[0]:
            pass
        warehouse.execute(f"select count(*) from ({known}) where partner_id not in ({meets})").fetchall()
    return _all(warehouse, "select segment, partner_id from lists")


def polars_frames(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Filter, group, sum, join and compare with lazy frames of polars."""
    import polars

    with _paused():
        people, days = (polars.DataFrame(warehouse.sql(query).fetchnumpy()) for query in FRAMES)
    found: Members = set()
    for one in segments:
        few = people.lazy().filter((polars.col("stage") == "Joined") & polars.col("moved").is_between(1, one.days))
        inside = days.lazy().filter(polars.col("days_ago").is_between(1, one.days))
        sums = inside.group_by("partner_id").agg(polars.col("cents").sum())
        members = few.join(sums, on="partner_id").filter(polars.col("cents") > 100 * one.amount).collect()
        found |= {(one.number, str(partner)) for partner in members["partner_id"]}
    return found


def pandas_frames(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment]) -> Members:
    """Filter, group, sum and compare with pandas."""
    with _paused():
        people, days = (warehouse.sql(query).df() for query in FRAMES)
    found: Members = set()
    for one in segments:
        sums = days[days.days_ago.between(1, one.days)].groupby("partner_id", sort=False).cents.sum()
        few = people[(people.stage == "Joined") & people.moved.between(1, one.days)]
        members = few[few.partner_id.map(sums).fillna(0) > 100 * one.amount]
        found |= {(one.number, str(partner)) for partner in members.partner_id}
    return found


SHAPES: tuple[Shape, ...] = (
    ours, by_hand, correlated_sum, exists_having, in_having, attribute, batches, polars_frames, pandas_frames,
)  # fmt: skip


def _each(warehouse: duckdb.DuckDBPyConnection, segments: list[Segment], query: Callable[[Segment], str]) -> Members:
    """Run one statement per segment, and return the members."""
    return {(one.number, str(partner)) for one in segments for (partner,) in warehouse.execute(query(one)).fetchall()}


def _all(warehouse: duckdb.DuckDBPyConnection, query: str) -> Members:
    return set(warehouse.execute(query).fetchall())


class _Clock:
    """CPU and wall seconds without the pauses."""

    paused = (0.0, 0.0)

    @staticmethod
    def now() -> tuple[float, float]:
        """Return CPU and wall seconds; only differences have a meaning."""
        return time.process_time() - _Clock.paused[0], time.perf_counter() - _Clock.paused[1]


@contextmanager
def _paused() -> Iterator[None]:
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    before = _Clock.paused
    _Clock.paused = before[0] + time.process_time() - cpu, before[1] + time.perf_counter() - wall


def segments_of(count: int, seed: int) -> list[Segment]:
    """Return segments with random numbers; nine in ten have a popular number of days."""
    draw = random.Random(seed)
    days = [draw.choice(POPULAR) if draw.random() < 0.9 else draw.randint(1, 180) for _ in range(count)]
    return [Segment(number, one, draw.choice((0, 99, 999, 4999))) for number, one in enumerate(days)]


def compare(account: Path, counts: list[int], seed: int) -> bool:
    """Measure every shape for each number of segments, and return whether all find the same partners."""
    agreed = True
    print("segments shape               cpu s   wall s   times   members")
    for count in counts:
        segments, expected, base = segments_of(count, seed), None, 0.0
        for shape in SHAPES:
            with duckdb.connect(account, read_only=True, config={"threads": 2}) as warehouse:
                start = _Clock.now()
                for name, query in TABLES.items():
                    warehouse.execute(f"create temp table {name} as {query}")
                made = _Clock.now()
                found = shape(warehouse, segments)
                cpu, wall = (after - before for after, before in zip(_Clock.now(), made, strict=True))
            if expected is None:
                expected, base = found, cpu
                tables = made[0] - start[0]
                print(f"{count:>8} {'narrow_tables':18} {tables:>7.2f} {made[1] - start[1]:>8.2f}")
                compared(f"{count} segments, narrow_tables", tables, "ours", base, "s of CPU")
            agreed &= found == expected
            note = "" if found == expected else f"  {len(found ^ expected)} other members than ours"
            times = f"{cpu:>7.2f} {wall:>8.2f} {cpu / base:>7.1f}"
            print(f"{count:>8} {shape.__name__:18} {times} {len(found):>9,}{note}", flush=True)
            if shape is not ours:
                compared(f"{count} segments, {shape.__name__}", cpu, "ours", base, "s of CPU")
    return agreed


def main() -> None:
    """Compare the shapes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    account_options(parser)
    parser.add_argument("--account", type=Path, help="a DuckDB file that generate.py wrote; default: a new one")
    parser.add_argument("--segments", default="1,10,100", help="numbers of segments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.account is None:
            options.account = Path(folder) / "account.duckdb"
            generate(options.account, account_of(options))
        if not compare(options.account, [int(one) for one in options.segments.split(",")], options.seed):
            sys.exit("The shapes do not find the same partners.")


if __name__ == "__main__":
    main()
