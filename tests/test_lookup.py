"""Guesses from what was said before."""

from __future__ import annotations

from rag.model.lookup import GUESSED, Lookup


def test_what_followed_the_same_three_tokens() -> None:
    lookup = Lookup([7, 1, 2, 3, 4, 5, 6, 9, 1, 2])
    assert lookup.guess() == []  # 9 1 2 is new
    lookup.add(3)
    assert lookup.guess() == [4, 5, 6]


def test_the_last_time_counts() -> None:
    lookup = Lookup([1, 2, 3, 4, 0, 1, 2, 3, 5, 0, 1, 2, 3])
    assert lookup.guess() == [5, 0, 1]


def test_a_guess_ends_where_the_text_does() -> None:
    assert Lookup([1, 2, 3, 1, 2, 3]).guess() == [1, 2, 3]
    assert Lookup([8, 8, 8, 8]).guess() == [8]
    assert len(Lookup([8] * 20).guess()) <= GUESSED


def test_too_little_to_go_by() -> None:
    assert Lookup([]).guess() == []
    assert Lookup([1, 2]).guess() == []
    assert Lookup([1, 2, 3]).guess() == []
