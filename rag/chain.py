"""A question's whole way: search, prompt, model, citations, as one stream of events.

Takes a question and the turns before it, gives `Event`s that end with `Done`. `load_chain` puts the parts
together from settings and what the index says about itself. There is no second way for "not streaming":
`invoke` reads the stream to its end. Does not print, draw or serve.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, TypedDict

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import run_in_executor

from rag.abstention import abstains, abstention, said_of
from rag.citations import CitationReader
from rag.errors import UsageError
from rag.evidence import answers
from rag.model.loaded_model import Model, Usage, load_model, sampling_of
from rag.model.openchat import turns_from_messages
from rag.passages import number_passages
from rag.prompt import Prompt, build_prompt, citation_grammar
from rag.quoted_answer import cite_quotes
from rag.quotes import quote_answer
from rag.records import (
    Answer,
    Citation,
    Cited,
    Done,
    Event,
    Hit,
    Ledger,
    Mode,
    Passage,
    Queued,
    Reading,
    Retrieved,
    Sentence,
    TextDelta,
    Turn,
)
from rag.search.filters import filters_of
from rag.search.follow_up import Leaning, lean
from rag.search.rewrite import rewritten
from rag.search.search import SearchResult
from rag.search.searcher import Searcher, load_searcher
from rag.settings import Settings, load_settings
from rag.store.contract import Store
from rag.template import Condition
from rag.verdicts.verdict import judge

# The best chunks that a prompt holds to their ends; of the others the model reads what bears on the question.
# Who asks for all that is known of a thing asks for more than the sentences that name it.
READ_WHOLE = 2


class Chain(Runnable[dict[str, Any], Answer]):
    """Question in, cited answer out; a LangChain `Runnable`, and usable from many threads.

    Input of `invoke` and `stream`: `{"question": str, "history": [LangChain messages], "only": [filters]}`;
    `history` and `only` (which documents are asked: see `rag.search.filters`) may be absent. `invoke` gives
    an `Answer`, `stream` the events that lead to it.
    """

    def __init__(
        self,
        searcher: Searcher,
        model: Model | None,
        settings: Settings,
        *,
        condition: Condition = "GPT4 Correct",
    ) -> None:
        self.searcher = searcher
        self.settings = settings
        self._model = model
        self._condition = condition

    def adapted(self, settings: Settings, *, condition: Condition = "GPT4 Correct") -> Chain:
        """A chain over the same index and model that answers under other settings; costs nothing."""
        return Chain(self.searcher, self._model, settings, condition=condition)

    @property
    def store(self) -> Store:
        """The index."""
        return self.searcher.store

    @property
    def model_name(self) -> str | None:
        """What the model is called; None when answers are quotes."""
        return self._model.name if self._model else None

    def close(self) -> None:
        """Closes the index. The model stays loaded for others in this process."""
        self.searcher.close()

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- LangChain's names ----------------------------------------------------------------------------

    def invoke(self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        """The whole answer."""
        return self._call_with_config(self._answer, input, config)

    async def ainvoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Answer:
        """The same beside the event loop; cancelling it stops the model."""
        return await self._acall_with_config(self._aanswer, input, config)

    def stream(  # type: ignore[override]  # what streams are the events, not pieces of an Answer
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Event]:
        """The events, `Done` last."""
        yield from self.events(**_asked(input))

    async def astream(  # type: ignore[override]
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncGenerator[Event]:
        """The same without blocking the event loop; leaving the loop early stops the model."""
        stop = threading.Event()
        events = self.events(**_asked(input), stop=stop)
        try:
            while (event := await run_in_executor(None, next, events, None)) is not None:
                yield event
        finally:
            stop.set()

    def _answer(self, input: dict[str, Any]) -> Answer:
        for event in self.events(**_asked(input)):
            if isinstance(event, Done):
                return event.answer
        raise AssertionError("the stream ended without its last event")

    async def _aanswer(self, input: dict[str, Any]) -> Answer:
        async with contextlib.aclosing(self.astream(input)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.answer
        raise AssertionError("the stream ended without its last event")

    # --- the one way ----------------------------------------------------------------------------------

    def events(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        only: str | Sequence[str] = (),
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Answers `question`: `Retrieved`, then text and citations as they come, then `Done`.

        Setting `stop` ends it in the queue, while the prompt is read and while the answer is written;
        `Done` still comes, with what is there. Closing the iterator ends it too. `only` are filters:
        the answer rests on the documents that they leave. Raises `UsageError` for an empty question and for
        a filter that no document matches, `WindowExceeded` for a question that is too long, and what index
        and model raise.
        """
        clock = _Clock()
        stop = stop or threading.Event()
        asked = lean(question, history)
        if self._model and history and self.settings.rewrite == "model":
            written = yield from rewritten(self._model, question, history, stop=stop)
            asked = Leaning(written) if written else asked
            clock.stage("rewrite")
        before = history if asked.question is question else ()
        found = self.searcher.find(
            asked.question,
            k=self.settings.passages,
            history=before,
            only=only,
            cut=self._model is not None,
            whole=READ_WHOLE,
            halves=True,
        )
        hits = found.hits
        clock.stage("search")
        grounds = answers(asked.text, found.nearest, found.among)
        clock.stage("evidence")
        if not grounds:
            mode: Mode = "openchat" if self._model else "quotes"
            passages = number_passages(hits)
            yield Retrieved(passages)
            text = abstention(found.documents)
            yield TextDelta(text)
            yield Done(_answer(question, text, mode, passages, clock, model=self.model_name))
        elif self._model is None:
            yield from self._quoted(asked, hits, clock)
        else:
            yield from self._written(self._model, question, history, found, clock, stop)

    def _quoted(self, asked: Leaning, hits: Sequence[Hit], clock: _Clock) -> Iterator[Event]:
        embedder = self.searcher.embedder
        assert embedder is not None  # hits came from an index that was made with one
        quotes = quote_answer(asked.question, hits, embedder, context=asked.context)
        shown = cite_quotes(quotes, hits)
        yield Retrieved(shown.passages)
        for piece, citation in zip(shown.pieces, shown.citations, strict=True):
            yield TextDelta(piece)
            yield Cited(citation)
        clock.stage("quotes")
        yield Done(
            _answer(
                asked.question,
                "".join(shown.pieces),
                "quotes",
                shown.passages,
                clock,
                citations=shown.citations,
                sentences=shown.sentences,
            )
        )

    def _written(
        self,
        model: Model,
        question: str,
        history: Sequence[Turn],
        found: SearchResult,
        clock: _Clock,
        stop: threading.Event,
    ) -> Iterator[Event]:
        prompt = self._prompt(model, question, history, found.hits)
        yield Retrieved(prompt.passages)
        reader = CitationReader(prompt.passages, judge)
        usage = Usage()
        stages = {Queued: "queue", Reading: "read", TextDelta: "write"}
        written = model.stream(
            prompt.ids,
            max_tokens=self.settings.reserve,
            sampling=sampling_of(self.settings),
            grammar=citation_grammar(len(prompt.passages)),
            stop=stop,
            usage=usage,
        )
        for event in said_of(written, found.documents):
            clock.stage(stages[type(event)])
            if isinstance(event, TextDelta):
                yield from reader.feed(event.text)
            else:
                yield event
        yield from reader.finish()
        clock.stage("write")
        yield Done(
            _answer(
                question,
                reader.text,
                "openchat",
                prompt.passages,
                clock,
                citations=reader.citations,
                sentences=reader.sentences,
                ledger=dataclasses.replace(
                    prompt.ledger, reused=usage.reused, answer=usage.answer, estimated=not model.exact
                ),
                model=model.name,
                stopped=stop.is_set(),
                cut=usage.cut,
            )
        )

    def _prompt(self, model: Model, question: str, history: Sequence[Turn], hits: Sequence[Hit]) -> Prompt:
        return build_prompt(
            question,
            hits,
            history,
            model.tokenize,
            window=model.window,
            reserve=self.settings.reserve,
            read=model.read_before(),
            condition=self._condition,
        )


