"""How well search finds, quotes answer, and the gate tells when nothing does.

`python -m benchmarks.search FOLDER` prints, for each collection in FOLDER (see `benchmarks.collections`)
and the project's own samples:

- retrieval: the right passage first, and among the first five, in 100 questions, for each leg, for plain
  reciprocal rank fusion, for ours, and for ours with one of its parts left out;
- passages: how much of what answers is in the first five chunks, in how many of 100 questions the answer is
  in them word for word, and how many characters they have; the same of 20 and 50 chunks (more than 50 cutting
  doesn't see), and where five are cut to what bears on the question, also with one of its parts left out;
- quotes: the sentence shown first holds the answer, one of those shown does;
- abstaining: refused though the documents answer, answered though the question was meant for another
  collection (rows are collections, columns whose questions);
- one index of all collections: the legs, asked each collection's questions.

`--every N` asks each N-th question alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.collections import (
    Asked,
    Collection,
    arguments_for,
    collections_in,
    indexed,
    samples,
    together,
)
from rag.chain import READ_WHOLE
from rag.embedding.embeddings import LocalEmbeddings
from rag.evidence import answers
from rag.quotes import quote_answer
from rag.records import Hit
from rag.search import fusion, windows
from rag.search.search import find, search
from rag.store.contract import Snapshot
from rag.text.expected_text import Stretch, character_recall, overlaps
from rag.text.words import match_query

FIRST = 5  # hits that are looked at, as in measures of this kind
DEPTH = 100  # of each leg in reciprocal rank fusion
RANK_CONSTANT = 60  # Cormack, Clarke and Büttcher, SIGIR 2009
DEEPER = (20, 50)  # hits, for what better ones among them could hold
FEWEST_ABOUT = 50  # questions about a document for figures of its own
OFF_TOPIC_ASKED = 120  # questions of another collection

Finder = Callable[[Snapshot, LocalEmbeddings, str, int], list[Hit]]


class Remembering(LocalEmbeddings):
    """Embeds a text once; the same sentences are asked about again and again here."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, bool], np.ndarray] = {}

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        unknown = list(dict.fromkeys(text for text in texts if (text, query) not in self._known))
        for text, row in zip(unknown, super().embed(unknown, query=query), strict=True):
            self._known[text, query] = row
        rows = [self._known[text, query] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)


def main() -> None:
    """Measures everything and prints the tables."""
    arguments = arguments_for("benchmarks.search", __doc__)
    embedder = Remembering()
    data = Path(__file__).parent.parent / "data"
    collections = [*collections_in(arguments.folder), samples(data)]
    with ExitStack() as opened:
        snapshots = {}
        for collection in collections:
            store = opened.enter_context(indexed(collection, embedder))
            snapshots[collection.name] = opened.enter_context(store.snapshot())
        every = arguments.every
        for collection in collections:
            snapshot = snapshots[collection.name]
            asked = [one for one in collection.asked if one.kind == "on"][::every]
            embedder.embed([one.question for one in asked], query=True)  # so that the clock times the search
            _retrieval(collection, snapshot, embedder, asked)
            if any(one.answers for one in asked):
                _quotes(snapshot, embedder, asked)
        _abstaining(collections, snapshots, embedder, every)
    _in_one_index(collections, embedder, every)


# --- retrieval -----------------------------------------------------------------------------------------


def dense(snapshot: Snapshot, embedder: LocalEmbeddings, question: str, k: int) -> list[Hit]:
    """The dense leg alone."""
    vector = np.asarray(embedder.embed_query(question), np.float32)
    return snapshot.hits([chunk for chunk, _ in snapshot.dense(vector, k)])


def keywords(snapshot: Snapshot, embedder: LocalEmbeddings, question: str, k: int) -> list[Hit]:
    """The keyword leg alone."""
    return snapshot.hits([chunk for chunk, _ in snapshot.keywords(match_query(question), k)])


def by_rank(snapshot: Snapshot, embedder: LocalEmbeddings, question: str, k: int) -> list[Hit]:
    """Both legs fused by reciprocal ranks."""
    vector = np.asarray(embedder.embed_query(question), np.float32)
    scores: dict[int, float] = {}
    for leg in (snapshot.dense(vector, DEPTH), snapshot.keywords(match_query(question), DEPTH)):
        for rank, (chunk, _) in enumerate(leg, start=1):
            scores[chunk] = scores.get(chunk, 0.0) + 1 / (RANK_CONSTANT + rank)
    return snapshot.hits(sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[:k])


