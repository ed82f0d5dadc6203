"""JSON lines -> a Document of one page: one line of the page for each of the file, so that it can be cited.

A record reads `key: value | key.inner: value`. A line that is no JSON stays as it is and is counted.
"""

from __future__ import annotations

from ingest.parse.clean import clean_prose
from ingest.parse.decode import decode_told
from ingest.parse.json_decoder import load
from ingest.parse.json_values import row
from rag.errors import CorruptSource, EmptySource
from rag.records import Document, Page

MEDIA_TYPE = "application/jsonl"


def parse(data: bytes, name: str) -> Document:
    """The records of `data` in words."""
    decoded, warnings = decode_told(data)
    text, bad = read_lines(decoded)
    filled = sum(map(bool, text.split("\n")))
    if not filled:
        raise EmptySource("the file holds no record")
    if bad == filled:
        raise CorruptSource(f"none of its {filled} lines is JSON; name it .txt to have it read as plain text")
    if bad:
        warnings.append(f"{bad} of {filled} lines are not JSON and were read as they are")
    return Document(MEDIA_TYPE, (Page(1, text),), None, tuple(warnings))


def read_lines(text: str) -> tuple[str, int]:
    """A line for each line, and how many of them are no JSON."""
    read: list[str] = []
    bad = 0
    for line in text.replace("\r\n", "\n").split("\n"):
        words, is_bad = _read_line(line)
        read.append(words)
        bad += is_bad
    return "\n".join(read).rstrip("\n"), bad


def _read_line(line: str) -> tuple[str, bool]:
    if not line.strip():
        return "", False
    try:
        return row(load(line)).text, False
    except (ValueError, RecursionError):
        return clean_prose(line), True
