"""Plain text: encodings, wrapped lines, headings without markup."""

from __future__ import annotations

import codecs
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunk import split
from ingest.parse.decode import decode, guess, looks_like_text
from ingest.parse.text import parse
from ingest.parse.wrapped import unwrap, width, wrap_width
from rag.errors import CorruptSource, EmptySource
from rag.places import line_of
from rag.records import Hit

CHINESE = "春天来了，山上的茶树都长出了新芽。"
TRADITIONAL = "春天來了，山上的茶樹都長出了新芽，我們一起去採茶。"
JAPANESE = "春になると、山の茶の木に新しい芽が出ます。"
KOREAN = "봄이 되면 산에 있는 차나무에 새싹이 돋아납니다."
RUSSIAN = "Весной на горе появляются новые листья чая."
GREEK = "Την άνοιξη βγαίνουν νέα φύλλα στο βουνό."
GERMAN = "Im Frühling schlagen die Büsche am Südhang aus, und das Pflücken beginnt früh."
POLISH = "Wiosną na zboczach góry pojawiają się świeże liście, które zbiera się ręcznie."
TURKISH = "İlkbaharda dağın yamacında taze çay yaprakları çıkar ve toplanmaya başlanır."


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (CHINESE, "gbk"),
        (CHINESE, "gb18030"),
        (TRADITIONAL, "big5"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (KOREAN, "euc_kr"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (GREEK, "cp1253"),
        (GERMAN, "cp1252"),
        (POLISH, "cp1250"),
        (TURKISH, "cp1254"),
        (CHINESE, "utf-8"),
    ],
)
def test_a_short_text_is_read_in_its_encoding(text: str, codec: str) -> None:
    assert decode(text.encode(codec)) == (text, None)


@pytest.mark.parametrize("text", [CHINESE, GERMAN])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_decides(text: str, codec: str) -> None:
    mark = {
        "utf-8": codecs.BOM_UTF8,
        "utf-16-le": codecs.BOM_UTF16_LE,
        "utf-16-be": codecs.BOM_UTF16_BE,
        "utf-32-le": codecs.BOM_UTF32_LE,
        "utf-32-be": codecs.BOM_UTF32_BE,
    }[codec]
    assert decode(mark + text.encode(codec)) == (text, None)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark_is_known_by_its_zeros(codec: str) -> None:
    assert decode(GERMAN.encode(codec)) == (GERMAN, None)


def test_utf8_with_a_bad_byte_stays_utf8_and_says_so() -> None:
    text, warning = decode(CHINESE.encode() * 2 + b"\xff and so on")
    assert text == CHINESE * 2 + "\ufffd and so on"
    assert warning == "1 places are not valid UTF-8 and show as \ufffd"


def test_binary_is_no_text() -> None:
    with pytest.raises(CorruptSource, match="binary data, not text"):
        decode(bytes(range(256)) * 4)


@given(st.binary(min_size=1, max_size=400))
def test_any_bytes_are_text_or_an_error(data: bytes) -> None:
    looks_like_text(data)
    try:
        text, _ = decode(data)
    except CorruptSource:
        return
    assert isinstance(text, str)


def test_the_guess_looks_at_a_part_of_long_texts() -> None:
    assert guess(GERMAN.encode("cp1252") * 20_000) == "cp1252"


WRAPPED = """\
The lock was built in 984 by a transport commissioner who was tired of
grain barges that broke up on the ramps, and of the thieves who waited
there.

    Opened      17 November 1869
    Length      193 km
    Locks       none

- the first item, which is long enough to run on into the next line of
  the file
- the second

def lock(gate):
    return gate.close()
"""


def test_wrapped_paragraphs_come_out_whole_and_tables_as_they_are() -> None:
    text = parse(WRAPPED.encode(), "locks.txt").pages[0].text
    assert text == (
        "The lock was built in 984 by a transport commissioner who was tired of grain barges that broke up "
        "on the ramps, and of the thieves who waited there.\n\n"
        "    Opened      17 November 1869\n    Length      193 km\n    Locks       none\n\n"
        "- the first item, which is long enough to run on into the next line of the file\n- the second\n\n"
        "def lock(gate):\n    return gate.close()"
    )


def test_short_lines_stay_apart() -> None:
    address = "Harbour Row Museum\n12 Quay Street\nWhitby"
    assert parse(address.encode(), "a.txt").pages[0].text == address


