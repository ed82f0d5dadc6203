"""`FaissStore` against LangChain's standard suite, and what it does not ask: durable, exact, filtered."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hashed_embeddings import vector_of
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import VectorStore
from langchain_embeddings import Hashed, Other, Plane
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from test_store_crash import as_another_user

from rag import FaissStore, LocalEmbeddings
from rag.errors import EmbeddingError, IndexDamaged, IndexInvalid, IndexMismatch, StoreError, UsageError

TEXTS = ["the tower", "a loaf of bread", "the canal", "the tower's lamp", "red rock"]
YEARS = [1759, 1800, 605, 1760, 1882]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FaissStore]:
    with FaissStore(embedding=Hashed(), path=tmp_path / "store") as store:
        yield store


@pytest.fixture
def full(store: FaissStore) -> FaissStore:
    metadatas = [{"year": year, "place": {"row": place}} for place, year in enumerate(YEARS)]
    store.add_texts(TEXTS, metadatas, ids=list("abcde"))
    return store


def texts_of(documents: list[Document]) -> list[str]:
    return [document.page_content for document in documents]


class TestStandard(VectorStoreIntegrationTests):
    """LangChain's suite, sync and async, with nothing opted out."""

    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:  # type: ignore[override]
        with FaissStore(embedding=self.get_embeddings(), path=tmp_path / "store") as store:
            yield store


# --- what a search gives -------------------------------------------------------------------------------


def test_scores_are_cosines_by_hand(tmp_path: Path) -> None:
    with FaissStore(embedding=Plane(), path=tmp_path / "store") as store:
        store.add_texts(["3 4", "0 2", "-1 0", "5 0"], ids=["slant", "up", "back", "along"])
        found = store.similarity_search_with_score("2 0", k=9)
        assert [(document.id, round(score, 6)) for document, score in found] == [
            ("along", 1.0),
            ("slant", 0.6),
            ("up", 0.0),
            ("back", -1.0),
        ]
        relevance = store.similarity_search_with_relevance_scores("2 0", k=9)
        assert [round(score, 6) for _, score in relevance] == [1.0, 0.6, 0.0, 0.0]
        near = store.similarity_search_with_relevance_scores("2 0", k=9, score_threshold=0.5)
        assert [document.id for document, _ in near] == ["along", "slant"]
        retriever = store.as_retriever(
            search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.5, "k": 9}
        )
        assert [document.id for document in retriever.invoke("2 0")] == ["along", "slant"]


def test_mmr_prefers_what_is_different(tmp_path: Path) -> None:
    """Of the two nearest, nearly the same, one is taken; then the one that is unlike it."""
    with FaissStore(embedding=Plane(), path=tmp_path / "store") as store:
        store.add_texts(["100 5", "100 6", "60 -80"])
        assert texts_of(store.max_marginal_relevance_search("1 0", k=2, lambda_mult=0.3)) == [
            "100 5",
            "60 -80",
        ]
        assert texts_of(store.max_marginal_relevance_search("1 0", k=2, lambda_mult=1.0)) == [
            "100 5",
            "100 6",
        ]
        assert texts_of(store.max_marginal_relevance_search("1 0", k=2, fetch_k=2)) == ["100 5", "100 6"]
        assert texts_of(store.as_retriever(search_type="mmr").invoke("1 0")) == ["100 5", "60 -80", "100 6"]


def test_nearest_are_those_of_a_search_by_hand(tmp_path: Path) -> None:
    """3,000 vectors, written to the cache's file; the same after more were added and some deleted."""
    texts = [f"text {number}" for number in range(3_000)]
    with FaissStore(embedding=Hashed(), path=tmp_path / "store") as store:
        store.add_texts(texts, ids=texts)

        def check() -> None:
            matrix = np.stack([vector_of(text) for text in texts])
            for query in ("text 7", "nothing of it", "text 2999"):
                order = np.argsort(-(matrix @ vector_of(query)))[:10]
                assert texts_of(store.similarity_search(query, k=10)) == [texts[place] for place in order]

        check()
        assert (tmp_path / "store" / "vectors.faiss").exists()
        store.delete(texts[:10])
        del texts[:10]
        texts.append("more")
        store.add_texts(["more"], ids=["more"])
        check()
    with FaissStore(embedding=Hashed(), path=tmp_path / "store") as store:
        check()


