"""The lines of a PDF's page, as whoever reads it gives them, and how well they were read.

Pure records, and two signs of a page that was read badly: words that run together, and characters that mean
nothing. Knows neither of the libraries that read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_GLUED = re.compile(r"[A-Za-zÀ-ÿ]{23,}")  # words that long are rare outside German law and programs
_MOST_GLUED = 0.1  # of a page's characters, in such words
_JUNK = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd]")  # replaced, or of private meaning
_GLYPHS = re.compile(r"(?:/[A-Za-z]{1,4}\d{1,5}){3,}")  # names of glyphs, where no font says their meaning
_MOST_JUNK = 0.03
_MOST_UNKNOWN = 0.3
_FEWEST_LETTERS = 0.6  # and digits, of a page's characters
_FEWEST_CHARACTERS = 40  # from which a page's text says what it is
_SHORTEST_WORD = 2.3  # characters on average, in scripts that put spaces between words


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it stands on the page; left and baseline in points from the lower left corner.

    A soft hyphen at the end of `text` is one that the typesetter put in.
    """

    text: str
    left: float
    baseline: float
    size: float
    bold: bool = False
    mono: bool = False
    in_table: bool = False  # a row, with its cells apart


@dataclass(frozen=True, slots=True)
class PageLines:
    """A page's lines in reading order, and how many characters nobody sees were left out.

    `mathematical` is the share of the page's characters that are set in fonts of mathematics.
    """

    lines: tuple[Line, ...]
    hidden: int = 0
    mathematical: float = 0.0


def badness(lines: Sequence[Line]) -> float:
    """How much of the text stands in words too long to be words, or is no character at all."""
    glued, junk = _bad_shares(lines)
    return glued + junk


def looks_bad(lines: Sequence[Line]) -> bool:
    """Whether the page's spaces were probably not seen, or its letters not known."""
    glued, junk = _bad_shares(lines)
    return glued > _MOST_GLUED or junk > _MOST_JUNK


def _bad_shares(lines: Sequence[Line]) -> tuple[float, float]:
    text = "\n".join(line.text for line in lines)
    junk = sum(map(len, _GLYPHS.findall(text))) + (0 if text.isascii() else len(_JUNK.findall(text)))
    return sum(map(len, _GLUED.findall(text))) / max(1, len(text)), junk / max(1, len(text))


def is_unknown(lines: Sequence[Line]) -> bool:
    """Whether much of the page is in letters whose meaning its fonts do not say."""
    return _bad_shares(lines)[1] > _MOST_UNKNOWN


def is_gibberish(lines: Sequence[Line]) -> bool:
    """Whether this is text in no language, as the worst of what machines read on pictures."""
    text = " ".join(line.text for line in lines)
    written = text.replace(" ", "")
    if len(written) < _FEWEST_CHARACTERS:
        return False
    meaning = sum(map(str.isalnum, written))
    spaced = text.isascii() and len(written) < _SHORTEST_WORD * len(text.split())
    return meaning < _FEWEST_LETTERS * len(written) or spaced
