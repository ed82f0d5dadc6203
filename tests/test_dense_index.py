"""The index over vectors: against brute force, across generations, and its file against damage."""

from __future__ import annotations

import fcntl
import os
import resource
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.store import dense_file, dense_index
from rag.store.dense_file import DenseFileError, read_dense_file, read_header, write_dense_file
from rag.store.dense_index import DenseIndex

STAMP = bytes(range(16))
WORKED = {  # by hand: inner products with (1, 2, 0, 0) are 1, 2, 0 and 3
    3: [1, 0, 0, 0],
    5: [0, 1, 0, 0],
    8: [0, 0, 1, 0],
    13: [1, 1, 0, 0],
}
QUERY = np.array([1, 2, 0, 0], np.float32)


def made(vectors: dict[int, list[float]], *, generation: int = 1) -> DenseIndex:
    return moved(DenseIndex.empty(4), vectors, generation=generation)


def moved(dense: DenseIndex, vectors: dict[int, list[float]], *, generation: int = 1) -> DenseIndex:
    return dense.moved_to(
        np.array(sorted(vectors), np.int64),
        lambda ids: np.array([vectors[int(i)] for i in ids], np.float32),
        generation=generation,
        stamp=STAMP,
    )


def test_best_first_with_inner_products_worked_by_hand() -> None:
    assert made(WORKED).search(QUERY, 3) == [(13, 3.0), (5, 2.0), (3, 1.0)]


def test_asked_for_more_than_there_is() -> None:
    assert [found for found, _ in made(WORKED).search(QUERY, 99)] == [13, 5, 3, 8]


@pytest.mark.parametrize("k", [0, -1])
def test_asked_for_none(k: int) -> None:
    assert made(WORKED).search(QUERY, k) == []


def test_an_empty_index_finds_nothing() -> None:
    assert DenseIndex.empty(4).search(QUERY, 5) == []


def test_among_some_only_and_unknown_ids_are_passed_over() -> None:
    dense = made(WORKED)
    assert dense.search(QUERY, 5, among=np.array([1, 3, 8, 99])) == [(3, 1.0), (8, 0.0)]
    assert dense.search(QUERY, 5, among=np.array([], np.int64)) == []


def test_equal_scores_come_by_id() -> None:
    dense = made({7: [1, 0, 0, 0], 2: [1, 0, 0, 0], 4: [1, 0, 0, 0]})
    assert [found for found, _ in dense.search(QUERY, 3)] == [2, 4, 7]


def test_only_new_vectors_are_fetched_and_the_old_index_stays_as_it_was() -> None:
    dense = made(WORKED)
    fetched: list[list[int]] = []

    def fetch(ids: np.ndarray) -> np.ndarray:
        fetched.append(ids.tolist())
        return np.array([[0, 5, 0, 0]], np.float32)

    newer = dense.moved_to(np.array([3, 8, 21]), fetch, generation=2, stamp=STAMP)
    assert fetched == [[21]]
    assert newer.search(QUERY, 9) == [(21, 10.0), (3, 1.0), (8, 0.0)]
    assert newer.ids.tolist() == [3, 8, 21]
    assert dense.search(QUERY, 2) == [(13, 3.0), (5, 2.0)]
    assert newer.large.index is dense.large.index, "the large part is shared, not copied"


def test_back_to_an_older_generation() -> None:
    newer = moved(made(WORKED), {3: WORKED[3], 21: [9, 0, 0, 0]}, generation=2)
    older = moved(newer, WORKED, generation=1)
    assert older.search(QUERY, 9) == made(WORKED).search(QUERY, 9)


def test_much_change_is_folded_into_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_index, "FOLD_LEAST", 1)
    newer = moved(made(WORKED), {3: WORKED[3], 21: [9, 0, 0, 0]}, generation=2)
    assert newer.shown is None
    assert newer.large.ids.tolist() == [3, 21]
    assert newer.search(QUERY, 9) == [(21, 9.0), (3, 1.0)]


NUMBERS = st.integers(-3, 3).map(float)
CONTENTS = st.dictionaries(st.integers(1, 12), st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS))


