"""What all tabs share: one index, one chain with one model, one child that draws pages.

Takes settings; gives the store at once and the chain when it is loaded, which is begun in a thread so that
the first page need not wait for torch. Knows nothing about Streamlit.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.sandbox import Sandbox
from rag.errors import RagError
from rag.records import Answer, Done, Event, Turn
from rag.settings import Settings
from rag.store import open_store
from ui import uploads
from ui.intake import Intake
from ui.source_page import Passage, SourcePages
from ui.terminal import visible

if TYPE_CHECKING:
    from ingest.pipeline import Progress, Report
    from rag.chain import Chain

SECONDS_FOR_LOCK = 10  # a source's own transaction is shorter
PAGES_AHEAD = 3  # of an answer's citations, drawn before anybody clicks
_log = logging.getLogger(__name__)


class Workspace:
    """One per process. Opening it makes the index's folder when there is none."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = open_store(settings.index, create=True)
        self.sandbox = Sandbox(
            seconds=settings.parse_seconds, memory_megabytes=settings.parse_megabytes, output_megabytes=64
        )
        self.pages = SourcePages(
            self.store,
            self.sandbox,
            file_megabytes=settings.file_megabytes,
            password_file=settings.password_file,
        )
        self.uploads = self.store.directory / uploads.FOLDER_NAME
        self.intake = Intake(self._read)
        self._chain: Chain | None = None
        self._loading = threading.Lock()
        self._trouble: str | None = None
        self._loaded = False
        threading.Thread(target=self._preload, name="load-models", daemon=True).start()

    def events(self, question: str, history: Sequence[Turn], stop: threading.Event) -> Iterator[Event]:
        """The chain's events; behind the last one the first cited pages are drawn ahead."""
        for event in self.chain().events(question, history=history, stop=stop):
            yield event
            if isinstance(event, Done):
                self._draw_ahead(event.answer)

    def chain(self) -> Chain:
        """The chain; the first caller loads it, the others wait. A failure is tried again next time."""
        from rag.chain import load_chain

        with self._loading:
            if self._chain is None:
                self._chain = load_chain(settings=self.settings)
            return self._chain

    def remove(self, location: bytes) -> None:
        """Takes a file out of the index, and deletes it when it was uploaded."""
        with self.store.writer(wait_seconds=SECONDS_FOR_LOCK) as writer:
            uploads.discard(self.uploads, location)
            writer.remove([location])

    @property
    def loading(self) -> bool:
        """Whether the models are not there yet."""
        return not self._loaded

    @property
    def trouble(self) -> str | None:
        """Why the models can't be loaded, in words; None when they can, or nobody knows yet."""
        return self._trouble

    def model_line(self) -> str:
        """Which model is at work, or that there is none."""
        if self._trouble is not None:
            return self._trouble
        if not self.settings.model:
            return "Quotes only: answers are the documents' own sentences."
        model = visible(self.settings.model)
        if model.startswith(("http://", "https://")):
            return f"OpenChat writes the answers at {model}: passages and questions are sent there."
        return f"OpenChat writes the answers on this machine: {Path(model).name}"

    def _preload(self) -> None:
        try:
            embedder = self.chain().searcher.embedder
            if embedder is not None:
                embedder.embed_query("the first text loads the weights")
            self._trouble = None
        except RagError as error:
            self._trouble = str(error)
        gc.collect()
        gc.freeze()  # what is loaded now stays; later collections need not walk over it
        self._loaded = True

    def _read(self, paths: Sequence[Path], note: Callable[[Progress], None], stop: threading.Event) -> Report:
        from ingest.pipeline import ingest

        report = ingest(paths, self.settings, progress=note, stop=stop)
        self._preload()  # the first documents say which embedder is needed
        return report

    def _draw_ahead(self, answer: Answer) -> None:
        for citation in answer.citations[:PAGES_AHEAD]:
            passage = Passage(citation.source, citation.page, citation.start, citation.end, citation.quote)
            try:
                self.pages.prepare(passage)
            except RagError as error:  # the click will meet it again, and say it on the page
                _log.debug("a page could not be drawn ahead: %s", error)
