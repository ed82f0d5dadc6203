"""Prompt-lookup decoding: guesses an answer's next tokens from what the prompt says after the same words.

Takes token ids one by one, gives the few that followed their last ones before. Pure. An answer that repeats
its passages is guessed right, and llama.cpp then checks several tokens at the price of fewer: on two cores
four in one go cost 2.4 times one (`make bench-model` says what they cost here), so that right guesses gain
up to two thirds, and a wrong one costs as much as one and a half tokens. Hence the caution: a guess needs
three tokens in a row that stood there before.

Source of the idea: "Prompt Lookup Decoding" (A. Saxena, 2023); LLMA (arXiv 2304.04487).
"""

from __future__ import annotations

from collections.abc import Sequence

GUESSED = 3  # tokens in a guess: with the one before it, four, which llama.cpp's kernels take best
_ALIKE = 3  # tokens in a row that must have stood there before


class Lookup:
    """The ids of a prompt and of the answer so far."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}  # where it goes on after these, the last time
        for token in ids:
            self.add(token)

    def add(self, token: int) -> None:
        """The next id."""
        if len(self._ids) >= _ALIKE:
            self._after[tuple(self._ids[-_ALIKE:])] = len(self._ids)
        self._ids.append(token)

    def guess(self) -> list[int]:
        """What may come next; empty where nothing like it came before."""
        place = self._after.get(tuple(self._ids[-_ALIKE:]))
        return [] if place is None else self._ids[place : place + GUESSED]
