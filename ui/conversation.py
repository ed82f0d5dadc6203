"""A conversation in one browser tab: questions asked one after the other, each answered in a thread.

Takes the chain's `events` as a callable; gives exchanges whose progress anybody may read at any time,
because Streamlit runs its script anew at each click and an answer must outlive that. Whoever keeps
conversations is told of every step before it can be seen. Knows nothing about the screen, the chain or the
index.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from rag.errors import RagError
from rag.records import (
    Answer,
    Citation,
    Cited,
    Done,
    Event,
    Passage,
    Queued,
    Reading,
    Retrieved,
    TextDelta,
    Turn,
)


class Ask(Protocol):
    """The chain's `events`: a question, the turns before it, what stops it, filters."""

    def __call__(
        self, question: str, history: Sequence[Turn], stop: threading.Event, *, only: tuple[str, ...]
    ) -> Iterator[Event]: ...


Keep = Callable[[int, str, "Progress", float | None], None]  # number, question, progress, seconds
Stage = Literal["waiting", "searching", "queued", "reading", "writing", "done", "failed"]
_ENDED: frozenset[Stage] = frozenset({"done", "failed"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an answer is. `answer` is there when it is done, `error` (in words) when it failed."""

    stage: Stage = "waiting"
    passages: tuple[Passage, ...] = ()
    text: str = ""
    citations: tuple[Citation, ...] = ()
    ahead: int = 0  # how many answers come before this one
    reading: Reading | None = None
    answer: Answer | None = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.stage in _ENDED


def advance(progress: Progress, event: Event) -> Progress:
    """The progress after one more event of the chain's stream."""
    match event:
        case Retrieved(passages):
            return replace(progress, stage="searching", passages=passages)
        case Queued(position):
            return replace(progress, stage="queued", ahead=position)
        case Reading():
            return replace(progress, stage="reading", reading=event)
        case TextDelta(text):
            return replace(progress, stage="writing", text=progress.text + text)
        case Cited(citation):
            return replace(progress, citations=(*progress.citations, citation))
        case Done(answer):
            return replace(
                progress,
                stage="done",
                text=answer.text,
                passages=answer.passages,
                citations=answer.citations,
                answer=answer,
            )


class Exchange:
    """One question and what became of it. Its thread replaces `progress`; everybody else reads it."""

    def __init__(
        self, number: int, question: str, keep: Keep | None = None, *, only: tuple[str, ...] = ()
    ) -> None:
        self.number = number
        self.question = question
        self.only = only  # the filters that it was asked with
        self.progress = Progress()
        self.seconds: float | None = None  # how long it took, once it has ended; waiting is not counted
        self.unkept: str | None = None  # why it could not be kept, in words
        self._keep = keep
        self._stop = threading.Event()
        self._ended = threading.Event()

    @classmethod
    def ended(cls, number: int, question: str, progress: Progress, seconds: float | None) -> Exchange:
        """One from before, which is only looked at."""
        exchange = cls(number, question)
        exchange.progress, exchange.seconds = progress, seconds
        if progress.stage == "done" and progress.answer is None:
            exchange._stop.set()
        exchange._ended.set()
        return exchange

    def stop(self) -> None:
        """Ends it wherever it is: waiting, queued, reading or writing; what is there stays."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._stop.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for its end; false when the time was over first."""
        return self._ended.wait(seconds)

    def run(self, ask: Ask, history: Callable[[], Sequence[Turn]], before: Exchange | None) -> None:
        """Works the question off; every error ends up in `progress`, in words."""
        try:
            while before is not None and not self.stopping and not before.wait(0.1):
                pass
            if self.stopping:
                self.put(replace(self.progress, stage="done"))
                return
            self.put(replace(self.progress, stage="searching"))
            started = time.monotonic()
            for event in ask(self.question, history(), self._stop, only=self.only):
                if isinstance(event, Done):
                    self.seconds = time.monotonic() - started
                self.put(advance(self.progress, event))
        except RagError as error:
            self._fail(str(error))
        except Exception as error:  # the page must go on; the traceback goes to the terminal
            _log.exception("an answer failed in a way that was not foreseen")
            self._fail(f"Something failed inside ({type(error).__name__}); the terminal has the details.")
        finally:
            if not self.progress.ended:
                self._fail("The answer ended too early; ask again.")
            self._ended.set()

    def _fail(self, words: str) -> None:
        self.put(replace(self.progress, stage="failed", error=words))

    def put(self, progress: Progress) -> None:
        """Keeps it, then shows it; an answer that can't be kept goes on all the same, and says so."""
        if self._keep is not None:
            try:
                self._keep(self.number, self.question, progress, self.seconds)
                self.unkept = None
            except RagError as error:
                self.unkept = str(error)
        self.progress = progress


class Conversation:
    """Exchanges in the order asked. A question asked while another is answered waits for it.

    `id` is its name among those that are kept; None when nobody keeps it.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        id: str | None = None,
        keep: Keep | None = None,
        exchanges: Sequence[Exchange] = (),
    ) -> None:
        self.id = id
        self._ask = ask
        self._keep = keep
        self.exchanges: list[Exchange] = list(exchanges)

    def ask(self, question: str, *, only: tuple[str, ...] = ()) -> Exchange:
        """Starts on a question at once, without waiting. `only`: filters, see `rag.search.filters`."""
        before = self.exchanges[-1] if self.exchanges else None
        exchange = Exchange(len(self.exchanges) + 1, question, self._keep, only=only)
        exchange.put(exchange.progress)
        self.exchanges.append(exchange)
        threading.Thread(
            target=exchange.run,
            args=(self._ask, lambda: self.history(exchange), before),
            name=f"answer-{exchange.number}",
            daemon=True,  # closing the program does not wait for a sentence
        ).start()
        return exchange

    def stop(self) -> None:
        """Stops whatever is going on."""
        for exchange in self.exchanges:
            if not exchange.progress.ended:
                exchange.stop()

    @property
    def unkept(self) -> str | None:
        """Why something of it could not be kept, in words."""
        return next((one.unkept for one in self.exchanges if one.unkept), None)

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return any(not exchange.progress.ended for exchange in self.exchanges)

    def history(self, before: Exchange | None = None) -> list[Turn]:
        """The turns that went before an exchange, as the chain takes them; failed ones are left out."""
        turns: list[Turn] = []
        for exchange in self.exchanges:
            if exchange is before:
                break
            answer = exchange.progress.answer
            if answer is not None and answer.text:
                turns += [Turn("user", exchange.question), Turn("assistant", answer.text)]
        return turns
