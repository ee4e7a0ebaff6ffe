"""The word list: it finds what it names, and the checkout has none of it."""

from support.words import findings, problems


def test_an_avoided_word_is_found_with_its_line():
    """Upper and lower case alike, with what to write instead."""
    found = list(findings("One row per partner.\nOne row a partner, made Anew."))
    assert [(line, word) for line, word, _ in found] == [(2, "Anew"), (2, "One row a partner")]


def test_the_checkout_has_no_avoided_word():
    """Code, tests, dbt project and documentation."""
    assert problems() == []
