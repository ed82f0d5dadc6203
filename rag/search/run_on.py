"""Sentences that a page break cuts in two: the other half of what was found, with its own place.

Takes hits and a snapshot, gives the hits with the halves that they lack beside them: a chunk never crosses a
page, and a sentence does. Looks at documents with printed pages alone; elsewhere a page ends where its text
does. Knows no scores.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from rag.places import PDF, line_of
from rag.records import Hit
from rag.store.contract import Snapshot
from rag.text.sentences import spans

LONGEST_HALF = 400  # characters; a longer one is no half of a sentence, or no prose
FEWEST_LETTERS = 24  # of the half before the break, one of Chinese or Japanese counting for three

_ENDS = re.compile(r"[.!?。！？｡…:：;；|][\"'”’»)\]」』）】]*\Z")
_OWN_LINE = re.compile(r"#|[-*•◦▪●–—]\s|\(?\d{1,3}[.)]\s|\|")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_GOES_ON = re.compile(r"[a-zß-öø-ÿа-яё,;)\]」』）】，、；]")
# No sentence ends in these, whatever comes: "built the bridge at", and on the next page "Ruswarp".
_MORE_TO_COME = re.compile(
    r"\b(?:a|an|and|at|by|for|from|in|into|of|on|or|than|the|to|with"
    r"|am|auf|aus|bei|dem|den|der|des|die|das|durch|ein|eine|einem|einen|einer|für|im|mit|nach|oder|und|vom|von|zum|zur"
    r"|au|aux|avec|dans|de|du|en|et|la|le|les|ou|par|pour|sur|un|une|al|con|del|el|las|los|para|por|y)\Z"
)


def with_rest(snapshot: Snapshot, hits: Sequence[Hit]) -> list[Hit]:
    """The hits in their order, each half of a sentence with its other half before or after it.

    A half that is added is a hit of its own, with the exact span on its own page and the score of the hit
    that it belongs to. Where the chunk with the other half was found as well, nothing is added.
    """
    there = {hit.chunk_id for hit in hits}
    whole: list[Hit] = []
    for hit in hits:
        before, after = snapshot.neighbours(hit.chunk_id) if hit.media_type == PDF else (None, None)
        beginning = _beginning(snapshot, before, hit) if before not in there else None
        rest = _rest(snapshot, hit, after) if after not in there else None
        added = [one for one in (beginning, hit, rest) if one is not None]
        there.update(one.chunk_id for one in added)
        whole += added
    return whole


def goes_on(hit: Hit, following: Hit) -> bool:
    """Whether the last sentence of a hit runs on into the first of `following`, on the next page."""
    if (hit.source, hit.page + 1) != (following.source, following.page):
        return False
    end, start = last_part(hit), first_part(following)
    if end is None or start is None or _ENDS.search(end.text) or _OWN_LINE.match(start.text):
        return False
    letters = sum(3 if _UNSPACED.match(one) else 1 for one in end.text if one.isalnum())
    if letters < FEWEST_LETTERS or _is_heading(following, start) or _is_heading(hit, end):
        return False
    if _UNSPACED.match(end.text[-1]) or end.text[-1] in "，、":
        return bool(_UNSPACED.match(start.text) or _GOES_ON.match(start.text))
    if _GOES_ON.match(start.text):
        return True
    return start.text[0].isalpha() and _MORE_TO_COME.search(end.text.rstrip()) is not None


def _rest(snapshot: Snapshot, hit: Hit, after: int | None) -> Hit | None:
    following = _named_as(snapshot, hit, after)
    if following is None or not goes_on(hit, following) or hit.end != _chunk(snapshot, hit).end:
        return None
    return first_part(following, like=hit)


def _beginning(snapshot: Snapshot, before: int | None, hit: Hit) -> Hit | None:
    previous = _named_as(snapshot, hit, before)
    if previous is None or not goes_on(previous, hit) or hit.start != _chunk(snapshot, hit).start:
        return None
    return last_part(previous, like=hit)


def _chunk(snapshot: Snapshot, hit: Hit) -> Hit:
    """The chunk whole; `hit` may be cut from it, and end before the page does."""
    return snapshot.hits([hit.chunk_id])[0]


def _named_as(snapshot: Snapshot, hit: Hit, neighbour: int | None) -> Hit | None:
    """The neighbour, called by the same of the document's names."""
    if neighbour is None:
        return None
    return dataclasses.replace(snapshot.hits([neighbour])[0], source=hit.source)


def first_part(hit: Hit, *, like: Hit | None = None) -> Hit | None:
    """The first sentence of a hit as a hit, scored as `like` is; None where none begins or ends."""
    found = spans(hit.text)
    return _part(hit, *found[0], like) if found else None


def last_part(hit: Hit, *, like: Hit | None = None) -> Hit | None:
    """The same of its last sentence."""
    found = spans(hit.text)
    return _part(hit, *found[-1], like) if found else None


def _part(hit: Hit, start: int, end: int, like: Hit | None) -> Hit | None:
    if end - start > LONGEST_HALF:
        return None
    scored = like or hit
    inside = tuple(one for one in hit.inside if hit.start + start <= one.start < hit.start + end)
    return dataclasses.replace(
        hit,
        start=hit.start + start,
        end=hit.start + end,
        text=hit.text[start:end],
        line=line_of(hit, hit.start + start),
        score=scored.score,
        scores=scored.scores,
        inside=inside,
    )


def _is_heading(hit: Hit, part: Hit) -> bool:
    return any(part.start < one.end and one.start < part.end for one in hit.inside)
