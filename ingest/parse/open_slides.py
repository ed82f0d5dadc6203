"""OpenDocument's ODP (and OTP) -> a Document with a page for each slide.

A slide's title is its heading, then comes what stands on it from top left to bottom right, then its notes
below a heading of their own. Hidden slides are read, too, and named in a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ingest.parse.archive import Archive
from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_prose
from ingest.parse.open_document import CONTENT, Styles, TextReader, body_of, meta_title, opened
from ingest.parse.open_text import hidden_warning
from ingest.parse.slides import NOTES
from ingest.parse.word_styles import child, local, value
from rag.errors import EmptySource
from rag.records import Document, Page

MEDIA_TYPE = "application/vnd.oasis.opendocument.presentation"
_NOT_CONTENT = ("header", "footer", "date-time", "page-number", "page")
_LENGTH = re.compile(r"(-?\d+(?:\.\d+)?)(cm|mm|in|pt|pc|px)?")
_MILLIMETRES = {"cm": 10.0, "mm": 1.0, "in": 25.4, "pt": 0.3528, "pc": 4.233, "px": 0.2646}
_SAME_ROW = 7.0  # millimetres: shapes that begin together in a row
_NOT_SHAPES = ("notes", "forms", "animations", "par", "layer-set", "animation-group")


def parse(data: bytes, name: str) -> Document:
    """The presentation's slides, in their order."""
    archive = Archive(data)
    opened(archive)
    root, styles = archive.xml(CONTENT), Styles()
    if "styles.xml" in archive.names:
        styles.add(archive.xml("styles.xml"))
    styles.add(root)
    slides = [slide for slide in body_of(root, "presentation") if local(slide) == "page"]
    pages, hidden_characters = [], 0
    for number, slide in enumerate(slides, 1):
        reader = TextReader(styles, PageText())
        _add_slide(reader, slide)
        pages.append(reader.page.page(number))
        hidden_characters += reader.hidden
    if not any(page.text for page in pages):
        raise EmptySource("the slides hold no text; pictures of text need OCR")
    hidden = [str(n) for n, slide in enumerate(slides, 1) if value(slide, "style-name") in styles.hidden]
    warnings = [f"hidden slides were read, too: {', '.join(hidden)}"] if hidden else []
    return Document(
        MEDIA_TYPE,
        tuple(pages),
        meta_title(archive) or _first_title(pages[0]),
        (*warnings, *hidden_warning(hidden_characters)),
    )


def _first_title(page: Page) -> str | None:
    return next((heading.text for heading in page.headings if heading.level == 1), None)


def _add_slide(reader: TextReader, slide: Any) -> None:
    shapes = [shape for shape in slide if local(shape) not in _NOT_SHAPES]
    kept = [shape for shape in shapes if value(shape, "class") not in _NOT_CONTENT]
    titles = [shape for shape in kept if value(shape, "class") == "title"]
    reader.page.heading(1, clean_prose(" ".join(map(reader.cell_text, titles))))
    for shape in _in_order([shape for shape in kept if shape not in titles]):
        _add_shape(reader, shape)
    notes = child(slide, "notes")
    written = [
        shape
        for shape in (() if notes is None else notes)
        if value(shape, "class") == "notes" and reader.cell_text(shape)
    ]
    if written:
        reader.page.heading(2, NOTES)
    for shape in written:
        reader.add(shape)
    reader.add_notes()


def _add_shape(reader: TextReader, shape: Any) -> None:
    if local(shape) == "g":
        for inner in _in_order(list(shape)):
            _add_shape(reader, inner)
    else:
        reader.add(shape)


def _in_order(shapes: list[Any]) -> Iterator[Any]:
    """In rows from the top, each from the left."""
    placed = sorted(
        ((_length(shape, "y"), _length(shape, "x"), shape) for shape in shapes), key=lambda p: p[0]
    )
    row: list[tuple[float, float, Any]] = []
    for one in placed:
        if row and one[0] - row[0][0] > _SAME_ROW:
            yield from (shape for _, _, shape in sorted(row, key=lambda p: p[1]))
            row = []
        row.append(one)
    yield from (shape for _, _, shape in sorted(row, key=lambda p: p[1]))


def _length(shape: Any, name: str) -> float:
    """In millimetres; of a group, where its first shape begins."""
    found = _LENGTH.fullmatch(value(shape, name) or "")
    if found is None and local(shape) == "g" and len(shape):
        return min(_length(inner, name) for inner in shape)
    return float(found[1]) * _MILLIMETRES.get(found[2] or "px", 1.0) if found else 0.0
