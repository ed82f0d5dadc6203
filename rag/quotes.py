"""An answer made of the sources' own sentences, for when no model is there.

Takes a question and its hits, gives the sentences that come nearest to answering it, verbatim, each with
its place. Does not write a word of its own; whether the hits answer at all is `rag.evidence`'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rag.answer_kinds import asks_nothing, has_kind, kind_asked, points_back
from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Hit
from rag.search.run_on import first_part, goes_on, last_part
from rag.text.wording import Worded, rarity, sentences, share
from rag.text.words import content_terms, has_content
from rag.verdicts.verdict import judge

READ_HITS = 5  # hits whose sentences are compared
EMBEDDED = 32  # sentences that are embedded: those with the best wording
FEWEST_TERMS = 4  # a sentence with fewer is a heading or a fragment
SAME_TEXT = 0.8  # share of terms in common (Jaccard) from which two sentences say the same
ROW_MARGIN = 0.2  # how far behind the row that answers another one of its table may be
WORTH_A_LOOK = 0.7  # how far behind the best a further sentence may be

# What a sentence's score is the sum of, against a cosine to the question of 1 and the share of the
# question's wording that it holds. Rounded from a fit on two languages; each can be halved or doubled
# at a cost of less than a point.
PASSAGE_WORTH = 2.0  # of how far its passage is behind the best one
BEFORE_WORTH = (
    0.5  # of the wording that the sentence before holds and this one lacks: it may go on from there
)
POINTING_WORTH = 0.2  # of the same once more, when it opens with "it", "they", "this"
AFTER_WORTH = 0.25  # of the wording that the sentence after holds and this one lacks
KIND_WORTH = 0.2  # when it has a date, a number or a name, and that is what was asked for
INTRODUCING_COST = 0.5  # of what introduces an answer rather than gives it
HEAD_COST = 0.9  # of a mail's subject and the like: shown where nothing in the mail says it
PRICE_WORTH = 0.4  # the same of a price: what costs something is told with it
CONTEXT_WORTH = 0.2  # of a term of what a follow-up leans on, against one of its own
CONTEXT_IN_MEANING = 0.25  # the same of meaning: more, and what was answered before is quoted again

BETWEEN_CELLS = " | "
LONGEST_ITEM = 240  # characters; a longer item of a list is quoted by the sentence
_LIST_ITEM = re.compile(
    r"\s*(?:[-*+•‣◦▪●○·–—]\s|\(?\d{1,3}[.)]\s|[(（]?[一二三四五六七八九十]{1,3}[)）、．])"
)
MAILS = frozenset({"message/rfc822", "application/mbox"})
_HEAD_LINE = re.compile(r"(?:From|To|Cc|Bcc|Date|Subject|Attachments|Reply-To): ")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a source: `page.text[start:end] == text`."""

    source: str
    page: int
    start: int
    end: int
    text: str
    score: float
    chunk_id: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence with its neighbours in the same hit; no terms where there is none."""

    hit: Hit
    sentence: Worded
    before: frozenset[str]
    after: frozenset[str]

    @property
    def text(self) -> str:
        return self.hit.text[self.sentence.start : self.sentence.end]


def quote_answer(
    question: str, hits: Sequence[Hit], embedder: LocalEmbeddings, *, context: str = "", most: int = 3
) -> list[Quote]:
    """The 1 to `most` sentences of `hits` that answer `question` best, the best first.

    `hits` are a search's, best first. A further sentence is quoted only if it is not far behind and says
    something else; one that a page break cuts is two quotes. `context` is what a follow-up leans on
    (`rag.search.follow_up`). No hits, no quotes.
    """
    candidates = _candidates(_read(hits))
    if not candidates or most < 1:
        return []
    scores = _scores(question, context, candidates, embedder)
    order = np.argsort(-scores, kind="stable").tolist()
    chosen: list[int] = []
    for index in order:
        if len(chosen) == most or scores[index] < scores[order[0]] - WORTH_A_LOOK:
            break
        if not any(_alike(candidates[index], candidates[other]) for other in chosen) and not (
            chosen
            and _another_row(candidates[index], candidates[chosen[0]], scores[chosen[0]] - scores[index])
        ):
            chosen.append(index)
    quotes: dict[tuple[int, int], Quote] = {}  # two sentences of one list item are one quote
    for index in chosen:
        quote = _quote(candidates[index], float(scores[index]))
        quotes.setdefault((quote.chunk_id, quote.start), quote)
    return _with_halves(list(quotes.values()), hits)


def _read(hits: Sequence[Hit]) -> Sequence[Hit]:
    """The best hits; half a sentence beside the hit with its other half is not one more."""
    halves = sum(goes_on(one, other) for one, other in pairwise(hits[: READ_HITS + 1]))
    return hits[: READ_HITS + halves]


def _with_halves(quotes: Sequence[Quote], hits: Sequence[Hit]) -> list[Quote]:
    """The quotes, and beside one that a page break cuts its other half, which has a place of its own."""
    by_chunk = {hit.chunk_id: hit for hit in hits}
    whole: list[Quote] = []
    for quote in quotes:
        own = by_chunk[quote.chunk_id]
        before = [last_part(one) for one in hits if quote.start == _start(own) and goes_on(one, own)]
        after = [first_part(one) for one in hits if quote.end == _end(own) and goes_on(own, one)]
        pieces = [_as_quote(one, quote.score) for one in before[:1] if one]
        pieces += [quote, *(_as_quote(one, quote.score) for one in after[:1] if one)]
        whole += [one for one in pieces if one not in whole]
    return whole


def _start(hit: Hit) -> int:
    return hit.start + len(hit.text) - len(hit.text.lstrip())


def _end(hit: Hit) -> int:
    return hit.start + len(hit.text.rstrip())


def _as_quote(part: Hit, score: float) -> Quote:
    return Quote(part.source, part.page, part.start, part.end, part.text, score, part.chunk_id)


def _another_row(candidate: _Candidate, best: _Candidate, behind: float) -> bool:
    """Whether this is just another row of the table whose row answers, alike in all but what counts."""
    row, answer = candidate.text.partition(BETWEEN_CELLS), best.text.partition(BETWEEN_CELLS)
    if not (row[1] and answer[1]) or behind <= ROW_MARGIN:
        return False
    same_table = (candidate.hit.source, candidate.hit.page) == (best.hit.source, best.hit.page)
    return same_table and row[0].partition(": ")[0] == answer[0].partition(": ")[0]


def _candidates(hits: Sequence[Hit]) -> list[_Candidate]:
    nothing = frozenset[str]()
    found = []
    for hit in hits:
        units = sentences(hit)
        for number, sentence in enumerate(units):
            before = units[number - 1].terms if number else nothing
            after = units[number + 1].terms if number + 1 < len(units) else nothing
            found.append(_Candidate(hit, sentence, before, after))
    return [one for one in found if _is_statement(one)] or found


def _is_statement(candidate: _Candidate) -> bool:
    text, hit = candidate.text, candidate.hit
    if text.startswith("#") or text.endswith(("?", "？")) or text in hit.headings:
        return False
    start, end = hit.start + candidate.sentence.start, hit.start + candidate.sentence.end
    if any(start < heading.end and heading.start < end for heading in hit.inside) or _names_columns(
        text, hit
    ):
        return False
    return len(candidate.sentence.terms) >= FEWEST_TERMS


def _names_columns(text: str, hit: Hit) -> bool:
    """Whether this row holds the names of the columns, which the rows below it carry themselves."""
    first, bar, _ = text.partition(BETWEEN_CELLS)
    return bool(bar) and f"\n{first}: " in hit.text and f"{first}: " not in text


def _scores(
    question: str, context: str, candidates: Sequence[_Candidate], embedder: LocalEmbeddings
) -> np.ndarray:
    """Each candidate's score; one with hopeless wording gets the cosine of its passage."""
    best = candidates[0].hit.score
    rarities = _rarities(question, context, candidates)
    asked = f"{context} {question}".strip()
    kind = kind_asked(question)
    if kind is None and asks_nothing(question):
        kind = kind_asked(context)
    worth = PRICE_WORTH if kind == "price" else KIND_WORTH
    wording = np.zeros(len(candidates))
    for number, one in enumerate(candidates):
        own = share(rarities, one.sentence.terms)
        more_before = share(rarities, one.sentence.terms | one.before) - own
        more_after = share(rarities, one.sentence.terms | one.after) - own
        wording[number] = (
            own
            + (BEFORE_WORTH + POINTING_WORTH * points_back(one.text)) * more_before
            + AFTER_WORTH * more_after
            + worth * has_kind(one.text, kind, asked)
            + PASSAGE_WORTH * (one.hit.score - best)
            - _introducing_cost(one)
        )
    trust = candidates[0].hit.scores.get("trust", 1.0)
    return wording + trust * _cosines(question, context, candidates, wording, embedder) if trust else wording


