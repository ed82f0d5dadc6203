"""How much of a question's wording a text holds, rare words counting for more: pure.

Takes a question's terms and the terms of a few texts, gives shares from 0 to 1. What is rare is judged
within those texts, so that nothing need be known of the index that they are from, and its size changes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from math import log

from rag.places import counted
from rag.records import Hit
from rag.text.sentences import line_spans, spans
from rag.text.stopwords import FUNCTION_CHARACTERS
from rag.text.words import is_character, is_pair, term_set

TITLE_LINES = 3  # at most, below the headings of a title page
_SAID = re.compile(
    r"[.!?。！？｡…:：;；]\W*\Z|\A\s*(?:[-*+•‣◦▪●○·–—|]|\(?\d{1,3}[.)])\s|\t| \| |.{100}", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Worded:
    """A sentence of a text and its terms: `text[start:end]`."""

    start: int
    end: int
    terms: frozenset[str]


def sentences(hit: Hit) -> tuple[Worded, ...]:
    """The sentences of a hit with their terms; its lines where its file is made of rows or lines."""
    return worded(hit.text, by_line=counted(hit.media_type, hit.label) is not None)


def is_title(hit: Hit) -> bool:
    """Whether a hit is headings and a few lines that are no sentences: a title page, not a list or a row."""
    rest = [one for one in sentences(hit) if not _is_heading(hit, one)]
    lines = [hit.text[one.start : one.end] for one in rest]
    return bool(hit.inside) and len(lines) <= TITLE_LINES and not any(map(_SAID.search, lines))


def _is_heading(hit: Hit, one: Worded) -> bool:
    start, end = hit.start + one.start, hit.start + one.end
    return any(start < heading.end and heading.start < end for heading in hit.inside)


def terms_of(hit: Hit) -> frozenset[str]:
    """The terms of all sentences of a hit."""
    return frozenset[str]().union(*(one.terms for one in sentences(hit)))


def context_terms(hit: Hit) -> frozenset[str]:
    """The terms of what stands over a hit, its headings and its source's name, which bear on all of it."""
    return _terms_of_context("\n".join((hit.source, *hit.headings)))


def held_terms(hit: Hit) -> frozenset[str]:
    """The terms of a hit and of what stands over it."""
    return context_terms(hit) | terms_of(hit)


@lru_cache(maxsize=1024)
def _terms_of_context(text: str) -> frozenset[str]:
    return term_set(text)


@lru_cache(maxsize=4096)
def worded(text: str, *, by_line: bool = False) -> tuple[Worded, ...]:
    """The sentences or lines of `text` with their terms; remembered: the same chunks are found again."""
    found = line_spans(text) if by_line else spans(text)
    return tuple(Worded(start, end, term_set(text[start:end])) for start, end in found)


# Characters and pairs of scripts without spaces say less than a word does, being parts of one or not even
# that; a pair with one that holds a sentence together (壶是, of 银壶是) says hardly anything. Found on
# questions in Chinese and Japanese.
PART_WORTH = 0.67
HOLDING_WORTH = 0.2


def rarity(terms: Sequence[str], texts: Sequence[AbstractSet[str]]) -> dict[str, float]:
    """What each term is worth among `texts`: BM25's logarithm of how few of them hold it, never below 0.

    Of a script without spaces, characters and pairs are worth a part of that.
    """
    holders = {term: sum(term in text for text in texts) for term in terms}
    return {
        term: _worth(term) * log(1 + (len(texts) - count + 0.5) / (count + 0.5))
        for term, count in holders.items()
    }


# From how many texts on what is rare among them says more of a term than that it is a term.
FEW_TEXTS = 20

BEGINNING = 5  # letters: two words that have so many first ones in common are often forms of one
SAME_BEGINNING = 0.6  # worth of such a form against the word itself


def steady_rarity(terms: Sequence[str], texts: Sequence[AbstractSet[str]]) -> dict[str, float]:
    """What each term is worth among `texts`, from 0 to 1; the fewer they are, the more alike all terms."""
    most = log(1 + (len(texts) + 0.5) / 0.5)
    known = len(texts) / (len(texts) + FEW_TEXTS)
    return {
        term: worth / most * known + _worth(term) * (1 - known)
        for term, worth in rarity(terms, texts).items()
    }


def share_of_forms(rarities: Mapping[str, float], held: AbstractSet[str]) -> float:
    """Like `share`, where another form of a word counts for a part of it."""
    total = sum(rarities.values())
    if not total:
        return 0.0
    beginnings = {term[:BEGINNING] for term in held if len(term) >= BEGINNING}
    found = 0.0
    for term, worth in rarities.items():
        if term in held:
            found += worth
        elif len(term) > BEGINNING and term[:BEGINNING] in beginnings:
            found += SAME_BEGINNING * worth
    return found / total


def _worth(term: str) -> float:
    if is_pair(term) and not FUNCTION_CHARACTERS.isdisjoint(term):
        return HOLDING_WORTH
    return PART_WORTH if is_pair(term) or is_character(term) else 1.0


def share(rarities: Mapping[str, float], held: AbstractSet[str]) -> float:
    """The part of all terms' worth that `held` has; a term that no text has counts against all."""
    total = sum(rarities.values())
    return sum(worth for term, worth in rarities.items() if term in held) / total if total else 0.0
