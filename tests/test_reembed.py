"""Another embedding model for an index: refused by ingest, changed by `rag reembed`, killed at any moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import reembed_child
import small_models
from small_index import PAGES, write_index

from ingest.pipeline import Report, ingest
from ingest.reembed import ReembedProgress, embedder_of, reembed
from ingest.watch import follow
from rag.embedding.embeddings import LocalEmbeddings
from rag.errors import EmbeddingError, IndexLocked, IndexMismatch, UsageError
from rag.records import IndexMeta
from rag.search.searcher import Searcher
from rag.settings import BUNDLED_EMBEDDER, Settings
from rag.store.dense_cache import CACHE_NAME
from rag.store.local_reembedding import STAGING_NAME
from rag.store.local_store import LocalStore
from rag.store.open import open_store

CHUNKS = 7
WHEN = "When was Smeaton's tower finished?"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedders")
    small_models.write_embedder(folder / "plain", seed=1)
    small_models.write_embedder(folder / "same-width", seed=2)
    prompts = {"query": "query: ", "passage": "passage: ", "document": ""}
    small_models.write_embedder(folder / "prompted", seed=1, prompts=prompts)
    small_models.write_embedder(folder / "dense", seed=3, width=24)
    small_models.write_static_embedder(folder / "static")
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = write_index(tmp_path / "index")
    with open_store(folder).snapshot() as snapshot:
        assert snapshot.chunk_count == CHUNKS
        snapshot.dense(np.ones(384, np.float32), 1)  # writes the cache
    return folder


def vectors_of(index: Path) -> dict[str, np.ndarray]:
    """Every chunk's vector by its text."""
    store = open_store(index)
    with store.snapshot() as snapshot:
        hits = [hit for source in snapshot.sources() for hit in snapshot.chunks_of(source.source)]
        vectors = snapshot.vectors([hit.chunk_id for hit in hits])
    store.close()
    return {hit.text: vector for hit, vector in zip(hits, vectors, strict=True)}


def searched(index: Path, question: str = WHEN) -> list[str]:
    with Searcher(open_store(index)) as searcher:
        return [hit.text for hit in searcher.search(question, k=100)]


