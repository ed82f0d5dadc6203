"""Source code: line for line, with the headings that are sure, and nothing that a machine packed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse.code import parse
from rag.errors import CorruptSource, EmptySource, UnsupportedFormat
from rag.records import Page

PYTHON = '''"""class No: in a string."""

import os


class Tide:
    @property
    def height(self):
        def inner(): ...
        return 1

if True:
    async def wait(): pass
'''


def page_of(text: str, name: str = "a.py") -> Page:
    return parse(text.encode(), name).pages[0]


def headings(text: str, name: str) -> list[tuple[int, str]]:
    page = page_of(text, name)
    assert all(page.text[h.start : h.end] == h.text for h in page.headings)
    return [(heading.level, heading.text) for heading in page.headings]


def test_every_line_stays_where_it_was() -> None:
    text = "\n\n\tint a;  \r\n\r\n\r\n\x0cint b;\x0b /* x\u2028y */\n\n\n"
    assert page_of(text, "a.c").text == "\n\n\tint a;\n\n\nint b;  /* x y */"


@given(st.text(alphabet="ab \t\n\r\x0b\x0c\x85\u2028\ufeffﬁ", min_size=1))
def test_lines_are_counted_as_editors_do(text: str) -> None:
    try:
        page = parse(text.encode(), "a.c").pages[0]
    except EmptySource:
        assert not text.replace("\ufeff", "").strip()
        return
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    written = [line.strip(" \t\x0b\x0c\x85\u2028\ufeff") for line in lines]
    while written and not written[-1]:
        written.pop()
    assert page.text.count("\n") == len(written) - 1


def test_classes_and_functions_of_python() -> None:
    assert headings(PYTHON, "a.py") == [
        (1, "class Tide"),
        (2, "def height"),
        (3, "def inner"),
        (1, "async def wait"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "print 'Python 2'\ndef f(): pass\n",
        "def f(:\n",
        "(" * 5000,
        "x = (" + "-\n" * 100_000 + "1)",
        "x = (a" + "\n.b" * 50_000 + ")",
        "if x:\n" + "\n".join(" " * n + "if x:" for n in range(1, 200)),
    ],
)
def test_what_python_can_not_parse_has_no_headings(text: str) -> None:
    assert headings(text, "a.pyi") == []


def test_an_escape_that_python_warns_of_is_nobody_s_business() -> None:
    assert headings("x = '\\d'\ndef f(): pass\n", "a.py") == [(1, "def f")]


def test_sections_of_tex_and_of_configuration() -> None:
    tex = "\\section{Tides}\nWords.\n\\subsection*{Of the moon}\n% \\section{no}\n"
    assert headings(tex, "a.tex") == [(2, "Tides"), (3, "Of the moon")]
    assert headings("[one]\na = [1]\n[two]\n", "a.ini") == [(1, "one"), (1, "two")]
    assert headings("[tool]\n[tool.ruff]\n[[bin]]\n", "pyproject.toml") == [
        (1, "tool"),
        (2, "tool.ruff"),
        (1, "bin"),
    ]
    assert headings("[a  b\tc ]\n[ ]\n[]\n", "a.cfg") == [(1, "a  b\tc")]
    assert headings("[one]\n", "a.sh") == []


def test_packed_code_is_refused_and_long_paragraphs_are_not() -> None:
    packed = "function f(a){return a}" * 1000
    with pytest.raises(UnsupportedFormat, match=r"looks minified or generated: 23000 characters a line"):
        page_of(packed, "a.js")
    with pytest.raises(UnsupportedFormat, match="less than 300; ingest what it was made from"):
        page_of("\n".join([packed[:400]] * 20), "a.css")
    assert page_of(packed[:4000], "a.js").text == packed[:4000].rstrip()
    assert page_of("a long paragraph " * 1000, "a.tex").text
    assert page_of("<a>" * 5000, "a.xml").text


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b" \n\n", EmptySource, "holds no text"),
        (b"#!/bin/sh\n" + bytes(range(256)) * 20, CorruptSource, "binary data"),
    ],
)
def test_nothing_to_read(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(data, "a.sh")


def test_comments_in_other_encodings_and_hidden_tags() -> None:
    page = parse("# 这个函数的作用是计算潮汐的高度\nx = 1\n".encode("gb18030"), "a.py").pages[0]
    assert page.text == "# 这个函数的作用是计算潮汐的高度\nx = 1"
    document = parse("x = 1  # \U000e0041\U000e0042".encode(), "a.py")
    assert document.pages[0].text == "x = 1  #"
    assert document.warnings == ("2 characters that no screen shows (Unicode tags) were left out",)
