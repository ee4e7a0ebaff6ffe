"""Which hour is meant: the one that a person names, or the one that has begun."""

from datetime import UTC, datetime

from compiler import PartnerflowError


def current_hour() -> datetime:
    """The hour that has begun, in UTC: the one place that asks the clock what to evaluate."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def read_hour(text: str) -> datetime:
    """The hour that a person asks for. An ISO timestamp with offset; raises PartnerflowError otherwise.

    >>> read_hour("2026-03-20T14:00:00-04:00").isoformat()
    '2026-03-20T18:00:00+00:00'
    """
    try:
        hour = datetime.fromisoformat(text)
    except ValueError:
        hour = None
    if hour is None or hour.tzinfo is None:
        raise PartnerflowError(
            f"{text!r} is no hour. Write an ISO timestamp with its offset, such as 2026-03-20T14:00:00-04:00."
        )
    return hour.astimezone(UTC)
