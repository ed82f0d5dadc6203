"""The registry: what a file is, by its content first, and what is said of those that nobody reads."""

from __future__ import annotations

import odf_by_hand
import pytest
from docx_by_hand import archive, docx, p
from odf_by_hand import odf
from pdf_by_hand import lines_pdf
from pictures_by_hand import drawn, saved
from pptx_by_hand import pptx, slide, title
from xls_by_hand import xls, xlsb
from xlsx_by_hand import row, text, xlsx
from zip_by_hand import epub, zipped

from ingest.parse import FORMATS, Format, format_of, parse, worth_reading
from ingest.parse.recognise import HEAD_BYTES
from rag.errors import CorruptSource, EmptySource, EncryptedSource, UnsupportedFormat

PDF, DOCX, HTML = lines_pdf(["Words."]), docx(p("Words.")), b"<!DOCTYPE html><p>Words.</p>"
OPEN_XML, OPEN = "application/vnd.openxmlformats-officedocument", "application/vnd.oasis.opendocument"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

PICTURE_KINDS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
MAIL = b"From: a@b.c\nTo: d@e.f\nSubject: s\n\nWords.\n"
MAILBOX = (b"From a@b.c Fri Nov 20 19:27:16 2026\n" + MAIL + b"\n") * 2
# A file of each format whose first page ends in "Words."; of those not here the bytes `Words.` are one.
SAMPLES = {
    "application/pdf": PDF,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": DOCX,
    f"{OPEN_XML}.presentationml.presentation": pptx(slide(title("Words."))),
    f"{OPEN_XML}.spreadsheetml.sheet": xlsx(row(1, text("A1", "Words."))),
    "application/vnd.ms-excel.sheet.binary.macroenabled.12": xlsb((0, 0, "Words.")),
    "application/vnd.ms-excel": xls(["Words."]),
    f"{OPEN}.text": odf("text", odf_by_hand.p("Words.")),
    f"{OPEN}.spreadsheet": odf("spreadsheet", odf_by_hand.table(odf_by_hand.row("Words."))),
    f"{OPEN}.presentation": odf(
        "presentation", f"<draw:page>{odf_by_hand.frame(odf_by_hand.p('Words.'))}</draw:page>"
    ),
    "application/epub+zip": epub({"1.xhtml": "<p>Words.</p>"}),
    "application/rtf": rb"{\rtf1 Words.}",
    "application/zip": zipped({"a.txt": b"Words."}),
    "application/mbox": MAILBOX,
    "message/rfc822": MAIL,
    "text/html": HTML,
    "application/json": b'"Words."',
    "application/jsonl": b'"Words."',
    "application/x-ipynb+json": b'{"cells": [{"cell_type": "markdown", "source": "Words."}]}',
    **{f"image/{kind.lower()}": saved(drawn(["Words."]), kind) for kind in PICTURE_KINDS},
}


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.media_type)
def test_every_format_has_a_parser(known: Format) -> None:
    document = parse(SAMPLES.get(known.media_type, b"Words."), "a" + known.extensions[0])
    assert document.media_type == known.media_type
    assert document.pages[0].text.endswith("Words.")


