"""A page of a PDF or of a picture file as a picture, and where on it the words of a quote stand.

Takes a file's location, a page number and the quoted words; gives a PNG with one box per line of the
quote, in the picture's pixels. Runs pdfium in the sandbox's child: it is machine code that reads hostile
bytes, and not thread-safe. The index keeps cleaned text (spaces, hyphens and ligatures normalised), so
words are compared by their letters and digits alone; a table's row is looked for without the columns' names
that it was given. Of a page that was read from its picture the caller gives the words' places; without them,
on a page without text, they are looked for by OCR, where the extra is installed. Knows nothing about
citations or the index.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.files import open_regular
from ingest.parse import ocr
from ingest.parse.pdf_filled import filled_page, opened_with_forms, words_by_place
from ingest.parse.recognise import HEAD_BYTES, is_picture
from ingest.quote_places import Box4, fold, found_spans, merge_lines, trimmed
from rag.errors import CorruptSource, EncryptedSource, ParserFailed
from rag.records import PlacedWord

if TYPE_CHECKING:
    from ingest.sandbox import Sandbox

LEAST_WIDTH, MOST_WIDTH = 100, 4000  # pixels
MOST_PIXELS = 16_000_000  # a page of 14,400 by 1 points is legal, and must not become a gigabyte
SECONDS = 20  # for one page; a scan of a whole newspaper takes 2
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, from the picture's upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page's picture. `found` is the share of the quote's letters that stand in the boxes, 0 to 1."""

    png: bytes
    width: int
    height: int
    boxes: tuple[Box, ...]
    found: float


def render_page(
    location: bytes,
    page: int,
    quote: str,
    *,
    width_pixels: int,
    sandbox: Sandbox,
    near: float = 0.0,
    words: Sequence[PlacedWord] = (),
    passwords: Sequence[str] = (),
) -> PageImage:
    """The page as a picture `width_pixels` wide, with the quote's lines boxed.

    `near` (0 to 1) is how far down the page's text the quote begins: of several places with the same
    words the nearest is boxed. An empty quote boxes nothing. `words` are what was read from the page's
    picture, if it was. `passwords` are tried in turn. Raises a `SourceError` when the file is gone, damaged,
    encrypted, has no such page, or pdfium fails on it.
    """
    width = max(LEAST_WIDTH, min(MOST_WIDTH, width_pixels))
    reply = sandbox.run(
        "ingest.page_image:render_in_child",
        {
            "location": os.fsdecode(location),
            "page": page,
            "quote": quote,
            "near": near,
            "words": list(words),
            "width": width,
            "passwords": list(passwords),
        },
        seconds=SECONDS,
    )
    return _checked(reply)


def render_in_child(
    *,
    location: str,
    page: int,
    quote: str,
    near: float,
    width: int,
    words: Sequence[Sequence[Any]] = (),
    passwords: Sequence[str] = (),
) -> dict[str, Any]:
    """The sandbox's job: opens the PDF, draws the page, finds the quote. JSON in, JSON out."""
    import pypdfium2

    from ingest.parse.picture import picture_of

    placed = [PlacedWord(*word) for word in words]
    with open_regular(os.fsencode(location), limit_megabytes=None) as (stream, _):
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        if is_picture(head):
            return _drawn_picture(picture_of(stream.read(), page), placed, quote, near, width)
        document = _opened(stream, passwords)
        if not 1 <= page <= len(document):
            raise CorruptSource(f"page {page} is not there; the file has {len(document)} pages")
        try:
            opened = filled_page(document, page - 1)
            placed = placed or (words_by_place(opened.page) if opened.filled else [])
            return _drawn(opened.page, placed, quote, near, width)
        except pypdfium2.PdfiumError as error:
            raise CorruptSource(f"pdfium can't draw page {page}: {error}") from error


def _opened(stream: Any, passwords: Sequence[str]) -> Any:
    import pypdfium2

    for password in (None, *passwords):
        try:
            return opened_with_forms(pypdfium2.PdfDocument(stream, password=password))
        except pypdfium2.PdfiumError as error:
            if "password" not in str(error).lower():
                raise CorruptSource(f"pdfium can't open this PDF: {error}") from error
            stream.seek(0)
    raise EncryptedSource("a password is needed to show this PDF; --password-file names a file of them")


def _drawn(page: Any, words: Sequence[PlacedWord], quote: str, near: float, width: int) -> dict[str, Any]:
    points_wide, points_high = page.get_size()
    if points_wide <= 0 or points_high <= 0:
        raise CorruptSource(f"the page measures {points_wide:g} by {points_high:g} points")
    scale = min(width / points_wide, (MOST_PIXELS / (points_wide * points_high)) ** 0.5)
    image = page.render(scale=scale).to_pil()
    return _reply(image, *_boxes(page, words, image, quote, near))


