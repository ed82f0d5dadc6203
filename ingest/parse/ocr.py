"""A picture of text -> the lines on it, each character with its place. Needs the extra `openchat-rag[ocr]`.

Takes a Pillow image, gives lines from top to bottom as they stand; what is a column, a table or a paragraph
is ocr_page's business. Runs in the sandbox's child: one thread, nothing written, nothing downloaded (the
models, PP-OCRv6 small, Apache 2.0, are in rapidocr's wheel).

RapidOCR was chosen over tesseract (through tesserocr, as pytesseract starts a program) on twenty scans of
known text (benchmarks/ocr.py): wrong characters in English 0.01 against 0.7 %, in Chinese 0.4 against 16 %,
on noisy black and white copies 0.1 and 2 against 5 and 40 %. It needs no system package and is not told the
language. The price: 2 to 3 seconds of one core a page against 1, 0.8 GB of memory against 0.3, 264 MB on disk
against 33 and a package for each language. Chinese that is set vertically is not read.

Where the words stand is kept in the index with the page; of an index without that, ingest/page_image.py reads
the one page that is shown once more, in that time.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

INSTALL = "pip install 'openchat-rag[ocr]'"
DPI = 200  # to draw a page at for reading: at 150 small print suffers, at 300 nothing is gained
_DETECT_SIDE = 1600  # pixels, longer side, for finding lines; 2000 finds no more and takes a quarter longer
_MOST_PIXELS = 16_000_000  # that lines are cut from: A4 at 400 dpi
_WIDEST = 4.0  # times its other side; the detector would blow up anything longer
_HIGHEST = 2.0  # times its width: anything higher, such as a receipt, is looked at piece by piece
_MOST_PIECES, _LEAST_PIECE = 20, 600  # so many, and so high in pixels
_BORDER = 16  # pixels
_LONGEST_LINE = 150  # times its height; a line of 10 points across A3 is 120
_SURE = 0.5  # mean confidence of a line's characters; below it is what a texture looks like
_TALL = 2.5  # times its width: a box this high holds a line that stands on end, or one thin letter
_HALF_WIDTH = 0.4  # of a line's height: no character is wider than two of these
_AFTER_SPACE = 0.35  # of the way to a neighbour's middle that is a character's own, where a space is between
_ASKED = 12  # longest lines that are asked whether they stand on their heads

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]  # upper left, upper right, lower right, lower left, as one reads
Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels
_NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)  # of spaces


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line's text, and for each character of it its box; spaces have an empty one."""

    text: str
    boxes: tuple[Box, ...]
    height: float  # in pixels, with ascenders, descenders and a little air
    on_end: bool = False  # beside the others, as a note in the margin


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """What was read. After `quarters` quarter turns counterclockwise the picture is upright.

    `width`, `height` and the boxes are the upright picture's; `skew` is how far its lines fall to the right,
    in radians.
    """

    lines: tuple[ReadLine, ...]
    width: int
    height: int
    quarters: int = 0
    skew: float = 0.0

    def as_given(self, box: Box) -> Box:
        """A box on the picture as it was before it was turned upright."""
        left, top, right, bottom = box
        width, height = self.width, self.height
        for _ in range(self.quarters):
            left, top, right, bottom = height - bottom, left, height - top, right
            width, height = height, width
        return left, top, right, bottom


def available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "onnxruntime"))


def read_picture(image: Image.Image) -> ReadPicture:
    """The lines of text in a picture, whichever way it lies; no lines where there is no text."""
    picture, scale, (beside, above) = _prepared(image)
    picture, found, quarters = _upright(picture)
    width, height = image.size
    if quarters % 2:
        width, height, beside, above = height, width, above, beside

    def on_page(box: Box) -> Box:
        if box == _NOWHERE:
            return box
        left, right = max(0.0, (box[0] - beside) / scale), min(float(width), (box[2] - beside) / scale)
        top, bottom = max(0.0, (box[1] - above) / scale), min(float(height), (box[3] - above) / scale)
        return left, top, right, bottom

    lines = []
    for corners in found:
        if line := _read_line(picture, corners):
            boxes = tuple(map(on_page, line.boxes))
            lines.append(ReadLine(line.text, boxes, line.height / scale, line.on_end))
    return ReadPicture(tuple(lines), width, height, quarters, _skew(found))


