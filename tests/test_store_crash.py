"""The index against what happens to files: kills, flipped bits, cut files, full disks, read-only folders."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import store_child
import store_samples as samples
from store_samples import META, filled, put

from rag.errors import IndexDamaged, IndexLocked, IndexMissing, RagError, StoreError
from rag.records import Document, Page, PlacedWord
from rag.store import dense_index, dense_quantized, local_keywords
from rag.store.dense_file import read_header
from rag.store.local_store import LocalStore
from rag.text.words import match_query

CHILD = Path(store_child.__file__)
NOBODY = 65534


def as_a_large_one(patch: pytest.MonkeyPatch) -> None:
    """Small indexes are searched as large ones are, here and in child processes."""
    patch.setattr(dense_index, "FOLD_LEAST", 5)
    patch.setattr(dense_quantized, "QUANTIZED_FROM", 4)
    patch.setattr(dense_quantized, "_ROUNDS", 1)
    patch.setenv("QUANTIZED_FROM", "4")
    patch.setattr(local_keywords, "SCORED_BY_FTS5", 0)


@pytest.fixture(params=["small", "large"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test twice, the second time with what large indexes are searched by."""
    if request.param == "large":
        as_a_large_one(monkeypatch)
    return str(request.param)


def is_quantized(directory: Path) -> bool:
    path = directory / "vectors.faiss"
    return path.exists() and read_header(path).trained_at > 0


# --- kills --------------------------------------------------------------------------------------------


def child(directory: Path, what: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, str(CHILD), str(directory), what]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def killed_after(process: subprocess.Popen[str], lines: int, seconds: float) -> list[list[str]]:
    """Everything that the child said before it was killed, `seconds` after it said `lines` lines."""
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    time.sleep(seconds)
    process.kill()
    said += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    return [line.rstrip("\n").split("\t") for line in said if line.endswith("\n")]


def contents(store: LocalStore) -> dict[str, str]:
    with store.snapshot() as snapshot:
        return {
            source.source: repr(
                "\f".join(snapshot.page(source.source, n + 1).text for n in range(source.page_count))
            )
            for source in snapshot.sources()
        }


def test_kills_at_any_moment_leave_the_state_before_or_after(tmp_path: Path, size: str) -> None:
    luck = random.Random(20)
    files: dict[str, str] = {}
    changes, quantized = 0, False
    for number in range(25):
        said = killed_after(child(tmp_path / "index", str(number)), 1, luck.uniform(0, 0.15))
        assert said[0] == ["opened"]
        possible = [files]
        for kind, *change in said[1:]:
            if kind == "done":
                changes += 1
                possible = [store_child.applied(files, change)]
                files = possible[0]
            else:
                possible = [files, store_child.applied(files, change)]
        store = LocalStore.open(tmp_path / "index")
        assert store.check() == []
        files = contents(store)
        assert files in possible
        quantized |= is_quantized(tmp_path / "index")
        with store.snapshot() as snapshot:
            found = snapshot.dense(np.ones(4, np.float32), 10_000)
            assert len(found) == snapshot.chunk_count
        store.close()
    assert changes > 100, "the child was killed before it did anything"
    assert quantized == (size == "large")


def test_kills_while_an_index_is_made(tmp_path: Path) -> None:
    luck = random.Random(21)
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        said = killed_after(child(folder, "create"), 1, luck.uniform(0, 0.05))
        last = folder / said[-1][1]
        if said[-1][0] == "done":
            assert LocalStore.open(last).check() == []
        store = LocalStore.open(last, create=True)
        assert store.check() == []
        store.close()
        assert sorted(os.listdir(last)) == ["index.sqlite", "lock"]


def test_a_killed_writer_holds_nothing_and_a_living_one_is_named(tmp_path: Path) -> None:
    process = child(tmp_path / "index", "1")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.readline()
    store = LocalStore.open(tmp_path / "index")
    with (
        pytest.raises(
            IndexLocked, match=rf"is being written by process {process.pid}; wait .*`ps {process.pid}`"
        ),
        store.writer(),
    ):
        pytest.fail("two processes wrote at once")
    killed_after(process, 0, 0)
    with store.writer() as writer:
        writer.set_meta(META)
        put(writer, "after.txt", "after")
    assert "after.txt" in contents(store)
    assert store.check() == []


