"""What a server is and can: found out with a few small requests, none of which asks for an answer.

Takes the wire to it, gives a `Server`. An answer of one token would tell as much, but on a llama-server with
one slot it would drive out of memory what the next question wants to use again.

A server that splits text with `/tokenize` (llama-server and vLLM do) takes a prompt of ids on
`/v1/completions`, and its vocabulary is compared with OpenChat's. Any other takes messages.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import ModelFailed, ModelInvalid, ModelMissing
from rag.remote.dialects import Kind, kind_of, read_models, read_tokens, tokenize_body, window_of
from rag.remote.tokens import Spelling, best_spelling
from rag.remote.wire import Wire
from rag.template import END_OF_TURN, RESERVED_TEXTS, Tokenize

# What OpenChat 3.5's vocabulary makes of a text: the first from the model card's list, the second from
# Mistral's own tokenizer (a line's end, pieces that stand for bytes, Chinese).
KNOWN_TOKENS: Mapping[str, Sequence[int]] = {
    "GPT4 Correct User: Hello": (420, 6316, 28781, 3198, 3123, 1247, 28747, 22557),
    "\nZhè 之\t𝄞": (28705, 13, 28828, 28716, 28840, 28705, 29332, 12, 243, 160, 135, 161),
}
MODEL_NAME = "openchat_3.5"  # what OpenChat's own server calls the model, among other names

_ABSENT = frozenset({404, 405, 501})
# What a server, or a proxy in front of it, says to a `/tokenize` that is not there or not of that form.
_NO_TOKENIZE = _ABSENT | {400, 403, 415, 422}
_KEPT_TEXTS = 512  # whose ids are remembered: instruction, headers, passages of the last questions
_NAMED = 8  # models that a message lists


@dataclass(frozen=True, slots=True)
class Server:
    """What was found out about a server."""

    kind: Kind
    model: str
    window: int | None  # None where it does not say
    version: tuple[int, ...]  # vLLM's; empty where it does not say
    tokenize: Tokenize
    spelling: Spelling | None  # None where the prompt goes there as ids


def find_out(wire: Wire) -> Server:
    """Asks the server what it is.

    Raises `ModelMissing` (no such model there, or several to choose from), `ModelInvalid` (not OpenChat 3.5's
    vocabulary), and what `Wire.ask` raises.
    """
    entry = _entry(wire)
    kind, model, window = kind_of(entry), entry["id"], window_of(entry)
    for candidate in _kinds_that_tokenize(kind):
        if _splits_text(wire, candidate, model):
            version = _version(wire) if candidate == "vLLM" else ()
            return Server(candidate, model, window, version, _remembering(wire, candidate, model), None)
    spelling = best_spelling()
    return Server(kind, model, window, (), spelling.tokenize, spelling)


def _entry(wire: Wire) -> dict[str, Any]:
    """The entry of `/models` for the model that is wanted."""
    address = wire.address
    reply = wire.ask(f"{address.base}/models", absent=_ABSENT)
    entries = read_models(reply)
    if address.model is not None:
        named = [entry for entry in entries if entry["id"] == address.model]
        if entries and not named:
            raise ModelMissing(f"{address.origin} has no model {address.model!r}, only {_names(entries)}")
        return named[0] if named else {"id": address.model}
    if len(entries) == 1:
        return entries[0]
    if not entries:
        raise ModelMissing(
            f"{address.origin} does not say which models it has: is it a model's server? If so, name the "
            f"model, --model {address.base}#MODEL"
        )
    ours = [entry for entry in entries if entry["id"] == MODEL_NAME]
    ours = ours or [entry for entry in entries if "openchat" in entry["id"].lower()]
    if len(ours) != 1:
        raise ModelMissing(
            f"{address.origin} has several models, {_names(entries)}: name one, --model {address.base}#MODEL"
        )
    return ours[0]


def _names(entries: Sequence[Mapping[str, Any]]) -> str:
    names = [f"{entry['id']!r:.80}" for entry in entries[:_NAMED]]
    return ", ".join(names) + (f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else "")


def _kinds_that_tokenize(kind: Kind) -> Sequence[Kind]:
    if kind == "OpenChat's server":
        return ()
    return ("vLLM", "llama-server") if kind == "vLLM" else ("llama-server", "vLLM")


def _splits_text(wire: Wire, kind: Kind, model: str) -> bool:
    """Whether `/tokenize` is there in that kind's form; raises `ModelInvalid` for a foreign vocabulary."""
    for text, expected in KNOWN_TOKENS.items():
        tokens = _asked(wire, kind, model, text)
        if not tokens:
            return False  # llama-server replies with no tokens to a body in vLLM's form
        if tuple(tokens) != tuple(expected):
            raise _foreign(wire, model, f"splits {text!r} into {tokens[:12]} rather than {list(expected)}")
    turn_end = RESERVED_TEXTS[0]
    if END_OF_TURN not in (_asked(wire, kind, model, turn_end, special=True) or ()):
        raise _foreign(wire, model, f"has no token {turn_end}")
    return True


def _foreign(wire: Wire, model: str, what: str) -> ModelInvalid:
    return ModelInvalid(
        f"{model!r:.80} on {wire.address.origin} is not OpenChat 3.5: its vocabulary {what}; serve "
        "openchat-3.5-0106 or -1210 (OpenChat 3.6 has another vocabulary)"
    )


def _asked(wire: Wire, kind: Kind, model: str, text: str, *, special: bool = False) -> list[int] | None:
    """The ids of `text`, or None where the server does not give any."""
    body = tokenize_body(kind, model, text, special=special)
    return read_tokens(wire.ask(f"{wire.address.root}/tokenize", body, absent=_NO_TOKENIZE))


def _remembering(wire: Wire, kind: Kind, model: str) -> Tokenize:
    """`tokenize` on the server, a text only once: most of a prompt's parts come again in the next one."""

    @functools.lru_cache(maxsize=_KEPT_TEXTS)
    def ids(text: str) -> tuple[int, ...]:
        tokens = read_tokens(
            wire.ask(f"{wire.address.root}/tokenize", tokenize_body(kind, model, text, special=False))
        )
        if tokens is None:
            raise ModelFailed(f"{wire.address.origin} no longer gives the tokens of a text: has it changed?")
        return tuple(tokens)

    return lambda text: list(ids(text))


def _version(wire: Wire) -> tuple[int, ...]:
    """vLLM's version as two numbers; empty where it is not told, or is that of a build without a tag."""
    reply = wire.ask(f"{wire.address.root}/version", absent=_NO_TOKENIZE)
    version = reply.get("version") if isinstance(reply, dict) else None
    found = re.match(r"(\d+)\.(\d+)\.\d", version) if isinstance(version, str) else None
    return (int(found[1]), int(found[2])) if found else ()
