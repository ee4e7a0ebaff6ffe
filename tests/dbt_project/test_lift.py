"""The model workflow_lift against published examples and simulated experiments, in the SQL that dbt compiled."""

from collections.abc import Callable

import duckdb
import numpy
import pandas
import pytest

from flows.settings import Settings

pytestmark = pytest.mark.engine("duckdb", "the compiled SQL is run in memory")

Lift = Callable[[pandas.DataFrame], pandas.DataFrame]

EXPERIMENTS = 1000
EMAILED, HELD_OUT = 1350, 150
"""Partners of an experiment with a holdout of 10 %."""


@pytest.fixture(scope="module")
def lift(built_example: Settings) -> Lift:
    """Return a function from rows of goal_outcomes to the rows of workflow_lift."""
    project = built_example.state_dir / "dbt_project" / "target" / "compiled" / "partnerflow" / "models"
    model = (project / "marts" / "reporting" / "workflow_lift.sql").read_text()

    def compute(outcomes: pandas.DataFrame) -> pandas.DataFrame:
        with duckdb.connect() as connection:
            connection.execute("ATTACH ':memory:' AS warehouse; USE warehouse; CREATE SCHEMA marts")
            connection.execute("CREATE TABLE marts.goal_outcomes AS SELECT * FROM outcomes")
            return connection.execute(model).df().set_index("workflow_id")

    return compute


def outcomes(workflow, is_held_out, is_reached, revenue) -> pandas.DataFrame:
    """Return rows of goal_outcomes, one per element of the arrays, with complete days."""
    columns = {"workflow_id": workflow, "is_held_out": is_held_out, "is_reached": is_reached, "revenue": revenue}
    known = {"counted_from": "claim", "goal": "g", "holdout_percent": 10, "is_complete": True}
    return pandas.DataFrame(columns).assign(**known, started_as_of=pandas.Timestamp("2026-03-20 18:00"))


def of_counts(workflow: str, emailed: tuple[int, int], held_out: tuple[int, int]) -> pandas.DataFrame:
    """Return an experiment of so many partners, of whom so many reached the goal, in each arm."""
    arms = [(False, *emailed), (True, *held_out)]
    is_held_out = numpy.concatenate([numpy.full(partners, arm) for arm, partners, _ in arms])
    is_reached = numpy.concatenate([numpy.arange(partners) < reached for _, partners, reached in arms])
    return outcomes(workflow, is_held_out, is_reached, is_reached * 10.0)


def simulated(rate: float, other_rate: float, seed: int) -> pandas.DataFrame:
    """Return EXPERIMENTS experiments with these rates. Reaching the goal brings revenue of 20 on average."""
    dice = numpy.random.default_rng(seed)
    size = EMAILED + HELD_OUT
    is_held_out = numpy.tile(numpy.arange(size) >= EMAILED, EXPERIMENTS)
    is_reached = dice.random(len(is_held_out)) < numpy.where(is_held_out, other_rate, rate)
    revenue = numpy.where(is_reached, dice.gamma(2, 10, len(is_held_out)), 0)
    return outcomes(numpy.repeat(numpy.arange(EXPERIMENTS), size).astype(str), is_held_out, is_reached, revenue)


def covered(found: pandas.DataFrame, name: str, value: float) -> float:
    """Return the share of experiments whose interval contains the value."""
    return float(((found[f"{name}_low"] <= value) & (value <= found[f"{name}_high"])).mean())


def test_intervals_are_those_of_the_literature(lift: Lift):
    """Newcombe (Statistics in Medicine 17, 1998), table II: method 10, cases a, b and d. The interval of Welch is that
    of R for the same numbers."""
    cases = {
        "a": ((70, 56), (80, 48), (0.0524, 0.3339)),
        "b": ((10, 9), (10, 3), (0.1705, 0.8090)),
        "d": ((56, 5), (29, 0), (-0.0381, 0.1926)),
    }
    found = lift(pandas.concat([of_counts(name, *counts) for name, (*counts, _) in cases.items()]))
    for name, (*_, interval) in cases.items():
        row = found.loc[name]
        assert (row.rate_difference_low, row.rate_difference_high) == pytest.approx(interval, abs=0.00006), name
    emailed, held_out = [1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10], [7.0, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
    arms = [False] * len(emailed) + [True] * len(held_out)
    row = lift(outcomes("w", arms, True, [*emailed, *held_out])).loc["w"]
    assert (row.revenue_difference_low, row.revenue_difference_high) == pytest.approx((-11.0528, -4.9472), abs=0.003)


def test_planted_effect_is_in_19_of_20_intervals(lift: Lift):
    """Of 1,000 experiments with a lift of 12 points, the 95 % interval contains it in 95 %, but for three standard
    errors of that share. The same holds of the revenue, and most experiments show the effect."""
    found = lift(simulated(0.42, 0.30, seed=1))
    assert covered(found, "rate_difference", 0.12) == pytest.approx(0.95, abs=0.021)
    assert covered(found, "revenue_difference", 0.12 * 20) == pytest.approx(0.95, abs=0.021)
    assert (found.verdict == "more with the email").mean() > 0.75
    assert not (found.verdict == "fewer with the email").any()


def test_no_effect_is_shown_in_one_of_20_experiments_at_most(lift: Lift):
    """Without an effect the interval contains 0 as often, and as many experiments err to one side as to the other."""
    found = lift(simulated(0.30, 0.30, seed=2))
    assert covered(found, "rate_difference", 0) == pytest.approx(0.95, abs=0.021)
    assert covered(found, "revenue_difference", 0) == pytest.approx(0.95, abs=0.021)
    assert (found.verdict == "no difference shown").mean() == covered(found, "rate_difference", 0)


@pytest.mark.parametrize(
    ("emailed", "held_out", "verdict"),
    [
        ((100, 40), (99, 1), "not enough yet"),
        ((99, 40), (100, 1), "not enough yet"),
        ((1000, 9), (100, 0), "not enough yet"),
        ((1000, 300), (100, 10), "more with the email"),
        ((1000, 100), (100, 30), "fewer with the email"),
        ((1000, 300), (100, 28), "no difference shown"),
    ],
)
def test_verdict_needs_partners_and_goals(
    lift: Lift, emailed: tuple[int, int], held_out: tuple[int, int], verdict: str
):
    """100 partners with complete days in each arm, and 10 that reached the goal."""
    assert lift(of_counts("w", emailed, held_out)).loc["w"].verdict == verdict
