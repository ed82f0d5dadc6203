"""Whether the numbers, dates, codes and names of a claim are anywhere in its sources.

Takes the reading of a claim and those of everything that is cited; gives what is missing. Pure. Says nothing
about whether a fact that is there belongs to what the claim says it of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.verdicts.dates import Date
from rag.verdicts.matching import counted, dated
from rag.verdicts.names import Name, same_dynasty
from rag.verdicts.quantities import Quantity
from rag.verdicts.reading import HAN, Reading, stem
from rag.verdicts.units import UNITS

# Peoples and their countries where one is not the beginning of the other.
_PEOPLES = """
france french|germany german|spain spanish|britain british uk england english
netherlands dutch holland|switzerland swiss|denmark danish|poland polish|sweden swedish
finland finnish|greece greek|wales welsh|scotland scottish scots|ireland irish|thailand thai
america american us usa|europe european eu|turkey turkish|norway norwegian|portugal portuguese
japan japanese|china chinese|russia russian|ussr soviet
"""
_PEOPLE = {
    stem(word): line.split()[0] for line in re.split(r"[|\n]", _PEOPLES.strip()) for word in line.split()
}
_COLOURS = re.compile(r"\b(?:red|orange|yellow|green|blue|purple|white|black|gr[ae]y|brown|pink)\b")


def missing(claim: Reading, sources: Sequence[Reading], *, foreign: bool) -> list[str]:
    """The claim's numbers, dates, codes and names that are nowhere in the sources, as the claim has them.

    `foreign`: the sources are in another script, where names are written otherwise.
    """
    days = [date for source in sources for date in source.dates]
    numbers = [quantity for source in sources for quantity in source.quantities]
    text = "\n".join(source.text for source in sources)
    places = [(date.start, date.end) for date in claim.dates if not dated(date, days, numbers)]
    places += [
        (number.start, number.end)
        for number in claim.quantities
        if not counted(number, numbers, days)
        and not _between(number, [*days, *claim.dates])
        and not (number.unit is None and number.value == len(claim.dates) > 1)  # twice, in 1954 and 1978
    ]
    colours = set(_COLOURS.findall(text.casefold()))
    places += [match.span() for match in _COLOURS.finditer(claim.text) if colours and match[0] not in colours]
    places += [(start, end) for code, start, end in claim.codes if code.casefold() not in text.casefold()]
    facts = [(fact.start, fact.end) for fact in claim.facts]
    if not foreign:
        keys = frozenset[str]().union(*(source.keys for source in sources))
        places += [
            (name.start, name.end)
            for name in claim.names
            if not any(start <= name.start < end for start, end in facts) and not _named(name, keys, text)
        ]
    return [claim.text[start:end] for start, end in places]


def _between(number: Quantity, days: Sequence[Date]) -> bool:
    """Whether a number of years is what lies between two years that are there."""
    years = {date.first for date in days if date.first is not None and date.first == date.last}
    spans = {abs(one - other) for one in years for other in years if one != other}
    return number.unit == UNITS["year"] and number.value in spans


def _named(name: Name, keys: frozenset[str], text: str) -> bool:
    if HAN.search(name.text):
        return _named_in_han(name, text)
    if not name.sure or name.text.casefold() in text.casefold():
        return True
    key = stem(name.text)
    people = _PEOPLE.get(key, key)
    if key in keys or any(_PEOPLE.get(other, other) == people for other in keys):
        return True
    if len(key) >= 4 and any(other[:4] == key[:4] and abs(len(other) - len(key)) <= 3 for other in keys):
        return True  # Italy for Italian
    if name.text.isupper() and name.text.isalpha():  # WHO for World Health Organization
        between = r"[a-z’'-]*\s+(?:(?:of|the|and|for|in)\s+)*"
        return re.search(r"\b" + between.join(name.text), text) is not None
    return False


def _named_in_han(name: Name, text: str) -> bool:
    if name.text in text or any(other in text for other in same_dynasty(name.text)):
        return True
    if name.sure:
        return False
    return any(name.text[i : i + 2] in text for i in range(len(name.text) - 1))
