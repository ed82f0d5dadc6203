"""The formats that are read: one function and one line here for each.

Takes a file's bytes and name, gives a `Document`. What a file is, its content says first and its name only
where the content leaves it open. Parsers are imported when the first file of their kind comes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingest.parse.decode import looks_like_text
from ingest.parse.recognise import HEAD_BYTES, OLE, is_html, is_pdf, zip_with
from rag.errors import CorruptSource, EmptySource, EncryptedSource, UnsupportedFormat
from rag.records import Document

PARSER_VERSION = 1  # rises when a parser gives another text for the same bytes


@dataclass(frozen=True, slots=True)
class Options:
    """What a parser may be told besides the file: passwords to try, and whether to read pictures of text."""

    passwords: tuple[str, ...] = ()
    ocr: bool = True  # where what it needs is installed


NO_OPTIONS = Options()
Parser = Callable[[bytes, str, Options], Document]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file. `is_it` looks at all its bytes; None where only the name can say."""

    media_type: str
    extensions: tuple[str, ...]
    is_it: Callable[[bytes], bool] | None
    parse: Parser
    by_name: bool  # whether the extension is enough, when the content is not another format's


def _in(module: str, *, options: bool = False) -> Parser:
    """The function `parse(data, name)` of a module of this package, imported when it is called.

    With `options` it is `parse(data, name, options)`.
    """

    def parse_in(data: bytes, name: str, told: Options) -> Document:
        function = importlib.import_module(f"{__name__}.{module}").parse
        document: Document = function(data, name, told) if options else function(data, name)
        return document

    return parse_in


_OPEN_XML = "application/vnd.openxmlformats-officedocument"

# The order matters where content decides: the first that says "mine" has the file.
FORMATS = (
    Format("application/pdf", (".pdf",), is_pdf, _in("pdf"), by_name=False),
    Format(
        f"{_OPEN_XML}.wordprocessingml.document",
        (".docx", ".docm", ".dotx", ".dotm"),
        zip_with(r"word/document\d*\.xml"),
        _in("word"),
        by_name=False,
    ),
    Format("text/html", (".html", ".htm", ".xhtml"), is_html, _in("html"), by_name=True),
    Format("text/markdown", (".md", ".markdown", ".mdown", ".mkd"), None, _in("markdown"), by_name=True),
    Format("text/plain", (".txt", ".text", ".rst", ".adoc", ".org"), None, _in("text"), by_name=True),
)
EXTENSIONS = tuple(extension for known in FORMATS for extension in known.extensions)

# What else people have, by its first bytes; named in the message when it hides behind one of our names.
_OTHERS = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (OLE, "a document of the old Office formats (.doc, .xls, .ppt)"),
)


def parse(data: bytes, name: str, options: Options = NO_OPTIONS) -> Document:
    """The document in these bytes; a `SourceError` says why there is none."""
    return format_of(data, name).parse(data, name, options)


def format_of(data: bytes, name: str) -> Format:
    """What these bytes are; `UnsupportedFormat`, `CorruptSource` or `EncryptedSource` if nothing we read."""
    if not data:
        raise EmptySource("the file is empty (0 bytes)")
    for known in FORMATS:
        if known.is_it is not None and known.is_it(data):
            return known
    extension = PurePosixPath(name).suffix.lower()
    named = next((known for known in FORMATS if extension in known.extensions), None)
    if data.startswith(OLE) and "EncryptedPackage".encode("utf-16-le") in data:
        raise EncryptedSource(
            "the document is protected by a password; save a copy without one and ingest that"
        )
    other = next((what for start, what in _OTHERS if data.startswith(start)), None)
    if named is not None and not named.by_name:
        if named.media_type == "application/pdf" and b"%PDF-" in data[:1024]:
            return named
        raise CorruptSource(
            f"named {extension}, but it is {other or 'none'}: it begins with {data[:16]!r}; "
            "is it damaged or badly named?"
        )
    if named is not None and other is None:
        return named
    if other is None and not extension and looks_like_text(data[:HEAD_BYTES]):
        return next(known for known in FORMATS if known.media_type == "text/plain")
    what = other or (f"a {extension} file" if extension else "a file without extension that is no text")
    raise UnsupportedFormat(f"is {what}, which no parser reads; those that are read: {' '.join(EXTENSIONS)}")


def worth_reading(name: str, head: bytes) -> bool:
    """Whether a file met in a folder is likely one of ours, by its name and its first `HEAD_BYTES`."""
    extension = PurePosixPath(name).suffix.lower()
    if extension in EXTENSIONS or is_pdf(head):
        return True
    return not extension and bool(head) and looks_like_text(head)