# --- the picture ----------------------------------------------------------------------------------


def _prepared(image: Image.Image) -> tuple[Image.Image, float, tuple[int, int]]:
    """The picture in RGB and in bounds, how much smaller it was made, and the borders beside and above it."""
    from PIL import Image, ImageOps

    picture = image.convert("RGB")
    scale = min(1.0, math.sqrt(_MOST_PIXELS / (picture.width * picture.height)))
    if scale < 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    # letters at the very edge are not found; and a long strip would be blown up a hundredfold
    narrow = max(_LEAST_PIECE, picture.height / _MOST_PIECES) / _WIDEST - picture.width
    low = picture.width / _WIDEST - picture.height
    borders = (max(_BORDER, math.ceil(narrow / 2)), max(_BORDER, math.ceil(low / 2)))
    return ImageOps.expand(picture, borders, fill=_background(picture)), scale, borders


def _background(picture: Image.Image) -> tuple[int, int, int]:
    """The colour of most of the picture's edge."""
    import numpy as np

    pixels = np.asarray(picture)
    edge = np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    red, green, blue = np.median(edge, axis=0)
    return int(red), int(green), int(blue)


def _upright(picture: Image.Image) -> tuple[Image.Image, list[Corners], int]:
    """The picture turned so that most of its lines can be read, its lines' corners, and the quarter turns."""
    from PIL import Image

    found = _detected(picture)
    quarters = 0
    if sum(_side(c, 1) > 1.5 * _side(c, 0) for c in found) > len(found) / 2:
        picture, quarters = picture.transpose(Image.Transpose.ROTATE_90), 1
        found = _detected(picture)
    if _on_their_heads(picture, found):
        picture, quarters = picture.transpose(Image.Transpose.ROTATE_180), quarters + 2
        found = _detected(picture)
    return picture, found, quarters


def _on_their_heads(picture: Image.Image, found: Sequence[Corners]) -> bool:
    longest = sorted(found, key=lambda corners: -_side(corners, 0))[:_ASKED]
    if not longest:
        return False
    crops = [_pixels(_cut(picture, corners)) for corners in longest]
    answers = _engine().cls_and_rotate(crops)[1].cls_res
    return bool(2 * sum(label == "180" and score > 0.9 for label, score in answers) > len(answers))


# --- its lines ------------------------------------------------------------------------------------


def _detected(picture: Image.Image) -> list[Corners]:
    """Where lines are, from top to bottom."""
    found: list[Corners] = []
    for top, bottom in _pieces(picture):
        piece = picture.crop((0, top, picture.width, bottom))
        for one in _detected_in(piece):
            a, b, c, d = ((x, y + top) for x, y in one)
            found.append((a, b, c, d))
    return found


def _pieces(picture: Image.Image) -> Iterator[tuple[int, int]]:
    """From where to where to look at once: all of it, or cut at the rows that are least written on."""
    import numpy as np

    top, height = 0, max(2 * picture.width, _LEAST_PIECE, picture.height // _MOST_PIECES)
    if picture.height > _HIGHEST * picture.width:
        spread = np.asarray(picture.convert("L"), np.float32).std(axis=1)
        while picture.height - top > 1.5 * height:
            window = spread[top + height // 2 : top + height]
            cut = top + height // 2 + len(window) - 1 - int(np.argmin(window[::-1]))
            yield top, cut
            top = cut
    yield top, picture.height


def _detected_in(picture: Image.Image) -> list[Corners]:
    from PIL import Image

    shrink = min(1.0, _DETECT_SIDE / max(picture.size))
    small = picture
    if shrink < 1:
        size = (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink)))
        small = picture.resize(size, Image.Resampling.LANCZOS)
    found = [_corners(box, shrink) for box in _boxes_of_lines(_pixels(small))]
    sides = [(one, _side(one, 0), _side(one, 1)) for one in found]
    return [one for one, width, height in sides if min(width, height) * _LONGEST_LINE > max(width, height)]


