"""The formats that are read: one function and one line here for each.

Takes a file's bytes and name, gives a `Document`. What a file is, its content says first and its name only
where the content leaves it open. Parsers are imported when the first file of their kind comes.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingest.parse.budget import Budget
from ingest.parse.code_names import CODE, CODE_NAMES
from ingest.parse.decode import looks_like_text
from ingest.parse.recognise import (
    GIF,
    HEAD_BYTES,
    JPEG,
    OLE,
    PNG,
    TIFF,
    begins_with,
    is_bmp,
    is_html,
    is_mail,
    is_mailbox,
    is_pdf,
    is_rtf,
    is_webp,
    is_xls,
    is_zip,
    zip_of_type,
    zip_with,
)
from rag.errors import CorruptSource, EmptySource, EncryptedSource, UnsupportedFormat
from rag.records import Document

PARSER_VERSION = 4  # rises when a parser gives another text for the same bytes


@dataclass(frozen=True, slots=True)
class Options:
    """What a parser may be told besides the file: passwords to try, and whether to read pictures of text.

    `on_page` is to be called after each picture of text that was read, with its number and how many there
    are: the sandbox's time limit starts anew then, so that a long scan is read to its end.
    For a member of another file: how deep it lies, and what may still come out of all of them together.
    """

    passwords: tuple[str, ...] = ()
    ocr: bool = True  # where what it needs is installed
    on_page: Callable[[int, int], None] | None = None
    depth: int = 0
    budget: Budget | None = None


NO_OPTIONS = Options()
_VERSION = re.compile(r"[-_ v]\d+(?:\.\d+)+\Z")
Parser = Callable[[bytes, str, Options], Document]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file. `is_it` looks at all its bytes; None where only the name can say."""

    media_type: str
    extensions: tuple[str, ...]
    is_it: Callable[[bytes], bool] | None
    parse: Parser
    by_name: bool  # whether the extension is enough, when the content is not another format's
    names: tuple[str, ...] = ()  # whole names that say it, too, in small letters
    general: bool = False  # others are made of it: a file named as one of those is not taken for it


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
_OPEN = "application/vnd.oasis.opendocument"

