"""Where the sentences of a text begin and end, in any script, by rules.

Takes a string, gives spans: in order, not overlapping, without the spaces around them, and every character
that is not a space lies in one. Headings, list items and table rows are spans of their own; a line that
was broken because it was full goes on in the next. Does not know pages, chunks or languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from rag.text.stopwords import STOP_WORDS

Span = tuple[int, int]

# A line counts as broken for want of room when the next word would have taken it past this share of its
# block's longest line; in proportional type the longest line holds some 15 % more characters than others.
FULL_LINE = 0.85
SHORTEST_FULL_LINE = 30  # characters; a block of shorter lines is a list or a poem, not wrapped prose
LONGEST_ROW = 300  # characters; a longer line with tabs or bars in it is divided like any other

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
# What a line can be by its first characters: a heading, a list item, a table row, a quotation, a rule.
_OWN_LINE = re.compile(
    r"\s*(?:#{1,6}\s|[-*+•‣◦▪●○·–—]\s|>\s?|\|"
    r"|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]\s|[(（]?(?:[一二三四五六七八九十]{1,3}|\d{1,2})[）、．]"
    r"|[=\-*_~^]{3,}\s*$)"
)
_WHOLE_LINE = re.compile(r"\s*(?:#{1,6}\s|\|)|.*(?:\t| \| )|\s*[=\-*_~^]{3,}\s*$")  # nor does it go on
# Neither do words with wide gaps between them, a time or number before its entry, a line of a mail's head.
_ENTRY = re.compile(
    r".*[^\s.!?:] {3,}\S|\s*\d[\d:.,–-]* {2,}\S|(?:From|To|Cc|Bcc|Date|Subject|Attachments|Reply-To): \S"
)
_CONTINUATION = re.compile(
    r"[,;:.)\]%]|\d+[\d.,]*(?:[)\];]| [a-z])"
)  # a subscript's line, the rest of a bracket
_CLOSING = "\"'”’»)\\]}」』】》〉）］｝"
_STOP = re.compile(
    rf"[。！？｡]++[{_CLOSING}]*+(?![、，,：と）])"  # these need no space after them
    rf"|[।॥።؟۔։]+[{_CLOSING}]*+(?=\s|$)"
    rf"|(?P<western>[.!?…]+)[{_CLOSING}]*+(?:\[\d+(?:[,–-]\d+)*\])*(?=\s|$"
    r"|(?<=[!?])[^\x00-\u2fff])"
)
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘«]*$")
_NEXT = re.compile(r"[\s\"'“‘«(\[¿¡*_]*(\w+|\S)?")
# Never the end of a sentence: something always follows them.
_TITLES = """mr mrs ms mx dr prof st mt ft gen col maj capt lt sgt cpl cmdr adm rev hon gov sen rep pres
    messrs mme mlle sra srta dra hr fr hrn bzw vgl v vs cf viz e.g i.e z.b d.h u.a o.ä m.a.w p.ex approx ca
    incl resp esp al jan feb mar apr jun jul aug sept oct nov dec ph"""
# An abbreviation before a number, a word of its own elsewhere.
_NUMBERED = "no nos nr fig figs eq eqs vol vols p pp ch sec art tab ref app op pt ed"
# Can be the end; it is when the next word is one that likes to open a sentence.
_AMBIGUOUS = "etc inc ltd co corp jr sr bros dept est u.s u.k u.n e.u a.m p.m b.c a.d d.c"
_ABBREVIATIONS = {word: kind for kind in (_TITLES, _NUMBERED, _AMBIGUOUS) for word in kind.split()}
_OPENERS = frozenset().union(*STOP_WORDS.values())


def line_spans(text: str) -> list[Span]:
    """The lines of `text` that are not empty, without the spaces around them: for rows, records and code."""
    found = [_stripped(text, *line.span()) for line in _LINE.finditer(text)]
    return [(start, end) for start, end in found if start < end]


def spans(text: str) -> list[Span]:
    """The sentences of `text` as (start, end) in characters, end exclusive.

    `spans("It is 3.5 m. See Dr. Ray!")` is `[(0, 12), (13, 25)]`.
    """
    found: list[Span] = []
    for start, end in _segments(text):
        if end - start <= LONGEST_ROW and _WHOLE_LINE.match(text, start, end):
            found.append((start, end))
        else:
            found += _sentences(text, start, end)
    return found


def _segments(text: str) -> Iterator[Span]:
    """Stretches of lines that only their wording can divide."""
    for block in _blocks(text):
        longest = max(end - start for start, end in block)
        begin = block[0][0]
        for (start, end), (next_start, next_end) in pairwise(block):
            if not _goes_on(text[start:end], text[next_start:next_end], longest):
                yield begin, end
                begin = next_start
        yield begin, block[-1][1]


def _blocks(text: str) -> Iterator[list[Span]]:
    """Runs of lines with no blank line between them; each line without the spaces around it."""
    block: list[Span] = []
    reached = 0
    for line in _LINE.finditer(text):
        start, end = _stripped(text, *line.span())
        breaks = text[reached : line.start()].replace("\r\n", "\n")
        if block and (start == end or len(breaks) > 1):
            yield block
            block = []
        if start < end:
            block.append((start, end))
        reached = line.end()
    if block:
        yield block


def _goes_on(line: str, following: str, longest: int) -> bool:
    """Whether what stands on `line` runs on into the `following` one, in a block this wide."""
    if _OWN_LINE.match(following) or any(
        one.match(two) for one in (_WHOLE_LINE, _ENTRY) for two in (line, following)
    ):
        return False
    if following[0].islower():
        return True
    if longest >= SHORTEST_FULL_LINE and _CONTINUATION.match(following):
        return True
    word = following.split(maxsplit=1)[0] if following[0].isascii() else following[0]
    return longest >= SHORTEST_FULL_LINE and len(line) + 1 + len(word) >= FULL_LINE * longest


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    begin = start
    for stop in _STOP.finditer(text, start, end):
        if stop["western"] and not _ends(text, begin, stop, end):
            continue
        yield _stripped(text, begin, stop.end())
        begin, _ = _stripped(text, stop.end(), end)
    if begin < end:
        yield _stripped(text, begin, end)


def _ends(text: str, begin: int, stop: re.Match[str], end: int) -> bool:
    """Whether the full stop (or the like) at `stop` ends the sentence that began at `begin`."""
    found = _NEXT.match(text, stop.end(), end)
    following = (found[1] if found else None) or ""
    if not following:
        return True
    if following[0].islower() or following[0] in ",;:)]":
        return False
    if stop["western"] != ".":
        return stop["western"][0] != "." or following[0].isupper()  # an ellipsis before a number is a gap
    before = text[max(begin, stop.start() - 24) : stop.start()]
    last = _LAST_WORD.search(before)
    word = last[0].casefold() if last else ""
    if (
        len(before) == stop.start() - begin
        and before.strip() == (last[0] if last else "")
        and _is_label(word)
    ):
        return False  # "3." or "b." at the head of an item is its number
    kind = _ABBREVIATIONS.get(word)
    if kind is _TITLES or (kind is _NUMBERED and following[0].isdigit()):
        return False
    if kind is _AMBIGUOUS or _is_initial(last[0] if last else ""):
        return following.casefold() in _OPENERS and following[0].isupper()
    return True


def _is_label(word: str) -> bool:
    return len(word) <= 3 and (word.isdigit() or len(word) == 1 or not word.strip("ivx"))


def _is_initial(word: str) -> bool:
    """One capital, or several with stops between them: J, or J.R.R, as in a name."""
    letters = word.split(".")
    return all(len(letter) == 1 and letter.isupper() for letter in letters) and word != "I"


def _stripped(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
