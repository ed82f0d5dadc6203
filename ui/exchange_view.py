"""What the screen shows of an exchange: its progress as plain data for the component.

Takes an exchange, gives a dictionary that JSON can hold. Words for people are made here; how they look
is the component's. Knows nothing about Streamlit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from rag.abstention import abstention_in
from rag.records import Answer, Citation, Passage
from rag.text.sentences import spans
from rag.text.words import content_terms, term_set
from ui.conversation import Exchange, Progress
from ui.ledger_view import ledger_data
from ui.marked_text import AnswerPiece, answer_pieces, growing_pieces
from ui.terminal import duration, one_line, plural, visible

EXCERPT_CHARACTERS = 180


def exchange_data(exchange: Exchange, *, opened: int | None = None, loading: bool = False) -> dict[str, Any]:
    """The component's data. `opened` is the citation whose page stands beside; `loading` the models."""
    progress = exchange.progress
    answer = progress.answer
    abstained = answer is not None and answer.abstained
    if abstained:
        pieces = []  # the label says it
    elif answer is not None:
        pieces = answer_pieces(progress.text, answer.sentences, progress.citations)
    else:
        numbers = frozenset(passage.number for passage in progress.passages)
        pieces = growing_pieces(progress.text, progress.citations, numbers)
    return {
        "question": visible(exchange.question),
        "stage": progress.stage,
        "live": not progress.ended,
        "label": _label(answer),
        "found": _found(progress, abstained),
        "folded": bool(progress.text) and not abstained,
        "passages": [_passage(passage, exchange.question) for passage in progress.passages],
        "pieces": [_piece(piece, progress) for piece in pieces],
        "citations": [_citation(index, progress) for index in listed(progress.citations)],
        "opened": opened,
        "going": None if progress.ended else _going(exchange, loading),
        "trouble": progress.error,
        "foot": _foot(exchange) if progress.ended else None,
        "window": ledger_data(answer.ledger) if answer is not None else None,
        "plain": progress.text,
    }


def short_name(source: str) -> str:
    """The last part of a source's path, control characters shown."""
    return visible(PurePosixPath(source).name or source)


def _label(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    if answer.abstained:
        return {"words": abstention_in(answer.text).rstrip("."), "none": True}
    how = "Quotes from the documents" if answer.mode == "quotes" else "Answer by OpenChat"
    if answer.stopped:
        how += ", stopped"
    if answer.cut:
        how += ", cut at the end of its reserve"
    return {"words": how, "none": False}


def _found(progress: Progress, abstained: bool) -> str:
    sources = len({passage.source for passage in progress.passages})
    if abstained:
        return "Nearest, but not an answer"
    return f"{plural(len(progress.passages), 'passage')} found in {plural(sources, 'source')}"


def _place(found: Passage | Citation) -> dict[str, str]:
    place = one_line(found.place)
    return {"source": visible(found.source), "name": short_name(found.source), "page": place}


def _passage(passage: Passage, question: str) -> dict[str, str]:
    return {**_place(passage), "excerpt": one_line(best_words(question, passage.text), EXCERPT_CHARACTERS)}


@lru_cache(maxsize=512)
def best_words(question: str, text: str) -> str:
    """A passage's text from the sentence on that has most of the question's words; else from its beginning.

    >>> best_words("When was it lit?", "It was built of oak. It was lit in 1759.")
    'It was lit in 1759.'
    """
    asked = frozenset(content_terms(question, characters=True))
    starts = [(len(asked & term_set(text[start:end])), start) for start, end in spans(text)]
    most = max((count for count, _ in starts), default=0)
    return text[next(start for count, start in starts if count == most) :] if most else text


def _citation(index: int, progress: Progress) -> dict[str, Any]:
    citation = progress.citations[index]
    return {
        **_place(citation),
        "index": index,
        "number": citation.number,
        "verdict": citation.verdict,
        "quote": one_line(citation.quote),
    }


def listed(citations: Sequence[Citation]) -> list[int]:
    """The places of the citations to list: the same words under the same number once, the first time."""
    return sorted(set(_firsts(citations)))


def _firsts(citations: Sequence[Citation]) -> list[int]:
    """For each citation the place of the first one that is the same."""
    first: dict[tuple[int, int, int, str], int] = {}
    return [
        first.setdefault((citation.number, citation.start, citation.end, citation.verdict), index)
        for index, citation in enumerate(citations)
    ]


def _piece(piece: AnswerPiece, progress: Progress) -> dict[str, Any]:
    title, passage = "", None
    if piece.kind == "uncited":
        title = "This sentence cites nothing"
    elif piece.citation is not None:
        citation = progress.citations[piece.citation]
        named = ", ".join(filter(None, [short_name(citation.source), one_line(citation.place)]))
        title = f"Citation {citation.number}, {citation.verdict}: {named}"
    elif piece.kind == "mark":
        title = f"Citation {piece.number}, not checked yet"
        passage = next((i for i, p in enumerate(progress.passages) if p.number == piece.number), None)
    at = None if piece.citation is None else _firsts(progress.citations)[piece.citation]
    shown = visible(piece.text)
    return {**asdict(piece), "text": shown, "citation": at, "title": title, "passage": passage}


def _going(exchange: Exchange, loading: bool) -> dict[str, Any]:
    progress, share = exchange.progress, None
    match progress.stage:
        case "waiting":
            words = "Waiting for the answer above"
        case "queued":
            words = f"Waiting for the model; {plural(progress.ahead, 'answer')} before this one"
        case "reading" if progress.reading is not None:
            words, share = _reading(progress)
        case "writing":
            words = "Writing"
        case _ if progress.passages:
            words = "Reading the passages"
        case _:
            words = "Loading the models; this happens once" if loading else "Searching the documents"
    return {"words": words, "share": share, "stopping": exchange.stopping}


def _reading(progress: Progress) -> tuple[str, float]:
    reading = progress.reading
    assert reading is not None
    words = f"The model reads the passages: {reading.done:,} of {reading.total:,} tokens"
    if reading.seconds_left is not None and reading.seconds_left >= 1:
        words += f", about {duration(reading.seconds_left)} left"
    return words, reading.done / max(1, reading.total)


def _foot(exchange: Exchange) -> str:
    """How the answer was made, in one line; a blank when there is none, so that the buttons are there."""
    answer = exchange.progress.answer
    if answer is None:
        return "Stopped" if exchange.stopping else " "
    parts = [visible(PurePosixPath(answer.model).name)] if answer.model else []
    if exchange.seconds is not None:
        parts.append(f"{exchange.seconds:.1f} s")
    return " · ".join(parts) or " "
