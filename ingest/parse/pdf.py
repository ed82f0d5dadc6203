"""PDF -> a Document with its pages, their labels, and the outline's entries as headings.

Text in pictures is read where the extra `openchat-rag[ocr]` is installed, on pages that have no other, or
none that makes sense; without it a file of nothing else is an `EmptySource` that says so. Takes the file's
bytes; how they are read is pdf_reader's business, how lines become text is layout's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from ingest.parse import NO_OPTIONS, Options
from ingest.parse.layout import measure, page_of, vocabulary
from ingest.parse.ocr import DPI, INSTALL, available
from ingest.parse.pdf_headings import mark_by_outline, mark_by_size
from ingest.parse.pdf_lines import Line, is_gibberish, is_unknown
from ingest.parse.pdf_reader import PdfReader
from ingest.parse.running_heads import without_running_heads
from rag.errors import EmptySource
from rag.records import Document, Page, PlacedWord

_NO_TITLE = re.compile(
    r"(?:untitled|microsoft \w+ - |.*\.(?:docx?|pdf|tex|dvi|indd|pptx?|xlsx?|odt|rtf|html?)\Z).*", re.I
)
_LONGEST_TITLE = 200  # characters
_TITLE_SIZE = 1.25  # times the running text, where a title must be known by its size
_MOST_OF_PAGE = 0.5  # taken by a picture: a scan, whose text a machine made
_NAMED_PAGES = 8  # page numbers spelled out in a warning


@dataclass(slots=True)
class _Read:
    """What was read of all pages, and the numbers of those that are worth a word."""

    lines: list[Sequence[Line]] = field(default_factory=list)
    hidden: int = 0
    pictures: list[int] = field(default_factory=list)  # without text
    senseless: list[int] = field(default_factory=list)  # with text that is none
    by_ocr: dict[int, tuple[PlacedWord, ...]] = field(default_factory=dict)  # with their words' places


def parse(data: bytes, name: str, options: Options = NO_OPTIONS) -> Document:
    """The pages' text."""
    reader = PdfReader(data, options.passwords)
    read = _read(reader)
    ocr = options.ocr and available()
    if ocr:
        _read_pictures(reader, read, options)
    if not any(read.lines):
        raise EmptySource(_why_empty(read, ocr=ocr))
    lines = without_running_heads(read.lines)
    if not any(lines):
        lines = [list(page) for page in read.lines]
    pages = tuple(replace(page, words=read.by_ocr.get(page.number, ())) for page in _pages(reader, lines))
    return Document("application/pdf", pages, _title(reader, lines), tuple(_warnings(reader, read, ocr=ocr)))


def _read(reader: PdfReader) -> _Read:
    """The words of every page, and which pages need OCR."""
    read = _Read()
    for index in range(reader.page_count):
        page = reader.lines(index)
        read.lines.append(page.lines)
        read.hidden += page.hidden
        if (not page.lines or reader.is_blank(index)) and reader.has_picture(index):
            read.pictures.append(index + 1)
        elif is_unknown(page.lines) or (
            is_gibberish(page.lines) and reader.has_picture(index, least=_MOST_OF_PAGE)
        ):
            read.senseless.append(index + 1)
    return read


def _read_pictures(reader: PdfReader, read: _Read, options: Options) -> None:
    """Puts the text in pictures where there is no other."""
    from ingest.parse.ocr_page import picture_text

    wanted = sorted([*read.pictures, *read.senseless])
    for done, number in enumerate(wanted, 1):
        found = picture_text(reader.picture(number - 1, DPI), DPI)
        if found.lines:
            read.lines[number - 1] = found.lines
            read.by_ocr[number] = found.words
        if options.on_page:
            options.on_page(done, len(wanted))


def _why_empty(read: _Read, *, ocr: bool) -> str:
    if not read.pictures:
        return "the PDF's pages hold no text"
    if ocr:
        return f"no text layer, and no text found in the pictures ({_named(read.pictures)})"
    return f"no text layer, only pictures ({_named(read.pictures)}); to read them: {INSTALL}"


def _pages(reader: PdfReader, lines: Sequence[Sequence[Line]]) -> Iterator[Page]:
    usual, words, labels = measure(lines), vocabulary(lines), reader.labels()
    marked = mark_by_outline(lines, reader.outline())
    if not any(line.level for page in marked for line in page):
        marked = mark_by_size(lines, usual)
    for number, page in enumerate(marked, 1):
        yield page_of(number, labels[number - 1], page, usual, words)


def _title(reader: PdfReader, lines: Sequence[Sequence[Line]]) -> str | None:
    """The metadata's title unless a program made it up, else the largest words of the first page."""
    title = reader.title()
    if title and len(title) <= _LONGEST_TITLE and not _NO_TITLE.match(title):
        return title
    first = next((page for page in lines if page), [])
    written = [line for line in first if sum(map(str.isalpha, line.text)) > 3 and not line.in_table]
    if not written:
        return None
    largest = max(line.size for line in written)
    if largest <= _TITLE_SIZE * measure(lines).size:
        return None
    start = next(place for place, line in enumerate(written) if line.size == largest)
    together = takewhile(lambda line: line.size == largest, written[start:])
    title = " ".join(line.text for line in together)
    return title if len(title) <= _LONGEST_TITLE else None


def _warnings(reader: PdfReader, read: _Read, *, ocr: bool) -> Iterator[str]:
    left = [number for number in read.pictures if number not in read.by_ocr]
    if left and not ocr:
        yield f"{_named(left)}: pictures without a text layer, not read; to read them: {INSTALL}"
    elif left:
        yield f"{_named(left)}: pictures in which no text was found"
    if read.senseless:
        how = (
            "was read from the picture instead"
            if ocr
            else f"is kept as it is; to read the pictures: {INSTALL}"
        )
        yield f"{_named(read.senseless)}: the text makes no sense, though it may look right; it {how}"
    if read.hidden:
        ways = "off the page, tiny, invisible, white on white"
        yield f"{read.hidden} characters that no reader sees ({ways}) were left out"
    if reader.repaired:
        yield "the PDF is damaged and was read from a copy that pdfium repaired; some of it may be missing"


def _named(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _NAMED_PAGES} more" if len(numbers) > _NAMED_PAGES else ""
    return f"page{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:_NAMED_PAGES]))}{more}"
