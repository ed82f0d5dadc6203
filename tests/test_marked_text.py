"""Answers cut at their marks and pages cut at the cited words; every expectation worked out by hand."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.records import Citation, Heading, Mark, Sentence
from ui.marked_text import (
    MOST_CHARACTERS,
    AnswerPiece,
    PagePiece,
    answer_pieces,
    growing_pieces,
    page_pieces,
    window,
)

TEXT = "Built in 1698. [1] It was red [1, 2]. Nobody knows why."
#       0         1         2         3         4         5
#       0123456789012345678901234567890123456789012345678901234
FIRST = Citation(1, "a.pdf", 3, 10, 20, "in 1698", "supported", 0, 18)
SECOND = replace(FIRST, verdict="weak", answer_start=19, answer_end=37)
THIRD = replace(SECOND, number=2, source="b.md")
SENTENCES = (
    Sentence(0, 18, (1,), "supported", (Mark(15, 18, (1,)),)),
    Sentence(19, 37, (1, 2), "weak", (Mark(30, 36, (1, 2)),)),
    Sentence(38, 55, (), "uncited"),
)


def test_a_finished_answer() -> None:
    assert answer_pieces(TEXT, SENTENCES, [FIRST, SECOND, THIRD]) == [
        AnswerPiece("text", "Built in 1698. "),
        AnswerPiece("mark", "[1]", 1, 0, "supported"),
        AnswerPiece("text", " It was red "),
        AnswerPiece("mark", "[1, 2]", 1, 1, "weak"),
        AnswerPiece("mark", "", 2, 2, "weak"),
        AnswerPiece("text", ". Nobody knows why."),
        AnswerPiece("uncited", "", verdict="uncited"),
    ]


def test_a_growing_answer_has_marks_without_verdict_behind_the_checked_part() -> None:
    assert growing_pieces(TEXT, [FIRST], frozenset({1, 2}))[1:5] == [
        AnswerPiece("mark", "[1]", 1, 0, "supported"),
        AnswerPiece("text", " It was red "),
        AnswerPiece("mark", "[1, 2]", 1),
        AnswerPiece("mark", "", 2),
    ]


def test_brackets_that_are_no_mark_stay_text() -> None:
    text = "See [sic] and list[0] and [7]."
    assert growing_pieces(text, [], frozenset({1})) == [AnswerPiece("text", text)]
    assert answer_pieces(text, (), []) == [AnswerPiece("text", text)]


def test_a_bracket_in_the_checked_part_that_nothing_cites_stays_text() -> None:
    text = "x[1] is one. [2] More"
    cited = replace(FIRST, number=2, answer_start=0, answer_end=16)
    kinds = [piece.kind for piece in growing_pieces(text, [cited], frozenset({1, 2}))]
    assert kinds == ["text", "mark", "text"]


def test_characters_outside_the_basic_plane_do_not_move_the_marks() -> None:
    text = "🗼🗼 [1]"
    cited = replace(FIRST, answer_start=0, answer_end=6)
    assert growing_pieces(text, [cited], frozenset({1}))[1].text == "[1]"


@given(st.text("ab .[]12,-", max_size=60), st.sets(st.integers(0, 12), max_size=3))
def test_pieces_join_to_the_text(text: str, numbers: set[int]) -> None:
    pieces = growing_pieces(text, [], frozenset(numbers))
    assert "".join(piece.text for piece in pieces) == text


def test_a_page_with_a_heading_and_cited_words_across_its_end() -> None:
    assert page_pieces("Towers\nThe first one", 4, 10, [Heading(2, 0, 6, "Towers")]) == [
        PagePiece("Towe", False, 2),
        PagePiece("rs", True, 2),
        PagePiece("\nThe", True, 0),
        PagePiece(" first one", False, 0),
    ]


def test_an_empty_span_marks_nothing() -> None:
    assert page_pieces("all plain", 0, 0) == [PagePiece("all plain")]
    assert page_pieces("", 0, 0) == []


@given(st.text(max_size=50), st.integers(0, 60), st.integers(0, 60))
def test_page_pieces_join_to_the_page(text: str, start: int, end: int) -> None:
    pieces = page_pieces(text, start, end)
    assert "".join(piece.text for piece in pieces) == text
    assert "".join(piece.text for piece in pieces if piece.marked) == (text[start:end] if start < end else "")


def test_a_long_page_is_shown_around_the_words() -> None:
    length = 10 * MOST_CHARACTERS
    assert window(length, 0) == (0, MOST_CHARACTERS)
    assert window(length, length - 5) == (length - MOST_CHARACTERS, length)
    low, high = window(length, length // 2)
    assert low < length // 2 < high
    pieces = page_pieces("x" * length, length // 2, length // 2 + 7)
    assert [len(piece.text) for piece in pieces if piece.marked] == [7]
    assert sum(len(piece.text) for piece in pieces) == MOST_CHARACTERS
