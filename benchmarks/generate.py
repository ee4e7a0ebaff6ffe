"""Generate an account of any size in the shape of the marts, and any number of workflow definitions.

    python benchmarks/generate.py --partners 50000 --rows 3000000 /tmp/account.duckdb

The same options give the same rows (with one version of DuckDB) and the same definitions.
"""

import argparse
import random
import re
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path

import duckdb

from compiler import PROJECT, ReadWorkflow, Vocabulary, read_definition

AS_OF = datetime(2026, 3, 20, 18)
TODAY = date(2026, 3, 20)
STRIDES = (101, 103, 107, 109, 113, 127)
POPULAR = (7, 14, 21, 30, 45, 60, 90, 120, 180)
GROUPS = tuple(f"Group {letter}" for letter in "ABCDEFGHIJKLMNOPQRST")
TERMS = ("Standard Terms", "Creator Standard Terms", "Coupon Terms", "Cashback Terms", "Loyalty Terms", "Media Terms")
VIEWS = ("partners_as_of", "performance_as_of", "contracts_as_of")
"""The views that segments read, which are models of the project."""

SEASONS = (
    "between Jul 10 2025 and Jul 17 2025",
    "between Sep 1 2025 and Sep 14 2025",
    "between Nov 24 2025 and Dec 1 2025",
    "between Dec 1 2025 and Dec 24 2025",
    "between Jan 2 2026 and Jan 31 2026",
    "between Feb 7 2026 and Feb 14 2026",
)


@dataclass(frozen=True)
class Account:
    """The size of the account.

    Facts go back `months`, transitions `years`. `skew` is the exponent by which activity differs between partners (0:
    all have the same). `order` is the order of the rows of the facts: as the model's GROUP BY leaves them (dbt), by
    date, or by partner.
    """

    partners: int = 50_000
    rows: int = 3_000_000
    months: int = 12
    years: int = 4
    skew: float = 1.0
    seed: int = 1
    order: str = "dbt"

    @property
    def days(self) -> int:
        """The number of days that the facts go back."""
        return self.months * 30


def generate(path: Path, account: Account) -> None:
    """Write the account into a new DuckDB file."""
    path.unlink(missing_ok=True)
    with duckdb.connect(path, config={"threads": 2}) as warehouse:
        for schema in ("staging", "intermediate", "marts", "segments"):
            warehouse.execute(f"create schema {schema}")
        warehouse.execute(f"create macro u(i, salt) as (hash(i, salt, {account.seed}) % 1000003) / 1000003.0")
        warehouse.execute(f"create macro h(i, salt) as hash(i, salt, {account.seed})")
        _evaluations(warehouse)
        _partners(warehouse, account)
        _contracts(warehouse)
        _performance(warehouse, account)
        for name in VIEWS:
            warehouse.execute(f"create view segments.{name} as {model(name)}")
        warehouse.execute("checkpoint")


