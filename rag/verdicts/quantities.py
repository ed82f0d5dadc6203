"""The numbers that a text names, with their units, in English and Chinese.

Takes text, gives `Quantity`s with their places: digits in any grouping, number words, Chinese numerals,
shares, ordinals, clock times; values in the unit's base, so that 5 km is 5,000 m. Dates are not among them.
Pure; knows nothing of what is counted.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from rag.text.numerals import (
    CHINESE_NUMERAL,
    NUMBER_WORDS,
    ORDINAL_WORDS,
    SCALES,
    TENS_WORDS,
    chinese_value,
    small_value,
)
from rag.verdicts.units import AFTER_A_NUMBER, CURRENCY_SIGNS, SCALE_WORDS, UNITS, Unit, unit_named

SAME = 1e-9  # relative: beyond float noise, a number is another number
CLOSE = 0.01  # how far a rounding may be off without a word that says "about"
ABOUT = 0.05  # and with one
CONVERTED = 0.02  # and from another unit of the same measure


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as a text states it: `value` in its unit, `digits` significant ones, how it is hedged."""

    value: float
    digits: int
    unit: Unit | None
    hedge: str  # "", "about", "over" or "under"
    start: int
    end: int

    @property
    def measure(self) -> str:
        """What the unit measures; "" where there is none."""
        return self.unit.measure if self.unit else ""

    def borne_out_by(self, other: Quantity) -> bool:
        """Whether a text that says `other` bears this out: equal, or an honest rounding of it."""
        if self.unit and other.unit:
            if self.unit.measure != other.unit.measure:
                return False
            mine, theirs = self.unit.base(self.value), other.unit.base(other.value)
        elif self.unit or other.measure == "share":
            return False  # 5 km is not borne out by a bare 5
        else:
            mine, theirs = self.value, other.value
        if math.isclose(mine, theirs, rel_tol=SAME, abs_tol=SAME):
            return {self.hedge, other.hedge} != {"over", "under"}
        if mine == 0 or theirs == 0 or (mine < 0) != (theirs < 0):
            return False
        off = abs(mine - theirs) / abs(theirs)
        if self.unit and other.unit and self.unit != other.unit and self.unit.factor != other.unit.factor:
            return off <= CONVERTED
        if self.hedge == "over":
            return theirs > mine and off <= 5 * ABOUT
        if self.hedge == "under":
            return theirs < mine and off <= 5 * ABOUT
        return self._rounds(theirs, mine) and off <= (ABOUT if self.hedge else CLOSE)

    def _rounds(self, exact: float, base: float) -> bool:
        """Whether rounding `exact` to as many digits as we have gives `base` (both in base units)."""
        size = 10.0 ** (math.floor(math.log10(abs(base))) + 1 - self.digits)
        return abs(exact - base) <= size / 2 * (1 + SAME) and self.digits < _digits_of(exact)


def _digits_of(value: float) -> int:
    return len(f"{value:.12g}".replace("-", "").replace(".", "").split("e")[0].strip("0"))


