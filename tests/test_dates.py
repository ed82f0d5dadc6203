"""Dates as people write them, in English and Chinese."""

from __future__ import annotations

import pytest

from rag.verdicts.dates import dates

Found = tuple[int | None, int | None, int | None, int | None]


def found(text: str) -> list[Found]:
    return [(date.first, date.last, date.month, date.day) for date in dates(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on 5 March 1998", [(1998, 1998, 3, 5)]),
        ("March 5th, 1998", [(1998, 1998, 3, 5)]),
        ("1998-03-05", [(1998, 1998, 3, 5)]),
        ("in Sept. 1998", [(1998, 1998, 9, None)]),
        ("on 5 May", [(None, None, 5, 5)]),
        ("in 1851.", [(1851, 1851, None, None)]),
        ("1914-18", [(1914, 1914, None, None), (1918, 1918, None, None)]),
        ("the 1990s", [(1990, 1999, None, None)]),
        ("the nineteenth century", [(1800, 1900, None, None)]),
        ("221 BC", [(-221, -221, None, None)]),
        ("1 May to 15 October 1851", [(1851, 1851, 5, 1), (1851, 1851, 10, 15)]),
        ("1998年3月5日", [(1998, 1998, 3, 5)]),
        ("二〇一九年十二月三十日", [(2019, 2019, 12, 30)]),
        ("公元前221年", [(-221, -221, None, None)]),
        ("20世纪90年代", [(1990, 1999, None, None)]),
        ("1905年9月至11月", [(1905, 1905, 9, None), (1905, 1905, 11, None)]),
        ("三月三十一日", [(None, None, 3, 31)]),
    ],
)
def test_forms(text: str, expected: list[Found]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text", ["1500 km", "$1500", "1,500 people", "二十年来", "3个月", "it may rain", "they march on", "10:30"]
)
def test_what_is_no_date(text: str) -> None:
    assert found(text) == []


def test_a_day_written_in_figures_may_be_either() -> None:
    assert set(found("05/03/1998")) == {(1998, 1998, 3, 5), (1998, 1998, 5, 3)}


@pytest.mark.parametrize(
    ("wide", "narrow", "holds"),
    [
        ("1998", "March 1998", True),
        ("March 1998", "1998", False),
        ("the 1990s", "5 March 1998", True),
        ("the 20th century", "1998", True),
        ("March 1998", "April 1998", False),
        ("5 March", "5 March 1998", True),
    ],
)
def test_a_date_holds_what_is_inside_it(wide: str, narrow: str, holds: bool) -> None:
    (one,), (other,) = dates(wide), dates(narrow)
    assert one.holds(other) is holds


def test_dates_clash_when_they_cannot_be_the_same_day() -> None:
    (march,), (april,), (year,) = dates("March 1998"), dates("April 1998"), dates("in 1998")
    assert march.clashes(april)
    assert not march.clashes(year)