def ours(snapshot: Snapshot, embedder: LocalEmbeddings, question: str, k: int) -> list[Hit]:
    """The search as it is."""
    return search(snapshot, embedder, question, k=k)


def _ours_cut(snapshot: Snapshot, embedder: LocalEmbeddings, question: str, k: int) -> list[Hit]:
    return find(snapshot, embedder, question, k=k, cut=True).hits


def _prompted(snapshot: Snapshot, embedder: LocalEmbeddings, question: str, k: int) -> list[Hit]:
    return find(snapshot, embedder, question, k=k, cut=True, whole=READ_WHOLE).hits


@contextmanager
def _without(part: str) -> Iterator[None]:
    """Ours with one ingredient left out."""
    instead: dict[str, AbstractContextManager[object]] = {
        "cosine": patch("rag.search.search.trust", return_value=0.0),
        "trust": patch("rag.search.search.trust", return_value=1.0),
        "BM25": patch.object(fusion, "KEYWORD_WORTH", 0.0),
        "sentence": patch.object(fusion, "SENTENCE_WORTH", 0.0),
        "leaving out what is far behind": patch.object(windows, "WITHIN", np.inf),
        "more room": patch.object(windows, "MOST_ROOM", 1.0),
        "more of keywords": patch.object(windows, "KEYWORD_MORE", 0.0),
        "neighbouring chunks": patch.object(windows, "EXTENDED", 0),
        "sentences near": patch.object(windows, "NEAR", ()),
    }
    with instead[part]:
        yield


def _retrieval(
    collection: Collection, snapshot: Snapshot, embedder: LocalEmbeddings, asked: Sequence[Asked]
) -> None:
    _legs(collection.name, snapshot, embedder, asked)
    for part in ("cosine", "trust", "BM25", "sentence"):
        with _without(part):
            _row(f"  without {part}", ours, snapshot, embedder, asked)
    for count in DEEPER:
        _row(f"ours, {count} chunks", ours, snapshot, embedder, asked, count)
    _row("ours, cut", _ours_cut, snapshot, embedder, asked)
    _row(f"ours, as a prompt has them, {READ_WHOLE} whole", _prompted, snapshot, embedder, asked)
    of_chunks = ("neighbouring chunks", "sentences near")  # paragraphs have no neighbours
    parts = ("leaving out what is far behind", "more room", "more of keywords", *of_chunks)
    for part in parts[: -len(of_chunks)] if collection.paragraphs else parts:
        with _without(part):
            _row(f"  without {part}", _ours_cut, snapshot, embedder, asked)
    for source in collection.documents:
        about = [one for one in asked if {place[0] for place in one.places} == {source}]
        if FEWEST_ABOUT <= len(about) < len(asked):
            _row(f"{source[:34]}, chunks", ours, snapshot, embedder, about)
            _row(f"{source[:34]}, cut", _ours_cut, snapshot, embedder, about)


def _legs(name: str, snapshot: Snapshot, embedder: LocalEmbeddings, asked: Sequence[Asked]) -> None:
    print(f"\n{name}: {snapshot.chunk_count} chunks, {len(asked)} questions")
    print(f"  {'':42} {'first':>7} {'in five':>8} {'recall':>7} {'answer':>7} {'characters':>11} {'ms':>6}")
    ways: dict[str, Finder] = {
        "dense": dense,
        "BM25": keywords,
        "reciprocal ranks": by_rank,
        "ours": ours,
    }
    for way_name, way in ways.items():
        _row(way_name, way, snapshot, embedder, asked)


def _in_one_index(collections: Sequence[Collection], embedder: LocalEmbeddings, every: int) -> None:
    all_in_one = together(collections)
    with indexed(all_in_one[0], embedder) as store, store.snapshot() as snapshot:
        for collection in all_in_one:
            asked = [one for one in collection.asked if one.kind == "on"][::every]
            _legs(f"{collection.name}, in one index with all", snapshot, embedder, asked)


