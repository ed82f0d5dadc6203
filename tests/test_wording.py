"""Shares of a question's wording, by hand."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.records import Heading, Hit
from rag.search.search import scored
from rag.text.wording import HOLDING_WORTH, PART_WORTH, is_title, rarity, share, worded


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


def hit(text: str, *titles: str, chunk: int = 1, headings: tuple[str, ...] = ()) -> Hit:
    inside = tuple(Heading(1, text.index(one), text.index(one) + len(one), one) for one in titles)
    scores = {"dense": 0.5, "keyword": 2.0 if titles else 1.0}
    return Hit(chunk, "a.pdf", 1, 0, len(text), text, 0.0, scores, inside=inside, headings=headings)


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("大运河简史\n乡土历史读书会讲稿", "大运河简史", True),
        ("The canal\n\nA talk\n\n3 May 2024", "The canal", True),
        ("The canal\n\nIt is 1,794 km long.", "The canal", False),
        ("Opening hours\n\n- Monday to Friday", "Opening hours", False),
        ("Lamps\n\nColour | red", "Lamps", False),
        ("The canal\n\nOne\n\nTwo\n\nThree\n\nFour", "The canal", False),
    ],
)
def test_what_is_only_a_title(text: str, title: str, expected: bool) -> None:
    assert is_title(hit(text, title)) is expected
    assert not is_title(hit(text))  # no line is known to be a heading


def test_a_title_comes_after_what_stands_below_it() -> None:
    title = hit("大运河简史\n乡土历史读书会讲稿", "大运河简史")
    passage = hit("全长约1794公里。", chunk=2, headings=("大运河简史",))
    assert [one.chunk_id for one in scored([title, passage], "大运河有多长？", [0.0, 0.0])] == [2, 1]
    alone = hit("它全长约1794公里。", chunk=2)
    assert [one.chunk_id for one in scored([title, alone], "大运河有多长？", [0.0, 0.0])] == [1, 2]
