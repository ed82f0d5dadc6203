"""Quotes over hand-made hits with the real embedder: the sentence, its place, its kind, no fragments."""

from __future__ import annotations

import pytest

from rag.embedding.embeddings import LocalEmbeddings
from rag.quotes import quote_answer
from rag.records import Heading, Hit

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


def placed(text: str, media_type: str, *, headings: tuple[Heading, ...] = ()) -> Hit:
    scores = {"dense": 0.5, "trust": 1.0}
    return Hit(1, "1", 1, 0, len(text), text, 1.0, scores, media_type=media_type, inside=headings)


ROWS = (
    "Expense | London | Abroad\n"
    "Expense: Hotel, per night | London: £165 | Abroad: €150\n"
    "Expense: Lunch, when away more than 5 hours | London: £9 | Abroad: €12\n"
    "Expense: Dinner, when away overnight | London: £30 | Abroad: €35\n"
)
MAIL = (
    "From: Morwenna Teague <secretary@tower.example>\nSubject: Charter of the Sea Pilot on 14 June\n\n"
    "Dear Mr Pascoe,\n\nWe would like to charter the Sea Pilot on 14 June 2025. We understand that the "
    "charter costs £1,150 for four hours, and that it is put off when the swell is high."
)


def test_the_row_that_answers_without_the_others(embedder: LocalEmbeddings) -> None:
    quotes = quote_answer(
        "What may the hotel in London cost per night?", [placed(ROWS, "text/csv")], embedder
    )
    assert [quote.text for quote in quotes] == ["Expense: Hotel, per night | London: £165 | Abroad: €150"]


def test_names_of_columns_are_no_answer(embedder: LocalEmbeddings) -> None:
    quotes = quote_answer("Which expense in London or abroad?", [placed(ROWS, "text/csv")], embedder)
    assert quotes
    assert all(": " in quote.text for quote in quotes)


def test_a_price_comes_before_the_mails_subject(embedder: LocalEmbeddings) -> None:
    hits = [placed(MAIL, "message/rfc822")]
    quotes = quote_answer("What does the charter of the Sea Pilot cost?", hits, embedder)
    assert "£1,150" in quotes[0].text
    assert not any(quote.text.startswith("Subject:") for quote in quotes)
    subject = quote_answer("Charter of the Sea Pilot?", [placed(MAIL[:105], "message/rfc822")], embedder)
    assert subject[0].text.startswith("Subject: Charter")  # all there is


@pytest.mark.parametrize(
    ("media_type", "question", "expected"),
    [
        (
            "application/jsonl",
            "Which lamp burns colza oil?",
            '{"lamp": "Argand", "note": "Burns oil. Colza!"}',
        ),
        ("text/x-source", "Which lamp is dark?", "lamp = dark  # never lit. It is out of use"),
    ],
)
def test_a_line_that_counts_is_quoted_whole(
    embedder: LocalEmbeddings, media_type: str, question: str, expected: str
) -> None:
    lines = ['{"lamp": "Fresnel", "note": "a lens."}', '{"lamp": "Argand", "note": "Burns oil. Colza!"}']
    text = "\n".join([*lines, "lamp = dark  # never lit. It is out of use", "    return lamp.of(the_tower)"])
    assert quote_answer(question, [placed(text, media_type)], embedder)[0].text == expected


def test_a_heading_inside_a_passage_is_not_quoted(embedder: LocalEmbeddings) -> None:
    title = "The arithmetic of the Moon\n\n"
    text = f"{title}In 19 years the Moon goes round the zodiac 254 times."
    hits = [placed(text, "text/markdown", headings=(Heading(2, 0, len(title) - 2, title.strip()),))]
    quotes = quote_answer("What is the arithmetic of the Moon?", hits, embedder)
    assert [quote.text for quote in quotes] == ["In 19 years the Moon goes round the zodiac 254 times."]


def test_a_follow_up_is_answered_by_what_it_leans_on(embedder: LocalEmbeddings) -> None:
    text = "The Suez Canal is 193 km long. The Panama Canal is 82 km long. The Erie Canal has 83 locks."
    context = "When did the Panama Canal open?"
    first = quote_answer("How long is it?", [hit(1, text)], embedder, context=context)[0].text
    assert first == "The Panama Canal is 82 km long."
    other = quote_answer(
        "And the Suez Canal?", [hit(1, text)], embedder, context="How long is the Panama Canal?"
    )
    assert other[0].text == "The Suez Canal is 193 km long."


def test_a_short_item_of_a_list_is_quoted_whole(embedder: LocalEmbeddings) -> None:
    item = "3. The society will not take over the watch house at Penlee. 22 against, 9 in favour."
    text = f"Decisions\n\n2. £250 will be given to the lifeboat station again. All in favour.\n{item}\n"
    quotes = quote_answer(
        "How did the vote on the watch house at Penlee go?", [placed(text, "text/plain")], embedder
    )
    assert quotes[0].text == item
    assert [quote.text for quote in quotes].count(item) == 1
    assert text[quotes[0].start : quotes[0].end] == item
    endless = f"- The watch house at Penlee stands on the cliff. {'It is white and low. ' * 20}"
    first = quote_answer("Where is the watch house at Penlee?", [placed(endless, "text/plain")], embedder)[0]
    assert first.text == "- The watch house at Penlee stands on the cliff."
