"""Hits as numbered passages: as the model reads them, as many as fit, in the order that costs least.

Takes hits, best first, and the room in tokens; gives passages with their ids. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.places import page_name
from rag.records import Hit, LeftOut, Passage
from rag.template import Tokenize, encode_part
from rag.text.marks import MARK

FENCE = '"'
_FENCES = re.compile(f"{FENCE}+")


@dataclass(frozen=True, slots=True)
class Fitting:
    """The passages that are read, each one's ids, and what was left out."""

    passages: tuple[Passage, ...]
    parts: tuple[tuple[int, ...], ...]
    left_out: tuple[LeftOut, ...]


class Numbering:
    """The ids of hits under the numbers that they may get; each is encoded once."""

    def __init__(self, tokenize: Tokenize) -> None:
        self._tokenize = tokenize
        self._known: dict[str, tuple[int, ...]] = {}

    def ids(self, number: int, hit: Hit) -> tuple[int, ...]:
        text = passage_text(number, hit)
        if text not in self._known:
            self._known[text] = tuple(encode_part(text, self._tokenize))
        return self._known[text]


def fit(
    hits: Sequence[Hit],
    room: int,
    tokenize: Tokenize,
    *,
    opening: Sequence[int] = (),
    read: Sequence[Sequence[int]] = (),
) -> Fitting:
    """The best hits that fit whole into `room` tokens; the lowest are left out.

    Only a hit that would not even fit alone makes room for lower ones. `read` are prompts that the model has
    read: where one goes on after `opening` with passages that are among these, they come first, in its
    order, and need not be read again.
    """
    numbering = Numbering(tokenize)
    kept: list[Hit] = []
    left_out: list[LeftOut] = []
    left, full = room, False
    for hit in hits:
        tokens = len(numbering.ids(len(kept) + 1, hit))
        if full or tokens > left:
            reason = "ranked below one that did not fit" if full else f"only {left} tokens were left for it"
            full = full or tokens <= room
            left_out.append(LeftOut(_where(hit), tokens, reason))
            continue
        left -= tokens
        kept.append(hit)
    ordered = _read_first(kept, opening, read, numbering)
    parts = _numbered(ordered, numbering)
    if sum(map(len, parts)) > room:  # another number can cost another token
        ordered, parts = kept, _numbered(kept, numbering)
    return Fitting(number_passages(ordered), parts, tuple(left_out))


def _read_first(
    hits: Sequence[Hit], opening: Sequence[int], read: Sequence[Sequence[int]], numbering: Numbering
) -> list[Hit]:
    """The hits, those first that the model has read in a row after `opening`; the others as they were."""
    begun = tuple(opening)
    runs = [
        _run(hits, prompt, len(begun), numbering) for prompt in read if tuple(prompt[: len(begun)]) == begun
    ]
    longest = max(runs, key=lambda run: sum(len(hit.text) for hit in run), default=[])
    return [*longest, *(hit for hit in hits if hit not in longest)]


def _run(hits: Sequence[Hit], prompt: Sequence[int], place: int, numbering: Numbering) -> list[Hit]:
    """The hits that stand in a prompt one after another from `place` on."""
    run: list[Hit] = []
    left = list(hits)
    while left:
        for hit in left:
            ids = numbering.ids(len(run) + 1, hit)
            if tuple(prompt[place : place + len(ids)]) == ids:
                break
        else:
            return run
        run.append(hit)
        left.remove(hit)
        place += len(ids)
    return run


def _numbered(hits: Sequence[Hit], numbering: Numbering) -> tuple[tuple[int, ...], ...]:
    return tuple(numbering.ids(number, hit) for number, hit in enumerate(hits, start=1))


def passage_text(number: int, hit: Hit | Passage) -> str:
    """A passage as the model reads it: its number and place on a line, then its text between fences.

    Bracketed numbers inside it (a paper's own references) get round brackets: in an answer, `[2]` can
    then only mean a passage. The fences are longer than any run of their character in the text (CommonMark's
    rule for code), so no text can end its own passage and go on as the question, or as another passage.
    """
    where = _where(hit)
    if hit.headings:
        where += " (" + " > ".join(hit.headings) + ")"
    text = without_marks(hit.text)
    fence = FENCE * max(3, 1 + max(map(len, _FENCES.findall(text)), default=0))
    return f"\n\n[{number}] {_one_line(without_marks(where))}\n{fence}\n{text}\n{fence}"


def number_passages(hits: Sequence[Hit]) -> tuple[Passage, ...]:
    """The hits as passages numbered from 1, where there is no window to fit them into."""
    return tuple(_passage(number, hit) for number, hit in enumerate(hits, start=1))


def _passage(number: int, hit: Hit) -> Passage:
    return Passage(
        number=number,
        source=hit.source,
        page=hit.page,
        start=hit.start,
        end=hit.end,
        text=hit.text,
        score=hit.score,
        headings=hit.headings,
        media_type=hit.media_type,
        label=hit.label,
        line=hit.line,
        place=hit.place,
        inside=hit.inside,
        lines=hit.lines,
    )


def _where(hit: Hit | Passage) -> str:
    """Source and page, by the page's own name: "budget.xlsx, sheet Costs"."""
    return ", ".join(filter(None, [hit.source, page_name(hit.media_type, hit.page, hit.label)]))


def without_marks(text: str) -> str:
    """`text` with round brackets around what would read as a mark."""
    return MARK.sub(lambda mark: f"({mark.group()[1:-1]})", text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
