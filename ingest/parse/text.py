"""Plain text of any encoding -> a Document of one page.

Headings are lines underlined as in reStructuredText, single lines numbered as sections are, named as
chapters, or in capitals. Paragraphs come out whole, lists as lists; what is laid out by hand keeps its
lines. Each part of the page knows its line in the file, as an editor counts them. Knows no other markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain

from ingest.parse.blocks import PageText
from ingest.parse.clean import clean
from ingest.parse.decode import decode_told
from ingest.parse.wrapped import ITEM, Paragraph, unwrap, width, wrap_width
from rag.errors import EmptySource
from rag.records import Document, LineMark, Page

_LINE_ENDS = re.compile(
    "[\n\v\f\x1c\x1d\x1e\x85\u2028\u2029]"
)  # all that `clean` makes one; of editors, the first
_UNDERLINES = "=-~^\"'`#*+"
_UNDERLINE = re.compile(r"([=\-~^\"'`#*+])\1{2,}")
_LONGEST_HEADING = 80  # characters
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})\.?\s+[^\W\d_a-z][^,;:!?，。；：！？︰]{0,60}(?<!\.)")
_CHAPTER = re.compile(r"(?:chapter|part|appendix)\s+(?:\d+|[IVXLC]+|[A-Z])\b.{0,70}", re.IGNORECASE)
_CJK_NUMBERED = re.compile(r"[（(]?[一二三四五六七八九十]{1,3}[、．.）)]\s*[^，。；]{1,30}")
_TITLE = re.compile(r"[^\W_a-z].*[^\s.,;:!?。，；：！？、…]")  # begins large, and is no sentence
_LONGEST_TITLE = 60  # columns
_SHORTEST_PROSE = 60  # columns of text that a title stands above
_CJK_CHAPTER = re.compile(
    r"第[\d一二三四五六七八九十百零〇]{1,5}([编編卷部篇章节節回])(?:\s.{0,40}|[^，。]{0,30})"
)


def parse(data: bytes, name: str) -> Document:
    """The text of `data`, decoded and put into paragraphs."""
    decoded, warnings = decode_told(data)
    blocks = _blocks(decoded)
    if not blocks:
        raise EmptySource("the file holds no text")
    page = PageText()
    wrapped_at = wrap_width([line for block in blocks for line in [*block.lines, ""]])
    for block, following in zip(blocks, [*blocks[1:], _Block()], strict=True):
        _add_block(page, block, following.lines, wrapped_at)
    made = page.page()
    return Document("text/plain", (made,), _title(blocks[0].lines, made), tuple(warnings))


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines between two blank ones, and their numbers in the file."""

    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def part(self, kept: Iterable[int]) -> _Block:
        """Those lines of it, by their places."""
        places = list(kept)
        return _Block([self.lines[at] for at in places], [self.numbers[at] for at in places])


def _blocks(decoded: str) -> list[_Block]:
    text = decoded.replace("\r\n", "\n").replace("\r", "\n")
    number = 1
    blocks: list[_Block] = []
    blank = True
    ends = (found.group() == "\n" for found in _LINE_ENDS.finditer(text))
    for line, counts in zip(clean(text).split("\n"), chain(ends, [False]), strict=True):
        stripped = line.rstrip().expandtabs(4)
        if stripped:
            if blank:
                blocks.append(_Block())
            blocks[-1].lines.append(stripped)
            blocks[-1].numbers.append(number)
        blank = not stripped
        number += counts
    return blocks


def _add_block(page: PageText, block: _Block, following: list[str], wrapped_at: int | None) -> None:
    """Underlined headings first, then what is left of a block."""
    while len(block.lines) > 1:
        lines = block.lines
        overlined = len(lines) > 2 and _is_underline(lines[0]) and lines[0].strip() == lines[2].strip()
        title, *rest = lines[1:] if overlined else lines
        if not rest or not _is_underline(rest[0]) or len(title.strip()) > _LONGEST_HEADING:
            break
        level = _UNDERLINES.index(rest[0].strip()[0]) + 1
        page.heading(level, title, line=block.numbers[overlined])
        block = block.part(range(overlined + 2, len(lines)))
    # what is left of underlines is decoration
    block = block.part(at for at, line in enumerate(block.lines) if not _is_underline(line))
    if len(block.lines) == 1 and (level_alone := _heading_level(block.lines[0].rstrip(), following)):
        page.heading(level_alone, block.lines[0], line=block.numbers[0])
        return
    _add_paragraphs(page, block, wrapped_at)


def _add_paragraphs(page: PageText, block: _Block, wrapped_at: int | None) -> None:
    numbers = iter(block.numbers)
    alone: list[Paragraph] = []
    alone_lines: list[int] = []
    for paragraph in unwrap(block.lines, wrapped_at):
        lines = [LineMark(start, next(numbers)) for start in paragraph.starts]
        if paragraph.kind == "line":
            alone.append(paragraph)
            alone_lines.append(lines[0].line)
            continue
        _add_alone(page, alone, alone_lines)
        alone, alone_lines = [], []
        if paragraph.kind == "item":
            page.item(paragraph.text, mark=paragraph.mark, depth=paragraph.depth, lines=lines)
        else:
            page.paragraph(paragraph.text, lines=lines)
    _add_alone(page, alone, alone_lines)


def _add_alone(page: PageText, lines: Sequence[Paragraph], numbers: Sequence[int]) -> None:
    """Lines that stand for themselves, one below the other."""
    starts = accumulate((len(line.text) + 1 for line in lines), initial=0)
    marks = [LineMark(start, number) for start, number in zip(starts, numbers, strict=False)]
    page.verbatim("\n".join(line.text for line in lines), lines=marks)


def _is_underline(line: str) -> bool:
    return bool(_UNDERLINE.fullmatch(line.strip()))


def _heading_level(line: str, following: list[str]) -> int | None:
    """Of a line that stands alone; None where it is just a short paragraph."""
    if len(line) > _LONGEST_HEADING:
        return None
    if numbered := _NUMBERED.fullmatch(line):
        return numbered.group(1).count(".") + 1
    if _CHAPTER.fullmatch(line.strip()):
        return 1
    if cjk := _CJK_CHAPTER.fullmatch(line.strip()):
        return 2 if cjk.group(1) in "节節" else 1
    if _CJK_NUMBERED.fullmatch(line.strip()):
        return 2
    if sum(map(str.isalpha, line)) > 3 and line.isupper():
        return 2
    introduces = sum(map(width, following)) >= _SHORTEST_PROSE and not ITEM.match(following[0])
    return 3 if introduces and _TITLE.fullmatch(line) and width(line) <= _LONGEST_TITLE else None


def _title(first: list[str], page: Page) -> str | None:
    """The first line where it is set like a title: short, and by itself or above a line or two as short."""
    if page.headings and page.headings[0].start == 0:
        return page.headings[0].text
    short = len(first) <= 3 and all(width(line) <= _LONGEST_TITLE for line in first)
    line = first[0].strip()
    return line if short and _TITLE.fullmatch(line) else None
