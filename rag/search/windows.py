"""What of the found chunks is read: the sentences that bear on the question, and those around them.

Takes a question and hits, gives passages cut from the best of them: what the best chunk says may go on in the
chunk before or after it, and of the lower ones a few sentences do. How much is read depends on the question:
where one place answers it, that and little else; where many come near, more than the chunks have. Each
passage holds the sentence of its chunk that bears most on the question, and is one stretch of one page. Rows
and lines of code are not cut. Knows neither of the two searches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.places import counted, line_of, place_of
from rag.records import Hit
from rag.store.contract import Snapshot
from rag.text.wording import rarity, sentences, share, terms_of
from rag.text.words import content_terms

MOST_ROOM = 1.5  # times the characters of the k chunks: no question gets more
# How far behind the sentence that is worth most another may be, in parts of the fused score. What is further
# behind is not read: of paragraphs, the answers were in the 0.4 of the characters that are left.
WITHIN = 0.7
# BM25 as a part of the best one's, once more beside its part in the fused score. There it is held back for
# the sake of who comes first; of several passages, more hold what answers if it is not.
KEYWORD_MORE = 0.2
STAY = 3  # best hits that it doesn't displace
EXTENDED = 3  # best hits whose neighbours are looked at: of lower ones there is too much to lose
BESIDE_COST = 0.1  # what a chunk's neighbour is behind it, in parts of the fused score
# What the sentences one and two away hold counts for so much: an answer is seldom one sentence.
NEAR = (0.5, 0.25)


@dataclass(frozen=True, slots=True)
class _Part:
    """A chunk to be read from; `spans` count in its page's text, `worth` says how far each is wanted."""

    hit: Hit
    spans: tuple[tuple[int, int], ...]
    worth: tuple[float, ...]

    @property
    def best(self) -> int:
        """The span that is worth most; a heading says nothing by itself, and is it only where all are."""
        inside = [(heading.start, heading.end) for heading in self.hit.inside]
        said = [
            number
            for number, (start, end) in enumerate(self.spans)
            if not any(begin <= start and end <= stop for begin, stop in inside)
        ]
        return max(said or range(len(self.worth)), key=self.worth.__getitem__)

    def length(self, kept: tuple[int, int]) -> int:
        return self.spans[kept[1]][1] - self.spans[kept[0]][0]


def reading_order(ranked: Sequence[Hit]) -> list[Hit]:
    """Hits in the order in which passages are cut from them: the best stay, keywords say more of the rest."""
    worth = _worth(ranked)
    rest = sorted(ranked[STAY:], key=lambda hit: (-worth[hit.chunk_id], hit.chunk_id))
    return [*ranked[:STAY], *rest]


def windows(
    snapshot: Snapshot,
    question: str,
    ordered: Sequence[Hit],
    k: int,
    *,
    whole: int = 0,
    places: Collection[bytes] | None = None,
) -> list[Hit]:
    """Passages cut from the first `k` of `ordered`, the best by their chunk's score first.

    `ordered` are distinct hits of a search, in `reading_order`; what is rare is judged among all of them.
    Sentences are taken one by one, by their chunk's worth and the share of the question's wording that they
    and those near them hold, down to `WITHIN` of the best one and as long as there is room; what lies between
    two of one chunk is read with them. A neighbour is read from the border on, as far as it is wanted. The
    best `whole` chunks are read to their ends.
    Together they have no more than `MOST_ROOM` times the characters of the `k` chunks.
    `page.text[start:end] == text` holds.
    """
    first = ordered[:k]
    rarities = rarity(content_terms(question, characters=True), [terms_of(hit) for hit in ordered])
    worth = _worth(ordered)
    runs = [_worthy(run, worth, rarities) for run in _runs(snapshot, first, worth, places)]
    parts = {part.hit.chunk_id: part for run in runs for part in run}
    following = {one.hit.chunk_id: other.hit.chunk_id for run in runs for one, other in pairwise(run)}
    chosen = [hit.chunk_id for hit in sorted(first, key=lambda hit: (-hit.score, hit.chunk_id))]
    kept = _kept(parts, following, chosen, whole)
    read = {hit.chunk_id: hit for run in runs for hit in _read(snapshot, run, kept, chosen)}
    return [read[chunk] for chunk in chosen]


