"""An index copied between a folder and Milvus: nothing is lost, made anew or written over."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import store_samples as samples
from click.testing import CliRunner
from milvus_server import LiteServer
from store_samples import META, filled, put

from rag.errors import IndexInvalid, UsageError
from rag.records import Document, Page, PlacedWord
from rag.store.contract import Store
from rag.store.copying import CopyProgress, copy_index
from rag.store.open import open_store
from ui.cli import cli

TEXTS = {"alpha.txt": "# Alpha\nbanana bread", "notes/beta.txt": "pie of ohio\f\fteeth", "empty.txt": ""}


@pytest.fixture(params=["to milvus", "from milvus"])
def places(request: pytest.FixtureRequest, tmp_path: Path, milvus_server: LiteServer) -> tuple[str, str]:
    """Where an index is, and where it is to be copied to."""
    folder, address = str(tmp_path / "index"), milvus_server.new_address()
    return (folder, address) if request.param == "to milvus" else (address, folder)


def made(where: str) -> Store:
    """An index with everything that one can hold, by parsers of two versions."""
    store = filled(where, TEXTS)
    with store.writer() as writer:
        writer.link(samples.place("copy.txt", TEXTS["alpha.txt"]))
        writer.record_failure(samples.place("no.pdf", "x"), "it is broken", 1)
        writer.set_meta(replace(META, parser_version=3))
        page = Page(1, "words", (), "iv", (PlacedWord("words", 1, 2, 30, 40),))
        document = Document("image/png", (page,), "A title", ("made by hand",))
        place, lines = samples.place("scan.png", "words"), samples.chunks("words")
        writer.put(place, document, lines, samples.vectors(["words"]), [samples.digest("words")])
    return store


def everything(store: Store) -> dict[str, object]:
    """All that an index holds, but when it was read and under which numbers."""
    with store.snapshot() as snapshot:
        sources = snapshot.sources()
        hits = {one.source: snapshot.chunks_of(one.source) for one in sources}
        return {
            "meta": snapshot.meta(),
            "sources": [replace(one, ingested_at="") for one in sources],
            "pages": [
                snapshot.page(one.source, number + 1) for one in sources for number in range(one.page_count)
            ],
            "hits": [replace(hit, chunk_id=0) for found in hits.values() for hit in found],
            "vectors": [
                snapshot.vectors([hit.chunk_id for hit in found]).tolist() for found in hits.values()
            ],
            "failures": snapshot.failures(),
            "outdated": [snapshot.outdated(version) for version in (1, 2, 3, 4)],
            "warnings": [store.stored(one.content_hash).document.warnings for one in sources],
            "digests": [store.stored(one.content_hash).digests for one in sources],
        }


def test_a_copy_holds_all_that_the_index_holds(places: tuple[str, str]) -> None:
    origin, target = made(places[0]), open_store(places[1], create=True)
    told: list[CopyProgress] = []
    report = copy_index(origin, target, progress=told.append)
    assert (report.sources, report.before, report.chunks, report.stopped) == (5, 0, 5, False)
    assert [one.done for one in told] == [0, 2, 3, 4, 5]
    assert everything(target) == everything(origin)
    assert target.check() == []
    again = copy_index(origin, target)
    assert (again.sources, again.before, again.chunks) == (5, 5, 0)
    with target.writer() as writer:
        found = writer.vectors_for([samples.digest("banana bread")])
    assert np.array_equal(found[samples.digest("banana bread")], samples.vector("banana bread"))


def test_a_copy_that_was_stopped_goes_on(places: tuple[str, str]) -> None:
    origin, target = made(places[0]), open_store(places[1], create=True)
    stop = threading.Event()

    def two(state: CopyProgress) -> None:
        if state.done >= 2:
            stop.set()

    report = copy_index(origin, target, progress=two, stop=stop)
    assert (report.sources, report.stopped) == (2, True)
    report = copy_index(origin, target)
    assert (report.sources, report.before, report.stopped) == (5, 2, False)
    assert everything(target) == everything(origin)


def test_another_index_is_not_written_over(places: tuple[str, str]) -> None:
    origin, target = made(places[0]), filled(places[1], {"other.txt": "other"})
    before = everything(target)
    with pytest.raises(IndexInvalid, match=r"holds 'other.txt', which is not in .*nothing was written to it"):
        copy_index(origin, target)
    assert everything(target) == before


def test_an_index_made_in_another_way_is_not_written_over(tmp_path: Path) -> None:
    origin, target = made(str(tmp_path / "one")), open_store(tmp_path / "two", create=True)
    with target.writer() as writer:
        writer.set_meta(replace(META, embedding_revision="2"))
        put(writer, "alpha.txt", TEXTS["alpha.txt"])
    with pytest.raises(IndexInvalid, match="was made in another way than"):
        copy_index(origin, target)


def test_nothing_to_copy_and_onto_itself(tmp_path: Path) -> None:
    empty, target = open_store(tmp_path / "one", create=True), open_store(tmp_path / "two", create=True)
    with pytest.raises(UsageError, match="holds nothing to copy"):
        copy_index(empty, target)
    with pytest.raises(UsageError, match="can't be copied onto itself"):
        copy_index(empty, open_store(tmp_path / "one"))


def test_the_command(tmp_path: Path, milvus_server: LiteServer) -> None:
    made(str(tmp_path / "index")).close()
    address = milvus_server.new_address()
    done = CliRunner().invoke(cli, ["index", "copy", str(tmp_path / "index"), address, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["sources"] == 5
    done = CliRunner().invoke(cli, ["index", "copy", address, str(tmp_path / "back")])
    assert done.exit_code == 0
    assert "5 sources of" in done.stderr
    one, other = open_store(tmp_path / "index"), open_store(tmp_path / "back")
    assert everything(one) == everything(other)
