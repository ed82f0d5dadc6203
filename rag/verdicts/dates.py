"""The dates that a text names, in English and Chinese.

Takes text, gives `Date`s with their places. A date is as exact as its text: a day, a month, a year, a
decade, a century, or a day of a year that is not named. Pure; knows no calendar beyond month numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.text.numerals import CHINESE_NUMERAL, ORDINAL_WORDS, chinese_value, small_value
from rag.verdicts.units import AFTER_A_NUMBER, SCALE_WORDS


@dataclass(frozen=True, slots=True)
class Date:
    """A date: years from `first` to `last` (None: not named), month and day as far as they are named."""

    first: int | None
    last: int | None
    month: int | None
    day: int | None
    start: int
    end: int

    def holds(self, other: Date) -> bool:
        """Whether everything that `other` is exact about is inside this date: 1998 holds March 1998."""
        if self.first is not None and self.last is not None:
            if other.first is None or other.last is None:
                return False
            if not (self.first <= other.first and other.last <= self.last):
                return False
        return self.month in (None, other.month) and self.day in (None, other.day)

    def clashes(self, other: Date) -> bool:
        """Whether both can't be the same day."""
        if None not in (self.first, other.first) and (self.last < other.first or other.last < self.first):  # type: ignore[operator]
            return True
        return (None not in (self.month, other.month) and self.month != other.month) or (
            self.month == other.month and None not in (self.day, other.day) and self.day != other.day
        )


_MONTH_NAMES = "january|february|march|april|may|june|july|august|september|october|november|december"
_NAMES = _MONTH_NAMES.split("|")
_MONTHS = {name: i for i, name in enumerate(_NAMES, 1)} | {name[:3]: i for i, name in enumerate(_NAMES, 1)}
_MONTHS["sept"] = 9
_MONTH = "(?P<month>" + "|".join(f"{name}|{name[:3]}" for name in _NAMES) + r"|sept)\b\.?"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})(?!\d)"
_ERA = r"(?:\s*(?P<era>BCE?|B\.C\.(?:E\.)?))?"
_N = CHINESE_NUMERAL
_CJK_YEAR = (
    r"(?:(?P<year>\d{3,4}|[〇零一二三四五六七八九]{4})"
    rf"|(?P<bc>公元前|前)(?P<bcyear>\d{{1,4}}|[{_N}]{{1,5}})|公元(?P<adyear>\d{{1,4}}|[{_N}]{{1,5}}))\s*年(?![代级])"
)
_ORDINALS = "|".join(f"(?:twenty[- ])?{word}" for word in ORDINAL_WORDS)
_CJK_MONTH = rf"(?P<month>\d{{1,2}}|[{_N}]{{1,2}})\s*月(?!球|亮|光|饼)"
_CJK_DAY = rf"(?P<day>\d{{1,2}}|[{_N}]{{1,3}})\s*[日号號]"

_ANY_DATE = re.compile(rf"\d|[{_N}]|century|centuries|{_MONTH_NAMES}", re.IGNORECASE)
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?<![\d-]){_YEAR}-(?P<month>[01]?\d)-(?P<day>[0-3]?\d)(?!\d)",
        rf"(?<![\d/.]){_YEAR}[/.](?P<month>[01]?\d)[/.](?P<day>[0-3]?\d)(?!\d)",
        rf"(?<![\d/.])(?P<either>[0-3]?\d)[/.](?P<other>[0-3]?\d)[/.]{_YEAR}",
        rf"(?<!\d){_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}{_ERA}",
        rf"(?<!\w){_MONTH}\s+{_DAY}(?!\d|[,.]\d),?\s+{_YEAR}{_ERA}",
        rf"(?<!\w){_MONTH},?\s+(?:of\s+)?{_YEAR}{_ERA}",
        rf"(?<!\d){_DAY}\s+(?:of\s+)?{_MONTH}(?!\w)",
        rf"(?<!\w){_MONTH}\s+{_DAY}(?!\w|[,.:]\d)",
        rf"(?<!\d){_CJK_YEAR}\s*{_CJK_MONTH}\s*{_CJK_DAY}",
        rf"(?<!\d){_CJK_YEAR}\s*{_CJK_MONTH}(?:份|底|初|中)?",
        rf"(?<!\d){_CJK_MONTH}\s*{_CJK_DAY}",
        rf"(?<!\d)(?P<century>\d{{1,2}}|[{_N}]{{1,3}})世纪(?:的)?(?P<decade>\d0|[{_N}]{{1,3}})年代",
        rf"(?<!\d)(?P<bc>公元前|前)?(?P<century>\d{{1,2}}|[{_N}]{{1,3}})世纪",
        r"(?<![\w.,])(?P<decade>[12]\d{2}0)(?:'s|’s|s|年代)",
        rf"(?<!\w)(?P<century>\d{{1,2}}(?:st|nd|rd|th)|{_ORDINALS})[ -](?:century|centuries)\b{_ERA}",
        rf"(?<!\d){_CJK_YEAR}",
        r"(?<![\w.,])(?P<year>\d{1,4})\s*(?P<era>BCE?\b|B\.C\.)",
        r"(?:\bAD|\bA\.D\.)\s*(?P<year>\d{1,4})(?!\d)",
        r"(?<![\w.,:/$€£¥-])(?P<year>1\d{3}|20\d{2})[-–—/](?P<short>\d\d)(?![\d-]|[.,]\d)",
        r"(?<![\w.,:/$€£¥+])(?P<year>1\d{3}|20\d{2})(?![a-z\d_%°]|[.,:]\d|/\d|-\w*[a-z])"
        rf"(?!\s*(?:{AFTER_A_NUMBER}|{SCALE_WORDS}))",
        rf"(?<!\w)(?-i:(?P<month>{'|'.join(n.title() for n in _NAMES if n not in ('march', 'may'))}))(?!\w)",
        r"(?<=\bin )(?-i:(?P<month>March|May))(?!\w)",
        r"(?<!\d)(?P<month>1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])\s*月份?(?!球|亮|光|饼)",
    )
]


