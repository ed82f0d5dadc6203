"""An index's text embedded anew by another model, without reading the documents again.

Takes settings, gives a report. Until all new vectors are there, questions are answered by the old ones;
stopped or killed at any moment, what is embedded is kept and the same call goes on from there. Does not print
or draw.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ingest.embedded import prefix
from rag.embedding.embeddings import LocalEmbeddings
from rag.errors import UsageError
from rag.records import IndexMeta
from rag.settings import Settings
from rag.store.local_reembedding import Reembedding, remove_staging
from rag.store.local_store import LocalStore
from rag.store.local_writer import Writer
from rag.store.open import open_store

_LOCK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class ReembedProgress:
    """How many of the index's chunks have a new vector; `seconds_left` is None until it can be said."""

    done: int
    total: int
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What came of it: from which model to which, how many texts this run embedded, whether it was stopped.

    `cut` texts are longer than what the model reads at once: their ends are found by their words alone.
    """

    before: str
    after: str
    chunks: int
    embedded: int
    cut: int
    stopped: bool
    seconds: float


def embedder_of(model: str, settings: Settings, stored: IndexMeta | None) -> LocalEmbeddings:
    """The embedder of that name, with the prefixes that settings or the index have for it."""
    same = stored is not None and stored.embedding_model == model
    kept = (stored.query_prefix, stored.passage_prefix) if stored is not None and same else (None, None)
    given = (settings.query_prefix, settings.passage_prefix)
    query, passage = (here if here is not None else there for here, there in zip(given, kept, strict=True))
    return LocalEmbeddings(model, query_prefix=query, passage_prefix=passage)


def reembed(
    settings: Settings,
    *,
    progress: Callable[[ReembedProgress], None] | None = None,
    stop: threading.Event | None = None,
) -> ReembedReport:
    """Brings the index that `settings` names to the model that they name, or to its own as it is here now.

    Raises `IndexLocked` while another process writes, `UsageError` for an index that nothing was put into,
    and what store and embedder raise. `stop` ends it between two portions of 256 texts.
    """
    store = open_store(settings.index)
    try:
        if not isinstance(store, LocalStore):
            raise UsageError(
                f"an index in Milvus can't be embedded anew in its place ({store.name}): copy it to a folder "
                f"with `rag index copy {store.name} FOLDER`, embed that anew, and copy it to a new name"
            )
        with store.writer(wait_seconds=_LOCK_SECONDS) as writer:
            return _reembed(store, writer, settings, progress, stop or threading.Event())
    finally:
        store.close()


def _reembed(
    store: LocalStore,
    writer: Writer,
    settings: Settings,
    progress: Callable[[ReembedProgress], None] | None,
    stop: threading.Event,
) -> ReembedReport:
    begun = time.monotonic()
    stored = store.meta()
    if stored is None:
        raise UsageError(
            f"index {str(store.directory)!r} holds nothing to embed; RAG_EMBEDDING_MODEL says which model "
            "the first `rag ingest` uses"
        )
    embedder = embedder_of(settings.embedding_model or stored.embedding_model, settings, stored)
    wanted = _meta_with(stored, embedder)
    if wanted == stored:
        remove_staging(store.directory)
        return ReembedReport(stored.embedding_model, stored.embedding_model, 0, 0, 0, False, 0.0)
    again = writer.reembedding(wanted)
    try:
        embedded = _embed_missing(again, embedder, progress, stop)
        cut = again.cut
        if not stop.is_set():
            again.finish()
    finally:
        again.close()
    return ReembedReport(
        before=stored.embedding_model,
        after=wanted.embedding_model,
        chunks=again.chunks,
        embedded=embedded,
        cut=cut,
        stopped=stop.is_set(),
        seconds=time.monotonic() - begun,
    )


def _meta_with(stored: IndexMeta, embedder: LocalEmbeddings) -> IndexMeta:
    """What the index will be; documents that come later are cut so that the new model reads chunks whole."""
    return replace(
        stored,
        embedding_model=embedder.name,
        embedding_revision=embedder.revision,
        dimension=embedder.dimension,
        chunk_tokens=min(stored.chunk_tokens, embedder.max_tokens),
        query_prefix=embedder.query_prefix,
        passage_prefix=embedder.passage_prefix,
    )


def _embed_missing(
    again: Reembedding,
    embedder: LocalEmbeddings,
    progress: Callable[[ReembedProgress], None] | None,
    stop: threading.Event,
) -> int:
    """Embeds what has no new vector; gives how many texts that were."""
    begun = time.monotonic()
    embedded = 0
    before = 0  # chunks that were passed over in no time: done by an earlier try
    for looked_at, texts in again.missing():
        if stop.is_set():
            break
        if texts:
            full = [prefix(one.title, one.headings, one.text) + one.text for one in texts]
            cut = [count > embedder.max_tokens for count in embedder.count_all(full)]
            again.put(texts, embedder.embed(full), cut)
            embedded += len(texts)
        elif not embedded:
            before = looked_at
        if progress:
            done = looked_at - before
            left = (time.monotonic() - begun) * (again.chunks - looked_at) / done if done else None
            progress(ReembedProgress(looked_at, again.chunks, left))
    return embedded
