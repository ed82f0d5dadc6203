"""A page of a source as it can be shown: the PDF's picture with the cited words boxed, or the text.

Takes a source, a page and the cited words; gives what the screen needs. Where the picture would not show
what was read (the file is gone or was changed, can't be drawn, or the words are not found on it) the text
as it was read is given instead, in the form of its kind, and a note says why. Words that were cited before
their source was read anew are looked for on the page as it is now. Knows nothing about Streamlit.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ingest.files import hash_file
from ingest.page_image import PageImage, render_page
from ingest.passwords import read_passwords
from ingest.sandbox import Sandbox
from rag.errors import SourceError
from rag.records import Page, Source
from rag.store.contract import Store
from ui.page_form import PageForm, page_form
from ui.terminal import visible

View = Literal["image", "text"]
_Key = tuple[str, int, str]  # a source's content, a page, the words to be boxed
WIDTH_PIXELS = 1500  # twice the width that a page has on most screens
MOST_CACHED_BYTES = 64 << 20
FOUND_ENOUGH = 0.6  # below this share of its letters, a quote counts as not found on the picture


@dataclass(frozen=True, slots=True)
class Passage:
    """What was cited: a page of a source, and the span of its text (empty: the page alone).

    `quote` is what stood there when it was cited, where somebody may have read the source anew since.
    """

    source: str
    page: int
    start: int = 0
    end: int = 0
    quote: str = ""


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page to show. `image` is there when `view` is "image"; `both` when the other view is there too."""

    source: Source
    page: int
    label: str | None
    view: View
    both: bool
    image: PageImage | None
    form: PageForm
    notes: tuple[str, ...]


class SourcePages:
    """Shows pages of the sources in a store; pictures are drawn once and kept for a while."""

    def __init__(
        self,
        store: Store,
        sandbox: Sandbox,
        *,
        file_megabytes: int,
        password_file: str | None = None,
        render: Callable[..., PageImage] = render_page,
    ) -> None:
        self._store = store
        self._sandbox = sandbox
        self._file_megabytes = file_megabytes
        self._password_file = password_file
        self._render = render
        self._drawn: OrderedDict[_Key, PageImage] = OrderedDict()
        self._under_way: dict[_Key, threading.Lock] = {}
        self._lock = threading.Lock()

    def show(self, passage: Passage, view: View | None = None) -> ShownPage:
        """The page with the passage's words marked; `view` is what the reader asked for, if anything.

        Raises what the store raises: a source that was removed meanwhile is a `UsageError`.
        """
        with self._store.snapshot() as snapshot:
            source = snapshot.find(passage.source)
            page = snapshot.page(passage.source, passage.page)
        passage, moved = _where_it_stands(page, passage)
        quote = page.text[passage.start : passage.end]
        if source.media_type != "application/pdf" and not source.media_type.startswith("image/"):
            return self._text(source, page, passage, both=False, notes=moved)
        try:
            self._require_unchanged(source)
            image = self._image(source, page, passage, quote)
        except SourceError as error:
            return self._text(source, page, passage, both=False, notes=[*moved, _instead(source, error)])
        lost = "The exact words could not be found on this page's picture."
        lost_notes = [lost] if quote.strip() and image.found < FOUND_ENOUGH else []
        notes = [*moved, *lost_notes]
        if view == "text" or (lost_notes and view is None):
            return self._text(source, page, passage, both=True, notes=notes)
        return ShownPage(
            source, page.number, page.label, "image", True, image, PageForm("text"), tuple(notes)
        )

    def prepare(self, passage: Passage) -> None:
        """Draws a page ahead of the click; a page that can't be drawn is left for the click to explain."""
        self.show(passage)

    def _text(
        self, source: Source, page: Page, passage: Passage, *, both: bool, notes: Sequence[str] = ()
    ) -> ShownPage:
        form = page_form(page, source.media_type, passage.start, passage.end)
        notes = [*notes, *filter(None, [form.note])]
        return ShownPage(source, page.number, page.label, "text", both, None, form, tuple(notes))

    def _image(self, source: Source, page: Page, passage: Passage, quote: str) -> PageImage:
        """Who wants a picture that is being drawn already (ahead of the click) waits for it."""
        key = (source.content_hash, page.number, quote)
        with self._lock:
            under_way = self._under_way.setdefault(key, threading.Lock())
        try:
            with under_way:
                return self._kept(key) or self._draw(key, source, page, passage)
        finally:
            with self._lock:
                self._under_way.pop(key, None)

    def _kept(self, key: _Key) -> PageImage | None:
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
            return self._drawn.get(key)

    def _draw(self, key: _Key, source: Source, page: Page, passage: Passage) -> PageImage:
        image = self._render(
            source.location,
            page.number,
            key[2],
            width_pixels=WIDTH_PIXELS,
            sandbox=self._sandbox,
            near=passage.start / max(1, len(page.text)),
            words=page.words,
            passwords=read_passwords(self._password_file) if self._password_file else (),
        )
        with self._lock:
            self._drawn[key] = image
            while sum(len(kept.png) for kept in self._drawn.values()) > MOST_CACHED_BYTES:
                self._drawn.popitem(last=False)
        return image

    def _require_unchanged(self, source: Source) -> None:
        """Raises `SourceError` unless the file still holds the bytes that were read."""
        try:
            status = os.stat(source.location)
        except OSError as error:
            raise SourceError(f"the file can't be opened any more ({error.strerror})") from error
        if (status.st_size, status.st_mtime_ns) == (source.size_bytes, source.modified_ns):
            return
        if hash_file(source.location, limit_megabytes=self._file_megabytes) != source.content_hash:
            raise SourceError("the file was changed after it was read")


def _where_it_stands(page: Page, passage: Passage) -> tuple[Passage, list[str]]:
    """The passage where its quote stands on the page by now, and a note when that is not where it was."""
    if not passage.quote.strip() or page.text[passage.start : passage.end] == passage.quote:
        return passage, []
    places = [match.start() for match in re.finditer(re.escape(passage.quote), page.text)]
    if not places:
        note = "The source changed since this was cited: the cited words are not on this page any more."
        return replace(passage, start=0, end=0), [note]
    start = min(places, key=lambda place: abs(place - passage.start))
    moved = replace(passage, start=start, end=start + len(passage.quote))
    return moved, [
        "The source changed since this was cited: its words stand at another place of the page now."
    ]


def _instead(source: Source, error: SourceError) -> str:
    place = visible(os.fsdecode(source.location).encode("utf-8", "backslashreplace").decode("utf-8"))
    return f"This is the text as it was read; the page can't be drawn: {error}. The file: {place}"
