"""Other ways to write what was asked for: pure.

Takes a word of a question, gives the words that may stand in a document for it. For the question alone, so
that the index holds each text once, as it is written.
"""

from __future__ import annotations

import re

ZEROS = 5  # in front of a number, as in 00123
SHORTEST_WITH_UMLAUT = 6  # letters: mueller may be müller, poet is not pöt

_CODE = re.compile(r"([A-Za-z]+)([-_]?)(\d+)")
_WRITTEN_OUT = re.compile(r"(?<![aeiouq])([aou])e(?=[b-df-hj-np-tv-z])")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def other_spellings(word: str) -> list[str]:
    """Other spellings of a word in lower case; [] for most.

    A code with and without what joins it (`e7`: `e-7`), a number with zeros in front and without (`0123`:
    `123`), umlauts written out and the other way round (`müller`: `mueller`).
    """
    if word.isdecimal():
        plain = word.lstrip("0") or "0"
        return [number for zeros in range(ZEROS + 1) if (number := "0" * zeros + plain) != word]
    if code := _CODE.fullmatch(word):
        return [code[1] + ("" if code[2] else "-") + code[3]]
    spelled = [word.translate(_UMLAUTS)]
    if len(word) >= SHORTEST_WITH_UMLAUT:
        spelled.append(_WRITTEN_OUT.sub(r"\1", word))
    return [one for one in spelled if one != word]
