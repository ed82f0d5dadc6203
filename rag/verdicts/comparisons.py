"""Statements with two ends: "X is higher than Y", "from A to B". Do two of them run the same way?

Takes readings of a claim and of a source's sentence, gives yes, no, or None where they speak of other things.
English and Chinese; pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.verdicts.opposites import Leaning
from rag.verdicts.reading import Reading, read

_THAN = re.compile(r"\bthan\b", re.IGNORECASE)
_DEGREES = (
    "高低",
    "大小",
    "多少",
    "长短",
    "快慢",
    "重轻",
    "强弱",
    "早晚",
    "厚薄",
    "宽窄",
    "深浅",
    "好差",
    "远近",
)
_BI = re.compile(
    rf"(?P<one>[^，。；,;]{{0,24}})比(?P<other>[^，。；,;]{{1,12}}?)[更还要略稍]?(?P<word>[{''.join(_DEGREES)}])"
)
_FROM_TO = (
    re.compile(r"\bfrom\s+(?P<one>[^,.;]{1,32}?)\s+(?:to|into)\s+(?P<other>[^,.;]{1,32})", re.IGNORECASE),
    re.compile(r"\b(?:to|into)\s+(?P<other>[^,.;]{1,32}?),?\s+from\s+(?P<one>[^,.;]{1,32})", re.IGNORECASE),
    re.compile(
        r"[由从自](?P<one>[^，。；,;]{1,10}?)(?:[升降变改转增减提调][^，。；,;]{0,2})?(?:为|到|至|成)"
        r"(?P<other>[^，。；,;]{1,10})"
    ),
)
_CHANGED = re.compile(
    r"\b(?:mov|chang|replac|postpon|resched|renam|transfer)\w*|[改变换移推迟调]", re.IGNORECASE
)
_FORMER = re.compile(
    r"\b(?:originally|formerly|previous\w*|former|before|first|instead|from|was to|were to)\b"
    r"|原|此前|之前|由|从|本来",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What is compared: the word that says how, and what stands on either side of it alone."""

    leaning: Leaning
    one: frozenset[str]
    other: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Way:
    """Where something goes from, and where to."""

    one: frozenset[str]
    other: frozenset[str]


def compared(claim: Reading, said: Reading) -> dict[str, bool]:
    """For each pair of opposites by which both compare the same two things, whether they agree."""
    return {
        mine.leaning.pair: agree
        for mine in _comparisons(claim)
        for theirs in _comparisons(said)
        if (agree := _agree(mine, theirs)) is not None
    }


def turned_round(claim: Reading, said: Reading) -> bool:
    """Whether what goes from one to the other in the claim goes the other way in the sentence."""
    return any(
        bool(mine.one & theirs.other and mine.other & theirs.one) and not mine.one & theirs.one
        for mine in _ways(claim)
        for theirs in _ways(said)
    )


def superseded(claim: Reading, said: Reading) -> bool:
    """Whether the claim states as it is what the sentence says was changed: "moved from A to B"."""
    if not _CHANGED.search(said.text) or _FORMER.search(claim.text):
        return False
    ours = _marks(claim)
    return any(
        bool(was and now) and was <= ours and not now <= ours
        for way in _ways(said)
        if (was := way.one - way.other) is not None and (now := way.other - way.one) is not None
    )


def _agree(mine: _Comparison, theirs: _Comparison) -> bool | None:
    if mine.leaning.pair != theirs.leaning.pair:
        return None
    straight = len(mine.one & theirs.one) + len(mine.other & theirs.other)
    crossed = len(mine.one & theirs.other) + len(mine.other & theirs.one)
    if straight == crossed:
        return None
    return (straight > crossed) == (mine.leaning.side == theirs.leaning.side)


def _comparisons(said: Reading) -> list[_Comparison]:
    return [*_than(said), *_bi(said)]


def _than(said: Reading) -> list[_Comparison]:
    found = []
    for than in _THAN.finditer(said.text):
        leanings = [leaning for leaning in said.leanings if leaning.end <= than.start()]
        if not leanings:
            continue
        start = said.clauses[said.clause_at(leanings[-1].start)][0]
        end = said.clauses[said.clause_at(than.start())][1]
        one = frozenset(term.key for term in said.terms if start <= term.start < leanings[-1].start)
        other = frozenset(term.key for term in said.terms if than.end() <= term.start < end)
        found.append(_Comparison(leanings[-1], one - other, other - one))
    return found


def _bi(said: Reading) -> list[_Comparison]:
    found = []
    for match in _BI.finditer(said.text):
        pair = next(pair for pair in _DEGREES if match["word"] in pair)
        leaning = Leaning(pair, 1 if match["word"] == pair[0] else -1, *match.span("word"))
        one, other = (read(match[name]).keys for name in ("one", "other"))
        found.append(_Comparison(leaning, one - other, other - one))
    return found


def _ways(said: Reading) -> list[_Way]:
    return [
        _Way(_marks(read(match["one"])), _marks(read(match["other"])))
        for form in _FROM_TO
        for match in form.finditer(said.text)
    ]


def _marks(said: Reading) -> frozenset[str]:
    """Everything by which an end is known: words, numbers, years, codes."""
    numbers = {f"{number.value:g}" for number in said.quantities}
    years = {f"{date.first}" for date in said.dates}
    return said.keys | numbers | years | {code.casefold() for code, _, _ in said.codes}