def test_chinese_lines_are_joined_without_a_space() -> None:
    lines = [
        "运河各段水位高低不同，早期靠堰坝拦水，船要用人力或牛力拖过",
        "斜坡，粮船常常损坏，还有人趁机偷粮。",
    ]
    text = parse("\n".join(lines).encode(), "a.txt").pages[0].text
    assert text == "".join(lines)


def test_logs_are_not_joined() -> None:
    lines = [
        f"2024-01-0{n} 12:00:0{n} the server wrote {n} records to the disk and went on" for n in range(1, 8)
    ]
    assert [p.text for p in unwrap(lines, wrap_width(lines))] == lines


def test_width_counts_wide_characters_twice() -> None:
    assert width("abc") == 3
    assert width("中文a") == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n=====\n\nText.", [(1, "Title")]),
        ("=====\nTitle\n=====\n\nText.", [(1, "Title")]),
        ("Title\n=====\nText at once.\n\nPart\n----\nMore.", [(1, "Title"), (2, "Part")]),
        ("1. Before\n\nText.\n\n2.3 The two days\n\nText.", [(1, "1. Before"), (2, "2.3 The two days")]),
        ("CHAPTER IV\n\nIt was a dark night.", [(1, "CHAPTER IV")]),
        ("INSTALLATION\n\nRun it.", [(2, "INSTALLATION")]),
        ("第一章 春天\n\n文字。\n\n一、采茶\n\n文字。", [(1, "第一章 春天"), (2, "一、采茶")]),
        (
            "How boats climb\n\n" + "Water runs downhill and boats do not like it. " * 2,
            [(3, "How boats climb")],
        ),
        ("1. then, press the key\n\nText.", []),
        ("He left.\n\nShe stayed.", []),
    ],
)
def test_headings(text: str, expected: list[tuple[int, str]]) -> None:
    page = parse(text.encode(), "a.txt").pages[0]
    assert [(h.level, h.text) for h in page.headings] == expected
    assert all(page.text[h.start : h.end] == h.text for h in page.headings)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("KRAKATOA, 1883\nA summary\n\nIt began in May.", "KRAKATOA, 1883"),
        ("制茶笔记\n\n整理：茶艺班", "制茶笔记"),
        ("It began in May and went on until the end of August of the same year.", None),
        ("dear all,\n\nthe meeting is off.", None),
    ],
)
def test_title(text: str, title: str | None) -> None:
    assert parse(text.encode(), "a.txt").title == title


@pytest.mark.parametrize("data", [b" \n\t\n", b"\xef\xbb\xbf", "\u200b\u00ad".encode()])
def test_a_text_without_text(data: bytes) -> None:
    with pytest.raises(EmptySource, match="holds no text"):
        parse(data, "a.txt")


def test_hidden_tags_are_flagged() -> None:
    document = parse("Ordinary\U000e0049\U000e0067 words, and some more of them.".encode(), "a.txt")
    assert document.pages[0].text == "Ordinary words, and some more of them."
    assert document.warnings == ("2 characters that no screen shows (Unicode tags) were left out",)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["", "- ", "    ", "a   b   ", "…… ", "3. "])),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\f", "\u2028", "\n\n"]),
)
def test_every_word_knows_its_line_in_the_file(
    made: list[tuple[int, str]], line_end: str, between: str
) -> None:
    lines, number = [], 1
    for words, before in made:
        line = before + " ".join(f"word{number}x" for _ in range(words))
        lines.append(line + between.replace("\n", line_end))
        number += 1 + between.count("\n")
    try:
        document = parse(line_end.join(lines).encode(), "a.txt")
    except EmptySource:
        return
    page = document.pages[0]
    for chunk in split(document, count_tokens=lambda text: len(text.split()), chunk_tokens=24):
        hit = Hit(1, "a.txt", 1, chunk.start, chunk.end, chunk.text, 1.0, line=chunk.line, lines=chunk.lines)
        for found in re.finditer(r"word(\d+)x", chunk.text):
            assert line_of(hit, chunk.start + found.start()) == int(found[1]), page


def test_a_dash_or_number_within_a_line_makes_no_columns_run_together() -> None:
    files = [
        "COPYING          - the licence",
        "INSTALL          - how to install it and what that takes",
        "AUTHORS          - by whom",
    ]
    assert [p.text for p in unwrap(files, 55)] == files
