"""Which published file there is: what is read of it is kept until another one takes its place."""

from flows.settings import Settings

Version = tuple[int, ...]
"""What differs between two published files."""


def published_version(settings: Settings) -> Version | None:
    """Return the version of the published file; None without one."""
    try:
        found = settings.published.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
