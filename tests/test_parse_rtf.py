"""RTF: what Word, WordPad, LibreOffice and macOS write, and what somebody writes to do harm."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse.rtf import parse
from rag.errors import CorruptSource, EmptySource
from rag.records import Document

STYLES = (
    r"{\stylesheet{\s0 Normal;}{\s1\sbasedon0 heading 1;}{\s2\outlinelevel1 \'dcberschrift 2;}"
    r"{\*\cs10 Default;}{\s15 Title;}}"
)

FONTS = r"{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset134 C;}}"


def read(body: str) -> Document:
    return parse(b"{\\rtf1\\ansi\\ansicpg1252 " + body.encode("latin-1") + b"}", "a.rtf")


def text_of(body: str) -> str:
    return read(body).pages[0].text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"one\par two\par\par three", "one\n\ntwo\n\nthree"),
        ("broken\r\n in lines\\\r\nnext", "broken in lines\n\nnext"),
        (r"{\b bold}{\i\fs24  italic} plain", "bold italic plain"),
        (r"a\tab b\line c\~d\_e\-f", "a b c d-ef"),
        (r"\lquote a\rquote  \ldblquote b\rdblquote  c\endash d\emdash e\bullet", "‘a’ “b” c–d—e•"),
        (r"x \{y\} \\z", r"x {y} \z"),
        (r"{\*\unknown secret}seen", "seen"),
        (r"{\b0\*\cs7\cf0 seen, too}", "seen, too"),  # StarWriter: a star that does not begin its group
        (r"{\header head}{\footerr foot}seen{\pict\pngblip 89504e47}", "seen"),
        (r'{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt a link}} and more', "a link and more"),
        (r"{\object\objemb{\*\objdata 0105}{\result shown}}", "shown"),
        (r"a{\shp{\*\shpinst{\sp{\sn x}{\sv y}}{\shptxt \pard boxed\par}}{\shprslt no}}", "a\n\nboxed"),
        (r"text{\footnote \chftn  A note.} goes on\par next", "text goes on\n\nnext\n\nA note."),
        (r"a{\deleted gone}b{\annotation remark}c{\xe index}", "abc"),
        ("cut off {\\b here", "cut off here"),
        (r"pictures {\pict\bin9 }}}}}}}}}} are skipped", "pictures are skipped"),
    ],
)  # fmt: skip
def test_what_is_read(body: str, text: str) -> None:
    assert text_of(body) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"caf\'e9", "café"),
        ("café", "café"),  # a byte as it is
        (r"\u20013?\u25991?", "中文"),
        (r"\uc2\u20013\'d6\'d0\u25991\'ce\'c4.", "中文."),
        (r"{\uc0\u20013}\u25991?", "中文"),
        (r"\u-3913 ?x", "\uf0b7x".replace("\uf0b7", "•") ),
        (r"\u55357?\u56832?", "😀"),
        (r"\u55357?", "\ufffd"),
        (FONTS + r"\f1 \'cf\'f0\'e8 {\f2 \'d6\'d0}\'e2", "При 中в"),
        (r"{\fonttbl\f0\fnil Helvetica;\f1\fcharset238 B;}\f1 \'9d", "ť"),
        (r"{\fonttbl{\f3\fcharset128 MS;}}{\f3 \'93\'fa\'96\{\'8c\'ea}", "日本語"),
        (r"\ansicpg936 \'d6\'d0\'ce\'c4", "中文"),
        (r"\ansicpg99999 \'e9", "é"),
        (r"\mac \'8e", "é"),
        (r"{\fonttbl{\f0\fcharset134 C;}{\f1\fcharset0 D;}}\deff0\f1 x\plain  \'d6\'d0", "x 中"),
    ],
)  # fmt: skip
def test_encodings(body: str, text: str) -> None:
    assert text_of(body) == text


def test_headings_by_style_and_by_level() -> None:
    document = read(
        STYLES + r"\pard\s15 Report\par\pard\s1 One\par\pard text\par\pard\s2 Two\par"
        r"\pard\outlinelevel2 Three\par\pard\outlinelevel9 text"
    )
    page = document.pages[0]
    assert page.text == "Report\n\nOne\n\ntext\n\nTwo\n\nThree\n\ntext"
    assert [(h.level, h.text) for h in page.headings] == [(1, "Report"), (1, "One"), (2, "Two"), (3, "Three")]
    assert [page.text[h.start : h.end] for h in page.headings] == ["Report", "One", "Two", "Three"]
    assert document.title == "Report"


def test_the_title_of_the_information_block() -> None:
    document = read(r"{\info{\author Ann}{\title Bridges \'96 a guide}{\*\company x}}\pard words")
    assert document.title == "Bridges – a guide"
    assert document.pages[0].text == "words"


def test_lists() -> None:
    items = r"{\listtext\f3\'b7\tab}one\par{\listtext\'b7\tab}two\par {\pntext 1.\tab}three\par"
    assert text_of(items) == "- one\n- two\n1. three"
    assert text_of(STYLES + r"\s1{\listtext 2.1\tab}Scope\par") == "2.1 Scope"


def test_tables_keep_rows_and_names() -> None:
    row = r"\trowd\cellx1\cellx2\pard\intbl {}\cell {}\cell\row "
    body = "Before\\par " + row.format("Item", "Limit") + row.format(r"Hotel\par Inn", "165")
    assert text_of(body + r"\pard After") == "Before\n\nItem: Hotel Inn | Limit: 165\n\nAfter"
    marked = r"\trowd\trhdr\intbl 1\cell 2\cell\row " + row.format("3", "4")
    assert text_of(marked) == "1: 3 | 2: 4"
    assert text_of(row.format("12", "13") + row.format("14", "15")) == "12 | 13\n14 | 15"
    layout = r"\trowd\intbl only one column\cell\row\trowd\intbl lays out\cell\row"
    assert text_of(layout) == "only one column\n\nlays out"


def test_hidden_text_is_left_out_and_said() -> None:
    document = read(r"seen {\v secret}\v also \v0 too{\v\plain  and this}")
    assert document.pages[0].text == "seen too and this"
    assert document.warnings == (
        "11 characters that no screen shows (hidden text, Unicode tags) were left out",
    )


@pytest.mark.parametrize("body", ["", r"{\pict 00}", r"{\info{\title t}}\par\par"])
def test_nothing_to_read(body: str) -> None:
    with pytest.raises(EmptySource, match="holds no text; pictures of text need OCR"):
        read(body)


# --- attacks --------------------------------------------------------------------------------------


def test_groups_without_end() -> None:
    with pytest.raises(CorruptSource, match="groups are nested deeper than 500"):
        read("{" * 1_000_000)


@pytest.mark.parametrize(
    "body",
    [
        "\\u1" * 100_000,
        "\\'e9" * 300_000,
        "\\cell" * 100_000,
        "\\trowd\\intbl a\\cell\\cell\\row" * 20_000,
        "{\\fonttbl" + "{\\f1\\fcharset134 x;}" * 50_000 + "}x",
        "{\\stylesheet" + "{\\s1 heading 1;}" * 50_000 + "}x",
        "x{\\footnote y}" * 50_000,
        "\\uc999999999 \\u65?x" * 30_000,
        "x\\bin999999999 y",
        "x\\bin-5 y",
        "\\par" * 100_000 + "x",
    ],
)
def test_a_small_file_takes_little_time(body: str) -> None:
    begun = time.monotonic()
    with contextlib.suppress(EmptySource):
        read(body)
    assert time.monotonic() - begun < 10


@given(st.text(alphabet="\\{}'*u1- abcf;pardintblcellrow\n", max_size=200))
def test_anything_is_read_or_refused(body: str) -> None:
    try:
        page = read(body).pages[0]
    except (EmptySource, CorruptSource):
        return
    page.text.encode("utf-8")
    assert "\0" not in page.text
    assert all(page.text[h.start : h.end] == h.text for h in page.headings)
