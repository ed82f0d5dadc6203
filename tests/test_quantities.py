"""Numbers as people write them, and which bear each other out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.numerals import chinese_numeral, chinese_value, small_value
from rag.verdicts.quantities import codes, quantities


@pytest.mark.parametrize(
    ("numeral", "value"),
    [("一百二十", 120), ("二〇二四", 2024), ("三千五百万", 35_000_000), ("一万零五百", 10_500),
     ("三千五", 3_500), ("十二", 12), ("两亿三千万", 230_000_000), ("一百零五", 105)],
)  # fmt: skip
def test_chinese_numerals(numeral: str, value: float) -> None:
    assert chinese_value(numeral) == value


@pytest.mark.parametrize(
    ("words", "value"),
    [("twenty-five", 25), ("one hundred and twenty", 120), ("two million three hundred thousand", 2_300_000),
     ("nineteenth", 19), ("twenty-first", 21), ("a dozen", 12), ("bananas", None)],
)  # fmt: skip
def test_english_number_words(words: str, value: float | None) -> None:
    assert small_value(words) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.5 people", [(1234.5, "")]),
        ("3 million", [(3_000_000, "")]),
        ("$5m", [(5_000_000, "dollars")]),
        ("€1.2bn", [(1_200_000_000, "euros")]),
        ("12%", [(12, "share")]),
        ("-5 °C", [(-5, "temperature")]),
        ("80 to 120 kg", [(80, "mass"), (120, "mass")]),
        ("ninety (90) days", [(90, ""), (90, "time")]),
        ("two thirds", [(200 / 3, "share")]),
        ("half an hour", [(0.5, "time")]),
        ("14:30", [(870, "clock")]),
        ("7.30 pm", [(1170, "clock")]),
        ("一百二十座", [(120, "")]),
        ("3.5万人", [(35_000, "")]),
        ("百分之七点九", [(7.9, "share")]),
        ("下午3点半", [(930, "clock")]),
        ("120千克", [(120, "mass")]),
        ("2250万千瓦", [(22_500_000, "power")]),
        ("第三", [(3, "")]),
    ],
)
def test_forms(text: str, expected: list[tuple[float, str]]) -> None:
    assert [(pytest.approx(q.value), q.measure) for q in quantities(text)] == expected


@pytest.mark.parametrize(
    "text", ["one of them", "一些", "四川", "三角", "十分流畅", "千万不要", "A380", "first of all"]
)
def test_what_is_no_number(text: str) -> None:
    assert quantities(text) == []


@pytest.mark.parametrize(
    ("claimed", "stated", "borne"),
    [
        ("12 bridges", "twelve bridges", True),
        ("5 km", "5,000 metres", True),
        ("about 39 metres", "128 feet", True),
        ("about 3 million", "3,012,000", True),
        ("3 million", "3,012,000", True),
        ("3.2 million", "3,012,000", False),
        ("14,500", "14,800", False),
        ("over 70,000", "71,000", True),
        ("over 71,000", "70,000", False),
        ("above 0 °C", "below 0 °C", False),
        ("5 km", "5 miles", False),
        ("5 km", "5", False),
        ("5", "5%", False),
        ("50%", "half", True),
        ("200毫克", "0.2克", True),
        ("35.6亿元", "356000万元", True),
    ],
)
def test_which_numbers_bear_each_other_out(claimed: str, stated: str, borne: bool) -> None:
    (one,), (other,) = quantities(claimed), quantities(stated)
    assert one.borne_out_by(other) is borne


def test_codes_are_names_with_digits() -> None:
    text = "The A380, COVID-19 and 3.11.7 in `lru_cache`, 在B204会议室"
    assert [code for code, _, _ in codes(text)] == ["A380", "COVID-19", "3.11.7", "lru_cache", "B204"]


@pytest.mark.parametrize(
    ("value", "numeral"),
    [
        (0, "零"),
        (10, "十"),
        (15, "十五"),
        (30, "三十"),
        (110, "一百一十"),
        (1005, "一千零五"),
        (2024, "二千零二十四"),
        (10_000, "一万"),
        (100_500, "十万零五百"),
        (150_000, "十五万"),
        (35_000_000, "三千五百万"),
        (1_000_000_001, "十亿零一"),
    ],
)
def test_a_value_in_chinese_numerals(value: int, numeral: str) -> None:
    assert chinese_numeral(value) == numeral
    assert chinese_value(numeral) == value


@given(st.integers(0, 10**12 - 1))
def test_chinese_numerals_are_read_as_they_are_written(value: int) -> None:
    assert chinese_value(chinese_numeral(value)) == value
