"""Pictures of text, drawn with the font that Pillow has with it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

LEADING = 1.6  # sizes


def drawn(
    lines: Sequence[str],
    *,
    size: int = 32,
    ink: Any = "black",
    paper: Any = "white",
    mode: str = "RGB",
    left: int = 40,
) -> Image.Image:
    """Lines of text on a page as wide as they are."""
    font = ImageFont.load_default(size)
    width = 2 * left + round(max(font.getlength(line) for line in lines))
    page = Image.new(mode, (width, round(80 + LEADING * size * len(lines))), paper)
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((left, 40 + number * LEADING * size), line, fill=ink, font=font)
    return page


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file's bytes."""
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def read_in_child(path: str) -> list[str]:
    """A job for the sandbox: what is read."""
    from ingest.parse.ocr import read_picture

    return [line.text for line in read_picture(Image.open(path)).lines]
