"""What is read of the found chunks, over a real index: exact spans, no more characters, rows left whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import combinations

import pytest
from small_index import paragraphs

from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Document, IndexMeta, Page, Place
from rag.search.searcher import Searcher
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
FILES = {
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
            writer.put(place, Document(media_type, (Page(1, text),)), chunks, vectors, digests)
    with Searcher(store) as searcher:
        yield searcher


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("k", [1, 2, 3, 50])
def test_stretches_of_pages_with_no_more_characters(searcher: Searcher, question: str, k: int) -> None:
    chunks, read = searcher.find(question, k=k).hits, searcher.search(question, k=k)
    assert 0 < len(read) <= len(chunks)
    assert sum(len(hit.text) for hit in read) <= sum(len(hit.text) for hit in chunks) + 2 * len(chunks)
    for hit in read:
        assert FILES[hit.source][1][hit.start : hit.end] == hit.text.strip() != ""
    for one, other in combinations(read, 2):
        assert one.source != other.source or one.end <= other.start or other.end <= one.start
    for chunk in chunks:  # each has kept its place
        assert any(hit.source == chunk.source and hit.start < chunk.end > chunk.start for hit in read)
    assert (read[0].source, read[0].chunk_id) == (chunks[0].source, chunks[0].chunk_id)


def test_what_bears_on_the_question_in_the_next_chunk_is_read(searcher: Searcher) -> None:
    (chunk,) = searcher.find(QUESTIONS[0], k=1).hits
    (read,) = searcher.search(QUESTIONS[0], k=1)
    assert "lantern" not in chunk.text
    assert "was timber.\n\nThe fire that took it was caught in the lantern." in read.text
    assert "south coast" not in read.text


def test_rows_are_not_cut(searcher: Searcher) -> None:
    rows = next(hit for hit in searcher.search(QUESTIONS[2], k=2) if hit.source == "costs.csv")
    assert rows.text == COSTS


def test_a_conversations_prompt_gets_chunks(searcher: Searcher) -> None:
    (hit,) = searcher.find(QUESTIONS[0], k=1, whole=True).hits
    assert hit.text == TOWER.split("\n\n")[0]