def _introducing_cost(candidate: _Candidate) -> float:
    """Of what only says what comes: "as follows:", or a line of a mail's head."""
    if candidate.hit.media_type in MAILS and _HEAD_LINE.match(candidate.text):
        return HEAD_COST
    return INTRODUCING_COST if candidate.text.endswith((":", "：")) else 0.0


def _rarities(question: str, context: str, candidates: Sequence[_Candidate]) -> dict[str, float]:
    """What each term that was asked for is worth; what went before counts for less."""
    terms = content_terms(question, characters=True) if has_content(question) or not context else []
    before = [term for term in content_terms(context, characters=True) if context and term not in terms]
    rarities = rarity([*terms, *before], [one.sentence.terms for one in candidates])
    return {term: worth * (CONTEXT_WORTH if term in before else 1) for term, worth in rarities.items()}


def _cosines(
    question: str,
    context: str,
    candidates: Sequence[_Candidate],
    wording: np.ndarray,
    embedder: LocalEmbeddings,
) -> np.ndarray:
    cosines = np.array([one.hit.scores.get("dense", 0.0) for one in candidates])
    read = np.argsort(-(wording + cosines), kind="stable")[:EMBEDDED].tolist()
    vector = np.asarray(embedder.embed_query(question), np.float32)
    if context:
        together = np.asarray(embedder.embed_query(f"{context} {question}"), np.float32)
        vector = (1 - CONTEXT_IN_MEANING) * vector + CONTEXT_IN_MEANING * together
    rows = embedder.embed([candidates[number].text for number in read])
    cosines[read] = embedder.scaled(rows @ vector)
    return cosines


