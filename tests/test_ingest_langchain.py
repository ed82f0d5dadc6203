"""The loaders and the splitter, over the samples and by hand: spans, headings, places, failures, laziness."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_text_splitters import TextSplitter

from ingest.langchain import ChunkSplitter, FileLoader, FolderLoader
from rag import FaissStore, LocalEmbeddings
from rag.errors import CorruptSource, ParserFailed, SourceError, UsageError

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
EDDYSTONE = SAMPLES / "lighthouses" / "eddystone-lighthouses.pdf"


def words(text: str) -> int:
    """A counter that a test can follow by hand."""
    return len(text.split())


# --- loaders -------------------------------------------------------------------------------------------


def test_a_pdf_has_a_document_for_each_page() -> None:
    pages = FileLoader(EDDYSTONE).load()
    assert [page.metadata["page"] for page in pages] == [1, 2, 3, 4, 5, 6]
    first = pages[0]
    assert first.metadata["source"] == str(EDDYSTONE)
    assert first.metadata["total_pages"] == 6
    assert first.metadata["media_type"] == "application/pdf"
    assert first.metadata["place"] == "page 1"
    assert first.metadata["title"] == "The Four Towers of the Eddystone"
    headings = [heading for page in pages for heading in page.metadata["outline"]]
    assert "1. The rocks and their danger" in [heading["text"] for heading in headings]
    for page in pages:
        for heading in page.metadata["outline"]:
            found = page.page_content[heading["start"] : heading["end"]]
            assert " ".join(found.split()) == " ".join(heading["text"].split())


def test_what_is_called_by_name() -> None:
    sheets = FileLoader(SAMPLES / "lighthouses" / "lamps-and-repairs.xlsx").load()
    assert [page.metadata["place"] for page in sheets] == [
        f"sheet {page.metadata['label']}" for page in sheets
    ]
    assert all(page.metadata["label"] for page in sheets)


def test_the_path_is_given_back_as_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("note.txt").write_text("A note.")
    assert [page.metadata["source"] for page in FileLoader("note.txt").load()] == ["note.txt"]
    Path("folder").mkdir()
    shutil.move("note.txt", "folder/note.txt")
    assert [page.metadata["source"] for page in FolderLoader("folder").load()] == ["folder/note.txt"]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.txt")
    (tmp_path / name).write_text("A note.")
    for loader in (FileLoader(tmp_path / name), FolderLoader(tmp_path)):
        (page,) = loader.load()
        assert page.metadata["source"] == f"{tmp_path}/\\xff.txt"


def test_a_folder_in_the_order_of_its_names_without_its_failures(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("First.")
    (tmp_path / "b.pdf").write_bytes(b"no pdf at all")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.md").write_text("# Third\n\nText.")
    (tmp_path / ".hidden.txt").write_text("Hidden.")
    loader = FolderLoader(tmp_path)
    assert [page.page_content.split()[-1] for page in loader.load()] == ["First.", "Text."]
    (failure,) = loader.failures
    assert failure.source == str(tmp_path / "b.pdf")
    assert failure.reason.startswith(f"{failure.source!r}: named .pdf, but it is none")
    assert len(loader.load()) == len(loader.failures) + 1  # again: nothing is listed twice
    with pytest.raises(CorruptSource, match=r"b\.pdf': named \.pdf"):
        FolderLoader(tmp_path, strict=True).load()


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.pdf': can't be opened: No such file"):
        FileLoader(tmp_path / "missing.pdf").load()
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(SourceError, match=r"pipe\.txt': is a named pipe"):
        FileLoader(tmp_path / "pipe.txt").load()
    with pytest.raises(UsageError, match="is not a folder; for one file there is FileLoader"):
        FolderLoader(tmp_path / "missing").load()
    with pytest.raises(UsageError, match=r"write passwords=\[\.\.\.\]"):
        FileLoader(tmp_path / "x.pdf", passwords="secret")


def test_a_parser_that_breaks_is_an_error_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_PARSE_MEGABYTES", "200")
    monkeypatch.setenv("RAG_PARSE_SECONDS", "30")
    (tmp_path / "huge.txt").write_bytes(b"word " * 30_000_000)
    with pytest.raises(ParserFailed, match=r"huge\.txt': needs more than 200 MB of memory"):
        FileLoader(tmp_path / "huge.txt").load()


def test_an_encrypted_pdf_opens_with_its_password(tmp_path: Path) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(EDDYSTONE))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    with pytest.raises(SourceError, match="password"):
        FileLoader(tmp_path / "locked.pdf").load()
    assert len(FileLoader(tmp_path / "locked.pdf", passwords=["wrong", "secret"]).load()) == 6


def test_lazily(tmp_path: Path) -> None:
    """The second file is not opened before the first one's pages were taken."""
    (tmp_path / "a.txt").write_text("First.")
    (tmp_path / "b.txt").write_text("Second.")
    pages = FolderLoader(tmp_path).lazy_load()
    assert next(pages).page_content == "First."
    (tmp_path / "b.txt").write_text("Changed.")
    assert [page.page_content for page in pages] == ["Changed."]


