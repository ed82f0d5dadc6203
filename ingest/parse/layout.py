"""Lines of a PDF's pages -> text that can be quoted: whole paragraphs, without running heads.

Pure: takes lines with their places and sizes, gives `Page`s. Lines are joined where the paragraph goes on
(by leading, indent, size, fullness and the sentence's end), words broken at line ends are put together,
what repeats at the top or bottom of most pages is dropped. Does not know how the lines were read, and does
not reorder them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.parse.clean import joined
from ingest.parse.pdf_lines import Line
from ingest.parse.wrapped import ITEM
from rag.records import Heading, Page

_HYPHENS = "-‐\u00ad"
_SENTENCE_END = re.compile(r"[.!?:。！？：…][\"'”’»」』)\]]*\Z")
_SAME_SIZE = 0.13  # sizes this near are one: small code in running text, superscripts
_WIDER_GAP = 1.3  # times the usual leading: a paragraph's end
_SHORT = 0.8  # of the measure: a line this short ended its paragraph
_WORD = re.compile(r"\w+(?:-\w+)*")
_LAST_WORD = re.compile(r"\w+(?:-\w+)*\Z")
_URL_END = re.compile(r"(?:https?://|www\.)\S*[/._=&?-]\Z")
_BULLET = re.compile(r"[•◦▪‣●○■□–—*·]\s")


@dataclass(frozen=True, slots=True)
class Measures:
    """What is usual in a document: size of the running text, leading in sizes, characters in a full line."""

    size: float
    leading: float
    characters: int


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line, and its level if it is (part of) a heading."""

    line: Line
    level: int | None = None


def measure(pages: Sequence[Sequence[Line]]) -> Measures:
    """The usual size, leading and width of the running text."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[round(line.size * 2) / 2] += len(line.text)
    size = sizes.most_common(1)[0][0] if sizes else 10.0
    gaps: Counter[float] = Counter()
    lengths: list[int] = []
    for page in pages:
        for above, line in pairwise(page):
            if _alike(above.size, size) and _alike(line.size, size):
                lengths.append(len(above.text))
                gap = (above.baseline - line.baseline) / size
                if 0.8 < gap < 2.5:
                    gaps[round(gap, 1)] += 1
    leading = gaps.most_common(1)[0][0] if gaps else 1.2
    lengths.sort()
    return Measures(size or 1.0, leading, lengths[int(len(lengths) * 0.9)] if lengths else 80)


@dataclass(slots=True)
class _Block:
    """Lines that make one paragraph, heading or item; `apart` if a blank line comes before it."""

    lines: list[Line]
    level: int | None
    apart: bool


def vocabulary(pages: Sequence[Sequence[Line]]) -> Counter[str]:
    """The document's words in small letters, hyphened ones as one, to undo hyphens by."""
    return Counter(word.lower() for page in pages for line in page for word in _WORD.findall(line.text))


def page_of(
    number: int, label: str | None, lines: Sequence[MarkedLine], usual: Measures, words: Counter[str]
) -> Page:
    """The page's text with its headings; `words` is the document's vocabulary."""
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for block in _blocks(lines, usual):
        text = _text(block.lines, words)
        if parts:
            parts.append("\n\n" if block.apart else "\n")
            length += len(parts[-1])
        if block.level is not None:
            headings.append(Heading(block.level, length, length + len(text), text))
        parts.append(text)
        length += len(text)
    return Page(number, "".join(parts), tuple(headings), label)


def _blocks(lines: Sequence[MarkedLine], usual: Measures) -> list[_Block]:
    blocks: list[_Block] = []
    for marked in lines:
        line, block = marked.line, blocks[-1] if blocks else None
        if block and line.in_table and block.lines[-1].in_table:
            blocks.append(_Block([line], None, apart=False))
        elif block is None or marked.level != block.level or line.in_table or block.lines[-1].in_table:
            blocks.append(_Block([line], marked.level, apart=True))
        elif _goes_on(block.lines, line, usual, heading=marked.level is not None):
            block.lines.append(line)
        else:
            above = block.lines[-1]
            tight = _alike(above.size, line.size) and 0 < above.baseline - line.baseline < _far(line, usual)
            indented = line.left - above.left > line.size and not _BULLET.match(line.text)
            apart = not tight or (indented and bool(_SENTENCE_END.search(above.text)))
            blocks.append(_Block([line], marked.level, apart or marked.level is not None))
    return blocks


