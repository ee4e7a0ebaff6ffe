"""dbt's own macros, as sqlfluff sees them: enough SQL to parse what is around them."""


def type_string() -> str:
    """Text."""
    return "varchar"


def type_timestamp() -> str:
    """A timestamp without a zone."""
    return "timestamp"


def type_bigint() -> str:
    """A whole number of 64 bits."""
    return "bigint"


def type_boolean() -> str:
    """True or false."""
    return "boolean"


def dateadd(datepart: str, interval: int, timestamp: str) -> str:
    """A timestamp, moved."""
    return f"{timestamp} + interval {interval} {datepart}"


def date_trunc(datepart: str, date: str) -> str:
    """The beginning of a week, a month."""
    return f"date_trunc('{datepart}', {date})"


def hash(field: str) -> str:
    """A digest."""
    return f"md5({field})"


def escape_single_quotes(text: str) -> str:
    """A text within quotes."""
    return text.replace("'", "''")
