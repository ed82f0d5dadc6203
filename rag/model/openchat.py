"""OpenChat 3.5 behind LangChain's `BaseChatModel`.

Takes messages, gives text as it comes, in OpenChat's own template; the model is `rag.model.loaded_model`'s.
Knows nothing of documents.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.runnables.config import run_in_executor
from pydantic import Field, PrivateAttr

from rag.errors import UsageError, WindowExceeded
from rag.model.llama import Sampling
from rag.model.loaded_model import LoadedModel, Model, Usage, load_model, sampling_of
from rag.model.structured_output import structured
from rag.records import TextDelta, Turn
from rag.remote.address import is_address
from rag.settings import Settings, load_settings
from rag.template import Condition, encode_conversation, encode_text
from rag.text.stop_strings import StopStrings

SAMPLING_FIELDS = tuple(field.name for field in dataclasses.fields(Sampling))


class ChatOpenChat(BaseChatModel):
    """OpenChat 3.5 as a LangChain chat model.

    Example: `ChatOpenChat(model="openchat-3.5-0106.Q4_K_M.gguf").invoke("Hello")`. What is not given
    comes from the settings (`RAG_MODEL` and the like). The template has no system role: a system message
    goes before the next user's words, in the same turn.
    """

    model: str | None = Field(default=None)
    condition: Condition = "GPT4 Correct"
    window: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repeat_penalty: float | None = None
    seed: int | None = None

    _settings: Settings = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        fields = ("model", "window", *SAMPLING_FIELDS)
        self._settings = load_settings({name: getattr(self, name) for name in fields})

    @property
    def _llm_type(self) -> str:
        return "openchat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self._settings.model, "condition": self.condition, "window": self._settings.window}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        parameters = super()._get_ls_params(stop=stop, **kwargs)
        parameters["ls_provider"] = "openchat"
        model = kwargs.get("model") or self._settings.model or "openchat"
        parameters["ls_model_name"] = model if is_address(model) else Path(model).stem
        return parameters

    def get_token_ids(self, text: str) -> list[int]:
        """Ids in the model's own vocabulary."""
        return encode_text(text, load_model(self._settings).tokenize)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Any = None) -> int:
        """Tokens of the whole prompt that these messages make, template included."""
        tokenize = load_model(self._settings).tokenize
        return len(encode_conversation(turns_from_messages(messages), tokenize, condition=self.condition))

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """The model held to a schema by a grammar made of it; see `rag.model.structured_output`.

        `method` and `strict`, which other models have, change nothing: the grammar admits nothing else.
        """
        unknown = set(kwargs) - {"method", "strict"}
        if unknown:
            raise UsageError(f"structured output takes method, strict and include_raw, not {sorted(unknown)}")
        return structured(self, schema, include_raw=include_raw)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self._chunks(messages, stop, threading.Event(), kwargs):
            if run_manager and chunk.text:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        """The same beside the event loop; who is cancelled or leaves the loop stops the model."""
        left = threading.Event()
        chunks = self._chunks(messages, stop, left, kwargs)
        try:
            while (chunk := await run_in_executor(None, next, chunks, None)) is not None:
                if run_manager and chunk.text:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        finally:
            left.set()

    def _chunks(
        self,
        messages: list[BaseMessage],
        stops: list[str] | None,
        left: threading.Event,
        options: dict[str, Any],
    ) -> Iterator[ChatGenerationChunk]:
        """What the model writes, the costs last; `left` ends it, in the queue and in the prompt too."""
        model = options.get("model", self._settings.model)
        loaded = load_model(dataclasses.replace(self._settings, model=model))
        ids = encode_conversation(turns_from_messages(messages), loaded.tokenize, condition=self.condition)
        room = loaded.window - len(ids)
        if room < 1:
            raise WindowExceeded(
                f"the messages have {len(ids)} tokens; the window has {loaded.window}: send fewer"
            )
        usage = Usage()
        sampling = {name: options[name] for name in SAMPLING_FIELDS if name in options}
        events = loaded.stream(
            ids,
            max_tokens=min(options.get("max_tokens") or self.max_tokens or room, room),
            sampling=dataclasses.replace(sampling_of(self._settings), **sampling),
            grammar=options.get("grammar"),
            stop=left,
            usage=usage,
        )
        texts = (event.text for event in events if isinstance(event, TextDelta))
        for text in _until(texts, stops or []):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        events.close()  # type: ignore[attr-defined]  # it is a generator; closing ends the generation
        yield ChatGenerationChunk(message=_last_chunk(_model_name(loaded), usage))


def turns_from_messages(messages: Sequence[BaseMessage]) -> list[Turn]:
    """LangChain's messages as turns; system messages go in front of the next user's words.

    Raises `UsageError` for a kind of message, or of content, that OpenChat has no place for.
    """
    turns: list[Turn] = []
    system: list[str] = []
    for message in messages:
        if message.type not in ("system", "human", "ai", "AIMessageChunk", "HumanMessageChunk"):
            raise UsageError(f"OpenChat has no place for a message of type {message.type!r}")
        text = _text_of(message)
        if message.type == "system":
            system.append(text)
        elif message.type.lower().startswith("human"):
            turns.append(Turn("user", "\n\n".join([*system, text])))
            system = []
        else:
            turns.append(Turn("assistant", text))
    if system:
        turns.append(Turn("user", "\n\n".join(system)))
    return turns


def _text_of(message: BaseMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    parts = []
    for block in message.content:
        if isinstance(block, str):
            parts.append(block)
        elif block.get("type") == "text":
            parts.append(str(block.get("text", "")))
        else:
            raise UsageError(f"OpenChat reads text only, not a block of type {block.get('type')!r}")
    return "".join(parts)


def _until(texts: Iterator[str], stops: Sequence[str]) -> Iterator[str]:
    """The texts up to the first of the stop strings, wherever one text ends and the next begins."""
    reader = StopStrings(stops)
    for text in texts:
        if said := reader.feed(text):
            yield said
        if reader.ended:
            return
    if reader.held:
        yield reader.held


def _model_name(loaded: Model) -> str:
    return str(loaded.engine.path) if isinstance(loaded, LoadedModel) else loaded.name


def _last_chunk(path: str, usage: Usage) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        usage_metadata=UsageMetadata(
            input_tokens=usage.prompt,
            output_tokens=usage.answer,
            total_tokens=usage.prompt + usage.answer,
        ),
        response_metadata={"model_name": path, "finish_reason": "length" if usage.cut else "stop"},
        chunk_position="last",
    )
