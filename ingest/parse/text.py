"""Plain text of any encoding -> a Document of one page.

Headings are lines underlined as in reStructuredText, single lines numbered as sections are, named as
chapters, or in capitals. Paragraphs come out whole, lists as lists; what is laid out by hand keeps its
lines. Knows no other markup.
"""

from __future__ import annotations

import re

from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_lines
from ingest.parse.decode import decode_told
from ingest.parse.wrapped import ITEM, unwrap, width, wrap_width
from rag.errors import EmptySource
from rag.records import Document, Page

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
    text = clean_lines(decoded).expandtabs(4)
    if not text.strip():
        raise EmptySource("the file holds no text")
    page = PageText()
    wrapped_at = wrap_width(text.split("\n"))
    blocks = [block.split("\n") for block in re.split(r"\n{2,}", text)]
    for block, following in zip(blocks, [*blocks[1:], []], strict=True):
        _add_block(page, block, following, wrapped_at)
    made = page.page()
    return Document("text/plain", (made,), _title(blocks[0], made), tuple(warnings))


def _add_block(page: PageText, lines: list[str], following: list[str], wrapped_at: int | None) -> None:
    """Lines between two blank ones: underlined headings first, then what is left of them."""
    while len(lines) > 1:
        overlined = len(lines) > 2 and _is_underline(lines[0]) and lines[0].strip() == lines[2].strip()
        title, *rest = lines[1:] if overlined else lines
        if not rest or not _is_underline(rest[0]) or len(title.strip()) > _LONGEST_HEADING:
            break
        page.heading(_UNDERLINES.index(rest[0].strip()[0]) + 1, title)
        lines = rest[1:]
    lines = [line for line in lines if not _is_underline(line)]  # what is left of these is decoration
    if len(lines) == 1 and (level := _heading_level(lines[0].rstrip(), following)):
        page.heading(level, lines[0])
        return
    alone: list[str] = []
    for paragraph in unwrap(lines, wrapped_at):
        if paragraph.kind == "line":
            alone.append(paragraph.text)
            continue
        page.verbatim("\n".join(alone))
        alone = []
        if paragraph.kind == "item":
            page.item(paragraph.text, mark=paragraph.mark, depth=paragraph.depth)
        else:
            page.paragraph(paragraph.text)
    page.verbatim("\n".join(alone))


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
