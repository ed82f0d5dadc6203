"""Expected words in texts: found whatever became of spaces, and not found inside other words and numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.expected_text import character_recall, overlaps, says, stretches_of


@pytest.mark.parametrize(
    ("text", "words", "spans"),
    [
        ("Lit by 24\ncandles.", "24 candles", [(7, 17)]),
        ("about  13 miles, about 13\u00a0miles", "About 13 miles", [(0, 15), (17, 31)]),
        ("the ﬁrst light", "first light", [(4, 14)]),
        ("大运河全长约 1794 公里。", "约1794公里", [(5, 14)]),
        ("built 1759, not 17599", "1759", [(6, 10)]),
        ("1,024 candles and 24 candles", "24 candles", [(18, 28)]),
        ("3.5 m, 5 m", "5 m", [(7, 10)]),
        ("It was 5.", "5", [(7, 8)]),
        ("unsaid said", "said", [(7, 11)]),
        ("bare", "", []),
        ("bare", "—", []),
        ("", "bare", []),
    ],
)
def test_where_words_stand(text: str, words: str, spans: list[tuple[int, int]]) -> None:
    assert stretches_of(text, words) == spans


def test_an_answer_says_it_whatever_its_marks() -> None:
    assert says("It was lit [1] by 24 [2, 3] candles [1].", "lit by 24 candles")
    assert not says("It was lit by 36 candles [24].", "24 candles")
    assert not says("See [1].", "1")


WORDS = st.lists(st.text("abcxyzäß大运", min_size=1, max_size=6), min_size=1, max_size=5)


@given(WORDS, st.text(" \n\t,;-", min_size=1, max_size=4), st.text(" .", max_size=3))
def test_other_spaces_change_nothing(words: list[str], space: str, before: str) -> None:
    text = before + space.join(words) + " end"
    spans = stretches_of(text, " ".join(words))
    assert (len(before), len(before) + len(space.join(words))) in spans
    assert says(text, " ".join(words))


def test_overlap_and_recall_by_hand() -> None:
    one, other = ("a", 1, 0, 10), ("a", 1, 10, 20)
    assert not overlaps(one, other)
    assert overlaps(one, ("a", 1, 9, 12))
    assert not overlaps(one, ("a", 2, 0, 10))
    assert not overlaps(one, ("b", 1, 0, 10))
    # 15 wanted characters, 5..20; found are 0..10 (twice) and 18..30: 5 + 2 of them
    assert character_recall([one, one, ("a", 1, 18, 30)], [("a", 1, 5, 20)]) == pytest.approx(7 / 15)
    assert character_recall([one], [("a", 2, 0, 10)]) == 0
    assert character_recall([], []) == 0
