"""What only an index in Milvus must do: many writers, writers that die, a Milvus that is down or another's.

Against milvus-lite's server, by Milvus's real client; a real Milvus server was not at hand.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import store_child
import store_samples as samples
from milvus_server import LiteServer
from store_samples import META, filled, put

from rag.errors import IndexDamaged, IndexInvalid, IndexMismatch, IndexMissing, StoreError, UsageError
from rag.records import IndexMeta
from rag.store import milvus_database, milvus_sweep
from rag.store.contract import Store, Writer
from rag.store.milvus_address import server_address
from rag.store.milvus_rows import as_place, row, rows_where
from rag.store.milvus_schema import MOST_BYTES, searched_text, spelt
from rag.store.milvus_search import words_of
from rag.store.milvus_store import MilvusStore
from rag.store.open import open_store
from rag.text.words import index_terms, match_query

ALPHA = "# Alpha\nbanana bread\nan apple"
BETA = "pie of ohio\f\fteeth"
FILES = {"alpha.txt": ALPHA, "copy.txt": ALPHA, "notes/beta.txt": BETA}


@pytest.fixture
def where(milvus_server: LiteServer) -> str:
    return milvus_server.new_address()


def opened(where: str) -> MilvusStore:
    store = open_store(where, create=True)
    assert isinstance(store, MilvusStore)
    return store


def files_in(store: MilvusStore) -> dict[str, str]:
    """The whole text of every source."""
    with store.snapshot() as snapshot:
        return {
            source.source: "\f".join(
                snapshot.page(source.source, number + 1).text for number in range(source.page_count)
            )
            for source in snapshot.sources()
        }


def versions_in(store: MilvusStore) -> tuple[set[int], set[int]]:
    """The versions that places name, and those that there are rows of."""
    database = store._database
    named = {as_place(one).version for one in rows_where(database, 'kind == "place"')}
    there = {one["version"] for one in database.each(database.chunks, "id >= 0", ["version"])}
    kinds = 'kind in ["document", "page", "text"]'
    return named, there | {one["version"] for one in database.each(database.sources, kinds, ["version"])}


# --- writers that die ----------------------------------------------------------------------------------

CHANGES: dict[str, tuple[Callable[[Writer], Any], dict[str, str]]] = {
    "one of two copies changed": (
        lambda writer: put(writer, "copy.txt", "changed"),
        {**FILES, "copy.txt": "changed"},
    ),
    "a moved file": (
        lambda writer: writer.relocate(b"/documents/notes/beta.txt", samples.place("omega.txt", BETA)),
        {"alpha.txt": ALPHA, "copy.txt": ALPHA, "omega.txt": BETA},
    ),
}


class Died(StoreError):
    """The writer's process is gone."""