def test_an_extension_or_name_is_one_format_s() -> None:
    names = [name for known in FORMATS for name in (*known.extensions, *known.names)]
    assert len(set(names)) == len(names)
    assert names == [name.lower() for name in names]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", PDF, "application/pdf"),
        ("a.docx", PDF, "application/pdf"),
        ("noname", PDF, "application/pdf"),
        ("a.pdf", b"\n  " + PDF, "application/pdf"),
        ("a.pdf", b"some printer's line\n" + PDF, "application/pdf"),
        ("a.pdf", HTML, "text/html"),
        ("a.txt", b"\xef\xbb\xbf <!-- x -->\n<HTML lang=en>Words.", "text/html"),
        ("a.md", b'<?xml version="1.0"?>\n<html xmlns="x">Words.</html>', "text/html"),
        ("a.zip", DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.htm", b"<p>Words.", "text/html"),
        ("A.MD", b"# Words", "text/markdown"),
        ("a.txt", b"# Words", "text/plain"),
        ("a.txt", b"%PDX", "text/plain"),
        ("README", b"Words.", "text/plain"),
        ("a.txt", "Words.".encode("utf-16"), "text/plain"),
        (".hidden", b"Words.", "text/plain"),
        ("a.xlsx", xls(["x"]), "application/vnd.ms-excel"),
        ("noname", xlsx(row(1, text("A1", "x"))), f"{OPEN_XML}.spreadsheetml.sheet"),
        ("a.zip", odf("text", ""), f"{OPEN}.text"),
        ("a.zip", odf("text-template", ""), f"{OPEN}.text"),
        ("a.ods", odf("text", ""), f"{OPEN}.text"),
        ("folder.pdf/a.txt", b"Words.", "text/plain"),
        ("a.txt", MAIL, "message/rfc822"),
        ("1699999999.M5P6V7.host:2,S", MAIL, "message/rfc822"),  # as Maildir names them
        ("a.eml", b"Words.", "message/rfc822"),
        ("inbox", MAILBOX, "application/mbox"),
        ("a.eml", b"From a@b.c Fri Nov 20 19:27:16 2026\n" + MAIL, "message/rfc822"),
        ("a.doc", rb"{\rtf1 Words.}", "application/rtf"),
        ("a.bin", zipped({"a.txt": b"Words."}), "application/zip"),
        ("a.zip", epub({"1.xhtml": "<p>Words.</p>"}), "application/epub+zip"),
        ("a.py", b"#!/usr/bin/python\n", "text/x-source"),
        ("script", b"#!/bin/sh\necho\n", "text/x-source"),
        ("src/Makefile", b"all:\n", "text/x-source"),
        ("CMakeLists.txt", b"project(x)\n", "text/x-source"),
        ("Makefile.txt", b"Words.", "text/plain"),
        ("scan.pdf", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("scan", b"MM\0*\0\0\0\x08", "image/tiff"),
        ("a.jpg", b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        ("a.jpg", b"BM" + b"\x40\0\0\0" + bytes(24), "image/bmp"),
        ("a.txt", b"BMW and Audi are cars, as this text says.", "text/plain"),
        ("a.txt", b"GIF89 is no GIF89a.", "text/plain"),
    ],
)
def test_content_first_then_the_name(name: str, data: bytes, kind: str) -> None:
    assert format_of(data, name).media_type == kind


@pytest.mark.parametrize(
    ("name", "data", "error", "message"),
    [
        ("a.pdf", b"", EmptySource, r"empty \(0 bytes\)"),
        (
            "a.pdf",
            b"Just text.",
            CorruptSource,
            r"named \.pdf, but it is none: it begins with b'Just text\.'",
        ),
        ("a.pdf", b"7z\xbc\xaf\x27\x1c", CorruptSource, r"named \.pdf, but it is a 7-Zip archive"),
        ("a.docx", b"Just text.", CorruptSource, r"named \.docx, but it is none"),
        ("a.docx", archive({"ppt/x.xml": b""}), CorruptSource, r"named \.docx, but it is a ZIP archive"),
        pytest.param(  # a test is named by its bytes, and in these is the time
            "a.docx", DOCX[:50], CorruptSource, r"named \.docx, but it is a ZIP archive", id="cut"
        ),
        ("a.docx", OLE + b"\0" * 600, CorruptSource, r"old Office formats"),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), EncryptedSource, "protected by a password"),
        ("a.png", b"Just text.", CorruptSource, r"named \.png, but it is none"),
        ("a.md", b"\x7fELF\x02", UnsupportedFormat, "is a program, which no parser reads"),
        (
            "a.xyz",
            b"text",
            UnsupportedFormat,
            r"is a \.xyz file, which no parser reads; those that are read: \.pdf",
        ),
        ("binary", bytes(range(256)), UnsupportedFormat, "a file without extension that is no text"),
    ],
)
def test_what_nobody_reads(name: str, data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        format_of(data, name)


def test_a_version_is_no_extension() -> None:
    assert format_of(b"Everyone is permitted to copy this.", "GFDL-1.3").media_type == "text/plain"


@pytest.mark.parametrize(
    ("name", "head", "worth"),
    [
        ("a.pdf", b"anything", True),
        ("a.TXT", b"\0\0", True),  # why it can't be read is said when it is
        ("README", b"Words.", True),
        ("paper", PDF[:HEAD_BYTES], True),
        ("paper.scan", PDF[:HEAD_BYTES], True),
        ("program", b"\x7fELF\0\0\0\0", False),
        ("a.jpg", b"\xff\xd8\xff", True),
        ("1699999999.M5P6V7.host:2,S", MAIL, True),
        ("letter.doc", rb"{\rtf1 ", True),
        ("archive", b"PK\x03\x04\0\0", True),
        ("tool.jar", b"PK\x03\x04\0\0", False),
        ("Dockerfile", b"FROM x\n", True),
        ("LGPL-2.1", b"Everyone is permitted to copy this.", True),  # a version is no extension
        ("libx.so.2.1", b"Words.", False),
        ("main.GO", b"", True),
        ("nothing", b"", False),
    ],
)
def test_what_a_walk_through_folders_stops_at(name: str, head: bytes, worth: bool) -> None:
    assert worth_reading(name, head) is worth
