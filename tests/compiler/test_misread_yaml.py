"""Definitions whose text YAML reads differently from people."""

from pathlib import Path

import pytest

from compiler import DefinitionError, Problem, project_vocabulary, read_definition, read_yaml
from flows.definitions.loader import read_definitions
from flows.settings import Settings
from support.cli import partnerflow

VOCABULARY = project_vocabulary()
NAME = "Partner Name is any of"


def definition(*conditions: str, name: str = "Test", status: str = "active") -> str:
    """Return the text of a definition; conditions are written as they are."""
    lines = "".join(f"  - {one}\n" for one in conditions)
    return f'name: {name}\nprogram: "1000"\nstatus: {status}\nsegment:\n{lines}action: accept application\n'


def problems(text: str) -> list[Problem]:
    """Return the problems of a definition that is not valid."""
    with pytest.raises(DefinitionError) as caught:
        read_definition("w.yml", text, VOCABULARY)
    return caught.value.problems


def names(text: str) -> list[str]:
    """Return the canonical conditions of a definition."""
    return [str(condition) for condition in read_definition("w.yml", text, VOCABULARY).workflow.segment]


CUT = {
    f"{NAME} Best Deals #1": ("#1", f"'{NAME} Best Deals #1'"),
    f'{NAME} "Best Deals #1", Acme': ('#1", Acme', f"""'{NAME} "Best Deals #1", Acme'"""),
    f"{NAME} #1 Deals": ("#1 Deals", f"'{NAME} #1 Deals'"),
    "#1 Deals": ("#1 Deals", "'#1 Deals'"),
    "Partner Group is any of Team #Ü": ("#Ü", "'Partner Group is any of Team #Ü'"),
}


@pytest.mark.parametrize("condition", CUT)
def test_text_after_a_hash_is_named_with_the_quoted_condition(condition: str):
    """The caret is at the `#`, and what the hint says is read as it was meant."""
    cut, quoted = CUT[condition]
    (problem,) = problems(definition(condition))
    assert (problem.code, problem.line, problem.column) == ("comment", 5, 5 + condition.index("#"))
    assert problem.message == f"YAML reads {cut!r} as a comment, and not as a part of the value."
    assert problem.hint.startswith(f"Put all of it in quotes: {quoted};")


def test_comment_after_a_blank_is_a_comment():
    """Also one of hashes only, and behind a value in quotes."""
    text = definition(f"{NAME} Acme  # the best", "'Partner Group is any of Team #1'  #ours", status="draft ####")
    assert names(text) == [f"{NAME} Acme", "Partner Group is any of Team #1"]


MAPPINGS = {
    f"{NAME} Deals: Best": f"'{NAME} Deals: Best'",
    f'{NAME} "Deals: Best", O\'Hara': f"""'{NAME} "Deals: Best", O''Hara'""",
    f"{NAME} Deals:": f"'{NAME} Deals:'",
}


@pytest.mark.parametrize("condition", MAPPINGS)
def test_condition_that_is_a_mapping_is_named_with_the_quoted_condition(condition: str):
    """All other conditions are checked as well where the file's text is YAML."""
    (problem,) = problems(definition(condition))
    assert problem.message == "YAML reads this condition as a key and a value, because of the colon in it."
    assert problem.hint == f"Put the whole condition in quotes: {MAPPINGS[condition]}."
    assert names(definition(MAPPINGS[condition]))[0].startswith(NAME)


def test_mapping_in_a_named_segment_is_named_too(tmp_path: Path):
    """The problem is in the file of the segment."""
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "best.yml").write_text(f"- {NAME} Deals: Best\n- Clicks les than 5\n")
    (tmp_path / "w.yml").write_text("name: x\nprogram: '1'\nsegment: best\naction: accept application\n")
    broken = read_definitions(Settings(workflows=tmp_path)).broken["w"]
    assert f"Put the whole condition in quotes: '{NAME} Deals: Best'." in broken
    assert "best.yml:2:10: error: After Clicks, 'les than 5' is not valid." in broken


def test_group_of_conditions_is_refused():
    """Alternatives are named segments."""
    (problem,) = problems(definition("any: [Clicks less than 5, Actions less than 5]"))
    assert problem.message == "All conditions of a segment must hold; it has no groups."
    assert "alternatives are named segments" in problem.hint


UNREADABLE = {
    "name: Deals: Best\n": "'Deals: Best'",
    "name: @home\n": "'@home'",
    f"segment: [{NAME} Deals #1, Acme]\n": "what follows ' #'",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_invalid_yaml_says_what_to_put_in_quotes(text: str):
    """A colon, a hash or a character with a meaning in YAML."""
    (problem,) = problems(text)
    assert UNREADABLE[text] in problem.hint


@pytest.mark.parametrize(("value", "offered"), [("“Few clicks”", "'Few clicks'"), ("‘Don’t wait’", "'Don’t wait'")])
def test_value_in_typographic_quotes_is_refused(value: str, offered: str):
    """In any key; quotes within a value, or within YAML's own quotes, are text."""
    (problem,) = problems(definition(f"{NAME} Acme", name=value))
    assert (problem.code, problem.line, problem.column, problem.hint) == ("quotes", 1, 7, f"Write {offered}.")
    text = definition(f"{NAME} Acme", name=f'"{value}"')
    assert read_definition("w.yml", text, VOCABULARY).workflow.name == value
    assert read_yaml("w.yml", "name: “Best” and “worst”\n").value == {"name": "“Best” and “worst”"}


def test_blanks_of_web_pages_indent_and_surround_values():
    """The columns stay those of the text; a blank in quotes is kept."""
    text = (
        definition("Clicks less than 100\xa0", name='"a\xa0"').replace("  - ", "\xa0\u3000-\xa0").replace(": ", ":\xa0")
    )
    read = read_definition("w.yml", text, VOCABULARY)
    assert (read.workflow.name, read.workflow.status) == ("a\xa0", "active")
    assert [str(condition) for condition in read.workflow.segment] == ["Clicks less than 100"]
    (problem,) = problems(text.replace("less", "les"))
    assert (problem.line, problem.column) == (5, 12)


def test_conditions_without_dashes_get_the_hint_to_write_a_list():
    """A text with blanks is not the name of a segment."""
    (problem,) = problems("name: x\nprogram: '1'\nsegment:\n  Clicks less than 5\naction: accept application\n")
    assert problem.hint == "Write conditions as a list: one per line, each after a dash."


def test_format_quotes_what_yaml_would_misread(tmp_path: Path):
    """The printed list is a segment that means the same."""
    conditions = [f"{NAME} Best Deals #1, Deals: Best, “Gold or  Silver”", "Partner Group is any of Gold"]
    (tmp_path / "w.yml").write_text(definition(f"'{conditions[0]}'", conditions[1]))
    answer = partnerflow(Settings(state_dir=tmp_path / "var", workflows=tmp_path), "format")
    first = f"""'{NAME} Best Deals #1, Deals: Best, "Gold or  Silver"'"""
    assert answer.stdout == f"w\n  - {first}\n  - {conditions[1]}\n"
    assert read_yaml("w.yml", answer.stdout.removeprefix("w\n")).value == [first.strip("'"), conditions[1]]
