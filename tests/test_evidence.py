"""Whether hits answer, by hand-made hits; collections are measured in benchmarks/search.py."""

from __future__ import annotations

from math import log

import pytest

from rag.evidence import CODE_WORTH, ENOUGH, LENGTH_WORTH, STRANGER_WORTH, answers, evidence
from rag.records import Hit

TOWER = "Smeaton's tower was finished in 1759. It was lit by 24 candles."
CANAL = "大运河全长约1794公里。它连接北京和杭州。"


def hit(text: str, dense: float = 0.0, trust: float = 1.0, **more: object) -> Hit:
    return Hit(1, "a.txt", 1, 0, len(text), text, 1.0, {"dense": dense, "trust": trust}, **more)  # type: ignore[arg-type]


def test_the_sum_by_hand() -> None:
    # of smeaton, tower, height the hit holds two, and so does its first sentence
    assert evidence("Smeaton's tower height?", [hit(TOWER, 0.5)]) == pytest.approx(
        2 / 3 + 2 / 3 + 0.5 + LENGTH_WORTH * log(4)
    )
    # 1759 and candles are both there, but not in one sentence
    assert evidence("1759 candles", [hit(TOWER, 0.5)]) == pytest.approx(1 + 0.5 + 0.5 + LENGTH_WORTH * log(3))


def test_a_cosine_counts_as_far_as_the_embedder_is_trusted() -> None:
    question = "Smeaton's tower"
    assert evidence(question, [hit(TOWER, 0.8, 0.0)]) == evidence(question, [hit(TOWER, 0.0, 1.0)])


def test_headings_and_the_source_bear_on_every_sentence() -> None:
    under = hit("It was finished in 1759.", headings=("Smeaton's tower",))
    assert evidence("Smeaton's tower", [under]) > evidence(
        "Smeaton's tower", [hit("It was finished in 1759.")]
    )


def test_strangers_take_away() -> None:
    text = "The tower was finished by Winstanley in 1698."
    friends, strangers = "Was the tower finished in 1698?", "Was the tower finished in 1882?"
    difference = evidence(friends, [hit(text)]) - evidence(strangers, [hit(text)])
    assert difference == pytest.approx(2 / 3 + STRANGER_WORTH)  # one term of three, twice; and the strangers


def test_a_name_of_two_words_is_one() -> None:
    question, text = "What has the PowerShell?", "The shell has much power."
    # power and shell are there, powershell is not
    assert evidence(question, [hit(text)]) == pytest.approx(
        2 / 3 + 2 / 3 + LENGTH_WORTH * log(4) - STRANGER_WORTH
    )
    assert evidence(question, [hit("PowerShell.")]) == pytest.approx(2 + LENGTH_WORTH * log(4))


def test_what_speaks_for_an_answer_is_in_one_place() -> None:
    words, likeness = hit("Tests: ifs-posix.tests, bash.xbm", 0.3), hit("Bash is a shell.", 0.7)
    question = "What does bash do in POSIX mode?"
    assert evidence(question, [words, likeness]) == max(
        evidence(question, [words]), evidence(question, [likeness])
    )


def test_a_code_that_no_hit_has_takes_away_more() -> None:
    row = "Code: E6 | Meaning: the water stays cold"
    difference = evidence("What does E6 mean?", [hit(row)]) - evidence("What does E7 mean?", [hit(row)])
    assert difference == pytest.approx(1 / 2 + 1 / 2 + STRANGER_WORTH + CODE_WORTH)
    assert evidence("pump e7", [hit("Pump E-7 is red.")]) > 1  # its parts are there


@pytest.mark.parametrize(
    ("question", "text", "dense", "trust", "expected"),
    [
        ("When was Smeaton's tower finished?", TOWER, 0.6, 1.0, True),
        ("What is the boiling point of tungsten?", TOWER, 0.1, 1.0, False),
        ("大运河全长多少公里？", CANAL, 0.4, 0.0, True),
        ("怎样给吉他换弦？", CANAL, 0.4, 0.0, False),
        ("银壶是什么时候买的？", "名称: 银壶 | 购入日期: 2018-01-20 | 存放: 保险柜", 0.1, 0.0, True),
        ("???", TOWER, 0.9, 1.0, False),
        ("", TOWER, 0.9, 1.0, False),
    ],
)
def test_answers(question: str, text: str, dense: float, trust: float, expected: bool) -> None:
    assert answers(question, [hit(text, dense, trust)]) is expected


def test_no_hits_answer_nothing() -> None:
    assert evidence("tower", []) == 0
    assert not answers("tower", [])
    assert ENOUGH > 0
