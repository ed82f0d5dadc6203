"""Pages in the form of their kind; every expectation worked out by hand, and nothing is lost or made up."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rag.records import Heading, Page
from ui.marked_text import MOST_CHARACTERS, PagePiece
from ui.page_form import PageField, PageForm, PageLine, page_form
from ui.page_table import MOST_LINES, Cell, NumberedLine, PageTable, Row, page_tables

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
SHEET = """Sales of 2024

Region | Sales | Note
Region: North | Sales: 120 | Note: up: a lot
Region: South | Sales: 80
Total
Region: All | Sales: 200 | Note: a | b"""


def form(text: str, media_type: str, cited: str = "", **page: object) -> PageForm:
    start = text.index(cited) if cited else 0
    return page_form(Page(1, text, **page), media_type, start, start + len(cited))  # type: ignore[arg-type]


def plain(text: str) -> Cell:
    return Cell(text, False)


# --- tables -------------------------------------------------------------------------------------------


def test_a_sheet_is_a_table_again() -> None:
    shown = form(SHEET, XLSX, "Region: South | Sales: 80")
    assert shown.kind == "table"
    assert shown.tables == (
        PageTable((), None, (Row(1, (plain("Sales of 2024"),), False),)),
        PageTable(
            ("Region", "Sales", "Note"),
            Row(3, (plain("Region"), plain("Sales"), plain("Note")), False),
            (
                Row(4, (plain("North"), plain("120"), plain("up: a lot")), False),
                Row(5, (Cell("South", True), Cell("80", True), None), True),
                Row(6, (plain("Total"),), False),
                Row(7, (plain("All"), plain("200"), plain("a | b")), False),
            ),
        ),
    )


def test_one_cell_of_a_row_can_be_cited() -> None:
    _, table = form(SHEET, "text/csv", "Sales: 120").tables
    assert table.rows[0] == Row(4, (plain("North"), Cell("120", True), plain("up: a lot")), True)


def test_rows_begin_with_a_cell_that_no_column_names() -> None:
    (table,) = form("Q1 | Q2\nNorth | Q1: 5 | Q2: 6\nSouth | Q1: 7", "text/csv").tables
    assert table.columns == ("", "Q1", "Q2")
    assert [row.cells for row in table.rows] == [
        (plain("North"), plain("5"), plain("6")),
        (plain("South"), plain("7"), None),
    ]


def test_two_tables_on_a_sheet() -> None:
    text = (
        "City | People\nCity: Oslo | People: 7\n\nTree | Height\nTree: Oak | Height: 9\nTree: Elm | Height: 8"
    )
    one, two = form(text, "text/csv").tables
    assert (one.columns, [row.number for row in one.rows]) == (("City", "People"), [2])
    assert (two.columns, [row.number for row in two.rows]) == (("Tree", "Height"), [5, 6])


def test_a_title_below_a_gap_is_of_the_next_table() -> None:
    text = "City | People\nCity: Oslo | People: 7\n\nTrees\nTree | Height\nTree: Oak | Height: 9"
    one, title, two = form(text, "text/csv").tables
    assert [row.number for row in one.rows] == [2]
    assert title == PageTable((), None, (Row(4, (plain("Trees"),), False),))
    assert (two.columns, [row.number for row in two.rows]) == (("Tree", "Height"), [6])


def test_a_table_without_names_is_as_it_is() -> None:
    (table,) = form("a | b\nc: 1 | d", "text/csv").tables
    assert table == PageTable(
        (), None, (Row(1, (plain("a"), plain("b")), False), Row(2, (plain("c: 1"), plain("d")), False))
    )


def test_a_long_sheet_is_shown_around_the_cited_row() -> None:
    rows = [f"Name: n{number} | Value: {number}" for number in range(2, 30_001)]
    shown = form("\n".join(["Name | Value", *rows]), XLSX, "Name: n20000 | Value: 20000")
    (table,) = shown.tables
    assert table.columns == ("Name", "Value")
    assert len(table.rows) == MOST_LINES
    assert [row.number for row in table.rows if row.cited] == [20_000]
    assert shown.note == "Rows 19,500 to 20,499 of 30,000, around the words."


@given(st.lists(st.text("ab:| \n", max_size=30), max_size=8), st.integers(0, 60), st.integers(0, 60))
def test_no_word_of_a_sheet_is_lost(rows: list[str], start: int, end: int) -> None:
    text = "\n".join(rows)
    lines, offset = [], 0
    for number, words in enumerate(text.split("\n"), 1):
        lines.append(NumberedLine(number, offset, words))
        offset += len(words) + 1
    shown: dict[int, str] = {}
    for table in page_tables(text, lines, start, end):
        if table.header:
            shown[table.header.number] = "".join(cell.text for cell in table.header.cells if cell)
        for row in table.rows:
            names = table.columns if len(row.cells) == len(table.columns) else [""] * len(row.cells)
            assert len(row.cells) in (1, len(table.columns)) or not table.columns
            cells = [(name, cell.text) for name, cell in zip(names, row.cells, strict=True) if cell]
            shown[row.number] = "".join(name + words for name, words in cells)
    for line in lines:
        letters = Counter(re.findall("[ab]", line.text))
        assert letters <= Counter(re.findall("[ab]", shown.get(line.number, "")))


# --- code ---------------------------------------------------------------------------------------------


def test_code_has_numbered_lines_and_the_cited_ones_are_marked() -> None:
    shown = form("import os\n\ndef f():\n    return 1\n", "text/x-source", "def f():\n    return")
    assert shown.kind == "code"
    assert shown.lines == (
        PageLine(1, (PagePiece("import os"),), False),
        PageLine(2, (), False),
        PageLine(3, (PagePiece("def f():", True),), True),
        PageLine(4, (PagePiece("    return", True), PagePiece(" 1")), True),
        PageLine(5, (), False),
    )


def test_json_is_lines_without_numbers() -> None:
    shown = form("name: Ann\naddress.city: Paris", "application/json", "Paris")
    assert [line.number for line in shown.lines] == [0, 0]
    assert shown.lines[1].pieces == (PagePiece("address.city: "), PagePiece("Paris", True))


def test_records_are_a_table() -> None:
    shown = form("a: 1 | b: x y\na: 2 | b: z", "application/jsonl", "a: 2 | b: z")
    assert shown.tables == (
        PageTable(
            ("a", "b"),
            None,
            (
                Row(1, (plain("1"), plain("x y")), False),
                Row(2, (Cell("2", True), Cell("z", True)), True),
            ),
        ),
    )
    values = form("a: 1 | b: x y\na: 2 | b: z", "application/json")
    assert [row.number for row in values.tables[0].rows] == [0, 0], "no lines of the file"
    assert form("level=info | done\nx", "text/x-source").kind == "code"


@given(st.text("ab\n", max_size=200), st.integers(0, 200), st.integers(0, 200))
def test_code_is_the_text_again(text: str, one: int, two: int) -> None:
    start, end = sorted((min(one, len(text)), min(two, len(text))))
    shown = page_form(Page(1, text), "text/x-source", start, end)
    pieces = ["".join(piece.text for piece in line.pieces) for line in shown.lines]
    assert "\n".join(pieces) == text
    marked = "".join(piece.text for line in shown.lines for piece in line.pieces if piece.marked)
    assert marked == text[start:end].replace("\n", "")


def test_one_endless_line_of_code_is_cut_nowhere() -> None:
    text = "x" * (MOST_CHARACTERS + 10)
    shown = page_form(Page(1, f"first\n{text}\nlast"), "text/x-source", 10, 20)
    assert [line.number for line in shown.lines] == [1, 2]
    assert shown.note == "Lines 1 to 2 of 3, around the words."


# --- mails, slides, the rest --------------------------------------------------------------------------

MAIL = "From: Ann <ann@example.org>\nSubject: Lunch\n\nAt noon, then.\nSee: you."


def test_a_mail_has_its_headers_apart() -> None:
    shown = form(MAIL, "message/rfc822", "noon")
    assert shown.kind == "message"
    assert shown.fields == (
        PageField("From", (PagePiece("Ann <ann@example.org>"),)),
        PageField("Subject", (PagePiece("Lunch"),)),
    )
    assert shown.pieces == (
        PagePiece("At "),
        PagePiece("noon", True),
        PagePiece(", then.\nSee: you."),
    )


def test_a_mails_subject_can_be_cited() -> None:
    shown = form(MAIL, "message/rfc822", "Lunch")
    assert shown.fields[1].pieces == (PagePiece("Lunch", True),)
    assert not any(piece.marked for piece in shown.pieces)


def test_a_citation_over_headers_and_text_marks_both() -> None:
    shown = form(MAIL, "application/mbox", MAIL[6:])
    assert all(piece.marked for field in shown.fields for piece in field.pieces)
    assert all(piece.marked for piece in shown.pieces)


def test_an_attachments_form_is_its_own() -> None:
    assert form(SHEET, "message/rfc822", label="sales.csv").kind == "table"
    assert form("Some: text", "message/rfc822", label="a.txt").kind == "text"
    assert form(MAIL, "message/rfc822", label="Re: Lunch").kind == "message"
    assert form("x = 1", "application/zip", label="src/a.py").kind == "code"


def test_a_slide_keeps_its_title() -> None:
    shown = form("The plan\n\n- One\n- Two", PPTX, "- One", headings=(Heading(1, 0, 8, "The plan"),))
    assert shown.kind == "slide"
    assert shown.pieces == (
        PagePiece("The plan", level=1),
        PagePiece("\n\n"),
        PagePiece("- One", True),
        PagePiece("\n- Two"),
    )


def test_other_text_is_text() -> None:
    shown = form("One two.", "text/markdown", "two")
    assert shown == PageForm("text", pieces=(PagePiece("One "), PagePiece("two", True), PagePiece(".")))


def test_nothing_is_nothing() -> None:
    assert form("", "text/markdown") == PageForm("text")
    assert form("", XLSX).tables == ()
    assert form("", "text/x-source").lines == (PageLine(1, (), False),)
