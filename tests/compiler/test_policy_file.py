"""The contact policy and send windows as they are written."""

from datetime import datetime

import pytest

from compiler import Cap, ContactPolicy, DefinitionError, PartnerflowError, parse_cap, read_contact_policy
from compiler.language.send_window import parse_send_window

IDS = frozenset({"welcome", "offer"})

WHOLE = """
caps:
  - at most 1 email per partner per day
  - at most 3 emails per address per 7 days
  - at most 2 emails per address per hour
exempt: [welcome]
priority: [offer, welcome]
send_window: weekdays 09:00-17:00
max_delay: 5 days
"""


def problems(text: str) -> list[tuple[int, str, str]]:
    """Return line, message and hint of each problem of a policy."""
    with pytest.raises(DefinitionError) as raised:
        read_contact_policy("contact_policy.yml", text, IDS)
    return [(one.line, one.message, one.hint) for one in raised.value.problems]


def test_every_key_is_read():
    """Caps are counted in hours, and exempt workflows keep their place in the order."""
    policy = read_contact_policy("contact_policy.yml", WHOLE, IDS)
    assert policy.caps == (Cap(1, "partner", 24), Cap(3, "address", 168), Cap(2, "address", 1))
    assert (policy.exempt, policy.priority, policy.max_delay_days) == ({"welcome"}, ("offer", "welcome"), 5)
    assert str(policy.send_window) == "weekdays 09:00-17:00"
    assert [policy.rank(name) for name in ("offer", "welcome", "other")] == [0, 1, 2]
    assert all(parse_cap(str(cap)) == cap for cap in policy.caps)


def test_empty_mapping_limits_nothing():
    """It is the policy of a folder without a file."""
    assert read_contact_policy("contact_policy.yml", "caps: []\n", IDS) == ContactPolicy()


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("- at most 1 email per day", 1, "not a contact policy", "The keys are caps"),
        ("cap: []", 1, "There is no key cap.", "Did you mean caps?"),
        ("caps:\n  - at most one email per day", 2, "not a valid value of caps", "at most 1 email per partner per day"),
        ("caps:\n  - at most 0 emails per partner per day", 2, "not a valid value of caps", "at most 1 email"),
        ("caps: at most 1 email per partner per day", 1, "not a valid value of caps", "at most 1 email"),
        ("caps: []\npriority: [ofer]", 2, "There is no workflow ofer.", "Did you mean offer?"),
        ("exempt: welcome", 1, "not a valid value of exempt", "Write a list."),
        ("send_window: weekdays 09:00-09:30", 1, "not a valid value of send_window", "lasts an hour"),
        ("send_window: weekdays 17:00-09:00", 1, "not a valid value of send_window", "lasts an hour"),
        ("max_delay: 3", 1, "not a valid value of max_delay", "`2 days` to `31 days`"),
    ],
)
def test_what_is_not_valid_has_a_place_and_a_remedy(text: str, line: int, message: str, hint: str):
    """One problem, on the line of the value."""
    (problem,) = problems(text)
    assert (problem[0], message in problem[1], hint in problem[2]) == (line, True, True), problem


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mon-Fri 09:00-17:00", "weekdays 09:00-17:00"),
        ("every day 00:00-24:00", "every day 00:00-24:00"),
        ("Sat-Sun 10:00-11:00", "weekends 10:00-11:00"),
        ("Fri-Mon 10:00-12:00", "Mon, Fri, Sat, Sun 10:00-12:00"),
        ("Tue, Thu 08:30-09:30", "Tue, Thu 08:30-09:30"),
    ],
)
def test_send_window_is_shown_in_its_shortest_form(text: str, shown: str):
    """The form is read as the same window."""
    assert str(parse_send_window(text)) == shown
    assert parse_send_window(shown) == parse_send_window(text)


def test_send_window_includes_its_start_and_not_its_end():
    """Monday, 16 March 2026."""
    window = parse_send_window("weekdays 09:00-17:00")
    hours = [datetime(2026, 3, 16, hour, minute) for hour, minute in ((8, 59), (9, 0), (16, 59), (17, 0))]
    assert [window.includes(hour) for hour in hours] == [False, True, True, False]
    assert not window.includes(datetime(2026, 3, 15, 12))


@pytest.mark.parametrize(
    "text", ["weekday 09:00-17:00", "Mon 9:00-17:00", "Mon,Tue 09:00-17:00", "Mon 09:00-25:00", ""]
)
def test_send_window_that_is_not_valid_is_refused(text: str):
    """With the forms that are."""
    with pytest.raises(PartnerflowError, match="weekdays 09:00-17:00"):
        parse_send_window(text)
