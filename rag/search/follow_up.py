"""A follow-up question and what it leans on: pure.

Takes a question and the turns before it, gives the texts that it may go on from, each with its weight, and
makes one ranking of what was found for each. No model is asked. Reads words and scores alone: English,
Chinese and a little Japanese by the words that point back, every language by how few words a question has of
its own. `make bench-follow-ups` says how well that does.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.abstention import abstains
from rag.records import Hit, Turn
from rag.text.marks import MARK
from rag.text.sentences import spans
from rag.text.words import content_terms, has_content, is_character, is_pair

CHARACTERS_A_WORD = 2  # in Chinese and Japanese, on average
LONGEST_CHAIN = 3  # exchanges that a follow-up goes back
ANSWER_CHARACTERS = 200  # of an answer: its first sentences name what it is about, the later ones much else

# Words of its own up to which a question goes on from the one before: when it points back, when it does not
# but found as much there as elsewhere, and when it has too few to be about anything by itself.
POINTING_WORDS = 5
BARE_WORDS = 3
FEW_WORDS = 1.5

# What the texts before weigh against the question. Found on two thirds of the conversations about our own
# samples and on questions asked after others that have nothing to do with them: with more, a new subject is
# taken for the old; with less, "and when?" finds any date.
WEIGHT = 0.6
BARE_WEIGHT = 0.5
BARE_DOUBT = 3  # the power of how much of the question stands where the old subject does
POINTING_SURE = 0.8  # of its weight, whatever stands there
FURTHER_BACK = 0.5  # once more for each exchange before; half of it where the one between did not point back

CONSIDERED = 5  # chunks, of those found for the old subject: do they hold the new question too?

_POINTS_BACK = re.compile(
    r"^\W*(?:and|but|or|also|so|then|what about|how about|what else|what if|really|und|aber|et|mais|y|pero)\b"
    r"|\b(?:its?|they|them|theirs?|this|these|those|he|him|his|she|hers?|ones?)\b"
    r"(?! \w+ to\b)"  # "does it cost to"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bhas )(?<!\bstill )\bthere\b|\bthen\W*$"
    r"|\b(?:the same|such)\b"
    # not "the reef that was unlit", "the daymark that never carried a light"
    r"|\bthat\b(?! (?:is|was|are|were|has|had|have|can|could|will|would|never|still|[a-z]+s|[a-z]+ed)\b)"
    r"|^\W*\w+ \w+\W*$"  # "How tall?"
    r"|^\W*(?:那|还有|还|然后|另外|而)(?!次)|[它他她]|[这那此该其](?![里儿次])|同样|呢\W*$|それ|これ|その|この|彼",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Before:
    """An exchange that a question goes on from: what was asked, the beginning of what was answered."""

    question: str
    answer: str
    weight: float  # against the nearest one's 1

    @property
    def text(self) -> str:
        return f"{self.question} {self.answer}".strip()


@dataclass(frozen=True, slots=True)
class Leaning:
    """A question, how it leans, and on what, the nearest first; on nothing where it stands by itself.

    `words` are those of its own, `pointing` says that it points back or has none.
    """

    question: str
    words: float = 0.0
    pointing: bool = False
    before: tuple[Before, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether it can't be meant by itself."""
        return bool(self.before) and (self.pointing or self.words <= FEW_WORDS)

    @property
    def text(self) -> str:
        """What is asked in full: the question, after those that it surely leans on and the last answer."""
        if not self.sure:
            return self.question
        asked = [one.question for one in reversed(self.before)]
        return " ".join(filter(None, [*asked, self.before[0].answer, self.question]))

    @property
    def context(self) -> str:
        """What it leans on, the nearest last; '' where it stands by itself."""
        return " ".join(one.text for one in reversed(self.before))


