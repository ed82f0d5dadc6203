"""What the servers call things: requests as each of them wants them, and replies as all of them give them.

Takes a prompt's ids or its turns, gives the body of a request; takes an event of the reply, gives a `Piece`
of the answer. Pure; sends nothing.

Sources: llama.cpp, tools/server (README.md, server-schema.cpp, server-task.cpp), as llama-cpp-python 0.3.36
brings it; vLLM 0.28, entrypoints/openai/completion/protocol.py and entrypoints/serve/tokenize/protocol.py,
docs/features/structured_outputs.md (`guided_grammar` until 0.10, `structured_outputs` since 0.11); OpenChat,
ochat/serving/openai_api_server.py and openai_api_protocol.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rag.records import Turn
from rag.template import END_OF_TURN, RESERVED, Condition

if TYPE_CHECKING:
    from rag.model.llama import Sampling

Kind = Literal["llama-server", "vLLM", "OpenChat's server", "another server"]

# What ends an answer here as in process; the other reserved tokens are never said.
END_TOKENS = (END_OF_TURN, 2)
NEVER_SAID = tuple(sorted(RESERVED.difference(END_TOKENS)))

# llama.cpp takes this seed for "any".
_ANY_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event of a reply says."""

    text: str = ""
    finish: str | None = None  # "stop", "length" or another reason why the answer ended
    prompt_tokens: int | None = None
    reused_tokens: int | None = None
    answer_tokens: int | None = None
    read: tuple[int, int, int, float] | None = None  # tokens read, all, reused, milliseconds so far
    error: Any = None


# --- tokens -----------------------------------------------------------------------------------------------


def tokenize_body(kind: Kind, model: str, text: str, *, special: bool) -> dict[str, Any]:
    """The body for `/tokenize`, nothing added; `special` tokens are always found in a text by vLLM."""
    if kind == "vLLM":
        return {"model": model, "prompt": text, "add_special_tokens": False}
    return {"content": text, "add_special": False, "parse_special": special}


def read_tokens(reply: Any) -> list[int] | None:
    """The ids in a reply of `/tokenize`; None where it holds none that could be OpenChat's."""
    tokens = reply.get("tokens") if isinstance(reply, dict) else None
    if not isinstance(tokens, list) or not all(type(token) is int and token >= 0 for token in tokens):
        return None
    return tokens


def read_models(reply: Any) -> list[dict[str, Any]]:
    """The entries of `/models`, each with a string `id`."""
    data = reply.get("data") if isinstance(reply, dict) else None
    entries = data if isinstance(data, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def window_of(entry: Mapping[str, Any]) -> int | None:
    """The window that an entry of `/models` tells: vLLM's `max_model_len`, llama-server's `meta.n_ctx`."""
    meta = entry.get("meta")
    for value in (entry.get("max_model_len"), meta.get("n_ctx") if isinstance(meta, dict) else None):
        if type(value) is int and value > 0:
            return value
    return None


def kind_of(entry: Mapping[str, Any]) -> Kind:
    """Which server an entry of `/models` comes from, as far as its `owned_by` tells."""
    owners: dict[str, Kind] = {
        "llamacpp": "llama-server",
        "vllm": "vLLM",
        "openchat": "OpenChat's server",
    }
    return owners.get(str(entry.get("owned_by")).lower(), "another server")


# --- prompts ----------------------------------------------------------------------------------------------


def completion_body(
    kind: Kind,
    model: str,
    ids: Sequence[int],
    *,
    max_tokens: int,
    sampling: Sampling,
    grammar: str | None,
    version: tuple[int, ...] = (),
) -> dict[str, Any]:
    """The body for `/v1/completions` with a prompt of ids; `version` is vLLM's.

    Everything that a server's start or a model's `generation_config.json` may have set is set again.
    """
    body: dict[str, Any] = {
        "model": model,
        "prompt": list(ids),
        "max_tokens": max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "min_p": 0.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "seed": sampling.seed % _ANY_SEED,
        **_STREAMED,
    }
    if kind == "vLLM":
        body |= {
            "top_k": sampling.top_k or -1,
            "repetition_penalty": sampling.repeat_penalty,
            "logit_bias": {str(token): -100 for token in NEVER_SAID},
            "stop_token_ids": list(END_TOKENS),
        }
    else:
        body |= {
            "top_k": sampling.top_k,
            "repeat_penalty": sampling.repeat_penalty,
            "repeat_last_n": 64,
            "samplers": ["penalties", "top_k", "temperature", "top_p"],
            "logit_bias": [[token, False] for token in NEVER_SAID],
            "cache_prompt": True,
            "return_progress": True,
        }
    return body | _grammar_field(kind, grammar, version)


def chat_body(
    kind: Kind,
    model: str,
    turns: Sequence[Turn],
    *,
    condition: Condition,
    max_tokens: int,
    sampling: Sampling,
    grammar: str | None,
    version: tuple[int, ...] = (),
) -> dict[str, Any]:
    """The body for `/v1/chat/completions`: what OpenAI's own servers know, and what this one is known for."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
        "max_tokens": max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed % _ANY_SEED,
        **_STREAMED,
    }
    if kind == "OpenChat's server":
        body["condition"] = condition
    return body | _grammar_field(kind, grammar, version)


def takes_grammars(kind: Kind) -> bool:
    """Whether that kind of server can be told to write by a GBNF grammar."""
    return kind in ("llama-server", "vLLM")


def _grammar_field(kind: Kind, grammar: str | None, version: tuple[int, ...]) -> dict[str, Any]:
    if grammar is None or not takes_grammars(kind):
        return {}
    if kind == "llama-server":
        return {"grammar": grammar}
    if version and version < (0, 11):
        return {"guided_grammar": grammar}
    return {"structured_outputs": {"grammar": grammar}}


_STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


# --- answers ----------------------------------------------------------------------------------------------


def read_event(event: Any) -> Piece | None:
    """What an event says, of `/v1/completions` or `/v1/chat/completions`; None where it is no such event."""
    if not isinstance(event, dict):
        return None
    if event.get("error") or event.get("object") == "error":
        return Piece(error=event)
    choices = event.get("choices")
    if not isinstance(choices, list):
        return None
    choice = choices[0] if choices and isinstance(choices[0], dict) else {}
    text = choice.get("text")
    if text is None and isinstance(choice.get("delta"), dict):
        text = choice["delta"].get("content")
    finish = choice.get("finish_reason")
    usage = _dictionary(event.get("usage"))
    return Piece(
        text=_whole(text) if isinstance(text, str) else "",
        finish=finish if isinstance(finish, str) else None,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        reused_tokens=_count(_dictionary(usage.get("prompt_tokens_details")).get("cached_tokens")),
        answer_tokens=_count(usage.get("completion_tokens")),
        read=_progress(event.get("prompt_progress")),
    )


def _progress(value: Any) -> tuple[int, int, int, float] | None:
    progress = _dictionary(value)
    counts = [_count(progress.get(name)) for name in ("processed", "total", "cache")]
    milliseconds = progress.get("time_ms")
    if None in counts or not isinstance(milliseconds, int | float):
        return None
    read, total, reused = (count or 0 for count in counts)
    return read, total, reused, float(milliseconds)


def _dictionary(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _whole(text: str) -> str:
    """`text` without lone surrogates, which JSON can spell and UTF-8 can't."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