def _worth(hits: Sequence[Hit]) -> dict[int, float]:
    """How far each chunk is wanted; where cosines are not listened to, keywords have their say already."""
    best = max((hit.scores["keyword"] for hit in hits), default=0.0)
    if best <= 0:
        return {hit.chunk_id: hit.score for hit in hits}
    more = KEYWORD_MORE * max(hit.scores["trust"] for hit in hits) / best
    return {hit.chunk_id: hit.score + more * hit.scores["keyword"] for hit in hits}


# --- what may be read ------------------------------------------------------------------------------------


def _runs(
    snapshot: Snapshot, first: Sequence[Hit], worth: dict[int, float], places: Collection[bytes] | None
) -> list[list[Hit]]:
    """The chunks and the best ones' neighbours; those that follow each other on a page in one list.

    The neighbours' worth is put beside the chunks'.
    """
    hits = {hit.chunk_id: hit for hit in first}
    after: dict[int, int] = {}
    beside: dict[int, Hit] = {}
    for hit in (one for one in first[:EXTENDED] if not _is_counted(one)):
        before, next_one = snapshot.neighbours(hit.chunk_id)
        if before is not None:
            after[before] = hit.chunk_id
            beside.setdefault(before, hit)
        if next_one is not None:
            after[hit.chunk_id] = next_one
            beside.setdefault(next_one, hit)
    wanted = [chunk for chunk in beside if chunk not in hits]
    for other in snapshot.hits(wanted, places=places):
        near = beside[other.chunk_id]
        hits[other.chunk_id] = dataclasses.replace(other, source=near.source)
        worth[other.chunk_id] = worth[near.chunk_id] - BESIDE_COST
    return [[hits[one] for one in run] for run in _linked(hits, after)]


def _linked(hits: Mapping[int, Hit], after: Mapping[int, int]) -> list[list[int]]:
    """The chunks in runs, each going on where the one before it ends, on the same page."""
    goes_on = {
        one: other
        for one, other in after.items()
        if _is_same_page(hits[one], hits[other]) and not _is_counted(hits[one])
    }
    runs = []
    for chunk in sorted(hits.keys() - goes_on.values()):
        run = [chunk]
        while run[-1] in goes_on:
            run.append(goes_on[run[-1]])
        runs.append(run)
    return runs


def _worthy(
    run: Sequence[Hit], chunk_worth: Mapping[int, float], rarities: Mapping[str, float]
) -> list[_Part]:
    held: list[float] = []
    spans: list[list[tuple[int, int]]] = []
    for hit in run:
        units = sentences(hit)
        shares = [share(rarities, one.terms) for one in units] or [0.0]
        if _is_counted(hit) or not units:
            held.append(max(shares))
            spans.append([(hit.start, hit.end)])
        else:
            held += shares
            spans.append([(hit.start + one.start, hit.start + one.end) for one in units])
    smooth = [
        own
        + sum(
            weight * held[place]
            for distance, weight in enumerate(NEAR, start=1)
            for place in (number - distance, number + distance)
            if 0 <= place < len(held)
        )
        for number, own in enumerate(held)
    ]
    parts, reached = [], 0
    for hit, some in zip(run, spans, strict=True):
        worth = tuple(chunk_worth[hit.chunk_id] + one for one in smooth[reached : reached + len(some)])
        parts.append(_Part(hit, tuple(some), worth))
        reached += len(some)
    return parts


def _is_counted(hit: Hit) -> bool:
    return counted(hit.media_type, hit.label) is not None


def _is_same_page(one: Hit, other: Hit) -> bool:
    return (one.source, one.page) == (other.source, other.page)


# --- what is read ----------------------------------------------------------------------------------------


