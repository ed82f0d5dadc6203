"""An open PDF: its pages' lines and pictures, outline, labels and title.

Takes a file's bytes, and passwords to try after the empty one. pdfium reads the words: on 108 real documents
(7,002 pages) they agreed with a third reader's by 0.995 against pypdf's 0.961, 14 times as quickly. pypdf
reads outline, labels, metadata and pages full of formulas, whose words it tells apart better, and is tried
where pdfium fails; what pypdf can't open, pdfium writes anew for it. Does not know what becomes of the lines.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import pypdf
import pypdfium2

from ingest.parse.clean import clean_prose, hidden_tags
from ingest.parse.pdf_by_pypdf import pypdf_lines
from ingest.parse.pdf_filled import FilledPage, filled_page, opened_with_forms
from ingest.parse.pdf_headers import Names
from ingest.parse.pdf_headings import Entry
from ingest.parse.pdf_hidden import has_dropped, has_picture, painted, seen
from ingest.parse.pdf_lines import PageLines, badness, looks_bad
from ingest.parse.pdf_order import rows_in_order
from ingest.parse.pdf_tables import lines_after
from ingest.parse.pdf_words import words_of
from rag.errors import CorruptSource, EncryptedSource

if TYPE_CHECKING:
    from PIL.Image import Image

_REMOVE_SECURITY = 3  # FPDF_REMOVE_SECURITY, fpdf_save.h
_DEEPEST_OUTLINE = 6  # levels; HTML has no more either
_MOST_ENTRIES = 20_000
_FORMULAS = 0.12  # of a page's characters are set in fonts of mathematics: pypdf's word borders are better
_MOST_PIXELS = 40_000_000  # of a page's picture: A3 at 300 dots an inch has 17 million

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # thousands of lines that nobody sees


class PdfReader:
    """One PDF, opened."""

    def __init__(self, data: bytes, passwords: Sequence[str] = ()) -> None:
        self.repaired = False
        self._open_page: tuple[int, FilledPage] | None = None
        self._names: tuple[int, Names | None] = 0, None  # what the first table of which page may go on with
        self._pdfium, password = _opened_by_pdfium(data, passwords)
        self._pypdf = self._opened_by_pypdf(data, password)
        self.page_count = len(self._pdfium) if self._pdfium else len(self._pypdf.pages)

    def lines(self, index: int) -> PageLines:
        """The lines of a page, counted from 0; none where neither library can read it."""
        by_pdfium = self._pdfium_lines(index)
        if by_pdfium is None:
            return self._pypdf_lines(index) or PageLines(())
        bad = looks_bad(by_pdfium.lines)
        formulas = by_pdfium.mathematical > _FORMULAS and not any(line.in_table for line in by_pdfium.lines)
        if not (bad or formulas):
            return by_pdfium
        by_pypdf = self._pypdf_lines(index)
        if by_pypdf is None or not by_pypdf.lines:
            return by_pdfium
        better = badness(by_pypdf.lines) < badness(by_pdfium.lines) / (2 if bad else 1)
        if better or (formulas and not looks_bad(by_pypdf.lines)):
            return by_pypdf
        return by_pdfium

    def has_picture(self, index: int, *, least: float = 0.0) -> bool:
        """Whether an image takes more than that share of the page, so that text may be in it."""
        page = self._page(index)
        return page is not None and has_picture(page, least=least)

    def is_blank(self, index: int) -> bool:
        """Whether all words on the page were filled in, as they are on a form that was scanned."""
        opened = self._opened(index)
        return opened is not None and opened.blank

    def picture(self, index: int, dots_per_inch: int) -> Image:
        """The page as it is seen, in grey."""
        page = self._page(index)
        if page is None:
            raise CorruptSource(f"pdfium can't draw page {index + 1}")
        wide, high = page.get_size()
        scale = min(dots_per_inch / 72, (_MOST_PIXELS / max(1.0, wide * high)) ** 0.5)
        picture: Image = page.render(scale=scale, grayscale=True).to_pil()
        return picture

    def labels(self) -> list[str | None]:
        """What is printed on each page as its number, where that is another."""
        try:
            labels = self._pypdf.page_labels if self._pypdf else []
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
            return list(islice(self._entries(self._pypdf.outline), _MOST_ENTRIES)) if self._pypdf else []
        except MemoryError:
            raise
        except Exception:  # a damaged outline is no outline
            return []

    def title(self) -> str | None:
        """The title in the metadata."""
        try:
            metadata = self._pypdf.metadata if self._pypdf else None
            title = metadata.title if metadata else None
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

    def _opened_by_pypdf(self, data: bytes, password: str) -> Any:
        """pypdf's reader; of pdfium's copy where it can't read the file; None if not that either."""
        try:
            return _pypdf_reader(data, password)
        except MemoryError:
            raise
        except Exception as error:  # damaged, or a cipher that pypdf needs another package for
            if self._pdfium is None:
                raise CorruptSource(
                    f"the file is a damaged PDF, which neither pypdf nor pdfium can open: {error}"
                ) from error
        self.repaired = b"/Encrypt" not in data
        written = io.BytesIO()
        try:
            self._pdfium.save(written, flags=_REMOVE_SECURITY)
            return _pypdf_reader(written.getvalue(), "")
        except MemoryError:
            raise
        except Exception:  # its words are read all the same
            return None

    def _page(self, index: int) -> Any:
        """pdfium's page; None where it has none."""
        opened = self._opened(index)
        return opened and opened.page

    def _opened(self, index: int) -> FilledPage | None:
        """pdfium's page with what was filled in, open until the next one is asked for."""
        if self._open_page is not None and self._open_page[0] == index:
            return self._open_page[1]
        if self._open_page is not None:
            self._open_page[1].page.close()
            self._open_page = None
        if self._pdfium is None or index >= len(self._pdfium):
            return None
        try:
            opened = filled_page(self._pdfium, index)
        except pypdfium2.PdfiumError:
            return None
        self._open_page = (index, opened)
        return opened

    def _pdfium_lines(self, index: int) -> PageLines | None:
        opened = self._opened(index)
        if opened is None:
            return None
        page = opened.page
        found = words_of(page)
        words, hidden = seen(page, found)
        hidden += sum(hidden_tags(word.text) for word in words if not word.text.isascii())
        if has_dropped(page, found) and (by_pypdf := self._pypdf_lines(index)):
            hidden = max(hidden, by_pypdf.hidden)
        known = self._names[1] if self._names[0] == index else None
        grounds = cache(lambda: list(painted(page, found.turn)))
        lines, names = lines_after(rows_in_order(words, by_place=opened.filled), known, grounds)
        self._names = index + 1, names
        total = sum(len(word.text) for word in words)
        # without the dots that lead to page numbers, which TeX takes from such a font
        formulas = sum(len(word.text.strip(".")) for word in words if word.style.mathematical)
        return PageLines(tuple(lines), hidden, formulas / max(1, total))

    def _pypdf_lines(self, index: int) -> PageLines | None:
        if self._pypdf is None:
            return None
        try:
            return pypdf_lines(self._pypdf.pages[index])
        except MemoryError:
            raise
        except Exception:  # pypdf raises all kinds on damaged pages
            return None


def _pypdf_reader(data: bytes, password: str) -> pypdf.PdfReader:
    reader = pypdf.PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(password):
        raise EncryptedSource("pypdf does not take the password")
    _ = reader.root_object["/Pages"]  # the pages themselves are counted by who reads them
    return reader


def _opened_by_pdfium(data: bytes, passwords: Sequence[str]) -> tuple[Any, str]:
    """pdfium's document and the password that opened it; None and none where the file is damaged for it."""
    for password in ("", *passwords):
        try:
            return opened_with_forms(pypdfium2.PdfDocument(data, password=password or None)), password
        except pypdfium2.PdfiumError as error:
            if "password" not in str(error).lower():
                return None, ""
    tried = f"; none of the {len(passwords)} in the password file is it" if passwords else ""
    raise EncryptedSource(
        f"the PDF needs its user password{tried}: write it on a line of a file and name that "
        "with --password-file (and --retry, if it was refused before)"
    )
