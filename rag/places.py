"""Where words stand in a document, in words for a person: "page 3", "sheet Budget, row 12", "line 120".

Pure. Takes a media type, a page's number and label, lines and the headings above; gives one line, or nothing
where all there is to say is the file's name. Pages are named where the document has pages; rows or lines
where its parser keeps one line of text for each; else the section, and the file's lines where they are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from rag.records import Hit, LineMark, Passage

PDF, MAIL = "application/pdf", "message/rfc822"
LONGEST_NAME = 80  # characters of a label or heading; the rest is an ellipsis

# What holds other files: its pages have names of their own, and are called so where they have none.
_NAMED = {
    "application/epub+zip": "chapter",
    "application/mbox": "mail",
    "application/zip": "file",
    MAIL: "part",
}
_OF_FILES = frozenset({"application/zip", MAIL})  # whose labels are files' names
_ROW_TYPES = frozenset({"text/csv", "text/tab-separated-values"})
_LINE_TYPES = frozenset({"application/jsonl", "text/x-source"})
# A member or an attachment is told by its label, which ends in its name, or in its page's: "a.xlsx, sheet B".
_ROWS_INSIDE = re.compile(r"\.(?:csv|tsv|tab)\Z|, sheet [^,]+\Z", re.IGNORECASE)
_LINES_INSIDE = re.compile(
    r"\.(?:py|js|ts|java|c|h|cc|cpp|cs|go|rs|rb|php|sh|sql|ya?ml|toml|ini|xml|log|jsonl|ndjson)\Z",
    re.IGNORECASE,
)
_PAGES_INSIDE = re.compile(r", (?:page|slide) [^,]+\Z")

Counted = Literal["row", "line"]


def place_words(
    media_type: str,
    page: int,
    *,
    label: str | None = None,
    lines: tuple[int, int] = (0, 0),
    headings: Sequence[str] = (),
) -> str:
    """Where a text is: on a page, in its first to its last line (0: not to be named), below headings.

    >>> place_words("text/csv", 1, lines=(12, 14))
    'rows 12–14'
    """
    where = page_name(media_type, page, label)
    if media_type == PDF:
        return where if where == f"page {page}" else f"{where} (page {page} of the file)"
    if is_slides(media_type) or _PAGES_INSIDE.search(where):
        return where
    unit = counted(media_type, label)
    section = f"section “{_short(headings[-1])}”" if headings and _short(headings[-1]) not in where else ""
    return ", ".join(filter(None, [where, "" if unit else section, _numbers(unit or "line", lines)]))


def page_name(media_type: str, page: int, label: str | None = None) -> str:
    """What a page is called: "page iv", "slide 3", "sheet Budget", "plan.pdf"; "" where it is all there is.

    >>> page_name("application/pdf", 4, "iv")
    'page iv'
    """
    name = _short(label or "")
    if media_type == PDF:
        return f"page {name or page}"
    if is_slides(media_type):
        return f"slide {page}"
    if is_sheet(media_type):
        return f"sheet {name or page}"
    if media_type in _NAMED:
        return name or ("message" if media_type == MAIL and page == 1 else f"{_NAMED[media_type]} {page}")
    return name or (f"page {page}" if page > 1 else "")


def counted(media_type: str, label: str | None = None) -> Counted | None:
    """What the lines of a page's text are in its file, where they are rows or lines of it."""
    if is_sheet(media_type) or media_type in _ROW_TYPES:
        return "row"
    if media_type in _LINE_TYPES:
        return "line"
    if media_type not in _OF_FILES or not label:
        return None
    return "row" if _ROWS_INSIDE.search(label) else "line" if _LINES_INSIDE.search(label) else None


def is_slides(media_type: str) -> bool:
    """Whether a document's pages are slides."""
    return "presentation" in media_type or "powerpoint" in media_type


def is_sheet(media_type: str) -> bool:
    """Whether a document's pages are the sheets of a workbook."""
    return "spreadsheet" in media_type or "ms-excel" in media_type


def place_of(found: Hit | Passage, start: int | None = None, end: int | None = None) -> str:
    """Where a hit or passage is, or the part from `start` to `end`, which count in its page's text."""
    start = found.start if start is None else start
    end = found.end if end is None else end
    known = found.lines or counted(found.media_type, found.label)
    return place_words(
        found.media_type,
        found.page,
        label=found.label,
        lines=(line_of(found, start), line_of(found, max(start, end - 1))) if known else (0, 0),
        headings=[*found.headings, *(heading.text for heading in found.inside if heading.start <= start)],
    )


def line_of(found: Hit | Passage, start: int) -> int:
    """The line at `start`, which counts in its page's text, as `found.line` counts; 0: not known."""
    begun = LineMark(found.start, found.line)
    mark = next((one for one in reversed(found.lines) if begun.start < one.start <= start), begun)
    if not mark.line:
        return 0
    return mark.line + found.text.count("\n", mark.start - found.start, max(mark.start, start) - found.start)


def _numbers(unit: Counted, lines: tuple[int, int]) -> str:
    first, last = lines
    if not first:
        return ""
    return f"{unit} {first}" if last <= first else f"{unit}s {first}–{last}"


def _short(words: str) -> str:
    """On one line and not too long: it comes from a document."""
    line = " ".join(words.split())
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1].rstrip() + "…"
