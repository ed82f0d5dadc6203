"""What becomes of a search where most documents are there in several versions.

`python -m benchmarks.copies FOLDER` indexes the paragraphs of each collection in FOLDER that is made of
paragraphs (see `benchmarks.collections`) once as they are, and once with two more versions of each: a copy
with a line more, and a draft with every fortieth word missing. It prints how often the right paragraph is
first and among the first five, and how many different paragraphs these five are of. `--every N` asks each
N-th question alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.collections import Asked, Collection, arguments_for, collections_in, indexed
from benchmarks.search import FIRST, Finder, Remembering, by_rank, dense, ours
from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Document, Page
from rag.store.contract import Snapshot

MISSING = 40  # words between those that a draft lacks
WAYS: dict[str, Finder] = {"dense": dense, "reciprocal ranks": by_rank, "ours": ours}


def main() -> None:
    """Measures both indexes and prints a line for each way to search."""
    arguments = arguments_for("benchmarks.copies", __doc__)
    embedder = Remembering()
    for collection in collections_in(arguments.folder):
        if not collection.paragraphs:
            continue
        asked = collection.asked[:: arguments.every]
        print(f"{collection.name}, {len(asked)} questions: first, in five, different paragraphs in five")
        for title, some in (("alone", collection), ("with a copy and a draft", in_versions(collection))):
            with indexed(some, embedder) as store, store.snapshot() as snapshot:
                for name, way in WAYS.items():
                    print(f"  {title:24} {name:18}" + _cells(way, snapshot, embedder, asked))


def in_versions(collection: Collection) -> Collection:
    """The collection with a copy and a draft of each document; the documents' names have no `-`."""
    documents = dict(collection.documents)
    for name, document in collection.documents.items():
        (page,) = document.pages
        words = page.text.split(" ")
        kept = [word for number, word in enumerate(words) if number % MISSING != MISSING // 2]
        documents[f"{name}-copy"] = _text(f"{page.text}\nPrinted on 3 May 2024.")
        documents[f"{name}-draft"] = _text(" ".join(kept))
    return dataclasses.replace(collection, documents=documents)


def _text(text: str) -> Document:
    return Document("text/plain", (Page(1, text),))


def _cells(way: Finder, snapshot: Snapshot, embedder: LocalEmbeddings, asked: Sequence[Asked]) -> str:
    first = five = different = 0
    for one in asked:
        found = [hit.source.split("-")[0] for hit in way(snapshot, embedder, one.question, FIRST)]
        right = one.places[0][0]
        first += found[:1] == [right]
        five += right in found
        different += len(set(found))
    return f"{100 * first / len(asked):8.1f} {100 * five / len(asked):8.1f} {different / len(asked):6.2f}"


if __name__ == "__main__":
    main()