# --- filters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "years"),
    [
        ({"year": 1759}, {1759}),
        ({"year": [605, 1882, 7]}, {605, 1882}),
        ({"year": {"$gte": 1760, "$lt": 1882}}, {1760, 1800}),
        ({"year": {"$in": [605]}}, {605}),
        ({"year": {"$nin": [605, 1759]}}, {1760, 1800, 1882}),
        ({"year": {"$neq": 605}}, {1759, 1760, 1800, 1882}),
        ({"$or": [{"year": 605}, {"year": {"$gt": 1800}}]}, {605, 1882}),
        ({"$and": [{"year": {"$gt": 700}}, {"$not": {"year": 1882}}]}, {1759, 1760, 1800}),
        ({"place": {"$eq": {"row": 2}}}, {605}),
        ({"year": {"$gt": "a text"}}, set()),
        ({"month": None}, {605, 1759, 1760, 1800, 1882}),
        (lambda metadata: metadata["place"]["row"] > 3, {1882}),
        ({}, {605, 1759, 1760, 1800, 1882}),
    ],
)
def test_filters(full: FaissStore, wanted: Any, years: set[int]) -> None:
    found = full.similarity_search("the tower", k=9, filter=wanted)
    assert {document.metadata["year"] for document in found} == years
    assert texts_of(found) == texts_of(
        full.max_marginal_relevance_search("the tower", 9, lambda_mult=1, filter=wanted)
    )


def test_a_filter_sees_documents_however_far(tmp_path: Path) -> None:
    with FaissStore(embedding=Plane(), path=tmp_path / "store") as store:
        store.add_texts([f"1000 {number}" for number in range(500)], [{"n": number} for number in range(500)])
        found = store.similarity_search("1 0", k=2, filter={"n": {"$gte": 497}})
        assert texts_of(found) == ["1000 497", "1000 498"]
        assert store.similarity_search("1 0", k=2, filter={"n": -1}) == []


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"year": {"$near": 1}}, r"'\$near' is no operator for a field; there are \$eq, "),
        ({"$nor": []}, r"'\$nor' is no operator for whole filters; there are \$and, \$or, \$not"),
        ({"$and": {"year": 1}}, r"\$and takes a list of filters"),
        ({"year": {"$in": 5}}, r"\$in takes a list of values, not 5"),
        ("year", "a filter is a dictionary or a function of the metadata, not 'year'"),
    ],
)
def test_filters_that_are_none(full: FaissStore, wanted: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        full.similarity_search("the tower", filter=wanted)


def test_a_filter_that_searches_is_refused(full: FaissStore) -> None:
    with pytest.raises(UsageError, match="a filter can't use the store that it filters"):
        full.similarity_search("the tower", filter=lambda _: bool(full.get_by_ids(["a"])))
    assert len(full.similarity_search("the tower", k=2)) == 2


# --- ids, metadata, texts ------------------------------------------------------------------------------


def test_an_id_again_replaces_its_document(full: FaissStore) -> None:
    full.add_texts(["new tower", "newer tower"], ids=["a", "a"])
    assert len(full) == 5
    assert full.get_by_ids(["a"])[0].page_content == "newer tower"
    assert "the tower" not in texts_of(full.similarity_search("the tower", k=9))


def test_documents_keep_the_order_that_was_asked_for(full: FaissStore) -> None:
    assert texts_of(full.get_by_ids(["d", "missing", "a", "d"])) == [TEXTS[3], TEXTS[0], TEXTS[3]]


def test_deleting(full: FaissStore) -> None:
    assert full.delete([]) is True
    assert len(full) == 5
    assert full.delete(["a", "nobody", "a"]) is True
    assert len(full) == 4
    assert full.delete() is True
    assert (len(full), full.similarity_search("the tower")) == (0, [])
    full.add_texts(["again"])
    assert texts_of(full.similarity_search("again")) == ["again"]


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(text=st.text(), identifier=st.text(), metadata=st.dictionaries(st.text(), _values, max_size=4))
def test_what_goes_in_comes_out(
    one_store: FaissStore, text: str, identifier: str, metadata: dict[str, Any]
) -> None:
    one_store.add_texts([text], [metadata], ids=[identifier])
    (document,) = one_store.get_by_ids([identifier])
    assert (document.page_content, document.metadata, document.id) == (text, metadata, identifier)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaissStore]:
    with FaissStore(embedding=Hashed(), path=tmp_path_factory.mktemp("one") / "store") as store:
        yield store


