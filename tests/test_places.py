"""Where a citation points, in words, for every kind of document."""

from __future__ import annotations

import doctest
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rag.places
from rag.places import LONGEST_NAME, counted, line_of, page_name, place_of, place_words
from rag.records import Heading, Hit, LineMark, Passage

OPEN_XML = "application/vnd.openxmlformats-officedocument"
XLSX = f"{OPEN_XML}.spreadsheetml.sheet"
PPTX = f"{OPEN_XML}.presentationml.presentation"
DOCX = f"{OPEN_XML}.wordprocessingml.document"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
HEADINGS = ("Transport", "Fares")


@pytest.mark.parametrize(
    ("media_type", "page", "label", "lines", "headings", "words"),
    [
        ("application/pdf", 3, None, (4, 5), HEADINGS, "page 3"),
        ("application/pdf", 4, "iv", (4, 5), HEADINGS, "page iv (page 4 of the file)"),
        ("application/pdf", 4, "4", (4, 5), HEADINGS, "page 4"),
        (PPTX, 3, None, (2, 2), ("The title",), "slide 3"),
        (ODP, 1, "Start", (1, 1), (), "slide 1"),
        (XLSX, 2, "Budget", (12, 12), ("Budget",), "sheet Budget, row 12"),
        (XLSX, 2, "Budget", (12, 14), ("Budget",), "sheet Budget, rows 12–14"),
        (ODS, 2, None, (1, 1), (), "sheet 2, row 1"),
        ("application/vnd.ms-excel", 1, "A", (0, 0), (), "sheet A"),
        ("text/csv", 1, None, (12, 12), (), "row 12"),
        ("text/tab-separated-values", 1, None, (2, 9), (), "rows 2–9"),
        ("text/x-source", 1, None, (120, 120), ("main",), "line 120"),
        ("text/x-source", 1, None, (120, 125), ("main",), "lines 120–125"),
        ("application/jsonl", 1, None, (7, 7), (), "line 7"),
        ("message/rfc822", 1, None, (0, 0), (), "message"),
        ("message/rfc822", 2, "plan.pdf, page 2", (1, 3), ("plan.pdf", "Costs"), "plan.pdf, page 2"),
        ("message/rfc822", 3, "costs.csv", (3, 3), ("costs.csv",), "costs.csv, row 3"),
        ("message/rfc822", 3, "a.xlsx, sheet B", (3, 4), ("a.xlsx",), "a.xlsx, sheet B, rows 3–4"),
        ("message/rfc822", 2, "notes.docx", (0, 0), ("notes.docx",), "notes.docx"),
        ("message/rfc822", 2, "notes.docx", (0, 0), ("notes.docx", "Fares"), "notes.docx, section “Fares”"),
        ("application/zip", 5, "src/main.py", (8, 9), ("src/main.py",), "src/main.py, lines 8–9"),
        ("application/zip", 5, None, (0, 0), (), "file 5"),
        ("application/zip", 5, "notes.txt", (8, 9), ("notes.txt",), "notes.txt, lines 8–9"),
        ("application/mbox", 2, "Re: lunch", (0, 0), ("Re: lunch",), "Re: lunch"),
        ("application/epub+zip", 4, "Loomings", (0, 0), ("Loomings",), "Loomings"),
        ("application/epub+zip", 4, None, (0, 0), (), "chapter 4"),
        ("text/markdown", 1, None, (0, 0), HEADINGS, "section “Fares”"),
        (DOCX, 1, None, (0, 0), HEADINGS, "section “Fares”"),
        ("text/html", 1, None, (0, 0), (), ""),
        ("text/plain", 1, None, (0, 0), (), ""),
        ("text/plain", 1, None, (9, 9), (), "line 9"),
        ("application/json", 1, None, (9, 12), HEADINGS, "section “Fares”, lines 9–12"),
        ("image/tiff", 2, None, (0, 0), (), "page 2"),
        ("image/png", 1, None, (0, 0), (), ""),
        ("", 1, None, (0, 0), (), ""),
    ],
)
def test_where_it_is(
    media_type: str, page: int, label: str | None, lines: tuple[int, int], headings: tuple[str], words: str
) -> None:
    assert place_words(media_type, page, label=label, lines=lines, headings=headings) == words


