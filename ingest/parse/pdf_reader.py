"""An open PDF: its pages' lines, outline, labels and title, whoever has to read them.

Takes a file's bytes. pypdf reads; pdfium opens what pypdf can't (damaged cross references, AES without the
cryptography package) and reads the pages where pypdf fails or runs words together. Of passwords only the
empty one is tried. Does not know what is made of the lines.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pypdf

from ingest.parse.clean import clean_prose
from ingest.parse.pdf_headings import Entry
from ingest.parse.pdf_lines import PageLines, glued_share, looks_glued, pdfium_lines, pypdf_lines
from rag.errors import CorruptSource, EncryptedSource

_REMOVE_SECURITY = 3  # FPDF_REMOVE_SECURITY, fpdf_save.h
_DEEPEST_OUTLINE = 6  # levels; HTML has no more either
_MOST_ENTRIES = 20_000

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # thousands of lines that nobody sees


class PdfReader:
    """One PDF, opened."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pdfium: Any = None
        self.repaired = False
        self._pypdf = self._open()
        self.page_count = len(self._pypdf.pages)

    def lines(self, index: int) -> PageLines:
        """The lines of a page, counted from 0; none where neither library can read it."""
        try:
            read = pypdf_lines(self._pypdf.pages[index])
        except MemoryError:
            raise
        except Exception:  # pypdf raises all kinds on damaged pages; pdfium may still read them
            return self._pdfium_lines(index)
        if looks_glued(read.lines):
            other = self._pdfium_lines(index)
            if other.lines and glued_share(other.lines) < glued_share(read.lines) / 2:
                return PageLines(other.lines, read.hidden)
        return read

    def has_picture(self, index: int) -> bool:
        """Whether the page shows an image, so that text may be in it."""
        try:
            resources = self._pypdf.pages[index].get("/Resources", {}).get_object()
            drawn = resources.get("/XObject", {}).get_object()
            return any(item.get_object().get("/Subtype") in ("/Image", "/Form") for item in drawn.values())
        except MemoryError:
            raise
        except Exception:  # a damaged page: no picture that we could name
            return False

    def labels(self) -> list[str | None]:
        """What is printed on each page as its number, where that is another."""
        try:
            labels = self._pypdf.page_labels
        except MemoryError:
            raise
        except Exception:  # damaged labels are no labels
            labels = []
        labels = [clean_prose(label) for label in labels[: self.page_count]]
        labels += [""] * (self.page_count - len(labels))
        return [label if label and label != str(number) else None for number, label in enumerate(labels, 1)]

    def outline(self) -> list[Entry]:
        """The outline's entries in its order, with the page each leads to."""
        try:
            return list(self._entries(self._pypdf.outline))[:_MOST_ENTRIES]
        except MemoryError:
            raise
        except Exception:  # a damaged outline is no outline
            return []

    def title(self) -> str | None:
        """The title in the metadata."""
        try:
            title = self._pypdf.metadata.title if self._pypdf.metadata else None
        except MemoryError:
            raise
        except Exception:  # damaged metadata are none
            return None
        return clean_prose(title) or None if isinstance(title, str) else None

    def _entries(self, outline: Any, level: int = 1) -> Iterator[Entry]:
        for item in outline:
            if isinstance(item, list):
                if level < _DEEPEST_OUTLINE:
                    yield from self._entries(item, level + 1)
                continue
            page = self._pypdf.get_destination_page_number(item)
            title = clean_prose(str(item.title or ""))
            if page is not None and page >= 0 and title:
                yield Entry(title, page + 1, level)

    def _open(self) -> pypdf.PdfReader:
        encrypted = b"/Encrypt" in self._data
        try:
            reader = pypdf.PdfReader(io.BytesIO(self._data))
            if not reader.is_encrypted or reader.decrypt(""):
                len(reader.pages)
                return reader
        except MemoryError:
            raise
        except Exception:  # damaged, or a cipher that pypdf needs another package for
            pass
        self._data = self._rewritten()
        self.repaired = not encrypted
        try:
            reader = pypdf.PdfReader(io.BytesIO(self._data))
            len(reader.pages)
        except MemoryError:
            raise
        except Exception as error:
            raise CorruptSource(f"the file is a damaged PDF: {error}") from error
        return reader

    def _rewritten(self) -> bytes:
        """The same PDF as pdfium understands it, without its encryption."""
        import pypdfium2

        written = io.BytesIO()
        try:
            document = pypdfium2.PdfDocument(self._data)
            document.save(written, flags=_REMOVE_SECURITY)
            document.close()
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise EncryptedSource(
                    "the PDF needs a password to be opened; save a copy without one and ingest that"
                ) from error
            raise CorruptSource(
                f"the file is a damaged PDF, which neither pypdf nor pdfium can open: {error}"
            ) from error
        return written.getvalue()

    def _pdfium_lines(self, index: int) -> PageLines:
        import pypdfium2

        try:
            if self._pdfium is None:
                self._pdfium = pypdfium2.PdfDocument(self._data)
            page = self._pdfium[index]
            try:
                return pdfium_lines(page)
            finally:
                page.close()
        except pypdfium2.PdfiumError:
            return PageLines(())
