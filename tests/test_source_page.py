"""Pages as they are shown: the picture while it shows what was read, else the text, with the reason."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pdf_by_hand import lines_pdf
from pictures_by_hand import drawn, saved
from pypdf import PdfWriter

from ingest import page_image
from ingest.files import hash_file
from ingest.reading import parse_file
from ingest.sandbox import Sandbox
from rag.errors import UsageError
from rag.records import Chunk, IndexMeta, Place, PlacedWord
from rag.store.local_store import LocalStore
from ui import marked_text
from ui.source_page import Passage, SourcePages

PAGES = (["The tower was lit in 1759.", "It stood for a century."], ["Nothing of note."])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seconds=60) as child:
        yield child


class Shelf:
    """Files on disk that are in a real index, and the pages shown of them."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder / "docs"
        self.folder.mkdir()
        self.sandbox = sandbox
        self.store = LocalStore.open(folder / "index", create=True)
        self.drawn = 0
        self.words: tuple[PlacedWord, ...] = ()
        self.pages = SourcePages(self.store, sandbox, file_megabytes=10, render=self.render)

    def render(self, *arguments: object, **options: object) -> page_image.PageImage:
        self.drawn += 1
        self.words = options["words"]  # type: ignore[assignment]
        return page_image.render_page(*arguments, **options)  # type: ignore[arg-type]

    def put(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        digest = hash_file(bytes(path), limit_megabytes=10)
        status = path.stat()
        place = Place(str(self.folder), name, bytes(path), digest, status.st_size, status.st_mtime_ns)
        document = parse_file(bytes(path), name=name, content_hash=digest, sandbox=self.sandbox)
        text = document.pages[0].text
        with self.store.writer() as writer:
            writer.set_meta(IndexMeta("none", "1", 2, 200, 1))
            chunks = [Chunk(1, 0, len(text), text)]
            writer.put(place, document, chunks, np.ones((1, 2), np.float32), [b"0" * 16])
        return path

    def passage(self, name: str, words: str, page: int = 1) -> Passage:
        with self.store.snapshot() as snapshot:
            start = snapshot.page(name, page).text.index(words)
        return Passage(name, page, start, start + len(words))


@pytest.fixture
def shelf(tmp_path: Path, sandbox: Sandbox) -> Shelf:
    return Shelf(tmp_path, sandbox)


def test_a_pdf_is_a_picture_with_the_words_boxed(shelf: Shelf) -> None:
    shelf.put("tower.pdf", lines_pdf(*PAGES))
    shown = shelf.pages.show(shelf.passage("tower.pdf", "lit in 1759"))
    assert (shown.view, shown.both, shown.notes) == ("image", True, ())
    assert shown.image is not None
    assert len(shown.image.boxes) == 1
    assert shown.source.page_count == 2


def test_drawn_once(shelf: Shelf) -> None:
    shelf.put("tower.pdf", lines_pdf(*PAGES))
    passage = shelf.passage("tower.pdf", "lit in 1759")
    shelf.pages.prepare(passage)
    assert shelf.pages.show(passage).image == shelf.pages.show(passage).image
    assert shelf.drawn == 1
    shelf.pages.show(Passage("tower.pdf", 2))
    assert shelf.drawn == 2


def test_a_click_waits_for_what_is_drawn_ahead(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.put("tower.pdf", lines_pdf(*PAGES))
    passage = shelf.passage("tower.pdf", "lit in 1759")
    begun, go_on = threading.Event(), threading.Event()
    render = shelf.pages._render

    def slow(*arguments: object, **options: object) -> page_image.PageImage:
        begun.set()
        assert go_on.wait(30)
        return render(*arguments, **options)

    monkeypatch.setattr(shelf.pages, "_render", slow)
    with ThreadPoolExecutor() as pool:
        ahead = pool.submit(shelf.pages.prepare, passage)
        assert begun.wait(30)
        click = pool.submit(shelf.pages.show, passage)
        go_on.set()
        assert click.result(30).view == "image"
        ahead.result(30)
    assert shelf.drawn == 1


def test_its_text_when_the_reader_wants_it(shelf: Shelf) -> None:
    shelf.put("tower.pdf", lines_pdf(*PAGES))
    shown = shelf.pages.show(shelf.passage("tower.pdf", "lit in 1759"), "text")
    assert (shown.view, shown.both, shown.image) == ("text", True, None)
    assert [piece.text for piece in shown.form.pieces if piece.marked] == ["lit in 1759"]


def test_a_format_without_pages_is_text(shelf: Shelf) -> None:
    shelf.put("notes.md", b"# Towers\n\nThe tower was lit in 1759.\n")
    shown = shelf.pages.show(shelf.passage("notes.md", "lit in 1759"))
    assert (shown.view, shown.both, shown.notes) == ("text", False, ())
    assert [piece.text for piece in shown.form.pieces if piece.marked] == ["lit in 1759"]
    assert [piece.level for piece in shown.form.pieces if "Towers" in piece.text] == [1]


def test_a_file_that_is_gone_is_shown_as_it_was_read(shelf: Shelf) -> None:
    shelf.put("tower.pdf", lines_pdf(*PAGES)).unlink()
    shown = shelf.pages.show(shelf.passage("tower.pdf", "lit in 1759"))
    assert shown.view == "text"
    assert "can't be opened any more (No such file or directory)" in shown.notes[0]
    assert str(shelf.folder / "tower.pdf") in shown.notes[0]


def test_a_file_that_was_changed_is_shown_as_it_was_read(shelf: Shelf) -> None:
    shelf.put("tower.pdf", lines_pdf(*PAGES)).write_bytes(lines_pdf(["Another tower."]))
    shown = shelf.pages.show(shelf.passage("tower.pdf", "lit in 1759"))
    assert shown.view == "text"
    assert "the file was changed after it was read" in shown.notes[0]
    assert [piece.text for piece in shown.form.pieces if piece.marked] == ["lit in 1759"]


def test_a_file_that_was_only_touched_is_still_a_picture(shelf: Shelf) -> None:
    os.utime(shelf.put("tower.pdf", lines_pdf(*PAGES)), ns=(1, 1))
    assert shelf.pages.show(shelf.passage("tower.pdf", "lit in 1759")).view == "image"


def test_words_that_are_not_on_the_picture_are_shown_in_the_text(shelf: Shelf) -> None:
    shelf.put("tower.pdf", lines_pdf(*PAGES))

    def blind(*arguments: object, **options: object) -> page_image.PageImage:
        return page_image.PageImage(b"\x89PNG\r\n\x1a\n", 1, 1, (), 0.0)

    pages = SourcePages(shelf.store, shelf.sandbox, file_megabytes=10, render=blind)
    passage = shelf.passage("tower.pdf", "lit in 1759")
    shown = pages.show(passage)
    assert (shown.view, shown.both) == ("text", True)
    assert shown.notes == ("The exact words could not be found on this page's picture.",)
    assert pages.show(passage, "image").view == "image"


def test_the_places_of_a_scans_words_come_from_the_index(
    shelf: Shelf,
) -> None:
    pytest.importorskip("rapidocr")
    shelf.put("lamp.png", saved(drawn(["The lamp was lit", "in the evening"]), "PNG"))
    shown = shelf.pages.show(shelf.passage("lamp.png", "the evening"))
    assert [word.text for word in shelf.words] == ["The", "lamp", "was", "lit", "in", "the", "evening"]
    assert shown.image is not None
    assert (shown.view, shown.image.found, len(shown.image.boxes)) == ("image", 1.0, 1)


def test_a_very_long_page_is_shown_in_part(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marked_text, "MOST_CHARACTERS", 100)
    shelf.put("long.txt", b"word " * 100 + b"here it is " + b"word " * 100)
    shown = shelf.pages.show(shelf.passage("long.txt", "here it is"))
    assert "".join(piece.text for piece in shown.form.pieces if piece.marked) == "here it is"
    assert sum(len(piece.text) for piece in shown.form.pieces) == 100
    assert shown.notes[0].startswith("A part of it: characters 451 to 550 of 1,0")


def test_pictures_are_kept_within_a_limit(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.put("tower.pdf", lines_pdf(*PAGES))
    monkeypatch.setattr("ui.source_page.MOST_CACHED_BYTES", 1)
    for page in (1, 2, 1):
        shelf.pages.show(Passage("tower.pdf", page))
    assert shelf.drawn == 3


def test_a_source_that_was_removed_is_an_error_in_words(shelf: Shelf) -> None:
    with pytest.raises(UsageError, match=r"there is no source 'gone\.pdf' in the index"):
        shelf.pages.show(Passage("gone.pdf", 1))


def test_an_encrypted_pdf_is_drawn_with_a_password_of_the_file(shelf: Shelf, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords.txt"
    passwords.write_text("wrong\nsecret\n")
    writer = PdfWriter(clone_from=BytesIO(lines_pdf(*PAGES)))
    path = shelf.put("tower.pdf", lines_pdf(*PAGES))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(path)
    with shelf.store.writer() as store:  # as the ingest leaves it: what was read, and the bytes it came from
        [place] = store_places(shelf)
        status = path.stat()
        store.remove([place.location])
        digest = hash_file(bytes(path), limit_megabytes=10)
        document = parse_file(
            bytes(path),
            name="tower.pdf",
            content_hash=digest,
            sandbox=shelf.sandbox,
            passwords=("secret",),
        )
        text = document.pages[0].text
        place = Place(place.root, place.source, place.location, digest, status.st_size, status.st_mtime_ns)
        store.put(place, document, [Chunk(1, 0, len(text), text)], np.ones((1, 2), np.float32), [b"0" * 16])
    locked = shelf.pages.show(Passage("tower.pdf", 1))
    assert locked.view == "text"
    assert "password" in locked.notes[0]
    pages = SourcePages(shelf.store, shelf.sandbox, file_megabytes=10, password_file=str(passwords))
    shown = pages.show(shelf.passage("tower.pdf", "lit in 1759"))
    assert (shown.view, shown.notes) == ("image", ())
    passwords.unlink()
    with pytest.raises(UsageError, match="the password file"):
        pages.show(Passage("tower.pdf", 2))


def store_places(shelf: Shelf) -> list[Place]:
    with shelf.store.snapshot() as snapshot:
        return snapshot.places()


CITED = Passage("notes.md", 1, 8, 30, "The tower was lit 1759")


@pytest.mark.parametrize(
    ("now", "marked", "note"),
    [
        (b"# Towers\n\nThe tower was lit 1759.\n", "The tower was lit 1759", None),
        (
            b"# Towers\n\nNew words. The tower was lit 1759.\n",
            "The tower was lit 1759",
            "stand at another place",
        ),
        (b"# Towers\n\nIt was never lit.\n", "", "the cited words are not on this page any more"),
    ],
)
def test_words_cited_before_the_source_was_read_anew(
    shelf: Shelf, now: bytes, marked: str, note: str | None
) -> None:
    shelf.put("notes.md", now)
    shown = shelf.pages.show(CITED)
    assert "".join(piece.text for piece in shown.form.pieces if piece.marked) == marked
    assert len(shown.notes) == (note is not None)
    assert note is None or note in shown.notes[0]
