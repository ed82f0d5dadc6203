"""Vectors as short codes: against brute force, through generations, and their file against damage."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.store import dense_index, dense_quantized
from rag.store.dense_file import DenseFileError, read_dense_file, write_dense_file
from rag.store.dense_index import DenseIndex

STAMP = bytes(range(16))
DIMENSION = 64
Fetch = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(autouse=True)
def _codes_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_quantized, "QUANTIZED_FROM", 1_000)
    monkeypatch.setattr(dense_index, "FOLD_LEAST", 50)
    monkeypatch.setattr(dense_index, "_COMPARED_ALL", 20)


def topics(count: int, *, spread: float = 0.8, seed: int = 0) -> np.ndarray:
    """Unit vectors around 40 directions; row n belongs to chunk n + 1."""
    luck = np.random.default_rng(seed)
    centres = luck.normal(size=(40, DIMENSION))
    vectors = centres[luck.integers(40, size=count)] + spread * luck.normal(size=(count, DIMENSION))
    unit: np.ndarray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def fetching(vectors: np.ndarray) -> Fetch:
    return lambda ids: vectors[np.asarray(ids) - 1]


def moved(dense: DenseIndex, vectors: np.ndarray, ids: np.ndarray) -> DenseIndex:
    return dense.moved_to(ids, fetching(vectors), generation=1, stamp=STAMP, quantize=True)


def made(vectors: np.ndarray) -> DenseIndex:
    return moved(DenseIndex.empty(DIMENSION), vectors, np.arange(1, len(vectors) + 1))


def brute_force(vectors: np.ndarray, ids: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    products = vectors[ids - 1] @ query
    found: list[int] = ids[np.argsort(-products, kind="stable")][:k].tolist()
    return found


def recall(dense: DenseIndex, vectors: np.ndarray, ids: np.ndarray, queries: np.ndarray) -> float:
    """The share of exact search's top 10 that is found; asserts that the scores are the exact ones."""
    shares = []
    for query in queries:
        found = dense.search(query, 10, fetch=fetching(vectors))
        assert [score for _, score in found] == pytest.approx(
            [float(vectors[i - 1] @ query) for i, _ in found]
        )
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        shares.append(len({i for i, _ in found} & set(brute_force(vectors, ids, query, 10))) / 10)
    return float(np.mean(shares))


def test_from_so_many_vectors_on_they_are_codes() -> None:
    vectors = topics(1_000)
    assert made(vectors[:999]).large.trained_at == 0
    assert made(vectors).large.trained_at == 1_000
    exact = DenseIndex.empty(DIMENSION).moved_to(
        np.arange(1, 1_001), fetching(vectors), generation=1, stamp=STAMP
    )
    assert exact.large.trained_at == 0, "who does not ask for codes gets none"


@pytest.mark.parametrize("spread", [0.5, 0.8, 50.0])  # from clusters to none at all
def test_finds_what_brute_force_finds(spread: float) -> None:
    vectors = topics(10_000, spread=spread)
    questions = topics(60, spread=spread, seed=0) + 0.3 * topics(60, spread=spread, seed=2)
    assert recall(made(vectors), vectors, np.arange(1, 10_001), questions) >= 0.99


@pytest.mark.parametrize("dimension", [1, 3, 7, 10])
def test_any_dimension(dimension: int) -> None:
    vectors = np.random.default_rng(5).normal(size=(1_200, dimension)).astype(np.float32)
    ids = np.arange(1, 1_201)
    dense = DenseIndex.empty(dimension).moved_to(
        ids, fetching(vectors), generation=1, stamp=STAMP, quantize=True
    )
    assert dense.large.trained_at
    found = dense.search(vectors[3], 5, fetch=fetching(vectors))
    assert found[0][1] == pytest.approx(float((vectors @ vectors[3]).max()), rel=0.01)


