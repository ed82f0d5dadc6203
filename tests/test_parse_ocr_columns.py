"""Reading order of lines found in a picture, by places worked out by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.parse import ocr_columns
from ingest.parse.ocr_columns import Placed, reading_order

LINE = 20.0  # pixels high, 30 from one to the next


def placed(*lines: tuple[float, float, float]) -> list[Placed]:
    """Lines given by left, right and which row they stand in."""
    return [Placed(number, left, right, 30 * row, LINE) for number, (left, right, row) in enumerate(lines)]


def test_one_column_goes_down() -> None:
    lines = placed((0, 500, 2), (0, 480, 0), (0, 200, 1), (30, 500, 3))
    assert reading_order(lines) == [1, 2, 0, 3]


def test_two_columns_below_a_title_and_above_a_footnote() -> None:
    rows = [(0, 700, 0.0)]
    for row in range(1, 7):
        rows += [(400.0, 700.0 - 7 * row, row + 0.1), (0.0, 320.0 + 5 * row, float(row))]
    rows += [(0, 690, 8.0)]
    assert reading_order(placed(*rows)) == [0, *range(2, 13, 2), *range(1, 13, 2), 13]


def test_three_columns() -> None:
    rows = [(column * 300.0, column * 300.0 + 260, float(row)) for row in range(5) for column in range(3)]
    assert reading_order(placed(*rows)) == [0, 3, 6, 9, 12, 1, 4, 7, 10, 13, 2, 5, 8, 11, 14]


def test_a_left_column_that_is_longer() -> None:
    rows = [(0.0, 300.0, float(row)) for row in range(8)] + [(400.0, 700.0, float(row)) for row in range(5)]
    assert reading_order(placed(*rows)) == list(range(13))


def test_a_table_is_read_across() -> None:
    rows = [(column * 150.0, column * 150.0 + 80, float(row)) for row in range(6) for column in range(3)]
    assert reading_order(placed(*rows)) == list(range(18))


def test_a_list_of_names_and_numbers_is_read_across() -> None:
    rows = [line for row in range(6) for line in ((0.0, 300.0, float(row)), (650.0, 700.0, float(row)))]
    assert reading_order(placed(*rows)) == list(range(12))


@given(
    st.lists(
        st.builds(
            lambda left, width, middle, height: (left, left + width, middle, height),
            st.floats(0, 2000),
            st.floats(1, 2000),
            st.floats(0, 3000),
            st.floats(1, 80),
        ),
        max_size=40,
    )
)
def test_no_line_is_lost_or_doubled(lines: list[tuple[float, float, float, float]]) -> None:
    order = reading_order([Placed(number, *line) for number, line in enumerate(lines)])
    assert sorted(order) == list(range(len(lines)))


def test_thousands_of_lines_take_no_time() -> None:
    rows = [(column * 100.0, column * 100.0 + 90, float(row)) for row in range(2000) for column in range(3)]
    assert len(rows) // 3 > ocr_columns._MOST_ROWS
    assert reading_order(placed(*rows)) == list(range(6000))
