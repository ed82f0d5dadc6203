"""Indexes that langchain-community really saved, and hostile ones: read to the letter, or refused by name.

`saved_faiss/2023` was written by langchain 0.0.352 with langchain-community 0.0.20 and pydantic 1,
`saved_faiss/2026` by langchain-community 0.4.2 with pydantic 2, both with vectors of `hashed_embeddings`.
"""

from __future__ import annotations

import os
import pickle
import pickletools
import re
import shutil
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hashed_embeddings import vector_of
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_embeddings import Hashed, Other

from rag import import_saved_faiss
from rag.errors import IndexDamaged, IndexInvalid, IndexMismatch, IndexMissing, RagError, UsageError
from rag.langchain.plain_pickle import NotPlain, read_plain
from rag.langchain.saved_faiss import read_documents, read_vectors

SAVED = Path(__file__).parent / "saved_faiss"
CANDLES = {
    "source": "tower.pdf",
    "page": 0,
    "page_label": "1",
    "total_pages": 2,
    "big": 2**40,
    "neg": -5,
    "half": 0.5,
    "yes": True,
    "no": False,
    "nothing": None,
    "list": ["a", 1, ["b"]],
    "inner": {"x": "灯塔"},
}


@pytest.fixture(params=["2023", "2026"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAVED / request.param, tmp_path / "saved"))


# --- what is brought over ------------------------------------------------------------------------------


def test_texts_metadata_ids_and_vectors(saved: Path, tmp_path: Path) -> None:
    with import_saved_faiss(saved, path=tmp_path / "store", embedding=Hashed()) as store:
        assert len(store) == 5  # the sixth was deleted before it was saved
        texts = ["The tower was lit by 24 candles.", "The rock is red.", "大运河全长约1794公里。 " * 40, ""]
        for text in texts:
            (found, score), *_ = store.similarity_search_with_score(text)
            assert (found.page_content, round(score, 5)) == (text, 1)
        (candles,) = store.similarity_search(texts[0], k=1)
        assert candles.metadata == CANDLES
        (rock,) = store.get_by_ids(["rock"])
        assert rock.metadata == {"source": "rock.txt", "tags": ["a"] * 300}
        assert store.check() == []


