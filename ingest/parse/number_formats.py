"""A number and its format code -> what a person sees in the cell: `0.075` with `0.0%` is "7.5%".

Takes codes as ECMA-376 part 1, 18.8.31 describes them. Dates and times come out in ISO form, as exact as the
code shows them ("mmm yy" gives "2024-03"), since neither order nor month names depend on a country then.
Colours, padding and alignment are dropped; digits are grouped by commas. Knows no cells.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: '"$"#,##0;-"$"#,##0',
    6: '"$"#,##0;-"$"#,##0',
    7: '"$"#,##0.00;-"$"#,##0.00', 8: '"$"#,##0.00;-"$"#,##0.00', 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 41: '#,##0;-#,##0;"-"',
    42: '"$"#,##0;-"$"#,##0;"-"', 43: '#,##0.00;-#,##0.00;"-"', 44: '"$"#,##0.00;-"$"#,##0.00;"-"',
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
# In East Asian editions these are dates and times, each in its own order (18.8.30).
BUILT_IN |= dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd")
BUILT_IN |= dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm")

_LONGEST_CODE = 255  # characters, as in Excel
_LAST_DAY = 2_958_465  # 31 December 9999
_EXACT = 15  # digits that a spreadsheet shows of a number
_GENERAL_DIGITS = 11
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<padding>.?)|\*(?P<filling>.?)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>General)|(?P<half>AM/PM|A/P)|(?P<exponent>E[+-])|(?P<date>[yY]+|[mM]+|[dD]+|[hH]+|[sS]+|[eg]+)"
    r"|(?P<digit>[0#?])|(?P<other>.)",
    re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_COMPARED = {
    "<": lambda value, limit: value < limit,
    ">": lambda value, limit: value > limit,
    "<=": lambda value, limit: value <= limit,
    ">=": lambda value, limit: value >= limit,
    "=": lambda value, limit: value == limit,
    "<>": lambda value, limit: value != limit,
}


@dataclass(frozen=True, slots=True)
class _Section:
    """One of a code's sections: tokens as (kind, text), and when it is the one."""

    tokens: tuple[tuple[str, str], ...]
    condition: tuple[str, float] | None = None

    @property
    def is_date(self) -> bool:
        return any(kind in ("date", "elapsed") for kind, _ in self.tokens)

    def has(self, kind: str) -> bool:
        return any(known == kind for known, _ in self.tokens)


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """What a cell with that number and that format code shows; `from_1904`: how the workbook counts days."""
    if code == "General" or not math.isfinite(value):
        return general(value)
    sections = _sections(code[:_LONGEST_CODE])
    section, negative = _section_for(value, sections)
    if section.is_date:
        return _moment(value, section, from_1904=from_1904)
    sign = "-" if negative else ""
    if section.has("digit"):
        return (sign + _number(abs(value), section)).strip()
    if section.has("general") or section.has("text") or not section.has("literal"):
        number = general(abs(value) if negative else value)
        before, _, after = "".join(
            text if kind == "literal" else "\0" for kind, text in section.tokens
        ).partition("\0")
        return f"{before}{sign}{number}{after}".replace("\0", "").strip()
    return "".join(text for kind, text in section.tokens if kind == "literal").strip()