_WORDS = "|".join(word for word in NUMBER_WORDS if word != "a")
_N = CHINESE_NUMERAL
_COUNTED = (
    "个座名人次倍层種种条條米家所位届屆只张張台辆艘架部首幅件项項点點周小分秒天年月岁"
    "尺寸丈里石斗升两钱贯文回章节号路室笔支根粒碗杯瓶盒袋包箱桶串组排行段字页"
    "歲吨元公千厘毫平立英亩卷册篇集场場步级級度门門本枚颗顆株头頭匹间間栋棟里多余餘"
)
# 一 counts before these; 一天, 一度 or 一时 are as often "some day", "once", "for a moment".
_ONE_OF = (
    "年",
    "个月",
    "周",
    "小时",
    "个小时",
    "公里",
    "千米",
    "米",
    "公斤",
    "千克",
    "吨",
    "公顷",
    "亩",
    "元",
)
_NUMBER = re.compile(
    rf"""
    (?P<ofhundred>百分之)?
    (?P<money>(?:US|HK|A|C)?[{re.escape(CURRENCY_SIGNS)}]|\b(?:USD|EUR|GBP|RMB|CNY|JPY)\s?)?\s*
    (?:
      (?P<minus>(?<![\w)\]])[-−–](?=\d)|零下|minus\s)?
      (?P<digits>\d{{1,3}}(?:[,，  ]\d{{3}})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?)
      (?P<nth>st|nd|rd|th)?(?![A-Za-z]*\d)
    | (?P<halfof>\bhalf(?:\s+an?)?(?=\s+[a-z]))
    | (?P<words>\b(?i:(?:{_WORDS})|a(?=\s+(?:hundred|thousand|million|billion|dozen)))
        (?i:(?:(?<=hundred)\s+and|(?<=thousand)\s+and|(?<=million)\s+and)?[\s-]+(?:{_WORDS}))*)\b
    | (?<!第)(?P<han>[{_N}]+)(?:点(?P<handecimal>[零〇一二三四五六七八九]+))?
    )
    (?:\s*(?P<scale>{SCALE_WORDS})(?![A-Za-z])|(?P<letter>[kKmM])(?![A-Za-z]))?
    (?:[多余餘]|\s*\+)?
    (?:\)?[\s-]?(?P<unit>{AFTER_A_NUMBER}))?
    """,
    re.VERBOSE,
)
_ORDINAL = re.compile(
    rf"\b(?P<word>(?:(?:{TENS_WORDS})[- ])?(?:{'|'.join(ORDINAL_WORDS)}))\b"
    rf"|第\s*(?P<han>\d+|[{_N}]+)",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?<![\d:.])(?P<h>[012]?\d)(?:[:：]|\.(?=[0-5]\d\s*[ap]\.?m\b))(?P<m>[0-5]\d)(?![\d:])"
    r"(?:\s*(?P<half>[ap])\.?\s?m\b\.?)?"
    r"|(?<![\d:.])(?P<h2>[01]?\d)\s*(?P<half2>[ap])\.?\s?m\b\.?"
    rf"|(?<!分之)(?<![\d.{_N}])(?P<cjk>凌晨|早上|上午|中午|下午|晚上|晚间)?(?P<h3>\d{{1,2}}|[{_N}]{{1,3}})[点點时時]"
    rf"(?!代|间|期|候|半?[小以]|[零〇一二三四五六七八九]+(?!分))"
    rf"(?P<m3>半|(?:\d{{1,2}}|[{_N}]{{1,3}})(?=分))?分?",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    rf"(?P<under>\d+|[{_N}]+)分之(?P<over>\d+|[{_N}]+)|(?P<half>一半|半数|\bhalv(?:e|ed|es|ing)\b|\bhalf\b(?!\s+(?:an?\s+)?(?:hour|day|year|mile|metre|meter|litre|liter|kilo|dozen|minute|month)))"
    r"|\b(?P<count>one|two|three|four|a)[\s-](?P<part>third|quarter|fifth|tenth)s?\b|(?<![\w/])(?P<a>\d)/(?P<b>\d{1,2})(?![\w/])",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?<=`)[^`\n]+(?=`)"
    r"|(?<![A-Za-z0-9_])(?a:[a-z]\w*_\w+|[A-Za-z]+(?:[-_][A-Za-z]+)*[-_]?\d[\w.-]*\w|[A-Za-z]+[-_]?\d|\d+(?:\.\d+){2,})(?![A-Za-z0-9_])"
)
_PARTS = {"third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
_SCALES = SCALES | {
    "bn": 1e9, "k": 1e3, "m": 1e6, "百": 100, "千": 1e3, "万": 1e4, "萬": 1e4, "百万": 1e6, "千万": 1e7,
    "亿": 1e8, "億": 1e8, "万亿": 1e12,
}  # fmt: skip
_HEDGES = {
    "about": r"(?:about|around|roughly|approximately|approx\.?|some|circa|c\.|ca\.|nearly|almost|close to|~|≈"
    r"|约|約|大约|大約|将近|近|接近|差不多|左右|上下)",
    "over": r"(?:over|more than|above|exceed(?:s|ed|ing)?|upwards of|at least|超过|超過|逾|多于|高于|至少)",
    "under": r"(?:under|less than|fewer than|below|up to|at most|不到|不足|少于|低于|至多|最多)",
}
_HEDGE_BEFORE = {
    name: re.compile(rf"(?<![a-z]){words}(?: (?:the|a|an))?\s*$", re.IGNORECASE)
    for name, words in _HEDGES.items()
}
_HEDGE_AFTER = re.compile(r"^\s*(?:or so\b|左右|上下|以上)", re.IGNORECASE)


def codes(text: str) -> list[tuple[str, int, int]]:
    """Words with digits in them that name something (A380, COVID-19, 3.11.7), with their places."""
    return [(match[0], match.start(), match.end()) for match in _CODE.finditer(text)]


def quantities(text: str) -> list[Quantity]:
    """The numbers of `text` in its order; blank the dates before, or their numbers are found again."""
    found: list[Quantity] = []
    text = _CODE.sub(lambda match: " " * len(match[0]), text)
    for form, read in ((_CLOCK, _clock), (_FRACTION, _fraction), (_NUMBER, _number), (_ORDINAL, _ordinal)):
        kept = []
        for match in form.finditer(text):
            quantity = read(match, text)
            if quantity is not None:
                found.append(quantity)
                kept.append((match.start(), match.end()))
        for start, end in kept:
            text = text[:start] + " " * (end - start) + text[end:]
    return _ranges(sorted(found, key=lambda quantity: quantity.start), text)


_RANGE = re.compile(r"\s*(?:[-–—~～×x至到和或]|to|and|or|by)\s*")


def _ranges(found: list[Quantity], text: str) -> list[Quantity]:
    """In "80 to 120 kg" the 80 is kilograms, too."""
    for i in reversed(range(len(found) - 1)):
        if (
            not found[i].unit
            and found[i + 1].unit
            and _RANGE.fullmatch(text, found[i].end, found[i + 1].start)
        ):
            found[i] = replace(found[i], unit=found[i + 1].unit)
    return found


def _number(match: re.Match[str], text: str) -> Quantity | None:
    value, digits = _bare_value(match, text)
    if value is None:
        return None
    scale = match["scale"] or (match["letter"] or "").casefold()
    unit = unit_named(match["unit"]) if match["unit"] else None
    end = match.end()
    if scale == "m" and not match["money"]:  # 5m is five metres, $5m five million
        scale, unit = "", UNITS["m"]
    value *= _SCALES.get(scale.casefold(), 1.0) if scale else 1.0
    if match["money"]:
        unit = unit_named(re.sub(r"^(?:US|HK|A|C)(?=\$)", "", match["money"].strip())) or unit
    if match["ofhundred"]:
        unit = UNITS["%"]
    if match["minus"]:
        value = -value
    start = end - len(match[0].lstrip())
    return Quantity(value, digits, unit, _hedge(text, start, end), start, end)


def _bare_value(match: re.Match[str], text: str) -> tuple[float | None, int]:
    if match["digits"]:
        plain = re.sub(r"[,，  ]", "", match["digits"])
        significant = plain.replace(".", "").lstrip("0")
        return float(plain), max(1, len(significant if "." in plain else significant.rstrip("0")))
    if match["halfof"]:
        return (0.5, 1) if match["unit"] else (None, 0)
    if match["words"]:
        word = match["words"].casefold()
        if word in ("dozen", "hundred", "thousand", "million", "billion") or (
            word == "one" and not match["unit"]
        ):
            return None, 0  # an uncounted many, or a pronoun
        value = small_value(match["words"])
    else:
        value = _han_value(match, text)
    return value, (_digits_of(value) or 1) if value is not None else 0


def _han_value(match: re.Match[str], text: str) -> float | None:
    """The value of Chinese numerals where they count; 一些, 千万 and 三角 do not."""
    numeral = match["han"]
    value = chinese_value(numeral)
    after = text[match.end() : match.end() + 1]
    if numeral == "一" and match["unit"] in _ONE_OF:
        return 1.0
    if numeral == "十" and match["unit"] == "分" and after not in ("钟", "之"):  # 十分: very
        return None
    if value is None or numeral in ("一", "万", "千万", "百", "千", "亿", "百万", "十万", "零", "万一"):
        return value if numeral in ("十",) else None
    if match["handecimal"] and value is not None:
        value += float(
            "0."
            + "".join(str("零一二三四五六七八九".find(c.replace("〇", "零"))) for c in match["handecimal"])
        )
    following = text[match.end("han") : match.end("han") + 1]
    counts = (
        match["scale"] or match["unit"] or match["ofhundred"] or match["handecimal"] or following in _COUNTED
    )
    if len(numeral) == 1 and not (counts and following):
        return None
    return value


def _ordinal(match: re.Match[str], text: str) -> Quantity | None:
    word = match["word"]
    if word and word.casefold() in ("first", "second"):  # adverbs and units as often as ordinals
        return None
    han = match["han"]
    if han in ("一", "二") and text[match.end() : match.end() + 1] in ("年", "天", "次"):  # the next one
        return None
    value = small_value(word) if word else float(han) if han.isascii() else chinese_value(han)
    if value is None:
        return None
    return Quantity(value, _digits_of(value) or 1, None, "", match.start(), match.end())


def _clock(match: re.Match[str], text: str) -> Quantity | None:
    hour_text = match["h"] or match["h2"] or match["h3"]
    hour = float(hour_text) if hour_text.isascii() else chinese_value(hour_text)
    minute_text = match["m"] or match["m3"] or "0"
    if minute_text == "半":
        minute: float | None = 30.0
    else:
        minute = float(minute_text) if minute_text.isascii() else chinese_value(minute_text)
    if hour is None or minute is None or hour > 24:
        return None
    half = (match["half"] or match["half2"] or "").casefold()
    if half == "p" or match["cjk"] in ("下午", "晚上", "晚间"):
        hour += 12 if hour < 12 else 0
    elif half == "a" and hour == 12:
        hour = 0
    minutes = hour * 60 + minute
    return Quantity(minutes, 4, Unit("clock", 1.0), "", match.start(), match.end())


def _fraction(match: re.Match[str], text: str) -> Quantity | None:
    if match["under"]:
        if match["under"] == "百":
            return None
        over, under = (
            chinese_value(part) if not part.isascii() else float(part)
            for part in (match["over"], match["under"])
        )
    elif match["half"]:
        over, under = 1.0, 2.0
    elif match["part"]:
        over, under = small_value(match["count"]) or 1.0, float(_PARTS[match["part"].casefold()])
    else:
        over, under = float(match["a"]), float(match["b"])
    if over is None or not under:
        return None
    return Quantity(100 * over / under, 2, UNITS["%"], "about", match.start(), match.end())


def _hedge(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - 24) : start], text[end : end + 8]
    for name, pattern in _HEDGE_BEFORE.items():
        if pattern.search(before):
            return name
    if _HEDGE_AFTER.search(after):
        return "over" if after.lstrip().startswith("以上") else "about"
    if re.search(r"[多余餘+]", text[max(start, end - 3) : end]):
        return "over"
    return ""