def test_what_a_document_says_stays_on_one_short_line() -> None:
    sheet = page_name(XLSX, 1, "a\nb\t c" + "x" * 200)
    assert sheet.startswith("sheet a b c")
    assert len(sheet) == len("sheet ") + LONGEST_NAME
    words = place_words("text/markdown", 1, headings=("y\n" * 200,))
    assert words == f"section “{' '.join('y' * 40)[: LONGEST_NAME - 1].rstrip()}…”"


def test_a_part_of_a_hit_has_lines_of_its_own() -> None:
    # the page's lines 10 to 13; the third begins 8 characters into the chunk
    hit = Hit(1, "a.csv", 1, 100, 117, "one\ntwo\nthree\nfour", 1.0, media_type="text/csv", line=10)
    assert place_of(hit) == "rows 10–13"
    assert place_of(hit, 108, 113) == "row 12"
    assert (line_of(hit, 100), line_of(hit, 108), line_of(hit, 117)) == (10, 12, 13)
    passage = Passage(1, "a.py", 1, 0, 3, "a\nb", 1.0, media_type="text/x-source", line=0)
    assert (place_of(passage), line_of(passage, 2)) == ("", 0), "an old index does not know its lines"


def test_lines_of_the_file_are_named_where_they_are_known() -> None:
    # the page's text from 100 on: a paragraph of the file's lines 7 to 9, and below it lines 12 and 13
    marks = (LineMark(100, 7), LineMark(104, 8), LineMark(108, 9), LineMark(113, 12))
    hit = Hit(1, "a.txt", 1, 100, 120, "one two three\nfour\nfiv", 1.0, media_type="text/plain", line=7)
    assert place_of(hit) == "", "an index made before did not keep the file's lines"
    hit = replace(hit, text="one two four\nfive\nsi", lines=marks)
    assert place_of(hit) == "lines 7–13"
    assert [line_of(hit, at) for at in (100, 103, 104, 108, 112, 113, 118)] == [7, 7, 8, 9, 9, 12, 13]
    assert place_of(hit, 104, 112) == "lines 8–9"
    assert place_of(hit, 113, 117) == "line 12"
    cut = replace(hit, start=106, text=hit.text[6:], line=line_of(hit, 106))
    assert (place_of(cut), place_of(cut, 106, 108)) == ("lines 8–13", "line 8")


def test_the_section_is_that_of_the_cited_words() -> None:
    inside = (Heading(2, 100, 105, "Fares"), Heading(2, 120, 125, "Times"))
    hit = Hit(1, "a.md", 1, 90, 150, "x" * 60, 1.0, {}, ("Ferry",), "text/markdown", inside=inside)
    assert place_of(hit) == place_of(hit, 95, 99) == "section “Ferry”"
    assert place_of(hit, 106, 110) == "section “Fares”"
    assert place_of(hit, 130, 140) == "section “Times”"


@given(st.lists(st.text("ab ", max_size=4), min_size=1, max_size=9), st.data())
def test_lines_are_those_of_the_page(lines: list[str], data: st.DataObject) -> None:
    page = "\n".join(lines)
    start = data.draw(st.integers(0, len(page)))
    end = data.draw(st.integers(start, len(page)))
    at = data.draw(st.integers(start, end))
    line = len(page[:start].split("\n"))
    hit = Hit(1, "a.py", 1, start, end, page[start:end], 1.0, media_type="text/x-source", line=line)
    assert line_of(hit, at) == len(page[:at].split("\n"))


@pytest.mark.parametrize(
    ("media_type", "label", "unit"),
    [
        (XLSX, None, "row"),
        ("text/csv", None, "row"),
        ("text/x-source", None, "line"),
        ("application/zip", "data/A.CSV", "row"),
        ("application/zip", "a.zip/b.jsonl", "line"),
        ("application/zip", "a.md", None),
        ("application/epub+zip", "An introduction to node.js", None),
        ("application/mbox", "Re: setup.py", None),
        ("application/pdf", "a.csv", None),
        ("text/plain", None, None),
    ],
)
def test_what_lines_are(media_type: str, label: str | None, unit: str | None) -> None:
    assert counted(media_type, label) == unit


def test_the_examples() -> None:
    assert doctest.testmod(rag.places) == (0, 2)