def test_vectors_are_never_all_fetched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_quantized, "_PORTION", 500)
    monkeypatch.setattr(dense_quantized, "_TRAINED_ON", 300)
    vectors = topics(4_000)
    sizes: list[int] = []

    def fetch(ids: np.ndarray) -> np.ndarray:
        sizes.append(len(ids))
        return vectors[ids - 1]

    DenseIndex.empty(DIMENSION).moved_to(np.arange(1, 4_001), fetch, generation=1, stamp=STAMP, quantize=True)
    assert sizes == [300] + 8 * [500]


@given(seed=st.integers(0, 10**6), share=st.floats(0, 1), k=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_among_some_alone_whatever_they_are(clusters: DenseIndex, seed: int, share: float, k: int) -> None:
    vectors = topics(2_000)
    luck = np.random.default_rng(seed)
    among = np.flatnonzero(luck.random(2_500) < share) + 1  # some of them are in no index
    query = luck.normal(size=DIMENSION).astype(np.float32)
    found = clusters.search(query, k, among=among, fetch=fetching(vectors))
    expected = brute_force(vectors, among[among <= 2_000], query, k)
    assert len(found) == len(expected)
    assert {i for i, _ in found} <= set(among.tolist())
    assert len({i for i, _ in found} & set(expected)) >= 0.9 * len(expected)


def test_among_those_that_are_furthest_from_the_question(clusters: DenseIndex) -> None:
    vectors = topics(2_000)
    query = vectors[0]
    among = np.sort(np.array(brute_force(vectors, np.arange(1, 2_001), query, 2_000)[-60:]))
    found = clusters.search(query, 5, among=among, fetch=fetching(vectors))
    assert [i for i, _ in found] == brute_force(vectors, among, query, 5)


@pytest.fixture(scope="module")
def clusters() -> DenseIndex:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense_quantized, "QUANTIZED_FROM", 1_000)
        return made(topics(2_000))


def test_without_exact_vectors_a_search_is_refused(clusters: DenseIndex) -> None:
    with pytest.raises(ValueError, match="has no vectors to compare; search it with `fetch`"):
        clusters.search(np.ones(DIMENSION), 3)


def test_as_many_as_are_asked_for(clusters: DenseIndex) -> None:
    vectors = topics(2_000)
    query = vectors[0]
    found = clusters.search(query, 1_500, fetch=fetching(vectors))
    assert [i for i, _ in found] == brute_force(vectors, np.arange(1, 2_001), query, 1_500)


