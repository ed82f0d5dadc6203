"""An exchange as it is kept: its progress as JSON text and back.

Takes a `Progress`, gives text without the answer's words, which are kept beside it because they change most
often. What was never ended (the program was killed) comes back as an answer that was stopped, with the
citations of what was written. Reads and writes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter, ValidationError

from rag.citations import CitationReader
from rag.errors import StoreError
from rag.records import Answer, Citation, Cited
from rag.verdicts.verdict import judge
from ui.conversation import Progress


def same_but_for_words(old: Progress, new: Progress) -> bool:
    """Whether nothing that `as_text` gives has changed from one to the other."""
    return _kept(old) == _kept(new)


def as_text(progress: Progress) -> str:
    """All of it that is kept but `progress.text`; what an answer holds already is there once."""
    return _adapter().dump_json(_kept(progress)).decode("utf-8")


def from_text(record: str, words: str, question: str) -> Progress:
    """The progress of `as_text`, ended; raises `StoreError` for anything else."""
    try:
        kept = _adapter().validate_json(record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(
            f"what was kept of {question!r:.80} can't be read ({where}: {first['msg']}); remove it"
        ) from error
    if kept.answer is not None:
        return replace(
            kept, text=kept.answer.text, passages=kept.answer.passages, citations=kept.answer.citations
        )
    if kept.ended:
        return replace(kept, text=words)
    return _stopped(replace(kept, text=words), question)


def _kept(progress: Progress) -> Progress:
    lean = replace(progress, text="", ahead=0, reading=None)
    if progress.answer is not None:
        return replace(lean, passages=(), citations=())
    return lean if progress.ended else replace(lean, stage="waiting")


def _stopped(progress: Progress, question: str) -> Progress:
    """What there was when the program ended, as if somebody had pressed Stop."""
    reader = CitationReader(progress.passages, judge)
    citations: list[Citation] = []
    for event in [*reader.feed(progress.text), *reader.finish()]:
        citations += [event.citation] if isinstance(event, Cited) else []
    if not reader.text.strip():
        return replace(progress, stage="done", text="")
    answer = Answer(
        question=question,
        text=reader.text,
        mode="openchat",  # quotes are written at once, never by halves
        abstained=False,
        citations=tuple(citations),
        passages=progress.passages,
        ledger=None,
        timings={},
        sentences=reader.sentences,
        stopped=True,
    )
    return replace(progress, stage="done", text=answer.text, citations=answer.citations, answer=answer)


@cache
def _adapter() -> TypeAdapter[Progress]:
    return TypeAdapter(Progress)
