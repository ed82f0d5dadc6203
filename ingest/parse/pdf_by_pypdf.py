"""A PDF page -> its lines as pypdf reads them, in the order of the page's own content.

Slower than pdfium by ten times, and asked where that fails: its word borders in formulas are better, and it
reads some fonts that pdfium does not. Takes a `pypdf.PageObject`. Text that nobody sees (outside the page,
under a point in size, drawn invisibly on a page whose other text is visible) is left out and counted; white
text on white is not noticed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingest.parse.clean import clean, collapse, hidden_tags
from ingest.parse.pdf_lines import Line, PageLines

SMALLEST_POINTS = 1.0
_INVISIBLE = 3  # text rendering mode "neither fill nor stroke", ISO 32000-1 table 106
_BOLD = re.compile(r"bold|black|heavy|demi|cmbx", re.IGNORECASE)
_MONO = re.compile(r"mono|courier|cmtt|consol|typewriter|inconsolata|menlo|code", re.IGNORECASE)
_SHOWING = frozenset((b"Tj", b"TJ", b"'", b'"'))


@dataclass(slots=True)
class _Piece:
    text: str
    left: float
    baseline: float
    size: float
    bold: bool
    mono: bool
    invisible: bool = False
    outside: bool = False


def pypdf_lines(page: Any) -> PageLines:
    """The lines as pypdf reads them; raises whatever pypdf does."""
    collector = _Collector(_box(page))
    page.extract_text(
        visitor_text=collector.text,
        visitor_operand_before=collector.before,
        visitor_operand_after=collector.after,
    )
    pieces = collector.pieces
    seen = sum(len(piece.text.strip()) for piece in pieces if not piece.invisible)
    unseen = sum(len(piece.text.strip()) for piece in pieces if piece.invisible)
    scan = unseen > seen  # the text layer of a scanned page is drawn invisibly over the picture
    hidden = 0
    for piece in pieces:
        gone = piece.outside or piece.size < SMALLEST_POINTS or (piece.invisible and not scan)
        if gone and piece.text.strip():
            hidden += len(piece.text.strip())
            piece.text = "\n" * piece.text.count("\n")
    hidden += hidden_tags("".join(piece.text for piece in pieces))
    return PageLines(tuple(_lines(pieces)), hidden)


class _Collector:
    """What pypdf's visitors are told, put into pieces of text with their place."""

    def __init__(self, box: tuple[float, float, float, float]) -> None:
        self.pieces: list[_Piece] = []
        self._box = box
        self._mode, self._modes = 0, list[int]()
        self._shown = self._shown_visibly = False
        self._form_depth = 0

    def before(self, operator: bytes, operands: Any, _cm: Any, _tm: Any) -> None:
        if operator == b"Do":
            self._form_depth += 1
        elif operator == b"q":
            self._modes.append(self._mode)
        elif operator == b"Q":
            self._mode = self._modes.pop() if self._modes else 0
        elif operator == b"Tr" and operands:
            self._mode = int(operands[0]) if isinstance(operands[0], int | float) else 0
        elif operator in _SHOWING:
            self._shown = True
            self._shown_visibly |= self._mode != _INVISIBLE

    def after(self, operator: bytes, _operands: Any, _cm: Any, _tm: Any) -> None:
        if operator == b"Do":
            self._form_depth -= 1

    def text(self, text: str, cm: Any, tm: Any, font: Any, size: float) -> None:
        if not text:
            return
        left = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        baseline = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        points = abs(size) * math.hypot(tm[2], tm[3]) * math.hypot(cm[2], cm[3]) * _height(font)
        name = str(font.get("/BaseFont", "")) if font else ""
        bold, mono = bool(_BOLD.search(name)), bool(_MONO.search(name))
        # positions inside a form are the form's own, so that nothing can be said of them
        outside = not self._form_depth and self._is_outside(left, baseline, points)
        invisible = self._shown and not self._shown_visibly
        self.pieces.append(_Piece(text, left, baseline, points, bold, mono, invisible, outside))
        if text.strip():
            self._shown = self._shown_visibly = False

    def _is_outside(self, left: float, baseline: float, size: float) -> bool:
        x0, y0, x1, y1 = self._box
        return left > x1 + size or baseline > y1 + size or baseline < y0 - size or left < x0 - (x1 - x0)


def _height(font: Any) -> float:
    """How high a font's letters are at size 1: Type 3 fonts have units of their own (ISO 32000-1, 9.6.5)."""
    if not font or font.get("/Subtype") != "/Type3":
        return 1.0
    box = [float(number) for number in font.get("/FontBBox") or ()]
    matrix = [float(number) for number in font.get("/FontMatrix") or ()]
    if len(box) != 4 or len(matrix) != 6 or box[1] == box[3]:
        return 1.0  # an empty box says nothing
    return abs((box[3] - box[1]) * matrix[3])


def _box(page: Any) -> tuple[float, float, float, float]:
    box = page.cropbox
    return (
        float(min(box.left, box.right)),
        float(min(box.bottom, box.top)),
        float(max(box.left, box.right)),
        float(max(box.bottom, box.top)),
    )


def _lines(pieces: Sequence[_Piece]) -> list[Line]:
    """Pieces up to each line end put together; the place is the first one's, the size the most text's."""
    lines: list[Line] = []
    current: list[tuple[str, _Piece]] = []
    for piece in pieces:
        for number, part in enumerate(piece.text.split("\n")):
            if number:
                _finish(current, lines)
                current = []
            if part:
                current.append((part, piece))
    _finish(current, lines)
    return lines


def _finish(parts: Sequence[tuple[str, _Piece]], lines: list[Line]) -> None:
    raw = "".join(text for text, _ in parts).rstrip()
    text = collapse(clean(raw))
    if not text:
        return
    written = [(len(text.strip()), piece) for text, piece in parts if text.strip()]
    total = sum(length for length, _ in written)
    sizes: dict[float, int] = {}
    for length, piece in written:
        sizes[piece.size] = sizes.get(piece.size, 0) + length
    longest = max(written, key=lambda item: item[0])[1]
    lines.append(
        Line(
            text + ("\u00ad" if raw.endswith("\u00ad") else ""),
            left=written[0][1].left,
            baseline=longest.baseline,
            size=max(sizes, key=lambda size: sizes[size]),
            bold=sum(length for length, piece in written if piece.bold) * 2 > total,
            mono=all(piece.mono for _, piece in written),
        )
    )
