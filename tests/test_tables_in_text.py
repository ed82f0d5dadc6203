"""Tables within running text: in their places, with their cells marked, and not a letter lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.records import Page
from ui.page_form import page_form
from ui.page_table import Cell, PageTable, Row

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEXT = """Who does what is in the table.

Name: Ann | Task: bread
Name: Bo | Task: tea
Both begin at six | or so."""


def pieces(text: str, cited: str = "") -> list[tuple[str, bool, tuple[PageTable, ...]]]:
    start = text.index(cited) if cited else 0
    form = page_form(Page(1, text), DOCX, start, start + len(cited))
    assert form.kind == "text"
    return [(piece.text, piece.marked, piece.tables) for piece in form.pieces]


def test_a_table_stands_where_it_stood_in_the_text() -> None:
    text = TEXT.replace("six | or", "six or")
    before, (rows, _, (table,)), after = pieces(text, "Task: tea")
    assert before == ("Who does what is in the table.\n\n", False, ())
    assert rows == "Name: Ann | Task: bread\nName: Bo | Task: tea\n"
    assert table == PageTable(
        ("Name", "Task"),
        None,
        (
            Row(0, (Cell("Ann", False), Cell("bread", False)), False),
            Row(0, (Cell("Bo", False), Cell("tea", True)), True),
        ),
    )
    assert after == ("Both begin at six or so.", False, ())


def test_words_beside_a_table_are_marked_as_ever() -> None:
    marked = [text for text, mark, tables in pieces(TEXT, "what is in the table") if mark and not tables]
    assert marked == ["what is in the table"]


def test_one_line_with_a_bar_or_a_line_of_dots_is_no_table() -> None:
    assert not any(tables for *_, tables in pieces("A rule | of thumb.\nAnd more."))
    dots = "Preface" + " | ." * 30
    assert not any(tables for *_, tables in pieces(f"{dots}\n{dots}"))


@given(st.text("ab|: \n\u2028", max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_no_letter_is_lost(text: str, start: int, length: int) -> None:
    form = page_form(Page(1, text), DOCX, start, start + length)
    assert "".join(piece.text for piece in form.pieces) == text
