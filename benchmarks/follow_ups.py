"""How well a follow-up question finds what it is about: by itself, with all that went before, and our way.

`python -m benchmarks.follow_ups` asks the last turns of the conversations in data/follow_ups.jsonl of an
index of data/samples, and prints how many of 100 find a chunk with the words that answer first, and among
the first five, and are not refused. A third of the conversations is held out: nothing was tuned on it. Then
it asks data/questions.jsonl, each question right after a question about another document, where nothing that
was said before bears on it: these must find what they find by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmarks.collections import Asked, Collection, indexed, samples
from rag.embedding.embeddings import LocalEmbeddings
from rag.evidence import answers
from rag.quotes import quote_answer
from rag.records import Hit, Turn
from rag.search.follow_up import lean
from rag.search.search import SearchResult, find, search
from rag.store.contract import Snapshot
from rag.text.expected_text import Stretch, overlaps, stretches_of

FIRST = 5

Way = Callable[[Snapshot, LocalEmbeddings, str, Sequence[Turn]], tuple[SearchResult, str]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, what is asked now, and where the words stand that answer."""

    name: str
    language: str
    kind: str
    held_out: bool
    history: tuple[Turn, ...]
    question: str
    places: tuple[Stretch, ...]


def conversations(path: Path, collection: Collection) -> list[Conversation]:
    """The conversations of a file, about the documents of a collection."""
    return [_conversation(json.loads(line), collection) for line in path.read_text("utf-8").splitlines()]


def _conversation(one: dict[str, object], collection: Collection) -> Conversation:
    history = [
        turn
        for said in one["history"]  # type: ignore[attr-defined]
        for turn in (Turn("user", said["question"]), Turn("assistant", said["answer"]))
    ]
    places: list[Stretch] = []
    for right in (one, *one.get("also", [])):  # type: ignore[misc]
        text = collection.documents[right["source"]].pages[right["page"] - 1].text
        places += [(right["source"], right["page"], *found) for found in stretches_of(text, right["answer"])]
    return Conversation(
        name=str(one["id"]),
        language=str(one["language"]),
        kind=str(one["kind"]),
        held_out=one["part"] == "held",
        history=tuple(history),
        question=str(one["question"]),
        places=tuple(places),
    )


def after_unrelated(asked: Sequence[Asked]) -> list[tuple[Asked, tuple[Turn, ...]]]:
    """Each question after one about another document, and its answer."""
    pairs = []
    for number, one in enumerate(asked):
        others = [*asked[number + 1 :], *asked[:number]]
        own = {place[0] for place in one.places}
        before = next(other for other in others if not own & {place[0] for place in other.places})
        turns = (Turn("user", before.question), Turn("assistant", before.answers[0]))
        pairs.append((one, turns))
    return pairs


def _alone(
    snapshot: Snapshot, embedder: LocalEmbeddings, question: str, history: Sequence[Turn]
) -> tuple[SearchResult, str]:
    return find(snapshot, embedder, question, k=FIRST), question


def _everything(
    snapshot: Snapshot, embedder: LocalEmbeddings, question: str, history: Sequence[Turn]
) -> tuple[SearchResult, str]:
    query = " ".join([*(turn.text for turn in history), question])
    return find(snapshot, embedder, query, k=FIRST), query


def _ours(
    snapshot: Snapshot, embedder: LocalEmbeddings, question: str, history: Sequence[Turn]
) -> tuple[SearchResult, str]:
    return find(snapshot, embedder, question, k=FIRST, history=history), lean(question, history).text


WAYS: dict[str, Way] = {"alone": _alone, "all that was said": _everything, "ours": _ours}


def main() -> None:
    """Measures everything and prints the tables."""
    data = Path(__file__).parent.parent / "data"
    collection = samples(data)
    asked = conversations(data / "follow_ups.jsonl", collection)
    embedder = LocalEmbeddings()
    with indexed(collection, embedder) as store, store.snapshot() as snapshot:
        print(f"{len(asked)} follow-ups to {snapshot.chunk_count} chunks: found first, in five, not refused")
        parts = [
            ("English", [one for one in asked if one.language == "en" and not one.held_out]),
            ("English, held out", [one for one in asked if one.language == "en" and one.held_out]),
            ("Chinese", [one for one in asked if one.language == "zh" and not one.held_out]),
            ("Chinese, held out", [one for one in asked if one.language == "zh" and one.held_out]),
        ]
        by_kind = sorted(asked, key=lambda one: one.kind)
        parts += [(kind, list(some)) for kind, some in groupby(by_kind, key=lambda one: one.kind)]
        print(f"  {'':22}" + "".join(f"{name:>24}" for name in WAYS))
        for title, some in parts:
            print(f"  {f'{title} ({len(some)})':22}" + _cells(snapshot, embedder, some))
        for title, some in parts[:4]:
            print(f"  {f'{title}: quotes':30}" + _quoted(snapshot, embedder, some))
        alone = [one for one in collection.asked if one.kind == "on"]
        unrelated = [
            Conversation("", "", "", False, history, one.question, one.places)
            for one, history in after_unrelated(alone)
        ]
        print(f"  {f'after others ({len(unrelated)})':22}" + _cells(snapshot, embedder, unrelated))


def _cells(snapshot: Snapshot, embedder: LocalEmbeddings, asked: Sequence[Conversation]) -> str:
    return "".join(f"{_cell(way, snapshot, embedder, asked):>24}" for way in WAYS.values())


def _cell(way: Way, snapshot: Snapshot, embedder: LocalEmbeddings, asked: Sequence[Conversation]) -> str:
    first = five = answered = 0
    for one in asked:
        found, query = way(snapshot, embedder, one.question, one.history)
        right = is_right(found.hits, one)
        first += any(right[:1])
        five += any(right)
        answered += answers(query, found.nearest, found.among)
    return " ".join(f"{100 * count / len(asked):5.1f}" for count in (first, five, answered))


def _quoted(snapshot: Snapshot, embedder: LocalEmbeddings, asked: Sequence[Conversation]) -> str:
    """How often the sentence quoted first has the words that answer, and how often one of those quoted."""
    first = shown = 0
    for one in asked:
        hits = search(snapshot, embedder, one.question, k=FIRST + 1, history=one.history)
        context = lean(one.question, one.history).context
        quotes = quote_answer(one.question, hits, embedder, context=context)
        right = [
            any(overlaps((quote.source, quote.page, quote.start, quote.end), place) for place in one.places)
            for quote in quotes
        ]
        first += any(right[:1])
        shown += any(right)
    return f"first {100 * first / len(asked):5.1f}, one of those shown {100 * shown / len(asked):5.1f}"


def is_right(hits: Sequence[Hit], one: Conversation) -> list[bool]:
    """For each hit, whether it holds some of the words that answer."""
    return [
        any(overlaps((hit.source, hit.page, hit.start, hit.end), place) for place in one.places)
        for hit in hits
    ]


if __name__ == "__main__":
    main()
