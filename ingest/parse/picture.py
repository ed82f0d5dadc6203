"""PNG, JPEG, TIFF (each of its pages), WebP, BMP and GIF -> the text in them. Needs `openchat-rag[ocr]`.

Takes the file's bytes. Pictures are turned as their camera says, laid on a ground that their ink is seen on,
and bounded in pixels and pages before they are decoded. Animations count as their first picture. How text is
read is ocr's business.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.parse import NO_OPTIONS, Options
from ingest.parse.layout import measure, page_of, vocabulary
from ingest.parse.ocr import DPI, INSTALL, available
from ingest.parse.pdf_headings import mark_by_size
from ingest.parse.running_heads import without_running_heads
from rag.errors import CorruptSource, EmptySource, ParserFailed, SourceError, UnsupportedFormat
from rag.records import Document

if TYPE_CHECKING:
    from PIL import Image

    from ingest.parse.ocr_page import PictureText

MOST_PIXELS = 80_000_000  # A3 at 600 dots an inch has 70 million; four bytes each, and two copies
LEAST_SIDE = 12  # pixels; letters of half the size can't be told from each other
MOST_PAGES = 1000  # of a TIFF: 40 minutes
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
_NAMED_PAGES = 8  # page numbers spelled out in a warning


def parse(data: bytes, name: str, options: Options = NO_OPTIONS) -> Document:
    """The pages' text; `EmptySource` where no page has any."""
    if not (options.ocr and available()):
        raise UnsupportedFormat(f"is a picture; its text is read after `{INSTALL}` and `rag ingest --retry`")
    from ingest.parse.ocr_page import PictureText, picture_text

    with _damage_named():
        image = _opened(data)
        total, left = _page_count(image)
    read = []
    for number in range(total):
        with _damage_named():
            page = _page(image, number)
        read.append(picture_text(page, DPI) if min(page.size) >= LEAST_SIDE else PictureText([], ()))
        if options.on_page is not None:
            options.on_page(number + 1, total)
    if not any(page.lines for page in read):
        raise EmptySource(
            "no text was found in the picture" if total == 1 else "no text was found on its pages"
        )
    said = []
    if blank := [number for number, page in enumerate(read, 1) if not page.lines]:
        more = " and more" if len(blank) > _NAMED_PAGES else ""
        said.append(f"no text was found on pages {', '.join(map(str, blank[:_NAMED_PAGES]))}{more}")
    if left:
        said.append(f"only the first {MOST_PAGES} pages were read; split the file to read the others")
    if image.format != "TIFF" and getattr(image, "is_animated", False):
        said.append("of the animation's pictures only the first was read")
    return _document(f"image/{(image.format or '').lower()}", read, tuple(said))


def picture_of(data: bytes, number: int) -> Image.Image:
    """A page of the file, counted from 1, as it is read; a `SourceError` says why there is none."""
    with _damage_named():
        return _page(_opened(data), number - 1)


def _document(media_type: str, read: Sequence[PictureText], said: tuple[str, ...]) -> Document:
    lines = [page.lines for page in read]
    kept = without_running_heads(lines)
    if not any(kept):
        kept = lines
    usual, words = measure(kept), vocabulary(kept)
    marked = enumerate(mark_by_size(kept, usual), 1)
    pages = tuple(
        replace(page_of(number, None, page, usual, words), words=read[number - 1].words)
        for number, page in marked
    )
    return Document(media_type, pages, warnings=said)


@contextmanager
def _damage_named() -> Iterator[None]:
    """Whatever Pillow finds wrong with a picture is a `SourceError`."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; and the pixels are counted here
            yield
    except (MemoryError, SourceError):
        raise
    except Image.DecompressionBombError as error:
        raise ParserFailed(f"{error}; it looks like a decompression bomb") from error
    except Exception as error:  # Pillow raises all kinds on damaged files
        raise CorruptSource(f"the picture is damaged: {error}") from error


def _opened(data: bytes) -> Image.Image:
    from PIL import Image

    return Image.open(io.BytesIO(data), formats=_FORMATS)


def _page_count(image: Image.Image) -> tuple[int, bool]:
    """How many pages to read, and whether there are more: a small file can have millions."""
    if image.format != "TIFF":
        return 1, False
    for number in range(1, MOST_PAGES + 1):
        try:
            image.seek(number)
        except EOFError:
            return number, False
    return MOST_PAGES, True


def _page(image: Image.Image, number: int) -> Image.Image:
    """One page, decoded."""
    image.seek(number)
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ParserFailed(
            f"a picture of {width} x {height} pixels is more than {MOST_PIXELS // 1_000_000} megapixels; "
            "make it smaller to read it"
        )
    return _on_paper(image)


def _on_paper(image: Image.Image) -> Image.Image:
    """Upright, opaque, eight bits a colour."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(image)
    if picture.mode.startswith(("I", "F")):
        return _in_grey(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    alpha = picture.getchannel("A")
    ink = sum(picture.convert("L").histogram(alpha.point(lambda a: 255 if a > 127 else 0))[128:])
    light = 2 * ink > sum(alpha.histogram()[128:])
    ground = Image.new("RGBA", picture.size, "black" if light else "white")
    return Image.alpha_composite(ground, picture).convert("RGB")


def _in_grey(picture: Image.Image) -> Image.Image:
    """Of 16 or 32 bits: from the darkest to the lightest that there is."""
    import numpy as np
    from PIL import Image

    levels = np.nan_to_num(np.asarray(picture, np.float32))
    darkest, lightest = float(levels.min()), float(levels.max())
    levels = (levels - darkest) * (255 / max(lightest - darkest, 1e-6))
    return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
