"""Numbers written as words: "twenty-five", "nineteenth", 一百二十, 三千五百万.

Takes a word or a run of numerals, gives its value, or a value and gives its Chinese numerals. Pure; does not
look for numbers in running text.
"""

from __future__ import annotations

import re

_UP_TO_NINETEEN = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen"""
_SMALL = _UP_TO_NINETEEN.split()
TENS_WORDS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_TENS = TENS_WORDS.split("|")
_ORDINAL = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
}  # fmt: skip
SCALES = {"hundred": 100, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12}
_VALUES = (
    {word: i for i, word in enumerate(_SMALL)}
    | {word: 10 * i for i, word in enumerate(_TENS, 2)}
    | {"twice": 2, "thrice": 3}
)
_ORDINALS = (
    _ORDINAL
    | {f"{word}th": i for i, word in enumerate(_SMALL) if word not in ("zero", "one", "two", "three", "five")}
    | {f"{word[:-1]}ieth": 10 * i for i, word in enumerate(_TENS, 2)}
    | {"hundredth": 100, "thousandth": 1000, "millionth": 1000000}
)

NUMBER_WORDS = tuple(sorted({*_VALUES, *SCALES, "a"} - {"zero"}, key=len, reverse=True))
ORDINAL_WORDS = tuple(sorted(_ORDINALS, key=len, reverse=True))

CHINESE_NUMERAL = "零〇一二两兩三四五六七八九十百千万萬亿億"
_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "兩": 2} | {
    c: i for i, c in enumerate("三四五六七八九", 3)
}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}


def small_value(words: str) -> float | None:
    """The value of English number words; None where they are none. `small_value("twenty-first")` is 21."""
    total, current, seen = 0.0, 0.0, False
    for word in re.split(r"[\s-]+", words.casefold().strip()):
        if word in ("and", ""):
            continue
        if word == "a" and not seen:
            current = 1
        elif word in _VALUES or word in _ORDINALS:
            current += _VALUES.get(word, _ORDINALS.get(word, 0))
            seen = True
        elif word in SCALES:
            scale = SCALES[word]
            current = max(current, 1) * scale
            if scale >= 1000:
                total, current = total + current, 0
            seen = True
        else:
            return None
    return total + current if seen else None


def chinese_value(numeral: str) -> float | None:
    """The value of a run of Chinese numerals: 一百二十 is 120, 二〇二四 2024, 三千五百万 35,000,000."""
    if not numeral or any(c not in CHINESE_NUMERAL for c in numeral):
        return None
    if all(c in _DIGITS for c in numeral):
        return float("".join(str(_DIGITS[c]) for c in numeral))
    total, section, digit, last_unit = 0, 0, 0, 1
    for c in numeral:
        if c in _DIGITS:
            digit, last_unit = _DIGITS[c], (1 if c in "零〇" else last_unit)
        elif c in _UNITS:
            section, digit, last_unit = section + (digit or 1) * _UNITS[c], 0, _UNITS[c]
        else:
            scale = _MYRIADS[c]
            if scale == 10**8:
                total, section = (total + section + digit or 1) * scale, 0
            else:
                total, section = total + (section + digit or 1) * scale, 0
            digit, last_unit = 0, scale
    if digit and last_unit > 10 and numeral[-2:-1] not in ("零", "〇"):  # 三千五 is 3500
        digit *= last_unit // 10
    return float(total + section + digit)


LARGEST_NUMERAL = 10**12  # exclusive


def chinese_numeral(value: int) -> str:
    """The numerals of 0 to under 10^12 as they are spoken: 120 is 一百二十, 15 十五, 1005 一千零五."""
    if not 0 <= value < LARGEST_NUMERAL:
        raise ValueError(f"{value} is not from 0 to under {LARGEST_NUMERAL}")
    written, gap = "", False
    for scale, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
        section = value // scale % 10**4
        if section:
            written += ("零" if written and (gap or section < 1000) else "") + _section(section) + name
        gap = bool(written) and not section
    return (written or "零").removeprefix("一") if 10 <= _leading(value) < 20 else written or "零"


def _leading(value: int) -> int:
    """What stands before the first 万 or 亿: of 150,000 it is 15."""
    while value >= 10**4:
        value //= 10**4
    return value


def _section(section: int) -> str:
    """Numerals of 1 to 9999, 一十 for ten."""
    written, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = section // unit % 10
        if digit:
            written += ("零" if written and gap else "") + "零一二三四五六七八九"[digit] + name
        gap = not digit
    return written
