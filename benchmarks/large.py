"""One large index: how long a retrieval takes, how near it comes to exact search, memory, disk, changes.

    python -m benchmarks.large [--chunks N] [--index DIR] [--texts DIR] [--collections DIR] [--sizes]

Builds an index of N made chunks (see `benchmarks.large_collection`) in DIR, if it is not there, and measures
in it. Questions are the collections' own and ones in the words of chunks; embedding them is not timed. With
`--sizes`, exact search and search by codes side by side at growing sizes, without a database. An index of a
million chunks takes 15 minutes and 3 GB.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.large_collection import LargeCollection, Portion, real_collection
from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Chunk, Document, IndexMeta, Page, Place
from rag.search.search import CANDIDATES, search
from rag.store import dense_quantized
from rag.store.dense_index import DenseIndex
from rag.store.local_snapshot import Snapshot
from rag.store.local_store import LocalStore
from rag.store.local_writer import Writer
from rag.text.words import match_query

PORTION = 1_000  # chunks that are made and committed together
CHUNKS_A_SOURCE, CHUNKS_A_PAGE = 50, 10
ASKED = 200  # questions of each kind
COMPARED = 80  # of them, with keyword search over all rows, which takes seconds
NEAREST = 10
SIZES = (5_000, 10_000, 20_000, 50_000, 100_000, 200_000)

Asked = list[tuple[str, np.ndarray]]


def main() -> None:
    """Builds what is missing, measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--index", type=Path, default=Path(".run/large"))
    parser.add_argument("--texts", type=Path, default=Path(".venv/lib"))
    parser.add_argument("--collections", type=Path)
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--open", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.open:
        print(json.dumps(_opened(given.index)))
        return
    embedder = LocalEmbeddings()
    collection, questions = real_collection(given.texts, given.collections, embedder)
    print(f"{len(collection.texts)} real passages, {len(questions)} real questions", flush=True)
    if given.sizes:
        _sizes(collection, embedder)
        return
    with LocalStore.open(given.index, create=True).snapshot() as snapshot:
        there = snapshot.chunk_count
    if there < given.chunks:
        _build(given.index, collection, there, given.chunks, embedder)
    _report_open(given.index)
    asked = {"real questions": questions, "in the words of chunks": collection.questions(ASKED)}
    store = LocalStore.open(given.index)
    for kind, some in asked.items():
        if some:
            pairs = [(one, embedder.embed([one], query=True)[0]) for one in some[:ASKED]]
            _time(store, kind, pairs)
            _compare(store, kind, pairs, embedder)
    _change(store, collection, embedder)


# --- building -------------------------------------------------------------------------------------------


