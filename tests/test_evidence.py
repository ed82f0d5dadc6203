"""Whether hits answer, by hand-made hits; collections are measured in benchmarks/search.py."""

from __future__ import annotations

from math import log

import pytest

from rag.evidence import (
    CODE_WORTH,
    COSINE_BY_CHANCE,
    COSINE_WORTH,
    ENOUGH,
    LENGTH_WORTH,
    STRANGER_WORTH,
    answers,
    evidence,
)
from rag.records import Hit
from rag.text.wording import SAME_BEGINNING

TOWER = "Smeaton's tower was finished in 1759. It was lit by 24 candles."
CANAL = "大运河全长约1794公里。它连接北京和杭州。"


def hit(text: str, dense: float = 0.0, trust: float = 1.0, **more: object) -> Hit:
    return Hit(1, "a.txt", 1, 0, len(text), text, 1.0, {"dense": dense, "trust": trust}, **more)  # type: ignore[arg-type]


def given(question: str, *hits: Hit) -> float:
    """The evidence where nothing else was found."""
    return evidence(question, hits, hits)


def test_the_sum_by_hand() -> None:
    cosine = COSINE_WORTH * (0.5 - COSINE_BY_CHANCE)
    # both are there and worth the same, but not in one sentence
    assert given("1759 candles", hit(TOWER, 0.5)) == pytest.approx(1 + 0.5 + cosine + LENGTH_WORTH * log(3))
    # of smeaton, tower, height the hit holds two, which are worth a little less than what it doesn't hold
    two_of_three = (given("Smeaton's tower height?", hit(TOWER, 0.5)) - cosine - LENGTH_WORTH * log(4)) / 2
    assert 0.62 < two_of_three < 2 / 3


def test_what_is_rare_among_all_that_was_found_counts_for_more() -> None:
    others = [hit(f"The tower number {n} stands in the harbour.") for n in range(60)]
    found = [hit("The keeper lives here."), hit("The tower stands here.")]
    question = "keeper tower"
    keeper, tower = (evidence(question, [one], [*found, *others]) for one in found)
    assert keeper > 1.5 * tower


def test_another_form_of_a_word_is_a_part_of_it() -> None:
    form, word = given("Leuchttürmen", hit("Der Leuchtturm.")), given("Leuchtturm", hit("Der Leuchtturm."))
    assert word - form == pytest.approx(2 * (1 - SAME_BEGINNING))
    assert given("Leuchtturm", hit("Der Hafen.")) < form - 1


def test_letters_and_syllables_that_are_in_any_text_count_for_less() -> None:
    half = "หอคอย ปราสาท"
    assert given(half, hit("หอคอย")) < given("tower castle", hit("tower"))
    assert given("ngọn hải", hit("ngọn")) < given("tower castle", hit("tower")) - 0.4


def test_a_cosine_counts_as_far_as_the_embedder_is_trusted() -> None:
    question = "Smeaton's tower"
    by_chance = hit(TOWER, COSINE_BY_CHANCE, 1.0)
    assert given(question, hit(TOWER, 0.8, 0.0)) == pytest.approx(given(question, by_chance))
    assert given(question, hit(TOWER, 0.8, 0.5)) < given(question, hit(TOWER, 0.8, 1.0))


def test_headings_and_the_source_bear_on_every_sentence() -> None:
    under = hit("It was finished in 1759.", headings=("Smeaton's tower",))
    assert given("Smeaton's tower", under) > given("Smeaton's tower", hit("It was finished in 1759."))


def test_strangers_take_away() -> None:
    text = "The tower was finished by Winstanley in 1698."
    friends, strangers = "Was the tower finished in 1698?", "Was the tower finished in 1882?"
    difference = given(friends, hit(text)) - given(strangers, hit(text))
    assert difference == pytest.approx(2 / 3 + STRANGER_WORTH, abs=0.05)  # a term of three, twice


def test_a_name_of_two_words_is_one() -> None:
    question, text = "What has the PowerShell?", "The shell has much power."
    # power and shell are there, powershell is not
    assert given(question, hit("PowerShell.")) - given(question, hit(text)) > 0.2 + STRANGER_WORTH


def test_what_speaks_for_an_answer_is_in_one_place() -> None:
    words, likeness = hit("Tests: ifs-posix.tests, bash.xbm", 0.3), hit("Bash is a shell.", 0.7)
    question = "What does bash do in POSIX mode?"
    each = [evidence(question, [one], [words, likeness]) for one in (words, likeness)]
    assert evidence(question, [words, likeness], [words, likeness]) == max(each)


def test_a_code_that_no_hit_has_takes_away_more() -> None:
    row = "Code: E6 | Meaning: the water stays cold"
    difference = given("What does E6 mean?", hit(row)) - given("What does E7 mean?", hit(row))
    assert difference == pytest.approx(1 / 2 + 1 / 2 + STRANGER_WORTH + CODE_WORTH, abs=0.05)
    assert given("pump e7", hit("Pump E-7 is red.")) > 0.6  # its parts are there


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
    hits = [hit(text, dense, trust)]
    assert answers(question, hits, hits) is expected


def test_no_hits_answer_nothing() -> None:
    assert evidence("tower", [], []) == 0
    assert not answers("tower", [], [])
    assert ENOUGH > 0