def _drawn_picture(
    picture: Any, words: Sequence[PlacedWord], quote: str, near: float, width: int
) -> dict[str, Any]:
    scale = min(width / picture.width, (MOST_PIXELS / (picture.width * picture.height)) ** 0.5)
    image = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    if not fold(quote):
        return _reply(image, [], 0.0)
    return _reply(image, *_boxes_of_words(words or _read_once_more(picture), image, quote, near))


def _reply(image: Any, boxes: list[Box4], found: float) -> dict[str, Any]:
    import io

    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG", compress_level=2)  # level 9 saves a tenth, takes ten times
    return {
        "png": base64.b64encode(buffer.getvalue()).decode("ascii"),
        "width": image.width,
        "height": image.height,
        "boxes": boxes,
        "found": found,
    }


def _boxes(
    page: Any, words: Sequence[PlacedWord], image: Any, quote: str, near: float
) -> tuple[list[Box4], float]:
    """A box for each line of the quote, and how much of it they hold."""
    if not fold(quote):
        return [], 0.0
    if words:
        return _boxes_of_words(words, image, quote, near)
    text_page = page.get_textpage()
    letters, places = _letters(text_page)
    if not letters:
        return _boxes_of_words(_read_once_more(image), image, quote, near)
    spans, found = found_spans(letters, quote, near=near)
    lines: list[Box4] = []
    for start, end in spans:
        characters = range(places[start], places[end - 1] + 1)
        heights, inks = (
            [_in_pixels(page, box(text_page, index), image.width, image.height) for index in characters]
            for box in (_character_box, _ink)
        )
        lines.extend(trimmed(line, inks) for line in merge_lines(iter(heights)))
    return lines, found


def _boxes_of_words(
    words: Sequence[PlacedWord], image: Any, quote: str, near: float
) -> tuple[list[Box4], float]:
    """The same on a page whose words were read from its picture: whole words are boxed."""
    letters: list[str] = []
    boxes: list[Box4] = []
    across, down = image.width / 10_000, image.height / 10_000
    for text, left, top, right, bottom in words:
        folded = fold(text)
        letters.append(folded)
        boxes += [(left * across, top * down, right * across, bottom * down)] * len(folded)
    spans, found = found_spans("".join(letters), quote, near=near)
    return [line for start, end in spans for line in merge_lines(iter(boxes[start:end]))], found


def _read_once_more(picture: Any) -> list[PlacedWord]:
    """The words of a page whose places the index does not have, where the extra is installed."""
    if not ocr.available():
        return []
    from ingest.parse.ocr_page import placed_words

    return list(placed_words(ocr.read_picture(picture)))


def _letters(text_page: Any) -> tuple[str, list[int]]:
    """The page's folded letters, and for each the index of pdfium's character that it came from."""
    import pypdfium2.raw as pdfium

    letters: list[str] = []
    places: list[int] = []
    high = 0  # the first half of a surrogate pair: pdfium counts the halves
    for index in range(text_page.count_chars()):
        code = pdfium.FPDFText_GetUnicode(text_page.raw, index)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if high and 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)
        high = 0
        folded = fold(chr(code)) if code < 0x110000 else ""
        letters.append(folded)
        places.extend([index] * len(folded))
    return "".join(letters), places


def _character_box(text_page: Any, index: int) -> Box4:
    """Left, bottom, right, top in points: the line's height by the font's own word, and all of the ink.

    A space or a line break has no ink, and gives an empty box.
    """
    ink = _ink(text_page, index)
    if not any(ink):
        return ink
    line = text_page.get_charbox(index, loose=True)
    return min(ink[0], line[0]), min(ink[1], line[1]), max(ink[2], line[2]), max(ink[3], line[3])


def _ink(text_page: Any, index: int) -> Box4:
    """Left, bottom, right, top of a character's ink in points; nothing but zeros without any."""
    left, bottom, right, top = text_page.get_charbox(index)
    return (left, bottom, right, top) if right > left and top > bottom else (0.0, 0.0, 0.0, 0.0)


def _in_pixels(page: Any, box: Sequence[float], width: int, height: int) -> Box4:
    """A character's box (left, bottom, right, top in points) in pixels; pdfium knows crop and rotation."""
    import ctypes

    import pypdfium2.raw as pdfium

    across, down = [], []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        pixel_x, pixel_y = ctypes.c_int(), ctypes.c_int()
        # in tenths of a pixel, as the function gives whole numbers
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, width * 10, height * 10, 0, x, y, pixel_x, pixel_y)
        across.append(pixel_x.value / 10)
        down.append(pixel_y.value / 10)
    return min(across), min(down), max(across), max(down)


def _checked(reply: Any) -> PageImage:
    """What the child sent, taken apart with suspicion: it reads hostile files."""
    try:
        png = base64.b64decode(reply["png"], validate=True)
        boxes = tuple(Box(*map(float, box)) for box in reply["boxes"])
        image = PageImage(png, int(reply["width"]), int(reply["height"]), boxes, float(reply["found"]))
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ParserFailed(f"the page's picture did not come back as agreed: {error}") from error
    if not png.startswith(_PNG):
        raise ParserFailed("the page's picture did not come back as agreed: it is not a PNG")
    return image
