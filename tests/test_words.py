"""The keyword index's terms and queries, by hand and against SQLite's own FTS5."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.words import (
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
        ("東京都", "东京 京都 都"),
        ("第3章", "第 3 章"),
        ("สวัสดี", "สวั วัส สดี ดี"),
        ("हिन्दी", "हिन्द"),
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


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Invoice 00123", "123"),
        ("Invoice 123", "00123"),
        ("Herr Müller", "mueller"),
        ("Herr Mueller", "Müller"),
        ("Goethe", "goethe"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("Øresund", "oresund"),
        ("Nguyễn, Đà Nẵng", "nguyen"),
        ("Dvořák", "dvorak"),
        ("the U.S.A.", "USA"),
        ("the USA", "U.S.A."),
        ("O’Brien", "O'Brien"),
        ("the keeper’s room", "keepers"),
        ("l’école", "ecole"),
        ("ｆｕｌｌ １２３", "full"),
        ("１２３", "123"),
        ("finance", "ﬁnance"),
        ("co\u00adoperate", "cooperate"),
        ("1990–1995", "1995"),
        ("5kg", "5 kg"),
        ("5 kg", "5kg"),
        ("v1.2.3", "1.2.3"),
        ("1.2.3", "v1.2.3"),
        ("wi-fi", "wifi"),
        ("COVID-19", "covid19"),
        ("COVID19", "covid-19"),
        ("DW-45", "dw45"),
        ("AT&T", "at&t"),
        ("ann.lee@tower.example", "lee"),
        ("https://a.example/x?y=1", "a.example/x"),
        ("서울에서", "서울"),
        ("서울", "서울에서"),
    ],
)
def test_finds_it_however_it_is_written(text: str, question: str) -> None:
    assert found(keyword_index(text, "nothing of it"), question) == [1]


@pytest.mark.parametrize(
    ("text", "question"),
    [("A poet", "pot"), ("The queen", "qun"), ("Room 1234", "123"), ("a blue sea", "blu")],
)
def test_a_likeness_is_not_found(text: str, question: str) -> None:
    assert found(keyword_index(text), question) == []


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("تأسست الجامعات في المدينة", "متى تأسست جامعة مدينة؟"),
        ("Οι άνθρωποι των πόλεων", "Ποιος άνθρωπος της πόλης;"),
        ("किताबों की भाषाएँ", "किताब की भाषा कौन सी है?"),
        ("քաղաքների պատմությունը", "քաղաքի"),
        ("நகரத்தில் புத்தகங்கள்", "நகரம்"),
    ],
)
def test_endings_of_words_whose_script_names_their_language(text: str, question: str) -> None:
    assert found(keyword_index("something else", text), question) == [2]


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("في أي عام تأسست الجامعة؟", ["تاسس", "جامع"]),
        ("Πότε χτίστηκε ο φάρος;", ["χτιστ", "φαρ"]),
        ("फिल्म में किसने अभिनय किया था?", ["फिल्म", "अभिनय", "किय"]),
        ("În ce an a fost construit farul?", ["an", "construit", "farul"]),
        ("Deniz feneri ne zaman ve nasıl inşa edildi?", ["denis", "feneri", "zaman", "insa", "edildi"]),
        ("Ngọn hải đăng được xây dựng khi nào?", ["ngon", "hai", "dang", "xay", "dung"]),
        ("Kiedy i gdzie zbudowano latarnię?", ["zbudowano", "latarni"]),
        ("ten commandments", ["ten", "commandment"]),
        ("care homes", ["care", "home"]),
        ("DIN 5008", ["din", "5008"]),
    ],
)
def test_function_words_of_many_languages(question: str, terms: list[str]) -> None:
    assert content_terms(question) == terms


def test_contractions_without_their_apostrophe_are_function_words() -> None:
    assert content_terms("why dont lamps burn") == content_terms("why don't lamps burn") == ["lamp", "burn"]


IDENTIFIERS = (
    "call get_user_name() in userProfile.py before parseHTTPHeader",
    "order DW-45/E7, invoice 2024-00017, of 1,190,000 pieces at 3.14 each",
    "the file report.v2-final.pdf is at C:\\data\\in or /srv/data/in and https://a.example/x?y=1",
    "it reached v2.0.1 and Python3.11 on 192.168.0.7, mail ann.lee@tower.example",
    "C++ and C# and R2D2 and café Zürich",
    "let getUserName = 7",
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("get_user_name", 1),
        ("getUserName", 6),
        ("GETUSERNAME", 6),
        ("userProfile.py", 1),
        ("profile", 1),
        ("HTTP header parse", 1),
        ("parseHTTPHeader", 1),
        ("DW-45/E7", 2),
        ("dw-45", 2),
        ("E7", 2),
        ("2024-00017", 2),
        ("00017", 2),
        ("1190000", 2),
        ("1,190,000", 2),
        ("3.14", 2),
        ("report.v2-final.pdf", 3),
        ("report", 3),
        ("final.pdf", 3),
        ("C:\\data\\in", 3),
        ("/srv/data", 3),
        ("https://a.example/x?y=1", 3),
        ("v2.0.1", 4),
        ("2.0.1", 4),
        ("Python3.11", 4),
        ("python", 4),
        ("192.168.0.7", 4),
        ("ann.lee@tower.example", 4),
        ("C++", 5),
        ("C#", 5),
        ("R2D2", 5),
        ("CAFE zurich", 5),
    ],
)
def test_codes_names_and_identifiers_are_found_whole_and_in_part(question: str, expected: int) -> None:
    assert found(keyword_index(*IDENTIFIERS), question)[0] == expected


def test_a_code_is_found_with_and_without_its_joint() -> None:
    assert found(keyword_index("fault E7 of the pump", "a dry pump"), "E-7") == [1]
    assert found(keyword_index("7 litres", "fault E-7 of the pump"), "E7") == [2]


def test_the_whole_of_a_code_comes_before_its_parts() -> None:
    index = keyword_index("the 45 and the DW and E7", "see DW-45/E7 there", "E7 E7 E7 45 45 DW")
    assert found(index, "DW-45/E7")[0] == 2


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("ประภาคาร", [1]),  # a lighthouse
        ("แสงไฟ", [1]),
        ("灯台", [2]),
        ("ランプ", [2]),
        ("등대", [3]),
        ("등대지기", [3]),
        ("램프를", [3]),
        ("燈塔", [4]),
        ("마라도", []),
    ],
)
def test_scripts_without_spaces(question: str, expected: list[int]) -> None:
    index = keyword_index(
        "ประภาคารมีแสงไฟ", "灯台のランプは油を燃やす。", "등대지기는 램프를 닦는다.", "燈塔很高。"
    )
    assert found(index, question) == expected


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ('"lamp of the keeper"', 1),
        ("“keeper of the lamp”", 2),
        ('who is "keeper of the lamp"?', 2),
        ("「灯塔很高」", 3),
        ("「塔灯」", 4),
        ('"get user"', 5),
        ('"unclosed keeper of', 2),
    ],
)
def test_words_in_quotes_are_a_phrase(question: str, first: int) -> None:
    index = keyword_index(
        "the lamp of the keeper, the lamp, the lamp",
        "the keeper of the lamp is the keeper of it",
        "这座灯塔很高。",
        "塔灯很高。",
        "get user name",
        "user, get",
    )
    assert found(index, question)[0] == first


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
