"""The plans that segments.py measures: each turns workflows into statements that leave their members in `members`.

They are written from the tree alone, as text, so that they stay what they were when the compiler changes. Of the values
only those of the generator occur; this is no way to compile a user's text.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from compiler import Compiler, Vocabulary, Workflow
from compiler.tree import AnyOf, Compare, Condition, Contains, Dates, DaysAgo, LastDays, Window, Within

PARTNER = {"Relationship Stage": "evaluated_stage", "Partner ID": "partner_id", "Partner Name": "name"}
TERM = "Partner Template Term"
CONTRACT = {"Contract Stage": "contract_stage", TERM: "template_term_name", "Contract ID": "contract_id"}
MEASURES = {"Clicks": "clicks", "Actions": "actions", "Revenue": "revenue"}
OPERATORS = {"greater than": ">", "less than": "<"}
KINDS = {"clicks": "bigint", "actions": "bigint", "revenue": "decimal(38, 8)"}
KEY = "program_id, as_of, partner_id"
SAME = "{0}.program_id = {1}.program_id and {0}.as_of = {1}.as_of and {0}.partner_id = {1}.partner_id"
FACTS = "segments.evaluated_performance"
PARTNERS = "segments.evaluated_partners"

Statements = list[str]


@dataclass(frozen=True)
class Feature:
    """A measure summed over a window; None = all history."""

    measure: str
    window: DaysAgo | Dates | None

    @property
    def name(self) -> str:
        """Its column."""
        if self.window is None:
            return f"{self.measure}_ever"
        if isinstance(self.window, Dates):
            return f"{self.measure}_{self.window.first:%Y_%m_%d}_to_{self.window.last:%Y_%m_%d}"
        return f"{self.measure}_{self.window.first}_to_{self.window.last}_days_ago"

    def sum(self) -> str:
        """The sum over a relation of days."""
        inside = within(self.window, "days_ago", "activity_date") if self.window else "true"
        value = f"case when {inside} then {self.measure} else 0 end" if self.window else self.measure
        return f"cast(sum({value}) as {KINDS[self.measure]}) as {self.name}"


def within(window: Window, days_ago: str, day: str) -> str:
    """The test that a day lies in a window."""
    if isinstance(window, Dates):
        return f"{day} between date '{window.first}' and date '{window.last}'"
    window = plain(window)
    same = window.first == window.last
    return f"{days_ago} = {window.first}" if same else f"{days_ago} between {window.first} and {window.last}"


def plain(window: Window) -> DaysAgo | Dates:
    """Last N Days as days ago."""
    return window.days_ago() if isinstance(window, LastDays) else window


def window_of(workflow: Workflow) -> DaysAgo | Dates | None:
    """The Performance Date Range."""
    windows = [one.window for one in workflow.segment if one.label == "Performance Date Range"]
    return plain(windows[0]) if windows else None


def features_of(workflows: Iterable[Workflow]) -> list[Feature]:
    """The distinct features, by name."""
    found = {
        Feature(MEASURES[one.label], window_of(workflow))
        for workflow in workflows
        for one in workflow.segment
        if isinstance(one, Compare)
    }
    return sorted(found, key=lambda feature: feature.name)


def has_transition_date(workflow: Workflow) -> bool:
    """Whether the partners are narrowed by their Last Transition Date."""
    return any(one.label == "Last Transition Date" for one in workflow.segment)


def tests_on_partner(workflow: Workflow) -> list[str]:
    """The tests on the columns of a partner."""
    tests = [f"program_id = '{workflow.program}'"]
    for one in workflow.segment:
        if one.label in PARTNER:
            tests.append(_any_of(PARTNER[one.label], one))
        elif one.label == "Last Transition Date" and isinstance(one, Within):
            tests.append(within(one.window, "last_transition_days_ago", "evaluated_transition_date"))
    return tests


def tests_on_features(workflow: Workflow) -> list[str]:
    """The tests on the columns of `features`."""
    return [
        f"{Feature(MEASURES[one.label], window_of(workflow)).name} {OPERATORS[one.operator]} {one.value:f}"
        for one in workflow.segment
        if isinstance(one, Compare)
    ]


def tests_elsewhere(workflow: Workflow, partner: str) -> list[str]:
    """The tests on groups and contracts of the relation `partner`."""
    tests = [
        f"exists (select 1 from marts.fct_partner_groups as g where g.program_id = {partner}.program_id "
        f"and g.partner_id = {partner}.partner_id and {_any_of('g.group_name', one)})"
        for one in workflow.segment
        if one.label == "Partner Group"
    ]
    contracts = [one for one in workflow.segment if one.label in CONTRACT]
    if contracts:
        inner = [SAME.format("c", partner), "c.is_current", *[_any_of("c." + CONTRACT[o.label], o) for o in contracts]]
        if all(one.label == TERM for one in contracts):
            inner.append("c.is_in_force_or_in_play")
        tests.append(f"exists (select 1 from segments.evaluated_contracts as c where {' and '.join(inner)})")
    return tests


def _any_of(column: str, condition: Condition) -> str:
    if isinstance(condition, Contains):
        return f"strpos(lower({column}), '{condition.text.lower()}') > 0"
    assert isinstance(condition, AnyOf) and not {"Select All", "None"} & set(condition.values)
    return f"{column} in ({', '.join(repr(value) for value in condition.values)})"


Elsewhere = Callable[[Workflow, str], list[str]]


def members(workflow: Workflow, relation: str, elsewhere: Elsewhere = tests_elsewhere) -> str:
    """One segment over a relation of partners with their features."""
    tests = [*tests_on_partner(workflow), *tests_on_features(workflow), *elsewhere(workflow, relation.split(".")[-1])]
    return f"select '{workflow.id}' as workflow_id, {KEY} from {relation} where {' and '.join(tests)}"


def united(
    workflows: Iterable[Workflow], relation: Callable[[Workflow], str], elsewhere: Elsewhere = tests_elsewhere
) -> str:
    """All segments."""
    return "\nunion all ".join(members(workflow, relation(workflow), elsewhere) for workflow in workflows)


def sums(features: list[Feature], source: str) -> str:
    """The features as columns, from a relation of days."""
    return f"select {KEY}, {', '.join(one.sum() for one in features)} from {source} group by {KEY}"


def joined(features: list[Feature], source: str, partners: str = PARTNERS) -> str:
    """Every partner with its features; without activity they are 0."""
    columns = [f"coalesce(f.{one.name}, 0) as {one.name}" for one in features]
    attributes = "p.program_id, p.as_of, p.partner_id, p.name, p.evaluated_stage, p.evaluated_transition_date, "
    attributes += "p.last_transition_days_ago"
    if not columns:
        return f"select {attributes} from {partners} as p"
    return f"select {attributes}, {', '.join(columns)} from {partners} as p left join {source} as f on " + SAME.format(
        "p", "f"
    )


def intervals(features: list[Feature], name: str = "intervals") -> str:
    """CTEs that name for each day of the calendar the first day of its interval between window edges.

    No window begins or ends inside an interval, so its days may be summed and stand as one day.
    """
    windows = [one.window for one in features]
    days = {e for one in windows if isinstance(one, DaysAgo) for e in (one.first, one.last + 1)} | {0}
    dates = {e for w in windows if isinstance(w, Dates) for e in (w.first.toordinal(), w.last.toordinal() + 1)}
    dates |= {date(1970, 1, 1).toordinal()}
    day_edges = " union all ".join(f"select {edge} as edge" for edge in sorted(days))
    date_edges = " union all ".join(f"select date '{date.fromordinal(edge)}' as edge" for edge in sorted(dates))
    tests = sorted({within(one, "days_ago", "activity_date") for one in windows if one})
    keep = "true" if None in windows else f"({' or '.join(tests)})"
    return f"""{name}_days as ({day_edges}), {name}_dates as ({date_edges}),
        {name}_ranked as (
            select program_id, as_of, activity_date, days_ago,
                (select count(*) from {name}_days where edge <= calendar.days_ago)
                - (select count(*) from {name}_dates where edge <= calendar.activity_date) as place
            from calendar where {keep}),
        {name} as (
            select program_id, as_of, activity_date,
                min(days_ago) over (partition by program_id, as_of, place) as first_days_ago,
                max(activity_date) over (partition by program_id, as_of, place) as first_date
            from {name}_ranked)"""


def bucketed(join: str) -> str:
    """The facts, the days of one interval summed into one; cast back, because sums of sums of counts are slow."""
    return f"""select d.program_id, d.as_of, d.partner_id, i.first_days_ago as days_ago, i.first_date as activity_date,
            cast(sum(d.clicks) as bigint) as clicks, cast(sum(d.actions) as bigint) as actions,
            cast(sum(d.revenue) as decimal(28, 8)) as revenue
        from {FACTS} as d {join}
        group by d.program_id, d.as_of, d.partner_id, i.first_days_ago, i.first_date"""


ON_DAY = "d.program_id = i.program_id and d.as_of = i.as_of and d.activity_date = i.activity_date"


def floor(_: list[Workflow], __: Vocabulary) -> Statements:
    """The bare sum by partner over the same rows."""
    return [
        "create temp table members as select program_id, partner_id, sum(clicks), sum(actions), sum(revenue) "
        "from marts.fct_performance_daily group by program_id, partner_id"
    ]


def compiled(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """What the compiler writes today."""
    return ["create temp table members as " + Compiler(vocabulary).membership(workflows).sql("duckdb")]


def conditional(workflows: list[Workflow], _: Vocabulary) -> Statements:
    """One sum of a case per measure and window, over the facts; then a filter a segment: one statement."""
    features = features_of(workflows)
    source = f"features as ({sums(features, FACTS)}), " if features else ""
    return [
        f"create temp table members as with {source}partners as ({joined(features, 'features')}) "
        + united(workflows, lambda _: "partners")
    ]


def each(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """One query a segment, every condition in it."""
    queries = [conditional([workflow], vocabulary)[0].split(" as ", 1)[1] for workflow in workflows]
    return ["create temp table members as " + queries[0]] + [f"insert into members {one}" for one in queries[1:]]


def conditional_table(workflows: list[Workflow], _: Vocabulary) -> Statements:
    """As conditional, with partners and features in a table, of which a filter reads only its columns."""
    features = features_of(workflows)
    source = f"with features as ({sums(features, FACTS)}) " if features else ""
    return [
        f"create temp table partners as {source}{joined(features, 'features')}",
        "create temp table members as " + united(workflows, lambda _: "partners"),
    ]


def intervals_cte(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """Days between window edges summed first, then the features: one statement."""
    features = features_of(workflows)
    if not features:
        return conditional(workflows, vocabulary)
    return [
        f"create temp table members as with {intervals(features)}, "
        f"performance as ({bucketed(f'inner join intervals as i on {ON_DAY}')}), "
        f"features as ({sums(features, 'performance')}), partners as ({joined(features, 'features')}) "
        + united(workflows, lambda _: "partners")
    ]


def intervals_table(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """As intervals_cte, each step in a table."""
    features = features_of(workflows)
    if not features:
        return conditional(workflows, vocabulary)
    return [
        f"create temp table performance as with {intervals(features)} "
        + bucketed(f"inner join intervals as i on {ON_DAY}"),
        f"create temp table partners as with features as ({sums(features, 'performance')}) "
        + joined(features, "features"),
        "create temp table members as " + united(workflows, lambda _: "partners"),
    ]


def candidates(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """As intervals_table, in two parts: many windows for the few partners whose transition date is asked for.

    Segments with a Last Transition Date look at few partners through many windows, those without at all partners
    through few. So a partner's days are cut at the edges of the second kind only, unless it is one of the few; and
    either kind has its own table of features.
    """
    measured = [one for one in workflows if any(isinstance(c, Compare) for c in one.segment)]
    narrow = [one for one in measured if has_transition_date(one)]
    wide = [one for one in measured if not has_transition_date(one)]
    if not narrow:
        return intervals_table(workflows, vocabulary)
    few, many = features_of(narrow), features_of(wide)
    statements = [
        f"create temp table candidates as select *, case when {_bounds(narrow)} then 1 else 0 end as is_narrow "
        f"from {PARTNERS} where {_either(measured)}",
        "create temp table performance as with "
        + ", ".join(
            [intervals(sorted({*few, *many}, key=lambda one: one.name), "narrow")]
            + ([intervals(many, "wide")] if many else [])
        )
        + ", intervals as (select *, 1 as is_narrow from narrow"
        + (" union all select *, 0 as is_narrow from wide" if many else "")
        + ") "
        + bucketed(
            f"inner join candidates as p on {SAME.format('d', 'p')} inner join intervals as i "
            f"on {ON_DAY} and p.is_narrow = i.is_narrow"
        ),
        "create temp table narrow_partners as with features as ("
        + sums(few, f"performance as d semi join (select * from candidates where is_narrow = 1) as p using ({KEY})")
        + f") {joined(few, 'features', '(select * from candidates where is_narrow = 1)')}",
    ]
    source = f"with features as ({sums(many, 'performance')}) " if many else ""
    statements.append(f"create temp table partners as {source}{joined(many, 'features')}")
    of_narrow = {one.id for one in narrow}
    statements.append(
        "create temp table members as "
        + united(workflows, lambda one: "narrow_partners" if one.id in of_narrow else "partners")
    )
    return statements


def _bounds(workflows: list[Workflow]) -> str:
    """A test that holds for every partner that one of these segments can have by its transition date."""
    windows = {plain(one.window) for w in workflows for one in w.segment if one.label == "Last Transition Date"}
    tests = [within(one, "last_transition_days_ago", "evaluated_transition_date") for one in windows]
    days = [one for one in windows if isinstance(one, DaysAgo)]
    if len(days) == len(windows):
        low, high = min(one.first for one in days), max(one.last for one in days)
        return f"last_transition_days_ago between {low} and {high}"
    return " or ".join(sorted(tests))


def _either(workflows: list[Workflow]) -> str:
    """A test that holds for every partner that one of these segments can have by program and stage."""
    stages: dict[str, set[str]] = defaultdict(set)
    for workflow in workflows:
        named = [one.values for one in workflow.segment if isinstance(one, AnyOf) and one.label == "Relationship Stage"]
        stages[workflow.program] |= set(named[0]) if named else {""}
    return " or ".join(
        f"program_id = '{program}'"
        + (f" and evaluated_stage in ({', '.join(map(repr, sorted(named)))})" if "" not in named else "")
        for program, named in sorted(stages.items())
    )


def thresholds(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """Segments as rows, joined with features as rows; a segment that needs more than this is filtered as before."""
    simple = [one for one in workflows if _is_row(one)]
    if not simple:
        return candidates(workflows, vocabulary)
    statements = candidates(workflows, vocabulary)[:-1]
    by_relation: dict[str, list[Workflow]] = defaultdict(list)
    split = any(has_transition_date(one) for one in simple)
    for one in simple:
        by_relation["narrow_partners" if split and has_transition_date(one) else "partners"].append(one)
    selects = []
    for relation, chosen in by_relation.items():
        names = [one.name for one in features_of(chosen)]
        long = " union all ".join(
            f"select {KEY}, evaluated_stage, last_transition_days_ago, {number} as feature, "
            f"cast({name} as decimal(38, 8)) as value from {relation}"
            for number, name in enumerate(names)
        )
        rows = " union all ".join("select " + ", ".join(_row(one, names)) for one in chosen)
        selects.append(
            f"select t.workflow_id, f.program_id, f.as_of, f.partner_id from ({long}) as f inner join ({rows}) as t "
            "on f.feature = t.feature and f.program_id = t.program_id and f.evaluated_stage = t.stage "
            "and f.last_transition_days_ago >= t.first_day and f.last_transition_days_ago <= t.last_day "
            "and f.value > t.above and f.value < t.below"
        )
    rest = [one for one in workflows if not _is_row(one)]
    measured = {one.id for one in rest if any(isinstance(c, Compare) for c in one.segment) and has_transition_date(one)}
    if rest:
        selects.append(united(rest, lambda one: "narrow_partners" if one.id in measured else "partners"))
    return [*statements, "create temp table members as " + "\nunion all ".join(selects)]


def _is_row(workflow: Workflow) -> bool:
    """Whether a segment is one stage, perhaps a range of days, and one threshold."""
    kinds = [one.label for one in workflow.segment]
    stages = [one.values for one in workflow.segment if isinstance(one, AnyOf) and one.label == "Relationship Stage"]
    known = {"Relationship Stage", "Last Transition Date", "Performance Date Range", *MEASURES}
    return set(kinds) <= known and sum(one in MEASURES for one in kinds) == 1 and [len(s) for s in stages] == [1]


def _row(workflow: Workflow, names: list[str]) -> list[str]:
    (compare,) = [one for one in workflow.segment if isinstance(one, Compare)]
    (stage,) = [one.values[0] for one in workflow.segment if isinstance(one, AnyOf)]
    days = [plain(one.window) for one in workflow.segment if one.label == "Last Transition Date"]
    first, last = (days[0].first, days[0].last) if days else (-100000, 100000)
    above = compare.value if compare.operator == "greater than" else -1
    below = compare.value if compare.operator == "less than" else 10**20
    name = Feature(MEASURES[compare.label], window_of(workflow)).name
    return [
        f"'{workflow.id}' as workflow_id, '{workflow.program}' as program_id, '{stage}' as stage",
        f"{first} as first_day, {last} as last_day, {names.index(name)} as feature",
        f"cast({above} as decimal(38, 8)) as above, cast({below} as decimal(38, 8)) as below",
    ]


def families(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """As candidates, and: sums cast back, partners and candidates in tables of their own, semi-joins by IN."""
    steps, last = _families(workflows)
    return [f"create temp table {name} as {query}" for name, query in steps.items()] + [
        f"create temp table members as {last}"
    ]


def families_cte(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """As families: one statement."""
    steps, last = _families(workflows)
    ctes = ", ".join(f"{name} as ({query})" for name, query in steps.items())
    return [f"create temp table members as with {ctes} {last}"]


def _families(workflows: list[Workflow]) -> tuple[dict[str, str], str]:
    """The steps before the last by name, and the last."""
    dated = [one for one in workflows if has_transition_date(one)]
    families = {"dated": dated, "undated": [one for one in workflows if not has_transition_date(one)]}
    measured = [one for one in workflows if features_of([one])]
    steps = {"partners": f"select * from {PARTNERS}"}
    relation_of: dict = {}
    if dated:
        steps["dated_partners"] = f"select * from partners where {_bounds(dated)}"
    if measured:
        flag = f"case when {_bounds(dated)} then 1 else 0 end" if features_of(dated) else "0"
        steps["candidates"] = f"select {KEY}, {flag} as is_dated from partners where {_either(measured)}"
        steps["performance"] = _performance(features_of(dated), features_of(families["undated"]))
    for family, chosen in families.items():
        source = "dated_partners" if family == "dated" else "partners"
        for number, part in enumerate(_parts(features_of(chosen)), 1):
            windows = [one.window for one in part]
            near = f" where days_ago <= {max(one.last for one in windows)}" if _only_days(windows) else ""
            days = f"(select d.* from performance as d inner join dated_partners as p on {SAME.format('d', 'p')})"
            days = (days if family == "dated" else "performance") + near
            steps[f"{family}_{number}"] = joined(part, f"({sums(part, days)})", source)
            relation_of |= {(family, one): f"{family}_{number}" for one in part}
        for one in chosen:
            needed = features_of([one])
            relation_of[one.id] = relation_of[family, needed[0]] if needed else source
    return steps, united(workflows, lambda one: relation_of[one.id], semi_joins)


def _performance(few: list[Feature], many: list[Feature]) -> str:
    """The facts of partners that any segment can have, by interval between the edges that concern the partner."""
    parts = [intervals(sorted({*few, *many}, key=lambda one: one.name), "dated")] if few else []
    parts += [intervals(many, "undated")] if many else []
    rows = ["select *, 1 as is_dated from dated"] if few else []
    rows += ["select *, 0 as is_dated from undated"] if many else []
    parts.append(f"intervals as ({' union all '.join(rows)})")
    join = (
        f"inner join candidates as p on {SAME.format('d', 'p')} "
        f"inner join intervals as i on {ON_DAY} and p.is_dated = i.is_dated"
    )
    return f"with {', '.join(parts)} {bucketed(join)}"


def _only_days(windows: list) -> bool:
    return all(isinstance(one, DaysAgo) for one in windows)


def _parts(features: list[Feature]) -> list[list[Feature]]:
    """The features over days ago, and the others, which look further back."""
    days = [one for one in features if isinstance(one.window, DaysAgo)]
    return [part for part in (days, [one for one in features if one not in days]) if part]


def semi_joins(workflow: Workflow, partner: str) -> list[str]:
    """As tests_elsewhere, by IN, which DuckDB hashes once; right while a program is evaluated at one hour a run."""
    tests = [
        f"partner_id in (select partner_id from marts.fct_partner_groups where program_id = '{workflow.program}' "
        f"and {_any_of('group_name', one)})"
        for one in workflow.segment
        if one.label == "Partner Group"
    ]
    contracts = [one for one in workflow.segment if one.label in CONTRACT]
    if contracts:
        inner = [f"program_id = '{workflow.program}'", "is_current"]
        inner += [_any_of(CONTRACT[one.label], one) for one in contracts]
        if all(one.label == TERM for one in contracts):
            inner.append("is_in_force_or_in_play")
        tests.append(f"partner_id in (select partner_id from segments.evaluated_contracts where {' and '.join(inner)})")
    return tests


PLANS: dict[str, Callable[[list[Workflow], Vocabulary], Statements]] = {
    one.__name__: one
    for one in (
        floor,
        each,
        compiled,
        conditional,
        conditional_table,
        intervals_cte,
        intervals_table,
        candidates,
        thresholds,
        families,
        families_cte,
    )
}
