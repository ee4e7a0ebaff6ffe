"""Text of others, such as the replies of servers, in a form that can be kept and printed anywhere."""

MAX_LENGTH = 1_000
"""Characters that are kept."""


def printable(text: str) -> str:
    """Return the text as one line without control characters and invisible ones, cut at MAX_LENGTH characters.

    >>> printable("5.7.1 \\x1b[2J\\x00Hello,\\r\\n\\u202eAnn")
    '5.7.1 [2J Hello, Ann'

    Each of these characters, and each run of white space, becomes one space. A NUL is refused by PostgreSQL, an escape
    sequence is obeyed by a terminal, and the marks of right-to-left text change how a line reads.
    """
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 1]}…"
