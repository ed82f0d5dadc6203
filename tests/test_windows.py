"""What is read of the found chunks, over a real index: exact spans, bounded characters, rows left whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import combinations

import pytest
from small_index import paragraphs

from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Document, Heading, Hit, IndexMeta, Page, Place
from rag.search.searcher import Searcher
from rag.search.windows import MOST_ROOM, reading_order
from rag.store.open import open_store

TOWER = (
    "Plymouth lies on the south coast. Ropes and sails are made here. Winstanley sold tickets in London. "
    "The second lighthouse of the harbour was timber.\n\n"
    "The fire that took it was caught in the lantern. Rudyerd drew it like a ship. Nobody knows more.\n\n"
    "A storm took the first one. Its keepers were never seen again. The queen sent flowers."
)
SEA = (
    "The lighthouse keepers of Brittany eat fish. Their boats are painted blue. The wind blows from the west."
    " Each boat has a name. The paint is made in Brest."
)
COSTS = "Item: lamp | Pounds: 12\nItem: timber | Pounds: 340\nItem: lighthouse door | Pounds: 9"
ANCHORS = "Anchors for heavy ships\nIron ones of this kind hold in mud. They are cast in Cornwall."
HEADING = Heading(1, 0, 23, "Anchors for heavy ships")
FILES = {
    "anchors.md": ("text/markdown", ANCHORS),
    "tower.txt": ("text/plain", TOWER),
    "sea.txt": ("text/plain", SEA),
    "costs.csv": ("text/csv", COSTS),
}
QUESTIONS = (
    "Was the second lighthouse of the harbour timber, and where was the fire caught?",
    "What do the lighthouse keepers of Brittany eat?",
    "How many pounds did the timber cost?",
    "storm",
)


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    embedder = LocalEmbeddings()
    store = open_store(tmp_path_factory.mktemp("windows") / "index", create=True)
    with store.writer() as writer:
        writer.set_meta(IndexMeta(embedder.name, embedder.revision, embedder.dimension, 200, 1))
        for name, (media_type, text) in FILES.items():
            chunks = paragraphs(1, text)
            place = Place("/", name, name.encode(), hashlib.sha256(text.encode()).hexdigest(), 1, 1)
            digests = [hashlib.blake2b(one.text.encode(), digest_size=16).digest() for one in chunks]
            vectors = embedder.embed([one.text for one in chunks])
            page = Page(1, text, (HEADING,) if text is ANCHORS else ())
            writer.put(place, Document(media_type, (page,)), chunks, vectors, digests)
    with Searcher(store) as searcher:
        yield searcher


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("k", [1, 2, 3, 50])
def test_stretches_of_pages_with_bounded_characters(searcher: Searcher, question: str, k: int) -> None:
    chunks, read = searcher.find(question, k=k).hits, searcher.search(question, k=k)
    assert 0 < len(read) <= len(chunks)
    longest = sorted(len(hit.text) for hit in searcher.find(question, k=50).hits)[-k:]
    most = MOST_ROOM * sum(longest) + 2 * len(chunks)  # for the breaks between chunks
    assert sum(len(hit.text) for hit in read) <= most
    for hit in read:
        assert FILES[hit.source][1][hit.start : hit.end] == hit.text.strip() != ""
    for one, other in combinations(read, 2):
        assert one.source != other.source or one.end <= other.start or other.end <= one.start
    assert (read[0].source, read[0].chunk_id) == (chunks[0].source, chunks[0].chunk_id)


def test_what_bears_on_the_question_in_the_next_chunk_is_read(searcher: Searcher) -> None:
    (chunk,) = searcher.find(QUESTIONS[0], k=1).hits
    (read,) = searcher.search(QUESTIONS[0], k=1)
    assert "lantern" not in chunk.text
    assert "was timber.\n\nThe fire that took it was caught in the lantern." in read.text
    assert "south coast" not in read.text


def test_what_is_far_behind_the_best_sentence_is_not_read(searcher: Searcher) -> None:
    chunks, read = searcher.find(QUESTIONS[1], k=2).hits, searcher.search(QUESTIONS[1], k=2)
    assert chunks[0].text == SEA
    assert read[0].text.startswith("The lighthouse keepers of Brittany eat fish.")
    assert "The paint is made in Brest." not in read[0].text


def test_keywords_say_more_of_the_chunks_after_the_best() -> None:
    def order(trust: float) -> list[int]:
        scores = ((1.2, 0.0), (1.1, 1.0), (1.0, 0.0), (0.8, 2.0), (0.7, 8.0))
        hits = [
            Hit(number, "a.txt", 1, 0, 1, "x", score, {"keyword": keyword, "trust": trust})
            for number, (score, keyword) in enumerate(scores, start=1)
        ]
        return [hit.chunk_id for hit in reading_order(hits)]

    assert order(1.0) == [1, 2, 3, 5, 4]  # 0.7 + 0.2 * 8 / 8 > 0.8 + 0.2 * 2 / 8
    assert order(0.0) == [1, 2, 3, 4, 5]  # no cosine is in these scores: keywords have had their say


def test_a_heading_is_never_all_that_is_read(searcher: Searcher) -> None:
    question = (
        "What do heavy ships and anchors have to do with the lighthouse keepers of Brittany eating fish?"
    )
    (read,) = (hit for hit in searcher.search(question, k=2) if hit.source == "anchors.md")
    assert "Iron ones of this kind hold in mud." in read.text


def test_rows_are_not_cut(searcher: Searcher) -> None:
    rows = next(hit for hit in searcher.search(QUESTIONS[2], k=2) if hit.source == "costs.csv")
    assert rows.text == COSTS


def test_the_best_chunks_are_read_to_their_ends_when_asked_for(searcher: Searcher) -> None:
    chunks = {hit.chunk_id: hit for hit in searcher.find(QUESTIONS[0], k=4).hits}
    shortened = 0
    for whole in range(4):
        hits = searcher.find(QUESTIONS[0], k=4, cut=True, whole=whole).hits
        assert [hit.chunk_id for hit in hits] == [hit.chunk_id for hit in searcher.search(QUESTIONS[0], k=4)]
        assert all(chunks[hit.chunk_id].text in hit.text for hit in hits[:whole])
        shortened += any(chunks[hit.chunk_id].text not in hit.text for hit in hits[whole:])
    assert shortened