@pytest.mark.usefixtures("size")
def test_asking_while_another_process_ingests(tmp_path: Path) -> None:
    process = child(tmp_path / "index", "3")
    assert process.stdout is not None
    process.stdout.readline()
    generations = set()
    try:
        store = LocalStore.open(tmp_path / "index")
        until = time.monotonic() + 2
        while time.monotonic() < until:
            with store.snapshot() as snapshot:
                found = snapshot.dense(np.ones(4, np.float32), 10_000)
                assert len(found) == snapshot.chunk_count
                texts = [hit.text for hit in snapshot.hits([chunk for chunk, _ in found])]
                assert [samples.vector(text).sum() for text in texts] == [score for _, score in found]
                assert sum(s.chunk_count for s in snapshot.sources()) >= snapshot.chunk_count
                generations.add(snapshot.generation)
    finally:
        killed_after(process, 0, 0)
    assert len(generations) > 5
    assert store.check() == []


# --- flipped bits -------------------------------------------------------------------------------------

SOURCES = {
    "alpha.txt": "# Alpha\nbanana bread\nan apple",
    "notes/beta.txt": "pie of ohio\f\fteeth",
    "gamma.txt": "\n".join(f"line {number} of the gamma file, aeio" for number in range(40)),
}


def build(directory: Path) -> None:
    store = filled(directory, SOURCES)
    with store.writer() as writer:
        writer.link(samples.place("twin.txt", SOURCES["alpha.txt"]))
        page = Page(1, "lamp", words=(PlacedWord("lamp", 1, 2, 3, 4),))
        scan = Document("image/png", (page,))
        writer.put(samples.place("scan.png", "lamp"), scan, [], np.zeros((0, 4), np.float32), [])
        writer.record_failure(samples.place("broken.pdf", "x"), "it is broken", 3)
    store.close()


def everything(store: LocalStore) -> Iterator[tuple[str, object]]:
    """All that the index shows, one thing at a time, each with its name."""
    looks: dict[str, Callable[..., object]] = {
        "meta": lambda s: s.meta(),
        "sources": lambda s: s.sources(),
        "failures": lambda s: s.failures(),
        "dense": lambda s: s.dense(np.array([1, 2, 3, 4], np.float32), 99),
        "shown": lambda s: s.hits([chunk for chunk, _ in s.dense(np.array([1, 2, 3, 4], np.float32), 9)]),
        "words": lambda s: s.hits([chunk for chunk, _ in s.keywords(match_query("banana gamma teeth"), 9)]),
        "scores": lambda s: s.keywords(match_query("banana gamma teeth"), 99),
        "vectors": lambda s: s.vectors([1, 2, 3]).tolist(),
        "neighbours": lambda s: [s.neighbours(chunk) for chunk in (1, 2, 3)],
    }
    for name in [*SOURCES, "twin.txt", "scan.png"]:
        looks[f"chunks {name}"] = lambda s, name=name: s.chunks_of(name)
        looks[f"page {name}"] = lambda s, name=name: s.page(name, 1)
        looks[f"find {name}"] = lambda s, name=name: s.find(name)
    for name, look in looks.items():
        try:
            with store.snapshot() as snapshot:
                yield name, look(snapshot)
        except RagError as error:
            yield name, Refused(type(error).__name__)


@dataclass(frozen=True)
class Refused:
    """An error of ours in place of what was asked for."""

    kind: str


def seen(directory: Path) -> dict[str, object]:
    try:
        store = LocalStore.open(directory)
    except StoreError as error:
        return {"open": Refused(type(error).__name__)}
    try:
        return dict(everything(store)) | {"check": store.check()}
    finally:
        store.close()


def compare(truth: dict[str, object], found: dict[str, object], where: str) -> set[str]:
    """Asserts that nothing wrong was shown in silence; gives the names of what was an error."""
    if "open" in found:
        return {"open"}
    errors = {name for name, value in found.items() if isinstance(value, Refused)}
    other = {name for name in truth if name not in errors and found[name] != truth[name]} - {"check"}
    # Scores alone may differ: SQLite has no checksum of the keyword index's own lists. `check` tells.
    assert other <= {"scores", "words"}, (where, {name: (truth[name], found[name]) for name in other})
    if errors or other:
        assert found["check"], (where, errors, other)
    if "words" in other:
        shown = {hit.text for hit in found["words"]}  # type: ignore[attr-defined]
        assert shown <= {chunk.text for text in SOURCES.values() for chunk in samples.chunks(text)}
    return errors | other


def flipped(path: Path, position: int, bit: int) -> None:
    with open(path, "r+b") as file:
        file.seek(position)
        (byte,) = file.read(1)
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))


def used_positions(content: bytes) -> list[int]:
    """Every byte that is not amid a run of zeros."""
    return [n for n in range(len(content)) if any(content[max(0, n - 8) : n + 9])]


