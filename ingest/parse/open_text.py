"""OpenDocument's ODT (and OTT) -> a Document of one page; a text has no pages until it is printed.

Headings by their outline level, lists with their numbers, tables by rows, text boxes where they are
anchored, footnotes at the end. Headers and footers are left out.
"""

from __future__ import annotations

from ingest.parse.archive import Archive
from ingest.parse.blocks import PageText
from ingest.parse.open_document import CONTENT, Styles, TextReader, body_of, meta_title, opened
from rag.errors import EmptySource
from rag.records import Document

MEDIA_TYPE = "application/vnd.oasis.opendocument.text"


def parse(data: bytes, name: str) -> Document:
    """The document's text."""
    archive = Archive(data)
    opened(archive)
    root, styles = archive.xml(CONTENT), Styles()
    if "styles.xml" in archive.names:
        styles.add(archive.xml("styles.xml"))
    styles.add(root)
    reader = TextReader(styles, PageText())
    reader.add(body_of(root, "text"))
    reader.add_notes()
    if reader.page.empty:
        raise EmptySource("the document holds no text; pictures of text need OCR")
    page = reader.page.page()
    title = meta_title(archive) or reader.title or next((h.text for h in page.headings if h.level == 1), None)
    return Document(MEDIA_TYPE, (page,), title, hidden_warning(reader.hidden))


def hidden_warning(characters: int) -> tuple[str, ...]:
    """What is said of text that was left out because no screen shows it."""
    if not characters:
        return ()
    return (f"{characters} characters that no screen shows (hidden text, Unicode tags) were left out",)
