"""The language: what is read as it is meant, and what is refused with the nearest sentence that works."""

import re
from datetime import date
from decimal import Decimal

import pytest

from compiler import SentenceError, parse, project_vocabulary
from compiler.segment_tree import AnyOf, Compare, Condition, Contains, DateRange, DateWithin, DaysAgo, LastDays, NoneOf

VOCABULARY = project_vocabulary()
NAME, TERM = "Partner Name is any of", "Partner Template Term"

READ = {
    "Clicks\xa0less\u2009than\u3000100": Compare("Clicks", "less than", Decimal(100)),
    "Clicks\u200b less than 100\ufeff": Compare("Clicks", "less than", Decimal(100)),
    "Contract Stage is any of Awaiting\u202fPublisher  Approval": AnyOf(
        "Contract Stage", ("Awaiting Publisher Approval",)
    ),
    f"{NAME} Best  Deals,\xa0Best\xa0Deals": AnyOf("Partner Name", ("Best Deals",)),
    f'{NAME} "Best  Deals", "Best\xa0Deals"': AnyOf("Partner Name", ("Best  Deals", "Best\xa0Deals")),
    f"{NAME} “Smith, Sons”, „Acme“": AnyOf("Partner Name", ("Smith, Sons", "Acme")),
    f"{NAME} «\xa0Smith, Sons\xa0»": AnyOf("Partner Name", ("Smith, Sons",)),
    f"{NAME} “Smith, “”the”” Sons”": AnyOf("Partner Name", ('Smith, "the" Sons',)),
    f'{NAME} "The “Old” Shop"': AnyOf("Partner Name", ("The “Old” Shop",)),
    f"{NAME} O’Brien, 't Winkeltje, Johnson and Johnson": AnyOf(
        "Partner Name", ("O’Brien", "'t Winkeltje", "Johnson and Johnson")
    ),
    f'{NAME} "Gold or Silver", TRICK OR TREAT': AnyOf("Partner Name", ("Gold or Silver", "TRICK OR TREAT")),
    f"{TERM} contains “Public”": Contains(TERM, "Public"),
    "Relationship Stage is Select All": AnyOf("Relationship Stage", ("Select All",)),
    "contract stage IS select  all": AnyOf("Contract Stage", ("Select All",)),
    "Last Transition Date between Sept. 1, 2024—September 7 2024": DateWithin(
        "Last Transition Date", DateRange(date(2024, 9, 1), date(2024, 9, 7))
    ),
    "Contract End Date in 30 days": DateWithin("Contract End Date", DaysAgo(-30, -30)),
    "contract end date IS in 1 Day": DateWithin("Contract End Date", DaysAgo(-1, -1)),
    "Contract End Date interval between 0 & 30 days from now": DateWithin("Contract End Date", DaysAgo(-30, 0)),
    "Contract End Date is in 0 Days": DateWithin("Contract End Date", DaysAgo(0, 0)),
    "Contacted By is none of few-clicks-14, opt-in-or-out": NoneOf("Contacted By", ("few-clicks-14", "opt-in-or-out")),
    "Contacted By date range is Last 7 Days": DateWithin("Contacted By Date Range", LastDays(7)),
    "Segments is any of A, b": AnyOf("Segment", ("A", "b")),
    "Revenue greater than 1.50": Compare("Revenue", "greater than", Decimal("1.5")),
    "Revenue greater than 1,234.500": Compare("Revenue", "greater than", Decimal("1234.5")),
    "Revenue greater than 0.125": Compare("Revenue", "greater than", Decimal("0.125")),
    "Clicks is 0": Compare("Clicks", "is", Decimal(0)),
    "revenue IS  0.00": Compare("Revenue", "is", Decimal(0)),
    "Relationship Stage IS None of joined, none": NoneOf("Relationship Stage", ("Joined", "None")),
    f"{TERM} is none of “Gold, old”, Silver": NoneOf(TERM, ("Gold, old", "Silver")),
}
"""Sentences with the characters of word processors and web pages, and what they mean."""


