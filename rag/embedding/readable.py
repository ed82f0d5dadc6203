"""How much of a text an embedding model can read: pure.

Takes a text as the model's tokenizer cut it, gives a share. Does not know the model. A tokenizer cuts what
it was trained on into words and syllables; any other language it spells out letter by letter, where it knows
the letters (an English model knows all Cyrillic ones, and not one Russian word), or gives up on as [UNK].
What is made of either is noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

# A word with fewer letters a token is spelled out. To an English model next to no word is in English, German,
# French, Polish, Turkish and Vietnamese; nine in ten are in Russian, Greek, Arabic, Hebrew, Hindi and Korean.
LEAST_LETTERS = 1.25
SHORT = 2  # letters: of DW-45 two are spelled out in any language
LONG = 4  # letters: shorter words are in one piece in many languages


def readable_share(
    text: str,
    tokens: Sequence[int],
    words: Sequence[int | None],
    offsets: Sequence[tuple[int, int]],
    unknown: int | None,
) -> float:
    """The share of `tokens` that are neither `unknown` nor of a word that is spelled out; 1.0 of none.

    `words` has for each token the number of the word that it is of, `offsets` its characters in `text`.
    """
    unread = 0
    for _, own in _by_word(words):
        letters = sum(map(str.isalpha, text[offsets[own[0]][0] : offsets[own[-1]][1]]))
        spelled_out = SHORT < letters < LEAST_LETTERS * len(own)
        unread += len(own) if spelled_out else sum(tokens[one] == unknown for one in own)
    return 1 - unread / len(tokens) if tokens else 1.0


def known_share(words: Sequence[int | None], offsets: Sequence[tuple[int, int]]) -> float | None:
    """The share of the long words that are one token each; None without long words.

    Nine in ten English ones to an English model, one or two in ten of any other language with Latin letters:
    of those it knows syllables, and what they have in common with its own.
    """
    long = [
        own
        for word, own in _by_word(words)
        if word is not None and offsets[own[-1]][1] - offsets[own[0]][0] >= LONG
    ]
    return sum(len(own) == 1 for own in long) / len(long) if long else None


def _by_word(words: Sequence[int | None]) -> Iterator[tuple[int | None, list[int]]]:
    """The tokens of each word in turn, and those between that are of none."""
    for word, group in groupby(range(len(words)), key=words.__getitem__):
        yield word, list(group)
