"""The whole ingest, with real parsers in the real sandbox, the real store, and vectors known to the bit."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docx_by_hand import docx, p
from hashed_embeddings import DIMENSION, HashedEmbeddings, vector_of
from pdf_by_hand import lines_pdf

from ingest import pipeline
from ingest.pipeline import Progress, Report, ingest
from ingest.reading import parse_file
from rag.errors import CorruptSource, IndexLocked, IndexMismatch, StoreError, UsageError
from rag.records import Document, Failure, IndexMeta, Page
from rag.settings import Settings
from rag.store.local_writer import Writer
from rag.store.open import open_store

PARAGRAPHS = [
    " ".join(
        f"Sentence {k} of part {n} says that lock number {n} has gates of oak and iron." for k in range(9)
    )
    for n in range(12)
]
ENDLESS = functools.partial(parse_file, job="hostile_parsers:parse_without_end")
BROKEN_PDF = b"%PDF-1.4 and then nothing"


class Bench:
    """A folder of documents and an index beside it."""

    def __init__(self, folder: Path) -> None:
        self.docs = folder / "docs"
        self.docs.mkdir()
        self.settings = Settings(index=str(folder / "index"), chunk_tokens=100, embedding_model="hashed")
        self.embedders: list[HashedEmbeddings] = []
        self.before_embedding: Callable[[], None] | None = None

    def write(self, name: str, data: bytes | str) -> Path:
        path = self.docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def load(self, name: str) -> Any:
        self.embedders.append(HashedEmbeddings(name, before=self.before_embedding))
        return self.embedders[-1]

    def ingest(self, *paths: Path, **options: Any) -> Report:
        return ingest(
            paths or [self.docs], options.pop("settings", self.settings), load_embedder=self.load, **options
        )

    def contents(self) -> dict[str, Any]:
        """All that the index has, with every vector checked against its text."""
        store = open_store(self.settings.index)
        assert store.check() == []
        found: dict[str, Any] = {}
        with store.snapshot() as snapshot:
            for source in snapshot.sources():
                hits = snapshot.chunks_of(str(os.fsdecode(source.location)))
                vectors = snapshot.vectors([hit.chunk_id for hit in hits])
                pages = [snapshot.page(os.fsdecode(source.location), n + 1) for n in range(source.page_count)]
                found[source.source] = (
                    source.content_hash,
                    pages,
                    [hit.text for hit in hits],
                    vectors.tobytes(),
                )
            self.failures = [(place.source, reason) for place, reason, _ in snapshot.failures()]
        store.close()
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.write("a.txt", "\n\n".join(PARAGRAPHS))
    made.write(
        "sub/b.md", "# Bread\n\nBread rises because yeast makes gas.\n\n## Salt\n\nSalt slows the yeast."
    )
    made.write("c.pdf", lines_pdf(["The lock gate opens at noon."], ["It closes at four."]))
    return made


def test_everything_comes_in_and_is_found_where_it_stands(bench: Bench) -> None:
    bench.write("d.docx", docx(p("A word document.")))
    bench.write("e.html", "<h1>Tides</h1><p>They come and go.</p>")
    report = bench.ingest()
    assert report.added == ("a.txt", "c.pdf", "d.docx", "e.html", "sub/b.md")
    assert report.updated == report.moved == report.removed == report.unchanged == report.failed == ()
    assert report.readable == 5
    contents = bench.contents()
    assert sorted(contents) == sorted(report.added)
    assert [page.text for page in contents["c.pdf"][1]] == [
        "The lock gate opens at noon.",
        "It closes at four.",
    ]
    assert report.chunks == report.embedded == sum(len(chunks) for _, _, chunks, _ in contents.values())


def test_what_is_embedded_is_the_heading_path_and_the_text(bench: Bench) -> None:
    bench.write(
        "sub/b.md", "# Bread\n\n" + "Yeast makes gas. " * 20 + "\n\n## Salt\n\n" + "Salt slows it. " * 20
    )
    bench.ingest(bench.docs / "sub" / "b.md")
    store = open_store(bench.settings.index)
    with store.snapshot() as snapshot:
        hits = snapshot.chunks_of("b.md")
        vectors = snapshot.vectors([hit.chunk_id for hit in hits])
    store.close()
    assert [hit.headings for hit in hits] == [("Bread",), ("Bread", "Salt")]
    embedded = [hits[0].text, "Bread\n" + hits[1].text]  # what a chunk begins with is not said before it
    assert bench.embedders[0].embedded == embedded
    assert np.array_equal(vectors, np.stack([vector_of(text) for text in embedded]))


def test_the_second_run_loads_nothing_and_embeds_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.ingest()
    before = bench.contents()
    monkeypatch.setattr(pipeline, "Sandbox", None)  # no parser is started
    bench.embedders.clear()
    report = bench.ingest()
    assert report.unchanged == ("a.txt", "c.pdf", "sub/b.md")
    assert (report.added, report.updated, report.chunks, report.embedded) == ((), (), 0, 0)
    assert bench.embedders == []
    assert bench.contents() == before


def test_heavy_libraries_stay_away_from_an_unchanged_folder(bench: Bench) -> None:
    bench.ingest()
    script = (
        "import sys, threading\n"
        "from ingest.pipeline import ingest\n"
        "from rag.settings import Settings\n"
        "report = ingest([sys.argv[1]], Settings(index=sys.argv[2]))\n"
        "loaded = {'torch', 'sentence_transformers', 'langchain_core', 'pypdf', 'lxml'} & set(sys.modules)\n"
        "print(len(report.unchanged), sorted(loaded))\n"
    )
    command = [sys.executable, "-c", script, str(bench.docs), bench.settings.index]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "3 []"


def test_one_changed_paragraph_embeds_its_chunks_alone(bench: Bench) -> None:
    first = bench.ingest()
    changed = [*PARAGRAPHS]
    changed[5] = changed[5].replace("oak", "elm")
    bench.write("a.txt", "\n\n".join(changed))
    report = bench.ingest()
    assert (report.updated, report.unchanged) == (("a.txt",), ("c.pdf", "sub/b.md"))
    assert 0 < report.embedded <= 4
    assert report.chunks > 3 * report.embedded
    assert report.chunks <= first.chunks
    assert "elm" in " ".join(bench.contents()["a.txt"][2])


def test_a_moved_file_keeps_its_chunks(bench: Bench) -> None:
    bench.ingest()
    before = bench.contents()
    (bench.docs / "a.txt").rename(bench.docs / "sub" / "moved.txt")
    bench.embedders.clear()
    report = bench.ingest()
    assert (report.moved, report.removed, bench.embedders) == (("sub/moved.txt",), (), [])
    assert bench.contents()["sub/moved.txt"] == before["a.txt"]


def test_a_deleted_files_chunks_go(bench: Bench) -> None:
    bench.ingest()
    (bench.docs / "a.txt").unlink()
    report = bench.ingest()
    assert report.removed == ("a.txt",)
    assert sorted(bench.contents()) == ["c.pdf", "sub/b.md"]


def test_files_that_change_places_are_both_right(bench: Bench) -> None:
    bench.ingest()
    before = bench.contents()
    one, other = bench.docs / "a.txt", bench.docs / "sub" / "b.md"
    one.rename(bench.docs / "t")
    other.rename(one)
    (bench.docs / "t").rename(other)
    report = bench.ingest()
    assert set(report.updated) == {"a.txt", "sub/b.md"}
    contents = bench.contents()
    assert contents["a.txt"][0] == before["sub/b.md"][0]
    assert contents["sub/b.md"][0] == before["a.txt"][0]


def test_copies_in_one_run_are_parsed_and_embedded_once(bench: Bench) -> None:
    for n in range(5):
        bench.write(f"copy{n}.txt", "\n\n".join(PARAGRAPHS))
    report = bench.ingest()
    assert len(report.added) == 8
    contents = bench.contents()
    assert len({contents[name][3] for name in contents if name.endswith(".txt")}) == 1
    assert len(bench.embedders[0].embedded) == len(set(bench.embedders[0].embedded)) == report.embedded


def test_a_folder_above_takes_over_and_embeds_nothing(bench: Bench) -> None:
    bench.ingest(bench.docs / "sub")
    assert sorted(bench.contents()) == ["b.md"]
    report = bench.ingest()
    assert (report.added, report.unchanged) == (("a.txt", "c.pdf"), ("sub/b.md",))
    assert sorted(bench.contents()) == ["a.txt", "c.pdf", "sub/b.md"]


# --- failures ---------------------------------------------------------------------------------------


def test_a_file_that_cant_be_read_is_a_row_and_the_rest_is_in(bench: Bench) -> None:
    bench.write("broken.pdf", BROKEN_PDF)
    bench.write("empty.txt", "")
    report = bench.ingest()
    assert [failure.source for failure in report.failed] == ["broken.pdf", "empty.txt"]
    assert report.failed[1].reason == "the file is empty (0 bytes)"
    assert len(report.added) == 3
    assert sorted(bench.contents()) == ["a.txt", "c.pdf", "sub/b.md"]
    assert bench.failures == [(failure.source, failure.reason) for failure in report.failed]


def test_a_failure_is_not_tried_again_but_said_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write("broken.pdf", BROKEN_PDF)
    first = bench.ingest()
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "Sandbox", None)
        assert bench.ingest().failed == first.failed
    bench.write("broken.pdf", lines_pdf(["Mended."]))
    assert bench.ingest().added == ("broken.pdf",)
    bench.contents()
    assert bench.failures == []


def test_retry_tries_again(bench: Bench) -> None:
    bench.write("broken.pdf", BROKEN_PDF)
    bench.ingest()
    tried: list[str] = []
    bench.ingest(retry=True, progress=lambda state: tried.append(state.source))
    assert set(tried) == {"broken.pdf"}


def test_a_file_that_broke_is_no_longer_cited(bench: Bench) -> None:
    bench.ingest()
    bench.write("c.pdf", BROKEN_PDF)
    report = bench.ingest()
    assert [failure.source for failure in report.failed] == ["c.pdf"]
    assert sorted(bench.contents()) == ["a.txt", "sub/b.md"]


def test_a_failures_file_that_is_deleted_is_forgotten(bench: Bench) -> None:
    path = bench.write("broken.pdf", BROKEN_PDF)
    bench.ingest()
    path.unlink()
    report = bench.ingest()
    assert (report.failed, report.removed) == ((), ())
    bench.contents()
    assert bench.failures == []


def test_a_file_that_may_not_be_read_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if os.fsencode(path).endswith(b"a.txt"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)  # root, who runs the tests at times, may read everything
        assert bench.ingest().failed == (Failure("a.txt", "can't be opened: Permission denied"),)
    assert bench.ingest().added == ("a.txt",)


def test_a_parser_that_hangs_is_that_files_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "parse_file", ENDLESS)
    settings = Settings(index=bench.settings.index, embedding_model="hashed", parse_seconds=1)
    report = bench.ingest(bench.docs / "sub", settings=settings)
    assert report.failed == (
        Failure("b.md", "took longer than 1 s and was stopped; parse_seconds sets the limit"),
    )


def test_warnings_come_with_the_report(bench: Bench) -> None:
    bench.write("w.txt", "Seen\U000e0041 by all.")
    report = bench.ingest(bench.docs / "w.txt")
    assert report.warnings == (
        Failure("w.txt", "1 characters that no screen shows (Unicode tags) were left out"),
    )
    assert report.added == ("w.txt",)


# --- the call itself --------------------------------------------------------------------------------


def test_a_path_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(UsageError, match="is not there; name a file or a folder"):
        bench.ingest(bench.docs / "nowhere")


def test_an_empty_folder_is_no_error(bench: Bench) -> None:
    (bench.docs / "void").mkdir()
    report = bench.ingest(bench.docs / "void")
    assert report.readable == 0
    assert bench.embedders == []


def test_another_embedding_model_is_refused_by_both_names(bench: Bench) -> None:
    bench.ingest()
    other = Settings(index=bench.settings.index, embedding_model="other/model")
    with pytest.raises(IndexMismatch, match=r"made with the embedding model 'hashed'.*ask for 'other/model'"):
        bench.ingest(settings=other)


def test_another_revision_of_the_model_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ingest()
    monkeypatch.setattr(HashedEmbeddings, "revision", "2")
    bench.write("new.txt", "New.")
    with pytest.raises(IndexMismatch, match="revision"):
        bench.ingest()


def test_the_indexs_meaning_is_set_once_and_wins(bench: Bench) -> None:
    bench.ingest()
    bench.write("new.txt", "\n\n".join(PARAGRAPHS[:4]))
    bench.ingest(settings=Settings(index=bench.settings.index, chunk_tokens=180))
    store = open_store(bench.settings.index)
    assert store.meta() == IndexMeta("hashed", "1", DIMENSION, 100, pipeline.PARSER_VERSION)
    store.close()
    assert all(HashedEmbeddings().count_tokens(text) <= 100 for text in bench.contents()["new.txt"][2])


# --- newer parsers --------------------------------------------------------------------------------------


def newer_parsers(monkeypatch: pytest.MonkeyPatch, *, broken: bytes = b"") -> list[str]:
    """Parsers of the next version: they read one page more. Gives the names of what they read."""
    read: list[str] = []

    def parse(path: bytes, *, name: str, **more: Any) -> Document:
        read.append(name)
        document = parse_file(path, name=name, **more)
        if broken and path.endswith(broken):
            raise CorruptSource("the newer parsers don't like it")
        page = Page(len(document.pages) + 1, "A footnote that only newer parsers see.")
        return replace(document, pages=(*document.pages, page))

    monkeypatch.setattr(pipeline, "parse_file", parse)
    monkeypatch.setattr(pipeline, "PARSER_VERSION", pipeline.PARSER_VERSION + 1)
    return read


def test_newer_parsers_read_everything_again_and_embed_what_is_new(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("copy.md", (bench.docs / "sub/b.md").read_bytes())
    bench.write("broken.pdf", BROKEN_PDF)
    first = bench.ingest()
    before = bench.contents()
    read = newer_parsers(monkeypatch)
    report = bench.ingest()
    assert sorted(report.updated) == sorted(first.added)
    assert (report.added, report.removed, report.moved, report.unchanged) == ((), (), (), ())
    assert {"a.txt", "broken.pdf", "c.pdf", "copy.md"} <= set(read), "a failure is tried again too"
    assert [failure.source for failure in report.failed] == ["broken.pdf"]
    embedded = bench.embedders[-1].embedded
    assert report.embedded == len(embedded) == 2, "below a heading, and without one"
    assert all(text.endswith("A footnote that only newer parsers see.") for text in embedded)
    after = bench.contents()
    assert after.keys() == before.keys()
    for source, (_, pages, texts, _) in after.items():
        assert pages[:-1] == before[source][1]
        assert texts == [*before[source][2], "A footnote that only newer parsers see."]
    loaded = len(bench.embedders)
    assert sorted(bench.ingest().unchanged) == sorted(first.added)
    assert len(bench.embedders) == loaded


def test_newer_parsers_read_moved_and_touched_files_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.ingest()
    (bench.docs / "a.txt").rename(bench.docs / "moved.txt")
    os.utime(bench.docs / "sub/b.md", ns=(1, 1))
    newer_parsers(monkeypatch)
    report = bench.ingest()
    assert report.moved == ("moved.txt",)
    assert "sub/b.md" in report.updated
    assert all(len(pages) > 1 for _, pages, _, _ in bench.contents().values())


def test_while_newer_parsers_read_what_the_older_ones_read_is_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.ingest()
    before, stop = bench.contents(), threading.Event()
    newer_parsers(monkeypatch)

    def after_one(progress: Progress) -> None:
        if progress.files_done == 1:
            stop.set()

    half = bench.ingest(progress=after_one, stop=stop)
    assert len(half.updated) == 1
    mixed = bench.contents()
    assert mixed.keys() == before.keys()
    assert {source for source in mixed if mixed[source] != before[source]} == set(half.updated)
    rest = bench.ingest()
    assert sorted([*half.updated, *rest.updated]) == sorted(before)
    assert list(rest.unchanged) == list(half.updated)


def test_what_newer_parsers_cant_read_is_a_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ingest()
    newer_parsers(monkeypatch, broken=b"b.md")
    report = bench.ingest()
    assert report.failed == (Failure("sub/b.md", "the newer parsers don't like it"),)
    assert "sub/b.md" not in bench.contents()


def test_an_index_of_newer_parsers_is_left_as_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ingest()
    before = bench.contents()
    (bench.docs / "a.txt").unlink()
    monkeypatch.setattr(pipeline, "PARSER_VERSION", pipeline.PARSER_VERSION - 1)
    versions = f"parsers of version {pipeline.PARSER_VERSION + 1}; this program has version"
    with pytest.raises(IndexMismatch, match=f"{versions} {pipeline.PARSER_VERSION}: install the newer"):
        bench.ingest()
    assert bench.contents() == before


def test_two_at_once(bench: Bench) -> None:
    store = open_store(bench.settings.index, create=True)
    with store.writer(), pytest.raises(IndexLocked, match=str(os.getpid())):
        bench.ingest()
    store.close()


def test_progress_counts_up_to_the_end(bench: Bench) -> None:
    states: list[Progress] = []
    report = bench.ingest(progress=states.append)
    assert [state.files_done for state in states] == sorted(state.files_done for state in states)
    assert (states[-1].files_done, states[-1].files_total) == (3, 3)
    assert {state.source for state in states} == {"a.txt", "c.pdf", "sub/b.md"}
    assert states[-1].chunks == report.chunks
    assert states[-1].seconds_left == 0
    assert {"discover", "parse", "chunk", "embed", "store"} <= set(report.stages)


def test_the_next_file_is_parsed_while_this_one_is_embedded(bench: Bench) -> None:
    bench.write("a.txt", "Short.")
    for n in range(3):
        bench.write(f"n{n}.txt", f"Number {n}.")
    embedding = threading.Event()
    overlapped: list[bool] = []
    real = pipeline.parse_file

    def watched(*args: Any, **options: Any) -> Any:
        document = real(*args, **options)
        overlapped.append(embedding.is_set())
        return document

    def slow() -> None:
        embedding.set()
        time.sleep(0.3)
        embedding.clear()

    bench.before_embedding = slow
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pipeline, "TOGETHER", 1)
        patched.setattr(pipeline, "parse_file", watched)
        bench.ingest()
    assert any(overlapped)


# --- stopping ---------------------------------------------------------------------------------------


def test_stop_keeps_what_is_done_and_the_next_run_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "TOGETHER", 1)  # else so few chunks are stored at once
    for n in range(6):
        bench.write(f"n{n}.txt", f"Number {n}.")
    stop = threading.Event()

    def halt(state: Progress) -> None:
        if state.files_done == 3:
            stop.set()

    report = bench.ingest(progress=halt, stop=stop)
    assert len(report.added) == 3
    assert len(bench.contents()) == 3
    rest = bench.ingest()
    assert len(rest.added) == 6
    assert rest.unchanged == report.added


def test_small_files_are_embedded_and_stored_together(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_PATIENCE_SECONDS", 60)  # however slow this machine's parser is
    monkeypatch.setattr(pipeline, "TOGETHER", 25)
    calls: list[int] = []
    for n in range(60):
        bench.write(f"small/{n:02}.txt", f"Number {n} is short.")
    bench.before_embedding = lambda: calls.append(1)
    report = bench.ingest(bench.docs / "small")
    assert (len(report.added), report.chunks, len(calls)) == (60, 60, 3)  # 25, 25 and 10
    assert len(bench.contents()) == 60


def test_what_was_told_as_done_is_there_and_found_before_the_last_file_is_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "TOGETHER", 5)
    for n in range(20):
        bench.write(f"small/{n:02}.txt", f"Number {n} is short.")
    seen: list[tuple[int, int]] = []

    def look(state: Progress) -> None:
        reader = open_store(bench.settings.index)
        with reader.snapshot() as snapshot:
            found = snapshot.keywords("short", k=100)
            assert len(found) == len(snapshot.sources()) >= state.files_done
            assert state.chunks <= snapshot.chunk_count
        reader.close()
        seen.append((state.files_done, len(found)))

    bench.ingest(bench.docs / "small", progress=look)
    assert any(0 < found < 20 for _, found in seen)
    assert seen[-1] == (20, 20)


def test_an_error_in_the_middle_of_a_transaction_leaves_nothing_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_PATIENCE_SECONDS", 60)
    real, put = Writer.put, []

    def fail_at_the_second(self: Writer, *arguments: Any) -> None:
        put.append(1)
        if len(put) == 2:
            raise StoreError("the disk is full")
        real(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "put", fail_at_the_second)
        with pytest.raises(StoreError, match="the disk is full"):
            bench.ingest()
    assert bench.contents() == {}
    assert len(bench.ingest().added) == 3


def test_stop_ends_a_parser_that_is_at_work(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "parse_file", ENDLESS)
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    begun = time.monotonic()
    report = bench.ingest(stop=stop)
    assert time.monotonic() - begun < 20
    assert (report.added, report.failed) == ((), ())
    assert bench.contents() == {}
    assert bench.failures == []


def test_stop_between_portions_of_a_large_file_leaves_it_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.indexing.EMBEDDED_TOGETHER", 2)
    stop = threading.Event()
    bench.before_embedding = stop.set
    report = bench.ingest(stop=stop)
    assert (report.added, bench.contents()) == ((), {})
    assert len(bench.embedders[0].embedded) == 2


def test_an_interrupt_keeps_what_is_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "TOGETHER", 1)

    def interrupt(state: Progress) -> None:
        if state.files_done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.ingest(progress=interrupt)
    assert list(bench.contents()) == ["a.txt"]
    assert bench.ingest().added == ("c.pdf", "sub/b.md")


# --- again ------------------------------------------------------------------------------------------


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are parsed from now on."""
    real, parsed = pipeline.parse_file, []

    def parse(path: bytes, **options: Any) -> Document:
        parsed.append(options["name"])
        return real(path, **options)

    monkeypatch.setattr(pipeline, "parse_file", parse)
    return parsed