def test_leaving_early_ends_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest.sandbox import Sandbox

    made: list[Sandbox] = []
    start = Sandbox.__init__

    def kept(self: Sandbox, **options: Any) -> None:
        start(self, **options)
        made.append(self)

    monkeypatch.setattr(Sandbox, "__init__", kept)
    pages = FileLoader(EDDYSTONE).lazy_load()
    next(pages)
    assert made[0].running
    pages.close()  # type: ignore[attr-defined]
    assert not made[0].running


def test_asynchronously() -> None:
    async def run() -> list[Document]:
        return [page async for page in FileLoader(EDDYSTONE).alazy_load()]

    assert asyncio.run(run()) == FileLoader(EDDYSTONE).load()


# --- the splitter --------------------------------------------------------------------------------------


def test_it_is_a_text_splitter() -> None:
    splitter = ChunkSplitter(chunk_tokens=16, count_tokens=words)
    assert isinstance(splitter, TextSplitter)
    text = " ".join(f"Sentence number {number} has these six words." for number in range(6))
    chunks = splitter.split_text(text)
    assert all(words(chunk) <= 16 for chunk in chunks)
    assert " ".join(chunks) == text
    assert len(FileLoader(EDDYSTONE).load_and_split(splitter)) > 6


def test_chunks_know_their_place_as_the_index_does() -> None:
    pages = FolderLoader(SAMPLES).load()
    chunks = ChunkSplitter().split_documents(pages)
    by_place = {(page.metadata["source"], page.metadata["page"]): page for page in pages}
    count = LocalEmbeddings().count_tokens
    assert len(chunks) > 100
    for chunk in chunks:
        known = chunk.metadata
        page = by_place[known["source"], known["page"]]
        assert page.page_content[known["start"] : known["end"]] == chunk.page_content
        if known["media_type"] in ("text/plain", "application/json"):
            assert "line" in known["place"]
        else:
            assert known["line"] == 1 + page.page_content.count("\n", 0, known["start"])
        assert not known.keys() & {"outline", "lines"}
        assert count(chunk.page_content) <= 200
    places = [chunk.metadata["place"] for chunk in chunks]
    assert any(place.startswith("section “Suez and Panama”, lines ") for place in places)
    assert any(chunk.metadata["place"].startswith("sheet ") for chunk in chunks)


def test_headings_hold_from_one_page_to_the_next(tmp_path: Path) -> None:
    third = [
        chunk
        for chunk in ChunkSplitter().split_documents(FileLoader(EDDYSTONE).load())
        if chunk.metadata["page"] == 3
    ]
    assert third[0].metadata["headings"][:2] == [
        "The Four Towers of the Eddystone",
        "1. The rocks and their danger",
    ]


