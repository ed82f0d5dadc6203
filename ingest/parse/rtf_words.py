"""RTF's bytes -> its words: groups, control words, characters; and the encodings that it names by numbers.

Knows how RTF is written (specification 1.9.1), and nothing of what its words mean for a document.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORD = re.compile(
    rb"\\(?:(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,9})? ?|'(?P<hex>[0-9a-fA-F]{2})|(?P<symbol>[^a-zA-Z]))"
    rb"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)|[\r\n]+",
    re.DOTALL,
)
# What `\fcharset` says of a font, and what Windows calls that encoding.
_CHARSETS = {
    77: "mac_roman", 78: "cp932", 80: "gb18030", 81: "big5hkscs", 128: "cp932", 129: "cp949", 130: "johab",
    134: "gb18030", 136: "big5hkscs", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255",
    178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 255: "cp437",
}  # fmt: skip
_CODE_PAGES = {936: "gb18030", 950: "big5hkscs", 10000: "mac_roman", 65001: "utf-8"}


@dataclass(frozen=True, slots=True)
class Word:
    """`kind` is "open", "close", "control", "symbol" or "bytes"; `data` are the characters of "bytes"."""

    kind: str
    name: str = ""
    number: int | None = None
    data: bytes = b""
    escaped: bool = False  # one character, written in hexadecimal


def words(data: bytes) -> Iterator[Word]:
    """The words of a file in order; line ends mean nothing, and binary data is passed over."""
    place = 0
    while place < len(data):
        found = _WORD.match(data, place)
        if found is None:  # a backslash at the very end
            return
        place = found.end()
        if found["word"] is not None:
            number = int(found["number"]) if found["number"] is not None else None
            if found["word"] == b"bin":
                place += max(number or 0, 0)
            yield Word("control", found["word"].decode("ascii"), number)
        elif found["text"] is not None:
            yield Word("bytes", data=found["text"])
        elif found["hex"] is not None:
            yield Word("bytes", data=bytes.fromhex(found["hex"].decode("ascii")), escaped=True)
        elif found["brace"] is not None:
            yield Word("open" if found["brace"] == b"{" else "close")
        elif found["symbol"] is not None:
            yield Word("symbol", found["symbol"].decode("latin-1"))


def codec_of_charset(number: int) -> str | None:
    """The encoding of a font's bytes; None where it is the document's."""
    return _CHARSETS.get(number)


def codec_of_page(number: int) -> str | None:
    """The encoding that a code page's number names; None for one that Python lacks."""
    codec = _CODE_PAGES.get(number, f"cp{number}")
    try:
        codecs.lookup(codec)
    except LookupError:
        return None
    return codec
