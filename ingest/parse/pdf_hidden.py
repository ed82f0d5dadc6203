"""Tells the words of a page that a reader sees from those that nobody does.

Nobody sees what stands outside the page, is under a point in size, is white where the page as it is drawn
shows nothing, or is drawn invisibly, unless that is the text layer of a scan: most of its page's text, with a
picture at its place. Takes a `pypdfium2.PdfPage` and its words. Text under a picture counts as seen, and so
does text of any other colour, were it the colour of what is painted behind it.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Container, Iterator, Sequence
from typing import Any

from ingest.parse.pdf_words import WHITE, Box, PageWords, Word, other_texts, turned

SMALLEST_POINTS = 1.0
_MOST_OBJECTS = 20_000  # looked at on one page for what is behind its words
_DRAWN_SCALE = 1.5  # pixels a point: the smallest print leaves a trace
_MOST_PIXELS = 4_000_000
_LEAST_CONTRAST = 8  # of 255
_DEEPEST = 8  # forms inside forms


def seen(page: Any, found: PageWords) -> tuple[list[Word], int]:
    """The words that a reader sees, and how many characters of others there are."""
    suspects = [word for word in found.words if word.style.white or word.style.invisible]
    boxes = list(painted(page, found.turn)) if suspects else []
    unseen = sum(len(word.text) for word in suspects if word.style.invisible)
    scan = unseen * 2 > sum(len(word.text) for word in found.words)
    kept, hidden = [], 0
    drawing: _Drawing | None = None
    for word in found.words:
        style = word.style
        gone = style.size < SMALLEST_POINTS or _is_outside(word, found.box)
        if not gone and style.invisible:
            gone = not scan or not _is_on(word, boxes)
        elif not gone and style.white and not _is_on(word, boxes):
            # what pdfium calls white can be filled with a pattern, or have a form behind it
            drawing = drawing or _Drawing(page, found.turn)
            gone = not drawing.shows(word)
        if gone:
            hidden += len(word.text)
        else:
            kept.append(word)
    return kept, hidden


class _Drawing:
    """The page as it is drawn, small and in grey."""

    def __init__(self, page: Any, turn: int) -> None:
        self._box, self._turn = page.get_bbox(), turn
        wide, high = page.get_size()
        self._scale = min(_DRAWN_SCALE, (_MOST_PIXELS / max(1.0, wide * high)) ** 0.5)
        self._sideways = page.get_rotation() != 0
        self._picture = None if self._sideways else page.render(scale=self._scale, grayscale=True).to_pil()

    def shows(self, word: Word) -> bool:
        """Whether there is any contrast where the word stands; on pages that are turned, yes."""
        if self._picture is None:
            return True
        high = word.style.size
        box = (word.left, word.baseline - high / 4, word.right, word.baseline + high)
        left, bottom, right, top = turned(box, -self._turn % 4)
        x0, y0 = (left - self._box[0]) * self._scale, (self._box[3] - top) * self._scale
        x1, y1 = (right - self._box[0]) * self._scale, (self._box[3] - bottom) * self._scale
        lowest, highest = self._picture.crop((int(x0), int(y0), int(x1) + 1, int(y1) + 1)).getextrema()
        return bool(highest - lowest >= _LEAST_CONTRAST)


def has_picture(page: Any, *, least: float = 0.0) -> bool:
    """Whether an image takes more than that share of the page."""
    left, bottom, right, top = page.get_bbox()
    area = max(1.0, (right - left) * (top - bottom))
    for x0, y0, x1, y1 in painted(page, 0, pictures=True):
        wide, high = min(x1, right) - max(x0, left), min(y1, top) - max(y0, bottom)
        if wide > 0 and high > 0 and wide * high > least * area:
            return True
    return False


def has_dropped(page: Any, found: PageWords) -> bool:
    """Whether the page has text so small that pdfium gives none of it."""
    import pypdfium2.raw as pdfium

    for drawn, matrix in _objects(pdfium, page, but=found.drawn):
        if pdfium.FPDFPageObj_GetType(drawn) == pdfium.FPDF_PAGEOBJ_TEXT:
            left, bottom, right, top = _bounds(pdfium, drawn, matrix)
            # letters of a Type 3 font are larger than their size says
            if max(right - left, top - bottom) < SMALLEST_POINTS and _is_tiny(pdfium, drawn):
                return True
    return False


def _is_tiny(pdfium: Any, drawn: Any) -> bool:
    size, matrix = ctypes.c_float(), pdfium.FS_MATRIX()
    pdfium.FPDFTextObj_GetFontSize(drawn, size)
    pdfium.FPDFPageObj_GetMatrix(drawn, matrix)
    return bool(size.value * math.hypot(matrix.c, matrix.d) < SMALLEST_POINTS)


def _is_outside(word: Word, box: Box) -> bool:
    left, bottom, right, top = box
    height = word.style.size
    return (
        word.left >= right
        or word.right + height <= left
        or word.baseline >= top
        or word.baseline + height <= bottom
    )


def _is_on(word: Word, boxes: Sequence[Box]) -> bool:
    x, y = (word.left + word.right) / 2, word.baseline + word.style.size / 4
    return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in boxes)


def painted(page: Any, turn: int, *, pictures: bool = False) -> Iterator[Box]:
    """Where the page shows anything but text and white; with `pictures`, where it shows images."""
    import pypdfium2.raw as pdfium

    wanted = {pdfium.FPDF_PAGEOBJ_IMAGE}
    if not pictures:
        wanted |= {pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_SHADING}
    for drawn, matrix in _objects(pdfium, page):
        kind = pdfium.FPDFPageObj_GetType(drawn)
        if kind in wanted and (kind != pdfium.FPDF_PAGEOBJ_PATH or _is_dark(pdfium, drawn)):
            yield turned(_bounds(pdfium, drawn, matrix), turn)


def _objects(
    pdfium: Any, page: Any, *, but: Container[int | None] = ()
) -> Iterator[tuple[Any, tuple[float, ...]]]:
    """What the page draws, forms taken apart, each with the matrix that puts it on the page.

    With `but`, only texts, and of these not the ones at those addresses.
    """
    same: tuple[float, ...] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    numbers = other_texts(page, but) if but else range(pdfium.FPDFPage_CountObjects(page.raw))
    waiting = [(pdfium.FPDFPage_GetObject(page.raw, number), same, 0) for number in numbers[:_MOST_OBJECTS]]
    looked_at = 0
    while waiting and looked_at < _MOST_OBJECTS:
        drawn, matrix, depth = waiting.pop()
        looked_at += 1
        if but and ctypes.addressof(drawn.contents) in but:
            continue
        if pdfium.FPDFPageObj_GetType(drawn) != pdfium.FPDF_PAGEOBJ_FORM:
            yield drawn, matrix
        elif depth < _DEEPEST:
            own = pdfium.FS_MATRIX()
            pdfium.FPDFPageObj_GetMatrix(drawn, own)
            inner = _times((own.a, own.b, own.c, own.d, own.e, own.f), matrix)
            parts = min(pdfium.FPDFFormObj_CountObjects(drawn), _MOST_OBJECTS - looked_at)
            waiting += [(pdfium.FPDFFormObj_GetObject(drawn, n), inner, depth + 1) for n in range(parts)]


def _times(inner: tuple[float, ...], outer: tuple[float, ...]) -> tuple[float, ...]:
    """The matrix that does what `inner` does and then what `outer` does (ISO 32000-1, 8.3.4)."""
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


def _bounds(pdfium: Any, drawn: Any, matrix: tuple[float, ...]) -> Box:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(drawn, left, bottom, right, top):
        return (0.0, 0.0, 0.0, 0.0)
    a, b, c, d, e, f = matrix
    corners = [(x, y) for x in (left.value, right.value) for y in (bottom.value, top.value)]
    across = [a * x + c * y + e for x, y in corners]
    up = [b * x + d * y + f for x, y in corners]
    return min(across), min(up), max(across), max(up)


def _is_dark(pdfium: Any, drawn: Any) -> bool:
    """Whether a path is filled with anything but white."""
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    return bool(
        pdfium.FPDFPath_GetDrawMode(drawn, mode, stroked)
        and mode.value != pdfium.FPDF_FILLMODE_NONE
        and pdfium.FPDFPageObj_GetFillColor(drawn, red, green, blue, alpha)
        and alpha.value
        and min(red.value, green.value, blue.value) < WHITE
    )
