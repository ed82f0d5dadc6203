"""OpenChat's template as token ids.

Takes texts, and `tokenize`: plain text -> ids as llama.cpp gives them with special tokens off (it puts a
space before the text's first word). Gives ids that llama.cpp decodes as they are. Pure; knows nothing of
files, models or searches.

A prompt is never rendered into one string. Whole turns, header included, are tokenised as plain text, and
the two ids that structure is made of (1 and 32000) are put in as numbers. Text that spells out a reserved
token is cut inside that spelling, so that no tokeniser can see it whole; the model still reads the words.
Then an assertion holds that no id of a text is a reserved one.

A newline is its own token in this vocabulary and never merges with a neighbour. Parts that begin with one
can therefore be tokenised apart and put together: their counts add up exactly, which is the ledger.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Literal

from rag.records import Turn

Tokenize = Callable[[str], list[int]]
Condition = Literal["GPT4 Correct", "Math Correct"]

BEGIN, END_OF_TURN = 1, 32000
RESERVED = frozenset({0, 1, 2, 32000, 32001})
RESERVED_TEXTS = ("<|end_of_turn|>", "<|pad_0|>", "</s>", "<s>", "<unk>")

_SPELLED_OUT = re.compile("(?=" + "|".join(re.escape(text) for text in RESERVED_TEXTS) + ")")


def encode_text(text: str, tokenize: Tokenize) -> list[int]:
    """The ids of one whole piece of text, none of them reserved, whatever the text spells out.

    `text` begins a turn: as llama.cpp does, a space is put before its first word.
    """
    text = text.encode("utf-8", errors="replace").decode("utf-8")  # a lone surrogate has no bytes
    cuts = [0, *(match.start() + 1 for match in _SPELLED_OUT.finditer(text)), len(text)]
    ids: list[int] = []
    for start, end in itertools.pairwise(cuts):
        piece = text[start:end]
        # The newline keeps a space from being put before a later piece; the ids of both go again.
        ids += tokenize(piece) if start == 0 else tokenize("\n" + piece)[2:]
    reserved = RESERVED.intersection(ids)
    if reserved:
        raise AssertionError(f"reserved ids {sorted(reserved)} from text {text[:200]!r}")
    return ids


def encode_part(text: str, tokenize: Tokenize) -> list[int]:
    """The ids of a later part of a turn; `text` must begin with a newline."""
    if not text.startswith("\n"):
        raise ValueError(f"a later part of a turn begins with a newline, not {text[:20]!r}")
    return encode_text(text, tokenize)[1:]


def encode_conversation(
    turns: Sequence[Turn],
    tokenize: Tokenize,
    *,
    condition: Condition = "GPT4 Correct",
    complete: bool = True,
) -> list[int]:
    """A conversation in OpenChat's template, ready for the assistant's next words when `complete`.

    Source of the expected ids: the model card of OpenChat 3.5 0106.
    """
    ids = [BEGIN]
    for turn in turns:
        ids += [*encode_text(header(turn.role, condition) + " " + turn.text, tokenize), END_OF_TURN]
    if complete:
        ids += encode_text(header("assistant", condition), tokenize)
    return ids


def header(role: str, condition: Condition = "GPT4 Correct") -> str:
    """What a turn starts with: `GPT4 Correct User:`."""
    return f"{condition} {role.title()}:"
