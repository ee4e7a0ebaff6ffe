"""Ids as loaders write them, and a query by which dbt's macro `id_text` reads them."""

TEXTS = {
    "1": "1",
    "0042": "0042",
    "-7": "-7",
    "S-1.0": "S-1.0",
    "1000.1.7": "1000.1.7",
    "1.5": "1.5",
    "12e5": "12e5",
    "1E5": "1E5",
    "+1": "+1",
    "1.0": "1",
    "1.": "1",
    "-7.000": "-7",
    "1000000.0": "1000000",
    "1e+06": "1000000",
    "1.234567E7": "12345670",
    "9007199254740991.0": "9007199254740991",
    "9007199254740993": "9007199254740993",
    "9007199254740992.0": None,
    "1.8014398509481984e+16": None,
    "9" * 40 + ".0": None,
    "1" + "0" * 400 + ".0": "1" + "0" * 400 + ".0",
    "1e+999": "1e+999",
    "": None,
    "nan": None,
    "NaN": None,
    None: None,
}
"""Maps a text to the id that it is."""

NUMBERS = {1.0: "1", 1e6: "1000000", 2.0**53 - 1: "9007199254740991", 2.0**53: None, 1e20: None, 1.5: "1.5"}
"""Maps a floating number to the id that it is; NaN is one, too, but equals nothing."""

MACRO = "select id, {{ id_text('id') }} as found from ids"
"""A query of the table `ids`, for dbt to compile."""
