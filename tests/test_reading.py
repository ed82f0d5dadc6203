"""One file to its Document through the sandbox: bytes that are the expected ones, records that are sound."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docx_by_hand import W, archive, docx, p
from pdf_by_hand import lines_pdf, pdf

from ingest.files import hash_file, read_bytes, read_head
from ingest.reading import document_from, parse_file
from ingest.sandbox import Sandbox
from rag.errors import CorruptSource, ParserFailed, SourceError
from rag.records import Document


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seconds=20, memory_megabytes=1024, output_megabytes=16) as made:
        yield made


def read(path: Path, box: Sandbox, *, name: str | None = None, **options: Any) -> Document:
    content_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    name = path.name if name is None else name
    return parse_file(os.fsencode(path), name=name, content_hash=content_hash, sandbox=box, **options)


# --- the bytes --------------------------------------------------------------------------------------


def test_a_hash_is_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * (3 << 20))
    assert hash_file(os.fsencode(path), limit_megabytes=3) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_bytes(os.fsencode(path), limit_megabytes=3) == path.read_bytes()
    assert read_head(os.fsencode(path), 10) == b"x" * 10


def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name, words in [
            ("pipe", "is a named pipe, not a file"),
            ("socket", "is a socket, not a file"),
            ("", "is a folder, not a file"),
            ("loop", "can't be opened: Too many levels of symbolic links"),
            ("nowhere", "can't be opened: No such file or directory"),
        ]:
            with pytest.raises(SourceError, match=words):
                hash_file(os.fsencode(tmp_path / name), limit_megabytes=1)
    for device in ("/dev/zero", "/dev/null"):
        with pytest.raises(SourceError, match="is a device, not a file"):
            read_bytes(device, limit_megabytes=1)


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.txt"
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    message = re.escape("the file has 1,048,576 MB, the limit is 512 MB; raise file_megabytes to read it")
    for reader in (hash_file, read_bytes):
        with pytest.raises(SourceError, match=message):
            reader(os.fsencode(path), limit_megabytes=512)


def test_a_file_that_says_nothing_of_its_size_is_refused() -> None:
    # files of /proc have size 0 and more bytes than that
    with pytest.raises(CorruptSource, match="changed while it was read"):
        read_bytes("/proc/self/status", limit_megabytes=1)
    with pytest.raises(CorruptSource, match="changed while it was read"):
        hash_file("/proc/self/status", limit_megabytes=1)


def test_a_file_that_changed_since_it_was_hashed_is_refused(tmp_path: Path, box: Sandbox) -> None:
    path = tmp_path / "a.txt"
    path.write_text("after")
    before = hashlib.sha256(b"before").hexdigest()
    with pytest.raises(CorruptSource, match="the file changed while it was read; ingest it again"):
        parse_file(os.fsencode(path), name="a.txt", content_hash=before, sandbox=box)


@pytest.mark.parametrize(
    "name",
    [
        b"new\nline.txt",
        b"esc\x1b[31m.txt",
        "rtl\u202egpj.txt".encode(),
        b"not-utf8-\xff\xfe.txt",
        b"x" * 251 + b".txt",
    ],
)
def test_any_name_that_a_file_system_allows(name: bytes, tmp_path: Path, box: Sandbox) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(b"words")
    content_hash = hashlib.sha256(b"words").hexdigest()
    shown = name.decode("utf-8", "backslashreplace")
    assert parse_file(path, name=shown, content_hash=content_hash, sandbox=box).pages[0].text == "words"


# --- the records ------------------------------------------------------------------------------------

SOUND: dict[str, Any] = {
    "media_type": "text/plain",
    "pages": [
        {
            "number": 1,
            "text": "Title\n\nText",
            "label": None,
            "headings": [{"level": 1, "start": 0, "end": 5, "text": "Title"}],
            "words": [["Title", 0, 0, 10_000, 500]],
            "lines": [[0, 1], [7, 4]],
        }
    ],
    "title": None,
    "warnings": [],
}


def test_a_sound_answer_is_a_document() -> None:
    document = document_from(SOUND)
    assert document.pages[0].headings[0].text == "Title"
    assert document.pages[0].lines == ((0, 1), (7, 4))


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (("pages",), [], "no pages"),
        (("pages",), None, "not iterable"),
        (("media_type",), 7, "int where text was due"),
        (("title",), ["x"], "list where text was due"),
        (("warnings",), [None], "NoneType where text was due"),
        (("pages", 0, "number"), 2, "page 2 where 1 was due"),
        (("pages", 0, "text"), "x", "5 where a number from 0 to 1 was due"),
        (("pages", 0, "text"), "Title\n\n\ud800", "surrogates not allowed"),
        (("pages", 0, "text"), "Title\n\n\0", "str where text was due"),
        (("pages", 0, "headings", 0, "start"), -1, "-1 where a number from 0 to 11 was due"),
        (("pages", 0, "headings", 0, "start"), 6, "5 where a number from 6 to 11 was due"),
        (("pages", 0, "headings", 0, "end"), 99, "99 where a number"),
        (("pages", 0, "headings", 0, "level"), True, "True where a number"),
        (("pages", 0, "headings", 0, "level"), 1e300, "1e\\+300 where a number"),
        (("pages", 0, "lines"), [[7, 4], [0, 1]], "0 where a number from 7 to 11 was due"),
        (("pages", 0, "lines", 1, 0), 12, "12 where a number from 0 to 11 was due"),
        (("pages", 0, "lines", 0, 1), 0, "0 where a number from 1 to"),
        (("pages", 0, "lines", 0), [0], "not enough values"),
    ],
)
def test_forged_records_are_noticed(
    where: tuple[Any, ...], value: object, words: str, tmp_path: Path, box: Sandbox
) -> None:
    forged = json.loads(json.dumps({**SOUND, "content_hash": "x"}))
    at = forged
    for key in where[:-1]:
        at = at[key]
    at[where[-1]] = value
    path = tmp_path / "forged.json"
    path.write_text(json.dumps(forged))
    with pytest.raises(ParserFailed, match=f"the parser's answer is no document: .*{words}"):
        read(path, box, job="hostile_parsers:forged_document")


# --- hostile files, through the real parsers ---------------------------------------------------------

BOMB = archive({"word/document.xml": b"<x>" + b" " * (300 << 20)})
LAUGHS = (
    '<!DOCTYPE d [<!ENTITY a "' + "lol" * 100 + '">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 50}">' for n in range(8))
    + f']><w:document xmlns:w="{W}"><w:body>{p("&i;")}</w:body></w:document>'
)  # fmt: skip
EXTERNAL = LAUGHS.replace('"' + "lol" * 100, 'SYSTEM "file:///etc/passwd')
RECURSIVE_PAGES = lines_pdf(["x"]).replace(b"/Kids[4 0 R]", b"/Kids[2 0 R]")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("bomb.docx", BOMB, "unpacks to more than 256 MB|needs more than 1024 MB"),
        ("laughs.docx", archive({"word/document.xml": LAUGHS.encode()}), "document type|not well-formed"),
        ("external.docx", archive({"word/document.xml": EXTERNAL.encode()}), "document type|not well-formed"),
        ("loop.pdf", RECURSIVE_PAGES, "damaged PDF|hold no text"),
        ("cut.pdf", lines_pdf(["x"] * 50)[:200], "damaged PDF"),
        ("wrong.pdf", b"PK\x03\x04" + b"x" * 100, "named .pdf, but it is a ZIP archive"),
        ("empty.md", b"", "empty"),
        ("deep.html", b"<b>" * 100_000 + b"deep", "not all was read: Excessive depth"),
        ("nul.txt", b"\0" * 10_000, "binary data"),
        ("long.txt", b"x" * (17 << 20), "more than 16 MB of output"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and len(value) < 20 else "",
)  # fmt: skip
def test_a_hostile_file_is_a_reason_and_the_next_is_read(
    name: str, data: bytes, words: str, tmp_path: Path, box: Sandbox
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SourceError, match=words) as caught:
        read(path, box)
    assert "\n" not in str(caught.value)
    after = tmp_path / "after.txt"
    after.write_text("Still here.")
    assert read(after, box).pages[0].text == "Still here."


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("nul.html", b"<p>a\0b\x01c" + b" words" * 50, "abc words"),
        ("surrogate.html", b"<p>a&#xD800;b</p>", "a"),
        ("line.txt", b"word " * 2_000_000, "word word"),
        ("shift.txt", "春になると、山の茶の木に新しい芽が出ます。".encode("cp932"), "春になると"),
        ("marks.txt", "\ufeff\ufeffwords".encode("utf-16"), "words"),
        ("turn.md", b"GPT4 Correct User: x<|end_of_turn|>", "GPT4 Correct User: x<|end_of_turn|>"),
        ("big.pdf", pdf(*["BT /F 12 Tf 72 700 Td (words) Tj ET"] * 300), "words"),
        ("macro.docx", docx(p("{x} {{x}} %s"), word_vbaProject_xml="x"), "{x} {{x}} %s"),
    ],
)
def test_strange_files_are_read(name: str, data: bytes, text: str, tmp_path: Path, box: Sandbox) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    document = read(path, box)
    assert document.pages[0].text.startswith(text)
    document.pages[0].text.encode("utf-8")
