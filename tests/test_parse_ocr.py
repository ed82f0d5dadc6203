"""OCR: what is read, where it stands, whichever way the picture lies, and that it fits into the sandbox."""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from pictures_by_hand import drawn
from PIL import Image, ImageFont

from ingest.parse import ocr
from ingest.parse.ocr import ReadPicture, available, read_picture
from ingest.sandbox import Sandbox

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
TEXT = ["Boats climb hills by locks,", "and 29 of them stand in a row", "at Caen Hill near Devizes."]


def text_of(read: ReadPicture) -> list[str]:
    return [line.text for line in read.lines]


def test_lines_as_they_stand() -> None:
    read = read_picture(drawn(TEXT))
    assert text_of(read) == TEXT
    assert (read.quarters, read.width, read.height) == (0, *drawn(TEXT).size)
    assert abs(read.skew) < math.radians(0.3)


def test_each_character_has_its_place() -> None:
    picture = drawn(TEXT, size=32)
    font = ImageFont.load_default(32)
    for number, line in enumerate(read_picture(picture).lines):
        assert len(line.boxes) == len(line.text)
        assert 32 <= line.height <= 60
        top = 40 + number * 1.6 * 32
        for place, (character, box) in enumerate(zip(line.text, line.boxes, strict=True)):
            if character == " ":
                assert box == (0, 0, 0, 0)
                continue
            begins = 40 + font.getlength(line.text[:place])
            ends = 40 + font.getlength(line.text[: place + 1])
            assert abs((box[0] + box[2]) / 2 - (begins + ends) / 2) < 10, (line.text, place)
            assert box[1] < top + 20 < box[3]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_picture_that_lies_on_its_side_or_head(turn: int) -> None:
    picture = drawn(TEXT).rotate(turn, expand=True)
    read = read_picture(picture)
    assert text_of(read) == TEXT
    assert read.quarters == (360 - turn) // 90
    ink = np.asarray(picture.convert("L")) < 128
    covered = np.zeros_like(ink)
    for line in read.lines:
        for box in line.boxes:
            left, top, right, bottom = (round(side) for side in read.as_given(box))
            covered[top:bottom, left:right] = True
    assert ink[covered].sum() > 0.9 * ink.sum()


@pytest.mark.parametrize("degrees", [-2, 1.5])
def test_a_page_put_in_askew(degrees: float) -> None:
    read = read_picture(drawn(TEXT).rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white"))
    assert text_of(read) == TEXT
    assert math.degrees(read.skew) == pytest.approx(-degrees, abs=0.6)


def test_light_ink_small_letters_and_strips() -> None:
    assert text_of(read_picture(drawn(["White on navy"], ink="white", paper="navy"))) == ["White on navy"]
    assert text_of(read_picture(drawn(["small print of 14 pixels"], size=14))) == ["small print of 14 pixels"]
    strip = drawn(["Here is a strip of text"], size=24).crop((40, 40, 400, 75))
    long = Image.new("RGB", (1500, 35), "white")
    long.paste(strip, (1000, 0))
    assert text_of(read_picture(long)) == ["Here is a strip of text"]


def test_a_long_receipt() -> None:
    """Shrunk to the size of a page, nobody could read it."""
    picture = drawn([f"item {number}: {number * 7} crowns" for number in range(100, 180)], size=22)
    assert picture.height > 7 * picture.width
    read = read_picture(picture)
    assert text_of(read) == [f"item {number}: {number * 7} crowns" for number in range(100, 180)]
    tops = [line.boxes[0][1] for line in read.lines]
    assert tops == pytest.approx([40 + number * 1.6 * 22 for number in range(80)], abs=15)


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (600, 400)])
def test_nothing_written(size: tuple[int, int]) -> None:
    read = read_picture(Image.new("L", size, 230))
    assert read.lines == ()
    assert (read.width, read.height) == size
    grain = np.random.default_rng(1).integers(0, 255, (size[1], size[0]), np.uint8)
    assert read_picture(Image.fromarray(grain)).lines == ()


def test_chinese_as_pdfium_draws_it() -> None:
    with pypdfium2.PdfDocument(SAMPLES / "大运河简史.pdf") as document:
        page = document[0]
        known = page.get_textpage().get_text_range()
        read = read_picture(page.render(scale=200 / 72).to_pil())
    wanted = Counter(character for character in known if character.isalnum())
    found = Counter(character for line in read.lines for character in line.text)
    assert wanted.total() > 300
    assert (wanted & found).total() > 0.98 * wanted.total()


def test_it_fits_into_the_sandbox(tmp_path: Path) -> None:
    """No thread of its own for others than root, nothing written, far less than 2 GB of address space."""
    path = tmp_path / "page.png"
    page = Image.new("L", (2480, 3508), "white")  # A4 at 300 dots an inch
    page.paste(drawn(TEXT, size=46), (200, 300))
    page.save(path)
    with Sandbox(memory_megabytes=1300) as sandbox:
        found = sandbox.run("pictures_by_hand:read_in_child", {"path": str(path)})
    assert found == TEXT


def test_what_is_missing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else object())
    assert not available()


def test_a_line_too_long_for_text_is_not_blown_up() -> None:
    page = Image.new("L", (1600, 700), "white")
    page.paste(0, (10, 340, 1590, 344))  # a rule, 4 pixels high
    assert read_picture(page).lines == ()


def test_large_pictures_are_read_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "_MOST_PIXELS", 150_000)
    picture = drawn(TEXT, size=64)
    assert picture.width * picture.height > 300_000
    read = read_picture(picture)
    assert text_of(read) == TEXT
    assert max(box[2] for box in read.lines[1].boxes) > 0.85 * picture.width  # in the picture's own pixels
