"""The goal of a workflow in words: who has reached it, and what its emails have changed."""

from typing import Any

MEANINGS = {
    "not enough yet": "Not enough yet: an arm has too few partners with complete days, or too few reached the goal.",
    "more with the email": "More partners reach the goal with the email.",
    "fewer with the email": "Fewer partners reach the goal with the email.",
    "no difference shown": "No difference is shown: the interval contains 0.",
}
"""The verdicts, as sentences."""


def goal_sentence(row: dict[str, Any]) -> str:
    """Return who has reached the goal, from a row of marts.workflow_report.

    >>> row = {"goal_reached": 4, "goal_complete": 10, "goal_partners": 12, "goal_rate": 0.4, "goal_revenue": 9}
    >>> goal_sentence(row)
    'Reached by 4 of 10 partners (40.0 %), with revenue of 9.00; 2 have days to come.'
    """
    waiting = f"{row['goal_partners'] - row['goal_complete']:,} have days to come"
    if not row["goal_complete"]:
        return f"The days of no partner have passed yet; {waiting}."
    share = f"{100 * row['goal_rate']:.1f} %"
    reached = f"Reached by {row['goal_reached']:,} of {row['goal_complete']:,} partners ({share})"
    return f"{reached}, with revenue of {row['goal_revenue']:,.2f}; {waiting}."


def lift_sentences(row: dict[str, Any]) -> list[str]:
    """Return the verdict, the rates of both arms, and the differences with their 95 % intervals.

    >>> row = {"verdict": "more with the email", "emailed_rate": 0.42, "emailed_complete": 900, "held_out_rate": 0.3,
    ...        "held_out_complete": 100, "rate_difference": 0.12, "rate_difference_low": 0.0205,
    ...        "rate_difference_high": 0.208, "revenue_difference": 5.5, "revenue_difference_low": -1.25,
    ...        "revenue_difference_high": 12.25}
    >>> print("\\n".join(lift_sentences(row)))
    More partners reach the goal with the email.
    With the email 42.0 % of 900 partners, held out 30.0 % of 100.
    The difference is +12.0 points (95 % interval +2.1 to +20.8).
    Revenue per partner differs by +5.50 (95 % interval -1.25 to +12.25).
    """
    sentences = [MEANINGS[row["verdict"]]]
    if row["rate_difference"] is None:
        return sentences
    sentences.append(
        f"With the email {row['emailed_rate']:.1%} of {row['emailed_complete']:,} partners, held out "
        f"{row['held_out_rate']:.1%} of {row['held_out_complete']:,}.".replace("%", " %")
    )
    points = [100 * row[f"rate_difference{end}"] for end in ("", "_low", "_high")]
    sentences.append("The difference is {:+,.1f} points (95 % interval {:+,.1f} to {:+,.1f}).".format(*points))
    amounts = [row[f"revenue_difference{end}"] for end in ("", "_low", "_high")]
    if None not in amounts:
        text = "Revenue per partner differs by {:+,.2f} (95 % interval {:+,.2f} to {:+,.2f})."
        sentences.append(text.format(*amounts))
    return sentences