@pytest.mark.parametrize("sentence", READ)
def test_sentence_with_typographic_characters_means_the_same(sentence: str):
    """Blanks of every kind are blanks outside of quotes, typographic quotes are quotes; other text stays as it is."""
    condition = parse(sentence, VOCABULARY)
    assert condition == READ[sentence]
    assert parse(str(condition), VOCABULARY) == condition


NUMBERS = {
    "Clicks >= 100": (">=", "Clicks greater than 99"),
    "Clicks at least 100": ("at least", "Clicks greater than 99"),
    "Clicks more than 100": ("more than", "Clicks greater than 100"),
    "Clicks is greater than 100": ("is", "Clicks greater than 100"),
    "Clicks fewer than 100": ("fewer than", "Clicks less than 100"),
    "Clicks <= 99": ("<=", "Clicks less than 100"),
    "Clicks less than or equal to 99": ("less than or equal to", "Clicks less than 100"),
    "Clicks < 1": ("<", "Clicks is 0"),
    "Clicks = 0": ("=", "Clicks is 0"),
    "Revenue at most 0": ("at most", "Revenue is 0"),
    "Clicks is 5": ("no number but 0", "Clicks greater than 4 and Clicks less than 6"),
    "Clicks not 0": ("not", "Clicks greater than 0"),
    "Clicks = 5": ("=", "Clicks greater than 4 and Clicks less than 6"),
    "Clicks between 5 and 10": ("between", "Clicks greater than 4 and Clicks less than 11"),
    "Clicks greater than 5 and less than 9": ("one condition", "Clicks greater than 5 and Clicks less than 9"),
    "Clicks greater than 5 and Actions less than 9": ("one condition", "Clicks greater than 5 and Actions less than 9"),
    "Clicks greater than 9 in the last 30 days": (
        "no dates", "Clicks greater than 9 and Performance Date Range is Last 30 Days"),
    "Revenue greater than $1,000": ("$", "Revenue greater than 1000"),
    "Revenue greater than 1000 USD": ("USD", "Revenue greater than 1000"),
    "Revenue greater than 1k": ("k", "Revenue greater than 1000"),
    "Revenue $1,000 and up": ("and up", "Revenue greater than 999.99"),
    "Revenue greater than 1.000,50": ("1.000,50", "Revenue greater than 1000.5"),
    "Revenue greater than 1.000.000": ("1.000.000", "Revenue greater than 1000000"),
    "Revenue greater than 1 000": ("1 000", "Revenue greater than 1000"),
    "Revenue greater than 1,50": ("1,50", "Revenue greater than 1.5"),
}  # fmt: skip

VALUES = {
    "Relationship Stage is Joined": ("is any of", "Relationship Stage is any of Joined"),
    "Relationship Stage = joined": ("=", "Relationship Stage is any of Joined"),
    "Relationship Stage is not Joined": (
        "is not", "Relationship Stage is none of Joined"),
    "not Relationship Stage is any of Joined, New": (
        "not", "Relationship Stage is none of Joined, New"),
    "Partner Group is not in (Gold, Silver)": ("is not in", "Partner Group is none of Gold, Silver"),
    "Partner Group is any of Gold but not Silver": (
        "but not", "Partner Group is any of Gold and Partner Group is none of Silver"),
    "Partner Group is none of Gold or Silver": ("or", "Partner Group is none of Gold, Silver"),
    f"{NAME.replace('any', 'none')} 'Smith, Sons'": ("Single quotes", 'Partner Name is none of "Smith, Sons"'),
    "not Clicks less than 5": ("not less than", "Clicks greater than 4"),
    "Relationship Stage is any of Joined or New": ("or", "Relationship Stage is any of Joined, New"),
    "Relationship Stage is any of Joined, New, or Outreach": (
        "or", "Relationship Stage is any of Joined, New, Outreach"),
    "Relationship Stage is all": ("is any of", "Relationship Stage is any of Select All"),
    "Partner Group is any of Gold or Silver": ("or", "Partner Group is any of Gold, Silver"),
    "Partner Group is any of Gold AND Silver": ("AND", "Partner Group is any of Gold, Silver"),
    "Partner Group is one of Gold, Silver": ("is one of", "Partner Group is any of Gold, Silver"),
    "Partner Group in (Gold, Silver)": ("in", "Partner Group is any of Gold, Silver"),
    "Partner Group contains Gold": ("contains", "Partner Group is any of Gold"),
    "Partner Group is any of Gold and Clicks less than 5": (
        "one condition", "Partner Group is any of Gold and Clicks less than 5"),
    f"{NAME} 'Smith, Sons'": ("Single quotes", f'{NAME} "Smith, Sons"'),
    f"{NAME} A, ‘Acme’, B": ("Single quotes", f"{NAME} A, Acme, B"),
    f"{NAME} ‘Acme’": ("Single quotes", f"{NAME} Acme"),
    f"{NAME} The “Old” Shop": ("double quote", f'{NAME} "The “Old” Shop"'),
    f'{NAME} "Smith, Sons”': ("double quote", f'{NAME} "Smith, Sons"'),
    f"{TERM} starts with Pub": ("starts with", f'{TERM} contains "Pub"'),
    f"{TERM} contains Public, Private": ("one text", f'{TERM} contains "Public"'),
    "Partners with Clicks greater than 5": ("begins with", "Clicks greater than 5"),
}  # fmt: skip

