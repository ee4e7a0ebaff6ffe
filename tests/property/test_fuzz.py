"""Any text is a workflow or a list of problems, and never raises an unexpected error.

Every run draws the same examples, from a fixed seed. To draw more, and different ones each time, run
`PARTNERFLOW_FUZZ_EXAMPLES=100000 pytest tests/property/test_fuzz.py`. Hypothesis keeps failing examples in .hypothesis/
and tries them first in the next run.
"""

import os
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from compiler import Compiler, DefinitionError, SentenceError, check, compile_models, parse, project_vocabulary
from compiler.language.definition import read_definition
from support.definitions import DEFINITION_FILES

VOCABULARY = project_vocabulary()
COMPILERS = (Compiler(VOCABULARY), Compiler(VOCABULARY, max_single_statement_features=-1))
SEED = 17
EXAMPLES = int(os.environ.get("PARTNERFLOW_FUZZ_EXAMPLES", "0"))
"""The number of examples to draw without the fixed seed; 0 draws the usual ones."""

BUDGET = settings(max_examples=EXAMPLES or 800, deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORDS = """is any of greater less than between interval and & Today Yesterday Days Ago Last contains None Joined 0 1 14
-3 99999999999999999999 1e5 1,000 0.5 ٣ 2024-13-40 10/1/2024 " [x] , {{ ' : # ﬁ İ
“ ” « ‘a’ >= = $ % 1.000 1.000,50 1k more at least than not or and OR top 10 before 1st Oct week ( ) Country none in
From Now is 0 a-segment"""
TOKENS = [
    *(field.label for field in VOCABULARY.fields),
    *WORDS.split(),
    *("Select All", "Oct 1 2024", '"a, b"', "\n", "\t", "- ", "\0", "\u2028", "\xa0", "\u200b", "\u00ad", "“a, b”"),
]
DEFINITIONS = [file.read_text() for file in DEFINITION_FILES]

sentences = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join))


@st.composite
def damaged_definitions(draw: st.DrawFn) -> str:
    """Draw the text of an example definition, with pieces removed, repeated and inserted."""
    text = draw(st.sampled_from(DEFINITIONS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 20)))
        piece = draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=5)))
        text = text[:at] + piece * draw(st.integers(0, 3)) + text[until:]
    return text


def fuzz(strategy: st.SearchStrategy[str], check_text: Callable[[str], None]) -> None:
    """Check texts that the strategy draws. Hypothesis shrinks the first failure and raises it."""
    checked = 0

    @BUDGET
    @given(strategy)
    def search(text: str) -> None:
        nonlocal checked
        check_text(text)
        checked += 1

    (search if EXAMPLES else seed(SEED)(search))()
    assert checked >= BUDGET.max_examples


def check_sentence(text: str) -> None:
    """Assert that a text is a condition equal to its canonical sentence's, or an error with a position in the text."""
    try:
        condition = parse(text, VOCABULARY)
    except SentenceError as error:
        assert 0 <= error.offset <= len(text)
        assert error.message and error.hint
    else:
        assert parse(str(condition), VOCABULARY) == condition


def check_definition(text: str) -> None:
    """Assert that a text is a workflow that compiles unless it has errors, or a list of problems with places."""
    try:
        read = read_definition("w.yml", text, VOCABULARY)
    except DefinitionError as error:
        assert error.problems
        assert all(problem.line >= 1 and problem.column >= 1 and str(problem) for problem in error.problems)
        return
    problems = check([read], VOCABULARY).get(read.workflow.id, [])
    if not any(problem.severity == "error" for problem in problems):
        for compiler in COMPILERS:
            compile_models([read.workflow], compiler, "duckdb")


def test_parse_of_any_text_gives_condition_or_error():
    """This holds for random text, and for the words of the language in any order."""
    fuzz(sentences, check_sentence)


def test_read_of_any_text_gives_workflow_or_problems():
    """This holds for random text, and for valid definitions with pieces removed, repeated and inserted."""
    fuzz(st.one_of(damaged_definitions(), st.text(max_size=200)), check_definition)


def test_read_of_bytes_that_are_not_utf8_gives_problem(tmp_path: Path):
    """A definition file that is not UTF-8 text is reported as broken."""
    from flows.definitions.loader import read_definitions
    from flows.settings import Settings

    for number, content in enumerate([b"\xff\xfe", b"name: \x80", bytes(range(256)), b"\xef\xbb\xbfname: x\n"]):
        (tmp_path / f"w{number}.yml").write_bytes(content)
    assert len(read_definitions(Settings(workflows=tmp_path)).broken) == 4
