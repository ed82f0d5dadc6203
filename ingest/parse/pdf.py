"""PDF -> a Document with its pages, their labels, and the outline's entries as headings.

Text in pictures is not read: a file that has nothing else is an `EmptySource` that says so. Takes the
file's bytes; how they are read is pdf_reader's business, how lines become text is layout's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from ingest.parse import NO_OPTIONS, Options
from ingest.parse.layout import measure, page_of, vocabulary
from ingest.parse.pdf_headings import mark_by_outline, mark_by_size
from ingest.parse.pdf_lines import Line, PageLines
from ingest.parse.pdf_reader import PdfReader
from ingest.parse.running_heads import without_running_heads
from rag.errors import EmptySource
from rag.records import Document, Page

_NO_TITLE = re.compile(
    r"(?:untitled|microsoft \w+ - |.*\.(?:docx?|pdf|tex|dvi|indd|pptx?|xlsx?|odt|rtf|html?)\Z).*", re.I
)
_LONGEST_TITLE = 200  # characters
_TITLE_SIZE = 1.25  # times the running text, where a title must be known by its size
_NAMED_PAGES = 8  # page numbers spelled out in a warning


def parse(data: bytes, name: str, options: Options = NO_OPTIONS) -> Document:
    """The pages' text."""
    reader = PdfReader(data, options.passwords)
    read = [reader.lines(index) for index in range(reader.page_count)]
    pictures = [n for n, page in enumerate(read, 1) if not page.lines and reader.has_picture(n - 1)]
    if not any(page.lines for page in read):
        if pictures:
            raise EmptySource(f"no text layer: its {len(pictures)} pages are pictures, so it needs OCR first")
        raise EmptySource("the PDF's pages hold no text")
    lines = without_running_heads([page.lines for page in read])
    if not any(lines):
        lines = [list(page.lines) for page in read]
    pages = tuple(_pages(reader, lines))
    warnings = tuple(_warnings(reader, read, pictures))
    return Document("application/pdf", pages, _title(reader, lines), warnings)


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
    written = [line for line in first if sum(map(str.isalpha, line.text)) > 3]
    if not written:
        return None
    largest = max(line.size for line in written)
    if largest <= _TITLE_SIZE * measure(lines).size:
        return None
    start = next(place for place, line in enumerate(written) if line.size == largest)
    together = takewhile(lambda line: line.size == largest, written[start:])
    title = " ".join(line.text for line in together)
    return title if len(title) <= _LONGEST_TITLE else None


def _warnings(reader: PdfReader, read: Sequence[PageLines], pictures: Sequence[int]) -> Iterator[str]:
    if pictures:
        named = ", ".join(map(str, pictures[:_NAMED_PAGES]))
        more = " and more" if len(pictures) > _NAMED_PAGES else ""
        yield f"pages {named}{more} are pictures without text; they need OCR"
    if hidden := sum(page.hidden for page in read):
        ways = "off the page, tiny, invisible, white on white"
        yield f"{hidden} characters that no reader sees ({ways}) were left out"
    if reader.repaired:
        yield "the PDF is damaged and was read from a copy that pdfium repaired; some of it may be missing"
