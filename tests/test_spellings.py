"""What a person types against what stands in a document: found in FTS5, and held when a text is compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.han import simplifications, simplified
from rag.text.spellings import MOST_TOGETHER, readings, together
from rag.text.word_forms import BASE_FORMS, base_form, one_spelling
from rag.text.words import content_terms, index_terms, match_query, term_set
from tests.test_words import found, keyword_index

BOTH_WAYS = [
    ("O'Brien", "obrien"),
    ("O’Brien", "O'BRIEN"),
    ("O\u02bcBrien", "o'brien"),
    ("Qur’an", "Quran"),
    ("D'Angelo", "dangelo"),
    ("Wi-Fi", "wifi"),
    ("Wi-Fi", "wi fi"),
    ("wi fi", "wifi"),
    ("databases", "data base"),
    ("e-mail", "email"),
    ("airport", "air port"),
    ("1 000 t", "1000"),
    ("1,000 t", "1000"),
    ("1.000 t", "1000"),
    ("1'000 t", "1000"),
    ("1\u202f000 t", "1000"),
    ("1 000 000", "1000000"),
    ("1,000", "1 000"),
    ("1.000", "1,000"),
    ("1’000", "1 000"),
    ("5kg", "5 kg"),
    ("colour", "color"),
    ("colourful", "colorful"),
    ("neighbourhoods", "neighborhood"),
    ("favourite", "favorite"),
    ("centre", "center"),
    ("metres", "meters"),
    ("organisation", "organizations"),
    ("organise", "organized"),
    ("analyse", "analyzing"),
    ("travelled", "traveling"),
    ("catalogue", "catalogs"),
    ("licence", "licensed"),
    ("grey", "gray"),
    ("programmes", "program"),
    ("defence", "defense"),
    ("mice", "mouse"),
    ("children", "child"),
    ("schoolchildren", "schoolchild"),
    ("criteria", "criterion"),
    ("fishermen", "fisherman"),
    ("specimens", "specimen"),
    ("analyses", "analysis"),
    ("hypotheses", "hypothesis"),
    ("matrices", "matrix"),
    ("began", "begin"),
    ("built", "build"),
    ("written", "writes"),
    ("三十年", "30年"),
    ("用了三十多年", "30"),
    ("二〇二四年", "2024年"),
    ("二零二四年", "2024年"),
    ("百分之五", "5%"),
    ("百分之二十五", "25％"),
    ("第三章", "第3章"),
    ("十二月", "12月"),
    ("三月", "3月"),
    ("两座塔", "2座塔"),
    ("10万人", "100000人"),
    ("十万人", "100,000人"),
    ("身體", "身体"),
    ("圖書館", "图书馆"),
    ("ｶﾀｶﾅ", "カタカナ"),
    ("ＡＢＣ１２３", "abc123"),
]
REVERSED = [(two, one) for one, two in BOTH_WAYS if one != "airport"]  # there is no list of all such words


@pytest.mark.parametrize(("text", "question"), BOTH_WAYS + REVERSED)
def test_is_found(text: str, question: str) -> None:
    assert found(keyword_index(text, "nothing of it"), question) == [1]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("The mice ate 1 000 grains.", "mouse 1000"),
        ("他用了三十年。", "30年"),
        ("二〇二四年", "2024年"),
        ("佔百分之五", "5%"),
        ("The wi fi works.", "wifi"),
        ("圖書館", "图书馆"),
        ("the O'Brien family", "obrien"),
        ("in 1.000 Stück", "1000"),
    ],
)
def test_is_held(text: str, question: str) -> None:
    asked = set(content_terms(question))
    assert asked <= term_set(text)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("page 1 of 2", "1000"),
        ("room 30", "三"),
        ("12.000", "2000"),
        ("a hotel tour", "tor"),
        ("a LED lamp", "lead"),
        ("a specimen", "speciman"),
        ("They found it", "find"),  # a university is founded as often
    ],
)
def test_a_likeness_is_not_found(text: str, question: str) -> None:
    assert found(keyword_index(text), question) == []


def test_a_question_makes_few_terms_more() -> None:
    question = "When did the old fog horn at the light house near the big port go on air?"
    assert len(match_query(question).split(" OR ")) <= len(content_terms(question)) + MOST_TOGETHER + 1
    assert together(["wi", "fi?", "and", "very", "long,", "list"], frozenset({"and"})) == [
        "wifi",
        "verylong",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("三十年", ["30"]),
        ("30年", ["三十"]),
        ("3座", ["三座"]),
        ("1999年", ["一九九九", "一九九九"]),
        ("5%的水", ["百分之五"]),
        ("30 lamps", []),
        ("v1.000.2", []),
        ("1 000 t", ["1000"]),
        ("3.5万", ["35000"]),
    ],
)
def test_readings(text: str, expected: list[str]) -> None:
    assert list(readings(text)) == expected


def test_forms_that_stand_for_themselves() -> None:
    assert base_form("mice") == "mouse"
    assert base_form("lamp") == "lamp"
    assert not set(BASE_FORMS) & set(BASE_FORMS.values())
    assert one_spelling("hour") == "hour"
    assert one_spelling("siz") == "siz"


def test_traditional_characters() -> None:
    assert simplified("燈塔 and 图书") == "灯塔 and 图书"
    assert len(simplifications()) > 3000


@given(st.text())
def test_any_text_has_readings(text: str) -> None:
    assert all(isinstance(one, str) and one for one in readings(text))
    assert len(simplified(text)) == len(text)


@given(st.text("O’'Brien 1.,000三十〇年%wifi 万"))
def test_what_is_indexed_is_found_by_its_own_words(text: str) -> None:
    if match_query(text) and index_terms(text):
        assert found(keyword_index(text), text) == [1]