def test_the_same_chunks_as_the_ingest_makes(tmp_path: Path) -> None:
    from ingest.pipeline import ingest
    from rag.settings import load_settings
    from rag.store.open import open_store

    ingest([EDDYSTONE], settings=load_settings({"index": str(tmp_path / "index")}))
    store = open_store(tmp_path / "index")
    with store.snapshot() as snapshot:
        hits = snapshot.chunks_of("eddystone-lighthouses.pdf")
    store.close()
    chunks = ChunkSplitter().split_documents(FileLoader(EDDYSTONE).load())
    assert [(hit.page, hit.start, hit.end, hit.place, list(hit.headings)) for hit in hits] == [
        tuple(chunk.metadata[name] for name in ("page", "start", "end", "place", "headings"))
        for chunk in chunks
    ]


def test_other_peoples_documents_are_split_each_by_itself() -> None:
    documents = [
        Document(page_content="One two three four. " * 8, metadata={"source": "x", "page": 0, "mine": [1]}),
        Document(page_content="Five.", metadata={"source": "x", "page": 1}),
    ]
    splitter = ChunkSplitter(chunk_tokens=16, count_tokens=words)
    chunks = splitter.split_documents(documents)
    assert [chunk.metadata["page"] for chunk in chunks] == [0, 0, 1]
    assert chunks[0].metadata == {"source": "x", "page": 0, "mine": [1], "start": 0, "end": 79}
    assert documents[0].metadata == {"source": "x", "page": 0, "mine": [1]}
    made = splitter.create_documents(["Five.", "Six."], [{"n": 1}, {"n": 2}])
    assert [(one.page_content, one.metadata["n"]) for one in made] == [("Five.", 1), ("Six.", 2)]
    assert splitter.transform_documents(documents) == chunks


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(alphabet="ab .\n\t!灯", max_size=200), max_size=4), tokens=st.integers(16, 40))
def test_nothing_is_lost_and_nothing_said_twice(texts: list[str], tokens: int) -> None:
    splitter = ChunkSplitter(chunk_tokens=tokens, count_tokens=words)
    documents = [Document(page_content=text, metadata={"n": n}) for n, text in enumerate(texts)]
    chunks = splitter.split_documents(documents)
    for n, text in enumerate(texts):
        own = [chunk for chunk in chunks if chunk.metadata["n"] == n]
        assert "".join("".join(chunk.page_content for chunk in own).split()) == "".join(text.split())
        ends = 0
        for chunk in own:
            assert chunk.metadata["start"] >= ends
            ends = chunk.metadata["end"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"outline": [{"level": 1}], "page": 1}, r"the outline of None is not what a loader gave"),
        ({"outline": 7, "page": 1}, r"the outline of None is not what a loader gave"),
        ({"outline": [], "source": "x"}, r"a page of 'x' has an outline and no number"),
    ],
)
def test_pages_that_were_changed(metadata: dict[str, Any], message: str) -> None:
    pages = [Document(page_content="Text.", metadata=metadata)] * 2
    with pytest.raises(UsageError, match=message):
        ChunkSplitter(count_tokens=words).split_documents(pages)


def test_too_small_chunks() -> None:
    with pytest.raises(UsageError, match="chunk_tokens is 3; the least is 16"):
        ChunkSplitter(chunk_tokens=3)


def test_all_of_it_without_our_index(tmp_path: Path) -> None:
    """Loader, splitter, store, retriever: the words are on the page that they name."""
    chunks = ChunkSplitter().split_documents(FolderLoader(SAMPLES / "lighthouses").load())
    with FaissStore.from_documents(chunks, LocalEmbeddings(), path=tmp_path / "store") as store:
        assert len(store) == len(chunks)
        found = store.as_retriever(search_kwargs={"k": 3}).invoke("Who built the third Eddystone tower?")
        assert any("Smeaton" in document.page_content for document in found)
        assert {document.metadata["place"] for document in found} <= {
            chunk.metadata["place"] for chunk in chunks
        }