# The order matters where content decides: the first that says "mine" has the file.
FORMATS = (
    Format("application/pdf", (".pdf",), is_pdf, _in("pdf", options=True), by_name=False),
    Format(
        f"{_OPEN_XML}.wordprocessingml.document",
        (".docx", ".docm", ".dotx", ".dotm"),
        zip_with(r"word/document\d*\.xml"),
        _in("word"),
        by_name=False,
    ),
    Format(
        f"{_OPEN_XML}.presentationml.presentation",
        (".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm"),
        zip_with(r"ppt/presentation\d*\.xml"),
        _in("slides"),
        by_name=False,
    ),
    Format(
        f"{_OPEN_XML}.spreadsheetml.sheet",
        (".xlsx", ".xlsm", ".xltx", ".xltm"),
        zip_with(r"xl/workbook\d*\.xml"),
        _in("sheets"),
        by_name=False,
    ),
    Format(
        "application/vnd.ms-excel.sheet.binary.macroenabled.12",
        (".xlsb",),
        zip_with(r"xl/workbook\d*\.bin"),
        _in("old_sheets"),
        by_name=False,
    ),
    Format("application/vnd.ms-excel", (".xls", ".xlt"), is_xls, _in("old_sheets"), by_name=True),
    Format(f"{_OPEN}.text", (".odt", ".ott"), zip_of_type(f"{_OPEN}.text"), _in("open_text"), by_name=False),
    Format(
        f"{_OPEN}.spreadsheet",
        (".ods", ".ots"),
        zip_of_type(f"{_OPEN}.spreadsheet"),
        _in("open_sheets"),
        by_name=False,
    ),
    Format(
        f"{_OPEN}.presentation",
        (".odp", ".otp"),
        zip_of_type(f"{_OPEN}.presentation"),
        _in("open_slides"),
        by_name=False,
    ),
    Format(
        "application/epub+zip", (".epub",), zip_of_type("application/epub+zip"), _in("epub"), by_name=False
    ),
    Format("application/rtf", (".rtf",), is_rtf, _in("rtf"), by_name=False),
    Format("application/zip", (".zip",), is_zip, _in("zipped", options=True), by_name=False, general=True),
    Format("application/mbox", (".mbox",), is_mailbox, _in("mailbox", options=True), by_name=True),
    Format("message/rfc822", (".eml",), is_mail, _in("mail", options=True), by_name=True),
    Format("image/png", (".png",), begins_with(PNG), _in("picture", options=True), by_name=False),
    Format(
        "image/jpeg",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        begins_with(JPEG),
        _in("picture", options=True),
        by_name=False,
    ),
    Format("image/tiff", (".tif", ".tiff"), begins_with(*TIFF), _in("picture", options=True), by_name=False),
    Format("image/webp", (".webp",), is_webp, _in("picture", options=True), by_name=False),
    Format("image/bmp", (".bmp",), is_bmp, _in("picture", options=True), by_name=False),
    Format("image/gif", (".gif",), begins_with(*GIF), _in("picture", options=True), by_name=False),
    Format("text/html", (".html", ".htm", ".xhtml"), is_html, _in("html"), by_name=True),
    Format("text/markdown", (".md", ".markdown", ".mdown", ".mkd"), None, _in("markdown"), by_name=True),
    Format("application/json", (".json", ".geojson"), None, _in("json_text"), by_name=True),
    Format("application/jsonl", (".jsonl", ".ndjson"), None, _in("json_lines"), by_name=True),
    Format("application/x-ipynb+json", (".ipynb",), None, _in("notebook"), by_name=True),
    Format("text/x-source", CODE, begins_with(b"#!/"), _in("code"), by_name=True, names=CODE_NAMES),
    Format("text/csv", (".csv",), None, _in("delimited"), by_name=True),
    Format("text/tab-separated-values", (".tsv", ".tab"), None, _in("delimited"), by_name=True),
    Format("text/plain", (".txt", ".text", ".rst", ".adoc", ".org"), None, _in("text"), by_name=True),
)
EXTENSIONS = tuple(extension for known in FORMATS for extension in known.extensions)
PICTURES = tuple(
    extension for known in FORMATS if known.media_type.startswith("image/") for extension in known.extensions
)
_READ = " ".join(known.extensions[0] for known in FORMATS) + " and source code"

# What else people have, by its first bytes; named in the message when it hides behind one of our names.
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
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
    extension = _extension(name)
    named = _named(name)
    for known in FORMATS:
        taken = known.general and named is not None and not named.by_name and named is not known
        if known.is_it is not None and not taken and known.is_it(data):
            return known
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
    raise UnsupportedFormat(f"is {what}, which no parser reads; those that are read: {_READ}")


def worth_reading(name: str, head: bytes) -> bool:
    """Whether a file met in a folder is likely one of ours, by its name and its first `HEAD_BYTES`."""
    if _named(name) is not None or is_pdf(head) or is_rtf(head) or is_mail(head):
        return True
    return not _extension(name) and bool(head) and (looks_like_text(head) or is_zip(head))


def _extension(name: str) -> str:
    """The extension in small letters; none where it is the end of a version: LGPL-2.1."""
    extension = PurePosixPath(name).suffix.lower()
    return "" if _VERSION.search(name) else extension


def _named(name: str) -> Format | None:
    """The format that a file's name stands for: a whole name, such as Makefile, before an extension."""
    file = PurePosixPath(name.lower())
    by_whole = (known for known in FORMATS if file.name in known.names)
    by_extension = (known for known in FORMATS if file.suffix in known.extensions)
    return next(by_whole, None) or next(by_extension, None)
