"""Marks in a stream, sentences, and where citations point."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.citations import CitationReader
from rag.records import Citation, Cited, Passage, Sentence, TextDelta
from rag.verdicts.verdict import Judgement, judge

PALACE = "The Crystal Palace was built in Hyde Park in 1851. It was designed by Joseph Paxton."
PAXTON = "Paxton was a gardener. He died in 1865."
PASSAGES = (
    Passage(1, "london/palace.txt", 3, 100, 100 + len(PALACE), PALACE, 1.0, headings=("Palaces",), line=4),
    Passage(2, "people.md", 1, 40, 40 + len(PAXTON), PAXTON, 0.9),
)


def read(*pieces: str) -> tuple[CitationReader, list[TextDelta | Cited]]:
    reader = CitationReader(PASSAGES, judge)
    events = [event for piece in pieces for event in reader.feed(piece)]
    return reader, [*events, *reader.finish()]


def cited(reader: CitationReader) -> list[tuple[str, tuple[int, ...]]]:
    return [(reader.text[s.start : s.end], s.numbers) for s in reader.sentences]


def test_a_citation_points_at_the_page_and_at_the_sentence() -> None:
    reader, events = read("It rained. The Crystal Palace was built in 1851 [1]. ")
    expected = Citation(
        number=1,
        source="london/palace.txt",
        page=3,
        start=100,
        end=150,
        quote="The Crystal Palace was built in Hyde Park in 1851.",
        verdict="supported",
        answer_start=11,
        answer_end=52,
        line=4,
        place="page 3, section “Palaces”",
    )
    assert reader.citations == (expected,)
    assert events[-1] == TextDelta(" ") or Cited(expected) in events
    assert [s.verdict for s in reader.sentences] == ["uncited", "supported"]


@pytest.mark.parametrize(
    ("answer", "sentences"),
    [
        ("One is so [1]. Two is so [2].", [("One is so [1].", (1,)), ("Two is so [2].", (2,))]),
        ("One is so. [1] Two is so. [2]", [("One is so. [1]", (1,)), ("Two is so. [2]", (2,))]),
        ("One is so.[1][2] Two is so.", [("One is so.[1][2]", (1, 2)), ("Two is so.", ())]),
        ("One [2, 1] is so [1].", [("One [2, 1] is so [1].", (2, 1))]),
        ("Both [1-2] are so.", [("Both [1-2] are so.", (1, 2))]),
        ("一座宫殿[1]。他去世了。[2]完。", [("一座宫殿[1]。", (1,)), ("他去世了。[2]", (2,)), ("完。", ())]),
        ("- First item [1]\n- Second item\n", [("- First item [1]", (1,)), ("- Second item", ())]),
        ("One is so.\n[1]\nTwo is so.", [("One is so.\n[1]", (1,)), ("Two is so.", ())]),
        ("One is so.\n[1] Two is so.", [("One is so.", ()), ("[1] Two is so.", (1,))]),
        ("[2] says so.", [("[2] says so.", (2,))]),
        ("Dr. Ray met J. Paxton [2] in St. Ives.", [("Dr. Ray met J. Paxton [2] in St. Ives.", (2,))]),
    ],
)
def test_marks_belong_to_their_sentences(answer: str, sentences: list[tuple[str, tuple[int, ...]]]) -> None:
    for pieces in ([answer], list(answer)):
        reader, _ = read(*pieces)
        assert reader.text == answer
        assert cited(reader) == sentences


@pytest.mark.parametrize(
    "answer",
    ["Take array[0] here.", "Take x[1] here.", "He wrote [sic] so.", "See [2024] too.", "`[1]` is code.",
     "```\na [1]\n```", "Take item_list[1] of it.", "An open [1", "A list [] of nothing [ 1 2 ]."],
)  # fmt: skip
def test_other_brackets_are_text(answer: str) -> None:
    reader, _ = read(*answer)
    assert reader.text == answer
    assert reader.citations == ()
    assert reader.dropped == 0


@pytest.mark.parametrize(
    ("answer", "text", "dropped"),
    [
        ("It is so [3].", "It is so.", 1),
        ("It is so [1, 3].", "It is so [1].", 1),
        ("It is so. [7] [8]", "It is so.", 2),
        ("It is so [1][9] here.", "It is so [1] here.", 1),
    ],
)
def test_a_number_without_a_passage_is_taken_out_and_counted(answer: str, text: str, dropped: int) -> None:
    reader, events = read(*answer)
    assert (reader.text, reader.dropped) == (text, dropped)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text


def test_text_is_given_on_at_once_and_only_a_mark_is_held() -> None:
    reader = CitationReader(PASSAGES, judge)
    assert reader.feed("The Crystal") == [TextDelta("The Crystal")]
    assert reader.feed(" Palace [") == [TextDelta(" Palace")]
    assert reader.feed("1") == []
    assert reader.feed("]") == [TextDelta(" [1]")]
    assert reader.feed("[") == []
    assert reader.feed("sic]") == [TextDelta("[sic]")]


def test_citations_come_while_the_answer_goes_on() -> None:
    reader = CitationReader(PASSAGES, judge)
    events = reader.feed("Paxton died in 1865 [2]. What follows then is another sentence.")
    assert [event.citation.number for event in events if isinstance(event, Cited)] == [2]


def test_the_judge_sees_the_words_without_marks_and_what_else_is_known() -> None:
    seen: list[tuple[str, Sequence[str], str]] = []

    def record(sentence: str, texts: Sequence[str], context: str) -> Judgement:
        seen.append((sentence, texts, context))
        return Judgement("weak", tuple((0, 1) for _ in texts))

    reader = CitationReader(PASSAGES, record)
    reader.feed("Built in 1851 [1], by Paxton [2, 1].")
    reader.finish()
    assert seen == [("Built in 1851, by Paxton.", [PALACE, PAXTON], "Palaces palace people")]
    assert [c.number for c in reader.citations] == [1, 2]
    assert reader.sentences == (Sentence(0, 36, (1, 2), "weak", reader.sentences[0].marks),)
    assert [(mark.start, mark.end, mark.numbers) for mark in reader.sentences[0].marks] == [
        (14, 17, (1,)),
        (29, 35, (2, 1)),
    ]


PIECES = st.lists(
    st.sampled_from(
        ["[", "]", "1", "2", "9", "[1]", "[2]", "[7]", ", ", " ", ". ", "\n", "。", "Paxton", "1851", "array",
         "`", "The palace was built", "他去世了", "-", "A", "Dr.", "- ", "| a | b |"]
    ),
    max_size=40,
)  # fmt: skip


@given(PIECES)
def test_however_the_stream_is_cut_the_result_is_the_same(pieces: list[str]) -> None:
    whole, _ = read("".join(pieces))
    for cut in (pieces, list("".join(pieces))):
        reader, events = read(*cut)
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == reader.text
        assert tuple(event.citation for event in events if isinstance(event, Cited)) == reader.citations
        assert (reader.text, reader.sentences, reader.citations, reader.dropped) == (
            whole.text, whole.sentences, whole.citations, whole.dropped
        )  # fmt: skip


@given(PIECES)
def test_every_citation_is_exact(pieces: list[str]) -> None:
    reader, _ = read("".join(pieces))
    pages = {1: " " * 100 + PALACE, 2: " " * 40 + PAXTON}
    for citation in reader.citations:
        assert pages[citation.number][citation.start : citation.end] == citation.quote
        assert f"{citation.number}" in reader.text[citation.answer_start : citation.answer_end]
    ends = [0, *(sentence.end for sentence in reader.sentences)]
    assert all(end <= sentence.start for end, sentence in zip(ends, reader.sentences, strict=False))
