"""Tables in PDFs: each row says what it says, by the names of its columns where these are sure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pdf_by_hand import pdf

from ingest.parse.pdf import parse
from ingest.parse.pdf_rows import Segment
from ingest.parse.pdf_tables import lines_of
from ingest.parse.pdf_words import Style, Word

PLACES = (60, 220, 330, 440)


def table(*rows: tuple[str, ...], step: float = 14, bold_rows: int = 0, ground: str = "") -> bytes:
    pieces = [
        f"BT /{'B' if n < bold_rows else 'F'} 10 Tf 1 0 0 1 {left} {700 - step * n} Tm ({cell}) Tj ET"
        for n, row in enumerate(rows)
        for left, cell in zip(PLACES, row, strict=False)
        if cell
    ]
    data = pdf(" ".join([ground, *pieces]))
    bold = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold/Encoding/WinAnsiEncoding>>"
    return data.replace(b"/F 3 0 R", b"/F 3 0 R/B " + bold)


def text_of(data: bytes) -> str:
    return parse(data, "a.pdf").pages[0].text


LOCKS = [("Neptune", "8", "29 m"), ("Bingley", "5", "18 m"), ("Foxton", "10", "23 m")]


def test_names_above_numbers_go_with_every_cell() -> None:
    assert text_of(table(("Staircase", "Locks", "Rise"), ("Neptune", "8", "29"), ("Foxton", "10", "23"))) == (
        "Staircase: Neptune | Locks: 8 | Rise: 29\nStaircase: Foxton | Locks: 10 | Rise: 23"
    )


def test_names_in_bold_go_with_every_cell() -> None:
    rows = [("Name", "County"), ("Neptune", "Highland"), ("Bingley", "York"), ("Foxton", "Leicester")]
    assert text_of(table(*rows, bold_rows=1)).split("\n")[0] == "Name: Neptune | County: Highland"
    assert text_of(table(*rows)).split("\n")[:2] == ["Name | County", "Neptune | Highland"]


def ground(*rows: int, color: str = "0.8 0.9 1") -> str:
    return " ".join(f"{color} rg 55 {696 - 14 * row} 300 14 re f 0 g" for row in rows)


@pytest.mark.parametrize(
    ("drawn", "named"),
    [
        (ground(0), True),
        ("0.8 0.9 1 rg 55 696 150 14 re 215 696 120 14 re f 0 g", True),  # a ground for each cell
        (ground(0, color="1 1 1"), False),  # white is none
        (ground(0, 2), False),  # every other row
        (ground(1), False),
        ("0.8 0.9 1 rg 0 0 612 792 re f 0 g", False),  # the page's
        ("0.8 0.9 1 rg 55 696 150 14 re f 0 g", False),  # of one cell
        ("", False),
    ],
)
def test_names_on_a_ground_of_their_own_go_with_every_cell(drawn: str, named: bool) -> None:
    rows = [("Name", "County"), ("Neptune", "Highland"), ("Bingley", "York"), ("Foxton", "Leicester")]
    lines = text_of(table(*rows, ground=drawn)).split("\n")
    assert ("Name: Neptune | County: Highland" in lines) is named
    assert ("Neptune | Highland" in lines) is not named


BOATS = [("Boats", "310", "322", "318"), ("Fines", "7", "11", "9"), ("Cranes", "2", "2", "3")]


def test_years_are_names_and_the_first_cell_above_may_be_empty() -> None:
    text = text_of(table(("", "2004", "2005", "2006"), *BOATS))
    assert text.split("\n")[1] == "Fines | 2004: 7 | 2005: 11 | 2006: 9"


def test_a_row_above_the_names_stays_as_it_is() -> None:
    text = text_of(table(("", "Before the fire", "", "After"), ("", "2004", "2005", "2006"), *BOATS))
    assert text.split("\n")[:2] == ["Before the fire | After", "Boats | 2004: 310 | 2005: 322 | 2006: 318"]


def test_a_row_of_years_among_others_names_nothing() -> None:
    rows = [("Built", "1810", "1774", "1811"), ("Rebuilt", "1890", "1908", "1900"), *BOATS]
    assert text_of(table(*rows)).split("\n")[1] == "Rebuilt | 1890 | 1908 | 1900"


def test_an_empty_cell_leaves_no_hole_in_what_follows() -> None:
    rows = [
        ("Staircase", "Locks", "Rise"),
        ("Neptune", "", "29"),
        ("Bingley", "5", "18"),
        ("Foxton", "9", "23"),
    ]
    assert text_of(table(*rows)).split("\n")[0] == "Staircase: Neptune | Rise: 29"


def test_a_cell_that_goes_on_below_is_put_together() -> None:
    rows = [
        ("Neptune", "the longest staircase", "29"),
        ("", "of locks in Britain", ""),
        ("Bingley", "the steepest", "18"),
        ("Foxton", "the widest known", "23"),
    ]
    assert text_of(table(*rows)).split("\n")[0] == "Neptune | the longest staircase of locks in Britain | 29"


def test_text_above_and_below_stays_outside() -> None:
    above = "BT /F 10 Tf 1 0 0 1 60 730 Tm (These are the staircases that boats use, with their rise.) Tj ET"
    below = "BT /F 10 Tf 1 0 0 1 60 600 Tm (All of them were built before 1830, and none by machines.) Tj ET"
    rows = " ".join(
        f"BT /F 10 Tf 1 0 0 1 {left} {700 - 14 * n} Tm ({cell}) Tj ET"
        for n, row in enumerate(LOCKS)
        for left, cell in zip(PLACES, row, strict=False)
    )
    text = text_of(pdf(f"{above} {rows} {below}"))
    assert text.split("\n\n")[1] == "Neptune | 8 | 29 m\nBingley | 5 | 18 m\nFoxton | 10 | 23 m"
    assert text.split("\n\n")[0].endswith("with their rise.")
    assert text.split("\n\n")[2].startswith("All of them")


@pytest.mark.parametrize(
    "rows",
    [
        [("1.", "Open the gate."), ("2.", "Go in."), ("3.", "Shut it."), ("4.", "Wait.")],
        [("Only", "two"), ("rows", "here")],
    ],
)
def test_what_is_no_table(rows: list[tuple[str, ...]]) -> None:
    assert "|" not in text_of(table(*rows))


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(range(4)), st.sampled_from(["a", "7", "long words here"])), min_size=1
        ),
        max_size=12,
    )
)
def test_every_word_of_every_row_is_said(rows: list[list[tuple[int, str]]]) -> None:
    style = Style(10.0)
    made = [
        [
            Segment.of([Word(f"{text}{n}x{place}", PLACES[place], PLACES[place] + 40, 700.0 - 14 * n, style)])
            for place, text in sorted(dict(row).items())
        ]
        for n, row in enumerate(rows)
    ]
    said = "\n".join(line.text for line in lines_of(made))
    for row in made:
        for segment in row:
            assert segment.text in said


# --- names of several lines, above several columns, on the page before -----------------------------------


def placed(*words: tuple[float, float, str]) -> str:
    return " ".join(f"BT /F 10 Tf 1 0 0 1 {left} {base} Tm ({text}) Tj ET" for left, base, text in words)


def boats(top: float) -> str:
    return placed(
        *(
            (left, top - 14 * n, cell)
            for n, row in enumerate(BOATS)
            for left, cell in zip(PLACES, row, strict=True)
        )
    )


def test_dots_that_lead_to_a_page_are_no_cells() -> None:
    titles = [("Social dynamics", "3"), ("Programs that are needed", "4"), ("Where to ask", "11")]
    words = [
        (x, 700 - 14 * line, text)
        for line, (title, page) in enumerate(titles)
        for x, text in [(72, title), *((x, ".") for x in range(210, 480, 14)), (500, page)]
    ]
    assert (
        text_of(pdf(placed(*words))) == "Social dynamics | 3\nPrograms that are needed | 4\nWhere to ask | 11"
    )


def test_three_dots_are_what_a_cell_says() -> None:
    rows = (
        [(72, "Ann"), (200, "..."), (300, "7")],
        [(72, "Bo"), (200, "tea"), (300, "8")],
        [(72, "Cy"), (300, "9")],
    )
    words = [(x, 700 - 14 * line, text) for line, row in enumerate(rows) for x, text in row]
    assert "..." in text_of(pdf(placed(*words)))


def test_names_of_several_lines_set_cell_by_cell() -> None:
    names = placed(
        (60, 752, "Table 3: What came through the locks in two years"),
        (220, 724, "Boats"),
        (220, 712, "counted"),
        (330, 736, "Tons of"),
        (330, 724, "coal and"),
        (330, 712, "timber"),
        (440, 712, "Fees"),
    )
    text = text_of(pdf(f"{names} {boats(698)}"))
    assert text == (
        "Table 3: What came through the locks in two years\n\n"
        "Boats | Boats counted: 310 | Tons of coal and timber: 322 | Fees: 318\n"
        "Fines | Boats counted: 7 | Tons of coal and timber: 11 | Fees: 9\n"
        "Cranes | Boats counted: 2 | Tons of coal and timber: 2 | Fees: 3"
    )


def test_a_name_over_the_middle_of_several_columns_is_of_each() -> None:
    rows = [("", "1900", "1901", "1902", "1903"), *((*row, "n.a.") for row in BOATS)]
    places = (60, 200, 260, 380, 440)
    cells = [
        (left, 700 - 14 * n, cell)
        for n, row in enumerate(rows)
        for left, cell in zip(places, row, strict=True)
    ]
    text = text_of(pdf(placed((222, 718, "North"), (402, 718, "South"), *(one for one in cells if one[2]))))
    assert (
        text.split("\n")[0]
        == "Boats | North 1900: 310 | North 1901: 322 | South 1902: 318 | South 1903: n.a."
    )


def test_a_table_goes_on_on_the_next_page() -> None:
    names = placed((60, 112, "What"), (220, 112, "Here"), (330, 112, "There"), (440, 112, "Lost"))
    pages = parse(
        pdf(f"{names} {boats(98)}", f"{boats(740)} {placed((60, 300, 'More of this.'))}"), "a.pdf"
    ).pages
    row = "What: Fines | Here: 7 | There: 11 | Lost: 9"
    assert row in pages[0].text.split("\n")
    assert row in pages[1].text.split("\n")


def test_a_table_that_ended_does_not_go_on() -> None:
    names = placed((60, 712, "What"), (220, 712, "Here"), (330, 712, "There"), (440, 712, "Lost"))
    prose = placed(
        *((60, 600 - 40 * n, f"Sentence {n} of the text below the table stands by itself.") for n in range(6))
    )
    pages = parse(pdf(f"{names} {boats(698)} {prose}", boats(740)), "a.pdf").pages
    assert "What: Fines | Here: 7 | There: 11 | Lost: 9" in pages[0].text.split("\n")
    assert "Fines | 7 | 11 | 9" in pages[1].text.split("\n")


def test_columns_elsewhere_are_another_table() -> None:
    names = placed((60, 112, "What"), (220, 112, "Here"), (330, 112, "There"), (440, 112, "Lost"))
    moved = placed(
        *(
            (left + 40, 740 - 14 * n, cell)
            for n, row in enumerate(BOATS)
            for left, cell in zip(PLACES, row, strict=True)
        )
    )
    pages = parse(pdf(f"{names} {boats(98)}", moved), "a.pdf").pages
    assert "Fines | 7 | 11 | 9" in pages[1].text.split("\n")