def _cyclic() -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    metadata["self"] = metadata
    return metadata


def _doubled() -> dict[str, Any]:
    values: list[Any] = ["x"]
    for _ in range(40):
        values = [values, values]
    return {"values": values}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {"when": time.localtime},
            r"metadata of text 2, 'when': .* is of type .*; metadata are text, numbers",
        ),
        ({"a": {"b": {1, 2}}}, r"'b': \{1, 2\} is of type set"),
        ({"vector": np.float32(1)}, r"is of type float32"),
        ({1: "one"}, r"have a name 1 that is no text"),
        (_cyclic(), r"go over 50 levels"),
        ({"number": 10**5000}, r"metadata of text 2 can't be written as JSON: .*4300 digits"),
        (_doubled(), r"go over 1000000 characters"),
    ],
)
def test_metadata_that_cannot_be_kept(full: FaissStore, metadata: Any, message: str) -> None:
    """Nothing of the call is added, not even what came before."""
    with pytest.raises(UsageError, match=message):
        full.add_texts(["fine", "not fine"], [{}, metadata])
    assert len(full) == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda store: store.add_texts(["a \ud800"]), "text 1 holds half a surrogate pair"),
        (lambda store: store.add_texts(["a"], ids=["\ud800"]), "an id holds half a surrogate pair"),
        (lambda store: store.add_texts(["a"], ids=["b", "c"]), "there are 1 texts and 2 ids"),
        (lambda store: store.add_texts(["a"], [{}, {}]), "there are 1 texts and 2 metadatas"),
        (lambda store: store.add_texts([5]), "text 1 is of type int: 5; it must be text"),
        (lambda store: store.delete("abc"), r"write delete\(\['abc'\]\)"),
        (lambda store: store.similarity_search("a", k=0), "k is 0; a search gives at least 1"),
        (lambda store: store.similarity_search("a", filters={}), "FaissStore does not know filters"),
        (
            lambda store: store.similarity_search_by_vector([1.0]),
            "a vector of 1 numbers is none of langchain_embeddings",
        ),
        (lambda store: store.max_marginal_relevance_search("a", lambda_mult=2), "lambda_mult is 2"),
        (lambda store: FaissStore("model"), "embedding is str; it must be a LangChain Embeddings"),
        (lambda store: FaissStore(Hashed(), " "), "the store's path is empty"),
    ],
)
def test_wrong_calls(full: FaissStore, call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call(full)
    assert len(full) == 5


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, float("nan")]], "numbers that are infinite or none"),
        ([[1.0, 2.0], [1.0]], "no rows of numbers of one length"),
        ([], r"an array of shape \(0,\) for 1 texts"),
    ],
)
def test_an_embedding_that_gives_rubbish(rows: Any, message: str, tmp_path: Path) -> None:
    class Rubbish(Plane):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return rows  # type: ignore[no-any-return]

    with FaissStore(Rubbish(), tmp_path / "store") as store, pytest.raises(EmbeddingError, match=message):
        store.add_texts(["a"])


# --- LangChain's other doors ---------------------------------------------------------------------------


def test_from_texts_without_a_path_is_gone_with_the_store() -> None:
    store = FaissStore.from_texts(TEXTS, Hashed())
    folder = store.path
    assert folder.is_dir()
    assert texts_of(store.as_retriever(search_kwargs={"k": 1}).invoke("red rock")) == ["red rock"]
    del store
    gc.collect()
    assert not folder.exists()


def test_from_documents_adds_to_what_is_there(tmp_path: Path) -> None:
    documents = [Document(page_content=text, id=str(place)) for place, text in enumerate(TEXTS)]
    FaissStore.from_documents(documents[:3], Hashed(), path=tmp_path / "store").close()
    with FaissStore.from_documents(documents[2:], Hashed(), path=tmp_path / "store") as store:
        assert len(store) == 5


