"""What a text denies, and where its clauses end, in English and Chinese.

Takes text, gives the places that its negations reach and the spans of its clauses. Pure; a closed list of
words, so that a denial in other words goes unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Span = tuple[int, int]

_NEGATOR = re.compile(
    r"\b(?:not|cannot|no|never|without|neither|nor|none of|nobody|nothing|nowhere|hardly"
    r"|lack(?:s|ed|ing)?|fail(?:s|ed) to"
    r"|refus(?:es|ed|ing) to|unable to|rather than|instead of|unlike|free of|free from|\w+n['’]t)\b",
    re.IGNORECASE,
)
_NO_NEGATION = re.compile(
    r"\bnot only\b|\bno (?:fewer|less|more) than\b|\bnot least\b|\bno doubt\b|\bno\. ?\d"
    r"|\bnot just\b|(?:\bnot|n['’]t)\b(?=(?:(?!\band\b|\bbut\b)[^.;,]){1,40}\buntil\b)|\bnot until\b"
    r"|不仅|不但|不只|不过|不断|不久|不少|不同|不管|不论|不锈钢|不足|不到|不等|不得不|无论|无线|无锡|无机|无数|无人机"
    r"|非洲|非常|未来|除非"
    r"|不满(?=[\d一二两三四五六七八九十百])|没收|沉没|埋没|淹没|无疑|非凡|不朽|不丹|不列颠|不动产|莫非",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"[.,:](?!\d)|(?<!\d)[.,:]|[;!?—，。；：！？、\n|]"
    r"|\b(?:but|and|although|though|while|whereas|because|since|which|who|that|until|if|as)\b"
    r"|但是|但|而且|而|因为|所以|虽然|如果|并且|并",
    re.IGNORECASE,
)
_HAN_NEGATOR = re.compile(
    r"没有|没能|没|并未|并非|从未|未能|尚未|未曾|不曾|不是|不再|不会|不能|不需要|无需|无须|不必"
    r"|不需|不|未|无|非|毫无|缺乏|并无|拒绝"
)
_DENIED = re.compile(
    r"\b(?:unless|exempt\w*|waived|ineligible|dropped|discontinued|abolished|withdrawn|be avoided|avoid"
    r"|(?:is|are|was|were) (?:forbidden|prohibited|banned|excluded))\b",
    re.IGNORECASE,
)
# What was not so until something: it was so then, and so this is no negation, but neither was it so before.
_UNTIL = re.compile(
    r"(?:\bnot|n['’]t)\b((?:(?!\band\b|\bbut\b)[^.;,]){1,40})\buntil\b([^.;,]*)", re.IGNORECASE
)
_REACH = 6  # words that an English negation reaches, to the next border at most
_HAN_REACH = 8  # characters


def negated(text: str) -> list[Span]:
    """The places that a negation reaches; a character that two of them reach is in two places."""
    text = _NO_NEGATION.sub(lambda match: " " * len(match[0]), text)
    places = []
    for match in _NEGATOR.finditer(text):
        if match[0].casefold() == "nor" and re.search(r"\bneither\b", text[: match.start()], re.IGNORECASE):
            continue  # one negation in two words
        border = _BOUND.search(text, match.end())
        limit = border.start() if border else len(text)
        words = [word.end() for word in re.finditer(r"\w+", text[match.end() : limit])][:_REACH]
        if words:
            places.append((match.end(), match.end() + words[-1]))
    for match in _HAN_NEGATOR.finditer(text):
        border = _BOUND.search(text, match.end())
        limit = border.start() if border else len(text)
        places.append((match.end(), min(limit, match.end() + _HAN_REACH)))
    return places


def negations(text: str) -> int:
    """How many negations a clause holds, those included that stand behind what they deny."""
    text = _NO_NEGATION.sub(lambda match: " " * len(match[0]), text)
    found = [match[0].casefold() for match in _NEGATOR.finditer(text)]
    pairs = "neither" in found and found.count("nor")
    return len(found) - pairs + len(_HAN_NEGATOR.findall(text)) + len(_DENIED.findall(text))


def not_until(text: str) -> list[tuple[Span, Span]]:
    """What was not so, and until what: "did not [open] until [the war was over]"."""
    return [(match.span(1), match.span(2)) for match in _UNTIL.finditer(text)]


def clauses(text: str, whole: Iterable[Span] = ()) -> list[Span]:
    """The clauses of a text: from one border (punctuation, a conjunction) to the next, all of it covered.

    No border lies in one of the places in `whole`: "May 1, 1851" is one date.
    """
    inside = {place for start, end in whole for place in range(start, end)}
    borders = [
        match.start() for match in _BOUND.finditer(text) if match.start() > 0 and match.start() not in inside
    ]
    return list(zip([0, *borders], [*borders, len(text)], strict=True))