def _row(
    name: str,
    way: Finder,
    snapshot: Snapshot,
    embedder: LocalEmbeddings,
    asked: Sequence[Asked],
    count: int = FIRST,
) -> None:
    first, five, held, recalls, spent, seconds = 0, 0, 0, [], [], []
    for one in asked:
        began = time.perf_counter()
        hits = way(snapshot, embedder, one.question, count)
        seconds.append(time.perf_counter() - began)
        right = [any(overlaps(_stretch(hit), place) for place in one.places) for hit in hits]
        first += any(right[:1])
        five += any(right[:FIRST])
        held += any(_holds(hit, one) for hit, is_right in zip(hits, right, strict=True) if is_right)
        recalls.append(_recall(hits, one.places))
        spent.append(sum(len(hit.text) for hit in hits))
    answer = f"{100 * held / len(asked):7.2f}" if any(one.answers for one in asked) else f"{'':7}"
    print(
        f"  {name:42} {100 * first / len(asked):7.2f} {100 * five / len(asked):8.2f}"
        f" {100 * np.mean(recalls):7.1f} {answer} {np.mean(spent):11.0f} {1000 * np.median(seconds):6.1f}"
    )


def _holds(hit: Hit, asked: Asked) -> bool:
    """Whether the words that answer stand in the hit."""
    text = " ".join(hit.text.split())
    return any(" ".join(answer.split()) in text for answer in asked.answers)


def _stretch(hit: Hit) -> Stretch:
    return hit.source, hit.page, hit.start, hit.end


def _recall(hits: Sequence[Hit], places: Sequence[Stretch]) -> float:
    """The share of the answering passages' characters that the hits hold; pages count whole."""
    found = [_stretch(hit) for hit in hits]
    if any(place[3] > 10**6 for place in places):  # only the page is known
        return float(any(overlaps(hit, place) for hit in found for place in places))
    return character_recall(found, places)


# --- quotes and abstaining -------------------------------------------------------------------------------


def _quotes(snapshot: Snapshot, embedder: LocalEmbeddings, asked: Sequence[Asked]) -> None:
    first, shown, count = quoted(snapshot, embedder, asked)
    print(
        f"  quotes: the first holds the answer {first:.1f}, one of those shown {shown:.1f}; shown {count:.1f}"
    )


def quoted(
    snapshot: Snapshot, embedder: LocalEmbeddings, asked: Sequence[Asked]
) -> tuple[float, float, float]:
    """In 100 questions, how often the first sentence shown holds the answer, and any; how many are shown."""
    first, shown, count = 0, 0, 0
    for one in asked:
        hits = search(snapshot, embedder, one.question, k=6)
        quotes = [" ".join(quote.text.split()) for quote in quote_answer(one.question, hits, embedder)]
        right = [any(" ".join(answer.split()) in quote for answer in one.answers) for quote in quotes]
        first += any(right[:1])
        shown += any(right)
        count += len(quotes)
    return 100 * first / len(asked), 100 * shown / len(asked), count / len(asked)


def _abstaining(
    collections: Sequence[Collection], snapshots: dict[str, Snapshot], embedder: LocalEmbeddings, every: int
) -> None:
    print("\nabstaining: refused of its own questions, answered of the others', in 100")
    print(f"  {'':20}" + "".join(f"{collection.name[:14]:>16}" for collection in collections))
    for collection in collections:
        snapshot = snapshots[collection.name]
        cells = []
        for other in collections:
            asked = [one.question for one in other.asked if one.kind == "on"]
            if other is collection:
                cells.append(f"refused {100 - answered(snapshot, embedder, asked[::every]):.1f}")
            else:
                some = asked[:: max(1, len(asked) // OFF_TOPIC_ASKED)]
                cells.append(f"{answered(snapshot, embedder, some):.1f}")
        print(f"  {collection.name:20}" + "".join(f"{cell:>16}" for cell in cells))
        for kind in sorted({one.kind for one in collection.asked} - {"on"}):
            asked = [one.question for one in collection.asked if one.kind == kind]
            rate = answered(snapshot, embedder, asked)
            print(f"  {'':20} answered of its {len(asked)} {kind} questions: {rate:.1f}")


def answered(snapshot: Snapshot, embedder: LocalEmbeddings, questions: Sequence[str]) -> float:
    """Of 100 questions, how many are held to have an answer in the index."""
    given = [find(snapshot, embedder, one, k=6) for one in questions]
    grounds = [answers(one, found.nearest, found.among) for one, found in zip(questions, given, strict=True)]
    return 100 * float(np.mean(grounds))


if __name__ == "__main__":
    main()