def general(value: float) -> str:
    """A number without a format: whole ones in full, others with as many digits as a cell shows."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 10**_EXACT:
        return str(int(value))
    written = f"{value:.{_GENERAL_DIGITS}g}"
    return written.replace("e", "E")


@lru_cache(maxsize=4096)
def is_date(code: str) -> bool:
    """Whether numbers with that format code are dates or times."""
    return _sections(code[:_LONGEST_CODE])[0].is_date


@lru_cache(maxsize=4096)
def _sections(code: str) -> tuple[_Section, ...]:
    sections: list[_Section] = []
    tokens: list[tuple[str, str]] = []
    condition: tuple[str, float] | None = None
    for found in _TOKEN.finditer(code):
        kind, text = str(found.lastgroup), found[str(found.lastgroup)]
        if kind == "other" and text == ";":
            sections.append(_Section(tuple(tokens), condition))
            tokens, condition = [], None
        elif kind == "bracket":
            if compared := _CONDITION.fullmatch(text):
                condition = compared[1], float(compared[2])
            elif text.startswith("$"):
                tokens.append(("literal", text[1:].partition("-")[0]))
            elif text.lower() in ("h", "hh", "m", "mm", "s", "ss"):
                tokens.append(("elapsed", text.lower()))
        elif kind in ("quoted", "escaped"):
            tokens.append(("literal", text))
        elif kind == "other":
            tokens.append(("point", text) if text in ".,%/" else ("text" if text == "@" else "literal", text))
        elif kind not in ("padding", "filling"):
            tokens.append((kind, text.lower() if kind == "date" else text))
    sections.append(_Section(tuple(tokens), condition))
    return tuple(sections)


def _section_for(value: float, sections: tuple[_Section, ...]) -> tuple[_Section, bool]:
    """The section that shows the value, and whether a minus comes before it."""
    if any(section.condition for section in sections):
        for section in sections:
            if section.condition is None or _COMPARED[section.condition[0]](value, section.condition[1]):
                return section, value < 0
        return _Section((("general", ""),)), value < 0
    if value < 0 and len(sections) > 1 and sections[1].tokens:
        return sections[1], False
    if value == 0 and len(sections) > 2 and sections[2].tokens:
        return sections[2], False
    return sections[0], value < 0


# --- numbers --------------------------------------------------------------------------------------


def _number(value: float, section: _Section) -> str:
    """A number that is not negative, by placeholders."""
    tokens = list(section.tokens)
    digits = [place for place, (kind, _) in enumerate(tokens) if kind == "digit"]
    if section.has("exponent"):
        return _scientific(value, tokens)
    slash = tokens.index(("point", "/")) if ("point", "/") in tokens else None
    if slash is not None and digits[0] < slash < len(tokens) - 1:
        return _fraction(value, tokens, slash)
    point = tokens.index(("point", ".")) if ("point", ".") in tokens else None
    last_whole = max((place for place in digits if point is None or place < point), default=-1)
    commas = [place for place, token in enumerate(tokens) if token == ("point", ",")]
    grouped = any(digits[0] < place < last_whole for place in commas)
    scale = sum(place > digits[-1] or (point is not None and last_whole < place < point) for place in commas)
    power = 2 * sum(token == ("point", "%") for token in tokens) - 3 * scale
    decimals = [tokens[place][1] for place in digits if point is not None and place > point]
    whole, part = _rounded(value, power, len(decimals))
    while part and decimals and part.endswith("0") and decimals[-1] == "#":
        part, decimals = part[:-1], decimals[:-1]
    left = _filled(tokens[: point if point is not None else len(tokens)], whole, grouped=grouped)
    if point is None:
        return left
    right, rest = [], iter(part)
    for kind, text in tokens[point + 1 :]:
        right.append(next(rest, "") if kind == "digit" else "" if text == "," else text)
    return left + ("." if part else "") + "".join(right)


def _rounded(value: float, power: int, decimals: int) -> tuple[str, str]:
    """Digits before and after the point, as a person rounds: of the digits that are exact, halves up."""
    with localcontext() as context:
        context.prec = 400
        exact = Decimal(f"{value:.{_EXACT}g}").scaleb(power)
        whole, _, part = f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}".partition(".")
    return whole.lstrip("0"), part


def _filled(tokens: list[tuple[str, str]], digits: str, *, grouped: bool) -> str:
    """The digits of a whole number put into its placeholders, from the right."""
    places = [place for place, (kind, _) in enumerate(tokens) if kind == "digit"]
    out: list[str] = []
    left, count = digits, 0
    for place in range(len(tokens) - 1, -1, -1):
        kind, text = tokens[place]
        if kind != "digit":
            out.append("" if (kind, text) == ("point", ",") else text)
            continue
        taken = left if place == places[0] else left[-1:]
        left = left[: len(left) - len(taken)]
        for digit in reversed(taken or ("0" if text == "0" else "")):
            out.append(digit + ("," if grouped and count and count % 3 == 0 else ""))
            count += 1
    return "".join(reversed(out))


def _scientific(value: float, tokens: list[tuple[str, str]]) -> str:
    mark = next(place for place, (kind, _) in enumerate(tokens) if kind == "exponent")
    mantissa = tokens[:mark]
    point = mantissa.index(("point", ".")) if ("point", ".") in mantissa else len(mantissa)
    decimals = sum(kind == "digit" for kind, _ in mantissa[point:])
    head, _, exponent = f"{value:.{decimals}E}".partition("E")
    width = sum(kind == "digit" for kind, _ in tokens[mark:])
    sign = "-" if exponent.startswith("-") else "+" if tokens[mark][1] == "E+" else ""
    return f"{head}E{sign}{abs(int(exponent)):0{width}d}"


def _fraction(value: float, tokens: list[tuple[str, str]], slash: int) -> str:
    below = "".join(text for kind, text in tokens[slash + 1 :] if kind in ("digit", "literal")).strip()
    exact = Fraction(f"{value:.{_EXACT}g}")
    has_whole = (
        sum(kind == "digit" and before != "digit" for kind, before in _with_before(tokens[:slash])) > 1
    )
    whole = int(exact) if has_whole else 0
    if below.isdecimal() and int(below) > 0:
        bottom = int(below)
        top = round((exact - whole) * bottom)
    else:
        near = (exact - whole).limit_denominator(10 ** min(max(1, len(below)), 5) - 1)
        top, bottom = near.numerator, near.denominator
    if has_whole and top == bottom:
        whole, top = whole + 1, 0
    part = f"{top}/{bottom}" if top or not has_whole else ""
    return f"{whole or ''} {part}".strip() or "0"


def _with_before(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each token's kind with the kind before it."""
    kinds = [kind for kind, _ in tokens]
    return list(zip(kinds, ["", *kinds[:-1]], strict=True))


