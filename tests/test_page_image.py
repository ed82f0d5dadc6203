"""A PDF's page as a picture with the quote boxed, drawn by real pdfium in the real sandbox.

The PDFs are written here by hand, so that the boxes' places follow from Helvetica's published widths.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pdf_by_hand import filled_in, lines_pdf, pdf
from pictures_by_hand import drawn
from PIL import Image, ImageFont

from ingest import page_image
from ingest.files import hash_file
from ingest.page_image import render_page
from ingest.quote_places import find_spans, fold, found_spans, merge_lines, trimmed
from ingest.reading import document_from, parse_file
from ingest.sandbox import Sandbox
from rag.errors import CorruptSource, EncryptedSource, ParserFailed, SourceError
from rag.records import PlacedWord


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seconds=30) as child:
        yield child


def written(folder: Path, data: bytes, name: str = "a.pdf") -> bytes:
    path = folder / name
    path.write_bytes(data)
    return bytes(path)


def test_the_box_is_where_the_word_stands(tmp_path: Path, sandbox: Sandbox) -> None:
    location = written(tmp_path, pdf("BT /F 12 Tf 72 700 Td (Hello there) Tj ET"))
    image = render_page(location, 1, "Hello", width_pixels=612, sandbox=sandbox)
    assert (image.width, image.height, image.found) == (612, 792, 1.0)
    [box] = image.boxes
    # Helvetica: H 722, e 556, l 222, l 222, o 556 thousandths of 12 points, from x = 72; baseline 92 from top
    assert box.left == pytest.approx(72, abs=1.5)
    assert box.right == pytest.approx(72 + 2.278 * 12, abs=1.5)
    assert box.top == pytest.approx(92 - 0.9 * 12, abs=3)
    assert 92 <= box.bottom <= 96


def test_the_picture_is_a_png_with_the_ink_inside_the_box(tmp_path: Path, sandbox: Sandbox) -> None:
    location = written(tmp_path, pdf("BT /F 12 Tf 72 700 Td (Hello) Tj ET"))
    image = render_page(location, 1, "Hello", width_pixels=1224, sandbox=sandbox)
    picture = Image.open(io.BytesIO(image.png)).convert("L")
    assert picture.size == (1224, 1584)
    ink = picture.point(lambda value: 255 if value < 128 else 0).getbbox()
    assert ink is not None
    [box] = image.boxes
    assert box.left <= ink[0] + 1
    assert box.top <= ink[1] + 1
    assert box.right >= ink[2] - 1
    assert box.bottom >= ink[3] - 1


def test_one_box_a_line_over_a_hyphenated_break(tmp_path: Path, sandbox: Sandbox) -> None:
    lines = "BT /F 12 Tf 14 TL 72 700 Td (The tall light-) Tj T* (house was lit) Tj T* (in 1858.) Tj ET"
    location = written(tmp_path, pdf(lines))
    image = render_page(location, 1, "tall lighthouse was lit in 1858", width_pixels=612, sandbox=sandbox)
    assert image.found == 1.0
    assert len(image.boxes) == 3
    assert image.boxes[0].left > 90  # after "The "
    assert [round(box.left) for box in image.boxes[1:]] == pytest.approx([72, 72], abs=2)
    assert [b.top - a.top for a, b in pairwise(image.boxes)] == pytest.approx([14, 14], abs=1.5)


def test_a_box_leaves_the_lines_above_and_below_free(tmp_path: Path, sandbox: Sandbox) -> None:
    lines = "BT /F 12 Tf 10 TL 72 700 Td (No eggs here) Tj T* (Thy Quay, [high]) Tj T* (no more oxen) Tj ET"
    location = written(tmp_path, pdf(lines))
    [box] = render_page(location, 1, "Thy Quay, [high]", width_pixels=612, sandbox=sandbox).boxes
    assert box.top >= 92  # the baseline of the first line
    assert box.bottom <= 112 - 0.523 * 12 + 1  # Helvetica's x-height above the third one's
    assert box.bottom > 102 + 2  # with what hangs below its own


def test_a_box_is_as_high_as_the_ink_in_it() -> None:
    line = (10.0, 100.0, 60.0, 150.0)  # what the font claims; 0.08 of 50 is 4
    inks = [(10.0, 112.0, 30.0, 135.0), (30.0, 118.0, 60.0, 140.0), (0.0, 0.0, 0.0, 0.0)]
    above = (20.0, 80.0, 30.0, 105.0)
    assert trimmed(line, [*inks, above]) == (10.0, 108.0, 60.0, 144.0)
    assert trimmed(line, [(10.0, 101.0, 60.0, 149.0)]) == line
    assert trimmed(line, [above]) == line


def test_a_line_between_the_quoted_ones_stays_unboxed(tmp_path: Path, sandbox: Sandbox) -> None:
    """A running header in the middle was cleaned away at ingest; the picture still has it."""
    lines = (
        "BT /F 12 Tf 14 TL 72 700 Td (the keeper climbed) Tj T* (Annual report, page 7) Tj T*"
        " (two hundred steps) Tj ET"
    )
    location = written(tmp_path, pdf(lines))
    image = render_page(
        location, 1, "the keeper climbed two hundred steps", width_pixels=612, sandbox=sandbox
    )
    assert image.found == 1.0
    assert [round(box.bottom / 14) for box in image.boxes] == [
        round(image.boxes[0].bottom / 14),
        round(image.boxes[0].bottom / 14) + 2,
    ]


def test_of_two_places_with_the_same_words_the_nearer_is_boxed(tmp_path: Path, sandbox: Sandbox) -> None:
    lines = "BT /F 12 Tf 72 700 Td (See the note below.) Tj 0 -500 Td (See the note below.) Tj ET"
    location = written(tmp_path, pdf(lines))
    quote = "See the note below."
    tops = [
        render_page(location, 1, quote, width_pixels=612, sandbox=sandbox, near=near).boxes[0].top
        for near in (0.0, 0.6)
    ]
    assert tops[1] - tops[0] == pytest.approx(500, abs=2)


def test_a_rotated_page_has_its_box_rotated_too(tmp_path: Path, sandbox: Sandbox) -> None:
    location = written(tmp_path, pdf("BT /F 12 Tf 72 700 Td (Hello) Tj ET", extra="/Rotate 90"))
    image = render_page(location, 1, "Hello", width_pixels=792, sandbox=sandbox)
    assert (image.width, image.height) == (792, 612)
    # a quarter turn clockwise: (x, y) in points goes to (y, x) in pixels from the upper left corner
    left = min(box.left for box in image.boxes)
    top = min(box.top for box in image.boxes)
    bottom = max(box.bottom for box in image.boxes)
    assert left == pytest.approx(697, abs=3)
    assert (top, bottom) == (pytest.approx(72, abs=1.5), pytest.approx(72 + 2.278 * 12, abs=1.5))


def test_a_crop_box_moves_the_origin(tmp_path: Path, sandbox: Sandbox) -> None:
    data = pdf("BT /F 12 Tf 172 600 Td (Hello) Tj ET", extra="/CropBox[100 500 400 700]")
    image = render_page(written(tmp_path, data), 1, "Hello", width_pixels=300, sandbox=sandbox)
    assert (image.width, image.height) == (300, 200)
    assert image.boxes[0].left == pytest.approx(72, abs=1.5)
    assert 100 <= image.boxes[0].bottom <= 104


def test_words_that_are_not_on_the_page_are_not_boxed(tmp_path: Path, sandbox: Sandbox) -> None:
    location = written(tmp_path, pdf("BT /F 12 Tf 72 700 Td (Hello) Tj ET"))
    image = render_page(location, 1, "an altogether different sentence", width_pixels=612, sandbox=sandbox)
    assert (image.boxes, image.found) == ((), 0.0)


def test_the_value_of_a_forms_field_is_boxed(tmp_path: Path, sandbox: Sandbox) -> None:
    location = written(tmp_path, filled_in(lines_pdf(["Keeper:"]), "Ida Lewis", low=600))
    image = render_page(location, 1, "Ida Lewis", width_pixels=612, sandbox=sandbox)
    (box,) = image.boxes
    assert image.found == 1.0
    assert (box.left, box.top) == pytest.approx((72, 792 - 616), abs=6)


def test_a_label_and_its_value_are_boxed_together(tmp_path: Path, sandbox: Sandbox) -> None:
    """In the content the value comes after everything else, and is too short to be looked for by itself."""
    form = lines_pdf(["Keeper of the light:", "Port:", "Year of the first lamp:"])
    location = written(tmp_path, filled_in(form, "Ida", low=676))
    image = render_page(location, 1, "Keeper of the light: Port: Ida", width_pixels=612, sandbox=sandbox)
    assert image.found == 1.0
    assert max(box.bottom for box in image.boxes) < 792 - 672 + 2  # above the last line


def test_no_quote_no_box(tmp_path: Path, sandbox: Sandbox) -> None:
    location = written(tmp_path, pdf("BT /F 12 Tf 72 700 Td (Hello) Tj ET"))
    assert render_page(location, 1, " - ", width_pixels=612, sandbox=sandbox).boxes == ()


def test_an_absurd_page_stays_a_bearable_picture(tmp_path: Path, sandbox: Sandbox) -> None:
    location = written(tmp_path, pdf("BT /F 12 Tf 2 700 Td (Hello) Tj ET", box="0 0 14 14400"))
    image = render_page(location, 1, "", width_pixels=10_000, sandbox=sandbox)
    assert image.width * image.height <= page_image.MOST_PIXELS * 1.01


def test_a_page_that_is_not_there(tmp_path: Path, sandbox: Sandbox) -> None:
    location = written(tmp_path, pdf("BT ET"))
    with pytest.raises(CorruptSource, match="page 2 is not there; the file has 1 pages"):
        render_page(location, 2, "", width_pixels=612, sandbox=sandbox)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", "can't open"), (b"%PDF-1.4 and then nothing", "can't open"), (b"<html>", "can't open")],
)
def test_what_is_no_pdf(tmp_path: Path, sandbox: Sandbox, data: bytes, expected: str) -> None:
    with pytest.raises(CorruptSource, match=expected):
        render_page(written(tmp_path, data), 1, "", width_pixels=612, sandbox=sandbox)


def test_a_file_that_is_gone(tmp_path: Path, sandbox: Sandbox) -> None:
    with pytest.raises(SourceError, match="can't be opened"):
        render_page(bytes(tmp_path / "no.pdf"), 1, "", width_pixels=612, sandbox=sandbox)


def test_an_encrypted_file(tmp_path: Path, sandbox: Sandbox) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("BT ET"))))
    writer.encrypt("secret", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    with pytest.raises(EncryptedSource, match="password is needed"):
        render_page(written(tmp_path, buffer.getvalue()), 1, "", width_pixels=612, sandbox=sandbox)


def test_a_name_that_is_not_utf8(tmp_path: Path, sandbox: Sandbox) -> None:
    location = bytes(tmp_path) + b"/caf\xe9.pdf"
    with open(location, "wb") as file:
        file.write(pdf("BT /F 12 Tf 72 700 Td (Hello) Tj ET"))
    assert render_page(location, 1, "Hello", width_pixels=612, sandbox=sandbox).found == 1.0


@pytest.mark.parametrize(
    "reply",
    [
        None,
        {},
        {"png": "!", "width": 1, "height": 1, "boxes": [], "found": 0},
        {"png": "AAAA", "width": 1, "height": 1, "boxes": [], "found": 0},
        {"png": "", "width": 1, "height": 1, "boxes": [[1, 2]], "found": 0},
    ],
)
def test_a_forged_answer_from_the_child_is_refused(reply: object) -> None:
    with pytest.raises(ParserFailed, match="did not come back as agreed"):
        page_image._checked(reply)


def test_fold_takes_typesetting_away() -> None:
    assert fold("The \ufb01rst co\u00ad-\noperation, café №5") == "thefirstcooperationcafeno5"
    assert fold("第一座燈塔，建於1858年。") == "第一座燈塔建於1858年"


@given(st.text(max_size=40), st.text(min_size=1, max_size=30), st.text(max_size=40))
def test_what_is_there_is_found_whole(before: str, quote: str, after: str) -> None:
    wanted = fold(quote)
    letters = fold(before) + wanted + fold(after)
    spans = find_spans(letters, wanted, near=0.0)
    if not wanted:
        assert spans == []
    else:
        [(start, end)] = spans
        assert letters[start:end] == wanted


@given(st.text("ab", max_size=60), st.text("ab", max_size=60))
def test_spans_are_ordered_and_apart(letters: str, wanted: str) -> None:
    spans = find_spans(letters, wanted, near=0.5)
    assert all(0 <= start < end <= len(letters) for start, end in spans)
    assert all(a[1] < b[0] for a, b in pairwise(spans))


def test_columns_are_not_merged_into_one_line() -> None:
    left_end = (100.0, 10.0, 110.0, 20.0)
    right_start = (300.0, 10.0, 310.0, 20.0)
    assert merge_lines(iter([left_end, right_start])) == [left_end, right_start]
    assert merge_lines(iter([left_end, (112.0, 12.0, 120.0, 20.0)])) == [(100.0, 10.0, 120.0, 20.0)]


def test_a_row_is_found_without_the_names_of_its_columns() -> None:
    letters = fold("Country Area Rainfall Malta 316 570 Cyprus 9251 498")
    quote = "Country: Cyprus | Area: 9251 | Rainfall: 498"
    [(start, end)], found = found_spans(letters, quote, near=0.0)
    assert (letters[start:end], found) == ("cyprus9251498", 1.0)
    [(start, end)], found = found_spans(
        letters, "Country: Malta | Area: 316 | Rainfall: 570\n" + quote, near=0.0
    )
    assert (letters[start:end], found) == ("malta316570cyprus9251498", 1.0)


def test_words_with_a_bar_between_them_are_found_as_they_stand() -> None:
    letters = fold("Opening hours: daily | closed at Easter")
    [(start, end)], found = found_spans(letters, "Opening hours: daily | closed at Easter", near=0.0)
    assert (start, end, found) == (0, len(letters), 1.0)


def test_a_radical_is_found_as_the_ideograph_that_the_index_keeps() -> None:
    assert fold("\u2f00\u2ed4") == "一门"


def test_a_quote_over_the_columns_of_a_page_that_mixes_their_lines(tmp_path: Path, sandbox: Sandbox) -> None:
    """The content goes across both columns, the text was put in order at ingest."""
    rows = [
        ("the keeper of the light climbs", "In winter no boat can land here"),
        ("two hundred steps at dusk", "and"),
    ]
    content = " ".join(
        f"BT /F 10 Tf 1 0 0 1 {left} {700 - 12 * n} Tm ({text}) Tj ET"
        for n, row in enumerate(rows)
        for left, text in zip((72, 320), row, strict=True)
    )
    image = render_page(
        written(tmp_path, pdf(content)),
        1,
        "the keeper of the light climbs two hundred steps at dusk",
        width_pixels=612,
        sandbox=sandbox,
    )
    assert image.found == 1.0
    assert [round(box.left) for box in image.boxes] == pytest.approx([72, 72], abs=2)
    assert all(box.right < 300 for box in image.boxes)


def test_a_password_from_the_file_opens_the_page(tmp_path: Path, sandbox: Sandbox) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("BT /F 12 Tf 72 700 Td (Hello) Tj ET"))))
    writer.encrypt("secret", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    location = written(tmp_path, buffer.getvalue())
    image = render_page(
        location, 1, "Hello", width_pixels=612, sandbox=sandbox, passwords=["wrong", "secret"]
    )
    assert image.found == 1.0


def test_boxes_on_page_400_of_500_are_there_at_once(tmp_path: Path, sandbox: Sandbox) -> None:
    line = (
        "BT /F 10 Tf 72 %d Td (Line %d of page %d has some eighty characters, as lines in books have.) Tj ET"
    )
    pages = [" ".join(line % (740 - 14 * n, n, page) for n in range(45)) for page in range(1, 501)]
    location = written(tmp_path, pdf(*pages))
    quote = "Line 30 of page 400 has some eighty characters"
    render_page(location, 1, "", width_pixels=612, sandbox=sandbox)  # the child is there, as it is in use
    spent = []
    for _ in range(3):
        begun = time.perf_counter()
        image = render_page(location, 400, quote, width_pixels=900, sandbox=sandbox)
        spent.append(time.perf_counter() - begun)
        assert (len(image.boxes), image.found) == (1, 1.0)
    assert min(spent) < 0.25  # the picture included; on an idle machine all of it is under 0.1


def test_words_on_a_scan_are_boxed_by_ocr(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    from PIL import ImageDraw, ImageFont

    picture = Image.new("L", (850, 1100), 255)
    font = ImageFont.load_default(size=28)
    draw = ImageDraw.Draw(picture)
    draw.text((100, 200), "The lamp was lit in the evening", fill=0, font=font)
    draw.text((100, 300), "Fog signals sounded twice a minute", fill=0, font=font)
    picture.save(tmp_path / "scan.pdf", resolution=100)
    with Sandbox(seconds=60) as child:
        image = render_page(
            bytes(tmp_path / "scan.pdf"), 1, "Fog signals sounded twice", width_pixels=850, sandbox=child
        )
    assert image.found > 0.9
    assert len(image.boxes) == 1
    assert image.boxes[0].left == pytest.approx(100, abs=12)
    assert image.boxes[0].top == pytest.approx(304, abs=14)


def test_a_picture_file_is_shown_with_its_words_marked(tmp_path: Path, sandbox: Sandbox) -> None:
    lines = ["Boats climb hills by locks,", "and 29 of them stand in a row", "at Caen Hill near Devizes."]
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # taken on its side: shown upright
    drawn(lines, size=64).rotate(90, expand=True).save(path, exif=exif.tobytes())
    shown = render_page(bytes(path), 1, "Caen Hill near", width_pixels=500, sandbox=sandbox)
    assert shown.width == 500
    assert shown.height == pytest.approx(
        500 * drawn(lines, size=64).height / drawn(lines, size=64).width, abs=2
    )
    assert shown.found == 1
    (box,) = shown.boxes
    scale = 500 / drawn(lines, size=64).width
    assert box.top < (40 + 2 * 1.6 * 64 + 32) * scale < box.bottom  # the third line's middle
    font = ImageFont.load_default(64)
    assert box.left == pytest.approx((40 + font.getlength("at ")) * scale, abs=6)
    assert box.right == pytest.approx((40 + font.getlength("at Caen Hill near")) * scale, abs=6)
    with pytest.raises(CorruptSource, match="the picture is damaged"):
        render_page(bytes(path), 2, "", width_pixels=500, sandbox=sandbox)


def test_words_that_the_ingest_kept_are_boxed_without_reading_them_again(tmp_path: Path) -> None:
    """On every page of a scan, also on one that lies on its side, in the time that the screen has."""
    pytest.importorskip("rapidocr")
    lines = ["The lamp was lit in the evening", "Fog signals sounded twice a minute", "until the sun rose"]
    upright = Image.new("RGB", (850, 1100), "white")
    upright.paste(drawn(lines), (60, 200))
    upright.save(
        tmp_path / "scan.pdf", resolution=100, save_all=True, append_images=[upright.rotate(90, expand=True)]
    )
    location = bytes(tmp_path / "scan.pdf")
    with Sandbox(seconds=60) as child:
        content = hash_file(location, limit_megabytes=1)
        first, second = parse_file(location, name="scan.pdf", content_hash=content, sandbox=child).pages
    assert [word.text for word in first.words] == first.text.split()
    spent = []
    with Sandbox(seconds=60) as child:
        render_page(location, 1, "", width_pixels=600, sandbox=child)
        for page in (first, second):
            begun = time.perf_counter()
            image = render_page(
                location, page.number, "Fog signals", width_pixels=600, words=page.words, sandbox=child
            )
            spent.append(time.perf_counter() - begun)
            assert image.found == 1.0
            shares = (image.width, image.height) * 2
            left, top, _, _ = (edge / size for edge, size in zip(_around(image), shares, strict=True))
            if page is first:
                assert (left, top) == pytest.approx((100 / 850, 295 / 1100), abs=0.02)
            else:  # from the bottom up, so that the line's beginning is the lowest
                assert (left, _around(image)[3] / image.height) == pytest.approx(
                    (295 / 1100, 750 / 850), abs=0.02
                )
    assert min(spent) < 0.25  # the picture included; reading it takes more than that on any machine


def _around(image: page_image.PageImage) -> tuple[float, float, float, float]:
    """What all boxes lie in: left, top, right, bottom."""
    return (
        min(box.left for box in image.boxes),
        min(box.top for box in image.boxes),
        max(box.right for box in image.boxes),
        max(box.bottom for box in image.boxes),
    )


def test_ideographs_are_boxed_one_by_one(tmp_path: Path, sandbox: Sandbox) -> None:
    drawn(["x"]).save(tmp_path / "scan.png")
    words = [PlacedWord(one, 1000 * n, 1000, 1000 * (n + 1), 2000) for n, one in enumerate("灯塔建于山上")]
    image = render_page(
        bytes(tmp_path / "scan.png"), 1, "建于", width_pixels=1000, words=words, sandbox=sandbox
    )
    (box,) = image.boxes
    assert (box.left / image.width, box.right / image.width) == pytest.approx((0.2, 0.4), abs=0.001)


def test_places_of_words_off_the_page_are_refused() -> None:
    page = {"number": 1, "text": "a", "label": None, "headings": []}
    reply = {"media_type": "image/png", "title": None, "warnings": []}
    for word in (["a", 0, 0, 10_001, 1], ["a", 0, 0, 1], [1, 0, 0, 1, 1], ["a", 0, 0, 1.5, 1], "abcde"):
        with pytest.raises(ParserFailed, match="is no document"):
            document_from({**reply, "pages": [{**page, "words": [word]}]})
