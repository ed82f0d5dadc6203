"""Small sources for the store's tests, with vectors of four numbers that a person can work out.

A source's text is one page for each form feed, one chunk for each line; a line's vector says how often
it has the letters a, e, i and o, so that the inner product with (1, 0, 0, 0) is its count of a's.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b, sha256

import numpy as np

from rag.records import Chunk, Document, Heading, IndexMeta, Page, Place
from rag.store.contract import Store, Writer
from rag.store.open import open_store

META = IndexMeta("letters", "1", 4, 200, 1)
ROOT = "/documents"


def place(source: str, text: str, *, root: str = ROOT, modified_ns: int = 1) -> Place:
    encoded = text.encode()
    location = f"{root}/{source}".encode()
    return Place(root, source, location, sha256(encoded).hexdigest(), len(encoded), modified_ns)


def document(text: str, *, title: str | None = None) -> Document:
    pages = []
    for number, page_text in enumerate(text.split("\f"), start=1):
        first_line = page_text.split("\n")[0]
        headings = (Heading(1, 0, len(first_line), first_line),) if first_line.startswith("# ") else ()
        pages.append(Page(number, page_text, headings, label=f"p{number}"))
    return Document("text/plain", tuple(pages), title, ("made by hand",))


def chunks(text: str) -> list[Chunk]:
    found = []
    for number, page_text in enumerate(text.split("\f"), start=1):
        start = 0
        for position, line in enumerate(page_text.split("\n"), start=1):
            if line:
                found.append(Chunk(number, start, start + len(line), line, ("Head",), position))
            start += len(line) + 1
    return found


def vector(text: str) -> np.ndarray:
    return np.array([text.count(letter) for letter in "aeio"], np.float32)


def vectors(texts: Sequence[str]) -> np.ndarray:
    return np.array([vector(text) for text in texts], np.float32).reshape(len(texts), 4)


def digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def put(writer: Writer, source: str, text: str, *, root: str = ROOT, title: str | None = None) -> Place:
    where = place(source, text, root=root)
    lines = chunks(text)
    texts = [line.text for line in lines]
    writer.put(where, document(text, title=title), lines, vectors(texts), [digest(t) for t in texts])
    return where


def filled(place: object, sources: dict[str, str]) -> Store:
    store = open_store(str(place), create=True)
    with store.writer() as writer:
        writer.set_meta(META)
        for source, text in sources.items():
            put(writer, source, text)
    return store


def texts_in(store: Store) -> dict[str, list[str]]:
    """Every source's chunks, as they are shown."""
    with store.snapshot() as snapshot:
        return {
            source.source: [hit.text for hit in snapshot.chunks_of(source.location.decode())]
            for source in snapshot.sources()
        }
