"""What kind of words answer a question (a date, a number, a price, a name), and who has such: pure.

Takes a question and sentences, by patterns for English and Chinese; a question in another language has no
kind that we know, which takes nothing away from its sentences.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["date", "number", "price", "name"]

_DATE_ASKED = re.compile(
    r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|decade|century)\b|\bsince when\b"
    r"|什么时候|何时|哪一?年|哪一?天|哪个世纪|哪个年代|什么年份|什么日期|几月|几年",
    re.IGNORECASE,
)
_PRICE_ASKED = re.compile(
    r"\bwhat (?:does|did|do|will|would)\b.*\bcost\b|\bhow (?:much|expensive)\b.*\b(?:cost|pay|paid|price)\b"
    r"|\bwhat (?:is|was|are|were) the (?:\w+ )?(?:costs?|price|fee|fare|rent)\b|\bhow expensive\b"
    r"|多少钱|什么价|价格|价钱|多贵|花费多少|费用",
    re.IGNORECASE,
)
_NUMBER_ASKED = re.compile(
    r"\bhow (?:many|much|long|old|far|often|high|tall|big|large|fast|deep|wide|heavy|thick|hot|cold)\b"
    r"|\bwhat (?:is |was |are |were )?(?:the )?(?:\w+ )?(?:percentage|percent|number|population|amount|age"
    r"|size|rate|temperature|cost|price|length|height|depth|width|weight|speed|distance)\b"
    r"|多少|几[个名位座种天次人层步倍]|多大|多长|多久|多高|多深|多远|多重|百分之几|比例|数量|人数",
    re.IGNORECASE,
)
_NAME_ASKED = re.compile(r"\bwho(?:se|m)?\b|谁|哪位|哪一位|何人|什么人|叫什么名字", re.IGNORECASE)

_ASKS = re.compile(
    r"\b(?:why|how|what|where|which|when|who(?:se|m)?)\b(?! about\b)"
    r"|什么|何|哪|谁|怎|为什么|多少|几|吗",
    re.IGNORECASE,
)

_DATE = re.compile(
    r"\b1\d{3}\b|\b20\d\d\b|\b\d+(?:st|nd|rd|th) century|\b\d+ (?:BC|AD|BCE|CE)\b"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
    r"|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b|\b[0-2]?\d:[0-5]\d\b|\b\d{1,2}(?:\.\d\d)? ?[ap]\.?m\b"
    r"|\d\s*年|\d\s*月|世纪|年代|公元"
)
# A sign of money before or after its number, or in the name of its column.
_PRICE = re.compile(
    r"[£$€¥￥]\W{0,4}\d|\d\s?[£$€¥]|\d[\d.,]*\s?(?:pence|pounds?|euros?|dollars?|cents?|francs?|[A-Z]{3}\b)"
    r"|\d[\d.,]*\s?[百千万亿]?[元块]|元\W{0,4}\d|[一二三四五六七八九十百千万]+[元块文两贯]|\b(?:penny|pence|pound|dollar)"
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|thousand|million|billion|half|third|quarter|dozen|once|twice)\b"
    r"|[一二三四五六七八九十百千万亿两]+[个名位座种年月日天次人分倍层步世]|半|百分之",
    re.IGNORECASE,
)
# A capital inside the sentence; the dot between the parts of a foreign name in Chinese.
_LATIN_NAME = re.compile(r"(?<=[\w,;:\"'“(’] )[\"“(]?([A-Z][\w’'-]+)")
_CHINESE_NAME = re.compile(r"[\u4e00-\u9fff][·•][\u4e00-\u9fff]")
_POINTING = re.compile(
    r"[\"“]?(?:(?:However|Today|Later|Then|Also|But|And|Instead|Thus|Therefore)[, ]+)?"
    r"(?:he|she|it|they|this|that|these|those|his|her|its|their|such|both|here|there|another|one)\b"
    r"|[他她它这该此其那]|前者|后者|双方",
    re.IGNORECASE,
)


def kind_asked(question: str) -> Kind | None:
    """What kind of answer `question` asks for; None when any sentence may answer."""
    if _DATE_ASKED.search(question):
        return "date"
    if _PRICE_ASKED.search(question):
        return "price"
    if _NUMBER_ASKED.search(question):
        return "number"
    return "name" if _NAME_ASKED.search(question) else None


def asks_nothing(question: str) -> bool:
    """Whether `question` has no word that asks: "and in London?" asks what was asked before."""
    return not _ASKS.search(question)


def has_kind(sentence: str, kind: Kind | None, question: str) -> bool:
    """Whether `sentence` holds words of that kind; a name counts if the question did not name it already."""
    if kind == "date":
        return bool(_DATE.search(sentence))
    if kind == "number":
        return bool(_NUMBER.search(sentence))
    if kind == "price":
        return bool(_PRICE.search(sentence))
    if kind == "name":
        asked = question.casefold()
        names = _LATIN_NAME.findall(sentence)
        return any(name.casefold() not in asked for name in names) or bool(_CHINESE_NAME.search(sentence))
    return False


def points_back(sentence: str) -> bool:
    """Whether `sentence` opens with a word that stands for something in the sentence before."""
    return bool(_POINTING.match(sentence))
