"""Format codes: what Excel shows for them, dates in ISO form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse.number_formats import BUILT_IN, general, shown


@pytest.mark.parametrize(
    ("value", "code", "seen"),
    [
        (0.075, "0.0%", "7.5%"),
        (0.5, "0%", "50%"),
        (1234.5, '"$"#,##0.00', "$1,234.50"),
        (-1234.5, "#,##0.00_);(#,##0.00)", "(1,234.50)"),
        (-1234.5, "#,##0.00", "-1,234.50"),
        (1234567, "#,##0", "1,234,567"),
        (999, "#,##0", "999"),
        (1.005, "0.00", "1.01"),
        (2.5, "0", "3"),
        (0, '#,##0;-#,##0;"-"', "-"),
        (
            1234.5,
            '_([$EUR-407] * #,##0.00_);_([$EUR-407] * (#,##0.00);_([$EUR-407] * "-"??_);_(@_)',
            "EUR 1,234.50",
        ),
        (1234.5, "#,##0.00\\ [$€-1]", "1,234.50 €"),
        (7, "00000", "00007"),
        (123456789, "000-00-0000", "123-45-6789"),
        (5551234, "[<=9999999]###-####;(###) ###-####", "555-1234"),
        (2125551234, "[<=9999999]###-####;(###) ###-####", "(212) 555-1234"),
        (1234567, '0.0,," M"', "1.2 M"),
        (0.25, "0.##", "0.25"),
        (0.5, ".00", ".50"),
        (3, "0.##", "3"),
        (12345, "0.00E+00", "1.23E+04"),
        (0.00012, "0.0E-0", "1.2E-4"),
        (2.25, "# ?/?", "2 1/4"),
        (0.5, "# ?/?", "1/2"),
        (1.3125, "# ??/16", "1 5/16"),
        (3, '0 "items"', "3 items"),
        (12, "@", "12"),
        (1, '"yes";;"no"', "yes"),
        (0, '"yes";;"no"', "no"),
        (1.5, "[Red]0.0", "1.5"),
        (1234.56, "General", "1234.56"),
        (5, "[<1.2.3]0;General", "5"),
        (5, 'General" km"', "5 km"),
        (-5, 'General" km"', "-5 km"),
    ],
)
def test_numbers(value: float, code: str, seen: str) -> None:
    assert shown(value, code) == seen


@pytest.mark.parametrize(
    ("value", "code", "seen"),
    [
        (45356, "mm-dd-yy", "2024-03-05"),
        (45356, "[$-409]d\\-mmm\\-yyyy;@", "2024-03-05"),
        (45356, "mmm-yy", "2024-03"),
        (45356, "yyyy", "2024"),
        (45356, "dddd", "2024-03-05"),
        (45356.604166666664, "m/d/yy h:mm", "2024-03-05 14:30"),
        (0.604166666666667, "h:mm AM/PM", "14:30"),
        (0.604178240740741, "hh:mm:ss", "14:30:01"),
        (1.5, "[h]:mm", "36:00"),
        (1.5, "[mm]:ss", "2160:00"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (61, "yyyy-mm-dd", "1900-03-01"),
        (2958465, "yyyy-mm-dd", "9999-12-31"),
        (2958466, "yyyy-mm-dd", "2958466"),
        (-1, "yyyy-mm-dd", "-1"),
        (45356, 'yyyy"年"m"月"d"日"', "2024-03-05"),
    ],
)
def test_dates(value: float, code: str, seen: str) -> None:
    assert shown(value, code) == seen


def test_days_counted_from_1904() -> None:
    assert shown(0, "yyyy-mm-dd", from_1904=True) == "1904-01-01"
    assert shown(43894, "yyyy-mm-dd", from_1904=True) == "2024-03-05"


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (1.0, "1"), (9783161484100.0, "9783161484100"), (0.1 + 0.2, "0.3"), (1 / 3, "0.33333333333"),
        (1e20, "1E+20"), (-2.5, "-2.5"),
    ],
)  # fmt: skip
def test_general(value: float, seen: str) -> None:
    assert general(value) == seen


@given(
    st.floats(),
    st.one_of(
        st.text('0#?.,%/E+-;"\\[]_*ymdhs@$<>=1 ', max_size=20), st.sampled_from(list(BUILT_IN.values()))
    ),
)
def test_any_code_shows_something_for_any_number(value: float, code: str) -> None:
    assert isinstance(shown(value, code), str)


@given(st.integers(-(10**12), 10**12))
def test_digits_are_grouped_as_python_groups_them(value: int) -> None:
    assert shown(value, "#,##0") == f"{value:,}"
