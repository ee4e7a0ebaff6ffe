"""Whatever is written, a definition is a workflow or a list of problems: never a traceback.

`FUZZ_SECONDS=3600 pytest tests/property/test_fuzz.py` goes on for an hour; a problem found is a test that fails,
shrunk.
"""

import os
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler import Compiler, DefinitionError, SentenceError, check, compile_models, parse, project_vocabulary
from compiler.language.definition import read_definition
from flows.settings import CHECKOUT

VOCABULARY = project_vocabulary()
COMPILERS = (Compiler(VOCABULARY), Compiler(VOCABULARY, max_single_statement_features=-1))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "15"))
BUDGET = settings(max_examples=1_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))

WORDS = """is any of greater less than between interval and & Today Yesterday Days Ago Last contains None Joined 0 1 14
-3 99999999999999999999 1e5 1,000 0.5 ٣ 2024-13-40 10/1/2024 " [x] , {{ ' : # ﬁ İ"""
TOKENS = [
    *(field.label for field in VOCABULARY.fields),
    *WORDS.split(),
    *("Select All", "Oct 1 2024", '"a, b"', "\n", "\t", "- ", "\0", "\u2028"),
]
DEFINITIONS = [file.read_text() for file in sorted((CHECKOUT / "workflows").glob("*.yml"))]

sentences = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join))


@st.composite
def mutilated(draw: st.DrawFn) -> str:
    """A definition of the example workflows with pieces cut out, doubled, and put in."""
    text = draw(st.sampled_from(DEFINITIONS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 20)))
        piece = draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=5)))
        text = text[:at] + piece * draw(st.integers(0, 3)) + text[until:]
    return text


def fuzzed(strategy: st.SearchStrategy[str], judge) -> None:
    """Try texts until the time is over. A failure stops at once."""
    deadline = time.monotonic() + SECONDS
    tried = 0

    @BUDGET
    @given(strategy)
    def search(text: str) -> None:
        nonlocal tried
        if time.monotonic() < deadline:
            judge(text)
            tried += 1

    while time.monotonic() < deadline:
        search()
    assert tried > 100


def judge_sentence(text: str) -> None:
    """A sentence is a condition, whose canonical form is the same condition; or an error with a place in it."""
    try:
        condition = parse(text, VOCABULARY)
    except SentenceError as error:
        assert 0 <= error.offset <= len(text)
        assert error.message and error.hint
    else:
        assert parse(str(condition), VOCABULARY) == condition


def judge_definition(text: str) -> None:
    """A text is a workflow that can be checked and, if sound, compiled; or problems with places in it."""
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


def test_no_sentence_is_too_odd_for_the_parser():
    """Text of any kind, and the words of the language in any order."""
    fuzzed(sentences, judge_sentence)


def test_no_definition_is_too_odd_for_the_reader():
    """Text of any kind, and good definitions that somebody sat on."""
    fuzzed(st.one_of(mutilated(), st.text(max_size=200)), judge_definition)


def test_bytes_that_are_no_text_are_a_problem(tmp_path: Path):
    """Files are read as UTF-8, and say so when they are not."""
    from flows.definitions.loader import read_definitions
    from flows.settings import Settings

    for number, content in enumerate([b"\xff\xfe", b"name: \x80", bytes(range(256)), b"\xef\xbb\xbfname: x\n"]):
        (tmp_path / f"w{number}.yml").write_bytes(content)
    assert len(read_definitions(Settings(workflows=tmp_path)).broken) == 4