def test_asynchronously_the_embeddings_own_methods_are_used(tmp_path: Path) -> None:
    async def run() -> None:
        embedding = Hashed()
        store = await FaissStore.afrom_texts(TEXTS, embedding, ids=list("abcde"), path=tmp_path / "store")
        assert texts_of(await store.asimilarity_search("red rock", k=1)) == ["red rock"]
        ((_, score),) = await store.asimilarity_search_with_relevance_scores("red rock", k=1)
        assert score == pytest.approx(1)
        assert texts_of(await store.amax_marginal_relevance_search("red rock", k=1)) == ["red rock"]
        assert texts_of(await store.as_retriever().ainvoke("red rock"))[0] == "red rock"
        assert await store.adelete(["e"])
        assert texts_of(await store.aget_by_ids(["e", "a"])) == ["the tower"]
        assert set(embedding.asked) == {"async"}
        store.close()

    asyncio.run(run())


def test_langchains_indexing_keeps_it_in_step(tmp_path: Path) -> None:
    from langchain_core.indexing import InMemoryRecordManager, index

    manager = InMemoryRecordManager("test")
    manager.create_schema()
    documents = [Document(page_content=text, metadata={"source": text[:5]}) for text in TEXTS]
    options: dict[str, Any] = {"cleanup": "full", "source_id_key": "source", "key_encoder": "sha256"}
    with FaissStore(Hashed(), tmp_path / "store") as store:
        assert index(documents, manager, store, **options)["num_added"] == 5
        assert index(documents, manager, store, **options)["num_skipped"] == 5
        assert index(documents[1:], manager, store, **options)["num_deleted"] == 1
        assert len(store) == 4


def test_with_the_bundled_model(tmp_path: Path) -> None:
    with FaissStore(embedding=LocalEmbeddings(), path=tmp_path / "store") as store:
        store.add_texts(["Smeaton's tower was finished in 1759.", "Bread rises because of yeast."])
        assert texts_of(store.similarity_search("What makes dough rise?", k=1)) == [
            "Bread rises because of yeast."
        ]
        assert store.check() == []


# --- which embedding -----------------------------------------------------------------------------------


def test_another_embedding_of_the_same_width_is_refused(full: FaissStore, tmp_path: Path) -> None:
    with FaissStore(Other(), tmp_path / "store") as store:
        for call in (lambda: store.similarity_search("x"), lambda: store.add_texts(["x"])):
            with pytest.raises(
                IndexMismatch, match=r"was made with langchain_embeddings\.Hashed .*embeddings\.Other"
            ):
                call()
        assert store.get_by_ids(["a"])  # what needs no vectors works
        store.delete()
        store.add_texts(["x"])  # empty, it may be anyone's
        assert texts_of(store.similarity_search("x")) == ["x"]


def test_another_width_is_refused(full: FaissStore, tmp_path: Path) -> None:
    with (
        FaissStore(DeterministicFakeEmbedding(size=6), tmp_path / "store") as store,
        pytest.raises(IndexMismatch, match=r"dimension 16\).*dimension 6\)"),
    ):
        store.similarity_search("x")


def test_the_same_model_under_another_name_is_accepted(full: FaissStore, tmp_path: Path) -> None:
    class Renamed(Hashed):
        """The same vectors but for rounding, as another library gives them."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[round(number, 3) for number in row] for row in super().embed_documents(texts)]

    with FaissStore(Renamed(), tmp_path / "store") as store:
        assert texts_of(store.similarity_search("red rock", k=1)) == ["red rock"]


# --- durable -------------------------------------------------------------------------------------------


def test_it_is_there_the_next_time(full: FaissStore, tmp_path: Path) -> None:
    full.close()
    with FaissStore(Hashed(), tmp_path / "store") as again:
        assert texts_of(again.get_by_ids(list("abcde"))) == TEXTS
        assert again.check() == []
    with pytest.raises(StoreError, match="was closed; open it again"):
        full.get_by_ids(["a"])


_WRITER = """
import sys
sys.path[:0] = {paths!r}
from langchain_embeddings import Hashed
from rag import FaissStore
store = FaissStore(Hashed(), {folder!r})
for call in range(1000):
    store.add_texts([f"{{call}} {{n}}" for n in range(40)], ids=[f"{{call}} {{n}}" for n in range(40)])
    if call: store.delete([f"{{call - 1}} {{n}}" for n in range(20)])
    print(call, flush=True)
