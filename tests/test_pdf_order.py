"""A PDF's words in reading order: what was set in columns is read down them, and nothing else is moved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pdf_by_hand import pdf

from ingest.parse.pdf import parse
from ingest.parse.pdf_order import rows_in_order
from ingest.parse.pdf_words import Style, Word

LEFT = [f"words of the left column in line {n} that fill it" for n in range(9)]
RIGHT = [f"things of the right column in line {n} that fill it" for n in range(9)]
LEFT_END = ["and that is all that the left column has to say in it."]
RIGHT_END = ["and that is all that the right one has to say in it, too."]


def at(left: float, low: float, text: str, size: float = 10) -> str:
    return f"BT /F {size} Tf 1 0 0 1 {left} {low} Tm ({text}) Tj ET"


def text_of(*pieces: str, **options: str) -> str:
    return parse(pdf(" ".join(pieces), **options), "a.pdf").pages[0].text


def test_columns_whose_lines_are_mixed_are_read_one_after_the_other() -> None:
    lines = [
        piece for n in range(9) for piece in (at(60, 700 - 12 * n, LEFT[n]), at(330, 700 - 12 * n, RIGHT[n]))
    ]
    assert text_of(*lines) == " ".join([*LEFT, *RIGHT])


def test_a_heading_over_both_columns_comes_first_and_one_between_them_cuts_both() -> None:
    def block(top: int) -> list[str]:
        return [
            piece
            for n in range(9)
            for piece in (at(60, top - 12 * n, LEFT[n]), at(330, top - 12 * n, RIGHT[n]))
        ]

    wide = "A line over the whole width of the page that says what the two columns below it have to say now."
    text = text_of(*block(700), at(60, 550, wide), *block(500))
    columns = " ".join([*LEFT, *RIGHT])
    assert text == f"{columns}\n\n{wide}\n\n{columns}"


def test_the_order_of_the_content_is_kept_where_it_goes_down_the_columns() -> None:
    """The right column first, as a note in the margin can be; and a page's foot before its text."""
    right = [at(330, 700 - 12 * n, line) for n, line in enumerate([*RIGHT, *RIGHT_END])]
    left = [at(60, 700 - 12 * n, line) for n, line in enumerate([*LEFT, *LEFT_END])]
    assert text_of(*right, *left) == " ".join([*RIGHT, *RIGHT_END]) + "\n\n" + " ".join([*LEFT, *LEFT_END])


def test_lines_that_come_in_no_order_are_put_in_order() -> None:
    order = [4, 2, 7, 0, 8, 5, 1, 6, 3]
    text = text_of(*(at(60, 700 - 12 * n, LEFT[n]) for n in order))
    assert [text.index(f"line {n} ") for n in range(9)] == sorted(text.index(f"line {n} ") for n in range(9))


def test_a_table_is_no_pair_of_columns() -> None:
    rows = [(f"item {n}", f"{n * 7}.50") for n in range(10)]
    pieces = [
        piece
        for n, row in enumerate(rows)
        for piece in (at(60, 700 - 12 * n, row[0]), at(330, 700 - 12 * n, row[1]))
    ]
    assert text_of(*pieces) == "\n".join(" | ".join(row) for row in rows)


def test_a_page_set_sideways_is_read_upright() -> None:
    lines = [f"BT /F 10 Tf 0 1 -1 0 {100 + 12 * n} 60 Tm ({LEFT[n]}) Tj ET" for n in range(9)]
    assert text_of(*lines) == " ".join(LEFT)
    assert text_of(*lines, extra="/Rotate 90") == " ".join(LEFT)


def test_an_index_and_its_letter_stay_on_one_line() -> None:
    water = at(60, 700, "The formula H") + at(124, 697, "2", 6) + at(128, 700, "O is that of water.")
    assert text_of(water) == "The formula H2O is that of water."


@given(
    st.lists(
        st.tuples(
            st.floats(0, 600), st.floats(0, 800), st.floats(1, 200), st.sampled_from([6.0, 10.0, 24.0])
        ),
        max_size=60,
    )
)
def test_no_word_is_lost_and_none_comes_twice(places: list[tuple[float, float, float, float]]) -> None:
    words = [
        Word(f"w{n}", left, left + width, low, Style(size))
        for n, (left, low, width, size) in enumerate(places)
    ]
    rows = rows_in_order(words)
    assert sorted(word.text for row in rows for segment in row for word in segment.words) == sorted(
        word.text for word in words
    )