def test_what_did_not_change_is_neither_parsed_nor_embedded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.ingest()
    parsed = counted(monkeypatch)
    os.utime(bench.docs / "a.txt", ns=(5, 5))  # touched
    (bench.docs / "c.pdf").rename(bench.docs / "sub" / "renamed.pdf")  # moved
    (bench.docs / "copy.md").write_bytes((bench.docs / "sub" / "b.md").read_bytes())  # the same elsewhere
    bench.embedders.clear()
    report = bench.ingest()
    assert (report.unchanged, report.moved) == (("a.txt", "sub/b.md"), ("sub/renamed.pdf",))
    assert report.added == ("copy.md",)
    assert (parsed, bench.embedders, report.embedded) == ([], [], 0)


def test_the_same_file_in_two_places_is_stored_once_and_cited_by_the_place_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = counted(monkeypatch)
    for name in ("one/twin.txt", "two/twin.txt"):
        bench.write(name, "The twin gates open together.")
    report = bench.ingest(bench.docs / "one", bench.docs / "two")
    assert (len(report.added), report.chunks, report.embedded, len(parsed)) == (2, 1, 1, 1)
    store = open_store(bench.settings.index)
    with store.snapshot() as snapshot:
        assert snapshot.chunk_count == 1
        for name in ("one/twin.txt", "two/twin.txt"):
            found = snapshot.find(str(bench.docs / name))
            assert os.fsdecode(found.location) == str(bench.docs / name)
    store.close()


