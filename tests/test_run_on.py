"""Sentences across a page break: what goes on, what does not, and both halves with their own places."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
from small_index import paragraphs

from rag.chain import load_chain
from rag.embedding.embeddings import LocalEmbeddings
from rag.quotes import quote_answer
from rag.records import Document, Heading, Hit, IndexMeta, Page, Place
from rag.search.run_on import first_part, goes_on, last_part, with_rest
from rag.search.searcher import load_searcher
from rag.store.open import open_store

PAGES = [
    "The lamp was trimmed at dusk.\n\nThe granite for the upper courses of the tower came by barge from the",
    "quarries of Dartmoor in the spring. The crew had bread and beer.\n\nNobody slept.",
    "运河的水位高低不同，因此在淮安附近的西河上",
    "造了两道闸门的新式船闸。船便能平稳地通过。",
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "index"
    embedder = LocalEmbeddings()
    chunks = [chunk for number, text in enumerate(PAGES, 1) for chunk in paragraphs(number, text)]
    pages = tuple(Page(number, text) for number, text in enumerate(PAGES, 1))
    place = Place("/docs", "tower.pdf", b"/docs/tower.pdf", hashlib.sha256(b"tower").hexdigest(), 5, 1)
    digests = [hashlib.blake2b(chunk.text.encode(), digest_size=16).digest() for chunk in chunks]
    store = open_store(folder, create=True)
    with store.writer() as writer:
        writer.set_meta(IndexMeta(embedder.name, embedder.revision, embedder.dimension, 200, 1))
        vectors = embedder.embed([chunk.text for chunk in chunks])
        writer.put(place, Document("application/pdf", pages), chunks, vectors, digests)
    store.close()
    return folder


def test_the_other_half_stands_beside_the_hit(index: Path) -> None:
    with load_searcher(str(index)) as searcher:
        question = "Where did the granite for the upper courses of the tower come from?"
        alone = searcher.find(question, k=1).hits
        whole = searcher.find(question, k=1, halves=True).hits
    assert [hit.page for hit in alone] == [1]
    assert [hit.text for hit in whole] == [PAGES[0].split("\n\n")[1], "quarries of Dartmoor in the spring."]
    for hit in whole:
        assert PAGES[hit.page - 1][hit.start : hit.end] == hit.text
    assert whole[1].place == "page 2"


def test_what_ends_before_its_page_does_goes_on_in_its_own_chunk(index: Path) -> None:
    words = "The granite for the upper courses of the tower"
    with load_searcher(str(index)) as searcher, searcher.store.snapshot() as snapshot:
        (hit,) = searcher.find(words, k=1).hits
        assert len(with_rest(snapshot, [hit])) == 2
        cut = dataclasses.replace(hit, end=hit.start + len(words), text=words)
        assert with_rest(snapshot, [cut]) == [cut]
        (_, rest) = with_rest(snapshot, [hit])
        later = dataclasses.replace(rest, start=rest.start + 9, text=rest.text[9:])
        assert with_rest(snapshot, [later]) == [later]


def test_the_beginning_comes_before(index: Path) -> None:
    with load_searcher(str(index)) as searcher:
        whole = searcher.find("What did the crew have? bread and beer, Dartmoor", k=1, halves=True).hits
        chinese = searcher.find("两道闸门的新式船闸在哪里？", k=1, halves=True).hits
    assert [(hit.page, hit.text) for hit in whole] == [
        (1, PAGES[0].split("\n\n")[1]),
        (2, PAGES[1].split("\n\n")[0]),
    ]
    assert [hit.page for hit in chinese] == [3, 4]


def test_what_was_found_as_well_is_not_added(index: Path) -> None:
    with load_searcher(str(index)) as searcher:
        found = searcher.find("granite quarries of Dartmoor", k=6, halves=True).hits
    assert len(found) == len({hit.chunk_id for hit in found}) == 6


def test_an_answer_quotes_both_halves_in_their_order(index: Path) -> None:
    with load_chain(str(index)) as chain:
        answer = chain.invoke({"question": "Where did the granite for the upper courses come from?"})
    first, second = answer.citations[:2]
    assert (first.page, second.page) == (1, 2)
    assert first.quote.endswith("came by barge from the")
    assert second.quote == "quarries of Dartmoor in the spring."
    assert PAGES[1][second.start : second.end] == second.quote


def test_the_second_half_alone_brings_the_first() -> None:
    one = Hit(1, "a.pdf", 1, 0, len(PAGES[2]), PAGES[2], 0.4, {"dense": 0.1, "trust": 0.0})
    other = Hit(2, "a.pdf", 2, 0, len(PAGES[3]), PAGES[3], 1.0, {"dense": 0.1, "trust": 0.0})
    quotes = quote_answer("新式船闸有几道闸门？", [other, one], LocalEmbeddings(), most=1)
    assert [quote.text for quote in quotes] == [PAGES[2], "造了两道闸门的新式船闸。"]


def hit(text: str, page: int, **more: object) -> Hit:
    return dataclasses.replace(Hit(page, "a.pdf", page, 0, len(text), text, 1.0), **more)  # type: ignore[arg-type]


HALF = "The stones were brought to the reef by"


@pytest.mark.parametrize(
    ("end", "start", "expected"),
    [
        (HALF, "boats. They came.", True),
        (HALF, "(often) boats.", False),
        (HALF, "Ruswarp, who owned the boats.", True),  # no sentence ends in "by"
        ("The stones were brought to the reef slowly", "Boats of the Navy came.", False),
        (f"{HALF} boats.", "and then it rained.", False),
        ("Page 7", "boats. They came.", False),
        (HALF, "- boats", False),
        ("Tower: Smeaton and others | Light: candles | Height in metres |", "and others", False),
        ("船队按次序分帮北上，春天", "开船，秋天才空船而回。", True),
        ("船队按次序分帮北上，春天开船。", "秋天才空船而回。", False),
        ("大运河", "开船，秋天才空船而回。", False),
        ("", "boats.", False),
        (HALF, "", False),
    ],
)
def test_what_goes_on(end: str, start: str, expected: bool) -> None:
    assert goes_on(hit(end, 1), hit(start, 2)) is expected


def test_only_on_the_next_page_of_the_same_document_and_not_into_a_heading() -> None:
    assert not goes_on(hit(HALF, 1), hit("boats.", 3))
    assert not goes_on(hit(HALF, 1), hit("boats.", 2, source="b.pdf"))
    assert not goes_on(hit(HALF, 1), hit("boats\n\nThey came.", 2, inside=(Heading(1, 0, 5, "boats"),)))
    assert not goes_on(hit(HALF, 1, inside=(Heading(1, 0, len(HALF), HALF),)), hit("boats.", 2))


def test_what_has_no_end_is_no_half() -> None:
    assert first_part(hit("boats " * 100, 2)) is None
    assert last_part(hit("boats " * 100, 2)) is None
