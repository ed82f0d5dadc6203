"""Makes scans: pages of known text, drawn with Pillow and then spoiled as paper and scanners do.

Takes the project's own samples as text and whatever of DejaVu, Liberation and Noto CJK is installed; gives
pictures with what is written on them, in reading order. Same pictures every time. Knows no OCR.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts")
_PAGE_INCHES = (8.27, 11.69)  # A4
_MARGIN_INCHES = 0.9
_INK, _PAPER = 35, 244  # no scanner's black is black

_TABLE = {
    "en": (
        ("Port", "Depth (m)", "Cranes", "Opened"),
        ("Rotterdam", "24.0", "131", "1872"),
        ("Felixstowe", "16.5", "33", "1875"),
        ("Valparaíso", "14.2", "8", "1910"),
        ("Jebel Ali", "17.0", "102", "1979"),
        ("Busan", "16.8", "67", "1876"),
    ),
    "zh": (
        ("港口", "水深", "吊车", "启用"),
        ("上海洋山", "17.5", "130", "2005"),
        ("宁波舟山", "22.5", "96", "1979"),
        ("广州南沙", "15.5", "65", "2004"),
        ("天津", "16.0", "54", "1952"),
        ("厦门", "14.2", "38", "1984"),
    ),
}


@dataclass(frozen=True, slots=True)
class Scan:
    """A picture of a page; `lines` is what is written on it, in the order in which a person reads."""

    name: str
    language: str  # "en" or "zh"
    dpi: int
    image: Image.Image
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class _Look:
    """How a page is set and what became of it. Sizes in points, `skew` in degrees, `noise` in grey levels."""

    name: str
    font: str
    size: float = 11
    columns: int = 1
    table: bool = False
    dpi: int = 200
    skew: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None
    fax: bool = False  # two colours, as an office scanner sends it


_LOOKS = {
    "en": (
        _Look("clean, 300 dpi", "DejaVuSerif", dpi=300),
        _Look("clean, 200 dpi", "LiberationSerif-Regular"),
        _Look("clean, 150 dpi", "LiberationSans-Regular", dpi=150),
        _Look("skew 1.5°, noise, JPEG", "DejaVuSerif", skew=1.5, noise=14, blur=0.7, jpeg=40),
        _Look("skew -2°, 150 dpi, JPEG", "LiberationSerif-Regular", dpi=150, skew=-2, blur=0.5, jpeg=35),
        _Look("blurred", "DejaVuSans", blur=1.6, noise=8),
        _Look("black and white, noise", "LiberationSerif-Regular", skew=0.6, noise=45, fax=True),
        _Look("two columns", "LiberationSerif-Regular", columns=2, size=10, noise=8, skew=0.7),
        _Look("small print, 7 points", "LiberationSerif-Regular", size=7, noise=6),
        _Look("table", "DejaVuSans", table=True, noise=8, jpeg=60),
    ),
    "zh": (
        _Look("clean, 300 dpi", "NotoSerifCJK-Regular", dpi=300),
        _Look("clean, 200 dpi", "NotoSansCJK-Regular"),
        _Look("clean, 150 dpi", "NotoSerifCJK-Regular", dpi=150),
        _Look("skew 1.5°, noise, JPEG", "NotoSerifCJK-Regular", skew=1.5, noise=14, blur=0.7, jpeg=40),
        _Look("skew -2°, 150 dpi, JPEG", "NotoSansCJK-Regular", dpi=150, skew=-2, blur=0.5, jpeg=35),
        _Look("blurred", "NotoSansCJK-Regular", blur=1.6, noise=8),
        _Look("black and white, noise", "NotoSerifCJK-Regular", skew=0.6, noise=45, fax=True),
        _Look("two columns", "NotoSerifCJK-Regular", columns=2, size=10, noise=8, skew=0.7),
        _Look("small print, 7 points", "NotoSansCJK-Regular", size=7, noise=6),
        _Look("table", "NotoSansCJK-Regular", table=True, noise=8, jpeg=60),
    ),
}
_TEXTS = {"en": "canals-and-locks.txt", "zh": "制茶笔记.txt"}


def scans() -> Iterator[Scan]:
    """Twenty pages, ten of each language. `SystemExit` names the fonts where they are missing."""
    for language, looks in _LOOKS.items():
        paragraphs = (SAMPLES / _TEXTS[language]).read_text("utf-8").split("\n")
        paragraphs = [" ".join(line.split()) for line in paragraphs if line.strip()]
        for number, look in enumerate(looks):
            yield _scan(language, look, paragraphs[number % 3 :], seed=number)


def _scan(language: str, look: _Look, paragraphs: Sequence[str], *, seed: int) -> Scan:
    font = ImageFont.truetype(_font_file(look.font), round(look.size * look.dpi / 72))
    width, height = (round(inches * look.dpi) for inches in _PAGE_INCHES)
    page = Image.new("L", (width, height), _PAPER)
    draw = ImageDraw.Draw(page)
    margin = round(_MARGIN_INCHES * look.dpi)
    leading = round(1.45 * look.size * look.dpi / 72)
    lines: list[str] = []
    top = margin
    if look.table:
        top = _draw_table(draw, _TABLE[language], font, margin, top, width - 2 * margin, leading, lines)
        top += 2 * leading
    gap = leading
    measure = (width - 2 * margin - (look.columns - 1) * gap) // look.columns
    rest = list(_wrapped(paragraphs, font, measure, spaced=language == "en"))
    for column in range(look.columns):
        y = top
        while rest and y + leading < height - margin:
            line = rest.pop(0)
            if line:
                draw.text((margin + column * (measure + gap), y), line, fill=_INK, font=font)
                lines.append(line)
            y += leading if line else leading // 2
    return Scan(look.name, language, look.dpi, _spoiled(page, look, seed), tuple(lines))


def _draw_table(
    draw: ImageDraw.ImageDraw,
    rows: Sequence[Sequence[str]],
    font: ImageFont.FreeTypeFont,
    left: int,
    top: int,
    width: int,
    leading: int,
    lines: list[str],
) -> int:
    height, column = round(1.3 * leading), width // len(rows[0])
    for number, row in enumerate(rows):
        y = top + number * height
        for place, cell in enumerate(row):
            x = left + place * column
            draw.rectangle((x, y, x + column, y + height), outline=_INK, width=2)
            draw.text((x + leading // 3, y + leading // 8), cell, fill=_INK, font=font)
        lines.append(" ".join(row))
    return top + len(rows) * height


def _wrapped(
    paragraphs: Sequence[str], font: ImageFont.FreeTypeFont, measure: int, *, spaced: bool
) -> Iterator[str]:
    """Lines that fit, an empty one after each paragraph."""
    for paragraph in paragraphs:
        line, glue = "", " " if spaced else ""
        for word in paragraph.split(" ") if spaced else paragraph:
            longer = line + glue + word if line else word
            if line and font.getlength(longer) > measure:
                yield line
                longer = word
            line = longer
        yield line
        yield ""


def _spoiled(page: Image.Image, look: _Look, seed: int) -> Image.Image:
    spoil: list[Callable[[Image.Image], Image.Image]] = []
    if look.skew:
        spoil.append(lambda image: image.rotate(look.skew, Image.Resampling.BICUBIC, fillcolor=_PAPER))
    if look.blur:
        spoil.append(lambda image: image.filter(ImageFilter.GaussianBlur(look.blur)))
    if look.noise:
        spoil.append(lambda image: _noisy(image, look.noise, seed))
    if look.fax:
        spoil.append(lambda image: image.point(lambda grey: 255 if grey > 140 else 0).convert("1"))
    if look.jpeg is not None:
        quality = look.jpeg
        spoil.append(lambda image: _through_jpeg(image, quality))
    for step in spoil:
        page = step(page)
    return page


def _noisy(image: Image.Image, levels: float, seed: int) -> Image.Image:
    grain = np.random.default_rng(seed).normal(0, levels, (image.height, image.width))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def _through_jpeg(image: Image.Image, quality: int) -> Image.Image:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality)
    read = Image.open(written)
    read.load()
    return read


def _font_file(name: str) -> str:
    for folder in _FOLDERS:
        for path in sorted(Path(folder).rglob(f"{name}.tt[fc]")):
            return str(path)
    raise SystemExit(
        f"the font {name} is not installed (Debian: apt install fonts-dejavu fonts-liberation fonts-noto-cjk)"
    )
