"""Quotes over hand-made hits with the real embedder: the sentence, its place, its kind, no fragments."""

from __future__ import annotations

import pytest

from rag.embeddings import LocalEmbeddings
from rag.quotes import quote_answer
from rag.records import Hit

DEMOLISHED = "The tower was taken down by Trinity House, because the sea had worn away the rock below."
TOWER = (
    "# The lighthouse\n\nWhen was it built? Smeaton's tower was finished in 1759. It was lit by 24 candles. "
    + DEMOLISHED
)
BREAD = "Bread rises because yeast turns sugar into carbon dioxide. A loaf stales fastest in the cold."
CANAL = "大运河全长约1794公里。它连接北京和杭州。隋炀帝在公元605年下令开凿通济渠。"


@pytest.fixture(scope="module")
def embedder() -> LocalEmbeddings:
    return LocalEmbeddings()


def hit(number: int, text: str, score: float = 1.0, trust: float = 1.0, start: int = 0) -> Hit:
    return Hit(
        number, f"{number}.txt", 1, start, start + len(text), text, score, {"dense": 0.5, "trust": trust},
        headings=("The lighthouse",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "text", "trust", "expected"),
    [
        ("When was Smeaton's tower finished?", TOWER, 1.0, "Smeaton's tower was finished in 1759."),
        ("How many candles lit it?", TOWER, 1.0, "It was lit by 24 candles."),
        ("Who demolished the lighthouse?", TOWER, 1.0, DEMOLISHED),
        ("Why does dough swell?", BREAD, 1.0, "Bread rises because yeast turns sugar into carbon dioxide."),
        ("大运河有多长？", CANAL, 0.0, "大运河全长约1794公里。"),
        ("谁下令开凿通济渠？", CANAL, 0.0, "隋炀帝在公元605年下令开凿通济渠。"),
    ],
)
def test_the_first_quote(
    embedder: LocalEmbeddings, question: str, text: str, trust: float, expected: str
) -> None:
    quotes = quote_answer(question, [hit(1, text, trust=trust)], embedder)
    assert quotes[0].text == expected


def test_a_quote_has_its_place(embedder: LocalEmbeddings) -> None:
    quotes = quote_answer("When was the tower finished?", [hit(7, TOWER, start=100)], embedder)
    for quote in quotes:
        assert TOWER[quote.start - 100 : quote.end - 100] == quote.text
        assert (quote.source, quote.page, quote.chunk_id) == ("7.txt", 1, 7)
    assert [quote.score for quote in quotes] == sorted((quote.score for quote in quotes), reverse=True)


def test_headings_questions_and_fragments_are_not_quoted(embedder: LocalEmbeddings) -> None:
    texts = {quote.text for quote in quote_answer("the lighthouse, when built?", [hit(1, TOWER)], embedder)}
    assert "# The lighthouse" not in texts
    assert "When was it built?" not in texts
    only = quote_answer("lighthouse", [hit(1, "The lighthouse")], embedder)
    assert [quote.text for quote in only] == ["The lighthouse"]  # better than nothing


def test_the_same_sentence_is_quoted_once(embedder: LocalEmbeddings) -> None:
    quotes = quote_answer("When was Smeaton's tower finished?", [hit(1, TOWER), hit(2, TOWER, 0.9)], embedder)
    assert len({quote.text for quote in quotes}) == len(quotes)
    assert quotes[0].source == "1.txt"


def test_what_is_far_behind_is_left_out(embedder: LocalEmbeddings) -> None:
    hits = [hit(1, TOWER), hit(2, BREAD, 0.2)]
    quotes = quote_answer("When was Smeaton's tower on the rock finished?", hits, embedder)
    assert all(quote.source == "1.txt" for quote in quotes)


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_at_most_so_many(embedder: LocalEmbeddings, most: int) -> None:
    assert len(quote_answer("tower", [hit(1, TOWER), hit(2, BREAD)], embedder, most=most)) <= most


def test_no_hits_no_quotes(embedder: LocalEmbeddings) -> None:
    assert quote_answer("tower", [], embedder) == []
    assert quote_answer("tower", [hit(1, "")], embedder) == []


def test_many_sentences_are_not_all_embedded(
    embedder: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " ".join(f"Stone number {number} of the wall was laid." for number in range(500))
    asked: list[int] = []
    embed = embedder.embed
    monkeypatch.setattr(
        embedder, "embed", lambda texts, **more: asked.append(len(texts)) or embed(texts, **more)
    )
    quotes = quote_answer("Which stone is number 377?", [hit(1, text)], embedder)
    assert quotes[0].text == "Stone number 377 of the wall was laid."
    assert sum(asked) <= 33
