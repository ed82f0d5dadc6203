"""An answer made of quotes: its text, with a mark after each, and what the marks cite.

Takes the quotes of `rag.quotes` and the hits that they are from. Does not choose, and writes no word of its
own but the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.passages import number_passages
from rag.places import line_of, place_of
from rag.quotes import Quote
from rag.records import Citation, Hit, Mark, Passage, Sentence

BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class QuotedAnswer:
    """The text in `pieces`, one a quote, which are joined as they are; a citation and a sentence for each."""

    passages: tuple[Passage, ...]
    pieces: tuple[str, ...]
    citations: tuple[Citation, ...]
    sentences: tuple[Sentence, ...]


def cite_quotes(quotes: Sequence[Quote], hits: Sequence[Hit]) -> QuotedAnswer:
    """The answer that shows `quotes` in their order.

    `passages` are `hits`, numbered in the order in which they are quoted, then the others: the first mark of
    an answer is [1].
    """
    place = {quote.chunk_id: order for order, quote in reversed(list(enumerate(quotes)))}
    hits = sorted(hits, key=lambda hit: place.get(hit.chunk_id, len(quotes)))
    numbered = {hit.chunk_id: (number, hit) for number, hit in enumerate(hits, start=1)}
    pieces: list[str] = []
    citations: list[Citation] = []
    sentences: list[Sentence] = []
    end = 0
    for quote in quotes:
        number, hit = numbered[quote.chunk_id]
        before, mark = BETWEEN if pieces else "", f"[{number}]"
        words = " ".join(quote.text.split())  # line ends become spaces
        pieces.append(f"{before}{words} {mark}")
        start, end = end + len(before), end + len(pieces[-1])
        citations.append(_citation(quote, number, hit, start, end))
        marks = (Mark(end - len(mark), end, (number,)),)
        sentences.append(Sentence(start, end, (number,), "supported", marks))
    return QuotedAnswer(number_passages(hits), tuple(pieces), tuple(citations), tuple(sentences))


def _citation(quote: Quote, number: int, hit: Hit, start: int, end: int) -> Citation:
    return Citation(
        number=number,
        source=quote.source,
        page=quote.page,
        start=quote.start,
        end=quote.end,
        quote=quote.text,
        verdict="supported",  # it is what the source says, to the letter
        answer_start=start,
        answer_end=end,
        label=hit.label,
        line=line_of(hit, quote.start),
        place=place_of(hit, quote.start, quote.end),
    )
