"""A chat request as a question to the chain.

Takes a checked request and the server's settings, gives what is asked and under which settings. A request's
sampling wins over the settings; its length never goes over the server's reserve, so that no client keeps the
model longer than the server means to.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

from rag.chain import Chain
from rag.records import Event, Turn
from rag.server.errors import BadRequest
from rag.server.requests import ChatRequest, question_and_history
from rag.server.stop import until_stop
from rag.settings import Settings
from rag.template import Condition

_SAMPLING = ("temperature", "top_p", "top_k", "repeat_penalty", "seed")


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A question with everything that it was asked with; `ignored` is what of the request is not read."""

    model: str
    question: str
    history: list[Turn]
    only: list[str]
    settings: Settings
    condition: Condition
    stops: list[str]
    stream: bool
    include_usage: bool
    footnotes: bool
    ignored: list[str]

    def events(self, chain: Chain, stop: threading.Event) -> Iterator[Event]:
        """The chain's events for it."""
        adapted = chain.adapted(self.settings, condition=self.condition)
        events = adapted.events(self.question, self.history, only=self.only, stop=stop)
        return until_stop(events, self.stops, stop)


def understood(request: ChatRequest, settings: Settings) -> Asked:
    """The request as a question; raises `BadRequest` for one that is empty or is none."""
    question, history, ignored = question_and_history(request.messages)
    if not question.strip():
        raise BadRequest("the last message is empty; ask in a few words", param="messages")
    if request.stream_options is not None and not request.stream:
        raise BadRequest("stream_options goes with stream: true", param="stream_options")
    given = {name: getattr(request, name) for name in _SAMPLING}
    changed = {name: value for name, value in given.items() if value is not None}
    return Asked(
        model=request.model,
        question=question,
        history=history,
        only=request.only,
        settings=dataclasses.replace(settings, reserve=request.answer_tokens(settings.reserve), **changed),
        condition=request.condition or "GPT4 Correct",
        stops=request.stops(),
        stream=bool(request.stream),
        include_usage=bool(request.stream_options and request.stream_options.include_usage),
        footnotes=request.footnotes,
        ignored=ignored,
    )
