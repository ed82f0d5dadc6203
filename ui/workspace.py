"""What all tabs share of one index: its chain with the one model, and one child that draws pages.

Takes settings; gives the store at once and the chain when it is loaded, which is begun in a thread so that
the first page need not wait for torch. Knows nothing about Streamlit.
"""

from __future__ import annotations

import dataclasses
import gc
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.sandbox import Sandbox
from rag.errors import RagError, UsageError
from rag.model.state_cache import forget_states
from rag.records import Answer, Done, Event, Turn
from rag.settings import Settings
from rag.store.open import open_store
from ui import uploads
from ui.evaluation import Evaluation
from ui.intake import Intake
from ui.source_page import Passage, SourcePages
from ui.terminal import visible

if TYPE_CHECKING:
    from ingest.pipeline import Progress, Report
    from rag.chain import Chain
    from rag.evaluation.records import EvalMode, EvalResult
    from rag.search.searcher import Searcher
    from ui.conversation import Conversation
    from ui.conversations import Conversations
    from ui.model_speed import SpeedLog

LONGEST_QUESTION = 8000  # characters; the window's own limit is the chain's to say
SECONDS_FOR_LOCK = 10  # a source's own transaction is shorter
PAGES_AHEAD = 3  # of an answer's citations, drawn before anybody clicks
_log = logging.getLogger(__name__)


class Workspace:
    """One for each index in use. Opening it makes the index's folder when there is none."""

    def __init__(self, settings: Settings, *, conversations: Conversations, speed: SpeedLog) -> None:
        self.settings = settings
        self.conversations = conversations
        self.speed = speed
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
        self.evaluation = Evaluation(self._evaluated)
        self._chain: Chain | None = None
        self._loading = threading.Lock()
        self._trouble: str | None = None
        self._loaded = False
        threading.Thread(target=self._preload, name="load-models", daemon=True).start()

    def events(
        self, question: str, history: Sequence[Turn], stop: threading.Event, *, only: tuple[str, ...] = ()
    ) -> Iterator[Event]:
        """The chain's events; behind the last one the first cited pages are drawn ahead.

        Raises `UsageError` for a question that is too long, and where there is nothing to ask.
        """
        self._require_answerable(question)
        for event in self.chain().events(question, history=history, only=only, stop=stop):
            yield event
            if isinstance(event, Done):
                self._draw_ahead(event.answer)
                self._measure(event.answer)

    def _require_answerable(self, question: str) -> None:
        if len(question) > LONGEST_QUESTION:
            raise UsageError(
                f"The question has {len(question):,} characters, and at most {LONGEST_QUESTION:,} can be "
                "asked. Edit it, or bring in the long text as a document and ask about that."
            )
        with self.store.snapshot() as snapshot:
            empty = not snapshot.chunk_count
        if empty and self.intake.going:
            raise UsageError("The first document is still being read. Ask again in a moment.")
        if empty:
            raise UsageError(
                "There is no document to ask yet. Bring some in on the page Library, then ask again."
            )

    @property
    def place(self) -> str:
        """The index's folder, by which its conversations are kept."""
        return self.settings.index

    def begin(self) -> Conversation:
        """A fresh conversation, which remembers nothing."""
        return self.conversations.begin(self.place, self.events)

    def take_up(self, name: str) -> Conversation:
        """One that was kept, or is going on in another tab."""
        return self.conversations.take_up(self.place, name, self.events)

    def use_model(self, model: str | None) -> None:
        """From the next question on this model answers; it is loaded in a thread."""
        with self._loading:
            self.settings = dataclasses.replace(self.settings, model=model)
            self._chain = None  # answers under way end with the one that they have
        self._loaded, self._trouble = False, None
        threading.Thread(target=self._preload, name="load-models", daemon=True).start()

    def chain(self) -> Chain:
        """The chain; the first caller loads it, the others wait. A failure is tried again next time."""
        from rag.chain import load_chain

        with self._loading:
            if self._chain is None:
                self._chain = load_chain(settings=self.settings)
            return self._chain

    def remove(self, location: bytes) -> None:
        """Takes a file out of the index, with all that models kept; deletes it when it was uploaded."""
        with self.store.writer(wait_seconds=SECONDS_FOR_LOCK) as writer:
            uploads.discard(self.uploads, location)
            writer.remove([location])
        forget_states()

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

        # whoever names a path here wants it read: what failed before is tried again, by this machine
        settings = dataclasses.replace(self.settings, ray=None)
        report = ingest(paths, settings, progress=note, stop=stop, retry=True)
        self._preload()  # the first documents say which embedder is needed
        return report

    def _evaluated(
        self,
        path: Path,
        mode: EvalMode,
        stop: threading.Event,
        note: Callable[[int, int, str], None],
    ) -> EvalResult:
        from rag.chain import Chain
        from rag.evaluation.evaluate import evaluate
        from rag.evaluation.question_file import read_questions

        questions = read_questions(path)
        chain = self.chain()
        subject: Chain | Searcher = chain
        if mode == "search":
            subject = chain.searcher
        elif mode == "quotes":
            subject = Chain(chain.searcher, None, dataclasses.replace(self.settings, model=None))
        return evaluate(subject, questions, k=self.settings.passages, stop=stop, progress=note)

    def _measure(self, answer: Answer) -> None:
        from rag.model.loaded_model import load_model
        from rag.template import encode_text

        if answer.ledger is None or answer.model != self.chain().model_name:
            return
        model = load_model(self.settings)
        self.speed.add(answer, lambda text: len(encode_text(text, model.tokenize)))

    def _draw_ahead(self, answer: Answer) -> None:
        for citation in answer.citations[:PAGES_AHEAD]:
            passage = Passage(citation.source, citation.page, citation.start, citation.end, citation.quote)
            try:
                self.pages.prepare(passage)
            except RagError as error:  # the click will meet it again, and say it on the page
                _log.debug("a page could not be drawn ahead: %s", error)
