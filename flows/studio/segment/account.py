"""The values of the account that the editor offers and checks, kept as long as the published file stays the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from compiler import Vocabulary
from flows.definitions.loader import Definitions
from flows.preview.values import FieldValues, find_values
from flows.settings import Settings
from flows.studio.published import Version, published_version
from flows.warehouse.catalog import PublishedCatalog, open_catalog

OF_THE_FOLDER = ("segment", "workflow")
"""The kinds of conditions whose values are files of the workflows folder."""


class Account:
    """The values of conditions in the account; one user at a time reads them."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._lock = RLock()
        self._version: Version | None = None
        self._catalog: PublishedCatalog | None = None
        self._values: dict[str, FieldValues] = {}

    @contextmanager
    def catalog(self) -> Iterator[PublishedCatalog | None]:
        """Yield the catalog for checks; None if nothing has been published."""
        with self._lock:
            self._refresh()
            yield self._catalog

    def values(self, definitions: Definitions, label: str, vocabulary: Vocabulary) -> FieldValues:
        """Return all values that a condition can have. Raises PartnerflowError as `find_values` does."""
        with self._lock:
            self._refresh()
            if vocabulary[label].kind in OF_THE_FOLDER:
                return find_values(self._settings, definitions, label)
            if label not in self._values:
                self._values[label] = find_values(self._settings, definitions, label)
            return self._values[label]

    def _refresh(self) -> None:
        version = published_version(self._settings)
        if version != self._version or version is None:
            self._version, self._values = version, {}
            self._catalog = open_catalog(self._settings.published)