def _goes_on(block: Sequence[Line], line: Line, usual: Measures, *, heading: bool) -> bool:
    """Whether the line carries on the paragraph that the block's lines are."""
    above = block[-1]
    if above.text.endswith("\u00ad"):
        return True
    gap = above.baseline - line.baseline
    if heading:
        return 0 < gap < 2 * line.size and _alike(above.size, line.size) and above.bold == line.bold
    if above.mono and line.mono:
        return False  # code keeps its lines
    small = line.text[:1].islower() and not _SENTENCE_END.search(above.text)
    if not _alike(above.size, line.size) and not small:
        return False
    if above.bold != line.bold and not small:
        return False
    if ITEM.match(line.text) and not (small and not _BULLET.match(line.text)):
        return False
    ended = bool(_SENTENCE_END.search(above.text))
    if gap <= 0.3 * line.size:  # beside it or further up: the next column
        return gap < -2 * line.size and not ended and _is_full(above, line, usual)
    if gap > _far(line, usual):
        return gap < 2 * _far(line, usual) and small and _is_full(above, line, usual)
    if not _indent_allows(block, line, ended):
        return False
    return _is_full(above, line, usual) or small


def _indent_allows(block: Sequence[Line], line: Line, ended: bool) -> bool:
    above, shift = block[-1], line.left - block[-1].left
    if shift > 0.8 * line.size:  # to the right: a new paragraph, unless an item's lines hang
        return bool(len(block) == 1 and ITEM.match(above.text)) or not ended
    if (
        shift < -0.8 * line.size
    ):  # to the left: the second line of an indented paragraph, or the end of a list
        return (len(block) == 1 and not ITEM.match(above.text)) or not ended
    return True


def _is_full(above: Line, line: Line, usual: Measures) -> bool:
    """Whether the next line's first word had no room on the line above; so the paragraph may go on."""
    first_word = len(line.text.split(None, 1)[0]) if line.text.isascii() else 2
    room = usual.characters * usual.size / max(above.size, 0.1)
    if len(above.text) + 1 + first_word > _SHORT * room:
        return True
    return len(above.text) > 0.5 * room and not _SENTENCE_END.search(above.text)


def _far(line: Line, usual: Measures) -> float:
    return _WIDER_GAP * usual.leading * max(line.size, 0.1)


def _alike(size: float, other: float) -> bool:
    return abs(size - other) <= _SAME_SIZE * max(size, other)


def _text(lines: Sequence[Line], words: Counter[str]) -> str:
    parts = [lines[0].text]
    for line in lines[1:]:
        parts[-1], glue = _end_for(parts[-1], line.text, words)
        parts.append(glue + line.text)
    return "".join(parts).rstrip("\u00ad")


def _end_for(above: str, line: str, words: Counter[str]) -> tuple[str, str]:
    """How the line above ends when this one follows, and what comes between."""
    if above.endswith("\u00ad"):
        return above[:-1], ""
    if above[-1] in _HYPHENS and above[-2:-1].isalnum() and line[0].isalnum():
        if not line[0].islower():
            return above, ""  # a name or a number: COVID-19
        head, tail = _LAST_WORD.search(above[:-1]), _WORD.match(line)
        if head and tail:
            start, end = head.group().lower(), tail.group().lower()
            if words[f"{start}-{end}"] > words[start + end]:
                return above, ""
        return above[:-1], ""
    if _URL_END.search(above):
        return above, ""
    return above, joined(above[-1], line[0])[1:-1]
