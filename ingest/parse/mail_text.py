"""Words of a mail: encoded headers (RFC 2047) -> text, and plain bodies -> paragraphs with their quotes.

Pure; knows nothing of MIME's parts.
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header
from itertools import groupby, pairwise

from ingest.parse.blocks import PageText
from ingest.parse.charsets import decode_named
from ingest.parse.clean import clean_lines, clean_prose
from ingest.parse.decode import decode
from ingest.parse.wrapped import unwrap, wrap_width
from rag.errors import CorruptSource

_QUOTE = re.compile(r"(?:> ?)+")
_RULE = re.compile(r"^((?:> ?)*)[-_=*~#]{4,}[ ]*$", re.MULTILINE)
_FIELD = re.compile(r"[A-Z][\w-]{1,30}:\s")  # a line as headers have it, when they are quoted
_NARROWEST = 55  # columns at which mail programs wrap; shorter lines were ended by hand
_SPACE_STUFFED = re.compile(r"^ (?=[ >]|From )")  # RFC 3676, 4.4


def header_text(value: str) -> str:
    """A header's value in words: encoded ones are decoded, undeclared bytes guessed, folds undone."""
    if not value.isascii():
        value = _guessed(value.encode("utf-8", "surrogateescape"))
    try:
        pieces = decode_header(value)
    except HeaderParseError:  # a Base64 word that is none
        return clean_prose(value)
    return clean_prose("".join(_piece(piece, charset) for piece, charset in pieces))


def add_plain(page: PageText, text: str, *, flowed: bool = False) -> None:
    """Adds a plain body: paragraphs whole, quoted ones with the marks they were quoted by."""
    text = _RULE.sub(r"\1", clean_lines(_unflowed(text) if flowed else text)).expandtabs(4)
    wrapped_at = wrap_width([_split(line)[1] for line in text.split("\n")])
    if wrapped_at is not None and wrapped_at < _NARROWEST:
        wrapped_at = None
    for block in re.split(r"\n[> ]*\n", text):
        for mark, quoted in groupby(map(_split, block.split("\n")), key=lambda pair: pair[0]):
            _add_rows(page, mark, [line for _, line in quoted if line.strip()], wrapped_at)


def _add_rows(page: PageText, mark: str, rows: list[str], wrapped_at: int | None) -> None:
    """Lines of one depth of quoting, without a blank one among them."""
    alone: list[str] = []
    starts = [0, *(place for place, line in enumerate(rows) if place and _FIELD.match(line)), len(rows)]
    for paragraph in (one for a, b in pairwise(starts) for one in unwrap(rows[a:b], wrapped_at)):
        if paragraph.kind == "line":
            alone.append(mark + paragraph.text)
            continue
        page.verbatim("\n".join(alone))
        alone = []
        if paragraph.kind == "item" and not mark:
            page.item(paragraph.text, mark=paragraph.mark, depth=paragraph.depth)
        else:
            page.paragraph(
                f"{mark}{paragraph.mark} {paragraph.text}" if paragraph.mark else mark + paragraph.text
            )
    page.verbatim("\n".join(alone))


def _split(line: str) -> tuple[str, str]:
    """The marks of quoting, one form for all programs, and what is quoted."""
    quote = _QUOTE.match(line)
    depth = quote.group().count(">") if quote else 0
    return (">" * depth + " " if depth else "", line[quote.end() :] if quote else line)


def _unflowed(text: str) -> str:
    """Lines that a program broke, whole again: those that end in a space go on (RFC 3676)."""
    whole: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        line = line.rstrip("\r")
        mark, words = _split(line)
        words = _SPACE_STUFFED.sub("", words)
        if goes_on and whole and _split(whole[-1])[0] == mark:
            whole[-1] += words
        else:
            whole.append(mark + words)
        goes_on = line.endswith(" ") and line != "-- "  # the line above a signature ends in one, too
    return "\n".join(whole)


def _piece(piece: str | bytes, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    if charset is None:  # what stands between encoded words, in Python's notation
        return piece.decode("raw-unicode-escape", "replace")
    try:
        return decode_named(piece, charset)[0]
    except CorruptSource:
        return piece.decode("latin-1")


def _guessed(data: bytes) -> str:
    try:
        return decode(data)[0]
    except CorruptSource:
        return data.decode("latin-1")
