"""The index in a folder: what it gives back, who may use it, and what it says when something is wrong.

What a kill, a full disk or a flipped bit does to it is in test_store_crash.py.
"""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import store_samples as samples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from store_samples import META, filled, put

from rag.errors import (
    IndexDamaged,
    IndexInvalid,
    IndexLocked,
    IndexMismatch,
    IndexMissing,
    StoreError,
    UsageError,
)
from rag.records import Hit
from rag.store import local_changes, local_schema
from rag.store.local_store import LocalStore
from rag.store.local_vectors import chunk_ids
from rag.store.open import open_store
from rag.text.words import match_query

ALPHA = "# Alpha\nbanana bread\nan apple"
BETA = "pie of ohio\f\fteeth"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return filled(tmp_path / "index", {"alpha.txt": ALPHA, "notes/beta.txt": BETA})


# --- what the other kind of store does not promise (the rest is in test_store_contract.py) -------------


def test_columns_have_weights(tmp_path: Path) -> None:
    store = filled(tmp_path / "index", {"zebra.txt": "lion", "other.txt": "zebra"})
    with store.snapshot() as snapshot:
        by_body = snapshot.keywords(match_query("zebra"), 5, weights=(9.0, 1.0, 0.1))
        by_name = snapshot.keywords(match_query("zebra"), 5, weights=(0.1, 1.0, 9.0))
        assert [hit.text for hit in _hits(snapshot, by_body)] == ["zebra", "lion"]
        assert [hit.text for hit in _hits(snapshot, by_name)] == ["lion", "zebra"]


def test_generations_count_changes(store: LocalStore) -> None:
    with store.writer() as writer:
        writer.link(samples.place("alpha.txt", ALPHA, modified_ns=99))
        writer.link(samples.place("alpha.txt", ALPHA, modified_ns=99))
    with store.snapshot() as snapshot:
        assert snapshot.generation == 4, "the second link had nothing to do"


def _hits(snapshot: object, found: list[tuple[int, float]]) -> list[Hit]:
    return snapshot.hits([chunk for chunk, _ in found])  # type: ignore[attr-defined]


class AsAModel(RuleBasedStateMachine):
    """Any sequence of changes leaves what a dictionary would hold."""

    names = st.sampled_from(["a", "b", "c", "d/e"])
    texts = st.sampled_from(["banana\nape", "ape", "", "ohio\f\fbanana", "e\ne\ne"])

    @initialize(fold=st.sampled_from([0, 3, 2_048]), large=st.booleans())
    def start(self, fold: int, large: bool) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("rag.store.dense_index.FOLD_LEAST", fold)
        if large:
            self.patch.setattr("rag.store.dense_quantized.QUANTIZED_FROM", 4)
            self.patch.setattr("rag.store.dense_quantized._ROUNDS", 1)
            self.patch.setattr("rag.store.local_keywords.SCORED_BY_FTS5", 0)
        self.folder = TemporaryDirectory()
        self.store = filled(Path(self.folder.name) / "index", {})
        self.files: dict[str, str] = {}

    @rule(name=names, text=texts)
    def put(self, name: str, text: str) -> None:
        with self.store.writer() as writer:
            put(writer, name, text)
        self.files[name] = text

    @rule(name=names, text=texts)
    def link(self, name: str, text: str) -> None:
        there = text in self.files.values()
        with self.store.writer() as writer:
            assert writer.has_document(samples.place(name, text).content_hash) == there
            if there:
                writer.link(samples.place(name, text))
                self.files[name] = text

    @rule(old=names, new=names)
    def relocate(self, old: str, new: str) -> None:
        if old in self.files:
            text = self.files.pop(old)
            with self.store.writer() as writer:
                writer.relocate(f"{samples.ROOT}/{old}".encode(), samples.place(new, text))
            self.files[new] = text

    @rule(names=st.sets(names))
    def remove(self, names: set[str]) -> None:
        with self.store.writer() as writer:
            writer.remove([f"{samples.ROOT}/{name}".encode() for name in names])
        for name in names:
            self.files.pop(name, None)

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = LocalStore.open(self.store.directory)

    @rule()
    def lose_the_cache(self) -> None:
        self.store.close()
        (self.store.directory / "vectors.faiss").unlink(missing_ok=True)
        self.store = LocalStore.open(self.store.directory)

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        texts = {name: [c.text for c in samples.chunks(text)] for name, text in self.files.items()}
        assert samples.texts_in(self.store) == texts
        lines = sorted(line for text in set(self.files.values()) for line in _lines(text))
        query = np.array([4, 3, 2, 1], np.float32)
        with self.store.snapshot() as snapshot:
            assert snapshot.chunk_count == len(lines)
            found = snapshot.dense(query, 99)
            assert sorted(hit.text for hit in _hits(snapshot, found)) == lines
            products = sorted((float(samples.vector(line) @ query) for line in lines), reverse=True)
            assert [score for _, score in found] == products
            words = snapshot.keywords("banana", 99)
            assert len(words) == sum(line == "banana" for line in lines)
        assert self.store.check() == []

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()
        self.patch.undo()