def dates(text: str) -> list[Date]:
    """The dates of `text` in its order; of forms that overlap, the fuller one."""
    found: list[Date] = []
    if not _ANY_DATE.search(text):
        return found
    taken = bytearray(len(text))
    for form in _FORMS:
        for match in form.finditer(text):
            if any(taken[match.start() : match.end()]):
                continue
            read = list(_read(match))
            if read:
                taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
                found += read
    return _ranges(sorted(found, key=lambda date: date.start), text)


_TO = re.compile(r"\s*(?:to|until|till|through|and|[-–—~～至到])\s*", re.IGNORECASE)


def _ranges(found: list[Date], text: str) -> list[Date]:
    """In "1 May to 15 October 1851" the first day is in 1851, too; in 1905年9月至11月 the last is in 1905."""
    for i in range(len(found) - 1):
        one, other = found[i], found[i + 1]
        if not _TO.fullmatch(text, one.end, other.start):
            continue
        if one.first is None and one.month and other.first is not None:
            found[i] = replace(one, first=other.first, last=other.last)
        elif other.first is None and other.month and one.first is not None and one.month:
            found[i + 1] = replace(other, first=one.first, last=one.last)
    return found


def _read(match: re.Match[str]) -> Iterator[Date]:
    parts = {name: text for name, text in match.groupdict().items() if text}
    months: Sequence[int | None] = (_month(parts.get("month")),)
    days: Sequence[int | None] = (_number(parts.get("day")),)
    if "either" in parts:  # 05/03/1998 is in March or in May: whichever the other text means
        either, other = int(parts["either"]), int(parts["other"])
        pairs = [(d, m) for d, m in {(either, other), (other, either)} if 1 <= m <= 12 and 1 <= d <= 31]
        months, days = [m for _, m in pairs], [d for d, _ in pairs]
    elif any(parts.get(name) and not value for name, (value,) in (("month", months), ("day", days))):
        return
    if any(month is not None and not 1 <= month <= 12 for month in months):
        return
    if any(day is not None and not 1 <= day <= 31 for day in days):
        return
    years = _years(parts)
    if years is None:
        return
    for month, day in zip(months, days, strict=True):
        yield Date(*years, month, day, match.start(), match.end())
    if "short" in parts:  # 1914-18
        last = int(parts["year"][:2] + parts["short"])
        yield Date(last, last, None, None, match.start("short"), match.end())


def _years(parts: dict[str, str]) -> tuple[int | None, int | None] | None:
    """First and last year, (None, None) where none is named, None where the words are no date."""
    sign = -1 if "era" in parts or "bc" in parts else 1
    if "century" in parts:
        century = _number(re.sub(r"(?<=\d)(st|nd|rd|th)$", "", parts["century"]))
        if not century:
            return None
        first, last = century * 100 - 99, century * 100
        if "decade" in parts:
            decade = _number(parts["decade"])
            return None if decade is None else (first - 1 + decade, first + 8 + decade)
        return (first - 1, last) if sign > 0 else (-last, -first)  # people count 1900 to the 20th, too
    if "decade" in parts:
        return int(parts["decade"]), int(parts["decade"]) + 9
    named = parts.get("year") or parts.get("bcyear") or parts.get("adyear")
    if named:
        year = _number(named)
        return None if year is None else (sign * year, sign * year)
    return None, None


def _month(text: str | None) -> int | None:
    return None if text is None else _MONTHS.get(text.casefold()) or _number(text)


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    value = chinese_value(text) if not text.isascii() else small_value(text)
    return None if value is None else int(value)