def _dies_after(store: MilvusStore, writes: int, patch: pytest.MonkeyPatch) -> None:
    """After so many writes none is done any more, as when the process is killed."""
    left = writes

    def counted(write: Callable[..., None]) -> Callable[..., None]:
        def run(*arguments: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Died("killed")
            write(*arguments)

        return run

    patch.setattr(store._database, "upsert", counted(store._database.upsert))
    patch.setattr(store._database, "delete", counted(store._database.delete))


def _died(store: MilvusStore, change: Callable[[Writer], Any], writes: int) -> bool:
    """Whether a writer that makes the change dies of having only so many writes."""
    with pytest.MonkeyPatch.context() as patch:
        try:
            with store.writer() as writer:
                _dies_after(store, writes, patch)
                change(writer)
        except Died:
            return True
    return False


@pytest.mark.parametrize("name", CHANGES)
def test_every_write_may_be_the_last(where: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_sweep, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(milvus_sweep, "LEASE_SECONDS", -1.0)  # the next writer takes it for dead
    change, after = CHANGES[name]
    store = filled(where, FILES)
    assert isinstance(store, MilvusStore)
    writes = 0
    while _died(store, change, writes):
        seen = files_in(store)
        both = {**FILES, **after} if name == "a moved file" else after  # known in both places meanwhile
        assert seen in (FILES, after, both), f"after {writes} writes"
        assert store.check() == []
        with store.snapshot() as snapshot:
            lines = {line.text for text in seen.values() for line in samples.chunks(text)}
            found = snapshot.dense(np.ones(4), 99)
            assert {hit.text for hit in snapshot.hits([chunk for chunk, _ in found])} == lines
        with store.writer() as writer:
            for gone in seen.keys() - FILES.keys():
                writer.remove([samples.place(gone, "").location])
            for there, text in FILES.items():
                if seen.get(there) != text:
                    put(writer, there, text)
        assert files_in(store) == FILES
        writes += 1
    assert files_in(store) == after
    assert store.check() == []
    assert writes > 5
    with store.writer():
        pass  # its end sweeps
    named, there_are = versions_in(store)
    assert named == there_are, "nothing is left of what was broken off"


def _child(where: str, seed: int) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, str(Path(store_child.__file__)), where, str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_writers_that_are_killed(where: str) -> None:
    luck = random.Random(7)
    store = filled(where, {})
    files: dict[str, str] = {}
    changes = 0
    for seed in range(2):
        process = _child(where, seed)
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(9)]
        time.sleep(luck.uniform(0, 0.1))
        process.kill()
        said += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        lines = [line.rstrip("\n").split("\t") for line in said if line.endswith("\n")]
        possible = [files]
        for kind, *change in lines[1:]:
            changes += kind == "done"
            before = possible[0]
            after = store_child.applied(before, change)
            possible = [after] if kind == "done" else [before, after, {**before, **after}]
        found = {name: repr(text) for name, text in files_in(store).items()}
        assert found in possible
        assert store.check() == []
        files = found
    assert changes > 6
    with store.writer() as writer:  # sees that the killed processes are gone, and settles what they began
        assert list(rows_where(store._database, 'kind == "touched"')) == []
        put(writer, "after.txt", "after")
    assert store.check() == []


def test_a_writer_elsewhere_is_left_alone_until_its_lease_is_over(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(where, {"alpha.txt": ALPHA})
    assert isinstance(store, MilvusStore)
    assert _died(store, lambda writer: put(writer, "omega.txt", "new"), 4)
    with store.snapshot() as one, store.snapshot() as other:
        assert one.generation != other.generation, "while a change is going on nothing may be kept"
    with store.writer():
        assert len(list(rows_where(store._database, 'kind == "touched"'))) == 1
    monkeypatch.setattr(milvus_sweep, "LEASE_SECONDS", -1.0)
    with store.writer():
        assert list(rows_where(store._database, 'kind == "touched"')) == []
    with store.snapshot() as one, store.snapshot() as other:
        assert one.generation == other.generation


# --- many at once --------------------------------------------------------------------------------------


def test_machines_that_write_and_ask_at_once(where: str) -> None:
    filled(where, {"alpha.txt": ALPHA}).close()
    stop = threading.Event()

    def write(machine: int) -> None:
        store = opened(where)
        with store.writer() as writer:
            for number in range(6):
                put(writer, f"{machine}/n{number % 3}.txt", f"line aeio {machine} {number}\nsecond")
                put(writer, f"{machine}/same.txt", f"the same everywhere {number % 2}")
                put(writer, "shared.txt", f"by {machine}, {number}")
        store.close()

    def ask() -> int:
        store = opened(where)
        generations = set()
        while not stop.is_set():
            with store.snapshot() as snapshot:
                found = snapshot.dense(np.ones(4, np.float32), 99)
                hits = snapshot.hits([chunk for chunk, _ in found])
                assert [samples.vector(hit.text).sum() for hit in hits] == [score for _, score in found]
                assert sum(hit.source == "shared.txt" for hit in hits) <= 1, "one version of a source"
                generations.add(snapshot.generation)
        store.close()
        return len(generations)

    with ThreadPoolExecutor(3) as pool:
        asking = pool.submit(ask)
        writing = [pool.submit(write, machine) for machine in (1, 2)]
        for one in writing:
            one.result()
        stop.set()
        assert asking.result() > 3
    store = opened(where)
    assert store.check() == []
    texts = samples.texts_in(store)
    assert len(texts) == 2 * 3 + 2 + 2
    assert texts["shared.txt"] in (["by 1, 5"], ["by 2, 5"])
    assert texts["1/same.txt"] == texts["2/same.txt"] == ["the same everywhere 1"]
    with store.snapshot() as snapshot:
        same = snapshot.keywords(match_query("everywhere"), 9)
        assert len(same) == 1, "both machines agree on one version of the same content"


def test_two_first_ingests_with_different_models(where: str) -> None:
    one, other = opened(where), opened(where)
    with one.writer() as first, other.writer() as second:
        first.set_meta(META)
        put(first, "a.txt", "a")
        with pytest.raises(IndexMismatch, match=r"made with letters .*this run has other"):
            second.set_meta(IndexMeta("other", "1", 8, 200, 1))


# --- what is replaced stays for a while ------------------------------------------------------------------


def test_leftovers_are_passed_over_by_the_searches_and_swept_in_time(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(where, {"beta.txt": BETA})
    with store.writer() as writer:
        for number in range(30):
            put(writer, "alpha.txt", f"banana {number}")
    assert isinstance(store, MilvusStore)
    named, there = versions_in(store)
    assert (len(named), len(there)) == (2, 31)
    with store.snapshot() as snapshot:
        assert snapshot.chunk_count == 3
        for found in (snapshot.dense(np.array([1, 0, 0, 0]), 1), snapshot.keywords(match_query("banana"), 1)):
            assert [hit.text for hit in snapshot.hits([found[0][0]])] == ["banana 29"]
        assert len(snapshot.dense(np.ones(4), 99)) == 3
    assert store.check() == []
    monkeypatch.setattr(milvus_sweep, "GRACE_SECONDS", 0.0)
    with store.writer():
        pass
    named, there = versions_in(store)
    assert named == there


# --- terms -----------------------------------------------------------------------------------------------


def test_terms_are_spelt_so_that_no_two_are_the_same() -> None:
    assert spelt("the 3rd caf zoo") == "the 3rd caf zzoo"
    assert spelt("制茶 snake_case") == "z5236zz8336z snakez5fzcase"
    words = index_terms("Zürich zz z z5fz _ कमल naïve 制茶笔记 ไทย a_b azb a5fb").split()
    assert len({spelt(word) for word in words}) == len(set(words))
    assert all(spelt(word).isalnum() and spelt(word).isascii() for word in words)


def test_search_text_never_outgrows_what_milvus_takes() -> None:
    long = " ".join(f"word{number}" for number in range(20_000))
    text = searched_text(long, "name")
    assert len(text) <= MOST_BYTES
    assert text.split()[0] == "word0"
    assert searched_text("", "") == "z"
    assert searched_text("body", "path") == "body path"


# --- a Milvus that is not as it should be ------------------------------------------------------------------


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _put_while_it_goes_down(store: Store, server: LiteServer) -> None:
    with store.writer() as writer:
        put(writer, "one.txt", "one")
        server.stop()
        put(writer, "two.txt", "two")


def test_a_milvus_that_is_down_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_database, "CALL_SECONDS", 2.0)
    address = f"http://127.0.0.1:{_closed_port()}/mine"
    with pytest.raises(StoreError, match=r"127.0.0.1:\d+/mine'.*no Milvus answers there .*start it"):
        open_store(address, create=True)
    server = LiteServer(tmp_path / "down.db")
    address = f"http://127.0.0.1:{server.port}/mine"
    store = filled(address, {"alpha.txt": ALPHA})
    with pytest.raises(StoreError, match=r"no finished source was lost"):
        _put_while_it_goes_down(store, server)
    store.close()
    server = LiteServer(tmp_path / "down.db", port=server.port)
    try:
        store = open_store(address)
        assert set(samples.texts_in(store)) == {"alpha.txt", "one.txt"}
        with store.writer() as writer:
            put(writer, "two.txt", "two")
        assert set(samples.texts_in(store)) == {"alpha.txt", "one.txt", "two.txt"}
        assert store.check() == []
        store.close()
    finally:
        server.stop()


class _Refusing(grpc.GenericRpcHandler):
    """A server that answers every call with one status."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self._answer = (code, details)

    def service(self, _call: object) -> grpc.RpcMethodHandler:
        def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort(*self._answer)
            return b""

        return grpc.unary_unary_rpc_method_handler(refuse)


@pytest.fixture
def refusing() -> Iterator[Callable[[grpc.StatusCode, str], str]]:
    servers = []

    def start(code: grpc.StatusCode, details: str) -> str:
        server = grpc.server(ThreadPoolExecutor(2), handlers=[_Refusing(code, details)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"http://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(0).wait()


@pytest.mark.parametrize(
    ("code", "details", "said"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check api key", "RAG_MILVUS_TOKEN"),
        (grpc.StatusCode.PERMISSION_DENIED, "permission deny", "RAG_MILVUS_TOKEN"),
        (grpc.StatusCode.INTERNAL, "disk quota exceeded", "takes nothing more .*give it room"),
        (grpc.StatusCode.INTERNAL, "something odd", r"no Milvus answers there \(something odd"),
    ],
)
def test_a_milvus_that_refuses(
    refusing: Callable[[grpc.StatusCode, str], str],
    monkeypatch: pytest.MonkeyPatch,
    code: grpc.StatusCode,
    details: str,
    said: str,
) -> None:
    monkeypatch.setattr(milvus_database, "CONNECT_SECONDS", 1.0)
    monkeypatch.setenv("RAG_MILVUS_TOKEN", "secret-token")
    with pytest.raises(StoreError, match=said) as caught:
        open_store(refusing(code, details))
    assert "secret-token" not in str(caught.value)


def test_a_milvus_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_database, "CONNECT_SECONDS", 0.5)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(StoreError, match=r"no Milvus answers there|did not answer"),
    ):
        open_store(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_no_proxy_of_the_environment_is_used(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{_closed_port()}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{_closed_port()}")
    monkeypatch.setenv("RAG_MILVUS_TOKEN", "another:connection")  # else that of an earlier test is used
    store = filled(where, {"alpha.txt": ALPHA})
    assert store.check() == []
    store.close()


def test_collections_of_others_are_left_alone(milvus_server: LiteServer, where: str) -> None:
    from pymilvus import MilvusClient

    client = MilvusClient(uri=f"http://127.0.0.1:{milvus_server.port}")
    name = where.rpartition("/")[2]
    client.create_collection(f"{name}_sources", dimension=4)
    with pytest.raises(
        IndexInvalid, match=rf"'{name}_sources' there is not one of our indexes .*nothing was"
    ):
        open_store(where, create=True)
    assert client.get_collection_stats(f"{name}_sources")["row_count"] == 0
    client.close()


def test_no_index_there(where: str) -> None:
    with pytest.raises(IndexMissing, match=r"there is no index at 'http://127.*`rag ingest FOLDER --index"):
        open_store(where)
    with pytest.raises(IndexMissing, match="there is no index at"):
        open_store(where)  # asking for it made none


def test_a_newer_index_is_refused_by_both_numbers(where: str) -> None:
    store = opened(where)
    newer = row("state", "state", {"format": 9, "stamp": 1, "words": ""})
    store._database.upsert(store._database.sources, [newer])
    with pytest.raises(IndexMismatch, match="has version 9; this program reads up to 1: install the newer"):
        open_store(where)


def test_changed_rows_are_noticed_before_wrong_text_is_shown(where: str) -> None:
    store = filled(where, {"alpha.txt": ALPHA, "beta.txt": BETA})
    assert isinstance(store, MilvusStore)
    database = store._database
    (text,) = [one for one in rows_where(database, 'kind == "text"') if "banana" in one["body"]]
    database.upsert(
        database.sources,
        [text | {"body": json.dumps("# Alpha\nbanana BREAD\nan apple"), "nothing": [0.0, 0.0]}],
    )
    with store.snapshot() as snapshot:
        found = snapshot.dense(np.array([1, 0, 0, 0]), 1)
        with pytest.raises(IndexDamaged, match=r"the row 'text/.*has changed; `rag remove` the source"):
            snapshot.hits([found[0][0]])
        assert len(snapshot.chunks_of("beta.txt")) == 2
    assert any("has changed" in problem for problem in store.check())


def test_rows_of_no_source_are_reported(where: str) -> None:
    store = filled(where, {"alpha.txt": ALPHA})
    assert isinstance(store, MilvusStore)
    database = store._database
    (place,) = rows_where(database, 'kind == "place"')
    database.delete(database.sources, f'key == "{place["key"]}"')
    assert store.check() == ["the rows of 1 versions are of no source: they take room, and are never shown"]
    with store.snapshot() as snapshot:
        assert snapshot.dense(np.ones(4), 9) == []


# --- milvus-lite's files -----------------------------------------------------------------------------------


def test_a_file_of_milvus_lite(tmp_path: Path) -> None:
    path = tmp_path / "new" / "index.db"
    with pytest.raises(IndexMissing, match=r"there is no index at .*index.db"):
        open_store(path)
    assert not path.exists()
    store = filled(path, {"alpha.txt": ALPHA})
    again = open_store(path)
    assert samples.texts_in(again) == {"alpha.txt": ALPHA.split("\n")}
    code = f"from rag.store.open import open_store; open_store({str(path)!r})"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "another process has it open" in other.stderr
    store.close()
    assert samples.texts_in(again) == {"alpha.txt": ALPHA.split("\n")}, "each has its own hold of it"
    again.close()
    with pytest.raises(StoreError, match="was closed; open it again"):
        again.meta()
    after = open_store(path)
    assert after.check() == []
    assert after.size_bytes()
    after.close()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_file_of_milvus_lites_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "notes.db"
    if kind == "file":
        path.write_text("SQLite format 3")
    else:
        path.mkdir()
        (path / "letter.txt").write_text("hello")
    with pytest.raises(IndexInvalid, match="name another"):
        open_store(path, create=True)
    assert path.is_file() or [one.name for one in path.iterdir()] == ["letter.txt"]


def test_a_missing_client_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)  # importing it raises ImportError
    with pytest.raises(StoreError, match=r"pip install 'openchat-rag\[milvus\]'"):
        open_store("http://127.0.0.1:19530")


# --- addresses -------------------------------------------------------------------------------------------


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_MILVUS_TOKEN", "root:Milvus")
    plain = server_address("http://host")
    assert (plain.uri, plain.name) == ("http://host:19530", "openchat_rag")
    assert (plain.shown, plain.token) == ("http://host:19530/openchat_rag", "root:Milvus")
    other = server_address("https://[::1]:443/team_7/")
    assert (other.uri, other.name) == ("https://[::1]:443", "team_7")
    assert plain.directory != other.directory


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://user:geheim@host", "belongs in RAG_MILVUS_TOKEN"),
        ("http://host/?token=geheim", "belongs in RAG_MILVUS_TOKEN"),
        ("http://host:99999", "not valid"),
        ("http://", "no host"),
        ("http://host/7up", "a name that Milvus does not take"),
        ("http://host/a/b", "a name that Milvus does not take"),
        ("http://host/a b", "not valid"),
        ("https://x.global-cluster.example", "name one cluster's own host"),
    ],
)
def test_addresses_that_are_none(address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        server_address(address)
    assert "geheim" not in str(caught.value)


def test_a_phrase_counts_as_its_words_but_not_as_the_groups_of_a_number() -> None:
    assert words_of(match_query('1879 "fresnel lens"')) == ["fresnel", "len", "1879", *_with_zeros("1879")]


def _with_zeros(number: str) -> list[str]:
    return ["0" * zeros + number for zeros in range(1, 6)]
