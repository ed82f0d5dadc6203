"""Rows on their way to a page: one line each, columns named by the row that names them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunk import split
from ingest.parse import grid as grid_module
from ingest.parse.grid import Grid
from rag.errors import ParserFailed
from rag.records import Document, Page


def page_of(rows: list[list[str]], **told: Any) -> Page:
    grid = Grid(**told)
    for number, row in enumerate(rows, 1):
        grid.add(number, row)
    return grid.page(1)


def lines_of(rows: list[list[str]], **told: Any) -> list[str]:
    return page_of(rows, **told).text.split("\n")


def test_each_row_says_its_columns_and_stands_on_its_own_line() -> None:
    rows = [["Region", "Sales"], ["North", "120"], [], ["South", "95"]]
    assert lines_of(rows) == ["Region | Sales", "Region: North | Sales: 120", "", "Region: South | Sales: 95"]


def test_titles_above_a_table_are_headings() -> None:
    page = page_of([["Budget 2024"], ["in thousand EUR"], [], ["Item", "Plan"], ["Rent", "12"]])
    assert page.text == "Budget 2024\nin thousand EUR\n\nItem | Plan\nItem: Rent | Plan: 12"
    assert [(h.level, h.text, page.text[h.start : h.end]) for h in page.headings] == [
        (2, "Budget 2024", "Budget 2024"),
        (3, "in thousand EUR", "in thousand EUR"),
    ]


def test_several_tables_have_their_own_columns() -> None:
    rows = [["What", "Cost"], ["Rent", "100"], [], ["Who", "When", "Days"], ["Ann", "2024-01-05", "3"]]
    assert lines_of(rows)[1] == "What: Rent | Cost: 100"
    assert lines_of(rows)[4] == "Who: Ann | When: 2024-01-05 | Days: 3"


def test_a_total_after_a_gap_belongs_to_the_table_and_a_note_does_not() -> None:
    rows = [["Item", "Sum"], ["Rent", "100"], [], ["Total", "100"], [], ["All sums are estimates."]]
    assert lines_of(rows)[3:] == ["Item: Total | Sum: 100", "", "All sums are estimates."]


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([["Name:", "Bob"], ["Born:", "1990-02-01"]], ["Name: | Bob", "Born: | 1990-02-01"]),
        ([["1", "2"], ["3", "4"]], ["1 | 2", "3 | 4"]),
        ([["", "2019", "2020"], ["Rent", "1", "2"]], ["2019 | 2020", "Rent | 2019: 1 | 2020: 2"]),
        ([["red", "green", "blue"], ["red", "round", "soft"]], ["red | green | blue", "red | round | soft"]),
        ([["Term", "Meaning"], ["RAG", "a way to answer"]], ["Term | Meaning", "RAG | a way to answer"]),
        ([["a"], ["b"]], ["a", "b"]),
        (
            [["Item", "Sum"], ["Rent", "1"], ["Item", "Sum"], ["Food", "2"]],
            ["Item | Sum", "Item: Rent | Sum: 1", "Item | Sum", "Item: Food | Sum: 2"],
        ),
        ([["A", "B", "C"], ["Europe"], ["x", "1", "2"]], ["A | B | C", "Europe", "A: x | B: 1 | C: 2"]),
        ([["Item", "Q1"], ["Rent", "1", "more"]], ["Item | Q1", "Item: Rent | Q1: 1 | more"]),
    ],
)
def test_what_names_columns_and_what_does_not(rows: list[list[str]], lines: list[str]) -> None:
    assert lines_of(rows) == lines


def test_a_bold_row_is_a_header_where_the_words_leave_it_open() -> None:
    grid = Grid()
    grid.add(1, ["Term", "Meaning"], bold=True)
    grid.add(2, ["RAG", "a way to answer"])
    assert grid.page(1).text == "Term | Meaning\nTerm: RAG | Meaning: a way to answer"


def test_a_header_that_the_file_names_is_one() -> None:
    rows = [["12", "13"], ["14", "15"], ["No 1", "No 2"], ["16", "17"]]
    assert lines_of(rows, header_rows={3})[2:] == ["No 1 | No 2", "No 1: 16 | No 2: 17"]


def test_merged_cells() -> None:
    rows = [
        ["", "2019", "", "2020", ""],
        ["Region", "H1", "H2", "H1", "H2"],
        ["North", "1", "2", "3", "4"],
        ["", "5"],
    ]
    merges = [(1, 1, 1, 2), (1, 3, 1, 4), (3, 0, 4, 0)]
    assert lines_of(rows, merges=merges) == [
        "2019 | 2020",
        "Region | H1 | H2 | H1 | H2",
        "Region: North | 2019 H1: 1 | 2019 H2: 2 | 2020 H1: 3 | 2020 H2: 4",
        "Region: North | 2019 H1: 5",
    ]


def test_merged_titles_above_a_table_name_no_columns() -> None:
    rows = [
        ["Hotels", "", "", "us@travel.example"],
        ["No", "Name", "Kind", "Board"],
        ["1", "Anantara", "5*", "BB"],
    ]
    assert lines_of(rows, merges=[(1, 0, 1, 2)])[1:] == [
        "No | Name | Kind | Board",
        "No: 1 | Name: Anantara | Kind: 5* | Board: BB",
    ]


def test_a_merge_over_the_whole_sheet_costs_nothing() -> None:
    merges = [(1, 0, 1_048_576, 16_383), (1, 0, 1, 16_383)] * 50_000
    assert lines_of([["a", "b"], ["", "d"], ["", "e"]], merges=merges) == ["a | b", "a | d", "a | e"]


def test_a_row_far_below_is_that_far_below() -> None:
    grid = Grid()
    grid.add(1, ["first"])
    grid.add(1_048_576, ["last"])
    text = grid.page(1).text
    assert text.count("\n") == 1_048_575
    assert text.endswith("\nlast")


def test_cells_own_line_ends_and_odd_characters_are_cleaned() -> None:
    assert lines_of([["a\nb", "c\x00d\ud800", "ﬁn\u00ad"], ["1", "2", "3"]])[0] == "a b | cd\ufffd | fin"


@pytest.mark.parametrize("rows", [[["x" * 700_000, "y" * 700_000]], [["x" * 300_000]] * 5])
def test_text_without_end_is_refused(monkeypatch: pytest.MonkeyPatch, rows: list[list[str]]) -> None:
    monkeypatch.setattr(grid_module, "MOST_MEGACHARACTERS", 1)
    with pytest.raises(
        ParserFailed, match="gives more than 1 million characters; split the table to read it"
    ):
        lines_of(rows)


CELLS = st.lists(
    st.lists(st.sampled_from(["", "a", "North", "12", "2024-01-05", "7.5%"]), max_size=4), max_size=60
)


@given(CELLS)
def test_row_n_is_line_n_and_holds_its_cells(rows: list[list[str]]) -> None:
    lines = page_of(rows).text.split("\n")
    assert len(lines) <= max(1, len(rows))
    for line, row in zip(lines, rows, strict=False):
        said = [part.rpartition(": ")[2] for part in line.split(" | ")] if line else []
        assert said == [cell for cell in row if cell]


def test_chunks_end_between_rows() -> None:
    rows = [
        ["Code", "City", "Note"],
        *([f"C{n}", "Springfield", "open all day, every day"] for n in range(200)),
    ]
    document = Document("text/csv", (page_of(rows, likely_header=True),))
    chunks = split(document, count_tokens=lambda text: len(text.split()), chunk_tokens=60)
    lines = document.pages[0].text.split("\n")
    assert len(chunks) > 20
    assert [line for chunk in chunks for line in chunk.text.split("\n")] == lines
