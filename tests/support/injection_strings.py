"""Names that break mail programs, templates and pages, and how a reader should see them."""

import unicodedata

NAMES = {
    "plain": "Acme",
    "quotes": 'Trail "Gear" Co.',
    "backslash": "a\\b",
    "trailing backslash": "Acme\\",
    "comma": "Smith, Sons & Co",
    "parentheses": "Acme (a comment)",
    "semicolon and colon": "Group: a, b;",
    "address in it": "Sean, evil@x.example <a@b.example>",
    "angle brackets": "<script>alert(1)</script>",
    "entities": "&lt;b&gt; &amp;amp; &#0;",
    "emoji": "🎒 Rucksack",
    "joined emoji": "👩‍👩‍👧‍👦 Family",
    "right to left": "חנות הרים",
    "right to left override": "Acme \u202egro.elpmaxe\u202c",
    "isolates": "\u2066Acme\u2069",
    "hindi": "हिमालय ट्रेक्स",
    "long": "Größe, " * 40 + "Ende",
    "long ascii": "Northwind " * 30,
    "long word": "x" * 400,
    "encoded word": "=?utf-8?q?evil=0d=0aBcc=3a_x=40y.example?=",
    "encoded word in base64": "=?utf-8?b?ZXZpbA0KQmNjOiB4QHkuZXhhbXBsZQ==?=",
    "half an encoded word": "a =? b ?= c",
    "line break": "Acme\r\nBcc: x@y.example",
    "other line breaks": "Acme\u2028Bcc: x@y.example\x85\x0bX: y",
    "bell": "Bell\x07Tab\tEnd",
    "nul": "a\0b",
    "lone surrogate": "a\ud800b",
    "braces": "{{ partner.name }}{% raw %}",
    "token": "{firstName}",
    "boundary": "--=_partnerflow--",
    "dot": ".",
    "equals": "=3D=0D=0A",
    "combining": "Z\u0335\u0321a\u0321lgo" + "\u0301" * 50,
    "empty": "",
    "blank": " \t ",
}


def shown(name: str) -> str:
    """Return the name as a reader sees it: without control and bidirectional characters, and with single spaces."""
    kept = []
    for one in name:
        if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp"):
            kept.append(" ")
        elif unicodedata.bidirectional(one) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"):
            kept.append(one)
    return " ".join("".join(kept).split())