def _corners(box: Any, scale: float) -> Corners:
    upper_left, upper_right, lower_right, lower_left = ((float(x) / scale, float(y) / scale) for x, y in box)
    return upper_left, upper_right, lower_right, lower_left


def _boxes_of_lines(pixels: Any) -> Any:
    """Four corners each, in the pixels given; none where nothing is written."""
    from rapidocr.main import RapidOCRError

    try:
        return _engine().detect_and_crop(pixels, {})[1].boxes
    except RapidOCRError:  # how it says that it found none
        return ()


def _read_line(picture: Image.Image, corners: Corners) -> ReadLine | None:
    """What is written between the corners; None where it is probably no writing."""
    ways = [corners]
    if _side(corners, 1) > _TALL * _side(corners, 0):
        ways += [(*corners[3:], *corners[:3]), (*corners[1:], *corners[:1])]
    best: tuple[float, str, Any, Corners] = (_SURE, "", None, corners)
    for way in ways:
        read = _engine().recognize_txt([_pixels(_cut(picture, way))])
        if read.txts[0].strip() and read.scores[0] >= best[0]:
            best = (read.scores[0], read.txts[0], read.word_results[0], way)
    _, text, columns, way = best
    if not text:
        return None
    return ReadLine(text, tuple(_boxes(text, columns, way)), _side(way, 1), on_end=way is not corners)


def _boxes(text: str, read: Any, corners: Corners) -> Iterator[Box]:
    """Each character's box: the network says in which of its columns it saw the character's middle."""
    middles = [(column + 0.5) / read.line_txt_len for word in read.word_cols for column in word]
    half = _HALF_WIDTH * _side(corners, 1) / max(_side(corners, 0), 1.0)
    upper_left, upper_right, lower_right, lower_left = corners
    written = -1
    for place, character in enumerate(text):
        if character.isspace():
            yield _NOWHERE
            continue
        written += 1
        middle = middles[written]
        start, end = max(0.0, middle - half), min(1.0, middle + half)
        if written:
            share = _AFTER_SPACE if text[place - 1].isspace() else 0.5
            start = max(start, middle - share * (middle - middles[written - 1]))
        if written + 1 < len(middles):
            share = _AFTER_SPACE if text[place + 1].isspace() else 0.5
            end = min(end, middle + share * (middles[written + 1] - middle))
        points = [
            _between(*edge, at)
            for edge in ((upper_left, upper_right), (lower_left, lower_right))
            for at in (start, end)
        ]
        across, down = [x for x, _ in points], [y for _, y in points]
        yield min(across), min(down), max(across), max(down)


def _cut(picture: Image.Image, corners: Corners) -> Image.Image:
    """The line between the corners, straight."""
    from PIL import Image

    size = (max(1, round(_side(corners, 0))), max(1, round(_side(corners, 1))))
    upper_left, upper_right, lower_right, lower_left = corners
    quad = (*upper_left, *lower_left, *lower_right, *upper_right)
    return picture.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)


def _skew(found: Sequence[Corners]) -> float:
    """The angle of the longer half of the lines."""
    longest = sorted(found, key=lambda corners: -_side(corners, 0))[: (len(found) + 1) // 2]
    angles = [math.atan2(right[1] - left[1], right[0] - left[0]) for left, right, _, _ in longest]
    return median(angles) if angles else 0.0


def _side(corners: Corners, number: int) -> float:
    """The length of one side: 0 the upper one, 1 the right one."""
    return math.dist(corners[number], corners[number + 1])


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _pixels(picture: Image.Image) -> Any:
    """Blue, green, red, as the networks were taught."""
    import numpy as np

    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


@cache
def _engine() -> Any:
    """The networks, loaded once in a process (0.6 s). One line at a time: in batches all are padded."""
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.return_word_box": True,
            "Global.use_vertical_padding": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Rec.rec_batch_num": 1,
        }
    )
