"""An index made by hand, without the ingest: a few pages, one chunk a paragraph, real embeddings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Chunk, Document, IndexMeta, Page, Place
from rag.store.open import open_store

PAGES = {
    "lights/eddystone.txt": [
        "The Eddystone lighthouse stands on rocks south of Plymouth.\n\n"
        "Smeaton's tower was finished in 1759. It was lit by 24 candles.",
        "The tower was taken down in 1882, because the rock under it was worn away by the sea.",
    ],
    "bread.md": [
        "Bread rises because yeast turns sugar into carbon dioxide.\n\n"
        "A sourdough starter holds wild yeast and lactic acid bacteria."
    ],
    "运河.txt": ["大运河全长约1794公里。它连接北京和杭州。\n\n隋炀帝在公元605年下令开凿通济渠。"],
}


def write_index(folder: Path, pages: Mapping[str, list[str]] = PAGES) -> Path:
    """Writes the pages as an index at `folder`, and gives the folder."""
    embedder = LocalEmbeddings()
    store = open_store(folder, create=True)
    with store.writer() as writer:
        writer.set_meta(IndexMeta(embedder.name, embedder.revision, embedder.dimension, 200, 1))
        for source, texts in pages.items():
            chunks = [chunk for number, text in enumerate(texts, 1) for chunk in paragraphs(number, text)]
            data = "\f".join(texts).encode()
            place = Place(
                "/docs", source, f"/docs/{source}".encode(), hashlib.sha256(data).hexdigest(), len(data), 1
            )
            document = Document(
                "text/plain", tuple(Page(number, text) for number, text in enumerate(texts, 1))
            )
            embedded = [chunk.text for chunk in chunks]
            digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in embedded]
            writer.put(place, document, chunks, embedder.embed(embedded), digests)
    store.close()
    return folder


def paragraphs(number: int, text: str) -> list[Chunk]:
    """One chunk for each paragraph of a page."""
    chunks, start = [], 0
    for paragraph in text.split("\n\n"):
        chunks.append(Chunk(number, start, start + len(paragraph), paragraph))
        start += len(paragraph) + 2
    return chunks