@given(
    versions=st.lists(CONTENTS, min_size=1, max_size=6),
    query=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    k=st.integers(1, 14),
    among=st.none() | st.sets(st.integers(0, 14)),
    fold=st.sampled_from([0, 2, 2_048]),
)
def test_equals_brute_force_through_any_generations(
    versions: list[dict[int, tuple[float, ...]]],
    query: tuple[float, ...],
    k: int,
    among: set[int] | None,
    fold: int,
) -> None:
    fixed: dict[int, list[float]] = {}  # an id means one vector for ever
    dense = DenseIndex.empty(4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense_index, "FOLD_LEAST", fold)
        for generation, version in enumerate(versions):
            content = {i: fixed.setdefault(i, list(vector)) for i, vector in version.items()}
            dense = moved(dense, content, generation=generation)
            looked_at = content if among is None else {i: content[i] for i in content.keys() & among}
            products = {i: float(np.dot(vector, query)) for i, vector in looked_at.items()}
            expected = sorted(products.values(), reverse=True)[:k]
            subset = None if among is None else np.array(sorted(among), np.int64)
            found = dense.search(np.array(query, np.float32), k, among=subset)
            assert [score for _, score in found] == expected
            assert all(products[i] == score for i, score in found)
            assert len({i for i, _ in found}) == len(found)
            assert dense.ids.tolist() == sorted(content)


# --- the file ---------------------------------------------------------------------------------------


def test_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    dense = moved(made(WORKED), {3: WORKED[3], 5: WORKED[5], 34: [0, 0, 0, 1]}, generation=7)
    write_dense_file(path, dense)
    again = read_dense_file(path)
    assert (again.generation, again.stamp, again.dimension) == (7, STAMP, 4)
    assert again.search(QUERY, 9) == dense.search(QUERY, 9)
    rows = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 2]], np.float32)
    assert again.same(np.array([3, 5, 34]), rows).tolist() == [True, True, False]
    header = read_header(path)
    assert (header.count, header.last_id, header.generation) == (3, 34, 7)
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["vectors.faiss"]


def test_an_empty_one_too(tmp_path: Path) -> None:
    write_dense_file(tmp_path / "v", DenseIndex.empty(4))
    assert read_dense_file(tmp_path / "v").search(QUERY, 3) == []


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "v"
    write_dense_file(path, made(WORKED))
    sound = path.read_bytes()
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        with pytest.raises(DenseFileError):
            read_dense_file(path)


def test_every_other_length_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "v"
    write_dense_file(path, made(WORKED))
    sound = path.read_bytes()
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        with pytest.raises(DenseFileError):
            read_dense_file(path)
    path.write_bytes(sound + b"\0")
    with pytest.raises(DenseFileError, match=f"it has {len(sound) + 1} bytes, not {len(sound)}"):
        read_dense_file(path)


def test_a_file_of_a_later_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_file, "FORMAT", 3)
    write_dense_file(tmp_path / "v", made(WORKED))
    monkeypatch.undo()
    with pytest.raises(DenseFileError, match="its format is 3; this program reads 2"):
        read_dense_file(tmp_path / "v")


def test_faiss_never_sees_bytes_that_were_not_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faiss

    path = tmp_path / "v"
    write_dense_file(path, made(WORKED))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("FAISS was given damaged bytes"))
    with pytest.raises(DenseFileError, match="its content has changed"):
        read_dense_file(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "v"
    write_dense_file(path, made(WORKED))
    (tmp_path / "v.new").symlink_to("/dev/full")  # every write there says that the disk is full
    with pytest.raises(OSError, match="symbolic links"):
        write_dense_file(path, made({1: [1, 1, 1, 1]}, generation=2))
    assert read_dense_file(path).generation == 1


def test_a_file_that_cannot_grow_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "v"
    write_dense_file(path, made(WORKED))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_dense_file(path, made({i: [1, 1, 1, 1] for i in range(40_000)}, generation=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_dense_file(path).generation == 1
    assert os.listdir(tmp_path) == ["v"], "half a file takes space for nothing"


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "v.new").write_bytes(b"half of a file" * 1_000)
    write_dense_file(tmp_path / "v", made(WORKED))
    assert read_dense_file(tmp_path / "v").search(QUERY, 1) == [(13, 3.0)]
    assert os.listdir(tmp_path) == ["v"]


def test_two_processes_do_not_write_into_each_other(tmp_path: Path) -> None:
    other = os.open(tmp_path / "v.new", os.O_RDWR | os.O_CREAT)
    fcntl.flock(other, fcntl.LOCK_EX)
    waiting = Thread(target=write_dense_file, args=(tmp_path / "v", made(WORKED)))
    waiting.start()
    os.write(other, b"not finished")
    waiting.join(0.2)
    assert waiting.is_alive()
    assert (tmp_path / "v.new").read_bytes() == b"not finished"
    os.rename(tmp_path / "v.new", tmp_path / "v")  # the other one is done
    os.close(other)
    waiting.join(10)
    assert read_dense_file(tmp_path / "v").search(QUERY, 1) == [(13, 3.0)]