# --- dates and times ------------------------------------------------------------------------------


def _moment(value: float, section: _Section, *, from_1904: bool) -> str:
    kinds = [
        text if kind == "elapsed" else text[0] for kind, text in section.tokens if kind in ("date", "elapsed")
    ]
    if section.has("elapsed"):
        return _elapsed(value, kinds)
    if not 0 <= value < _LAST_DAY + 1:
        return general(value)
    moment = _date(value, from_1904=from_1904)
    parts = _minutes_told_apart(kinds)
    shown_date = ""
    if parts & set("ymdeg"):
        year_and_month = "%Y-%m" if "m" in parts else "%Y"
        whole = "d" in parts or not parts & set("ye")
        shown_date = moment.strftime("%Y-%m-%d" if whole and parts != {"m"} else year_and_month)
        shown_date = shown_date.zfill(10 if whole else 4)
    if not parts & set("hMs"):
        return shown_date
    return f"{shown_date} {moment:%H:%M}{moment.strftime(':%S') if 's' in parts else ''}".strip()


def _date(value: float, *, from_1904: bool) -> datetime:
    days = int(value)
    seconds = round((value - days) * 86_400)
    if from_1904:
        return datetime(1904, 1, 1) + min(timedelta(days, seconds), timedelta(_LAST_DAY - 1462))
    # Excel has a 29 February 1900, as Lotus 1-2-3 had
    start = datetime(1899, 12, 31) if days < 60 else datetime(1899, 12, 30)
    return start + min(timedelta(days, seconds), timedelta(_LAST_DAY))


def _minutes_told_apart(kinds: list[str]) -> set[str]:
    """The parts that are shown; "m" after hours or before seconds is minutes, and "M" here."""
    parts = set()
    for place, kind in enumerate(kinds):
        near = (kinds[place - 1] if place else "", kinds[place + 1] if place + 1 < len(kinds) else "")
        parts.add("M" if kind == "m" and (near[0] == "h" or near[1] == "s") else kind)
    return parts


def _elapsed(value: float, kinds: list[str]) -> str:
    sign, seconds = "-" if value < 0 else "", round(abs(value) * 86_400)
    first = kinds[0][0]
    if first == "h":
        rest = f":{seconds % 60:02d}" if "s" in kinds else ""
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02d}{rest}"
    return f"{sign}{seconds // 60}:{seconds % 60:02d}" if first == "m" else f"{sign}{seconds}"
