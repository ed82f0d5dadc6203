"""What each kind of server that `model_server.py` speaks as takes and gives, in JSON."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any

VERSION = "0.28.0"
OPENCHAT_NAMES = ("openchat_3.5", "openchat_v3.2_mistral")


def reply(kind: str, rest: str, body: Any, model: Any) -> tuple[int, Any] | None:
    """The whole reply to anything but a wish for an answer; None for that."""
    if rest == "v1/models" and body is None:
        return 200, {"object": "list", "data": _models(kind, model)}
    if kind == "vllm" and rest == "version" and body is None:
        return 200, {"version": VERSION}
    if kind == "llama-server" and rest == "tokenize":
        special = body.get("parse_special", True)
        return 200, {"tokens": model.tokenize(body["content"], special=special) if "content" in body else []}
    if kind == "vllm" and rest == "tokenize":
        if "prompt" not in body:
            return _error(kind, 400, "1 validation error: Field required: prompt")
        ids = [1] * body.get("add_special_tokens", True) + model.tokenize(body["prompt"], special=True)
        return 200, {"count": len(ids), "max_model_len": model.window, "tokens": ids, "token_strs": None}
    if rest == "v1/completions" and kind in ("llama-server", "vllm"):
        return None
    if rest == "v1/chat/completions" and kind in ("openchat", "plain"):
        return None
    return _error(kind, 404, "Not Found")


def prompt(kind: str, rest: str, body: dict[str, Any], model: Any) -> list[int] | tuple[int, Any]:
    """The ids that the model reads, or the reply that refuses the body."""
    names = OPENCHAT_NAMES if kind == "openchat" else (model.name,)
    if body["model"] not in names and kind != "llama-server":
        return _error(kind, 404, f"The model `{body['model']}` does not exist.")
    if kind == "openchat" and body.get("logit_bias"):
        return _error(kind, 400, "logit_bias is not currently supported")
    if kind in ("llama-server", "vllm"):
        ids = body["prompt"]
        if not all(type(token) is int for token in ids):
            return _error(kind, 400, "this test wants token ids")
    elif kind == "openchat":
        ids = _tokenized_turns(body, model)
    else:
        text = "".join(
            f"GPT4 Correct {message['role'].title()}: {message['content']}<|end_of_turn|>"
            for message in body["messages"]
        )
        ids = [1, *model.tokenize(text + "GPT4 Correct Assistant:", special=True)]
    if len(ids) + body["max_tokens"] > model.window:
        return _too_long(kind, len(ids), body["max_tokens"], model)
    return ids


def _tokenized_turns(body: dict[str, Any], model: Any) -> list[int]:
    """OpenChat's own way: headers and texts tokenised apart, reserved tokens not found in texts."""
    condition = body.get("condition") or "GPT4 Correct"
    ids = [1]
    for message in body["messages"]:
        ids += model.tokenize(f"{condition} {message['role'].title()}:", special=True)
        ids += [*model.tokenize(message["content"]), 32000]
    return ids + model.tokenize(f"{condition} Assistant:", special=True)


def _models(kind: str, model: Any) -> list[dict[str, Any]]:
    if kind == "openchat":
        return [
            {"id": name, "object": "model", "created": 1, "owned_by": "openchat", "root": name}
            for name in OPENCHAT_NAMES
        ]
    entry: dict[str, Any] = {"id": model.name, "object": "model", "created": 1}
    if kind == "llama-server":
        entry |= {"owned_by": "llamacpp", "meta": {"n_vocab": 32002, "n_ctx": model.window}}
    elif kind == "vllm":
        entry |= {"owned_by": "vllm", "root": model.name, "max_model_len": model.window}
    else:
        entry["owned_by"] = "organization_owner"
    return [entry]


def _too_long(kind: str, read: int, wanted: int, model: Any) -> tuple[int, Any]:
    if kind == "llama-server":
        message = f"request ({read} tokens) exceeds the available context size ({model.window} tokens)"
        return 400, {"error": {"code": 400, "message": message, "type": "exceed_context_size_error"}}
    return _error(
        kind,
        400,
        f"This model's maximum context length is {model.window} tokens. However, you requested "
        f"{read + wanted} tokens",
    )


def _error(kind: str, status: int, message: str) -> tuple[int, Any]:
    if kind == "openchat":
        if status == 404 and message == "Not Found":
            return 404, {"detail": message}
        return status, {"object": "error", "message": message, "type": "invalid_request_error"}
    types = {404: "NotFoundError", 400: "BadRequestError"}
    return status, {"error": {"message": message, "type": types[status], "param": None, "code": status}}


def events(
    kind: str, body: dict[str, Any], ids: list[int], steps: Iterator[dict[str, Any]], model: Any
) -> Iterator[str]:
    """The steps of an answer as that kind of server sends them."""
    chat = kind in ("openchat", "plain")
    if chat:
        yield _event(kind, model, {"role": "assistant"}, None)
    decoder, held, count = codecs.getincrementaldecoder("utf-8")("replace"), "", 0
    for step in steps:
        if "read" in step:
            if body.get("return_progress") and kind == "llama-server":
                progress = {
                    "total": len(ids),
                    "cache": step["reused"],
                    "processed": step["read"],
                    "time_ms": step["ms"],
                }
                yield _event(kind, model, "", None, prompt_progress=progress)
        elif "token" in step:
            count += 1
            held += decoder.decode(step["data"])
            if kind != "openchat" or count % 6 == 0:
                yield _event(kind, model, held, None)
                held = ""
        else:
            held += decoder.decode(b"", final=True)
            usage = _usage(kind, len(ids), count, step["reused"])
            yield from _end(kind, body, model, held, step["end"], usage)
    yield "data: [DONE]\n\n"


def _end(
    kind: str, body: dict[str, Any], model: Any, text: str, finish: str, usage: dict[str, Any]
) -> Iterator[str]:
    if kind == "llama-server":
        yield _event(kind, model, text, finish, usage=usage)
        return
    if kind == "openchat":
        yield _event(kind, model, text, None)
        yield _event(kind, model, "", finish)
        return
    yield _event(kind, model, text, finish)
    if body.get("stream_options", {}).get("include_usage"):
        yield _data({"object": "text_completion", "model": model.name, "choices": [], "usage": usage})


def _usage(kind: str, read: int, written: int, reused: int) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }
    usage["prompt_tokens_details"] = {"cached_tokens": reused} if kind == "llama-server" else None
    return usage


def _event(kind: str, model: Any, text: Any, finish: str | None, **more: Any) -> str:
    chat = kind in ("openchat", "plain")
    choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": finish}
    if chat:
        choice["delta"] = text if isinstance(text, dict) else {"content": text}
    else:
        choice["text"] = text
    name = "chat.completion.chunk" if chat else "text_completion"
    head = {"id": "cmpl-1", "object": name, "created": 1, "model": model.name}
    return _data({**head, "choices": [choice], **more})


def _data(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
