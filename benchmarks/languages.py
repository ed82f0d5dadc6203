"""The same search in many languages: a line for each collection of paragraphs.

`python -m benchmarks.languages FOLDER` takes every collection of paragraphs in FOLDER (see
`benchmarks.collections`; a clone of google-deepmind/xquad is such a folder) and prints, in 100 questions:

- how many find the right paragraph first, and among the first five, with each leg and with ours;
- in how many the sentence quoted first holds the answer, and one of those quoted;
- with the second half of the paragraphs left out: how many about the first half are refused, and how many
  about the second half are answered.

`--every N` asks each N-th question alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.collections import Asked, Collection, arguments_for, collections_in, indexed
from benchmarks.search import FIRST, Finder, Remembering, answered, dense, keywords, ours, quoted
from rag.store.contract import Snapshot

LEGS: dict[str, Finder] = {"dense": dense, "BM25": keywords, "ours": ours}


def main() -> None:
    """Measures everything and prints the table."""
    arguments = arguments_for("benchmarks.languages", __doc__)
    names = [*LEGS, "quoted: first, any", "refused, answered"]
    print(f"{'':16}{'questions':>10}" + "".join(f"{name:>20}" for name in names))
    for collection in collections_in(arguments.folder):
        if collection.paragraphs:
            print(_line(collection, arguments.every), flush=True)


def _line(collection: Collection, every: int) -> str:
    embedder = Remembering()
    asked = collection.asked[::every]
    with indexed(collection, embedder) as store, store.snapshot() as snapshot:
        cells = [_found(finder, snapshot, embedder, asked) for finder in LEGS.values()]
        cells.append(quoted(snapshot, embedder, asked)[:2])
    half, on, off = _halved(collection, asked)
    with indexed(half, embedder) as store, store.snapshot() as snapshot:
        refused = 100 - answered(snapshot, embedder, [one.question for one in on])
        cells.append((refused, answered(snapshot, embedder, [one.question for one in off])))
    return f"{collection.name:16}{len(asked):10}" + "".join(f"{one:>13.1f} {two:>6.1f}" for one, two in cells)


def _found(
    finder: Finder, snapshot: Snapshot, embedder: Remembering, asked: Sequence[Asked]
) -> tuple[float, float]:
    """In 100 questions, how many find their paragraph first, and among the first five."""
    first = five = 0
    for one in asked:
        sources = [hit.source for hit in finder(snapshot, embedder, one.question, FIRST)]
        first += sources[:1] == [one.places[0][0]]
        five += one.places[0][0] in sources
    return 100 * first / len(asked), 100 * five / len(asked)


def _halved(
    collection: Collection, asked: Sequence[Asked]
) -> tuple[Collection, Sequence[Asked], Sequence[Asked]]:
    """The first half of the documents, the questions about it and those about the other half."""
    names = sorted(collection.documents)
    kept = set(names[: len(names) // 2])
    documents = {name: one for name, one in collection.documents.items() if name in kept}
    on = [one for one in asked if one.places[0][0] in kept]
    off = [one for one in asked if one.places[0][0] not in kept]
    return dataclasses.replace(collection, documents=documents, asked=tuple(on)), on, off


if __name__ == "__main__":
    main()
