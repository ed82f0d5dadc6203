"""Bytes whose encoding somebody named -> text: the names of mails, pages and documents, as they are meant.

Takes bytes and a name that can be wrong, gives text; a name that does not fit gives way to what the bytes
say themselves (decode.py). Knows nothing about markup.
"""

from __future__ import annotations

import codecs

from ingest.parse.decode import decode

# The web's names mean more than they say (WHATWG Encoding Standard, "names and labels").
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
}
_NAMES = {"x-gbk": "gbk", "x-sjis": "shift_jis", "ansi": "cp1252", "unicode-1-1-utf-7": "utf-7"}
# Python's own notations, which no document is written in and some of which take their time.
_NO_CHARSETS = frozenset(
    ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "raw-unicode-escape", "unicode-escape")
)


def codec_named(charset: str) -> str | None:
    """Python's name for what `charset` is meant to say; None where that is nothing."""
    name = charset.strip().strip("\"'").lower()
    try:
        codec = codecs.lookup(_NAMES.get(name, name)).name
    except (LookupError, ValueError):  # ValueError: a NUL in it
        return None
    return None if codec in _NO_CHARSETS else _WIDER.get(codec, codec)


def decode_named(data: bytes, charset: str | None) -> tuple[str, str | None]:
    """The text, and a warning where bytes fit nothing; `CorruptSource` where it is no text at all.

    What is named Latin-1 or ASCII and is valid UTF-8 all the same, is UTF-8.
    """
    codec = codec_named(charset) if charset else None
    if codec == "cp1252":
        try:
            return data.decode("utf-8"), None
        except UnicodeDecodeError:
            pass
    if codec is not None:
        try:
            return data.decode(codec), None
        except (UnicodeError, LookupError):  # LookupError: a codec that makes no text, such as zlib
            pass
    return decode(data)
