"""Which version of each source one snapshot of an index in Milvus shows.

Takes a `MilvusDatabase`, gives places with the versions that they name; what was first seen of a source is
kept to. Knows no text and no search.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from rag.errors import UsageError
from rag.records import Place
from rag.store.local_rows import address_of
from rag.store.milvus_database import MilvusDatabase, Row
from rag.store.milvus_rows import PlaceRow, as_place, rows_where, rows_with, short
from rag.store.names import in_several_roots, no_such_source


class View:
    """The sources as one snapshot sees them."""

    def __init__(self, database: MilvusDatabase) -> None:
        self.database = database
        self._seen: dict[bytes, PlaceRow] = {}  # by location: as it was seen first
        self._places: dict[int, list[Place]] = {}  # by version

    def current(self, versions: Collection[int]) -> set[int]:
        """Those of these versions that some place shows, or showed when it was first looked at."""
        unknown = sorted(set(versions) - self._places.keys())
        named: dict[int, list[Place]] = {version: [] for version in unknown}
        for one in self._as_first_seen(rows_with(self.database, "version", unknown, kind="place")):
            named.setdefault(one.version, []).append(one.place)
        for version in unknown:
            self._places[version] = named[version]
        return {version for version in versions if self._places[version]}

    def places_of(self, version: int) -> list[Place]:
        """Where the files are that show a version; it must have been asked about before."""
        return self._places[version]

    def all(self) -> list[PlaceRow]:
        """Every place there is."""
        return self._as_first_seen(rows_where(self.database, 'kind == "place"'))

    def with_contents(self, content_hashes: Collection[str]) -> list[PlaceRow]:
        """The places of these contents."""
        rows = rows_with(self.database, "content", sorted(content_hashes), kind="place")
        return [one for one in self._as_first_seen(rows) if one.place.content_hash in content_hashes]

    def _as_first_seen(self, rows: Iterable[Row]) -> list[PlaceRow]:
        found = [as_place(row) for row in rows]
        return [self._seen.setdefault(one.place.location, one) for one in found]

    # --- names ------------------------------------------------------------------------------------

    def named(self, source: str) -> PlaceRow:
        """The place of that path below its root, or of that absolute path, or as seen from where one stands.

        Raises `UsageError` with the nearest names when there is none, and with the roots when there are
        several.
        """
        name = source.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        found = [one for one in self._looked_up("source", name) if one.place.source == name]
        if not found:
            address = address_of(os.fsencode(os.path.abspath(source))) if source else ""
            for spelling in dict.fromkeys((address, name)):
                there = self._looked_up("address", spelling)
                found += [one for one in there if address_of(one.place.location) == spelling]
        if len(found) > 1:
            raise UsageError(in_several_roots(name, [one.place for one in found]))
        if not found:
            raise UsageError(no_such_source(name, {one.place.source for one in self.all()}))
        return found[0]

    def _looked_up(self, field: str, name: str) -> list[PlaceRow]:
        return self._as_first_seen(rows_with(self.database, field, [short(name)], kind="place"))

    def shown(self, places: Sequence[Place]) -> dict[bytes, str]:
        """By location: the path below the root, if no other root has the same; else the whole path."""
        digests = sorted({short(place.source) for place in places})
        same = [as_place(row).place for row in rows_with(self.database, "source", digests, kind="place")]
        return {place.location: _shown(place, same) for place in places}


def _shown(place: Place, same: Iterable[Place]) -> str:
    others = any(one.source == place.source and one.location != place.location for one in same)
    return address_of(place.location) if others else place.source