def reference(model: Path, texts: list[str], prefix: str = "") -> np.ndarray:
    """By sentence-transformers itself."""
    from sentence_transformers import SentenceTransformer

    network = SentenceTransformer(str(model), device="cpu", local_files_only=True)
    rows = network.encode(texts, prompt=prefix, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(rows, np.float32)


# --- any model ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "width"), [("plain", 32), ("dense", 24), ("static", 16)])
def test_any_kind_of_model_gives_its_own_vectors(models: Path, name: str, width: int) -> None:
    texts = ["a tower", "the sea " * 40, "灯塔", "x"]
    embedder = LocalEmbeddings(str(models / name), precision="float32")
    assert embedder.dimension == width
    assert embedder.max_tokens > 50
    np.testing.assert_allclose(embedder.embed(texts), reference(models / name, texts), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(embedder.embed(texts), axis=1), 1, atol=1e-5)


def test_prefixes_come_from_the_model_and_else_from_the_settings(models: Path) -> None:
    own = LocalEmbeddings(str(models / "prompted"), precision="float32", query_prefix="other: ")
    assert (own.query_prefix, own.passage_prefix) == ("query: ", "passage: ")
    given = LocalEmbeddings(
        str(models / "plain"), precision="float32", query_prefix="query: ", passage_prefix="passage: "
    )
    assert (given.query_prefix, given.passage_prefix) == ("query: ", "passage: ")
    for embedder in (own, given):
        expected = reference(models / "plain", ["the sea"], "passage: ")
        np.testing.assert_allclose(embedder.embed(["the sea"]), expected, atol=1e-5)
        expected = reference(models / "plain", ["the sea"], "query: ")
        np.testing.assert_allclose(embedder.embed(["the sea"], query=True), expected, atol=1e-5)
    plain = LocalEmbeddings(str(models / "plain"), precision="float32")
    assert (plain.query_prefix, plain.passage_prefix) == ("", "")
    assert own.max_tokens == plain.max_tokens - plain.count_tokens("passage: ")
    assert own.revision != plain.revision


def test_prompts_that_can_not_be_read_are_named(models: Path, tmp_path: Path) -> None:
    folder = small_models.write_embedder(tmp_path / "model")
    (folder / "config_sentence_transformers.json").write_text("[1")
    with pytest.raises(EmbeddingError, match=r"config_sentence_transformers.json' can't be read"):
        LocalEmbeddings(str(folder)).embed(["x"])


def test_the_indexs_prefixes_hold_unless_others_are_given(models: Path) -> None:
    plain = str(models / "plain")
    stored = IndexMeta(plain, "1", 32, 200, 1, "query: ", "passage: ")
    assert embedder_of(plain, Settings(), stored).query_prefix == "query: "
    assert embedder_of(plain, Settings(query_prefix="q: "), stored).query_prefix == "q: "
    assert embedder_of(plain, Settings(query_prefix="q: "), stored).passage_prefix == "passage: "
    assert embedder_of(plain, Settings(), None).query_prefix == ""
    assert embedder_of(str(models / "dense"), Settings(), stored).query_prefix == ""


# --- ingest ---------------------------------------------------------------------------------------------


def test_an_ingest_with_another_model_names_both_and_the_command(index: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("Something new.")
    with pytest.raises(
        IndexMismatch,
        match=r"model 'all-MiniLM-L6-v2', and the settings ask for 'intfloat/e5'.*"
        r"`rag reembed --embedding-model intfloat/e5`",
    ):
        ingest([tmp_path / "new.txt"], Settings(index=str(index), embedding_model="intfloat/e5"))


def test_prefixes_are_stored_and_searched_with(models: Path, tmp_path: Path) -> None:
    (tmp_path / "sea.txt").write_text("the sea")
    plain = str(models / "plain")
    settings = Settings(
        index=str(tmp_path / "index"),
        embedding_model=plain,
        query_prefix="query: ",
        passage_prefix="passage: ",
    )
    assert ingest([tmp_path / "sea.txt"], settings).chunks == 1
    with Searcher(open_store(settings.index)) as searcher:
        assert searcher.embedder is not None
        assert searcher.embedder.query_prefix == "query: "
        assert searcher.search("the sea", k=1)[0].text == "the sea"
    (tmp_path / "more.txt").write_text("more")
    assert ingest([tmp_path / "more.txt"], Settings(index=settings.index)).chunks == 1
    (tmp_path / "again.txt").write_text("again")
    with pytest.raises(
        IndexMismatch, match=r"before a question 'query: '.*before a question 'q: '.*rag reembed"
    ):
        ingest([tmp_path / "again.txt"], Settings(index=settings.index, query_prefix="q: "))


def test_a_followed_folder_is_embedded_with_the_prefixes_too(models: Path, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    stop = threading.Event()

    def follow_once(settings: Settings, text: str) -> Report:
        (documents / f"{text}.txt").write_text(text)
        reports: list[Report] = []
        stop.clear()

        def told(report: Report) -> None:
            reports.append(report)
            stop.set()

        follow([documents], settings, told=told, stop=stop)
        return reports[0]

    index = str(tmp_path / "index")
    given = Settings(
        index=index,
        embedding_model=str(models / "plain"),
        query_prefix="query: ",
        passage_prefix="passage: ",
    )
    assert follow_once(given, "sea").embedded == 1
    with Searcher(open_store(index)) as searcher:
        assert searcher.embedder is not None
        assert (searcher.embedder.query_prefix, searcher.embedder.passage_prefix) == ("query: ", "passage: ")
    assert follow_once(Settings(index=index), "tide").embedded == 1  # those that the index was made with


# --- reembed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "prompted", "dense"])
def test_every_vector_is_the_new_models(index: Path, models: Path, name: str) -> None:
    before = searched(index)
    told: list[ReembedProgress] = []
    report = reembed(Settings(index=str(index), embedding_model=str(models / name)), progress=told.append)
    assert (report.before, report.after) == (BUNDLED_EMBEDDER, str(models / name))
    assert (report.chunks, report.embedded, report.stopped) == (CHUNKS, CHUNKS, False)
    assert (told[-1].done, told[-1].total) == (CHUNKS, CHUNKS)
    found = vectors_of(index)
    texts = list(found)
    prefix = "passage: " if name == "prompted" else ""
    expected = reference(models / name, texts, prefix)
    quick = np.stack([found[text] for text in texts])
    assert (quick * expected).sum(axis=1).min() > 0.995  # bfloat16 where the processor has it
    store = open_store(index)
    assert store.check() == []
    meta = store.meta()
    assert meta is not None
    assert (meta.embedding_model, meta.dimension) == (str(models / name), expected.shape[1])
    assert meta.query_prefix == ("query: " if name == "prompted" else "")
    store.close()
    assert not (index / STAGING_NAME).exists()
    assert set(searched(index)) == set(before)
    assert reembed(Settings(index=str(index))).chunks == 0  # it is what it should be


def test_a_store_that_was_open_all_the_while_answers_by_the_new_vectors(index: Path, models: Path) -> None:
    """The ids are the same and the width may be: what is kept in memory or in the file must not be taken."""
    first, second = str(models / "plain"), str(models / "same-width")
    reembed(Settings(index=str(index), embedding_model=first))
    store = open_store(index)
    question = np.ones(32, np.float32)
    with store.snapshot() as old:
        by_first = old.dense(question, 100)
        reembed(Settings(index=str(index), embedding_model=second))
        with store.snapshot() as new:
            by_second = new.dense(question, 100)
            ids = [chunk for chunk, _ in by_second]
            assert dict(by_second) == pytest.approx(
                dict(zip(ids, new.vectors(ids) @ question, strict=True)), abs=1e-5
            )
        assert dict(by_second) != pytest.approx(dict(by_first), abs=1e-5)
        assert old.dense(question, 100) == by_first
    with store.snapshot() as new:
        assert new.dense(question, 100) == by_second
    store.close()
    assert (index / CACHE_NAME).exists()
    assert LocalStore.open(index).check() == []


def test_stopped_it_goes_on_where_it_was(index: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.store.local_reembedding.PORTION", 2)
    settings = Settings(index=str(index), embedding_model=str(models / "plain"))
    before, answered = vectors_of(index), searched(index)
    stop = threading.Event()
    report = reembed(settings, progress=lambda state: stop.set() if state.done == 4 else None, stop=stop)
    assert (report.embedded, report.stopped) == (4, True)
    assert searched(index) == answered
    np.testing.assert_equal(vectors_of(index), before)
    assert oct((index / STAGING_NAME).stat().st_mode)[-3:] == "600"
    again = reembed(settings)
    assert (again.embedded, again.stopped) == (CHUNKS - 4, False)
    assert vectors_of(index)[answered[0]].shape == (32,)


def test_what_came_between_is_embedded_too(
    index: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.store.local_reembedding.PORTION", 2)
    settings = Settings(index=str(index), embedding_model=str(models / "plain"))
    stop = threading.Event()
    reembed(settings, progress=lambda state: stop.set() if state.done == 4 else None, stop=stop)
    (tmp_path / "new.txt").write_text("A new text.")
    ingest([tmp_path / "new.txt"], Settings(index=str(index)))
    with open_store(index).writer() as writer:
        writer.remove([b"/docs/bread.md"])
    report = reembed(settings)
    assert report.chunks == CHUNKS + 1 - len(PAGES["bread.md"][0].split("\n\n"))
    assert vectors_of(index)["A new text."].shape == (32,)
    assert LocalStore.open(index).check() == []


def test_another_model_begins_anew(index: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.store.local_reembedding.PORTION", 2)
    stop = threading.Event()
    stop.set()
    reembed(Settings(index=str(index), embedding_model=str(models / "plain")), stop=stop)
    report = reembed(Settings(index=str(index), embedding_model=str(models / "same-width")))
    assert report.embedded == CHUNKS


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 16
    path.write_bytes(data)


def test_flipped_bits_in_what_is_kept_do_no_harm(
    index: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.store.local_reembedding.PORTION", 2)
    settings = Settings(index=str(index), embedding_model=str(models / "plain"))
    stop = threading.Event()
    reembed(settings, progress=lambda state: stop.set() if state.done == 6 else None, stop=stop)
    kept = (index / STAGING_NAME).read_bytes()
    clean = np.float32(vectors_of_staged(index))
    for at in [3, 30, 120, kept.find(clean[0].tobytes()) + 9, kept.find(clean[3].tobytes()) + 40]:
        (index / STAGING_NAME).write_bytes(kept)
        flip(index / STAGING_NAME, at)
        fresh = index.parent / f"copy-{at}"
        fresh.mkdir()
        for path in index.iterdir():
            (fresh / path.name).write_bytes(path.read_bytes())
        assert not reembed(Settings(index=str(fresh), embedding_model=str(models / "plain"))).stopped
        found = vectors_of(fresh)
        texts = list(found)
        expected = LocalEmbeddings(str(models / "plain")).embed(texts)
        assert (np.stack([found[text] for text in texts]) * expected).sum(axis=1).min() > 0.995


def vectors_of_staged(index: Path) -> list[np.ndarray]:
    import sqlite3

    connection = sqlite3.connect(index / STAGING_NAME)
    rows = connection.execute("SELECT vector FROM staged").fetchall()
    connection.close()
    return [np.frombuffer(row[0], "<f4") for row in rows]


def test_killed_at_any_moment_it_is_one_or_the_other(index: Path, models: Path) -> None:
    """Killed after each line that it says; the next try goes on, and nothing is ever half done."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, reembed_child.__file__, str(index), str(models / "plain")]
    before = searched(index)
    said: list[str] = []
    for lines in (1, 3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(lines)]
            process.kill()
        assert said[-1].startswith("kept ")
        store = open_store(index)
        assert store.check() == []
        meta = store.meta()
        assert meta is not None
        store.close()
        if meta.embedding_model == BUNDLED_EMBEDDER:
            assert searched(index) == before
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
    assert done.splitlines()[-1].startswith("done ")
    assert {vector.shape for vector in vectors_of(index).values()} == {(32,)}
    assert LocalStore.open(index).check() == []


def test_a_switch_that_fails_changes_nothing(
    index: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = vectors_of(index)

    def fails(*_: object) -> None:
        raise OSError("the power is gone")

    monkeypatch.setattr("rag.store.local_changes.Change.forget_the_past", fails)
    with pytest.raises(OSError, match="the power is gone"):
        reembed(Settings(index=str(index), embedding_model=str(models / "plain")))
    np.testing.assert_equal(vectors_of(index), before)
    assert open_store(index).check() == []
    monkeypatch.undo()
    assert reembed(Settings(index=str(index), embedding_model=str(models / "plain"))).embedded == 0


def test_texts_longer_than_the_model_reads_are_counted(models: Path, tmp_path: Path) -> None:
    long = "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 3  # 78 tokens to a model of 64
    index = write_index(tmp_path / "index", {"long.txt": [f"{long}\n\nshort"]})
    report = reembed(Settings(index=str(index), embedding_model=str(models / "plain")))
    assert (report.chunks, report.cut) == (2, 1)
    meta = open_store(index).meta()
    assert meta is not None
    assert meta.chunk_tokens == LocalEmbeddings(str(models / "plain")).max_tokens == 62


def test_refused_while_the_index_is_written(
    index: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.reembed._LOCK_SECONDS", 0)
    settings = Settings(index=str(index), embedding_model=str(models / "plain"))
    with open_store(index).writer(), pytest.raises(IndexLocked, match="is being written by this process"):
        reembed(settings)


def test_an_index_that_nothing_was_put_into(tmp_path: Path) -> None:
    open_store(tmp_path / "index", create=True).close()
    with pytest.raises(UsageError, match="holds nothing to embed; RAG_EMBEDDING_MODEL says which"):
        reembed(Settings(index=str(tmp_path / "index")))


def test_a_model_of_another_revision_is_told_the_command(index: Path, models: Path, tmp_path: Path) -> None:
    folder = small_models.write_embedder(tmp_path / "model", seed=5)
    settings = Settings(index=str(index), embedding_model=str(folder))
    reembed(settings)
    small_models.write_embedder(folder, seed=6)
    with pytest.raises(IndexMismatch, match=r"embed the text anew: rag reembed --index"):
        searched(index)
    assert reembed(Settings(index=str(index))).embedded == CHUNKS
    assert searched(index)


def test_the_command(
    index: Path, models: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui import cli

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rag", "reembed", *arguments, "--index", str(index)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (int(ended.value.code or 0), *capfd.readouterr())

    status, out, err = run("--embedding-model", str(models / "plain"), "--query-prefix", "query: ", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["embedded"] == CHUNKS
    status, out, err = run("--embedding-model", str(models / "plain"))
    assert (status, out) == (0, "")
    assert "already; nothing was to be done" in err
    status, _, err = run("--embedding-model", str(models / "dense"))
    assert status == 0
    assert f"{models / 'plain'} → {models / 'dense'}: {CHUNKS} chunks, {CHUNKS} embedded" in err
    status, _, err = run("--embedding-model", "no-one/nothing")
    assert status == 1
    assert "embedding model 'no-one/nothing' is neither a folder nor to be had" in err
