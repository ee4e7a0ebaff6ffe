"""The facts of the last build, kept open, and cut to one hour of one program, so that a changed condition reads little.

The relations that segments read are computed once for a program and an hour, as temporary tables of the session, when a
condition first needs them.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from zoneinfo import ZoneInfo

from sqlglot import exp

from compiler import PartnerflowError, Vocabulary
from flows.preview.compiled_models import CompiledModels, read_compiled_models
from flows.preview.hours import create_temp_table, drop_temp_table, open_facts
from flows.settings import Settings
from flows.studio.published import Version, published_version
from flows.warehouse.connection import Connection
from flows.warehouse.evaluations import Hour, evaluation_hours
from flows.warehouse.newest_data import notes_of_old_data
from flows.warehouse.programs import require_time_zone

CUT = "segments"
"""The schema of the relations that are cut to the hour."""


@dataclass
class Facts:
    """The facts in an open session, cut to `hour` if there is one.

    `order` has the column by which a relation is sorted when it is cut, so that a window reads few of its rows.
    """

    connection: Connection
    models: CompiledModels
    order: Mapping[str, str] = field(default_factory=dict)
    hour: Hour | None = None
    _cut: dict[str, exp.Expr] = field(default_factory=dict)
    _notes: tuple[str, ...] | None = None

    def cut_to(self, program: str, as_of: datetime) -> None:
        """Cut the facts to an hour (UTC) of a program. Raises PartnerflowError if it has no valid time zone."""
        if self.hour and (self.hour.program_id, self.hour.as_of) == (program, as_of):
            return
        for table in self._cut.values():
            drop_temp_table(self.connection, table.name)
        self._cut.clear()
        self._notes = None
        zone = require_time_zone(self.connection, program)
        (self.hour,) = evaluation_hours({program: zone or "UTC"}, as_of)

    def notes(self, deployment: ZoneInfo) -> tuple[str, ...]:
        """Return what is unusual about the data of the hour (flows.warehouse.newest_data)."""
        assert self.hour is not None
        if self._notes is None:
            self._notes = notes_of_old_data(self.connection, self.hour.as_of, deployment)
        return self._notes

    def at_hour(self, statement: exp.Expr) -> exp.Expr:
        """Return a statement that reads the facts of the hour in place of CUT; the tree may be changed by it."""
        read = {f"{one.db}.{one.name}" for one in statement.find_all(exp.Table) if one.db == CUT}
        return self.models.given(statement, {name: self._table(name) for name in read})

    def _table(self, relation: str) -> exp.Expr:
        if relation not in self._cut:
            assert self.hour is not None
            name = f"studio_{relation.partition('.')[2]}"
            query = self.models.query(relation)
            assert isinstance(query, exp.Query)
            cut = self.models.at([self.hour], query)
            if relation in self.order:
                cut = cut.order_by(self.order[relation])
            create_temp_table(self.connection, name, cut)
            self._cut[relation] = exp.to_table(name)
        return self._cut[relation]


class OpenFacts:
    """The facts of an installation, open as long as the published file stays the same.

    One request at a time uses them. A session on the published file holds up no run (flows.warehouse.publish).
    """

    def __init__(self, settings: Settings, vocabulary: Vocabulary | None = None):
        self._settings = settings
        windows = (
            one
            for one in (vocabulary.fields if vocabulary else ())
            if one.kind == "window" and one.as_of_days_ago_column
        )
        self._order = {one.relation: one.as_of_days_ago_column or "" for one in windows}
        self._lock = Lock()
        self._session = ExitStack()
        self._facts: Facts | None = None
        self._version: Version | None = None

    @contextmanager
    def use(self) -> Iterator[Facts]:
        """Yield the facts as last published, for one user at a time.

        Raises PartnerflowError when nothing has been built.
        """
        with self._lock:
            version = published_version(self._settings)
            if self._facts is None or version is None or version != self._version:
                self._open(version)
            assert self._facts is not None
            try:
                yield self._facts
            except PartnerflowError:
                raise
            except BaseException:
                self._close()  # whatever state the session is in
                raise
            finally:
                if version is None:  # this is the warehouse, which a run needs for itself
                    self._close()

    def close(self) -> None:
        """End the session, if there is one."""
        with self._lock:
            self._close()

    def _open(self, version: Version | None) -> None:
        self._close()
        with ExitStack() as session:  # which ends if there are no models yet
            connection = session.enter_context(open_facts(self._settings, keeps_open=version is not None))
            models = read_compiled_models(self._settings, connection)
            self._facts, self._version = Facts(connection, models, self._order), version
            self._session = session.pop_all()

    def _close(self) -> None:
        self._facts = None
        self._session.close()
