"""Hard-wrapped lines -> whole paragraphs, because a sentence that runs over a line end can't be quoted.

Takes the lines of plain text, gives paragraphs, list items and lines that stand for themselves (verse,
tables, code, addresses). Two lines are joined where the first is so full that the next one's first word
had no room on it. Widths are in columns, a wide character taking two. Knows no geometry and no markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.parse.clean import collapse, joined

ITEM = re.compile(r"\s*(?:[-*+•◦▪‣–—·]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)])\s+(?=\S)")
_NARROWEST, _WIDEST = 35, 130  # columns that people wrap at
_FULL = 0.85  # of the wrapping width: fuller lines go on in the next
_FULL_WIDE = 0.93  # the same where any character may begin a line, as in Chinese
_COLUMNS = re.compile(r"(?<![.!?:。\s])\s{2,}(?=\S)|\s{3,}(?=\S)|\t|\|")
_SENTENCE_END = re.compile(r"[.!?:。！？：][\"'”’」』)]*\s*$")
_CODE_END = re.compile(r"[{};\\]\s*$")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph, item or line; `kind` says which. `starts`: where its lines begin in the text."""

    text: str
    kind: str  # "prose", "item" or "line"
    starts: tuple[int, ...]
    mark: str = ""  # of an item, as it was written
    depth: int = 0


def wrap_width(lines: Sequence[str]) -> int | None:
    """The column at which a text's lines were wrapped; None where they were not."""
    widths = sorted(width(line) for line, after in pairwise(lines) if line.strip() and after.strip())
    if not widths:
        return None
    usual = widths[int(len(widths) * 0.9)]
    return usual if _NARROWEST <= usual <= _WIDEST else None


def unwrap(lines: Sequence[str], wrapped_at: int | None) -> list[Paragraph]:
    """Lines without a blank one among them, put together where they belong together."""
    found: list[Paragraph] = []
    running: list[str] = []
    prose = wrapped_at is not None and not _rows_alike(lines)
    for number, line in enumerate(lines):
        before = lines[number - 1] if number else None
        goes_on = (
            prose and before is not None and not ITEM.match(line) and _goes_on(before, line, wrapped_at or 0)
        )
        if not goes_on and running:
            found.append(_paragraph(running))
            running = []
        running.append(line)
    if running:
        found.append(_paragraph(running))
    return found


def width(line: str) -> int:
    """Columns that a line takes on a screen of fixed width."""
    if line.isascii():
        return len(line)
    return len(line) + sum(unicodedata.east_asian_width(character) in "WF" for character in line)


def _goes_on(line: str, after: str, wrapped_at: int) -> bool:
    if _looks_set(line) or _looks_set(after):
        return False
    indent, after_indent = _indent(line), _indent(after)
    if after_indent > indent and not ITEM.match(line) and _SENTENCE_END.search(line):
        return False  # the first line of a new paragraph, or something set off
    filled = width(line.rstrip())
    if (
        not line.rstrip()[-1].isascii()
        and not after.lstrip()[0].isascii()
        and filled > 1.3 * len(line.rstrip())
    ):
        return filled > _FULL_WIDE * wrapped_at
    return filled + 1 + width(after.split(None, 1)[0]) > _FULL * wrapped_at


def _looks_set(line: str) -> bool:
    """Whether the line was laid out by hand: columns, code."""
    mark = ITEM.match(line)
    content = line[mark.end() if mark else 0 :].strip()
    columns = _COLUMNS.findall(content)
    return len(columns) > 1 or any(len(gap) > 2 for gap in columns) or bool(_CODE_END.search(content))


def _rows_alike(lines: Sequence[str]) -> bool:
    """Whether more than half of the lines begin with a token of the same make, as logs and data do."""
    if len(lines) < 3:
        return False
    tokens = (line.split(None, 1)[0] for line in lines if line.strip())
    shapes = Counter(
        re.sub(r"\d", "0", token) for token in tokens if not token.isalpha() and not ITEM.match(token + " x")
    )
    return bool(shapes) and shapes.most_common(1)[0][1] * 2 > len(lines)


def _paragraph(lines: Sequence[str]) -> Paragraph:
    parts = [""]
    starts: list[int] = []
    length = 0
    for line in lines:
        before, stripped = parts[-1], collapse(line)
        hyphen = before.endswith("-") and not before.endswith(" -") and stripped[:1].isalpha()
        # of two characters joined, what is between them
        glue = "" if hyphen else joined(before[-1:], stripped[:1])[1:-1]
        starts.append(length + len(glue))
        length += len(glue) + len(stripped)
        parts += [glue, stripped]
    text = "".join(parts)
    if item := ITEM.match(lines[0]):
        mark = item.group().strip()
        words = text[len(mark) :].lstrip()
        moved = tuple(max(0, start - (len(text) - len(words))) for start in starts)
        return Paragraph(words, "item", moved, mark, min(_indent(lines[0]) // 2, 4))
    if len(lines) > 1:
        return Paragraph(text, "prose", tuple(starts))
    return Paragraph(lines[0].rstrip(), "line", (0,))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
