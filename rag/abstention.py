"""How an answer says that there is none: in all documents, or in those that were chosen.

Takes the events of a model that writes and the number of documents that were chosen, gives the events with
the sentence that fits. The model itself knows one sentence for it (`rag.prompt.ABSTENTION`): its prompt must
begin the same whatever is chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.prompt import ABSTENTION
from rag.records import Queued, Reading, TextDelta

_Written = Queued | Reading | TextDelta
_BEGINNING = ABSTENTION.rstrip(".")
_IN_CHOSEN = re.compile(r"Not in the (?:\d[\d,]* documents|one document) chosen\b")


def abstention(documents: int | None = None) -> str:
    """The sentence: `abstention()` is "Not in the documents.", `abstention(3)` names the 3 chosen ones."""
    if documents is None:
        return ABSTENTION
    return f"Not in the {'one document' if documents == 1 else f'{documents:,} documents'} chosen."


def abstains(text: str) -> bool:
    """Whether an answer without citations says that it is none."""
    begins = text.lstrip()
    return begins.startswith(_BEGINNING) or _IN_CHOSEN.match(begins) is not None


def abstention_in(text: str) -> str:
    """The sentence by which an abstaining answer says so, without what a model may have gone on to write.

    >>> abstention_in("Not in the 3 documents chosen. But others may ...")
    'Not in the 3 documents chosen.'
    """
    found = _IN_CHOSEN.match(text.lstrip())
    return f"{found[0]}." if found else ABSTENTION


def said_of(events: Iterator[_Written], documents: int | None) -> Iterator[_Written]:
    """The events, in which the model's sentence for "no answer" is the one for so many chosen documents.

    Text is held back for as long as it may become that sentence.
    """
    if documents is None:
        yield from events
        return
    held: str | None = ""
    for event in events:
        if held is None or not isinstance(event, TextDelta):
            yield event
            continue
        held += event.text
        begins = held.lstrip()
        if begins.startswith(_BEGINNING):
            yield TextDelta(abstention(documents).rstrip(".") + begins[len(_BEGINNING) :])
            held = None
        elif not _BEGINNING.startswith(begins):
            yield TextDelta(held)
            held = None
    if held:
        yield TextDelta(held)