def load_chain(
    index: str | None = None, model: str | None = None, *, settings: Settings | None = None
) -> Chain:
    """The chain over an index and, where one is set, a model; else answers are quotes.

    `index` and `model` win over the settings (`RAG_INDEX`, `RAG_MODEL`, rag.toml).

    Example: `load_chain("my-index").invoke({"question": "When was it built?"}).text`
    """
    settings = settings or load_settings({"index": index, "model": model})
    loaded = load_model(settings) if settings.model else None
    return Chain(load_searcher(settings=settings), loaded, settings)


class _Asked(TypedDict):
    """The arguments of `events` that come from outside."""

    question: str
    history: list[Turn]
    only: tuple[str, ...]


class _Clock:
    """Seconds by stage; a stage that comes again adds up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begun = self._last = time.monotonic()

    def stage(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now

    def total(self) -> dict[str, float]:
        return {**self.seconds, "total": time.monotonic() - self._begun}


def _asked(input: dict[str, Any]) -> _Asked:
    if not isinstance(input, dict) or not isinstance(input.get("question"), str):
        raise UsageError(f'the chain takes {{"question": "...", "history": [...]}}, not {input!r:.200}')
    unknown = set(input) - {"question", "history", "only"}
    if unknown:
        raise UsageError(f"the chain takes question, history and only, not {sorted(map(str, unknown))}")
    return {
        "question": input["question"],
        "history": turns_from_messages(input.get("history") or []),
        "only": filters_of(input.get("only")),
    }


def _answer(
    question: str,
    text: str,
    mode: Mode,
    passages: tuple[Passage, ...],
    clock: _Clock,
    *,
    citations: tuple[Citation, ...] = (),
    sentences: tuple[Sentence, ...] = (),
    ledger: Ledger | None = None,
    model: str | None = None,
    stopped: bool = False,
    cut: bool = False,
) -> Answer:
    text = text.rstrip()  # offsets count from its beginning, so nothing may go from there
    abstained = not citations and abstains(text)
    return Answer(
        question=question,
        text=text,
        mode=mode,
        abstained=abstained,
        citations=citations,
        passages=passages,
        ledger=ledger,
        timings=clock.total(),
        sentences=() if abstained else sentences,
        model=model,
        stopped=stopped,
        cut=cut,
    )
