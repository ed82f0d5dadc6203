"""Shares of a question's wording, by hand."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.wording import HOLDING_WORTH, PART_WORTH, rarity, share, worded


def test_rarity_is_the_logarithm_of_bm25() -> None:
    found = rarity(["lamp", "tower", "whale"], [{"lamp", "tower"}, {"lamp"}])
    assert found == {
        "lamp": pytest.approx(log(1 + 0.5 / 2.5)),  # in both of two
        "tower": pytest.approx(log(1 + 1.5 / 1.5)),  # in one
        "whale": pytest.approx(log(1 + 2.5 / 0.5)),  # in none
    }


def test_parts_of_words_are_worth_less_than_words() -> None:
    found = rarity(["tower", "灯塔", "灯", "塔是"], [{"tower", "灯塔", "灯", "塔是"}, set()])
    assert found["灯塔"] == found["灯"] == pytest.approx(PART_WORTH * found["tower"])
    assert found["塔是"] == pytest.approx(HOLDING_WORTH * found["tower"])


def test_share_by_hand() -> None:
    worth = {"lamp": 1.0, "tower": 3.0}
    assert share(worth, {"tower", "sea"}) == 0.75
    assert share(worth, set()) == 0
    assert share({}, {"tower"}) == 0


def test_worded_gives_sentences_with_their_terms() -> None:
    text = "The lamp burns. 灯塔高。"
    first, second = worded(text)
    assert (text[first.start : first.end], first.terms) == ("The lamp burns.", {"the", "lamp", "burn"})
    assert second.terms == {"灯塔", "塔高", "灯", "塔", "高"}
    assert worded("") == ()


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 10), max_size=5), st.frozensets(st.text(max_size=3)))
def test_a_share_is_a_share(worth: dict[str, float], held: frozenset[str]) -> None:
    assert 0 <= share(worth, held) <= 1 + 1e-9
    if any(worth.values()):
        assert share(worth, frozenset(worth)) == pytest.approx(1)
