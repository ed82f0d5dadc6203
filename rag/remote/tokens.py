"""Token ids for a server that takes messages only, and the way back from ids to messages.

Takes text, gives ids; takes a prompt's ids, gives the turns that they are. So the prompt is built and counted
as for any other model. Knows nothing of servers.

The project has no copy of the vocabulary. Mistral AI's package `mistral-common` has its 32000 pieces (what
`rag.prompt` makes of them equals the model card's list). Where that is not installed, the tokens that stand
for single bytes are used: each text has exactly one way to be spelled with them, and never fewer than the
model's tokenizer would take. With OpenChat's vocabulary that is about four times as many for English.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from rag.errors import UsageError
from rag.records import Turn
from rag.template import BEGIN, END_OF_TURN, RESERVED_TEXTS, Condition, Tokenize, header

# mistral-common's data/tokenizer.model.v1; the same file as Mistral-7B-v0.1's tokenizer.model.
_VOCABULARY_SHA256 = "dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055"

_SPACE = 28705  # the piece that a text begins with where its first word brings no space of its own
_FIRST_BYTE = 3  # ids 3 to 258 stand for the bytes 0 to 255


@dataclass(frozen=True, slots=True)
class Spelling:
    """A way to spell texts in OpenChat's ids, and to read them back."""

    tokenize: Tokenize
    text: Callable[[Sequence[int]], str]
    counts: str  # how its counts compare with the model's, for a person


def bytewise() -> Spelling:
    """Each byte of UTF-8 is a token; never fewer tokens than the model takes."""
    counts = "one token a byte: never too low, and for English about four times too high"
    return Spelling(_bytes_of, _from_bytes, counts)


def best_spelling() -> Spelling:
    """The vocabulary's own where `mistral-common` and `sentencepiece` are installed, else bytes."""
    return _vocabulary() or bytewise()


def turns_of(ids: Sequence[int], spelling: Spelling) -> tuple[list[Turn], Condition]:
    """The turns that a prompt of `rag.prompt` is made of, and the condition that its headers name.

    Words that spell out a reserved token are broken by a space after their first character: the server puts
    the turns into its template, and may well look for them there. Raises `UsageError` where the ids are no
    conversation that ends with the assistant's header: then a server can't go on with it.
    """
    ends = [position for position, token in enumerate(ids) if token == END_OF_TURN]
    if not ids or ids[0] != BEGIN or not ends:
        raise UsageError("a server that takes messages only takes no prompt that is not a conversation")
    texts = [
        spelling.text(ids[start + 1 : end]).removeprefix(" ")
        for start, end in itertools.pairwise([0, *ends, len(ids)])
    ]
    for condition in get_args(Condition):
        if texts[-1] == header("assistant", condition):
            return [_turn(text, condition) for text in texts[:-1]], condition
    raise UsageError(f"a server that takes messages only can't go on with an answer, {texts[-1]!r:.60}")


def without_reserved(text: str) -> str:
    """`text` with a space inside whatever spells out a reserved token: `< |end_of_turn|>`.

    A visible space, because an invisible joiner is what a tokenizer's normalisation may drop.
    """
    for reserved in RESERVED_TEXTS:
        text = text.replace(reserved, reserved[0] + " " + reserved[1:])
    return text


def _turn(text: str, condition: Condition) -> Turn:
    for role in ("user", "assistant"):
        start = header(role, condition)
        if text == start or text.startswith((start + " ", start + "\n")):
            return Turn(role, without_reserved(text[len(start) :].removeprefix(" ")))
    raise UsageError(f"a server that takes messages only can't be sent a turn that begins {text!r:.60}")


def _bytes_of(text: str) -> list[int]:
    return [_SPACE, *(_FIRST_BYTE + byte for byte in text.encode("utf-8"))]


def _from_bytes(ids: Sequence[int]) -> str:
    return b"".join(b" " if token == _SPACE else bytes([token - _FIRST_BYTE]) for token in ids).decode(
        "utf-8"
    )


@cache
def _vocabulary() -> Spelling | None:
    """Mistral's vocabulary from `mistral-common`; None where it, or what reads it, is not installed."""
    found = importlib.util.find_spec("mistral_common")
    if found is None or found.origin is None or importlib.util.find_spec("sentencepiece") is None:
        return None
    path = Path(found.origin).parent / "data" / "tokenizer.model.v1"
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != _VOCABULARY_SHA256:
        return None
    from sentencepiece import SentencePieceProcessor

    pieces: Any = SentencePieceProcessor(model_proto=data)

    def text(ids: Sequence[int]) -> str:
        return b"".join(_piece(pieces, token) for token in ids).decode("utf-8", "replace")

    return Spelling(lambda text: list(pieces.encode(text)), text, "made with Mistral's vocabulary")


def _piece(pieces: Any, token: int) -> bytes:
    if pieces.is_byte(token):
        return bytes([token - _FIRST_BYTE])
    return str(pieces.id_to_piece(token)).replace("▁", " ").encode("utf-8")
