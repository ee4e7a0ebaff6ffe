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
