"""What was filled into a PDF's form, typed over a page or stamped on it, made part of the page.

pdfium's page has the words that its author set; a form's values, typed notes and stamps are annotations with
pictures of their own. Takes an open document and a page's index, gives the page with these drawn into it, in
memory. Links, highlights and notes that open when one clicks stay what they are, where there is nothing else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from ingest.parse.pdf_order import rows_in_order
from ingest.parse.pdf_words import words_of
from rag.records import PlacedWord

logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)  # how to build a pdfium that reads XFA forms

_MOST_LOOKED_AT = 5_000  # annotations of one page
_ABOVE, _BELOW = 0.9, 0.25  # sizes, of a word's box around its baseline


@dataclass(frozen=True, slots=True)
class FilledPage:
    """A `pypdfium2.PdfPage`; `filled` where it was filled in, `blank` where it has no other words."""

    page: Any
    filled: bool = False
    blank: bool = False


def filled_page(document: Any, index: int) -> FilledPage:
    """The page with what was filled in; raises `PdfiumError` where pdfium can't load it."""
    import pypdfium2.raw as pdfium

    page = document[index]
    if not _is_filled_in(page):
        return FilledPage(page)
    text = page.get_textpage()
    blank = text.count_chars() == 0
    text.close()
    if pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY) != pdfium.FLATTEN_SUCCESS:
        return FilledPage(page)
    page.close()  # what it draws is only read anew when it is loaded again
    return FilledPage(document[index], filled=True, blank=blank)


def _is_filled_in(page: Any) -> bool:
    import pypdfium2.raw as pdfium

    wanted = {pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP}
    for number in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST_LOOKED_AT)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if kind in wanted:
            return True
    return False


def opened_with_forms(document: Any) -> Any:
    """The document, ready to draw those fields of its form that have no picture yet."""
    document.init_forms()
    return document


def words_by_place(page: Any) -> list[PlacedWord]:
    """The words of an upright page from the top down, labels beside their values; none of one that is turned.

    The content has all values behind all labels, so that a quote of both would not be found in it.
    """
    found = words_of(page)
    if found.turn or page.get_rotation():
        return []
    left, bottom, right, top = found.box
    wide, high = 10_000 / max(1.0, right - left), 10_000 / max(1.0, top - bottom)
    return [
        PlacedWord(
            word.text,
            round((word.left - left) * wide),
            round((top - word.baseline - _ABOVE * word.style.size) * high),
            round((word.right - left) * wide),
            round((top - word.baseline + _BELOW * word.style.size) * high),
        )
        for row in rows_in_order(found.words, by_place=True)
        for segment in row
        for word in segment.words
    ]
