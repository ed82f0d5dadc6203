"""Words of a claim that stand where its source has others: "Venus has two moons" for "Mars has two moons".

Takes the readings of a claim, of the sentence that says most of it, and of all its sources; says whether one
thing was put in the place of another. Pure; knows which words mean the same only from the list of synonyms,
so a swap in a sentence that is otherwise worded afresh says nothing, and one in a short copy is "doubtful".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rag.text.stopwords import STOP_WORDS
from rag.verdicts.alignment import Swap, Token, likest_clauses, swaps, tokens
from rag.verdicts.opposites import Leaning
from rag.verdicts.quantities import Quantity
from rag.verdicts.reading import Reading, read, stem
from rag.verdicts.synonyms import concept

Swapped = Literal["", "doubtful", "wrong"]

SHORTEST_CLAUSE = 5  # words or characters; shorter ones are like each other by chance
COPIED = 0.75  # of the rest of the claim, in the source's order: then it was copied with something changed
COPIED_CLAUSE = 0.9  # and of a single clause
COPIED_WHOLLY = 0.95  # then nothing else was changed
LONG_COPY = 7  # words or characters: who copies so much word for word does not stop for a synonym
SUBJECT = 3  # words or characters at a clause's head among which its subject is

_STOPS = STOP_WORDS["en"] | {"don", "won", "ca", "cannot", "unless"}
_UNCONTRACTED = re.compile(r"(?<!ca)n?['’].*")
_PRONOUNS = frozenset({"it", "he", "she", "they", "its", "his", "her", "their"})
_HAN_PRONOUNS = frozenset("它他她其该此这那")
# Characters that change a sentence's shape, not what it is about; numerals are compared as numbers.
_PARTICLES = frozenset(
    "的了在是和与及也都而且并或等由被把将对从向于为以之其它他她们这那有就还又则所着过地得很最约共个"
    "来去会能可要需须应当后前中到至即便使用没未不无非曾经只每一二三四五六七八九十百千万亿零〇两已"
)
_HAN_DENIAL = re.compile("[不没未无非]")
_HAN_LIGHT = frozenset(
    {"成为", "列入", "属于", "位于", "设有", "拥有", "担任", "进行", "开始", "作为", "称为"}
)
_PARTICLE = re.compile(f"[{''.join(_PARTICLES)}]+")
_ONE = {"one": 1.0, "first": 1.0, "second": 2.0}  # numbers that are not read as such elsewhere


@dataclass(frozen=True, slots=True)
class _Side:
    """What is laid side by side, and what it is taken from."""

    mine: Reading  # the claim or a clause of it
    theirs: Reading  # the sentence or a clause of it
    claim: Reading
    said: Reading
    earlier: Sequence[Reading]  # the sentences before that one
    everything: str  # the text of all sources

    @property
    def whole(self) -> bool:
        """Whether the whole claim is laid beside the whole sentence."""
        return self.mine is self.claim

    @property
    def enough(self) -> float:
        """The share that must be copied for a swap to be a mistake and not another wording."""
        return COPIED if self.whole else COPIED_CLAUSE


def swapped(claim: Reading, said: Reading, earlier: Sequence[Reading], everything: str) -> Swapped:
    """Whether the claim puts one thing where the sentence, or those before that it refers to, have another.

    Looks at the two as wholes, then at each clause of the claim beside the clauses most like it.
    """
    if _modifier_swapped(claim, said, everything):
        return "wrong"
    sides = [_Side(claim, said, claim, said, earlier, everything)]
    for start, end in claim.clauses if max(len(claim.clauses), len(said.clauses)) > 1 else ():
        mine = read(claim.text[start:end])
        if len(tokens(mine.text)) >= SHORTEST_CLAUSE:
            sides += [
                _Side(mine, theirs, claim, said, earlier, everything) for theirs in likest_clauses(mine, said)
            ]
    verdicts = {_judged(side, swap) for side in sides for swap in swaps(side.mine, side.theirs)}
    return "wrong" if "wrong" in verdicts else "doubtful" if "doubtful" in verdicts else ""


def _judged(side: _Side, swap: Swap) -> Swapped:
    if _pronoun_for_another(side, swap):
        return "wrong"
    if swap.copied >= side.enough and _number_for_another(side, swap):
        return "wrong"
    if any(token.word in _HAN_PRONOUNS for token in swap.instead):
        return ""
    mine, instead = _content(side.mine, swap.mine), _content(side.theirs, swap.instead)
    if not mine or not instead or mine & instead or _same_word(side, swap) or _style(side, swap):
        return ""
    if _opposite(side, swap):
        return "wrong"
    reordered = _all_said(side, swap, mine)
    subject = swap.copied >= COPIED_CLAUSE and swap.mine[0] in tokens(side.mine.text)[:SUBJECT]
    foreign = not instead & side.claim.keys  # what is displaced is not said elsewhere in the claim
    names = side.whole and _is_name(side.mine, swap.mine) and _is_name(side.theirs, swap.instead)
    known = _found(side.mine, swap.mine, side.everything) and foreign and (subject or not reordered)
    if known and (names or swap.copied >= side.enough):
        return "wrong"
    if swap.copied < COPIED_WHOLLY or reordered:
        return ""
    return "wrong" if side.whole and swap.rest >= LONG_COPY else "doubtful"


def _content(reading: Reading, words: Sequence[Token]) -> set[str]:
    """The concepts of the words that carry meaning, numbers left out."""
    return {
        token.key
        for token in words
        if not any(fact.start <= token.start < fact.end for fact in reading.facts)
        and not {token.word, *_UNCONTRACTED.sub(" ", token.word).split()} & _STOPS
        and token.key not in _PARTICLES
        and not token.key[0].isdigit()
    }


def _style(side: _Side, swap: Swap) -> bool:
    """Whether what is swapped is how a thing is put: a light verb, a negation, one character for a word."""
    if not swap.mine[0].han:
        return False
    mine = side.mine.text[swap.mine[0].start : swap.mine[-1].end]
    instead = side.theirs.text[swap.instead[0].start : swap.instead[-1].end]
    denied = _HAN_DENIAL.search(mine) is not None, _HAN_DENIAL.search(instead) is not None
    return mine in _HAN_LIGHT or denied[0] != denied[1] or (len(mine) == 1 < len(instead))


def _same_word(side: _Side, swap: Swap) -> bool:
    """Whether the words mean the same: characters that make synonyms with a neighbour, 开工 for 动工."""
    if _pairs(side.mine.text, swap.mine) & _pairs(side.theirs.text, swap.instead):
        return True
    theirs = {(word.pair, word.side) for word in _leanings(side.theirs, swap.instead)}
    return any((word.pair, word.side) in theirs for word in _leanings(side.mine, swap.mine))


def _opposite(side: _Side, swap: Swap) -> bool:
    theirs = {(word.pair, -word.side) for word in _leanings(side.theirs, swap.instead)}
    return any((word.pair, word.side) in theirs for word in _leanings(side.mine, swap.mine))


def _pairs(text: str, words: Sequence[Token]) -> set[str]:
    """The concepts of all pairs of characters that touch these."""
    if not words[0].han:
        return set()
    return {concept(text[max(0, i) : i + 2]) for i in range(words[0].start - 1, words[-1].end)}


def _leanings(reading: Reading, words: Sequence[Token]) -> list[Leaning]:
    start, end = words[0].start, words[-1].end
    return [leaning for leaning in reading.leanings if leaning.start < end and start < leaning.end]


def _is_name(reading: Reading, words: Sequence[Token]) -> bool:
    return any(
        name.sure and name.start < token.end and token.start < name.end
        for name in reading.names
        for token in words
    )


def _all_said(side: _Side, swap: Swap, content: set[str]) -> bool:
    """Whether the sentence has all of the swapped words somewhere else."""
    if not swap.mine[0].han:
        return content <= side.said.keys
    text = side.mine.text[swap.mine[0].start : swap.mine[-1].end]
    return len(content) > 1 and all(piece in side.said.text for piece in _PARTICLE.split(text))


def _found(reading: Reading, words: Sequence[Token], text: str) -> bool:
    """Whether these words stand in the sources all the same; one character with its neighbour."""
    start, end = words[0].start, words[-1].end
    phrase = reading.text[start:end]
    if not words[0].han:
        return re.search(rf"\b{re.escape(phrase)}", text, re.IGNORECASE) is not None
    phrase = phrase.strip("".join(_PARTICLES))
    if len(phrase) > 1:
        return phrase in text
    neighbour = reading.text[end : end + 1]
    return neighbour.isalpha() and reading.text[start : end + 1] in text


def _modifier_swapped(claim: Reading, said: Reading, text: str) -> bool:
    """Whether "the vaccine group" of the claim is "the placebo group" here, and the other one elsewhere."""
    theirs = _modified(said)
    heads = [head for _, head in theirs]
    before = {head: modifier for modifier, head in theirs if heads.count(head) == 1}
    return any(
        modifier not in said.keys
        and before.get(head, modifier) not in claim.keys
        and re.search(rf"\b{re.escape(modifier)}\w*\s+{re.escape(head)}", text, re.IGNORECASE) is not None
        for modifier, head in _modified(claim)
    )


def _modified(said: Reading) -> list[tuple[str, str]]:
    """Pairs of words with nothing but a space between them, both of some meaning, neither name nor number."""
    return [
        (one.key, other.key)
        for one, other in pairwise(tokens(said.text))
        if said.text[one.end : other.start].isspace()
        and said.text[one.start].islower()
        and _content(said, [one])
        and _content(said, [other])
    ]


def _number_for_another(side: _Side, swap: Swap) -> bool:
    """Whether a number stands in the very place of another: two parts of this and one of that, reversed."""
    mine, instead = _number(side.mine, swap.mine), _number(side.theirs, swap.instead)
    if mine is None or instead is None or mine.borne_out_by(instead):
        return False
    elsewhere = any(mine.borne_out_by(other) for other in side.said.quantities)
    return not elsewhere or {t.word for t in swap.instead} <= {t.word for t in tokens(side.claim.text)}


def _number(reading: Reading, words: Sequence[Token]) -> Quantity | None:
    """The number that these words are, all of them; None where they are not one number."""
    start, end = words[0].start, words[-1].end
    for quantity in reading.quantities:
        if quantity.start <= start and end <= quantity.end:
            return quantity
    value = _ONE.get(words[0].word) if len(words) == 1 else None
    return None if value is None else Quantity(value, 1, None, "", start, end)


def _pronoun_for_another(side: _Side, swap: Swap) -> bool:
    """Whether the claim has a name or a thing where the sources have a pronoun that means another.

    A pronoun means the last one named before it; and a thing that is only mentioned later it can't mean.
    """
    words = {token.word for token in swap.instead}
    if words - _STOPS or not words & _PRONOUNS:
        return False
    mine = _content(side.mine, swap.mine)
    ours = {name.text.casefold() for name in side.mine.names if name.sure and stem(name.text) in mine}
    upto = side.said.text.casefold().find(swap.instead[0].word)
    meant = [name for name in side.said.names if name.sure and name.end <= upto]
    if not meant and side.earlier:
        meant = [name for name in side.earlier[-1].names if name.sure]
    if ours and meant:
        return not ours & {name.text.casefold() for name in meant}
    before = {token.key for token in tokens(side.said.text[: max(0, upto)])}
    before = before.union(*(reading.keys for reading in side.earlier))
    return bool(mine) and not mine & before and _found(side.mine, swap.mine, side.everything)
