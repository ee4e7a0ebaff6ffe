"""The rows of the editor are read and written by the compiler's parser."""

import pytest

from compiler import parse
from compiler.vocabulary import OPERATORS
from flows.definitions.loader import read_definitions
from flows.settings import Settings
from flows.studio.segment.forms import FORMS, Filled, Form, filled, forms_of
from flows.studio.segment.rows import begin_row, read_row, write_row
from support.definitions import VOCABULARY
from support.example_workflows import WORKFLOWS

PAIRS = [(field, form) for field in VOCABULARY.fields for form in forms_of(field)]


def test_every_operator_of_the_language_has_a_form():
    """An operator that the language gains has to be added to FORMS."""
    assert FORMS.keys() == {operator for operators in OPERATORS.values() for operator in operators}


@pytest.mark.parametrize(("field", "form"), PAIRS, ids=lambda one: getattr(one, "label", None) or one.words)
def test_every_form_of_every_condition_is_a_sentence_and_comes_back(field, form: Form):
    """What the controls show becomes a valid sentence, and that sentence the same controls."""
    values = (field.values[0],) if field.values else ("A, B", 'the "best"')
    first, last = {"dates": ("2024-10-01", "2024-10-07"), "text": ("a, b", "")}.get(form.entry, ("10", "20"))
    entered = Filled(
        form.words,
        values if form.entry == "values" else (),
        first if form.entry not in ("nothing", "values") else "",
        last if form.has_last else "",
    )
    row = write_row(field.label, entered, VOCABULARY)
    assert row.filled == entered
    assert str(parse(row.sentence, VOCABULARY)) == row.sentence
    assert read_row(row.sentence, VOCABULARY) == row


def test_every_condition_of_the_example_comes_back():
    """The controls of a committed condition make the same condition."""
    definitions = read_definitions(Settings(workflows=WORKFLOWS))
    conditions = [one for workflow in definitions.workflows for one in workflow.segment]
    assert conditions
    for condition in conditions:
        row = read_row(str(condition), VOCABULARY)
        assert row.filled == filled(condition)
        again = write_row(condition.label, row.filled, VOCABULARY)
        assert parse(again.sentence, VOCABULARY) == condition


def test_a_row_without_values_keeps_its_controls():
    """A condition that has just been chosen has no value yet: its sentence is incomplete, its controls are there."""
    row = begin_row("Partner Group", VOCABULARY)
    assert row.sentence.strip() == "Partner Group is any of"
    assert (row.field, row.filled) == (VOCABULARY["Partner Group"], Filled("is any of"))


def test_a_number_as_people_write_it_becomes_canonical():
    """1,000 is 1000; what is not a number stays as it was entered."""
    assert (
        write_row("Clicks", Filled("less than {first}", first="1,000"), VOCABULARY).sentence == "Clicks less than 1000"
    )
    wrong = write_row("Clicks", Filled("less than {first}", first="many"), VOCABULARY)
    assert (wrong.sentence, wrong.filled.first) == ("Clicks less than many", "many")


def test_an_unknown_name_is_a_row_of_text_alone():
    """The sentence stays as it was written."""
    row = read_row("Klicks less than 5", VOCABULARY)
    assert (row.sentence, row.field, row.filled) == ("Klicks less than 5", None, None)


def test_select_all_takes_the_place_of_the_stages_but_none():
    """Select All is every stage except None (semantics, "Select All"): both may be chosen."""
    stages = ("New", "Select All", "None")
    row = write_row("Relationship Stage", Filled("is any of", stages), VOCABULARY)
    assert row.sentence == "Relationship Stage is any of Select All, None"