"""


def test_killed_at_any_moment_each_call_is_whole(tmp_path: Path) -> None:
    paths = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    program = _WRITER.format(paths=paths, folder=str(tmp_path / "store"))
    for wait in (0.0, 0.013, 0.031):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "0"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        done = int((["0", *process.stdout.read().split()])[-1])
        process.wait()
        process.stdout.close()
        with FaissStore(Hashed(), tmp_path / "store") as store:
            assert store.check() == []
            for call in range(done + 3):
                there = len(store.get_by_ids([f"{call} {n}" for n in range(40)]))
                assert there in ((20, 40) if call <= done else (0, 20, 40)), (call, done)
            assert len(store.get_by_ids([f"{done} {n}" for n in range(20, 40)])) == 20
            store.delete()


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    FaissStore(Hashed(), tmp_path / "store").close()
    code = "import sys; from langchain_embeddings import add_thirty; add_thirty(*sys.argv[1:])"
    workers = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path / "store", name], cwd=Path(__file__).parent)
        for name in "xy"
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    with FaissStore(Hashed(), tmp_path / "store") as store:
        assert len(store) == 60
        assert store.check() == []


def test_one_process_sees_what_another_did(full: FaissStore, tmp_path: Path) -> None:
    with FaissStore(Hashed(), tmp_path / "store") as other:
        assert len(other.similarity_search("the tower", k=9)) == 5
        full.delete(["a"])
        full.add_texts(["the newest"])
        assert "the newest" in texts_of(other.similarity_search("the newest", k=9))
        assert "the tower" not in texts_of(other.similarity_search("the tower", k=9))


def test_threads(full: FaissStore) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                full.add_texts([f"{number} {turn}"], ids=[f"{number} {turn}"])
                assert texts_of(full.similarity_search(f"{number} {turn}", k=1)) == [f"{number} {turn}"]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(full) == 45


def test_a_failing_write_changes_nothing(full: FaissStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.langchain.document_folder.write_next_state", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        full.add_texts(["new"], ids=["a"])
    monkeypatch.undo()
    assert texts_of(full.get_by_ids(["a"])) == ["the tower"]
    assert (len(full), full.check()) == (5, [])


def test_a_replaced_folder_is_noticed(full: FaissStore, tmp_path: Path) -> None:
    (tmp_path / "store").rename(tmp_path / "old")
    with FaissStore(Hashed(), tmp_path / "store") as other:
        other.add_texts(["another"])
        assert texts_of(full.similarity_search("the tower", k=9)) == ["another"]


def test_after_a_fork_it_must_be_opened_again(full: FaissStore) -> None:
    full._folder._process = os.getpid() + 1  # as a child sees it
    with pytest.raises(StoreError, match="before a fork can't be used after it"):
        full.get_by_ids(["a"])


# --- rot -----------------------------------------------------------------------------------------------


def test_a_flipped_bit_is_noticed_before_wrong_text_is_shown(full: FaissStore, tmp_path: Path) -> None:
    """In every 61st byte of the file: the right answer, or an error."""
    full.close()
    path = tmp_path / "store" / "index.sqlite"
    whole = path.read_bytes()
    said = set()
    for place in range(0, len(whole), 61):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        try:
            with FaissStore(Hashed(), tmp_path / "store") as store:
                found = store.similarity_search_with_score("the tower", k=5)
        except StoreError as error:
            said.add(str(error))
            continue
        assert {document.page_content for document, _ in found} == set(TEXTS), place
        assert found[0][0].page_content == "the tower"
    assert len(said) > 5
    assert all(str(tmp_path / "store") in words for words in said)


def test_a_lost_log_is_noticed(full: FaissStore, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    full.close()
    before = (folder / "index.sqlite").read_bytes()
    with FaissStore(Hashed(), folder) as store:
        store.delete(["a"])
    (folder / "index.sqlite").write_bytes(before)
    with pytest.raises(IndexDamaged, match=r"its last 1 changes were lost .*; delete its file last-commit"):
        FaissStore(Hashed(), folder)
    (folder / "last-commit").unlink()
    with FaissStore(Hashed(), folder) as store:
        assert len(store) == 5


def test_a_damaged_or_foreign_cache_is_made_anew(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(2_500)]
    for name in ("one", "two"):
        with FaissStore(Hashed(), tmp_path / name) as store:
            store.add_texts([name + text for text in texts])
            store.similarity_search("x")
    cache = tmp_path / "one" / "vectors.faiss"
    whole = cache.read_bytes()
    other = (tmp_path / "two" / "vectors.faiss").read_bytes()
    for content in (whole[:-1], whole[:5000] + b"\0\1\2\3" + whole[5004:], other, b""):
        cache.write_bytes(content)
        with FaissStore(Hashed(), tmp_path / "one") as store:
            assert texts_of(store.similarity_search("onetext 77", k=1)) == ["onetext 77"]
        assert cache.read_bytes() not in (content, other)


# --- other people's folders ----------------------------------------------------------------------------


def test_folders_that_are_not_ours(tmp_path: Path) -> None:
    from small_index import write_index

    write_index(tmp_path / "index", {})
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "index.pkl").write_bytes(b"")
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "index.sqlite").write_bytes(b"garbage " * 1000)
    for name, message in {
        "index": r"another kind of database .*an index that `rag ingest` made is opened with",
        "notes": r"a folder with other things in it \('a.txt', 1 in all\)",
        "file": "is not a folder",
        "saved": r"import it with rag\.import_saved_faiss",
        "garbage": "is no database of ours",
    }.items():
        before = {path: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        with pytest.raises(IndexInvalid, match=message):
            FaissStore(Hashed(), tmp_path / name)
        after = {path: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        assert after == before


def test_a_newer_version_is_refused(full: FaissStore, tmp_path: Path) -> None:
    full._folder._database.run("PRAGMA user_version = 9")
    with pytest.raises(IndexMismatch, match="has version 9; this program reads up to 1"):
        FaissStore(Hashed(), tmp_path / "store")


def test_nobody_else_may_read_it(full: FaissStore, tmp_path: Path) -> None:
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "store" / "index.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def for_all_to_read() -> Iterator[Path]:
    """A folder that another user than root can reach, but not write to."""
    with TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
        os.chmod(folder, 0o755)


def test_a_read_only_folder_answers_and_refuses_to_be_written(for_all_to_read: Path) -> None:
    folder = for_all_to_read / "store"
    with FaissStore(Hashed(), folder) as store:
        store.add_texts(TEXTS)
    before = sorted(os.listdir(folder))
    with as_another_user(for_all_to_read), FaissStore(Hashed(), folder) as store:
        assert texts_of(store.similarity_search("red rock", k=1)) == ["red rock"]
        for call in (lambda: store.add_texts(["x"]), lambda: store.delete()):
            with pytest.raises(StoreError, match="is read-only here: searching works, changing does not"):
                call()
        with pytest.raises(StoreError, match="Permission denied; name another folder"):
            FaissStore(Hashed(), for_all_to_read / "new")
    assert sorted(os.listdir(folder)) == before


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """SQLite's own limit on the database's pages stands in for the disk's."""
    with FaissStore(Hashed(), tmp_path / "store") as store:
        store.add_texts(TEXTS, ids=list("abcde"))
        store._folder._database.run("PRAGMA max_page_count = 40")
        with pytest.raises(StoreError, match="the disk is full; nothing was lost; free some space"):
            store.add_texts(["x" * 1000 + str(number) for number in range(500)])
        assert (len(store), store.check()) == (5, [])
        store._folder._database.run("PRAGMA max_page_count = 4000")
        store.add_texts(["x" * 1000 + str(number) for number in range(500)])
        assert len(store) == 505


def test_two_embeddings_that_begin_a_store_at_once(tmp_path: Path) -> None:
    """Both open it empty; whoever adds first has it, and the other is told."""
    with FaissStore(Hashed(), tmp_path / "store") as one, FaissStore(Other(), tmp_path / "store") as other:
        assert one.similarity_search("x") == other.similarity_search("x") == []
        one.add_texts(["x"])
        with pytest.raises(IndexMismatch, match=r"Hashed .*Other"):
            other.add_texts(["y"])
        assert texts_of(one.similarity_search("x")) == ["x"]