def _evaluations(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(f"""
        create table staging.stg_evaluations as
        select program_id, timestamp '{AS_OF}' as as_of, date '{TODAY}' as local_date
        from (values ('1000'), ('2000')) as programs (program_id)""")


def _partners(warehouse: duckdb.DuckDBPyConnection, account: Account) -> None:
    """Create the partners: nine in ten in the performance program 1000, the others in the creator program 2000."""
    warehouse.execute(f"""
        create temp table people as
        select
            i, case when i % 10 = 0 then '2000' else '1000' end as program_id,
            cast(10000000 + i as varchar) as partner_id, 'Partner ' || i as name,
            case
                when u(i, 1) < case when i % 10 = 0 then 0.3 else 0.6 end then 'Joined'
                when u(i, 1) < 0.70 then 'Expired' when u(i, 1) < 0.75 then 'Negotiating'
                when u(i, 1) < 0.90 then 'Outreach' when u(i, 1) < 0.95 then 'New' else 'None'
            end as stage,
            cast(floor(u(i, 2) * {365 * account.years}) as integer) as days_ago
        from range({account.partners}) as r (i)""")
    warehouse.execute(f"""
        create table marts.fct_relationship_history as
        select
            program_id, partner_id, timestamp '{TODAY}' - to_days(days_ago) + interval 9 hours as valid_from,
            cast(null as timestamp) as valid_to, stage as relationship_stage,
            date '{TODAY}' - days_ago as transition_date, 'derived' as origin
        from people where stage <> 'None'
        union all
        select
            program_id, partner_id, timestamp '{TODAY}' - to_days(days_ago + 40) + interval 9 hours,
            timestamp '{TODAY}' - to_days(days_ago) + interval 9 hours, 'Outreach',
            date '{TODAY}' - days_ago - 40, 'derived'
        from people where stage in ('Joined', 'Expired')""")
    warehouse.execute("""
        create table marts.fct_partners as
        select
            people.program_id, people.partner_id, name, case when i % 3 = 0 then 'de' else 'en' end as language,
            stage as relationship_stage, valid_from as last_transition_at, transition_date as last_transition_date
        from people left join marts.fct_relationship_history as history
            on people.program_id = history.program_id and people.partner_id = history.partner_id and valid_to is null
        order by i""")
    warehouse.execute(f"""
        create table marts.fct_partner_groups as
        select program_id, 'g' || number as group_id, partner_id, {_pick(GROUPS, "number")} as group_name
        from people, range({len(GROUPS)}) as g (number) where u(i, 100 + number) < 0.002 + 0.002 * number""")


def _contracts(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(f"""
        create table marts.fct_contracts as
        select
            program_id, 'c' || i as contract_id, partner_id,
            case stage
                when 'Joined' then 'Joined' when 'Expired' then 'Expired'
                when 'Outreach' then 'Awaiting Publisher Approval' else 'Awaiting Advertiser Approval'
            end as contract_stage,
            't' || h(i, 4) % {len(TERMS)} as template_term_id,
            {_pick(TERMS, f"h(i, 4) % {len(TERMS)}")} as template_term_name,
            timestamp '{TODAY}' - to_days(days_ago) as starts_at, cast(null as timestamp) as ends_at,
            cast(null as date) as end_date,
            cast(null as varchar) as superseded_by,
            cast(null as timestamp) as superseded_at, true as is_current,
            timestamp '{TODAY}' - to_days(days_ago + 3) as created_at,
            timestamp '{TODAY}' - to_days(days_ago) as updated_at
        from people where stage in ('Joined', 'Expired', 'Negotiating') or (stage = 'Outreach' and i % 2 = 0)""")


def _performance(warehouse: duckdb.DuckDBPyConnection, account: Account) -> None:
    """Create rows of the partners that have joined; the share of a partner in the activity decides how many."""
    warehouse.execute(f"""
        create temp table active as
        select i, program_id, partner_id, pow(u(i, 5) + 0.0001, -{account.skew}) as weight
        from people where stage in ('Joined', 'Expired')""")
    scale = _scale(warehouse, account)
    strides = "[" + ", ".join(map(str, STRIDES)) + "]"
    warehouse.execute(f"""
        create temp table facts as
        select
            program_id, partner_id,
            cast(
                (h(i, 6) % {account.days} + k * {strides}[cast(1 + h(i, 7) % {len(STRIDES)} as bigint)])
                % {account.days} as integer
            ) as days_ago,
            h(i * 10000 + k, 8) as noise
        from active, range(cast(floor(least({account.days}, {scale} * weight) + u(i, 9)) as integer)) as r (k)
        where k < {account.days}""")
    actions = "case when noise % 100 < 35 then 1 + noise // 100 % 3 else 0 end"
    ordering = {"dbt": "", "date": "order by activity_date", "partner": "order by program_id, partner_id"}
    warehouse.execute(f"""
        create table marts.fct_performance_daily as
        select
            program_id, partner_id, date '{TODAY}' - days_ago as activity_date,
            cast(sum(1 + noise // 300 % 23) as bigint) as clicks, cast(sum({actions}) as bigint) as actions,
            cast(sum(({actions}) * (500 + noise // 6900 % 15000) * cast(0.01 as decimal(3, 2))) as decimal(28, 8))
                as revenue
        from facts group by program_id, partner_id, days_ago {ordering[account.order]}""")
    warehouse.execute(f"""
        create table intermediate.int_actions_localized as
        select
            program_id, partner_id || '-' || days_ago || '-' || number as action_id, partner_id,
            timestamp '{TODAY}' - to_days(days_ago) + to_hours(cast(noise % 24 as integer)) as event_at,
            date '{TODAY}' - days_ago as activity_date,
            cast((500 + noise // 6900 % 15000) * cast(0.01 as decimal(3, 2)) as decimal(28, 8)) as amount
        from facts, range(3) as r (number) where days_ago < 7 and number < {actions}""")
    warehouse.execute("""
        create table intermediate.int_activity_dates as
        select distinct program_id, activity_date from marts.fct_performance_daily""")
    warehouse.execute("drop table facts")


def _scale(warehouse: duckdb.DuckDBPyConnection, account: Account) -> float:
    """Return the factor that turns weights into row counts of at most one per day that add up to the requested rows."""
    low, high = 0.0, float(account.days)
    for _ in range(40):
        middle = (low + high) / 2
        rows = warehouse.execute(f"select sum(least({account.days}, {middle} * weight)) from active").fetchone()[0]
        low, high = (middle, high) if rows < account.rows else (low, middle)
    return low


def _pick(values: tuple[str, ...], index: str) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + f"][cast(1 + {index} as bigint)]"


def model(name: str, days_between: str = "cast({later} - {earlier} as integer)") -> str:
    """Return the SQL of a hand-written model of the project with its macros expanded."""
    schemas = {"stg_": "staging", "int_": "intermediate", "fct_": "marts"}
    days = days_between.format(earlier=r"\1", later=r"\2")
    text = (PROJECT / "models" / "segments" / "as_of" / f"{name}.sql").read_text(encoding="utf-8")
    text = re.sub(r"\{\{ ref\('((\w{4})\w+)'\) \}\}", lambda found: f"{schemas[found[2]]}.{found[1]}", text)
    text = text.replace("{{ type_amount() }}", "decimal(28, 8)")
    return re.sub(r"\{\{ days_between\('([\w.]+)', '([\w.]+)'\) \}\}", days, text)


def definitions(count: int, seed: int = 1, months: int = 12, popular: float = 0.9) -> dict[str, str]:
    """Return file name to text of `count` definitions like the help page's examples, each with numbers of its own.

    A `popular` share of the numbers of days are popular ones (7, 14, 30 ...), the others are random from 1 to 180.
    """
    draw = _Draw(random.Random(seed), months, popular)
    shapes, weights = zip(*_SHAPES, strict=True)
    files = {}
    for number in range(count):
        shape = draw.random.choices(shapes, weights)[0]
        program, action, sentences = shape(draw)
        lines = [f"name: {shape.__name__.strip('_')} {number}", f'program: "{program}"', "status: active", "segment:"]
        lines += [f"  - {sentence}" for sentence in sentences]
        files[f"w{number:05d}.yml"] = "\n".join([*lines, f"action: {action}", ""])
    return files


def read_all(files: dict[str, str], vocabulary: Vocabulary) -> list[ReadWorkflow]:
    """Return the definitions as the compiler reads them."""
    return [read_definition(path, text, vocabulary) for path, text in files.items()]


@dataclass
class _Draw:
    """The random choices of the definitions."""

    random: random.Random
    months: int
    popular: float

    def days(self) -> int:
        return self.random.choice(POPULAR) if self.random.random() < self.popular else self.random.randint(1, 180)

    def interval(self) -> tuple[int, int]:
        first = self.random.choice((1, 7, 15, 30, 31, 60, 61)) if self.random.random() < self.popular else self.days()
        return first, first + self.days()

    def amount(self, *choices: int) -> int:
        return self.random.choice(choices) + (self.random.randint(0, 99) if self.random.random() > self.popular else 0)

    def dates(self) -> str:
        return self.random.choice(SEASONS)


Drawn = tuple[str, str, list[str]]
EMAIL = "{email: hello}"
JOINED = "Relationship Stage is any of Joined"


def _few_clicks(draw: _Draw) -> Drawn:
    days = draw.days()
    measure = draw.random.choice(("Clicks", "Clicks", "Actions"))
    window = f"Performance Date Range interval between 0 and {days} Days Ago"
    less = f"{measure} less than {draw.amount(2, 10, 100)}"
    return "1000", EMAIL, [JOINED, f"Last Transition Date is {days} Days Ago", window, less]


def _milestone(draw: _Draw) -> Drawn:
    days = draw.days()
    window = f"Performance Date Range is Last {days} Days"
    more = f"Revenue greater than {draw.amount(0, 0, 999, 4999, 9999)}"
    return "1000", EMAIL, [JOINED, f"Last Transition Date is Last {days} Days", window, more]


def _high_revenue(draw: _Draw) -> Drawn:
    interval = "interval between {} & {} Days Ago".format(*draw.interval())
    more = f"Revenue greater than {draw.amount(0, 999, 2999, 9999)}"
    return "1000", EMAIL, [JOINED, f"Last Transition Date {interval}", f"Performance Date Range {interval}", more]


def _prospect(draw: _Draw) -> Drawn:
    stage = draw.random.choice(("New", "Outreach", "Outreach", "Negotiating", "New, Outreach"))
    days = f"Last Transition Date is {draw.days()} Days Ago"
    return "2000", EMAIL, [f"Relationship Stage is any of {stage}", days]


def _welcome(draw: _Draw) -> Drawn:
    day = draw.random.choice(("Today", "Yesterday"))
    return draw.random.choice(("1000", "2000")), EMAIL, [JOINED, f"Last Transition Date is {day}"]


def _application(draw: _Draw) -> Drawn:
    terms = ", ".join(draw.random.sample(TERMS, 2))
    return "2000", "accept application", [f"Partner Template Term is any of {terms}"]


def _group_performance(draw: _Draw) -> Drawn:
    groups = f"Partner Group is any of {', '.join(draw.random.sample(GROUPS, 2))}"
    window = f"Performance Date Range is Last {draw.days()} Days"
    measure = draw.random.choice(("Revenue greater than 999", "Clicks less than 100", "Actions less than 5"))
    return "1000", EMAIL, [JOINED, groups, window, measure]


def _term_performance(draw: _Draw) -> Drawn:
    window = f"Performance Date Range is Last {draw.days()} Days"
    more = f"Actions greater than {draw.amount(50, 100)}"
    return "1000", EMAIL, [f'Partner Template Term contains "{draw.random.choice(("coupon", "cash"))}"', window, more]


def _top(draw: _Draw) -> Drawn:
    window = f"Performance Date Range is Last {draw.days()} Days"
    more = f"Revenue greater than {draw.amount(9999, 14999, 19999)}"
    return "1000", EMAIL, [JOINED, window, more]


def _clicks_without_actions(draw: _Draw) -> Drawn:
    window = f"Performance Date Range is Last {draw.days()} Days"
    return "1000", EMAIL, [JOINED, window, f"Clicks greater than {draw.amount(99, 499, 999)}", "Actions less than 2"]


def _season(draw: _Draw) -> Drawn:
    more = f"Revenue greater than {draw.amount(999, 1999)}"
    return "1000", EMAIL, [JOINED, f"Performance Date Range {draw.dates()}", more]


def _contract_stage(draw: _Draw) -> Drawn:
    stage = draw.random.choice(("Awaiting Publisher Approval", "Awaiting Advertiser Approval", "Expired"))
    groups = f"Partner Group is any of {draw.random.choice(GROUPS)}"
    return "1000", EMAIL, [f"Contract Stage is any of {stage}", groups]


def _all_history(draw: _Draw) -> Drawn:
    return "1000", EMAIL, [JOINED, f"Revenue greater than {draw.amount(49999, 99999)}"]


_SHAPES = (
    (_few_clicks, 20),
    (_milestone, 16),
    (_high_revenue, 16),
    (_prospect, 14),
    (_welcome, 3),
    (_application, 4),
    (_group_performance, 7),
    (_term_performance, 4),
    (_top, 5),
    (_clicks_without_actions, 4),
    (_season, 3),
    (_contract_stage, 3),
    (_all_history, 1),
)


def account_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the size of an account."""
    for one in fields(Account):
        choices = ("dbt", "date", "partner") if one.name == "order" else None
        parser.add_argument(f"--{one.name}", type=type(one.default), default=one.default, choices=choices)


def account_of(options: argparse.Namespace) -> Account:
    """Return the account that the options describe."""
    return Account(**{one.name: getattr(options, one.name) for one in fields(Account)})


def main() -> None:
    """Write the account that the options describe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    account_options(parser)
    options = parser.parse_args()
    generate(options.path, account_of(options))


if __name__ == "__main__":
    main()
