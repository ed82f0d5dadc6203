"""Whether hits answer a question at all, or the documents do not speak of it: one number, one bound.

Takes a question, the best hits and all that the search found, gives how much speaks for their answering it.
Reads words and cosines alone: that the topic is there and the fact is not is for a model, or a person, to
see.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log

from rag.records import Hit
from rag.text.stopwords import FUNCTION_CHARACTERS
from rag.text.wording import held_terms, sentences, share_of_forms, steady_rarity
from rag.text.words import ALPHABETS, content_terms, is_pair, term_set

CONSIDERED = 5  # hits; the more are looked at, the more of a question some hit holds by chance

# Found on questions to 16 collections in 12 languages, each asked what was meant for other documents too:
# encyclopedia paragraphs, two long documents and the samples. With 0.05 more a third more are refused with
# grounds, and a fifth less is answered without.
ENOUGH = 0.97
COSINE_WORTH = 1.25
COSINE_BY_CHANCE = 0.28  # of a question and the best of passages that do not speak of it
LENGTH_WORTH = (
    0.15  # for the logarithm of its terms: the longer a question, the more of it is the asker's own
)
PAIR_WORTH = 1 / 3  # in that, of two characters of a script without spaces, as likely across words as a word
STRANGER_WORTH = 0.3  # off, when no hit has a single one of the names and numbers that were asked about
CODE_WORTH = 1.0  # off, when a code that was asked about is in no hit: what E6 means is no answer to E7

# Pairs of letters in Thai, Lao, Burmese and Khmer and Vietnamese syllables are few: any passage has some by
# chance, but seldom most of them. So a share is raised to this power there.
BY_CHANCE = 2.5
_FEW_DIFFERENT = re.compile(f"[{ALPHABETS}ơưƠƯ\u1ea0-\u1ef9]")
_CODE = re.compile(r"(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]+")  # letters with digits, folded as terms are
_CODE_PART = re.compile(r"\d+|[a-z]+")
_HUMPED = re.compile(r"[a-z][A-Z]")
_NAME = re.compile(r"(?<=[\w,;:'’)] )[\"“(]?([A-Z][\w’'.-]*)")


def answers(question: str, hits: Sequence[Hit], among: Sequence[Hit]) -> bool:
    """Whether `hits` are grounds for an answer; False means: not in the documents."""
    return evidence(question, hits, among) >= ENOUGH


def evidence(question: str, hits: Sequence[Hit], among: Sequence[Hit]) -> float:
    """How much speaks for an answer in `hits`, best first; 0 for no hits or a question without words.

    Of the hit where these are most together, the share of the question's terms that it holds, and that
    one sentence of it holds, those counting for more that are rare `among` all that was found, and how
    far its cosine is above chance, as far as the embedder can be trusted: the one word here and the likeness
    there are no answer. A little for a long question; less where all names are strangers, or one code is.
    """
    asked = content_terms(question, characters=True)
    terms = _telling(asked)
    considered = hits[:CONSIDERED]
    if not terms or not considered:
        return 0.0
    rarities = steady_rarity(asked, [held_terms(hit) for hit in among])
    holdings = [held_terms(hit) for hit in considered]
    chance = BY_CHANCE if _FEW_DIFFERENT.search(question) else 1
    best = max(
        share_of_forms(rarities, held) ** chance
        + max((share_of_forms(rarities, one.terms) for one in sentences(hit)), default=0.0) ** chance
        + COSINE_WORTH * hit.scores.get("trust", 1.0) * (hit.scores.get("dense", 0.0) - COSINE_BY_CHANCE)
        for hit, held in zip(considered, holdings, strict=True)
    )
    length = log(1 + sum(PAIR_WORTH if is_pair(term) else 1.0 for term in terms))
    held = frozenset[str]().union(*holdings)
    strange = STRANGER_WORTH * _only_strangers(question, terms, held)
    strange += CODE_WORTH * any(_is_strange_code(term, held) for term in terms)
    return best + LENGTH_WORTH * length - strange


def _telling(terms: Sequence[str]) -> list[str]:
    """Without the pairs of characters of which one holds a sentence together: 壶是 is no word of 银壶是."""
    return [term for term in terms if not (is_pair(term) and FUNCTION_CHARACTERS & set(term))] or list(terms)


def _only_strangers(question: str, terms: Sequence[str], held: frozenset[str]) -> bool:
    """Whether the question has names or numbers, and none of them is in what was found."""
    asked = {term for term in terms if term.isdigit()}
    for name in _NAME.findall(question):
        # PowerShell is neither power nor a shell
        asked |= set(content_terms(name)[:1]) if _HUMPED.search(name) else term_set(name)
    return bool(asked) and not asked & held


def _is_strange_code(term: str, held: frozenset[str]) -> bool:
    """Whether `term` is letters with digits, like e7, and neither it nor its two parts were found."""
    return (
        _CODE.fullmatch(term) is not None
        and term not in held
        and not held.issuperset(_CODE_PART.findall(term))
    )
