"""The keyword index's terms and queries, by hand and against SQLite's own FTS5."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.words import (
    FTS5_TOKENIZER,
    LONGEST_TERM,
    MOST_QUERY_TERMS,
    content_terms,
    index_terms,
    match_query,
)

OPERATORS = st.sampled_from(
    [*"\"'()*^:-+{}; ", "--", "NEAR", "AND", "OR", "NOT", "\x00", "\ud800", "猫", "ไม้", "a_b", "٣"]
)
HOSTILE = st.one_of(st.text(), st.lists(OPERATORS).map("".join), st.lists(OPERATORS).map(" ".join))


def keyword_index(*texts: str) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute(f'CREATE VIRTUAL TABLE words USING fts5(body, tokenize="{FTS5_TOKENIZER}")')
    connection.executemany("INSERT INTO words (body) VALUES (?)", [(index_terms(text),) for text in texts])
    return connection


def found(connection: sqlite3.Connection, question: str) -> list[int]:
    match = match_query(question)
    assert match
    rows = connection.execute("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank", (match,))
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ""),
        ("  \n\t—…!?", ""),
        ("Lighthouses", "lighthous"),
        ("CITY cities", "city city"),
        ("stopped stopping stops", "stop stop stop"),
        ("snake_case", "snake_case snak case"),
        ("getUserName", "getusernam get user name"),
        ("3.14", "3_14 3 14"),
        ("1,190,000 and 1,19", "1190000 and 1_19 1 19"),
        ("AB-1234/X", "ab_1234_x ab 1234 x"),
        ("report.v2.pdf", "report_v2_pdf report v2 pdf"),
        ("e-mail", "email e mail"),
        ("Café", "cafe"),
        ("ﬁle", "file"),
        ("the keeper's", "the keeper"),
        ("C++ C#", "cplusplus csharp"),
        ("٣٤", "34"),
        ("東京都", "東京 京都 都"),
        ("第3章", "第 3 章"),
        ("สวัสดี", "สวั วัส สดี ดี"),
        ("हिन्दी", "हिन्दी"),
        ("ёлка Ёлки", "елк елк"),
        ("soft\u00adhyphen", "softhyphen"),
    ],
)
def test_index_terms(text: str, terms: str) -> None:
    assert index_terms(text) == terms


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("", ""),
        ('"" () * --', ""),
        ("What is the war about?", '"war"'),
        ("the", '"the"'),
        ("to be or not to be", '"to" OR "be" OR "or" OR "not"'),
        ("Was ist ein Leuchtturm?", '"leuchtturm"'),
        ('who has "fresnel lens" lamps', '"fresnel len" OR "fresnel" OR "len" OR "lamp"'),
        ("NEAR(a b) AND c*", '"near" OR "b" OR "c"'),
        ("灯塔什么时候建成？", '"灯塔" OR "建成"'),
        ("猫", '"猫" *'),
        ("snake_case?", '"snake_case" OR "snak" OR "case"'),
    ],
)
def test_match_query(question: str, query: str) -> None:
    assert match_query(question) == query


def test_a_function_word_of_one_language_is_a_content_word_of_another() -> None:
    assert "war" in content_terms("when did the war end")
    assert "war" not in content_terms("wann war der Krieg")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("lighthouse", [1]),
        ("Who kept the lighthouses?", [1]),
        ("user", [2]),
        ("user_name", [2]),
        ("灯塔", [3]),
        ("塔", [3]),
        ("高", [3]),  # the last character of a run
        ('"keeper of the light"', [4, 1]),
        ("2.5", [4]),
    ],
)
def test_finds_in_fts5(question: str, expected: list[int]) -> None:
    index = keyword_index(
        "The lighthouse has a keeper, the light has none.",
        "get user_name from the form",
        "这座灯塔很高。",
        "A keeper of the light walks 2.5 km.",
    )
    assert found(index, question)[: len(expected)] == expected


def test_a_very_long_question_is_cut_to_its_first_terms() -> None:
    question = " ".join(f"word{number}" for number in range(10_000))
    assert len(content_terms(question, characters=True)) == MOST_QUERY_TERMS
    assert len(match_query(question).split(" OR ")) == MOST_QUERY_TERMS
    assert found(keyword_index("word3", "word9999"), question)[0] == 1


def test_a_run_of_data_gives_no_endless_term() -> None:
    assert max(map(len, index_terms("ab" * 10_000 + " " + "x-" * 10_000).split())) == LONGEST_TERM


@given(HOSTILE)
def test_terms_are_letters_digits_marks_and_underscores(text: str) -> None:
    for term in index_terms(text).split(" "):
        assert not any(character in term for character in "\"'()*^:-+{}\x00\n\t.,")
    assert index_terms(text).split() == [term for term in index_terms(text).split(" ") if term]


@given(HOSTILE)
def test_no_question_breaks_fts5(question: str) -> None:
    index = keyword_index("a b lighthouse", "猫 a_b")
    match = match_query(question)
    if match:
        index.execute("SELECT rowid FROM words WHERE words MATCH ?", (match,)).fetchall()
    else:
        assert not index_terms(question)


@given(HOSTILE)
def test_what_is_indexed_is_found_by_its_own_words(text: str) -> None:
    if match_query(text):
        assert found(keyword_index(text), text) == [1]
