"""Where small models are found: folders, the hub's cache, and what is refused; nothing is connected to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import small_models

from rag.embedding.embeddings import LocalEmbeddings
from rag.embedding.model_folder import model_folder
from rag.errors import EmbeddingError
from rag.search.reranker import Reranker

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Cached = Callable[[str], Path]


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cached:
    """`cached("org/name")` is the folder of that name in a hub's cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))

    def folder(name: str) -> Path:
        repository = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text(COMMIT)
        snapshot = repository / "snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        return snapshot

    return folder


def found(name: str, *, download: bool = False) -> Path:
    return model_folder(name, what="model", download=download, cure="name another")


@pytest.mark.parametrize("download", [False, True])
def test_what_is_in_the_cache_is_taken_from_there(
    cached: Cached, monkeypatch: pytest.MonkeyPatch, download: bool
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # conftest forbids connections
    folder = cached("org/name")
    (folder / "model.safetensors").write_bytes(b"x")
    assert found("org/name", download=download) == folder


def test_models_by_name(cached: Cached) -> None:
    small_models.write_embedder(cached("org/embedder"))
    embedder = LocalEmbeddings("org/embedder")
    assert (embedder.revision, embedder.dimension) == (COMMIT, small_models.HIDDEN)
    assert embedder.embed(["a tower"]).shape == (1, small_models.HIDDEN)
    small_models.write_cross_encoder(cached("org/reranker"))
    assert Reranker("org/reranker").scores("when?", ["a", "b"]).shape == (2,)


def test_a_download_that_was_broken_off_is_not_taken_for_a_model(cached: Cached) -> None:
    folder = cached("org/half")
    (folder / "config.json").write_text("{}")
    with pytest.raises(EmbeddingError, match=r"\(what is in the cache lacks its weights.*\); name another"):
        found("org/half")
    shards = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(shards))
    (folder / "model-1.safetensors").write_bytes(b"x")
    with pytest.raises(EmbeddingError, match="lacks its weights"):
        found("org/half")
    (folder / "model-2.safetensors").write_bytes(b"x")
    assert found("org/half") == folder


def test_a_part_whose_weights_are_a_pickle_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    assert found(str(tmp_path)) == tmp_path  # published in both ways: the other is read
    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "2_Dense" / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(EmbeddingError, match=r"has weights in pytorch_model\.bin, which can run code"):
        found(str(tmp_path))


def test_a_name_that_is_nowhere(cached: Cached) -> None:
    with pytest.raises(EmbeddingError, match=r"model 'org/none' is neither .*\(it is not in the cache\)"):
        found("org/none")
