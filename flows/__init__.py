"""The hourly run and its commands.

Python reads time zones from the package tzdata only, in every process that imports flows, and never from the system:
pyproject.toml pins it to the rules of DuckDB, so that the local dates of hours (Python) and of events (SQL) agree.
"""

import zoneinfo

zoneinfo.reset_tzpath(to=[])