def test_a_large_file_with_one_changed_paragraph_embeds_that_alone(bench: Bench) -> None:
    paragraphs = [f"Paragraph {n}. " + f"Lock {n} has gates of oak and iron. " * 12 for n in range(300)]
    bench.write("large.txt", "\n\n".join(paragraphs))
    first = bench.ingest(bench.docs / "large.txt")
    paragraphs[150] = paragraphs[150].replace("oak", "elm")
    bench.write("large.txt", "\n\n".join(paragraphs))
    report = bench.ingest(bench.docs / "large.txt")
    assert first.embedded > 250
    assert 0 < report.embedded <= 2


def test_a_file_that_crashed_a_parser_is_not_tried_again_until_the_parsers_change(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing = functools.partial(parse_file, job="hostile_parsers:parse_and_abort")
    monkeypatch.setattr(pipeline, "parse_file", crashing)
    report = bench.ingest(bench.docs / "c.pdf")
    assert report.failed[0].reason.startswith("the parser crashed (SIGABRT)")
    parsed = counted(monkeypatch)
    assert bench.ingest(bench.docs / "c.pdf").failed == report.failed
    assert parsed == []
    bench.ingest(bench.docs / "c.pdf", retry=True)
    assert parsed == ["c.pdf"]
    monkeypatch.setattr(pipeline, "PARSER_VERSION", pipeline.PARSER_VERSION + 1)
    bench.ingest(bench.docs / "c.pdf")
    assert parsed == ["c.pdf", "c.pdf"]
    bench.ingest(bench.docs / "c.pdf")
    assert parsed == ["c.pdf", "c.pdf"]


def test_the_whole_command_over_a_thousand_unchanged_files_takes_under_a_second(tmp_path: Path) -> None:
    for n in range(1000):
        path = tmp_path / "docs" / str(n % 10) / f"{n}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Number {n}.")
    index = str(tmp_path / "index")
    ingest(
        [tmp_path / "docs"], Settings(index=index, embedding_model="hashed"), load_embedder=HashedEmbeddings
    )  # type: ignore[arg-type]
    command = [sys.executable, "-m", "ui.cli", "ingest", str(tmp_path / "docs"), "--json", "--index", index]
    begun = os.times()
    done = subprocess.run(command, capture_output=True, cwd=Path(__file__).parent.parent)
    ended = os.times()
    assert len(json.loads(done.stdout)["unchanged"]) == 1000
    spent = ended.children_user - begun.children_user + ended.children_system - begun.children_system
    assert spent < 1  # 0.35 s; of the processor, since the clock depends on what else the machine does