def _lines(text: str) -> list[str]:
    return [chunk.text for chunk in samples.chunks(text)]


AsAModel.TestCase.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
TestAsAModel = AsAModel.TestCase


# --- together -----------------------------------------------------------------------------------------


def test_a_snapshot_sees_one_generation_whatever_a_writer_does(store: LocalStore) -> None:
    query = np.array([1, 0, 0, 0], np.float32)
    with store.snapshot() as before:
        dense, words = before.dense(query, 9), before.keywords("banana", 9)
        with store.writer() as writer:
            put(writer, "alpha.txt", "aaaaaaaa")
            put(writer, "new.txt", "banana banana")
            writer.remove([b"/documents/notes/beta.txt"])
        with store.snapshot() as after:
            assert after.generation == before.generation + 3
            assert [score for _, score in after.dense(query, 9)] == [8.0, 6.0]
        assert before.dense(query, 9) == dense
        assert before.keywords("banana", 9) == words
        assert [source.source for source in before.sources()] == ["alpha.txt", "notes/beta.txt"]
        assert before.hits([dense[0][0]])[0].text == "banana bread"


def test_a_snapshot_taken_late_is_served_while_the_cache_is_newer(store: LocalStore) -> None:
    query = np.array([1, 0, 0, 0], np.float32)
    with store.snapshot() as before:
        with store.writer() as writer:
            put(writer, "alpha.txt", "aaaaaaaa")
        # Its first dense search comes when the file is of the next generation already.
        assert [score for _, score in before.dense(query, 9)] == [4.0, 2.0, 1.0, 0.0, 0.0]


def test_an_ended_snapshot_says_so(store: LocalStore) -> None:
    with store.snapshot() as snapshot:
        pass
    with pytest.raises(StoreError, match="this snapshot of the index has ended"):
        snapshot.sources()


def test_many_threads_ask_while_one_writes(store: LocalStore) -> None:
    stop = threading.Event()
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            while not stop.is_set():
                with store.snapshot() as snapshot:
                    found = snapshot.dense(np.array([1, 1, 1, 1], np.float32), 99)
                    assert len(found) == snapshot.chunk_count
                    texts = [hit.text for hit in _hits(snapshot, found)]
                    assert [samples.vector(text).sum() for text in texts] == [score for _, score in found]
                    sizes = [source.chunk_count for source in snapshot.sources()]
                    assert sum(sizes) == snapshot.chunk_count
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    with store.writer() as writer:
        for number in range(40):
            put(writer, f"n{number % 7}.txt", "\n".join(f"line aeio {n} {number}" for n in range(number % 5)))
            if number % 10 == 0:
                writer.sync()
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.check() == []


def test_one_writer_at_a_time_and_the_message_names_it(store: LocalStore) -> None:
    with store.writer():
        match = rf"is being written by this process \({os.getpid()}\)"
        with pytest.raises(IndexLocked, match=match), store.writer(wait_seconds=0.1):
            pytest.fail("two writers at once")
    with store.writer():
        assert (store.directory / "lock").read_text() == f"{os.getpid()}\n"


def test_a_writer_that_waits_gets_its_turn(store: LocalStore) -> None:
    entered = threading.Event()

    def second() -> None:
        with store.writer(wait_seconds=10) as writer:
            put(writer, "second.txt", "second")
            entered.set()

    thread = threading.Thread(target=second)
    with store.writer() as writer:
        thread.start()
        put(writer, "first.txt", "first")
        assert not entered.wait(0.2)
    thread.join()
    assert {"first.txt", "second.txt"} < samples.texts_in(store).keys()


