"""Pictures as files: what cameras, scanners and screens write, and what nobody would write but to harm."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from pictures_by_hand import drawn, saved
from PIL import Image

from ingest import walk
from ingest.parse import Options, ocr_page, picture
from ingest.parse.picture import parse
from rag.errors import CorruptSource, EmptySource, ParserFailed, UnsupportedFormat

WORDS = "Locks lift boats."
PAGE = drawn([WORDS])


def text_of(data: bytes) -> str:
    document = parse(data, "a.png")
    assert len(document.pages) == 1
    return document.pages[0].text


def png(width: int, height: int, *, pixels: bytes = b"") -> bytes:
    """A PNG by hand, whose header says any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


def tiff(frames: int, *, loop: bool = False) -> bytes:
    """A TIFF by hand of many frames of one white pixel, each 66 bytes; the last one may lead to the first."""
    data = bytearray(b"II*\0" + struct.pack("<I", 8))
    for number in range(frames):
        entries = [(256, 3, 1), (257, 3, 1), (258, 3, 8), (262, 3, 1), (273, 4, 0), (279, 4, 1)]
        data += struct.pack("<H", len(entries))
        for tag, kind, value in entries:
            data += struct.pack("<HHII", tag, kind, 1, value)
        last = number == frames - 1
        data += struct.pack("<I", (8 if loop else 0) if last else len(data) + 4)
    return bytes(data)


# --- what is read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (saved(PAGE, "JPEG", quality=50), "image/jpeg"),
        (saved(PAGE.convert("CMYK"), "JPEG"), "image/jpeg"),
        (saved(PAGE.convert("P"), "GIF"), "image/gif"),
        (saved(PAGE.convert("1"), "TIFF", compression="group4"), "image/tiff"),
        (saved(PAGE.convert("LAB"), "TIFF"), "image/tiff"),
        (saved(PAGE, "WEBP", lossless=True), "image/webp"),
        (saved(PAGE, "BMP"), "image/bmp"),
    ],
    ids=["jpeg", "cmyk", "gif", "fax", "lab", "webp", "bmp"],
)
def test_formats(data: bytes, media_type: str) -> None:
    document = parse(data, "a")
    assert document.media_type == media_type
    assert [page.text for page in document.pages] == [WORDS]
    assert document.warnings == ()


def test_sixteen_bits_and_floating_point() -> None:
    grey = np.asarray(PAGE.convert("L"), np.uint16)
    assert text_of(saved(Image.fromarray(grey * 16), "PNG")) == WORDS  # a scanner of 12 bits: all of it dark
    assert text_of(saved(Image.fromarray(grey.astype(np.float32) / 255), "TIFF")) == WORDS


@pytest.mark.parametrize("ink", [(0, 0, 0, 255), (255, 255, 255, 255)], ids=["dark", "light"])
def test_ink_on_nothing_is_seen(ink: tuple[int, int, int, int]) -> None:
    drawing = drawn([WORDS], mode="RGBA", ink=ink, paper=(*ink[:3], 0))
    assert text_of(saved(drawing, "PNG")) == WORDS


def test_a_camera_held_on_its_side() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90 degrees to the right (Exif 2.3, table 3)
    assert text_of(saved(PAGE.rotate(90, expand=True), "JPEG", exif=exif.tobytes())) == WORDS


def test_every_page_of_a_tiff_is_a_page_and_is_told() -> None:
    told: list[tuple[int, int]] = []
    pages = [drawn(["The first page."]), Image.new("L", (300, 200), "white"), drawn(["The third one."])]
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    document = parse(data, "a.tif", Options(on_page=lambda page, pages: told.append((page, pages))))
    assert [(page.number, page.text) for page in document.pages] == [
        (1, "The first page."),
        (2, ""),
        (3, "The third one."),
    ]
    assert document.warnings == ("no text was found on pages 2",)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_columns_tables_and_paragraphs_go_the_way_of_all_pages() -> None:
    page = Image.new("RGB", (1500, 1000), "white")
    left = [
        "The canal was dug by hand",
        "in eleven years, and every",
        "spadeful went up in a bas-",
        "ket. Nobody was paid.",
    ]
    right = [
        "Boats came from the first",
        "day on. They carried coal",
        "down to the harbour, and",
        "grain and timber back.",
    ]
    page.paste(drawn(left, size=32), (40, 60))
    page.paste(drawn(right, size=32), (760, 60))
    rows = [("Lock", "Rise", "Year"), ("Upper", "2.4", "1791"), ("Lower", "3.1", "1794")]
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            shown = drawn([cell], size=32, left=0)
            page.paste(shown.crop((0, 40, shown.width, 90)), (80 + 300 * column, 450 + 60 * number))
    paragraphs = text_of(saved(page, "PNG")).split("\n\n", 2)
    assert paragraphs[0].endswith(
        "by hand in eleven years, and every spadeful went up in a basket. Nobody was paid."
    )
    assert paragraphs[1].startswith(
        "Boats came from the first day on. They carried coal down to the harbour, and"
    )
    table = paragraphs[2].split("\n")
    assert any("Upper" in row and "2.4" in row and "1791" in row for row in table)
    assert any("Lower" in row and "3.1" in row and "1794" in row for row in table)