def test_twice_it_is_there_once(saved: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    for _ in range(2):
        with import_saved_faiss(saved, path=tmp_path / "store", embedding=Hashed()) as store:
            assert len(store) == 5
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def test_nothing_is_unpickled_or_imported(saved: Path, tmp_path: Path) -> None:
    looked: list[Any] = []
    watching = True

    def watch(event: str, details: Any) -> None:
        if watching and event == "pickle.find_class":
            looked.append(details)

    sys.addaudithook(watch)
    before = set(sys.modules)
    import_saved_faiss(saved, path=tmp_path / "store", embedding=Hashed()).close()
    watching = False
    assert looked == []
    assert not {name for name in set(sys.modules) - before if name.startswith("langchain_community")}


def test_reembed(saved: Path, tmp_path: Path) -> None:
    (saved / "index.faiss").unlink()
    embedding = DeterministicFakeEmbedding(size=6)
    with import_saved_faiss(saved, path=tmp_path / "store", embedding=embedding, reembed=True) as store:
        assert len(store) == 5
        assert store.similarity_search("The rock is red.", k=1)[0].id == "rock"


def test_under_another_name(saved: Path, tmp_path: Path) -> None:
    for suffix in (".faiss", ".pkl"):
        (saved / f"index{suffix}").rename(saved / f"mine{suffix}")
    with import_saved_faiss(saved, path=tmp_path / "s", embedding=Hashed(), index_name="mine") as store:
        assert len(store) == 5
    with pytest.raises(UsageError, match=r"index_name is '\.\./x'"):
        import_saved_faiss(saved, path=tmp_path / "s", embedding=Hashed(), index_name="../x")


# --- the wrong embedding, the wrong files --------------------------------------------------------------


def test_another_embedding(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(
        IndexMismatch, match=r"vector 0 in .* is not what .* makes of its text .*reembed=True"
    ):
        import_saved_faiss(saved, path=tmp_path / "store", embedding=Other())
    with pytest.raises(IndexMismatch, match="have 16 numbers and those of the given embedding 6"):
        import_saved_faiss(saved, path=tmp_path / "store", embedding=DeterministicFakeEmbedding(size=6))
    assert not (tmp_path / "store").exists()


def flat(vectors: np.ndarray, *, kind: bytes = b"IxF2", metric: int = 1) -> bytes:
    """As faiss writes it: header, then the numbers."""
    count, dimension = vectors.shape
    header = struct.pack("<4siqqq?i", kind, dimension, count, 1 << 20, 1 << 20, True, metric)
    return header + struct.pack("<Q", vectors.size) + vectors.astype("<f4").tobytes()


def test_files_of_two_days(saved: Path, tmp_path: Path) -> None:
    whole = read_vectors(saved / "index.faiss")
    (saved / "index.faiss").write_bytes(flat(whole[:-1]))
    with pytest.raises(
        IndexDamaged, match="holds 4 vectors and 5 documents: its two files were not saved tog"
    ):
        import_saved_faiss(saved, path=tmp_path / "store", embedding=Hashed())
    (saved / "index.faiss").write_bytes(flat(whole[::-1]))
    with pytest.raises(IndexMismatch, match="is not what the given embedding makes of its text"):
        import_saved_faiss(saved, path=tmp_path / "store", embedding=Hashed())


def test_every_flat_kind_is_read_as_faiss_wrote_it(tmp_path: Path) -> None:
    import faiss

    vectors = np.stack([vector_of(text) for text in "abc"])
    kinds = [faiss.IndexFlatL2(16), faiss.IndexFlatIP(16), faiss.IndexFlat(16, faiss.METRIC_L1)]
    for index in [*kinds, faiss.IndexFlat(16, faiss.METRIC_Lp)]:
        index.add(vectors)
        faiss.write_index(index, str(tmp_path / "index.faiss"))
        np.testing.assert_array_equal(read_vectors(tmp_path / "index.faiss"), vectors)
    graph = faiss.IndexHNSWFlat(16, 4)
    graph.add(vectors)
    faiss.write_index(graph, str(tmp_path / "index.faiss"))
    with pytest.raises(IndexInvalid, match=r"begins with b'IHNf', which is no flat FAISS index"):
        read_vectors(tmp_path / "index.faiss")


def test_an_index_cut_or_lying_about_its_size(saved: Path) -> None:
    path = saved / "index.faiss"
    whole = path.read_bytes()
    for length in range(4, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(IndexDamaged, match=f"has {length} bytes"):
            read_vectors(path)
    lies = struct.pack("<4siqqq?iQ", b"IxF2", 60_000, 1 << 50, 0, 0, True, 1, 60_000 << 50 & (1 << 64) - 1)
    path.write_bytes(lies)
    with pytest.raises(IndexDamaged, match="says that it holds 1125899906842624 vectors of 60000 numbers"):
        read_vectors(path)
    path.write_bytes(flat(np.full((1, 2), np.nan)))
    with pytest.raises(IndexDamaged, match="infinite or none"):
        read_vectors(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"there is no file .*index\.pkl'; name the folder"):
        import_saved_faiss(tmp_path, path=tmp_path / "store", embedding=Hashed())


# --- hostile pickles -----------------------------------------------------------------------------------


class Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Hidden:
    """Stands for a document whose state is the attack."""


def refused(data: bytes, folder: Path) -> str:
    (folder / "index.pkl").write_bytes(data)
    with pytest.raises(IndexInvalid) as error:
        read_documents(folder / "index.pkl")
    return str(error.value)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("attack", "name"),
    [
        (Calls(os.system, "touch was-run"), r"names posix.system|names os.system"),
        (Calls(eval, "open('was-run', 'w')"), "names builtins.eval|names __builtin__.eval"),
        (Calls(shutil.rmtree, "/nowhere"), "names shutil.rmtree"),
        (({"a": [Calls(exec, "1")]}, {}), "names builtins.exec|names __builtin__.exec|instruction 0x64"),
        (Hidden(), "names test_saved_faiss.Hidden|names copy_?reg._reconstructor"),
        (Path("/etc/passwd"), "names pathlib|names copy_?reg"),
        (np.float32(1), "names numpy|names builtins|names copy_?reg|instruction"),
    ],
)
def test_hostile_pickles_are_refused_by_name(
    attack: Any, name: str, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = refused(pickle.dumps(attack, protocol), tmp_path)
    assert re.search(name, words), words
    assert "nothing of it was run" in words
    assert not (tmp_path / "was-run").exists()


DOCUMENT = b"\x8c\x1dlangchain_core.documents.base\x8c\x08Document\x93"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x04cos\nsystem\n.", "names os.system"),
        (b"\x80\x04(ios\nsystem\n.", r"calls os\.system"),
        (b"\x80\x04" + DOCUMENT + b"\x8c\x01x\x85R.", r"calls a function \(langchain_core.*Document\)"),
        (
            b"\x80\x04" + DOCUMENT + b"\x8c\x01x\x85\x81.",
            r"makes an object by calling its class \(langchain_",
        ),
        (b"\x80\x04(" + DOCUMENT + b"o.", "makes an object by calling its class"),
        (b"\x80\x04\x8c\x01xQ.", "refers to something outside the file"),
        (b"\x80\x04Px\n.", "refers to something outside the file"),
        (b"\x80\x04\x82\x01.", "refers to something outside the file"),
        (
            b"\x80\x04\x8c\x1dlangchain_core.documents.base\x8c\x11Document.__init__\x93.",
            "names langchain_core",
        ),
        (b"\x80\x04]\x93.", "cut short or damaged"),
        (b"\x80\x04h\x07.", "cut short or damaged"),
        (b"\x80\x04}](K\x01K\x02us.", "puts values into what is no dict"),
        (b"\x80\x04}]K\x01s.", "has a list where a name was due"),
        (b"\x80\x04\x8dxxxxxxxx.", "cut short or damaged"),
        (b"\x80\x04NN.", "goes on after its end"),
        (b"\x80\x04N.N", "goes on after its end"),
        (b"", "cut short or damaged at byte 0"),
        (b"\x80\x04" + b"]" * 100_000 + b".", "holds more objects than its 100003 bytes"),
        (b"\x80\x04\xff.", "instruction 0xff, which plain values don't need"),
        (b"\x80\x04N.", "holds something else than FAISS.save_local writes"),
        (b"\x80\x04(.", "holds something else than FAISS.save_local writes"),
    ],
)
def test_hostile_instructions(data: bytes, words: str, tmp_path: Path) -> None:
    assert re.search(words, refused(data, tmp_path))


def langchain_pickle(documents: dict[Any, tuple[str, Any]], order: dict[Any, Any]) -> bytes:
    """What LangChain would write, made of stand-ins whose names are put right in the bytes."""
    store = Store()
    store.__dict__ = {"_dict": {key: Stored(*value) for key, value in documents.items()}}
    data = pickle.dumps((store, order), 2)
    names = {
        b"ctest_saved_faiss\nStored\n": b"clangchain_core.documents.base\nDocument\n",
        b"ctest_saved_faiss\nStore\n": b"clangchain_community.docstore.in_memory\nInMemoryDocstore\n",
    }
    for ours, theirs in names.items():
        data = data.replace(ours, theirs)
    return data


class Store:
    """Stands for LangChain's docstore."""


class Stored:
    """Stands for LangChain's document."""

    def __init__(self, text: Any, metadata: Any) -> None:
        self.fields = {"page_content": text, "metadata": metadata}

    def __getstate__(self) -> Any:
        return {"__dict__": self.fields}


def test_the_stand_ins_are_read(tmp_path: Path) -> None:
    (tmp_path / "index.pkl").write_bytes(langchain_pickle({"x": ("text", {"n": 1})}, {0: "x"}))
    (document,) = read_documents(tmp_path / "index.pkl")
    assert (document.id, document.text, document.metadata) == ("x", "text", {"n": 1})


@pytest.mark.parametrize(
    ("documents", "order", "words"),
    [
        ({"x": ("t", {})}, {0: "y"}, "has no whole document 'y'"),
        ({"x": ("t", {})}, {1: "x"}, "has no whole document 'NoneType'"),
        ({"x": (5, {})}, {0: "x"}, "has no whole document 'x'"),
        ({"x": ("t", [])}, {0: "x"}, "has no whole document 'x'"),
        ({7: ("t", {})}, {0: 7}, "has no whole document 'int'"),
    ],
)
def test_documents_that_are_not_whole(documents: Any, order: Any, words: str, tmp_path: Path) -> None:
    assert words in refused(langchain_pickle(documents, order), tmp_path)


def test_a_small_pickle_that_says_much(tmp_path: Path) -> None:
    """A text of 200,000 characters that 1,000 documents share, and lists of lists of lists."""
    text = "x" * 200_000
    many = {str(number): (text, {}) for number in range(1000)}
    words = refused(langchain_pickle(many, dict(enumerate(many))), tmp_path)
    assert "says more than 20 times as much" in words
    values: list[Any] = ["x"]
    for _ in range(30):
        values = [values, values]
    (tmp_path / "index.pkl").write_bytes(langchain_pickle({"x": ("t", {"v": values})}, {0: "x"}))
    with pytest.raises(UsageError, match=r"metadata of document 'x'.* go over 1000000 characters"):
        read_documents(tmp_path / "index.pkl")
    for documents, order in (({"x": ("t", {"v": Stored("t", values)})}, {0: "x"}), ({}, {0: values})):
        (tmp_path / "index.pkl").write_bytes(langchain_pickle(documents, order))
        with pytest.raises(RagError, match=r"is of type Thing|no whole document 'list'"):
            read_documents(tmp_path / "index.pkl")


def test_metadata_that_are_objects_are_refused_by_name(tmp_path: Path) -> None:
    import datetime

    day = datetime.date(2026, 1, 1)
    words = refused(langchain_pickle({"x": ("t", {"day": day})}, {0: "x"}), tmp_path)
    assert "names datetime.date" in words


def test_two_documents_without_an_id(tmp_path: Path) -> None:
    """LangChain gave both the id None and lost the first."""
    (tmp_path / "index.pkl").write_bytes(langchain_pickle({None: ("t", {})}, {0: None, 1: None}))
    (tmp_path / "index.faiss").write_bytes(flat(np.stack([vector_of("gone"), vector_of("t")])))
    with pytest.raises(IndexDamaged, match="has 2 vectors of 1 documents"):
        import_saved_faiss(tmp_path, path=tmp_path / "store", embedding=Hashed())
    with import_saved_faiss(tmp_path, path=tmp_path / "store", embedding=Hashed(), reembed=True) as store:
        assert [found.page_content for found in store.similarity_search("t")] == ["t"]


_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**1000), 2**1000)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(0, 2**50), inner, max_size=4)
        | st.sets(st.text(), max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(value=_plain, protocol=st.sampled_from([4, 5]))
def test_plain_values_are_read_as_python_reads_them(value: Any, protocol: int) -> None:
    data = pickle.dumps([value, value], protocol)
    assert read_plain(data, frozenset()) == [value, value]
    assert read_plain(pickletools.optimize(data), frozenset()) == [value, value]


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200), place=st.integers(0, 10_000), kept=st.integers(0, 10_000))
def test_any_bytes_are_read_or_refused(data: bytes, place: int, kept: int) -> None:
    """Rubbish alone, and put into a real file: an answer or `NotPlain`, nothing else."""
    whole = (SAVED / "2026" / "index.pkl").read_bytes()
    place, kept = place % len(whole), kept % len(whole)
    for mixed in (data, b"\x80\x04" + data, whole[:place] + data + whole[kept:]):
        with suppress(NotPlain):
            read_plain(mixed, frozenset({"langchain_core.documents.base.Document"}))


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_no_other_error(
    place: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    data = bytearray((SAVED / "2023" / "index.pkl").read_bytes())
    data[place % len(data)] ^= 1 << bit
    (folder / "index.pkl").write_bytes(data)
    try:
        documents = read_documents(folder / "index.pkl")
    except RagError:
        return
    assert len(documents) <= 6