def test_many_make_the_same_index_at_once(tmp_path: Path) -> None:
    made: list[LocalStore] = []
    threads = [
        threading.Thread(target=lambda: made.append(LocalStore.open(tmp_path / "index", create=True)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store._identity for store in made}) == 1
    assert [store.check() for store in made] == [[]] * 6


def test_a_forked_child_neither_uses_the_store_nor_keeps_its_lock(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys, time
from rag.errors import StoreError
from rag.store.local_store import LocalStore
store = LocalStore.open({str(tmp_path / "index")!r}, create=True)
writing = store.writer()
writing.__enter__()
if not os.fork():
    try:
        store.meta()
    except StoreError as error:
        print(error, flush=True)
    time.sleep(60)
os.read(0, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert "opened before a fork can't be used after it" in process.stdout.readline()
        store = LocalStore.open(tmp_path / "index")
        with pytest.raises(IndexLocked, match=f"process {process.pid};"), store.writer():
            pytest.fail("two writers")
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait(10)
        with store.writer(wait_seconds=5) as writer:  # the child lives, and has let go
            writer.set_meta(META)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_closed_store(store: LocalStore) -> None:
    with store.snapshot() as snapshot:
        store.close()
        assert len(snapshot.sources()) == 2, "what is in use goes on"
    for use in (store.snapshot, store.writer):
        with pytest.raises(StoreError, match="was closed; open it again"), use():
            pytest.fail("a closed store was used")
    assert sorted(os.listdir(store.directory)) == ["index.sqlite", "last-commit", "lock", "vectors.faiss"]


def test_an_index_that_was_deleted_and_made_anew(store: LocalStore) -> None:
    with store.snapshot() as snapshot:
        assert snapshot.dense(np.ones(4), 1)
    for name in os.listdir(store.directory):
        (store.directory / name).unlink()
    with pytest.raises(IndexMissing, match="there is no index at"), store.snapshot():
        pytest.fail("an index that is gone was read")
    filled(store.directory, {"other.txt": "aaa"})
    assert samples.texts_in(store) == {"other.txt": ["aaa"]}
    with store.snapshot() as snapshot:
        assert snapshot.dense(np.array([1, 0, 0, 0]), 9) == [(1, 3.0)]
    with store.writer() as writer:
        put(writer, "more.txt", "more")
    assert set(samples.texts_in(store)) == {"other.txt", "more.txt"}


# --- the cache ----------------------------------------------------------------------------------------


def test_the_cache_is_written_on_leaving_and_at_sync(store: LocalStore) -> None:
    path = store.directory / "vectors.faiss"
    before = path.read_bytes()
    with store.writer() as writer:
        put(writer, "new.txt", "new")
        assert path.read_bytes() == before
        writer.sync()
        synced = path.read_bytes()
        assert synced != before
        writer.link(samples.place("linked.txt", "new"))
    assert path.read_bytes() == synced, "no chunk changed since"


@pytest.mark.parametrize("harm", ["missing", "stale", "damaged", "foreign"])
def test_a_cache_that_is_no_use_is_made_anew(
    store: LocalStore, harm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.directory / "vectors.faiss"
    before = path.read_bytes()
    with store.writer() as writer:
        put(writer, "new.txt", "aaaaa")
    store.close()
    if harm == "missing":
        path.unlink()
    elif harm == "stale":
        path.write_bytes(before)
    elif harm == "damaged":
        path.write_bytes(before[:-1])
    else:
        other = filled(tmp_path / "other", {"x.txt": "oooo", "y.txt": "eeee"})
        path.write_bytes((other.directory / "vectors.faiss").read_bytes())
    again = LocalStore.open(store.directory)
    assert again.check() == [] or harm in ("damaged", "foreign")
    with again.snapshot() as snapshot:
        found = snapshot.dense(np.array([1, 0, 0, 0]), 9)
        assert [score for _, score in found] == [5.0, 4.0, 2.0, 1.0, 0.0, 0.0]
    assert again.check() == []
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert bool(said) == (harm in ("damaged", "foreign"))


def test_a_large_cache_is_not_written_anew_for_a_little(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.directory / "vectors.faiss"
    monkeypatch.setattr("rag.store.dense_cache.SMALL_BYTES", 0)
    monkeypatch.setattr("rag.store.dense_cache.FOLD_SHARE", 0.5)
    before = path.read_bytes()
    with store.writer() as writer:
        put(writer, "one.txt", "aaaaa")
    assert path.read_bytes() == before
    again = LocalStore.open(store.directory)
    with again.snapshot() as snapshot:
        assert snapshot.dense(np.array([1, 0, 0, 0]), 1)[0][1] == 5.0
    with store.writer() as writer:
        put(writer, "two.txt", "\n".join(["a"] * 9))
    assert path.read_bytes() != before


def test_what_another_process_made_of_many_changes_is_taken_over(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.store.dense_index.FOLD_LEAST", 3)
    monkeypatch.setattr("rag.store.dense_cache.FOLD_LEAST", 3)
    monkeypatch.setattr("rag.store.dense_quantized.QUANTIZED_FROM", 10)
    query = np.array([1, 0, 0, 0], np.float32)
    with store.snapshot() as snapshot:
        snapshot.dense(query, 1)
    other = LocalStore.open(store.directory)
    with other.writer() as writer:
        put(writer, "many.txt", "\n".join("a" * number for number in range(1, 30)))
    made_twice = "rag.store.dense_quantized.quantized"
    monkeypatch.setattr(made_twice, lambda *_: pytest.fail("codes were made twice"))
    with store.snapshot() as snapshot:
        assert snapshot.dense(query, 2) == [(34, 29.0), (33, 28.0)]


def test_after_a_removal_what_is_left_is_known_without_reading_all_ids(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = np.array([1, 0, 0, 0], np.float32)
    with store.writer() as writer:
        for number in range(9):
            put(writer, f"{number}.txt", "\n".join("a" * (number + 1) + "x" * line for line in range(number)))
    with store.snapshot() as snapshot:
        snapshot.dense(query, 1)
    other = LocalStore.open(store.directory)
    with other.writer() as writer:
        writer.remove([samples.place(f"{number}.txt", "").location for number in (0, 3, 4, 8)])
        put(writer, "more.txt", "aaa\naa")
    monkeypatch.setattr(
        "rag.store.dense_cache.chunk_ids",
        lambda *_, after=0: chunk_ids(*_, after=after) if after else pytest.fail("all ids were read"),
    )
    for reader in (store, other, LocalStore.open(store.directory)):
        with reader.snapshot() as snapshot:
            expected = snapshot.chunks_in({source.content_hash for source in snapshot.sources()})
            assert sorted(chunk for chunk, _ in snapshot.dense(query, 100)) == expected.tolist()


def test_a_document_that_counts_its_chunks_wrongly_hides_none(store: LocalStore) -> None:
    with store.writer() as writer:
        writer._database.run("UPDATE document SET chunks = chunks + 1 WHERE id = 1")
        put(writer, "more.txt", "aaa\naa")
        writer.remove([samples.place("more.txt", "").location])
    (store.directory / "vectors.faiss").unlink()
    with LocalStore.open(store.directory).snapshot() as snapshot:
        assert len(snapshot.dense(np.ones(4, np.float32), 100)) == snapshot.chunk_count


# --- what may and may not be opened -------------------------------------------------------------------


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        store = filled(tmp_path / "new" / "index", {"a.txt": "a"})
        with store.writer() as writer:
            put(writer, "b.txt", "b")
            modes = {p.name: p.stat().st_mode & 0o777 for p in store.directory.iterdir()}
    finally:
        os.umask(mask)
    assert set(modes.values()) == {0o600}
    assert {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "lock"} < modes.keys()
    assert store.directory.stat().st_mode & 0o777 == 0o700


def test_no_index(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("missing", "empty"):
        with pytest.raises(IndexMissing, match=rf"there is no index at .*{name}'; `rag ingest FOLDER"):
            LocalStore.open(tmp_path / name)
    assert os.listdir(tmp_path) == ["empty"]
    LocalStore.open(tmp_path / "empty", create=True).close()


def _folder(path: Path, kind: str) -> None:
    if kind in ("text file", "fifo"):
        path.write_text("hello") if kind == "text file" else os.mkfifo(path)
        return
    path.mkdir()
    inside = path / ("report.txt" if kind == "other files" else "index.sqlite")
    if kind == "fifo inside":
        os.mkfifo(inside)
    elif kind == "folder inside":
        inside.mkdir()
    elif kind == "other database":
        connection = sqlite3.connect(inside)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE state (id)")
        connection.close()
    else:
        inside.write_bytes(b"" if kind == "empty file inside" else b"not a database, but text " * 99)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    "kind",
    [
        "text file",
        "fifo",
        "other files",
        "text inside",
        "empty file inside",
        "fifo inside",
        "folder inside",
        "other database",
    ],
)
def test_what_is_not_ours_is_refused_and_not_written_to(tmp_path: Path, kind: str, create: bool) -> None:
    path = tmp_path / "there"
    _folder(path, kind)
    before = _everything(tmp_path)
    with pytest.raises(IndexInvalid, match=r"name (another|a new or an empty)"):
        open_store(str(path), create=create)
    assert _everything(tmp_path) == before


def _everything(folder: Path) -> dict[str, object]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in [folder, *folder.rglob("*")]
    }


def test_a_folder_that_may_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="name another folder"):
        LocalStore.open(tmp_path / "file" / "below", create=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "file" / "nowhere")
    with pytest.raises(StoreError, match="name another folder"):
        LocalStore.open(tmp_path / "dangling", create=True)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="Linux lists its locks there")
def test_opening_again_does_not_lose_the_locks_of_the_first(store: LocalStore) -> None:
    # POSIX drops a process's locks on a file when it closes any descriptor of it.
    def locks() -> list[str]:
        number = os.stat(store.directory / "index.sqlite").st_ino
        lines = Path("/proc/locks").read_text().splitlines()
        mine = [line for line in lines if f":{number} " in line and f" {os.getpid()} " in line]
        return [line.partition(": ")[2] for line in mine]  # their numbers count other programs' locks too

    before = locks()
    assert before
    again = LocalStore.open(store.directory)
    assert again.check() == []
    again.close()
    assert locks() == before


def test_what_an_interrupted_creation_left_is_room_for_an_index(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("")
    (tmp_path / "index.sqlite.new").write_bytes(b"half")
    (tmp_path / "index.sqlite.new-wal").write_bytes(b"half")
    with pytest.raises(IndexMissing, match="there is no index"):
        LocalStore.open(tmp_path)
    store = LocalStore.open(tmp_path, create=True)
    assert store.check() == []
    assert not (tmp_path / "index.sqlite.new-wal").exists()


def test_a_later_version_is_refused_by_both_numbers(store: LocalStore) -> None:
    store.close()
    connection = sqlite3.connect(store.directory / "index.sqlite")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(IndexMismatch, match="has version 9; this program reads up to 4: install the newer"):
        LocalStore.open(store.directory)


def test_an_earlier_version_is_brought_up_to_date(store: LocalStore) -> None:
    store.close()

    def next_one(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT")

    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT")
        connection.execute("CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT")

    present = len(local_schema.MIGRATIONS)
    local_schema.MIGRATIONS.extend([next_one, broken])
    try:
        with pytest.raises(IndexDamaged, match="table half already exists"):
            LocalStore.open(store.directory)
        local_schema.MIGRATIONS.pop()
        again = LocalStore.open(store.directory)
        assert again.check() == []
        assert samples.texts_in(again).keys() == {"alpha.txt", "notes/beta.txt"}
        local_schema.MIGRATIONS.pop()
        with pytest.raises(
            IndexMismatch, match=f"has version {present + 1}; this program reads up to {present}"
        ):
            LocalStore.open(store.directory)
    finally:
        del local_schema.MIGRATIONS[present:]


def test_other_words_make_the_keyword_index_anew(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def backwards(text: str) -> str:
        return " ".join(word[::-1] for word in text.lower().split())

    monkeypatch.setattr(local_changes, "index_terms", backwards)
    monkeypatch.setattr("rag.store.local_check.index_terms", backwards)
    local_changes.present_words.cache_clear()
    try:
        assert store.check() == [], "made by other words is old, not damaged"
        with store.writer():
            pass
        with store.snapshot() as snapshot:
            assert [hit.text for hit in _hits(snapshot, snapshot.keywords("htee*", 5))] == ["teeth"]
            assert snapshot.keywords("teeth", 5) == []
        assert store.check() == []
    finally:
        local_changes.present_words.cache_clear()


@pytest.mark.parametrize("address", ["ftp://host:19530", "milvus+grpc://x"])
def test_an_address_of_an_unknown_kind(address: str) -> None:
    scheme = address.split(":")[0].replace("+", r"\+")
    with pytest.raises(UsageError, match=f"{scheme}:// is not known; give a folder's path"):
        open_store(address)


def test_paths_of_all_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in ("~/home", "relative", tmp_path / "a?b#c%20d e", os.fsdecode(b"caf\xe9")):
        store = open_store(path, create=True)
        assert store.check() == []
        with store.writer() as writer:
            writer.set_meta(META)
            put(writer, "a.txt", "a")
        store.close()
        assert samples.texts_in(open_store(path)) == {"a.txt": ["a"]}
    assert {"home", "relative", "a?b#c%20d e"} <= set(os.listdir(tmp_path))
    with pytest.raises(UsageError, match="the index's path is empty"):
        open_store(" ")


def test_size_is_that_of_the_files(store: LocalStore) -> None:
    assert store.size_bytes() == sum(path.stat().st_size for path in store.directory.iterdir())


def test_opening_does_not_load_faiss(store: LocalStore) -> None:
    store.close()
    code = f"""
import sys
from rag.store.open import open_store
with open_store({str(store.directory)!r}).snapshot() as snapshot:
    snapshot.sources(), snapshot.keywords("teeth", 5), snapshot.page("alpha.txt", 1)
assert not sys.modules.keys() & {{"faiss", "torch", "langchain_core"}}, sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