def _alike(one: _Candidate, other: _Candidate) -> bool:
    """Whether they say the same: most of the words, and no other number, name or "not" among the rest."""
    some, others = one.sentence.terms, other.sentence.terms
    if len(some & others) < SAME_TEXT * max(1, len(some | others)):
        return False
    return all(
        judge(text, [source]).verdict != "unsupported"
        for text, source in ((one.text, other.text), (other.text, one.text))
    )


def _quote(candidate: _Candidate, score: float) -> Quote:
    hit = candidate.hit
    start, end = _understood(hit.text, candidate.sentence.start, candidate.sentence.end)
    return Quote(
        source=hit.source,
        page=hit.page,
        start=hit.start + start,
        end=hit.start + end,
        text=hit.text[start:end],
        score=score,
        chunk_id=hit.chunk_id,
    )


def _understood(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence from `start` to `end`, or all of the short list item that it is from.

    "9 in favour." says something after the motion alone.
    """
    first = text.rfind("\n", 0, start) + 1
    newline = text.find("\n", end)
    item = text[first : newline if newline >= 0 else len(text)].rstrip()
    if len(item) > LONGEST_ITEM or not _LIST_ITEM.match(item) or first + len(item) < end:
        return start, end
    return first + len(item) - len(item.lstrip()), first + len(item)
