"""What a worker does, called here as Ray calls it there."""

from __future__ import annotations

import errno
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import cluster_parts
import numpy as np
import pytest
from hashed_embeddings import DIMENSION, vector_of

from ingest import cluster_worker
from ingest.indexing import Prepared
from ingest.reading import PARSE_JOB
from rag.errors import ClusterError, CorruptSource
from rag.records import Place

TEXT = b"The lock gate opens at noon. It closes at four."


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A job of its own, and a folder for temporary files of its own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(cluster_worker, "_present", None)
    yield {
        "run": tmp_path.name,
        "version": cluster_worker.own_version(),
        "parse_job": PARSE_JOB,
        "parse_seconds": 60,
        "parse_megabytes": 2048,
        "file_megabytes": 1,
        "passwords": [],
        "chunk_tokens": 60,
        "embedding_model": "hashed",
        "embedding_revision": "1",
        "query_prefix": "",
        "passage_prefix": "",
        "load_embedder": cluster_parts.load,
    }
    if cluster_worker._present is not None:
        cluster_worker._present.sandbox.close()


def place(data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return asdict(Place("/docs", "lock.txt", b"/docs/lock.txt", digest, len(data), 1))


def test_a_file_and_texts(job: dict[str, Any], tmp_path: Path) -> None:
    prepared, seconds = cluster_worker.read(job, place(TEXT), TEXT)
    assert isinstance(prepared, Prepared)
    assert prepared.place.location == b"/docs/lock.txt"  # the driver's, not the worker's own file
    assert [chunk.text for chunk in prepared.chunks] == [TEXT.decode()]
    assert set(seconds) == {"parse", "chunk"}
    assert list((tmp_path / "tmp").iterdir()) == []
    rows, _ = cluster_worker.embed(job, ["one", "two"])
    assert isinstance(rows, bytes)
    wanted = np.stack([vector_of("one"), vector_of("two")])
    assert np.frombuffer(rows, "<f4").reshape(2, DIMENSION).tolist() == wanted.tolist()


def test_other_bytes_than_were_hashed(job: dict[str, Any], tmp_path: Path) -> None:
    error, _ = cluster_worker.read(job, place(TEXT), TEXT + b"!")
    assert isinstance(error, CorruptSource)
    assert "changed while it was read" in str(error)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_full_disk_is_the_workers_fault_and_not_the_files(
    job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_options: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    error, _ = cluster_worker.read(job, place(TEXT), TEXT)
    assert isinstance(error, ClusterError)
    assert "can't write 47 bytes" in str(error)
    assert "No space left on device" in str(error)


def test_an_embedding_model_that_is_not_there(job: dict[str, Any]) -> None:
    given = job | {"load_embedder": None, "embedding_model": "/not/there"}
    error, _ = cluster_worker.embed(given, ["one"])
    assert isinstance(error, ClusterError)
    assert "/not/there" in str(error)


def test_a_newer_drivers_job_is_refused_though_it_says_more(job: dict[str, Any]) -> None:
    newer = job | {"version": "openchat-rag 9.9 with parsers of version 99", "new": [1]}
    error, _ = cluster_worker.read(newer, place(TEXT) | {"inode": 7}, TEXT)
    assert isinstance(error, ClusterError)
    assert "openchat-rag 9.9" in str(error)
