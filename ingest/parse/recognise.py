"""What a file's bytes say that it is, whatever its name claims.

Takes all of a file's bytes, gives yes or no for one kind each. Pure, quick and forgiving: a file that is
damaged behind its first bytes is still of its kind, and its parser says what is wrong with it. Kinds that
only a name can tell apart (source code, CSV, Markdown) are not here.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from itertools import islice

HEAD_BYTES = 4096  # of a file, enough to tell whether a walk through folders should look at it

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # compound files: .doc, .xls, .ppt, and encrypted new ones
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with members, and empty
MEMBER_START = b"PK\x01\x02"  # of each line in a ZIP file's list of members (APPNOTE.TXT 4.3.12)
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
GIF = (b"GIF87a", b"GIF89a")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_XLS_STREAMS = tuple(
    name.encode("utf-16-le").ljust(64, b"\0") for name in ("Workbook", "Book", "WORKBOOK", "BOOK")
)  # a directory entry begins with its name, padded to 64 bytes ([MS-CFB] 2.6.1)

_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_MAIL_HEADER = re.compile(rb"(?:>?From .*|[!-9;-~]{1,60}:.*)(?:\r?\n[ \t].*)*\r?\n")
MAIL_START = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*\d\d:\d\d[^\n]*\n")  # in a mailbox
_OF_MAILS = frozenset(
    b"from to date subject message-id mime-version received return-path delivered-to".split()
)
_HEADERS_BYTES = 1 << 16
_MOST_MEMBERS = 20_000  # of any document; archives of more have their members listed but once
_LEAST_OF_MAILS = 3  # headers that mails have, in the first block; two of them stand above many a memo


def is_pdf(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-")


def is_html(data: bytes) -> bool:
    return bool(_HTML_START.match(data[:HEAD_BYTES].replace(b"\0", b"")))


def is_rtf(data: bytes) -> bool:
    return data.lstrip(b" \t\r\n").startswith(b"{\\rtf")


def is_xls(data: bytes) -> bool:
    """Whether it is a compound file with a stream named Workbook, or Book as before 1997."""
    return data.startswith(OLE) and any(name in data for name in _XLS_STREAMS)


def is_mail(data: bytes) -> bool:
    """Whether it begins with a block of headers in which at least three are a mail's (RFC 5322)."""
    position, known = 0, set()
    data = data[:_HEADERS_BYTES]
    while position < len(data) and (header := _MAIL_HEADER.match(data, position)):
        known.add(header.group().partition(b":")[0].lower())
        position = header.end()
    return len(known & _OF_MAILS) >= _LEAST_OF_MAILS


def is_mailbox(data: bytes) -> bool:
    """Whether it is a row of mails, each below a line that begins with `From ` (RFC 4155); one is a mail."""
    return data.startswith(b"From ") and is_mail(data) and len(list(islice(MAIL_START.finditer(data), 2))) > 1


def is_webp(data: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def is_bmp(data: bytes) -> bool:
    """Whether it begins as a bitmap; `BM` alone begins many a text, but no zeros follow there."""
    return data.startswith(b"BM") and data[6:10] == b"\0\0\0\0" and len(data) > 26


def is_picture(data: bytes) -> bool:
    """Whether it begins as one of the pictures whose text is read."""
    return data.startswith((PNG, JPEG, *TIFF, *GIF)) or is_webp(data) or is_bmp(data)


def is_zip(data: bytes) -> bool:
    return data.startswith(ZIP)


def zip_with(member: str) -> Callable[[bytes], bool]:
    """A check for ZIP archives that have a member whose whole name fits the regular expression."""
    fits = re.compile(member).fullmatch
    return lambda data: any(fits(name) for name in _members(data))


def zip_of_type(media_type: str) -> Callable[[bytes], bool]:
    """A check for ZIP archives whose first member `mimetype` says so (OpenDocument, EPUB)."""
    kinds = [media_type.encode(), f"{media_type}-template".encode()]

    def is_it(data: bytes) -> bool:
        if "mimetype" not in _members(data):
            return False
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("mimetype") as member:
                return member.read(200).strip() in kinds
        except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError):
            return False

    return is_it


def begins_with(*starts: bytes) -> Callable[[bytes], bool]:
    """A check for files whose first bytes are one of these."""
    return lambda data: data.startswith(starts)


def _members(data: bytes) -> list[str]:
    if not is_zip(data) or data.count(MEMBER_START) > _MOST_MEMBERS:
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return []