def _kept(
    parts: Mapping[int, _Part], following: Mapping[int, int], first: Sequence[int], whole: int
) -> dict[int, tuple[int, int]]:
    """Of each chunk that is read, the first and the last of its spans; of the first `whole`, all."""
    kept = {chunk: (parts[chunk].best, parts[chunk].best) for chunk in first}
    kept |= {chunk: (0, len(parts[chunk].spans) - 1) for chunk in first[:whole]}
    room = int(MOST_ROOM * sum(len(parts[chunk].hit.text) for chunk in first))
    room -= sum(parts[chunk].length(span) for chunk, span in kept.items())
    wanted = [
        (worth, chunk, number) for chunk, part in parts.items() for number, worth in enumerate(part.worth)
    ]
    least = max(max(part.worth) for part in parts.values()) - WITHIN
    for worth, chunk, number in sorted(wanted, key=lambda one: (-one[0], one[1], one[2])):
        if worth < least:
            break
        part, old = parts[chunk], kept.get(chunk)
        new = (min(old[0], number), max(old[1], number)) if old else (number, number)
        more = part.length(new) - (part.length(old) if old else 0)
        if new == old or more > room:
            continue
        if old is None and not _adjoins(chunk, new, kept, parts, following):
            continue
        kept[chunk] = new
        room -= more
    return kept


def _adjoins(
    chunk: int,
    span: tuple[int, int],
    kept: Mapping[int, tuple[int, int]],
    parts: Mapping[int, _Part],
    following: Mapping[int, int],
) -> bool:
    """Whether this much of a neighbour goes on where a chunk is read to its end, or leads up to its start."""
    after = following.get(chunk)
    if after is not None and after in kept and span[1] == len(parts[chunk].spans) - 1 and not kept[after][0]:
        return True
    before = next((one for one, other in following.items() if other == chunk), None)
    if before is None or before not in kept or span[0]:
        return False
    return kept[before][1] == len(parts[before].spans) - 1


def _read(
    snapshot: Snapshot,
    run: Sequence[_Part],
    kept: Mapping[int, tuple[int, int]],
    chosen: Collection[int],
) -> list[Hit]:
    """The hits of a run, each with what is read of its neighbours; of two found side by side each is one."""
    groups: list[list[_Part]] = []
    for part in (one for one in run if one.hit.chunk_id in kept):
        found = part.hit.chunk_id in chosen
        if (
            groups
            and _goes_on(groups[-1][-1], part, run, kept)
            and not (found and any(one.hit.chunk_id in chosen for one in groups[-1]))
        ):
            groups[-1].append(part)
        else:
            groups.append([part])
    return [_as_hit(snapshot, group, kept, chosen) for group in groups]


def _goes_on(one: _Part, other: _Part, run: Sequence[_Part], kept: Mapping[int, tuple[int, int]]) -> bool:
    side_by_side = run.index(one) + 1 == run.index(other)
    ends = kept[one.hit.chunk_id][1] == len(one.spans) - 1
    return side_by_side and ends and kept[other.hit.chunk_id][0] == 0


def _as_hit(
    snapshot: Snapshot,
    group: Sequence[_Part],
    kept: Mapping[int, tuple[int, int]],
    chosen: Collection[int],
) -> Hit:
    first, last = group[0], group[-1]
    start = first.spans[kept[first.hit.chunk_id][0]][0]
    end = last.spans[kept[last.hit.chunk_id][1]][1]
    (best,) = (part.hit for part in group if part.hit.chunk_id in chosen)
    if first is last:
        text = best.text[start - best.start : end - best.start]
    else:
        text = snapshot.page(best.source, best.page).text[start:end]
    hit = dataclasses.replace(
        best,
        start=start,
        end=end,
        text=text,
        headings=first.hit.headings,
        line=line_of(first.hit, start),
        lines=tuple(sorted({mark for part in group for mark in part.hit.lines})),
        inside=tuple(one for part in group for one in part.hit.inside if one.start < end and start < one.end),
    )
    return dataclasses.replace(hit, place=place_of(hit))
