"""Whether cited words bear a sentence out, and which of them are marked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.verdicts.verdict import judge

CASES = [
    json.loads(line)
    for line in Path(__file__).parents[1].joinpath("data/verdicts.jsonl").read_text("utf-8").splitlines()
]
PALACE = (
    "The Crystal Palace was built in Hyde Park, London, to house the Great Exhibition of 1851. Designed by "
    "Joseph Paxton, it was 1,851 feet long. It was not moved until 1854. A fire destroyed it in November "
    "1936."
)
BRIDGE = "赵州桥位于河北省赵县，由隋代工匠李春设计建造，全长64.4米。桥梁至今没有进行过整体重建。"
TABLE = (
    "| City | Population | Area (km²) |\n| --- | --- | --- |\n"
    "| Tokyo | 37,400,068 | 2,194 |\n| Delhi | 28,514,000 | 1,484 |"
)


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("The Crystal Palace was designed by Joseph Paxton.", "supported"),
        ("The Crystal Palace was designed by John Nash.", "unsupported"),
        ("It was 1,815 feet long.", "unsupported"),
        ("It was about 564 metres long.", "supported"),
        ("It was 1,851 metres long.", "unsupported"),
        ("A fire destroyed it in 1936.", "supported"),
        ("A fire destroyed it in December 1936.", "unsupported"),
        ("A fire destroyed it in the 1930s.", "supported"),
        (
            "The Crystal Palace was built in Hyde Park and painted bright blue by local schoolchildren.",
            "weak",
        ),
        ("Bananas grow best in a warm and humid climate.", "unsupported"),
    ],
)
def test_english(sentence: str, verdict: str) -> None:
    assert judge(sentence, [PALACE]).verdict == verdict


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("赵州桥由隋朝的李春设计建造。", "supported"),
        ("赵州桥全长约六十四米。", "supported"),
        ("赵州桥全长46.4米。", "unsupported"),
        ("赵州桥位于河南省赵县。", "unsupported"),
        ("桥梁曾经进行过整体重建。", "unsupported"),
        ("公司的年度审计报告由独立机构出具。", "unsupported"),
    ],
)
def test_chinese(sentence: str, verdict: str) -> None:
    assert judge(sentence, [BRIDGE]).verdict == verdict


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("Delhi has 28,514,000 inhabitants.", "supported"),
        ("Tokyo has about 37.4 million inhabitants.", "supported"),
        ("Delhi has a population of 37,400,068.", "unsupported"),
        ("The area of Delhi is 2,194 km².", "unsupported"),
    ],
)
def test_a_row_is_read_with_its_columns_headings(sentence: str, verdict: str) -> None:
    assert judge(sentence, [TABLE]).verdict == verdict


def test_a_number_of_somebody_else_is_no_support() -> None:
    passage = (
        "A typical LFP cell keeps 80% after 3,000 cycles, whereas an NMC cell keeps as much after 1,000."
    )
    assert judge("A typical LFP cell keeps 80% after 3,000 cycles.", [passage]).verdict == "supported"
    assert judge("A typical NMC cell keeps 80% after 3,000 cycles.", [passage]).verdict == "unsupported"


def test_right_words_from_different_sentences_are_not_enough() -> None:
    passage = (
        "James Brindley built the aqueduct at Barton. The Clyde Canal was surveyed by John Smeaton in 1764."
    )
    assert judge("John Smeaton surveyed the Clyde Canal.", [passage]).verdict == "supported"
    assert judge("James Brindley surveyed the Clyde Canal.", [passage]).verdict != "supported"


def test_another_script_is_weak_at_best() -> None:
    assert judge("The Zhaozhou Bridge is 64.4 metres long.", [BRIDGE]).verdict == "weak"
    assert judge("The Zhaozhou Bridge is 46.4 metres long.", [BRIDGE]).verdict == "unsupported"


def test_a_name_may_stand_in_the_heading() -> None:
    sentence = "Tower Bridge opened in 1894."
    assert judge(sentence, ["It opened in 1894."]).verdict == "unsupported"
    assert judge(sentence, ["It opened in 1894."], "Tower Bridge").verdict == "supported"


def test_all_cited_passages_count_together_and_each_is_marked() -> None:
    first, second = "Nothing else. Ada Lovelace was born in 1815.", "She died in 1852. She liked horses."
    verdict, ((a, b), (c, d)) = judge("Ada Lovelace was born in 1815 and died in 1852.", [first, second])
    assert verdict == "supported"
    assert (first[a:b], second[c:d]) == ("Ada Lovelace was born in 1815.", "She died in 1852.")


def test_of_a_long_sentence_only_the_clauses_that_count_are_marked() -> None:
    passage = "鲜叶摊放八小时；锅温约二百摄氏度下叶，每锅投叶二百五十克；揉捻十分钟，不加重压。"
    _, ((start, end),) = judge("锅温大约200摄氏度。", [passage])
    assert passage[start:end] == "锅温约二百摄氏度下叶，每锅投叶二百五十克"


def test_likeness_is_asked_once_for_all_sentences_and_helps_a_paraphrase() -> None:
    asked: list[tuple[str, list[str]]] = []

    def similarity(sentence: str, candidates: Sequence[str]) -> list[float]:
        asked.append((sentence, list(candidates)))
        return [0.95 if "kettle" in candidate else 0.1 for candidate in candidates]

    passage = "Never immerse the kettle. The warranty is void otherwise."
    claim = "Please keep your kettle dry always."
    alone = judge(claim, [passage]).verdict
    verdict, ((start, end),) = judge(claim, [passage], similarity=similarity)
    assert asked == [(claim, ["Never immerse the kettle.", "The warranty is void otherwise."])]
    assert passage[start:end] == "Never immerse the kettle."
    assert (alone, verdict) == ("unsupported", "weak")


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("The society believed the letter at once.", "weak"),
        ("The society believed the letter.", "weak"),
        ("The society did not believe the letter until he repeated the trial in 1757.", "supported"),
        ("The society believed the letter once he repeated the trial.", "supported"),
        ("The society believed the letter in 1757.", "supported"),
    ],
)
def test_what_was_not_so_until_something_was_not_so_before(sentence: str, verdict: str) -> None:
    passage = "The society did not believe the letter until he repeated the trial in 1757."
    assert judge(sentence, [passage]).verdict == verdict


@pytest.mark.parametrize("passage", ["", " \n ", "---", "|||"])
def test_nothing_supports_nothing(passage: str) -> None:
    verdict, ((start, end),) = judge("The bridge opened in 1894.", [passage])
    assert verdict == "unsupported"
    assert 0 <= start <= end <= len(passage)


@pytest.mark.parametrize("sentence", ["", "...", "，", "[]"])
def test_a_sentence_that_says_nothing_is_not_supported(sentence: str) -> None:
    assert judge(sentence, [PALACE]).verdict == "unsupported"


PIECES = """
    The palace was not built in 1851 , . ; | 赵州桥 没有 一百二十 年 3.5万 5 km more than half a
    dozen 由
    May 1st, 12% $4.2 billion 《狂人日记》 - from to 为 比 高 14:30 two thirds 第三 `x_y` [1] neither nor"""
WORDS = st.lists(st.one_of(st.sampled_from([*PIECES.split(), "\n"]), st.text(max_size=6)), max_size=30).map(
    " ".join
)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), WORDS)
def test_any_text_gets_a_verdict_and_spans_inside_its_passages(
    sentence: str, passages: list[str], context: str
) -> None:
    verdict, spans = judge(sentence, passages, context)
    assert verdict in ("supported", "weak", "unsupported")
    assert len(spans) == len(passages)
    for passage, (start, end) in zip(passages, spans, strict=True):
        assert 0 <= start <= end <= len(passage)


@given(st.sampled_from(CASES))
def test_the_marked_words_are_tight(case: dict[str, str]) -> None:
    _, ((start, end),) = judge(case["sentence"], [case["passage"]])
    quote = case["passage"][start:end]
    assert quote == quote.strip()
    assert quote
    assert quote.count("\n") <= 2


def test_the_calibration_holds() -> None:
    """The figures of `python -m benchmarks.verdicts`, with a little room below."""
    judged = Counter((case["expected"], judge(case["sentence"], [case["passage"]]).verdict) for case in CASES)
    wrong = sum(count for (expected, _), count in judged.items() if expected == "unsupported")
    right = sum(count for (expected, _), count in judged.items() if expected == "supported")
    assert sum(judged[verdict, verdict] for verdict in ("supported", "weak", "unsupported")) > 0.82 * len(
        CASES
    )
    assert judged["unsupported", "supported"] < 0.05 * wrong
    assert judged["supported", "unsupported"] < 0.03 * right


def test_the_cases_are_both_languages_and_partly_held_out() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) > 220
    languages = Counter(case["language"] for case in CASES)
    assert min(languages["en"], languages["zh"]) > 0.4 * len(CASES)
    assert {case["expected"] for case in CASES if case["held_out"]} == {"supported", "weak", "unsupported"}
    assert all(case.get("quote", "") in case["passage"] for case in CASES)
