"""Other ways to write what was asked for, and what a text says: pure.

Takes a word or a text, gives the words that may stand in a document for it. For questions and for comparing a
few texts closely, so that the index holds each text once, as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.text.numerals import CHINESE_NUMERAL, LARGEST_NUMERAL, chinese_numeral, chinese_value

ZEROS = 5  # in front of a number, as in 00123
SHORTEST_WITH_UMLAUT = 6  # letters: mueller may be müller, poet is not pöt
LONGEST_HALF = 5  # letters of each of two words that may be written as one
SHORTEST_TOGETHER = 4  # letters of both
MOST_TOGETHER = 4  # pairs of a question's words that are searched as one

_CODE = re.compile(r"([A-Za-z]+)([-_]?)(\d+)")
_WRITTEN_OUT = re.compile(r"(?<![aeiouq])([aou])e(?=[b-df-hj-np-tv-z])")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_APOSTROPHES = re.compile("['’‘]")
_GROUPED = r"(?<![\w.,'’])(?<!\d )\d{{1,3}}([{marks}])\d{{3}}(?:\1\d{{3}})*(?![\w'’]|[.,]\d| \d)"
_GROUPED_IN_QUESTIONS = re.compile(_GROUPED.format(marks=" '’"))  # of 1.000 it is not known what it is
_GROUPED_IN_TEXTS = re.compile(_GROUPED.format(marks=" .'’"))

# Written as one word and as two, and neither half so common that its place in every document must be read.
_COMPOUNDS = """
    wi fi; e mail; web site; web page; data base; data set; key word; file name; user name; pass word
    time stamp; time line; work flow; white space; name space; home page; health care; child care
    life time; life style; land mark; light house; light ship; water proof; head line; smart phone
    broad band; black board
"""
HALVES = {pair.replace(" ", ""): pair for pair in map(str.strip, re.split(r"[;\n]", _COMPOUNDS)) if pair}
_DIGIT = re.compile(r"\d")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_NUMERALS = re.compile(
    rf"(?:百分之)?(?:[{CHINESE_NUMERAL}]{{2,}}|(?<=百分之)[{CHINESE_NUMERAL}]|[{CHINESE_NUMERAL}](?=[年月日号章条页]))"
)
_MYRIADS = re.compile(r"(\d+(?:\.\d+)?)([万亿])")
_DIGITS = re.compile(r"(?<![A-Za-z0-9_.,])(\d{1,12})(?![A-Za-z0-9_]|[.,]\d)(%|[\u3400-\u4dbf\u4e00-\u9fff])?")


def other_spellings(word: str) -> list[str]:
    """Other spellings of a word in lower case; [] for most.

    A code with and without what joins it (`e7`: `e-7`), a number with zeros in front and without (`0123`:
    `123`), a large one in groups (`1000`: `1 000`, which is 1.000 too), umlauts written out and the other way
    round (`müller`: `mueller`), a name without its apostrophe (`o'brien`: `obrien`).
    """
    if word.isdecimal():
        plain = word.lstrip("0") or "0"
        numbers = ["0" * zeros + plain for zeros in range(ZEROS + 1)]
        return [one for one in (*numbers, _in_groups(plain)) if one != word]
    if code := _CODE.fullmatch(word):
        return [code[1] + ("" if code[2] else "-") + code[3]]
    spelled = [word.translate(_UMLAUTS), _APOSTROPHES.sub("", word)]
    if len(word) >= SHORTEST_WITH_UMLAUT:
        spelled.append(_WRITTEN_OUT.sub(r"\1", word))
    return [one for one in spelled if one != word]


def _in_groups(number: str) -> str:
    first = len(number) % 3 or 3
    return " ".join([number[:first], *(number[at : at + 3] for at in range(first, len(number), 3))])


def together(words: Sequence[str], stop_words: frozenset[str]) -> list[str]:
    """Neighbouring short words of a question as one: of `["wi", "fi?"]` it is `["wifi"]`."""
    bare = [re.sub(r"\W+\Z", "", word) for word in words]
    pairs = [
        one + other
        for one, other in zip(words, bare[1:], strict=False)
        if _are_halves(one, other) and stop_words.isdisjoint((one.casefold(), other.casefold()))
    ]
    return pairs[:MOST_TOGETHER]


def _are_halves(one: str, other: str) -> bool:
    """Whether these may be one word: `wi fi` may, `a b` and `x, y` may not."""
    together = one + other
    long_enough = one and other and len(together) >= SHORTEST_TOGETHER
    return bool(long_enough and together.isalpha() and together.isascii()) and (
        max(len(one), len(other)) <= LONGEST_HALF
    )


def with_joined_numbers(question: str) -> str:
    """The question with `1 000` and `1'000` as `1000`."""
    return _GROUPED_IN_QUESTIONS.sub(lambda found: re.sub(r"\D", "", found[0]), question)


def readings(text: str) -> Iterator[str]:
    """The numbers of a text spelt otherwise: without marks between groups, in digits, in Chinese numerals.

    `list(readings("三十年"))` is `["30"]`, of "30年" `["三十"]`, of "1.000 t" `["1000"]`.
    """
    has_digits = _DIGIT.search(text) is not None
    if has_digits:
        for number in _GROUPED_IN_TEXTS.finditer(text):
            yield re.sub(r"\D", "", number[0])
    if (not text.isascii() and _HAN.search(text)) or (has_digits and not _LETTER.search(text)):
        yield from _numbers_in_digits(text)
        yield from _numbers_in_numerals(text)


def _numbers_in_digits(text: str) -> Iterator[str]:
    for found in _NUMERALS.finditer(text):
        value = chinese_value(found[0].removeprefix("百分之"))
        if value is not None and value < LARGEST_NUMERAL:
            yield str(int(value))
    for number, myriad in _MYRIADS.findall(text):
        value = float(number) * (10**4 if myriad == "万" else 10**8)
        if value < LARGEST_NUMERAL and value.is_integer():
            yield str(int(value))


def _numbers_in_numerals(text: str) -> Iterator[str]:
    """Each with the character that follows where it is one numeral alone: pairs are what is searched."""
    for number, after in _DIGITS.findall(text):
        numeral = chinese_numeral(int(number))
        if number.startswith("0"):
            continue
        if after == "%":
            yield f"百分之{numeral}"
        elif after == "年" and len(number) == 4:
            yield "".join("〇一二三四五六七八九"[int(digit)] for digit in number)
            yield "".join("零一二三四五六七八九"[int(digit)] for digit in number)
        elif len(numeral) > 1:
            yield numeral
        elif after:
            yield numeral + after
            if numeral == "二":
                yield "两" + after
