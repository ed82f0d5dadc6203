"""Where words stand in a document, in words for a person: "page 3", "sheet Budget, row 12", "line 120".

Pure. Takes a media type, a page's number and label, a line and the headings above; gives one line, or nothing
where all there is to say is the file's name. What is said depends on the kind of document alone: pages where
it has pages, else rows or lines where its parser keeps one line of text for each, else the section.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.records import Hit, Passage

PDF = "application/pdf"
LONGEST_NAME = 80  # characters of a label or heading; the rest is an ellipsis

# Parsers of these keep one line of page text for each row or line of the file.
ROW_TYPES = frozenset({"text/csv", "text/tab-separated-values"})
LINE_TYPES = frozenset(
    {
        "application/javascript",
        "application/jsonl",
        "application/sql",
        "application/toml",
        "application/x-ndjson",
        "application/x-sh",
        "application/xml",
        "application/yaml",
        "text/css",
        "text/javascript",
        "text/xml",
    }
)
_LINES_PREFIX = "text/x-"  # source code: text/x-python, text/x-c, text/x-log, ...
# Where a page is a thing that has a name of its own.
_NAMED = {
    "application/epub+zip": "chapter",
    "application/zip": "file",
    "message/rfc822": "part",
    "application/mbox": "mail",
}


def place_words(
    media_type: str,
    page: int,
    *,
    label: str | None = None,
    lines: tuple[int, int] = (0, 0),
    headings: Sequence[str] = (),
) -> str:
    """Where a text is: on a page, in its lines from the first to the last (0: not known), below headings.

    `place_words("text/csv", 1, lines=(12, 14))` is `"rows 12–14"`.
    """
    name = _short(label or "")
    if media_type == PDF:
        return f"page {name} (page {page} of the file)" if name not in ("", str(page)) else f"page {page}"
    if is_slides(media_type):
        return f"slide {page}"
    if is_sheet(media_type):
        return ", ".join(filter(None, [f"sheet {name or page}", _counted("row", lines)]))
    if media_type in ROW_TYPES:
        return _counted("row", lines)
    if has_lines(media_type):
        return _counted("line", lines)
    if media_type in _NAMED:
        return name or (
            "message" if media_type == "message/rfc822" and page == 1 else _numbered(media_type, page)
        )
    section = f"section “{_short(headings[-1])}”" if headings else ""
    where = name or (f"page {page}" if page > 1 else "")
    return ", ".join(filter(None, [where, section]))


def is_slides(media_type: str) -> bool:
    """Whether a document's pages are slides."""
    return "presentation" in media_type or "powerpoint" in media_type


def is_sheet(media_type: str) -> bool:
    """Whether a document's pages are the sheets of a workbook."""
    return "spreadsheet" in media_type or "ms-excel" in media_type


def has_lines(media_type: str) -> bool:
    """Whether a document is cited by its lines."""
    return media_type in LINE_TYPES or media_type.startswith(_LINES_PREFIX)


def place_of(found: Hit | Passage, start: int | None = None, end: int | None = None) -> str:
    """Where a hit or passage is, or the part from `start` to `end`, which count in its page's text."""
    start = found.start if start is None else start
    end = found.end if end is None else end
    first = line_of(found, start)
    last = first + found.text.count("\n", start - found.start, end - found.start)
    return place_words(
        found.media_type,
        found.page,
        label=found.label,
        lines=(first, last) if first else (0, 0),
        headings=found.headings,
    )


def line_of(found: Hit | Passage, start: int) -> int:
    """The page's line at `start`, which counts in its page's text; 0 where that is not known."""
    return found.line + found.text.count("\n", 0, max(0, start - found.start)) if found.line else 0


def _counted(unit: str, lines: tuple[int, int]) -> str:
    first, last = lines
    if not first:
        return ""
    return f"{unit} {first}" if last <= first else f"{unit}s {first}–{last}"


def _numbered(media_type: str, page: int) -> str:
    return f"{_NAMED[media_type]} {page}"


def _short(words: str) -> str:
    """On one line and not too long: it comes from a document."""
    line = " ".join(words.split())
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1].rstrip() + "…"