DATES = {
    "is Oct 1st 2024": ("'st'", "between Oct 1 2024 and Oct 1 2024"),
    "between Oct 1st 2024 and Oct 7th 2024": ("'st'", "between Oct 1 2024 and Oct 7 2024"),
    "between the 1st of October 2024 and 7 Oct 2024": ("'st'", "between Oct 1 2024 and Oct 7 2024"),
    "between 1.10.2024 and 7.10.2024": ("1.10.2024", "between Oct 1 2024 and Oct 7 2024"),
    "is October 2024": ("October 2024", "between Oct 1 2024 and Oct 31 2024"),
    "before Oct 1 2024": ("before", "between Jan 1 2000 and Sep 30 2024"),
    "is after 2024-10-01": ("after", "between Oct 2 2024 and Dec 31 2099"),
    "on Oct 1 2024": ("on", "between Oct 1 2024 and Oct 1 2024"),
    "is more than 30 days ago": ("more than", "interval between 31 and 36600 Days Ago"),
    "less than 7 days ago": ("less than", "interval between 0 and 6 Days Ago"),
    "> 30 days": (">", "interval between 31 and 36600 Days Ago"),
    "is 2 weeks ago": ("2 weeks", "is 14 Days Ago"),
    "is within the last month": ("last month", "is Last 30 Days"),
    "Last 30 Days": ("Last 30 Days", "is Last 30 Days"),
    "between 10 and 20 Days Ago": ("between 10 and 20", "interval between 10 and 20 Days Ago"),
    "interval between 10-20": ("10-20", "interval between 10 and 20 Days Ago"),
    "is not Today": ("not", "interval between 1 and 36600 Days Ago"),
    "is tomorrow": ("tomorrow", "is Today"),
}
AHEAD = {
    "is tomorrow": ("tomorrow", "is in 1 Day"),
    "in 2 weeks": ("2 weeks", "is in 14 Days"),
    "is 30 days from now": ("from now", "is in 30 Days"),
    "in the next 30 days": ("next 30 days", "interval between 0 and 30 Days From Now"),
    "is 2 weeks ago": ("2 weeks", "is 14 Days Ago"),
}
LAST, END = "Last Transition Date", "Contract End Date"
REFUSED = (
    NUMBERS
    | VALUES
    | {f"{LAST} {text}": (term, f"{LAST} {near}") for text, (term, near) in DATES.items()}
    | {f"{END} {text}": (term, f"{END} {near}") for text, (term, near) in AHEAD.items()}
)
"""What people write: what the message names, and the sentence that is offered."""


@pytest.mark.parametrize("sentence", REFUSED)
def test_sentence_the_language_lacks_offers_the_nearest(sentence: str):
    """The message names what the language does not have, and what is offered instead can be parsed."""
    named, offered = REFUSED[sentence]
    with pytest.raises(SentenceError) as caught:
        parse(sentence, VOCABULARY)
    assert named in caught.value.message
    assert caught.value.hint.startswith(f"Write {offered}")
    assert "\n" not in caught.value.message + caught.value.hint
    assert [str(one) for one in parsed(offered)] == re.split(r" and (?=[A-Z][a-z]+ (?:[A-Z]|greater|less))", offered)


