"""A client's stop strings: its answer ends before the first of them (`rag.text.stop_strings`).

Takes a stream of events, gives the same with text and last answer cut. Pure.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence

from rag.records import Answer, Cited, Done, Event, TextDelta
from rag.text.stop_strings import StopStrings


def until_stop(events: Iterator[Event], stops: Sequence[str], stop: threading.Event) -> Iterator[Event]:
    """The events up to the first of `stops`; then `stop` is set, so that the model is free again.

    What a stop string cuts away is cut from the answer too: its text, sentences and citations.
    """
    reader, told = StopStrings(stops), 0
    for event in events:
        text = ""
        if isinstance(event, TextDelta):
            text = reader.feed(event.text)
        elif isinstance(event, Done):
            text = reader.held
        if text:
            told += len(text)
            yield TextDelta(text)
        if isinstance(event, Done):
            yield Done(_cut(event.answer, told)) if reader.ended else event
        elif not isinstance(event, TextDelta) and not (reader.ended and isinstance(event, Cited)):
            yield event
        if reader.ended:
            stop.set()


def _cut(answer: Answer, length: int) -> Answer:
    """The answer as far as it was told; `stopped` says that somebody ended it, and nobody did."""
    text = answer.text[:length].rstrip()
    return dataclasses.replace(
        answer,
        text=text,
        citations=tuple(one for one in answer.citations if one.answer_end <= len(text)),
        sentences=tuple(one for one in answer.sentences if one.end <= len(text)),
        stopped=False,
        cut=False,
    )
