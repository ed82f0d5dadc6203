"""Answers as OpenAI's clients read them, with ours in a field of its own and, for plain ones, as footnotes.

Takes events and answers, gives JSON's values. Pure; the shapes are also what the OpenAPI page shows.
"""

from __future__ import annotations

import base64
import re
import time
import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel

from rag.records import Answer, Citation, Ledger, Passage, Sentence
from rag.server.requests import FOOTNOTES_BEGIN

_LONGEST_QUOTE = 320
# What would let a client's Markdown fetch from elsewhere: documents' words are quoted, not drawn.
_DRAWN = re.compile(r"(?<=!)(?=\[)|(?<=\])(?=\()|(?<=\])(?=:)|(?<=<)(?=[A-Za-z/!])")


class RagField(BaseModel):
    """Everything that is known of an answer. Offsets count in `text`, which has no footnotes."""

    text: str
    mode: Literal["openchat", "quotes"]
    abstained: bool
    stopped: bool
    citations: tuple[Citation, ...]
    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...]
    ledger: Ledger | None
    timings: dict[str, float]
    ignored: list[str]


class Usage(BaseModel):
    """Tokens, in the model's own count; all 0 where no model wrote."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class AssistantMessage(BaseModel):
    """What was answered."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The only choice there is."""

    index: Literal[0] = 0
    message: AssistantMessage
    logprobs: None = None
    finish_reason: Literal["stop", "length"]


class Completion(BaseModel):
    """The reply to a question that does not stream."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    rag: RagField


class Embedding(BaseModel):
    """One text's vector, as numbers or as base64 of float32, little-endian."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Embeddings(BaseModel):
    """The reply of `/v1/embeddings`, in the order of its input."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage


class Model(BaseModel):
    """One name that `model` may have."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "openchat-rag"


class Models(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


class Reply:
    """One answer's identity, the same in all pieces of its stream."""

    def __init__(self, model: str, *, footnotes: bool, ignored: Sequence[str] = ()) -> None:
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._model = model
        self._footnotes = footnotes
        self._ignored = list(ignored)

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The reply in one piece."""
        content = answer.text + self.footnotes(answer)
        choice = Choice(message=AssistantMessage(content=content), finish_reason=_finish(answer))
        return Completion(
            id=self.id,
            created=self._created,
            model=self._model,
            choices=[choice],
            usage=usage_of(answer),
            rag=self._rag(answer),
        ).model_dump(mode="json")

    def piece(self, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        """A piece of the stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head(), "choices": [choice]}

    def last_piece(self, answer: Answer) -> dict[str, Any]:
        """The piece that says why it ended, with everything that is known of the answer."""
        return {**self.piece({}, _finish(answer)), "rag": self._rag(answer).model_dump(mode="json")}

    def usage_piece(self, answer: Answer) -> dict[str, Any]:
        """What `stream_options.include_usage` asks for."""
        return {**self._head(), "choices": [], "usage": usage_of(answer).model_dump()}

    def footnotes(self, answer: Answer) -> str:
        """The footnotes below the answer, unless they are not wanted."""
        return footnotes(answer.citations) if self._footnotes else ""

    def _head(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
        }

    def _rag(self, answer: Answer) -> RagField:
        return RagField(
            text=answer.text,
            mode=answer.mode,
            abstained=answer.abstained,
            stopped=answer.stopped,
            citations=answer.citations,
            sentences=answer.sentences,
            passages=answer.passages,
            ledger=answer.ledger,
            timings=dict(answer.timings),
            ignored=self._ignored,
        )


def footnotes(citations: Sequence[Citation]) -> str:
    """The citations as text below an answer, each once: number, source, place, quoted words, verdict."""
    lines = [
        f"[{one.number}] {_plain(', '.join(filter(None, [one.source, one.place])), 4096)}: "
        f"“{_plain(one.quote, _LONGEST_QUOTE)}” ({one.verdict})"
        for one in citations
    ]
    return FOOTNOTES_BEGIN + "\n\n".join(dict.fromkeys(lines)) if lines else ""


def usage_of(answer: Answer) -> Usage:
    """What the model read and wrote."""
    if answer.ledger is None:
        return Usage()
    prompt, written = answer.ledger.prompt, answer.ledger.answer
    return Usage(prompt_tokens=prompt, completion_tokens=written, total_tokens=prompt + written)


def embeddings(vectors: np.ndarray, *, model: str, tokens: int, base64_wanted: bool) -> str:
    """Rows as the reply of `/v1/embeddings`, in JSON."""
    rows = vectors.astype("<f4")
    data = [
        Embedding(
            index=index,
            embedding=base64.b64encode(row.tobytes()).decode() if base64_wanted else row.tolist(),
        )
        for index, row in enumerate(rows)
    ]
    usage = Usage(prompt_tokens=tokens, total_tokens=tokens)
    return Embeddings(data=data, model=model, usage=usage).model_dump_json()


def _finish(answer: Answer) -> Literal["stop", "length"]:
    return "length" if answer.cut else "stop"


def _plain(text: str, longest: int) -> str:
    """On one line, without controls and what reorders text, and with nothing that Markdown would draw."""
    seen = "".join(
        " " if unicodedata.category(character) == "Cc" else character
        for character in text
        if unicodedata.category(character) != "Cf"
    )
    line = _DRAWN.sub(" ", " ".join(seen.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