def test_through_generations_each_holds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding, removing and going back, with what changed beside the codes or folded into them."""
    vectors = topics(5_000)
    luck = np.random.default_rng(3)
    dense = made(vectors[:2_000])
    versions = [(dense, np.arange(1, 2_001))]
    last = 2_000
    for step in range(12):
        dense, ids = versions[int(luck.integers(len(versions)))] if step % 4 == 3 else versions[-1]
        last += int(luck.integers(0, 200))
        kept = ids[luck.random(len(ids)) > luck.choice([0, 0.01, 0.2])]
        ids = np.sort(np.concatenate([kept, np.setdiff1d(np.arange(last - 100, last + 1), kept)]))
        versions.append((moved(dense, vectors, ids), ids))
    folded = [dense for dense, _ in versions if dense.shown is None and not len(dense.fresh.ids)]
    assert 1 < len(folded) < len(versions), "some are folded, some are not"
    for dense, ids in versions:
        assert dense.large.trained_at
        assert dense.ids.tolist() == ids.tolist()
        everything = dense.search(vectors[7], len(ids), fetch=fetching(vectors))
        assert [i for i, _ in everything] == brute_force(vectors, ids, vectors[7], len(ids))
        assert dense.same(ids, vectors[ids - 1]).all()
        assert not dense.same(ids[:50], -vectors[ids[:50] - 1]).any()
        assert recall(dense, vectors, ids, topics(20, seed=0) + 0.2 * topics(20, seed=5)) >= 0.98


def test_codebooks_that_are_outgrown_are_made_anew_and_others_are_not() -> None:
    vectors = topics(4_100)
    dense = made(vectors[:1_000])
    twice = moved(dense, vectors, np.arange(1, 2_001))
    assert twice.large.trained_at == 1_000
    again = moved(twice, vectors, np.arange(1, 4_101))
    assert again.large.trained_at == 4_100
    assert recall(again, vectors, np.arange(1, 4_101), topics(50, seed=0)) >= 0.99


def test_flat_ones_that_have_grown_become_codes() -> None:
    vectors = topics(1_200)
    small = made(vectors[:900])
    assert small.large.trained_at == 0
    assert moved(small, vectors, np.arange(1, 1_201)).large.trained_at == 1_200


@pytest.mark.parametrize("gone", [1, 31, 32, 33, 999])
def test_adding_after_removing_in_a_block_that_is_not_full(gone: int) -> None:
    """FAISS lays what is added over what was removed there."""
    vectors = topics(1_300)
    dense = made(vectors[:1_010])
    ids = np.setdiff1d(np.arange(1, 1_301), np.arange(5, 5 + gone))
    later = moved(dense, vectors, ids).folded()
    assert later.large.ids.tolist() == ids.tolist()
    assert later.same(ids, vectors[ids - 1]).all()


def test_fewer_vectors_than_a_codebook_has_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_quantized, "QUANTIZED_FROM", 1)
    vectors = topics(3)
    dense = made(vectors)
    assert dense.large.trained_at == 3
    found = dense.search(vectors[1], 9, fetch=fetching(vectors))
    assert found[0][0] == 2
    assert len(found) == 3


def test_all_removed() -> None:
    vectors = topics(1_200)
    dense = moved(made(vectors), vectors, np.empty(0, np.int64))
    assert dense.search(vectors[0], 5, fetch=fetching(vectors)) == []


# --- the file ---------------------------------------------------------------------------------------


def test_written_and_read_again(tmp_path: Path) -> None:
    vectors = topics(1_500)
    ids = np.setdiff1d(np.arange(1, 1_501), [5, 9, 700])
    dense = moved(moved(made(vectors[:1_480]), vectors, np.arange(1, 1_501)), vectors, ids)
    assert dense.shown is not None
    write_dense_file(tmp_path / "v", dense)
    again = read_dense_file(tmp_path / "v")
    assert again.ids.tolist() == ids.tolist()
    assert again.large.trained_at == dense.large.trained_at
    assert again.same(ids, vectors[ids - 1]).all()
    for query in vectors[:20]:
        found, before = (one.search(query, 30, fetch=fetching(vectors)) for one in (again, dense))
        assert [i for i, _ in found] == [i for i, _ in before]
        assert [score for _, score in found] == pytest.approx([score for _, score in before])
    assert moved(again, vectors, np.arange(1, 1_501)).ids.tolist() == list(range(1, 1_501))


def test_flipped_bits_and_other_lengths_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "v"
    write_dense_file(path, made(topics(1_000)))
    sound = path.read_bytes()
    luck = random.Random(4)
    for position in [*range(150), *luck.sample(range(len(sound)), 150)]:
        damaged = bytearray(sound)
        damaged[position] ^= 1 << luck.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(DenseFileError):
            read_dense_file(path)
    for length in luck.sample(range(len(sound)), 50):
        path.write_bytes(sound[:length])
        with pytest.raises(DenseFileError):
            read_dense_file(path)


def test_an_index_of_another_kind_than_the_header_says(tmp_path: Path) -> None:
    dense = made(topics(1_000))
    said_flat = DenseIndex.of(dense.large.index, dense.large.ids, trained_at=0, generation=1, stamp=STAMP)
    write_dense_file(tmp_path / "v", said_flat)
    with pytest.raises(DenseFileError, match="it holds a IndexPQFastScan, not what its header says"):
        read_dense_file(tmp_path / "v")
