"""One file -> its Document, read and parsed in the sandbox.

`parse_file` is called here, `parse_job` runs in the child. Between them goes JSON, and what comes back is
checked: a parser that was taken over can lie about the text, but not about the shape of the records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ingest.files import read_bytes
from ingest.sandbox import Sandbox
from rag.errors import CorruptSource, ParserFailed
from rag.records import Document, Heading, LineMark, Page, PlacedWord

PARSE_JOB = "ingest.reading:parse_job"
_MOST_LINES = 1 << 40  # of a file: more bytes than any has


def parse_file(
    path: bytes,
    *,
    name: str,
    content_hash: str,
    sandbox: Sandbox,
    limit_megabytes: int = 512,
    passwords: Sequence[str] = (),
    job: str = PARSE_JOB,
    on_page: Callable[[int, int], None] | None = None,
) -> Document:
    """The document in a file whose bytes have that sha256.

    Raises a `SourceError` that says why it can't be read; `CorruptSource` if the file changed since it was
    hashed. `passwords` are tried on an encrypted one. `job` is the function that the child runs,
    "module:function" with `parse_job`'s arguments. `on_page` is told of each picture of a page that was read,
    and of how many; each has the sandbox's whole time, so a scan of 300 pages is read to its end.
    """
    arguments: dict[str, Any] = {
        "path": path.decode("utf-8", "surrogateescape"),
        "name": name,
        "limit_megabytes": limit_megabytes,
    }
    if passwords:
        arguments["passwords"] = list(passwords)
    reply = sandbox.run(job, arguments, on_step=on_page or (lambda _page, _pages: None))
    document = document_from(reply)
    if reply.get("content_hash") != content_hash:
        raise CorruptSource("the file changed while it was read; ingest it again when it is at rest")
    return document


def parse_job(
    path: str,
    name: str,
    limit_megabytes: int,
    passwords: Sequence[str] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """In the child: a file's document as JSON, with the hash of the bytes that it was made of."""
    from ingest.parse import Options, parse

    data = read_bytes(path.encode("utf-8", "surrogateescape"), limit_megabytes=limit_megabytes)
    content_hash = hashlib.sha256(data).hexdigest()
    return {
        **asdict(parse(data, name, Options(tuple(passwords), on_page=on_step))),
        "content_hash": content_hash,
    }


def document_from(reply: Any) -> Document:
    """The record that `parse_job`'s reply describes; `ParserFailed` where it describes none."""
    try:
        pages = tuple(_page(number, page) for number, page in enumerate(reply["pages"], 1))
        if not pages:
            raise ValueError("no pages")
        return Document(
            media_type=_text(reply["media_type"]),
            pages=pages,
            title=None if reply["title"] is None else _text(reply["title"]),
            warnings=tuple(map(_text, reply["warnings"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ParserFailed(f"the parser's answer is no document: {error}") from error


def _page(number: int, page: Any) -> Page:
    text = _text(page["text"])
    if page["number"] != number:
        raise ValueError(f"page {page['number']!r} where {number} was due")
    headings = tuple(
        Heading(_between(h["level"], 1, 9), _between(h["start"], 0, len(text)), h["end"], _text(h["text"]))
        for h in page["headings"]
    )
    for heading in headings:
        _between(heading.end, heading.start, len(text))
    words = tuple(_placed(*word) for word in page["words"])
    label = None if page["label"] is None else _text(page["label"])
    return Page(number, text, headings, label, words, tuple(_marks(page["lines"], len(text))))


def _marks(lines: Any, length: int) -> Iterator[LineMark]:
    reached = 0
    for start, line in lines:
        reached = _between(start, reached, length)
        yield LineMark(reached, _between(line, 1, _MOST_LINES))


def _placed(text: Any, *edges: Any) -> PlacedWord:
    left, top, right, bottom = (_between(edge, 0, 10_000) for edge in edges)
    return PlacedWord(_text(text), left, top, right, bottom)


def _text(value: Any) -> str:
    """A string that can be stored as UTF-8."""
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{type(value).__name__} where text was due")
    value.encode("utf-8")
    return value


def _between(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} where a number from {least} to {most} was due")
    return value
