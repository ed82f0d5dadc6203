"""A claim laid beside a sentence: which words of the one stand in the place of which words of the other.

Takes two readings, gives the swaps: runs of words (of characters, in scripts without spaces) between others
that are the same in both. Pure; draws no conclusion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from rag.verdicts.reading import HAN, Reading, read, stem
from rag.verdicts.synonyms import concept

LONGEST = 5  # words, or characters of a script without spaces, that are put in the place of others
LONGEST_AT_AN_END = 3  # with no more than that the same, and on one side alone
UNEQUAL = 2.5  # how many times as many characters may stand instead
SAME_AROUND = 3  # words or characters that are the same beside them, left and right together
UNALIGNED = "的了"  # particles that a sentence may have or lack without being another one

_HAN_CHARACTER = HAN.pattern[:-1]
_LETTER = rf"(?:(?!{_HAN_CHARACTER})[^\W_])"
_TOKEN = re.compile(rf"{_HAN_CHARACTER}|{_LETTER}+(?:['’.,]{_LETTER}+)*")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a character of a script without spaces; `key` is its concept."""

    key: str
    word: str
    start: int
    end: int

    @property
    def han(self) -> bool:
        """Whether it is a character of a script without spaces."""
        return HAN.match(self.key) is not None


@dataclass(frozen=True, slots=True)
class Swap:
    """The claim's words, what stands in their place, and how much of the rest is the same, in order."""

    mine: tuple[Token, ...]
    instead: tuple[Token, ...]
    copied: float
    rest: int  # how many words or characters the claim has besides


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """The words of a text, and its characters where it has no words."""
    return tuple(
        Token(_key(match[0]), match[0].casefold(), match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if match[0] not in UNALIGNED
    )


def swaps(claim: Reading, said: Reading) -> list[Swap]:
    """The words of the claim that stand in the place of others of the sentence."""
    ours, theirs = tokens(claim.text), tokens(said.text)
    codes = _matcher(ours, theirs).get_opcodes()
    same = sum(b - a for kind, a, b, _, _ in codes if kind == "equal")
    found = []
    for i, (kind, a, b, c, d) in enumerate(codes):
        if kind != "replace":
            continue
        if d - c > LONGEST:
            c = _beside(said, theirs, c, d)
        left = codes[i - 1][2] - codes[i - 1][1] if i else 0
        right = codes[i + 1][2] - codes[i + 1][1] if i + 1 < len(codes) else 0
        longest = LONGEST if (left and right) or max(left, right) > LONGEST else LONGEST_AT_AN_END
        if c == d or left + right < SAME_AROUND or max(b - a, d - c) > longest:
            continue
        if ours[a].han and not (b - a) / UNEQUAL <= d - c <= (b - a) * UNEQUAL:
            continue
        rest = len(ours) - (b - a)
        found.append(Swap(ours[a:b], theirs[c:d], same / max(1, rest), rest))
    return found


def likest_clauses(mine: Reading, said: Reading) -> list[Reading]:
    """The clauses of a sentence that have most of the claim's clause in its order; more than one at a tie."""
    sizes = []
    for start, end in said.clauses:
        blocks = _matcher(tokens(mine.text), tokens(said.text[start:end])).get_matching_blocks()
        sizes.append(sum(block.size for block in blocks))
    most = max(sizes, default=0)
    if most < SAME_AROUND:
        return []
    likest = [clause for clause, size in zip(said.clauses, sizes, strict=True) if size == most]
    return [read(said.text[start:end]) for start, end in likest]


def _matcher(ours: Sequence[Token], theirs: Sequence[Token]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, [t.key for t in ours], [t.key for t in theirs], autojunk=False)


def _key(token: str) -> str:
    return token if HAN.match(token) or token[0].isdigit() else concept(stem(token)) or token.casefold()


def _beside(said: Reading, theirs: Sequence[Token], start: int, end: int) -> int:
    """Of many words only those count that are in the clause of the word behind them: where these begin."""
    if end == len(theirs):
        return start
    clause = said.clause_at(theirs[end].start)
    return next(i for i in range(start, end + 1) if said.clause_at(theirs[i].start) == clause)