def test_a_flipped_bit_in_the_database_is_never_shown_as_text(tmp_path: Path, size: str) -> None:
    build(tmp_path / "sound")
    truth = seen(tmp_path / "sound")
    assert truth["check"] == []
    path = tmp_path / "sound" / "index.sqlite"
    luck = random.Random(22)
    noticed = 0
    times = 250 if size == "small" else 100
    for position in luck.sample(used_positions(path.read_bytes()), times):
        shutil.copytree(tmp_path / "sound", tmp_path / "flipped")
        flipped(tmp_path / "flipped" / "index.sqlite", position, luck.randrange(8))
        noticed += bool(compare(truth, seen(tmp_path / "flipped"), f"byte {position}"))
        shutil.rmtree(tmp_path / "flipped")
    assert noticed > times / 4


@pytest.mark.parametrize("name", ["vectors.faiss", "last-commit", "lock"])
def test_a_flipped_bit_beside_the_database_changes_nothing(tmp_path: Path, name: str, size: str) -> None:
    build(tmp_path / "sound")
    assert is_quantized(tmp_path / "sound") == (size == "large")
    truth = seen(tmp_path / "sound")
    path = tmp_path / "sound" / name
    if name == "lock":
        path.write_text("12345\n")
    sound = path.read_bytes()
    for position in range(0, len(sound), 1 + len(sound) // 40):
        path.write_bytes(sound)
        flipped(path, position, position % 8)
        assert seen(tmp_path / "sound") == truth, position
    for length in range(0, len(sound), 1 + len(sound) // 10):
        path.write_bytes(sound[:length])
        assert seen(tmp_path / "sound") == truth, length


def test_a_database_cut_short_is_an_error(tmp_path: Path) -> None:
    build(tmp_path / "sound")
    truth = seen(tmp_path / "sound")
    path = tmp_path / "sound" / "index.sqlite"
    sound = path.read_bytes()
    for length in [*range(0, len(sound), 5_000), 1, 99, 100, 8_191, 8_192, len(sound) - 1]:
        path.write_bytes(sound[:length])
        assert compare(truth, seen(tmp_path / "sound"), f"{length} bytes")


def test_the_error_names_the_source_and_the_cure_and_the_cure_works(tmp_path: Path) -> None:
    build(tmp_path / "index")
    path = tmp_path / "index" / "index.sqlite"
    flipped(path, path.read_bytes().index(b"banana bread"), 0)
    store = LocalStore.open(tmp_path / "index")
    with store.snapshot() as snapshot:
        ((chunk, _),) = snapshot.keywords(match_query("banana"), 5)
        with pytest.raises(IndexDamaged, match=r"text of 'alpha.txt', page 1, is not .*`rag remove` it"):
            snapshot.hits([chunk])
        assert snapshot.page("gamma.txt", 1).text == SOURCES["gamma.txt"], "the rest is as it was"
    assert any("a row of 'block'" in problem for problem in store.check())
    with store.writer() as writer:
        writer.remove([samples.place(name, "").location for name in ("alpha.txt", "twin.txt")])
        put(writer, "alpha.txt", SOURCES["alpha.txt"])
    assert store.check() == []
    assert contents(store)["alpha.txt"] == repr(SOURCES["alpha.txt"])


def test_a_vector_that_changed_is_not_used_again(tmp_path: Path) -> None:
    build(tmp_path / "index")
    path = tmp_path / "index" / "index.sqlite"
    wanted = samples.digest("banana bread")
    stored = samples.vector("banana bread").astype("<f4").tobytes()
    flipped(path, path.read_bytes().index(wanted + stored) + len(wanted), 0)
    store = LocalStore.open(tmp_path / "index")
    with store.writer() as writer:
        assert writer.vectors_for([wanted, samples.digest("an apple")]).keys() == {samples.digest("an apple")}
    assert any("a row of 'vector'" in problem for problem in store.check())
    with store.snapshot() as snapshot, pytest.raises(IndexDamaged, match="a row of 'vector'"):
        snapshot.vectors([1, 2, 3])


# --- the log ------------------------------------------------------------------------------------------


@pytest.fixture
def unfolded(tmp_path: Path) -> tuple[Path, dict[str, object]]:
    """An index whose writer was killed with commits in the log, and what it shows."""
    build(tmp_path / "built")
    store = LocalStore.open(tmp_path / "built")
    with store.snapshot(), store.writer() as writer:
        put(writer, "alpha.txt", "cherry")
        writer.remove([samples.place("twin.txt", "").location])
        shutil.copytree(tmp_path / "built", tmp_path / "killed")
    shutil.copytree(tmp_path / "killed", tmp_path / "opened")
    truth = seen(tmp_path / "opened")
    assert truth["check"] == []
    assert (tmp_path / "killed" / "index.sqlite-wal").stat().st_size > 10_000
    return tmp_path / "killed", truth


def test_a_damaged_log_is_noticed_and_ingesting_goes_on(
    unfolded: tuple[Path, dict[str, object]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed, truth = unfolded
    size = (killed / "index.sqlite-wal").stat().st_size
    lost = 0
    for position in range(0, size, size // 40):
        shutil.copytree(killed, tmp_path / "flipped")
        flipped(tmp_path / "flipped" / "index.sqlite-wal", position, position % 8)
        found = seen(tmp_path / "flipped")
        lost += bool(compare(truth, found, f"byte {position}"))
        shutil.rmtree(tmp_path / "flipped")
    assert lost > 20

    flipped(killed / "index.sqlite-wal", 100, 0)
    with pytest.raises(IndexDamaged, match=r"its last 2 changes were lost .*; run `rag ingest` again"):
        LocalStore.open(killed)
    store = LocalStore.open(killed, create=True)
    assert any("its last 2 changes were lost" in problem for problem in store.check())
    assert contents(store)["alpha.txt"] == repr(SOURCES["alpha.txt"]), "the state before, whole"
    with store.writer() as writer:
        put(writer, "alpha.txt", "cherry")
    assert "its last 2 changes were lost" in caplog.text
    assert store.check() == []
    store.close()
    assert LocalStore.open(killed).check() == []


def test_what_else_a_killed_writer_leaves_may_be_anything(unfolded: tuple[Path, dict[str, object]]) -> None:
    killed, truth = unfolded
    shutil.copytree(killed, killed.with_name("second"))
    os.truncate(killed / "index.sqlite-shm", 100)
    assert seen(killed) == truth
    flipped(killed.with_name("second") / "index.sqlite-shm", 200, 3)
    assert seen(killed.with_name("second")) == truth


# --- full disks ---------------------------------------------------------------------------------------


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond that: what a full disk does, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_room_to_grow_loses_nothing(tmp_path: Path) -> None:
    build(tmp_path / "index")
    truth = seen(tmp_path / "index")
    store = LocalStore.open(tmp_path / "index")
    with store.writer() as writer:
        with largest_file(40_000), pytest.raises(StoreError, match="nothing was lost"):
            put(writer, "large.txt", "\n".join(f"a long line {number} " * 9 for number in range(500)))
        assert "large.txt" not in contents(store)
        put(writer, "small.txt", "small")
    assert store.check() == []
    with store.writer() as writer:
        writer.remove([samples.place("small.txt", "").location])
    store.close()
    assert {name: value for name, value in seen(tmp_path / "index").items() if name != "scores"} == {
        name: value for name, value in truth.items() if name != "scores"
    }


def test_no_room_for_the_cache_is_no_error_on_leaving(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build(tmp_path / "index")
    store = LocalStore.open(tmp_path / "index")
    with store.writer() as writer:
        put(writer, "new.txt", "aaaaaaaaaaaaaaaaaaaaa")
        with largest_file(1_000), pytest.raises(StoreError, match=r"cache .* could not be written: File too"):
            writer.sync()
    with store.snapshot() as snapshot:
        assert snapshot.dense(np.array([1, 0, 0, 0]), 1)[0][1] == 21.0
    assert store.check() == []


def test_no_room_to_make_an_index(tmp_path: Path) -> None:
    with largest_file(10_000), pytest.raises(StoreError, match=r"nothing was lost|no index can be made"):
        LocalStore.open(tmp_path / "index", create=True)
    with pytest.raises(IndexMissing, match="there is no index"):
        LocalStore.open(tmp_path / "index")
    store = LocalStore.open(tmp_path / "index", create=True)
    assert store.check() == []


def test_a_full_file_system(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root; the tests above do it without")
    try:
        store = filled(place / "index", SOURCES)
        with store.writer() as writer:
            for number in range(100):
                try:
                    put(writer, f"{number}.txt", f"text {number} " * 9_000)
                except StoreError as error:
                    assert "nothing was lost" in str(error)  # noqa: PT017
                    break
            else:
                pytest.fail("a file system of 1 MiB took 10 MB")
        assert len(contents(store)) == len(SOURCES) + number
        assert store.check() == []
        subprocess.run(["mount", "-o", "remount,size=8m", str(place)], check=True)
        with store.writer() as writer:
            put(writer, f"{number}.txt", f"text {number} " * 9_000)  # the same again, with the cause gone
        assert len(contents(store)) == len(SOURCES) + number + 1
        assert store.check() == []
        store.close()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


# --- read-only ----------------------------------------------------------------------------------------


@pytest.fixture
def for_all_to_read() -> Iterator[Path]:
    """A folder that another user than root can reach, but not write to."""
    folder = Path(mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def as_another_user(folder: Path) -> Iterator[None]:
    """Everything below `folder` may be read and not written, by whoever runs this."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    with another_user():
        yield


@contextmanager
def another_user() -> Iterator[None]:
    """Permissions hold for whoever is not root; so root is somebody else for a while."""
    if os.geteuid():
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_a_read_only_index_answers_and_refuses_to_be_written(for_all_to_read: Path) -> None:
    build(for_all_to_read / "index")
    truth = seen(for_all_to_read / "index")
    before = sorted(os.listdir(for_all_to_read / "index"))
    with as_another_user(for_all_to_read):
        assert seen(for_all_to_read / "index") == truth
        store = LocalStore.open(for_all_to_read / "index")
        with pytest.raises(StoreError, match=r"is read-only here: .* ingesting does not"), store.writer():
            pytest.fail("a read-only index was opened for writing")
        store.close()
        with pytest.raises(StoreError, match="Permission denied; name another folder"):
            LocalStore.open(for_all_to_read / "new", create=True)
    assert sorted(os.listdir(for_all_to_read / "index")) == before


def test_an_index_of_somebody_elses(for_all_to_read: Path) -> None:
    build(for_all_to_read / "index")
    (for_all_to_read / "index").chmod(0o755)
    (for_all_to_read / "index" / "index.sqlite").chmod(0)
    with another_user(), pytest.raises(StoreError, match="may not be read by you; ask its owner"):
        LocalStore.open(for_all_to_read / "index")
    (for_all_to_read / "index").chmod(0)
    with another_user(), pytest.raises(StoreError, match="can't be looked into: Permission denied"):
        LocalStore.open(for_all_to_read / "index")
    (for_all_to_read / "index").chmod(0o755)


def test_a_read_only_index_without_its_cache(for_all_to_read: Path) -> None:
    build(for_all_to_read / "index")
    truth = seen(for_all_to_read / "index")
    (for_all_to_read / "index" / "vectors.faiss").write_bytes(b"damaged")
    with as_another_user(for_all_to_read):
        found = seen(for_all_to_read / "index")
    assert found.pop("check") != truth.pop("check")
    assert found == truth


def test_a_read_only_index_while_its_owner_writes(for_all_to_read: Path) -> None:
    build(for_all_to_read / "index")
    owner = LocalStore.open(for_all_to_read / "index")
    with owner.writer() as writer:
        put(writer, "during.txt", "during")
        with as_another_user(for_all_to_read):
            store = LocalStore.open(for_all_to_read / "index")
            assert "during.txt" in contents(store)
        for path in [for_all_to_read / "index", *(for_all_to_read / "index").iterdir()]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        put(writer, "later.txt", "later")
        with as_another_user(for_all_to_read):
            assert "later.txt" in contents(store)
            store.close()


def test_a_read_only_index_keeps_a_writer_out_while_it_is_read(for_all_to_read: Path) -> None:
    build(for_all_to_read / "index")
    owner = LocalStore.open(for_all_to_read / "index")
    owner.close()  # nothing beside the database is left open
    with as_another_user(for_all_to_read):
        reader = LocalStore.open(for_all_to_read / "index")
        snapshot = reader.snapshot()
        shown = snapshot.__enter__()
    owner = LocalStore.open(for_all_to_read / "index")
    with pytest.raises(IndexLocked, match="is in use by another process"), owner.writer(wait_seconds=0.1):
        pytest.fail("what was promised not to change was changed")
    assert len(shown.sources()) == len(SOURCES) + 2
    snapshot.__exit__(None, None, None)
    with owner.writer() as writer:
        put(writer, "after.txt", "after")


@pytest.mark.parametrize("map_too", [True, False])
def test_a_read_only_copy_of_what_a_killed_writer_left(
    for_all_to_read: Path, unfolded: tuple[Path, dict[str, object]], map_too: bool
) -> None:
    killed, truth = unfolded
    shutil.copytree(killed, for_all_to_read / "index")
    if not map_too:
        (for_all_to_read / "index" / "index.sqlite-shm").unlink()
    with as_another_user(for_all_to_read):
        if map_too:
            assert seen(for_all_to_read / "index") == truth
        else:
            with pytest.raises(
                StoreError, match=r"its last writer was stopped .*nothing is lost: run `rag doc"
            ):
                LocalStore.open(for_all_to_read / "index")
