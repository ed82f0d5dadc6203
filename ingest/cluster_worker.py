"""What a worker of a cluster does for an ingest: parses and cuts one file, embeds some texts.

Takes a job as plain data (strings, numbers, bytes: older and newer versions can read that much of each other)
and a file's bytes, gives records and vectors. Compares versions before anything else. The bytes are put into
a private file for the time that the sandbox's child reads them, the same child as on one machine. What is
wrong with a file, or with this machine, is given back as an error. Knows neither Ray nor the index.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ingest.indexing import Prepared, cut
from ingest.parse import PARSER_VERSION
from ingest.reading import parse_file
from ingest.sandbox import Sandbox
from rag.errors import ClusterError, EmbeddingError, RagError, SourceError
from rag.records import Place

if TYPE_CHECKING:
    from rag.embedding.embeddings import LocalEmbeddings

PACKAGE = "openchat-rag"
Seconds = dict[str, float]  # by stage


def own_version() -> str:
    """The version of this program and of its parsers, as messages name it."""
    return f"{PACKAGE} {importlib.metadata.version(PACKAGE)} with parsers of version {PARSER_VERSION}"


def read(job: dict[str, Any], place: dict[str, Any], data: bytes) -> tuple[Prepared | RagError, Seconds]:
    """A file parsed and cut; `SourceError` if it can't be read, `ClusterError` if not by this worker."""
    try:
        return _Worker.of(job).read(Place(**place), data)
    except RagError as error:
        return error, {}


def embed(job: dict[str, Any], texts: Sequence[str]) -> tuple[bytes | RagError, Seconds]:
    """The texts' vectors, float32 [texts, dimension] as bytes, little-endian."""
    try:
        return _Worker.of(job).embed(texts)
    except RagError as error:
        return error, {}


@dataclass
class _Worker:
    """This process's sandbox and embedder, kept from one call to the next."""

    job: dict[str, Any]

    @classmethod
    def of(cls, job: dict[str, Any]) -> _Worker:
        """The one for this ingest; raises `ClusterError` where driver and worker are of two versions."""
        global _present
        with _lock:
            if _present is None or _present.job["run"] != job["run"]:
                if job["version"] != own_version():
                    raise ClusterError(
                        f"the worker on {platform.node()} has {own_version()}, this program is"
                        f" {job['version']}: install the same on all machines of the cluster"
                    )
                if _present is not None:
                    _present.sandbox.close()
                _present = cls(job)
            return _present

    def read(self, place: Place, data: bytes) -> tuple[Prepared | RagError, Seconds]:
        begun = time.monotonic()
        path = _written(data)
        try:
            document = parse_file(
                os.fsencode(path),
                name=place.source,
                content_hash=place.content_hash,
                sandbox=self.sandbox,
                limit_megabytes=self.job["file_megabytes"],
                passwords=self.job["passwords"],
                job=self.job["parse_job"],
            )
        except SourceError as error:
            return error, {"parse": time.monotonic() - begun}
        finally:
            os.unlink(path)
        parsed = time.monotonic()
        embedder = self.embedder
        prepared = cut(
            place,
            document,
            count_tokens=embedder.count_tokens,
            chunk_tokens=self.job["chunk_tokens"],
        )
        return prepared, {"parse": parsed - begun, "chunk": time.monotonic() - parsed}

    def embed(self, texts: Sequence[str]) -> tuple[bytes, Seconds]:
        begun = time.monotonic()
        rows = self.embedder.embed(texts)
        return rows.astype("<f4").tobytes(), {"embed": time.monotonic() - begun}

    @cached_property
    def sandbox(self) -> Sandbox:
        return Sandbox(seconds=self.job["parse_seconds"], memory_megabytes=self.job["parse_megabytes"])

    @cached_property
    def embedder(self) -> LocalEmbeddings:
        """Of the driver's model; raises `ClusterError` if it is another one here."""
        load: Callable[[str], LocalEmbeddings] = self.job["load_embedder"] or self._load
        try:
            embedder = load(self.job["embedding_model"])
            revision = embedder.revision
        except EmbeddingError as error:
            raise ClusterError(f"the worker on {platform.node()}: {error}") from error
        if revision != self.job["embedding_revision"]:
            raise ClusterError(
                f"the worker on {platform.node()} has the embedding model {embedder.name!r} in revision"
                f" {revision}, the index is made with {self.job['embedding_revision']}: put the same"
                " files on all machines of the cluster"
            )
        return embedder

    def _load(self, name: str) -> LocalEmbeddings:
        from rag.embedding.embeddings import LocalEmbeddings

        return LocalEmbeddings(
            name, query_prefix=self.job["query_prefix"], passage_prefix=self.job["passage_prefix"]
        )


_present: _Worker | None = None
_lock = threading.Lock()


def _written(data: bytes) -> str:
    """A file that only this user may read, in the folder that TMPDIR names; its path."""
    path = None
    try:
        descriptor, path = tempfile.mkstemp(prefix="rag-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        if path is not None:
            os.unlink(path)
        raise ClusterError(
            f"the worker on {platform.node()} can't write {len(data):,} bytes to {tempfile.gettempdir()}"
            f" ({error.strerror}): make room there, or name another folder by TMPDIR"
        ) from None
    return path