def _build(
    index: Path, collection: LargeCollection, there: int, wanted: int, embedder: LocalEmbeddings
) -> None:
    store = LocalStore.open(index, create=True)
    began = time.perf_counter()
    with store.writer() as writer:
        writer.set_meta(IndexMeta(embedder.name, embedder.revision, embedder.dimension, 200, 1))
        for number in range(there // PORTION, wanted // PORTION):
            _put(writer, collection.portion(number, PORTION), number)
        rows = time.perf_counter() - began
    everything = time.perf_counter() - began
    print(f"built: {rows:.0f} s for the rows, {everything - rows:.0f} s for the vector cache", flush=True)
    store.close()


def _put(writer: Writer, portion: Portion, number: int) -> None:
    with writer.together():
        for start in range(0, len(portion.texts), CHUNKS_A_SOURCE):
            texts = portion.texts[start : start + CHUNKS_A_SOURCE]
            name = f"folder{number % 97:02}/report-{number:05}-{start // CHUNKS_A_SOURCE:02}.txt"
            pages, chunks = [], []
            for at in range(0, len(texts), CHUNKS_A_PAGE):
                some = texts[at : at + CHUNKS_A_PAGE]
                pages.append(Page(at // CHUNKS_A_PAGE + 1, "\n\n".join(some)))
                chunks += _chunks(some, len(pages), f"Section {number % 50}")
            digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
            content = hashlib.sha256(name.encode()).hexdigest()
            place = Place("/d", name, f"/d/{name}".encode(), content, 1, 1)
            document = Document("text/plain", tuple(pages), name)
            writer.put(place, document, chunks, portion.vectors[start : start + CHUNKS_A_SOURCE], digests)


def _chunks(texts: Sequence[str], page: int, heading: str) -> Iterator[Chunk]:
    start = 0
    for text in texts:
        yield Chunk(page, start, start + len(text), text, (heading,))
        start += len(text) + len("\n\n")


# --- a new process --------------------------------------------------------------------------------------


def _opened(index: Path) -> dict[str, float]:
    """How long the first retrieval takes, and what memory the process has then (megabytes)."""
    began = time.perf_counter()
    store = LocalStore.open(index)
    with store.snapshot() as snapshot:
        meta = snapshot.meta()
        assert meta is not None
        vector = np.random.default_rng(0).normal(size=meta.dimension).astype(np.float32)
        opened = time.perf_counter() - began
        hits = snapshot.hits([chunk for chunk, _ in snapshot.dense(vector, CANDIDATES)])
        dense = time.perf_counter() - began
        snapshot.keywords(match_query(hits[0].text[:60]), CANDIDATES)
    status = Path("/proc/self/status").read_text()
    memory = dict(line.split(":", 1) for line in status.splitlines())
    kinds = {name: int(memory[name].split()[0]) / 1000 for name in ("RssAnon", "RssFile", "VmHWM")}
    return {"opened": opened, "dense": dense, "all": time.perf_counter() - began, **kinds}


def _report_open(index: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.large", "--open", "--index", str(index)]
    turns = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(3)]
    best = min(turns, key=lambda turn: turn["all"])
    print(
        f"a new process: open {best['opened']:.2f} s, first dense search {best['dense']:.2f} s, with"
        f" keywords {best['all']:.2f} s; memory {best['RssAnon']:.0f} MB of its own,"
        f" {best['RssFile']:.0f} MB of files, {best['VmHWM']:.0f} MB at its largest"
    )
    for path in sorted(index.iterdir()):
        print(f"  {path.name:16} {path.stat().st_size / 1e9:6.2f} GB")


# --- retrieval ------------------------------------------------------------------------------------------


def _time(store: LocalStore, kind: str, asked: Asked) -> None:
    """One whole retrieval: both searches and the texts of what they found."""
    parts: dict[str, list[tuple[float, float]]] = {"dense": [], "keywords": [], "hits": [], "all": []}
    for question, vector in asked:
        with store.snapshot() as snapshot:
            steps = [_clocks()]
            dense = snapshot.dense(vector, CANDIDATES)
            steps.append(_clocks())
            words = snapshot.keywords(match_query(question), CANDIDATES)
            steps.append(_clocks())
            snapshot.hits(sorted({chunk for chunk, _ in dense + words}))
            steps.append(_clocks())
        spans = [*pairwise(steps), (steps[0], steps[-1])]
        for name, (begin, end) in zip(parts, spans, strict=True):
            parts[name].append((end[0] - begin[0], end[1] - begin[1]))
    print(
        f"{kind}: {len(asked)}; milliseconds, median and 95th percentile, of the clock and of the processor"
    )
    for name, both in parts.items():
        cells = [
            1000 * np.percentile(seconds, share) for seconds in zip(*both, strict=True) for share in (50, 95)
        ]
        print(f"  {name:10}" + "".join(f"{cell:8.1f}" for cell in cells), flush=True)


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _compare(store: LocalStore, kind: str, asked: Asked, embedder: LocalEmbeddings) -> None:
    """Against looking at all vectors and at all rows."""
    some = asked[:COMPARED]
    with store.snapshot() as snapshot:
        exact = _exact(snapshot, np.stack([vector for _, vector in asked]))
        dense = [_first(snapshot.dense(vector, CANDIDATES)) for _, vector in asked]
        words = [_first(snapshot.keywords(match_query(question), CANDIDATES)) for question, _ in some]
        fused = [_ids(snapshot, embedder, question) for question, _ in some]
        with patch("rag.store.local_keywords.SCORED_BY_FTS5", sys.maxsize):
            began = time.perf_counter()
            all_words = [_first(snapshot.keywords(match_query(question), CANDIDATES)) for question, _ in some]
            took = (time.perf_counter() - began) / len(some)
            all_fused = [_ids(snapshot, embedder, question) for question, _ in some]
    print(
        f"  the first {NEAREST} that exact search has: dense {_same(dense, exact):.4f}, keywords"
        f" {_same(words, all_words):.3f} (over all rows: {1000 * took:.0f} ms), fused"
        f" {_same(fused, all_fused):.3f}",
        flush=True,
    )


def _exact(snapshot: Snapshot, vectors: np.ndarray) -> list[list[int]]:
    """The nearest by all vectors in the database, a portion at a time."""
    every = snapshot.chunks_in({source.content_hash for source in snapshot.sources()})
    best: list[list[tuple[float, int]]] = [[] for _ in vectors]
    for start in range(0, len(every), 10_000):
        ids = every[start : start + 10_000]
        products = vectors @ snapshot.vectors(ids.tolist()).T
        for row, mine in enumerate(best):
            near = np.argpartition(-products[row], NEAREST - 1)[:NEAREST]
            both = mine + list(zip(products[row, near].tolist(), ids[near].tolist(), strict=True))
            best[row] = sorted(both, key=lambda pair: (-pair[0], pair[1]))[:NEAREST]
    return [[chunk for _, chunk in mine] for mine in best]


def _first(found: Sequence[tuple[int, float]]) -> list[int]:
    return [chunk for chunk, _ in found[:NEAREST]]


def _ids(snapshot: Snapshot, embedder: LocalEmbeddings, question: str) -> list[int]:
    return [hit.chunk_id for hit in search(snapshot, embedder, question, k=NEAREST)]


def _same(found: Sequence[Sequence[int]], expected: Sequence[Sequence[int]]) -> float:
    pairs = [(set(one), set(other)) for one, other in zip(found, expected, strict=True) if other]
    return float(np.mean([len(one & other) / len(other) for one, other in pairs]))


# --- changes --------------------------------------------------------------------------------------------


def _change(store: LocalStore, collection: LargeCollection, embedder: LocalEmbeddings) -> None:
    """One source in and out again, and the first question after each."""
    portion = collection.portion(10**6, CHUNKS_A_SOURCE)
    name = f"folder{10**6 % 97:02}/report-{10**6:05}-00.txt"

    def put() -> None:
        with store.writer() as writer:
            _put(writer, portion, 10**6)

    def remove() -> None:
        with store.writer() as writer:
            writer.remove([f"/d/{name}".encode()])

    def ask() -> None:
        with store.snapshot() as snapshot:
            snapshot.dense(portion.vectors[0], CANDIDATES)

    ask()
    for what, change in (("adding one source of 50 chunks", put), ("removing it", remove)):
        print(f"{what}: {_seconds(change):.2f} s; the next question's dense search {_seconds(ask):.3f} s")


def _seconds(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


# --- from which size on lists are quicker ---------------------------------------------------------------


def _sizes(collection: LargeCollection, embedder: LocalEmbeddings) -> None:
    print("".join(f"{column:>10}" for column in ("vectors", "exact ms", "codes ms", "making s", "recall")))
    asked = embedder.embed(collection.questions(ASKED), query=True)
    for size in SIZES:
        vectors = np.concatenate(
            [collection.portion(number, PORTION).vectors for number in range(size // PORTION)]
        )
        print(_size_row(vectors, asked), flush=True)


def _size_row(vectors: np.ndarray, asked: np.ndarray) -> str:
    ids = np.arange(len(vectors))
    empty = DenseIndex.empty(vectors.shape[1])
    flat = empty.moved_to(ids, vectors.__getitem__, generation=1, stamp=bytes(16))
    began = time.perf_counter()
    with patch.object(dense_quantized, "QUANTIZED_FROM", 0):
        codes = empty.moved_to(ids, vectors.__getitem__, generation=1, stamp=bytes(16), quantize=True)
    making = time.perf_counter() - began
    times: dict[str, list[float]] = {"flat": [], "codes": []}
    found: dict[str, list[list[int]]] = {"codes": [], "flat": []}
    for query in asked:
        for name, index in (("flat", flat), ("codes", codes)):
            began = time.process_time()
            hits = index.search(query, CANDIDATES, fetch=vectors.__getitem__)
            times[name].append(time.process_time() - began)
            found[name].append(_first(hits))
    exact, quick = (1000 * float(np.median(times[name])) for name in times)
    row = (len(vectors), f"{exact:.2f}", f"{quick:.2f}", f"{making:.1f}", f"{_same(*found.values()):.4f}")
    return "".join(f"{cell:>10}" for cell in row)


if __name__ == "__main__":
    main()
