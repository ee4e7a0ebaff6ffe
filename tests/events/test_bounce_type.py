"""What makes a bounce hard: the rule in Python, and that the macro is the same rule."""

import duckdb
import pytest

from flows.events.bounce_type import bounce_type
from flows.settings import Settings
from flows.transform.dbt_runner import Dbt

HARD = [
    ("5.1.1", None),
    (None, "550 5.1.1 <ann@x.example>: Recipient address rejected: User unknown"),
    ("5.0.0", "smtp; 550 5.1.1 no such user"),
    ("5.5.0", "550 5.1.1 no such user"),
    ("5.1.2", "550 Host unknown"),
    ("5.1.3", "501 5.1.3 Bad recipient address syntax"),
    ("5.1.6", None),
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup"),
    ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled."),
    (None, "550-5.1.1 The email account does not exist.\r\n550 5.1.1 https://mail.example/?p=NoSuchUser x1-2.3"),
    (None, "Sorry, no mailbox here by that name. (#5.1.1)"),
    ("5.1.1", "host 5.7.1.9 with Exim 4.94.2 said: 550 User unknown"),
    ("5.1.1", "550 5.1.1 <policy@full.example>: unknown"),
]
SOFT = [
    ("5.0.0", "smtp; 552 5.2.2 mailbox is over quota"),
    ("5.0.0", "smtp; 451 4.7.1 try again later"),
    ("5.0.0", "550 5.7.1 your network is on our block list"),
    ("5.0.0", "550 Requested action not taken: mailbox unavailable"),
    ("5.0.0", None),
    (None, None),
    (None, "550 No such user"),
    ("5.1.0", "550 5.1.0 Address rejected"),
    ("5.2.2", None),
    ("5.3.4", "552 5.3.4 message size exceeds the limit"),
    ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied"),
    ("5.4.7", "smtp; delivery time expired"),
    ("5.7.1", None),
    ("5.7.26", "550-5.7.26 This mail is unauthenticated"),
    ("4.1.1", "450 4.1.1 unverified address"),
    ("4.4.1", "connection timed out"),
    ("5.1.1", "550 5.7.1 Message rejected"),
    ("5.7.1", "550 5.1.1 User unknown"),
    ("5.1.1", "550 5.1.1 mailbox is full"),
    ("5.1.1", "552 storage exceeded"),
    ("5.1.1", "550 5.1.1 rejected by zen.spamhaus.org"),
    ("5.2.1", "550 5.2.1 The user is receiving mail at a rate that prevents additional messages"),
    ("5.1.8", "550 5.1.8 Bad sender's system address"),
    (None, "host [5.1.1.9] said: 550 rejected"),
    (None, "version v5.1.1 of 15.1.1 refused, see 5.1.1x"),
]


@pytest.mark.parametrize(
    ("evidence", "expected"), [(one, "hard") for one in HARD] + [(one, "soft") for one in SOFT], ids=str
)
def test_bounce_is_hard_only_when_a_specific_code_says_so(evidence: tuple[str | None, ...], expected: str):
    """The specific code counts, wherever it is; other specific codes and contrary words make the bounce soft."""
    assert bounce_type(*evidence) == expected


def test_macro_and_python_follow_the_same_rule(settings: Settings):
    """For every enhanced code alone, beside each of four others, and with each text of this file."""
    codes = [f"{one}.{subject}.{detail}" for one in (2, 4, 5) for subject in range(9) for detail in range(30)]
    texts = [text for _, text in HARD + SOFT] + ["5.0.0 x", "550 5.1.1 x", "5.7.1", "4.2.2 5.1.1 5.1.2"]
    pairs = [(code, text) for code in codes for text in texts] + HARD + SOFT
    project = Dbt(settings, settings.state_dir / "dbt_project")
    query = "select status, said, {{ bounce_type(['status', 'said']) }} as found from evidence"
    done = project.invoke("compile", "--inline", query, "--quiet")
    assert done.success, done.exception
    with duckdb.connect() as warehouse:
        warehouse.execute("CREATE TABLE evidence (status VARCHAR, said VARCHAR)")
        warehouse.execute(
            "INSERT INTO evidence SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
            [[status for status, _ in pairs], [text for _, text in pairs]],
        )
        found = warehouse.execute(done.result.results[0].node.compiled_code).fetchall()
    assert len(found) == len(pairs)
    assert [row for row in found if bounce_type(row[0], row[1]) != row[2]] == []
