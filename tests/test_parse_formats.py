"""The registry: what a file is, by its content first, and what is said of those that nobody reads."""

from __future__ import annotations

import pytest
from docx_by_hand import archive, docx, p
from pdf_by_hand import lines_pdf

from ingest.parse import EXTENSIONS, FORMATS, format_of, parse, worth_reading
from ingest.parse.recognise import HEAD_BYTES
from rag.errors import CorruptSource, EmptySource, EncryptedSource, UnsupportedFormat

PDF, DOCX, HTML = lines_pdf(["Words."]), docx(p("Words.")), b"<!DOCTYPE html><p>Words.</p>"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.media_type)
def test_every_format_has_a_parser(known: object) -> None:
    samples = {"application/pdf": PDF, "text/html": HTML}
    for one in FORMATS:
        data = samples.get(one.media_type, DOCX if "word" in one.media_type else b"Words.")
        document = parse(data, "a" + one.extensions[0])
        assert document.media_type == one.media_type
        assert document.pages[0].text == "Words."
    assert len(set(EXTENSIONS)) == len(EXTENSIONS)


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
        ("folder.pdf/a.txt", b"Words.", "text/plain"),
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
        ("a.pdf", b"\x89PNG\r\n\x1a\n", CorruptSource, r"named \.pdf, but it is a PNG image"),
        ("a.docx", b"Just text.", CorruptSource, r"named \.docx, but it is none"),
        ("a.docx", archive({"ppt/x.xml": b""}), CorruptSource, r"named \.docx, but it is a ZIP archive"),
        ("a.docx", DOCX[:50], CorruptSource, r"named \.docx, but it is a ZIP archive"),
        ("a.docx", OLE + b"\0" * 600, CorruptSource, r"old Office formats"),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), EncryptedSource, "protected by a password"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", UnsupportedFormat, "is a PNG image, which no parser reads"),
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


@pytest.mark.parametrize(
    ("name", "head", "worth"),
    [
        ("a.pdf", b"anything", True),
        ("a.TXT", b"\0\0", True),  # why it can't be read is said when it is
        ("README", b"Words.", True),
        ("paper", PDF[:HEAD_BYTES], True),
        ("paper.scan", PDF[:HEAD_BYTES], True),
        ("program", b"\x7fELF\0\0\0\0", False),
        ("a.jpg", b"\xff\xd8\xff", False),
        ("nothing", b"", False),
    ],
)
def test_what_a_walk_through_folders_stops_at(name: str, head: bytes, worth: bool) -> None:
    assert worth_reading(name, head) is worth