def lean(question: str, history: Sequence[Turn]) -> Leaning:
    """How a question leans on the turns before it.

    A short question leans on the last exchange when it points back ("it", "that", 它), goes on ("and ...?",
    还有), or has few words of its own ("how many?"); on the exchange before that where the last question was
    such a one. `lean("How tall is it?", [Turn("user", "When was the tower built?"), Turn("assistant", "In
    1759.")]).text` is `"When was the tower built? In 1759. How tall is it?"`.
    """
    words, pointing = _words(question), _points_back(question)
    said = exchanges(history)
    if not said or words > (POINTING_WORDS if pointing else BARE_WORDS):
        return Leaning(question, words, pointing)
    before: list[Before] = []
    weight = 1.0
    for asked, answer in reversed(said[-LONGEST_CHAIN:]):
        before.append(Before(asked, answer, weight))
        if _words(asked) > POINTING_WORDS:
            break
        if _points_back(asked):
            weight *= FURTHER_BACK
        elif _words(asked) <= FEW_WORDS:
            weight *= FURTHER_BACK / 2
        else:
            break
    return Leaning(question, words, pointing, tuple(before))


def joined(leaning: Leaning, own: Sequence[Hit], before: Sequence[Sequence[Hit]]) -> list[Hit]:
    """The candidates ranked for the question and for what it leans on, best first; equals by chunk id.

    `own` are scored for the question, each of `before` for one text of `leaning.before`: the same chunks,
    in any order. The mean of the scores, the latter's with their weights; `scores["context"]` is their part.
    A question that may be about something new, since it only is short, leans the less, the more of it
    stands elsewhere than where the old subject does.
    """
    context = {hit.chunk_id: 0.0 for hit in own}
    for said, hits in zip(leaning.before, before, strict=True):
        for hit in hits:
            context[hit.chunk_id] += said.weight * hit.score
    weight = _weight(leaning, own, context)
    total = 1 + weight * sum(said.weight for said in leaning.before)
    ranked = []
    for hit in own:
        score = hit.score if leaning.words else hit.scores["dense"] * hit.scores["trust"]
        part = weight * context[hit.chunk_id] / total
        scores = {**hit.scores, "context": part}
        ranked.append(dataclasses.replace(hit, score=score / total + part, scores=scores))
    return sorted(ranked, key=lambda hit: (-hit.score, hit.chunk_id))


def _weight(leaning: Leaning, own: Sequence[Hit], context: dict[int, float]) -> float:
    """How much the texts before count, by how much of the question stands where they lead."""
    near = set(sorted(context, key=lambda chunk: (-context[chunk], chunk))[:CONSIDERED])
    anywhere = max((hit.scores["whole"] for hit in own), default=0.0)
    there = max((hit.scores["whole"] for hit in own if hit.chunk_id in near), default=0.0)
    share = there / anywhere if anywhere and leaning.words else 1.0
    if leaning.pointing:
        return WEIGHT * (POINTING_SURE + (1 - POINTING_SURE) * share)
    return WEIGHT if leaning.words <= FEW_WORDS else BARE_WEIGHT * share**BARE_DOUBT


def _points_back(question: str) -> bool:
    return bool(_POINTS_BACK.search(question)) or not has_content(question)


def _words(question: str) -> float:
    """How many words of its own a question has; characters of scripts without spaces count half."""
    if not has_content(question):
        return 0.0
    terms = content_terms(question, characters=True)
    characters = sum(is_character(term) for term in terms)
    return sum(not is_pair(term) for term in terms) - characters + characters / CHARACTERS_A_WORD


def exchanges(history: Sequence[Turn]) -> list[tuple[str, str]]:
    """What was asked, and the first sentences of what was answered; '' where that is nothing or a refusal."""
    said: list[tuple[str, str]] = []
    for turn in history:
        if turn.role == "user":
            said.append((turn.text, ""))
        elif said and not said[-1][1] and not abstains(turn.text):
            said[-1] = (said[-1][0], _beginning(turn.text))
    return said


def _beginning(answer: str) -> str:
    """Its first sentences, as many as fit; without marks, which are no words."""
    text = " ".join(MARK.sub(" ", answer[: 4 * ANSWER_CHARACTERS]).split())
    ends = [end for _, end in spans(text) if end <= ANSWER_CHARACTERS]
    return text[: max(ends, default=ANSWER_CHARACTERS)].strip()
