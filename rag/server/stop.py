"""Stop strings: an answer ends before the first of them, wherever one piece of text ends and the next begins.

The first is the one that is whole first, as for a reader of the text as it is written; of two that end at the
same place, the longer. Takes a stream of events, gives the same with text and last answer cut. Pure.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence

from rag.records import Answer, Cited, Done, Event, TextDelta


def until_stop(events: Iterator[Event], stops: Sequence[str], stop: threading.Event) -> Iterator[Event]:
    """The events up to the first of `stops`; then `stop` is set, so that the model is free again.

    What a stop string cuts away is cut from the answer too: its text, sentences and citations.
    """
    if not stops:
        yield from events
        return
    held, told, cut = "", 0, False
    longest = max(map(len, stops))
    for event in events:
        if isinstance(event, Done):
            if held:
                yield TextDelta(held)
                told += len(held)
            yield Done(_cut(event.answer, told)) if cut else event
        elif isinstance(event, TextDelta) and not cut:
            held += event.text
            found = [(place + len(text), place) for text in stops if (place := held.find(text)) >= 0]
            cut = bool(found)
            say = held[: min(found)[1]] if found else held[: max(0, len(held) - longest + 1)]
            held = "" if cut else held[len(say) :]
            told += len(say)
            if say:
                yield TextDelta(say)
            if cut:
                stop.set()
        elif not cut or not isinstance(event, TextDelta | Cited):
            yield event


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