def parsed(offered: str) -> list[Condition]:
    """Return the conditions that a hint offers."""
    return [parse(one, VOCABULARY) for one in re.split(r" and (?=[A-Z][a-z]+ (?:[A-Z]|greater|less))", offered)]


@pytest.mark.parametrize(
    ("sentence", "message", "hint"),
    [
        ("Clicks greater than 1.000", "1.000 can be read as 1 or as 1000.", "Write 1 or 1000."),
        ("Revenue greater than 1.500", "1.500 can be read as 1.5 or as 1500.", "Write 1.5 or 1500."),
        ("Revenue more than $1.500", "1.500 can be read as 1.5 or as 1500.", "Write 1.5 or 1500."),
        (f"{LAST} is 1.000 Days Ago", "1.000 can be read as 1 or as 1000.", "Write 1 or 1000."),
        (f"{LAST} between Octopus 1 2024 and Oct 7 2024", "Octopus is not a valid month.", "first three letters"),
        (f"{LAST} between Ocotber 1 2024 and Oct 7 2024", "Ocotber is not a valid month.", "Did you mean October?"),
        (
            "Clicks less than 5 or Revenue less than 5",
            "There is no 'or' in a condition.",
            "Put each alternative into a file",
        ),
        ("Clicks >= 0", "There is no '>=' in a condition.", "leave the condition out"),
        ("Top 10 partners by revenue", "There is no 'Top' in a condition.", "Revenue greater than 999"),
        ("Revenue top 10", "There is no 'top 10' in a condition.", "Revenue greater than 999"),
        ("Partner Group is not Gold", "There is no 'is not' in a condition.", "Write Partner Group is none of Gold."),
        (
            "Partner Group is any of not Gold",
            "There is no 'not' in a condition.",
            "Write Partner Group is none of Gold",
        ),
        (
            f"{TERM} does not contain Gold",
            "There is no 'does not contain' in a condition.",
            f'Put {TERM} contains "Gold" into a file segments/others.yml, and write Segment is none of others.',
        ),
        ("Cli\u00adcks less than 5", "it has the character SOFT HYPHEN (U+00AD)", "Did you mean Clicks?"),
        ("Cli\u200bcks less than 5", "it has the character ZERO WIDTH SPACE (U+200B)", "Did you mean Clicks?"),
        ("\u0421licks less than 5", "it has the character CYRILLIC CAPITAL LETTER ES", "Did you mean Clicks?"),
        ("Clicks le\u00adss than 5", "it has the character SOFT HYPHEN (U+00AD)", "Clicks greater than 100"),
        (f"{NAME} Ac\u00adme", "the invisible character SOFT HYPHEN (U+00AD)", "Remove it"),
        ("or Relationship Stage is any of New", "There is no 'or' in a condition.", "Put each alternative into a file"),
        ("OR Clicks less than 5", "There is no 'OR' in a condition.", "Put each alternative into a file"),
        ("Partner Group is Select All", "needs 'is any of'", "Leave Partner Group out"),
        ("Realtionship Stages is any of A", "there is no Realtionship Stages", "Did you mean Relationship Stage?"),
        ("Template Term is any of A", "there is no Template Term", f"Did you mean {TERM}?"),
        ("Stage is any of Joined", "there is no Stage", "Did you mean Contract Stage or Relationship Stage?"),
        ("Country is any of US", "there is no Country", "docs/add-a-condition.md"),
    ],
)
def test_sentence_with_two_readings_or_none_is_refused(sentence: str, message: str, hint: str):
    """The message says what is wrong, the hint what to write."""
    with pytest.raises(SentenceError) as caught:
        parse(sentence, VOCABULARY)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "label",
    ["Country", "Language", "Email", "Contacts", "Percentage", "Partner Country", "Partner Language", "Partner Type"],
)
def test_unknown_label_unlike_any_other_gets_no_guess(label: str):
    """Only a name that differs by a letter or two, or has a part of the words, is offered."""
    with pytest.raises(SentenceError) as caught:
        parse(f"{label} is any of US", VOCABULARY)
    assert "Did you mean" not in caught.value.hint
