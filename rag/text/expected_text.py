"""Where expected words stand in a text, whatever became of their spaces, marks and letter case: pure.

Takes texts and words, gives spans and shares. Letters and digits are compared, as NFKC has them and without
case; everything between them is not. Does not know what a question or an index is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence

from rag.text.marks import MARK

_NUMBER_GOES_ON = re.compile(r"\d[.,]\d")

Stretch = tuple[Hashable, int, int, int]  # source, page, start, end: characters of a page's text


def stretches_of(text: str, words: str) -> list[tuple[int, int]]:
    """Every place in `text` where `words` stand, as (start, end); [] when nowhere.

    `stretches_of("Lit by 24\\ncandles.", "24 candles")` is `[(7, 17)]`; "4 candles" is not in it.
    """
    held, origins = _bare(text)
    sought, _ = _bare(words)
    found: list[tuple[int, int]] = []
    at = held.find(sought) if sought else -1
    while at >= 0:
        first, last = origins[at], origins[at + len(sought) - 1]
        if not _inside_a_word(text, first) and not _inside_a_word(text, last + 1):
            found.append((first, last + 1))
            at = held.find(sought, at + len(sought))
        else:
            at = held.find(sought, at + 1)
    return found


def says(answer: str, words: str) -> bool:
    """Whether an answer holds these words; its marks, `[1]`, don't count."""
    return bool(stretches_of(MARK.sub(" ", answer), words))


def overlaps(one: Stretch, other: Stretch) -> bool:
    """Whether two stretches share a character of the same page."""
    return one[:2] == other[:2] and one[2] < other[3] and other[2] < one[3]


def character_recall(found: Iterable[Stretch], wanted: Sequence[Stretch]) -> float:
    """The share of the wanted stretches' characters that the found ones hold, each counted once."""
    sought = {(source, page, n) for source, page, start, end in wanted for n in range(start, end)}
    held = {(source, page, n) for source, page, start, end in found for n in range(start, end)}
    return len(sought & held) / len(sought) if sought else 0.0


def _bare(text: str) -> tuple[str, list[int]]:
    """The letters and digits of `text`, folded, and for each the position that it came from."""
    characters: list[str] = []
    origins: list[int] = []
    for position, character in enumerate(text):
        for folded in unicodedata.normalize("NFKC", character).casefold():
            if folded.isalnum():
                characters.append(folded)
                origins.append(position)
    return "".join(characters), origins


def _inside_a_word(text: str, position: int) -> bool:
    """Whether a word, or a number, goes on across `position`; scripts without spaces have no such place."""
    if not 0 < position < len(text):
        return False
    around = text[max(position - 2, 0) : position + 1], text[position - 1 : position + 2]
    if any(_NUMBER_GOES_ON.fullmatch(three) for three in around):
        return True
    before, after = text[position - 1], text[position]
    return _spaced(before) and _spaced(after) and before.isdigit() == after.isdigit()


def _spaced(character: str) -> bool:
    # Scripts below U+2E80 (CJK radicals) put spaces between words, but for Thai and Lao.
    return character.isalnum() and character < "\u2e80" and not "\u0e00" <= character <= "\u0eff"
