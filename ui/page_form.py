"""A page's text in the form that its kind of document has: table, numbered lines, a mail's headers.

Takes a page's text, what kind of document it is of, and the cited span; gives plain records in which every
word of the text is found once, the cited ones marked. Only a part of a long page is given, around the cited
words. Knows nothing about how a form looks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.places import MAIL, counted, is_slides
from rag.records import Heading, Page
from ui.marked_text import PagePiece, page_pieces, window
from ui.page_table import BAR, MOST_LINES, NumberedLine, PageTable, page_tables
from ui.tables_in_text import with_tables

_MAILS = frozenset({MAIL, "application/mbox"})
_JSON = "application/json"
_RECORDS = frozenset({_JSON, "application/jsonl"})
_FIELD = re.compile(r"(From|To|Cc|Date|Subject|Attachments): (.*)")

Kind = Literal["text", "slide", "code", "table", "message"]


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line of code; `number` is 0 where lines don't count."""

    number: int
    pieces: tuple[PagePiece, ...]
    cited: bool


@dataclass(frozen=True, slots=True)
class PageField:
    """A header of a mail."""

    name: str
    pieces: tuple[PagePiece, ...]


@dataclass(frozen=True, slots=True)
class PageForm:
    """A page as it is shown; `note` says which part of it, where it is not all."""

    kind: Kind
    pieces: tuple[PagePiece, ...] = ()  # of a text, a slide, a message
    lines: tuple[PageLine, ...] = ()
    tables: tuple[PageTable, ...] = ()
    fields: tuple[PageField, ...] = ()
    note: str = ""


def page_form(page: Page, media_type: str, start: int, end: int) -> PageForm:
    """The page with the span from `start` to `end` marked; an empty span marks nothing."""
    unit = counted(media_type, page.label)
    if unit or media_type == _JSON:
        lines, note = _around(page.text, start, "Rows" if unit == "row" else "Lines")
        if unit is None:  # a line of the text is none of the file
            lines = [replace(line, number=0) for line in lines]
        if unit == "row" or (media_type in _RECORDS and _are_records(lines)):
            return PageForm("table", tables=tuple(page_tables(page.text, lines, start, end)), note=note)
        return PageForm("code", lines=tuple(_code_line(line, start, end) for line in lines), note=note)
    if media_type in _MAILS and _FIELD.match(page.text):
        return _message(page, start, end)
    kind: Kind = "slide" if is_slides(media_type) else "text"
    return PageForm(kind, pieces=_pieces(page.text, start, end, page.headings), note=_part(page.text, start))


def _around(text: str, start: int, what: str) -> tuple[list[NumberedLine], str]:
    """The lines to show, each whole, and which of how many they are."""
    low, high = window(len(text), start)
    low = text.rfind("\n", 0, low) + 1
    high = end if (end := text.find("\n", high)) >= 0 else len(text)
    number, offset = text.count("\n", 0, low) + 1, low
    lines = []
    for words in text[low:high].split("\n"):
        lines.append(NumberedLine(number, offset, words))
        number, offset = number + 1, offset + len(words) + 1
    cited = next((place for place, line in enumerate(lines) if line.end >= start), 0)
    first = max(0, min(cited - MOST_LINES // 2, len(lines) - MOST_LINES))
    shown = lines[first : first + MOST_LINES]
    count = text.count("\n") + 1
    whole = len(shown) == count
    note = f"{what} {shown[0].number:,} to {shown[-1].number:,} of {count:,}, around the words."
    return shown, "" if whole else note


def _are_records(lines: Sequence[NumberedLine]) -> bool:
    """Whether most lines have several values each."""
    said = [line.text for line in lines if line.text]
    return bool(said) and 2 * sum(BAR in words for words in said) > len(said)


def _code_line(line: NumberedLine, start: int, end: int) -> PageLine:
    pieces = _pieces(line.text, start - line.start, end - line.start)
    return PageLine(line.number, pieces, any(piece.marked for piece in pieces))


def _message(page: Page, start: int, end: int) -> PageForm:
    """The lines of headers that the page begins with, and what comes after them."""
    fields, offset = [], 0
    for line in page.text.split("\n"):
        found = _FIELD.fullmatch(line)
        if not found:
            break
        value = offset + found.start(2)
        fields.append(PageField(found[1], _pieces(found[2], start - value, end - value)))
        offset += len(line) + 1
    while page.text[offset : offset + 1] == "\n":
        offset += 1
    headings = [
        Heading(heading.level, heading.start - offset, heading.end - offset, heading.text)
        for heading in page.headings
        if heading.start >= offset
    ]
    rest = page.text[offset:]
    pieces = _pieces(rest, start - offset, end - offset, headings)
    return PageForm("message", pieces=pieces, fields=tuple(fields), note=_part(rest, start - offset))


def _pieces(text: str, start: int, end: int, headings: Sequence[Heading] = ()) -> tuple[PagePiece, ...]:
    """The text with what of the span lies in it marked."""
    start, end = min(max(0, start), len(text)), min(max(0, end), len(text))
    if not text:
        return ()
    low, _ = window(len(text), start)
    return tuple(with_tables(page_pieces(text, start, end, headings), low, text, start, end))


def _part(text: str, start: int) -> str:
    low, high = window(len(text), max(0, start))
    if high - low == len(text):
        return ""
    return f"A part of it: characters {low + 1:,} to {high:,} of {len(text):,}, around the words."
