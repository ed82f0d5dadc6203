"""From what a person types to a place in the index, and from a place to the name that is shown.

Takes names and places. A name is a path below an ingested root; where two roots have the same, the whole
path, so that whatever is shown can be typed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from rag.errors import UsageError
from rag.records import Place
from rag.store.local_database import Database, damaged
from rag.store.local_rows import (
    IDS_AT_A_TIME,
    address_of,
    as_place,
    in_order,
    matching,
    read_state,
    selected,
)
from rag.store.names import in_several_roots, no_such_source


def all_places(database: Database) -> list[Place]:
    """Every file in the index as the last look found it, ordered by source."""
    places = [as_place(row) for row in selected(database, "place")]
    count = read_state(database).places
    if len(places) != count:
        raise damaged(database.directory, f"it lists {len(places)} of its {count} sources")
    return in_order(places)


def shown_names(database: Database, places: Sequence[Place]) -> list[str]:
    """For each place the path below its root, if no other root has the same; else the whole path."""
    names = list(dict.fromkeys(place.source for place in places))
    counts: dict[str, int] = {}
    for start in range(0, len(names), IDS_AT_A_TIME):
        some = names[start : start + IDS_AT_A_TIME]
        counts.update(
            database.rows(
                "SELECT source, count(*) FROM place INDEXED BY place_by_source"
                f" WHERE source IN ({', '.join('?' * len(some))}) GROUP BY source",
                some,
            )
        )
    for place in places:
        if place.source not in counts:
            raise damaged(database.directory, f"{place.source!r} is not found by its name")
    return [place.source if counts[place.source] == 1 else address_of(place.location) for place in places]


def place_named(database: Database, source: str) -> Place:
    """The place of that path below its root, or of that absolute path, or as seen from where one stands.

    Raises `UsageError` with the nearest names when there is none, and with the roots when there are
    several.
    """
    name = source.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    found = [as_place(row) for row in matching(database, "place", {"source": name})]
    if not found:
        address = address_of(os.fsencode(os.path.abspath(source))) if source else ""
        for spelling in dict.fromkeys((address, name)):
            found += [as_place(row) for row in matching(database, "place", {"address": spelling})]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(_unknown(database, name))
    raise UsageError(in_several_roots(name, found))


def _unknown(database: Database, name: str) -> str:
    names = {place.source for place in all_places(database)}
    if name in names:
        raise damaged(database.directory, f"{name!r} is not found by its name")
    return no_such_source(name, names)
