"""The word list: words that a reader would stumble over, and what to write instead.

    python tests/support/words.py            prints file:line: what was found -> what to write
    python tests/support/words.py --count    prints how often the coined words of the first version occur

Prose is read wherever it stands: code, comments, docstrings, error texts, dbt yml, SQL and documentation.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

AVOIDED = {
    r"anew": "again, from scratch",
    r"whoever": "anyone who; the partners that",
    r"begun": "started",
    r"befell|befall": "happened to",
    r"mend(s|ed|ing)?": "fix, repair",
    r"(?<!there )is no (?!longer|more|less)[a-z]+": "is not a valid …",
    r"(is|was|are|were|be|been) told": "is given; learns; is reported",
    r"told (apart|by|of)": "distinguished; given by; reported",
    r"a row an? [a-z]+": "one row per …",
    r"one row an? [a-z]+": "one row per …",
    r"nobody hears": "nobody receives an email",
    r"carried out": "run",
    r"in nobody's": "in no one's; outside the …",
    r"stands again": "is valid again",
    r"all (that )?stands": "all is up to date",
}
"""Pattern to what to write instead. Upper and lower case are the same."""

ALLOWED = {
    ("LICENSE", None),
    ("requirements.lock", None),
    ("tests/support/words.py", None),
    ("tests/test_words.py", None),
}
"""Places where a word may stay: a file, and a line's text or None for all of the file."""

COINED = (
    "anew", "begun", "whoever", "befell", "mended", "told", "stands", "standing", "remembered",
    "forgotten", "forgetful", "memory", "parcel", "parcels", "witness", "demand", "opposites",
    "barred", "reach", "families", "look_ups", "asked", "answers", "united", "named", "nothing",
    "hull", "tests_of", "Swaps", "swap", "swaps", "Verdict", "unwell", "Settlement", "settled",
    "settle", "beat", "reap", "retire", "adopt", "fence", "holder", "Troubles", "troubles", "Blocks",
    "blocks", "Made", "Gone", "Worker", "judged", "pace", "breakers", "unreachable", "answered",
    "recall", "for_good", "trial", "Passage", "passages", "WayOut", "way_out", "written_for",
    "Written", "landing", "landed", "consequences", "Evidence", "missed", "Missed", "outlook",
    "tripped", "bursts", "Stay", "turn_to", "Tripped", "wish", "Drafted", "known", "Found", "OURS",
    "examine", "doubts", "Fault", "hold", "holds", "look", "stand_again", "to_build", "recall",
    "keep", "SEAL", "seal", "copied", "told_apart", "counted_column", "evaluated_column",
    "days_not_loaded", "fingerprint", "is_of", "in_byte_order", "just_after", "forget",
)  # fmt: skip
"""Words that the first version had made up, or used in a sense of its own (docs/decisions/0012)."""

_FILES = (".py", ".sql", ".yml", ".yaml", ".md", ".toml", ".html", ".js", ".css", ".lark", ".txt")
_EXEMPT = ("flows/studio/static/vendor/", "tests/data/", "workflows/messages/", "flows/definitions/scaffold/library/")


def files() -> list[Path]:
    """The files of the checkout with prose in them, as git lists them."""
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return [
        CHECKOUT / name
        for name in listed.splitlines()
        if name.endswith((*_FILES, "Makefile", "run")) and not name.startswith(_EXEMPT) and (CHECKOUT / name).is_file()
    ]


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, what was found and what to write instead, for each avoided word of a text.

    >>> list(findings("x = 1\\nMake the table anew."))
    [(2, 'anew', 'again, from scratch')]
    """
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, instead in AVOIDED.items():
            for found in re.finditer(rf"\b(?:{pattern})\b", line, re.IGNORECASE):
                yield number, found[0], instead


def problems() -> list[str]:
    """All avoided words of the checkout, one line each: file:line: found -> instead."""
    lines = []
    for file in files():
        name = file.relative_to(CHECKOUT).as_posix()
        if (name, None) in ALLOWED:
            continue
        text = file.read_text(encoding="utf-8")
        own = text.splitlines()
        lines += [
            f"{name}:{number}: {found} -> {instead}"
            for number, found, instead in findings(text)
            if (name, own[number - 1].strip()) not in ALLOWED
        ]
    return lines


def count(words: tuple[str, ...] = COINED) -> int:
    """How often the coined words occur in compiler/, flows/ and dbt_project/."""
    pattern = re.compile(rf"\b(?:{'|'.join(words)})\b")
    own = [file for file in files() if file.relative_to(CHECKOUT).parts[0] in ("compiler", "flows", "dbt_project")]
    return sum(len(pattern.findall(file.read_text(encoding="utf-8"))) for file in own)


if __name__ == "__main__":
    if "--count" in sys.argv:
        print(f"{count():,} coined words in compiler/, flows/ and dbt_project/")
    else:
        found = problems()
        print("\n".join(found) or "No avoided word.")
        sys.exit(bool(found))
