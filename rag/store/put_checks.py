"""What is asked of a source before a store takes it, and what is said of an index made in another way.

Takes records, gives nothing or an error in words. Knows no store: both kinds ask the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from rag.errors import UsageError
from rag.records import Chunk, Document, IndexMeta, Place
from rag.store.contract import DIGEST_BYTES


def same_but_parsers(present: IndexMeta, wanted: IndexMeta) -> bool:
    """Whether two say the same, or differ by the parsers' version alone."""
    return present == replace(wanted, parser_version=present.parser_version)


def newer_parsers(name: str, present: IndexMeta, parser_version: int) -> str:
    """The words for an index that newer parsers wrote to."""
    return (
        f"index {name!r} was written by parsers of version {present.parser_version}; this program has version"
        f" {parser_version}: install the newer program that made it"
    )


def difference(name: str, present: IndexMeta, wanted: IndexMeta) -> str:
    """The words for an index that was made in another way than it is to be used."""
    where = f"index {name!r}"
    cure = "use another index"
    if wanted.embedding_model != present.embedding_model or wanted.chunk_tokens == present.chunk_tokens:
        cure += f", or embed its text anew: rag reembed --embedding-model {wanted.embedding_model}"
    return f"{where} was made with {_in_words(present)}; this run has {_in_words(wanted)}; {cure}"


def _in_words(meta: IndexMeta) -> str:
    prefix = f", before a question {meta.query_prefix!r}" if meta.query_prefix else ""
    return (
        f"{meta.embedding_model} (revision {meta.embedding_revision}, dimension {meta.dimension}{prefix}),"
        f" chunks of {meta.chunk_tokens} tokens, parsers of version {meta.parser_version}"
    )


@contextmanager
def valid_text(place: Place) -> Iterator[None]:
    """Says which source it is that holds text that UTF-8 has no bytes for."""
    try:
        yield
    except UnicodeEncodeError as error:
        near = error.object[max(0, error.start - 20) : error.start + 20]
        raise UsageError(
            f"a text of {place.source!r} holds half a surrogate pair (in {near!r}); replace it by U+FFFD"
        ) from None


def check_text(place: Place, document: Document, chunks: Sequence[Chunk]) -> None:
    """Raises `UsageError` unless each chunk is what its span of its page says."""
    pages = {page.number: page for page in document.pages}
    if len(pages) != len(document.pages):
        raise UsageError(f"{place.source!r} has two pages of the same number; they count up from 1")
    for position, chunk in enumerate(chunks):
        page = pages.get(chunk.page)
        if page is None or not 0 <= chunk.start <= chunk.end <= len(page.text):
            raise UsageError(f"chunk {position} of {place.source!r} is outside page {chunk.page}'s text")
        if page.text[chunk.start : chunk.end] != chunk.text:
            raise UsageError(f"chunk {position} of {place.source!r} is not what its span of the page says")


def checked_vectors(
    place: Place, vectors: np.ndarray, digests: Sequence[bytes], count: int, meta: IndexMeta
) -> np.ndarray:
    """The vectors as float32 [count, dimension]; `UsageError` where they can't be these chunks'."""
    matrix = np.asarray(vectors, np.float32)
    if not count and not matrix.size:
        matrix = matrix.reshape(0, meta.dimension)
    if matrix.shape != (count, meta.dimension) or len(digests) != count:
        raise UsageError(
            f"{place.source!r} has {count} chunks, vectors of shape {matrix.shape} and {len(digests)}"
            f" digests; the index's vectors have {meta.dimension} numbers"
        )
    if not np.isfinite(matrix).all():
        raise UsageError(f"{place.source!r} has a vector that is not all finite numbers; embed it again")
    if any(len(digest) != DIGEST_BYTES for digest in digests):
        raise UsageError(f"{place.source!r} has a digest that is not {DIGEST_BYTES} bytes long")
    return matrix
