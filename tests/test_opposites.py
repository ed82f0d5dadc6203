"""Which way a text says what it says: opposites, negation, comparisons, table rows told."""

from __future__ import annotations

import pytest

from rag.text.sentences import spans
from rag.verdicts.comparisons import compared, superseded, turned_round
from rag.verdicts.negation import clauses, negated, negations
from rag.verdicts.opposites import leanings
from rag.verdicts.reading import read
from rag.verdicts.tables import told_rows


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("prices rose", "prices increased", True),
        ("prices rose", "prices fell", False),
        ("prices rose", "prices did not fall", True),
        ("the shop is closed", "the shop is not open", True),
        ("voted for the proposal", "voted against the proposal", False),
        ("价格上升", "价格下降", False),
        ("价格没有上升", "价格下降", True),
        ("可以入园", "禁止入园", False),
    ],
)
def test_opposites(one: str, other: str, agree: bool) -> None:
    (a,), (b,) = leanings(one), leanings(other)
    assert a.pair == b.pair
    assert (a.side == b.side) is agree


@pytest.mark.parametrize(
    "text", ["at least 20", "more than 300 people", "no later than May", "opening hours"]
)
def test_what_leans_neither_way(text: str) -> None:
    assert leanings(text) == []


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("It does not open, and rain falls.", [" open"]),
        ("It is not only old.", []),
        ("桥梁没有重建，但有维修。", ["重建"]),
        ("不仅如此", []),
        ("没收", []),
    ],
)
def test_what_a_negation_reaches(text: str, reached: list[str]) -> None:
    assert [text[start:end] for start, end in negated(text)] == reached


def test_neither_nor_denies_once() -> None:
    assert negations("neither Mercury nor Venus has moons") == 1
    assert negations("shall not assign without consent") == 2


def test_clauses_end_at_borders_but_not_inside_numbers() -> None:
    text = "It is 6.4 km, and 1,851 feet; old."
    assert [text[start:end] for start, end in clauses(text)] == [
        "It is 6.4 km",
        ", ",
        "and 1,851 feet",
        "; old",
        ".",
    ]


@pytest.mark.parametrize(
    ("claim", "said", "agree"),
    [
        ("NMC cells are heavier than LFP cells.", "LFP cells are lighter than NMC cells.", True),
        ("LFP cells are heavier than NMC cells.", "LFP cells are lighter than NMC cells.", False),
        ("红茶的含量比绿茶高。", "含量比绿茶低。", False),
    ],
)
def test_comparisons(claim: str, said: str, agree: bool) -> None:
    assert set(compared(read(claim), read(said)).values()) == {agree}


def test_a_way_turned_round_and_a_place_given_up() -> None:
    said = read("由红色变为绿色")
    assert turned_round(read("由绿色变为红色"), said)
    assert not turned_round(read("由红色变为绿色"), said)
    moved = read("地点由A301改为B205会议室")
    assert superseded(read("会议在A301举行"), moved)
    assert not superseded(read("会议在B205会议室举行"), moved)


def test_rows_are_told_with_their_headings_and_units() -> None:
    text = "产量（万吨）\n| 省份 | 小麦 |\n| --- | --- |\n| 河南 | 3803 |"
    lines = spans(text)
    assert told_rows(text, lines) == {lines[-1]: "产量; 省份 河南; 小麦 3803 万吨"}