def test_an_animation_is_its_first_picture() -> None:
    data = saved(PAGE, "GIF", save_all=True, append_images=[drawn(["Not this one."])])
    document = parse(data, "a.gif")
    assert [page.text for page in document.pages] == [WORDS]
    assert document.warnings == ("of the animation's pictures only the first was read",)


# --- what is not ----------------------------------------------------------------------------------------


def test_a_picture_without_text() -> None:
    with pytest.raises(EmptySource, match="no text was found in the picture"):
        parse(saved(Image.effect_mandelbrot((400, 300), (-2, -1.5, 1, 1.5), 50), "PNG"), "a.png")
    with pytest.raises(EmptySource, match="no text was found in the picture"):
        parse(saved(Image.new("L", (1, 1)), "PNG"), "a.png")


def test_in_a_folder_it_is_left_out_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.PNG", "b.tiff", "c.txt"):
        (tmp_path / name).write_bytes(saved(PAGE, "PNG"))
    folder = bytes(tmp_path)
    assert len(list(walk.Walk().files(folder, folder))) == 3
    monkeypatch.setattr(walk, "available", lambda: False)
    look = walk.Walk(known=frozenset({folder + b"/b.tiff"}))  # read when the extra was there
    assert [found.location for found in look.files(folder, folder)] == [
        folder + b"/b.tiff",
        folder + b"/c.txt",
    ]
    assert look.left_out == {"a picture, whose text is read after `pip install 'openchat-rag[ocr]'`": 1}


def test_without_the_extra_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    cure = r"its text is read after `pip install 'openchat-rag\[ocr\]'` and `rag ingest --retry`"
    with pytest.raises(UnsupportedFormat, match=cure):
        parse(saved(PAGE, "PNG"), "a.png", Options(ocr=False))
    monkeypatch.setattr(picture, "available", lambda: False)
    with pytest.raises(UnsupportedFormat, match=cure):
        parse(saved(PAGE, "PNG"), "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_every_truncation_is_reported(kind: str) -> None:
    data = saved(PAGE.resize((60, 20)), kind)
    for length in range(12, len(data) - 1, max(1, len(data) // 23)):
        try:
            document = parse(data[:length], "a")
        except (CorruptSource, EmptySource, ParserFailed):
            continue
        assert document.pages  # Pillow makes something of some


def test_damage_is_named() -> None:
    data = saved(PAGE, "PNG")
    with pytest.raises(CorruptSource, match="the picture is damaged: "):
        parse(data[: len(data) // 2], "a.png")
    with pytest.raises(CorruptSource, match="the picture is damaged: "):
        parse(b"\x89PNG\r\n\x1a\n" + b"x" * 50, "a.png")


# --- bombs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "message"),
    [
        (100_000, 100_000, "decompression bomb"),
        (10_000, 9_000, "10000 x 9000 pixels is more than 80 megapixels; make it smaller"),
    ],
)
def test_a_header_that_promises_too_much(width: int, height: int, message: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ParserFailed, match=message):
        parse(png(width, height), "a.png")
    assert time.monotonic() - begun < 5


def test_a_bomb_on_a_later_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MOST_PIXELS", 200_000)
    large = Image.new("1", (1000, 300))
    data = saved(PAGE, "TIFF", save_all=True, append_images=[large])
    with pytest.raises(ParserFailed, match="1000 x 300 pixels is more than"):
        parse(data, "a.tif")


def test_a_text_chunk_that_unpacks_without_end() -> None:
    packed = zlib.compress(bytes(80 << 20), 9)
    data = saved(PAGE, "PNG")
    body = b"zTXtcomment\0\0" + packed
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    bomb = data[:33] + chunk + data[33:]  # after the header
    assert len(bomb) < 200_000
    with pytest.raises(CorruptSource, match=r"the picture is damaged: .*too large"):
        parse(bomb, "a.png")


def test_frames_without_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million frames of 78 bytes: only as many are looked at as would be read."""
    monkeypatch.setattr(picture, "MOST_PAGES", 20)
    with Image.open(io.BytesIO(tiff(3))) as image:
        assert getattr(image, "n_frames", 0) == 3
    data = tiff(1_000_000)
    begun = time.monotonic()
    with pytest.raises(EmptySource, match="no text was found on its pages"):
        parse(data, "a.tif")
    assert time.monotonic() - begun < 10


def test_frames_that_go_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MOST_PAGES", 50)
    with pytest.raises((EmptySource, CorruptSource)):
        parse(tiff(3, loop=True), "a.tif")


def test_more_pages_than_are_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MOST_PAGES", 1)
    data = saved(PAGE, "TIFF", save_all=True, append_images=[PAGE])
    document = parse(data, "a.tif")
    assert [page.text for page in document.pages] == [WORDS]
    assert document.warnings == ("only the first 1 pages were read; split the file to read the others",)


def test_margins_come_last() -> None:
    """A line that stands on end, as a stamp beside the text, does not break into it."""
    page = Image.new("RGB", (900, 700), "white")
    page.paste(drawn(["Running text is read", "first, from the top down", "to its very end."]), (250, 200))
    page.paste(drawn(["arXiv:2401.01234v1"], size=28).rotate(90, expand=True), (20, 150))
    lines = [line.text for line in ocr_page.picture_text(page, 200).lines]
    assert lines == [
        "Running text is read",
        "first, from the top down",
        "to its very end.",
        "arXiv:2401.01234v1",
    ]
