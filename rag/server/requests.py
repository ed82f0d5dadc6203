"""What `POST /v1/chat/completions` and `/v1/embeddings` take, checked to the last field.

Takes a body's bytes, gives records. OpenAI's parameters that we cannot serve are taken where they ask for
nothing (`n: 1`, `tools: []`) and refused where they ask for something; one that is not in the list is refused
by name. Knows neither HTTP nor the chain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from rag.records import Turn
from rag.server.errors import BadRequest
from rag.template import Condition

MOST_MESSAGES = 2048
MOST_INPUTS = 2048
MOST_STOPS = 4  # as OpenAI has it
FOOTNOTES_BEGIN = "\n\n---\n\n"
# The footnotes of our earlier answers: a conversation is remembered without them.
# Each repetition ends where the next can't begin, so that no text makes the search slow.
_OLD_FOOTNOTES = re.compile(r"\n\n---\n\n\[\d+\] [^\n]*(?:\n\n\[\d+\] [^\n]*)*\Z")

Short = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Nothing = None | Annotated[list[Any], Field(max_length=0)] | Annotated[dict[str, Any], Field(max_length=0)]
Request = TypeVar("Request", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class TextPart(_Strict):
    """A part of a message's content; text is all that can be read."""

    type: Literal["text"]
    text: str


class Message(_Strict):
    """One message. What an answer of OpenAI's brings along empty may come back empty."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: Short | None = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    annotations: Nothing = None
    tool_calls: Nothing = None

    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(_Strict):
    """`include_usage`: a last piece with the tokens that were used."""

    include_usage: bool = False
    include_obfuscation: bool = False


class TextFormat(_Strict):
    """The only form that an answer has."""

    type: Literal["text"]


class ChatRequest(_Strict):
    """A question about the documents: the last message; those before it are the conversation."""

    model: Short
    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    condition: Condition | Literal[""] | None = Field(
        None, description="OpenChat's own parameter: the template's mode; GPT4 Correct where it is not given."
    )
    footnotes: bool = Field(
        True, description="Ours: whether the citations stand below the answer's text as well."
    )
    only: list[Short] = Field(
        default_factory=list, max_length=64, description="Ours: filters, as `rag ask --only` has them."
    )
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0.01, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=100_000)] | None = None
    repeat_penalty: Annotated[Number, Field(ge=0.1, le=10)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=2**31)] | None = Field(
        None, description="An answer is never longer than the server's own reserve either."
    )
    max_completion_tokens: Annotated[int, Field(ge=1, le=2**31)] | None = None
    stop: Short | Annotated[list[Short], Field(max_length=MOST_STOPS)] | None = None
    n: Literal[1] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: Literal[False] | None = None
    logprobs: Literal[False] | None = None
    top_logprobs: Literal[0] | None = None
    presence_penalty: Annotated[Number, Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[Number, Field(ge=0, le=0)] | None = None
    logit_bias: Nothing = None
    tools: Nothing = None
    functions: Nothing = None
    tool_choice: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | None = None

    def answer_tokens(self, reserve: int) -> int:
        """How long the answer may be: what is asked for, and never over what the server reserves."""
        return min(value for value in (self.max_tokens, self.max_completion_tokens, reserve) if value)

    def stops(self) -> list[str]:
        """The strings that an answer ends before."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or [])


class EmbeddingRequest(_Strict):
    """Texts to be embedded. `truncate` allows what is longer than the model reads to be cut."""

    model: Short
    input: (
        Annotated[str, StringConstraints(min_length=1)]
        | Annotated[
            list[Annotated[str, StringConstraints(min_length=1)]],
            Field(min_length=1, max_length=MOST_INPUTS),
        ]
    )
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: Annotated[int, Field(ge=1, le=2**31)] | None = None
    truncate: bool = Field(False, description="Ours: cut a text that the model does not read to its end.")
    user: str | None = None

    def texts(self) -> list[str]:
        """The texts, one or many."""
        return [self.input] if isinstance(self.input, str) else self.input


def read_request(kind: type[Request], body: bytes) -> Request:
    """The body as a request; raises `BadRequest` that names the field and what is wrong with it."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])[:200]
        message = f"{where}: {problem['msg']}" if where else str(problem["msg"])
        raise BadRequest(_one_line(message), param=where or None, code=problem["type"]) from None


def question_and_history(messages: Sequence[Message]) -> tuple[str, list[Turn], list[str]]:
    """The last message, those before it, and what of them is not read: the instruction is the server's own.

    Raises `BadRequest` where the last message is not a user's.
    """
    if messages[-1].role != "user":
        raise BadRequest("the last message is the question, and its role is user", param="messages")
    turns = [
        Turn("user", message.text())
        if message.role == "user"
        else Turn("assistant", _OLD_FOOTNOTES.sub("", message.text().rstrip()))
        for message in messages[:-1]
        if message.role in ("user", "assistant")
    ]
    ignored = [
        f"messages.{place} ({message.role}): the instruction is the server's own"
        for place, message in enumerate(messages)
        if message.role in ("system", "developer")
    ]
    return messages[-1].text(), turns, ignored


def _one_line(text: str) -> str:
    return " ".join(text.split())
