"""CSV and TSV: dialects, encodings, ragged and damaged rows."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse.delimited import parse
from rag.errors import CorruptSource, EmptySource


def text_of(data: str | bytes, name: str = "a.csv") -> str:
    return parse(data.encode() if isinstance(data, str) else data, name).pages[0].text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Item,Limit\nHotel,165\n", "Item | Limit\nItem: Hotel | Limit: 165"),
        ("Preis;Zahl\n1,50;2,75\n3,10;4\n", "Preis | Zahl\nPreis: 1,50 | Zahl: 2,75\nPreis: 3,10 | Zahl: 4"),
        ("1,5;2,5;3,5\n4,5;5,5;6,5\n", "1,5 | 2,5 | 3,5\n4,5 | 5,5 | 6,5"),
        ("a\tb\n1,5\t2;3\n", "a | b\na: 1,5 | b: 2;3"),
        ("id|name\n1|A, B\n", "id | name\nid: 1 | name: A, B"),
        ("n,said\n1,a;b\n2,c;d\n", "n | said\nn: 1 | said: a;b\nn: 2 | said: c;d"),
        ('n,who\n"1,000","Smith, J"\n', "n | who\nn: 1,000 | who: Smith, J"),
        ('a,b\n1,"two\nlines ""quoted"""\n3,4', 'a | b\na: 1 | b: two lines "quoted"\na: 3 | b: 4'),
        ('n,q\n1,"he said \\"hi\\", twice"\n', 'n | q\nn: 1 | q: he said "hi", twice'),
        ("a,b\n1\n\n1,2,3\n", "a | b\na: 1\n\n1 | 2 | 3"),
        ("a,b\n1\n1,2,3\n", "a | b\na: 1\na: 1 | b: 2 | 3"),
        ("sep=;\na;b\n1;2\n", "\na | b\na: 1 | b: 2"),
        ("a,b\r\n1,2\r3,4", "a | b\na: 1 | b: 2\na: 3 | b: 4"),
        ("one\ncolumn\n", "one\ncolumn"),
        ("Words.", "Words."),
        ("Bob,Paris\nAnn,Paris\n", "Bob | Paris\nAnn | Paris"),
        ("a, b\n1, 2\n", "a | b\na: 1 | b: 2"),
        ("x,y\n1\u20282,3\n", "x | y\nx: 1 2 | y: 3"),
        (",,\n\n,,\nlast,1,2", "\n\n\nlast | 1 | 2"),
    ],
)  # fmt: skip
def test_dialects(data: str, text: str) -> None:
    assert text_of(data) == text


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(codec: str) -> None:
    assert text_of("城市,人口\n北京,2189\n".encode(codec)) == "城市 | 人口\n城市: 北京 | 人口: 2189"


def test_chinese_bytes_are_not_taken_for_delimiters() -> None:
    rows = "城市;人口;说明\n" + "北京;2189;这是中国的首都，人口很多\n" * 3
    assert (
        text_of(rows.encode("gb18030")).split("\n")[1]
        == "城市: 北京 | 人口: 2189 | 说明: 这是中国的首都，人口很多"
    )


def test_the_name_says_tsv() -> None:
    assert parse(b"a\tb\n1\t2\n", "x/A.TSV").media_type == "text/tab-separated-values"
    assert parse(b"a\tb\n1\t2\n", "a.csv").media_type == "text/csv"


def test_a_quotation_mark_that_is_never_closed_swallows_nothing() -> None:
    document = parse(b'size,n\n"5 inch,3\n6 inch,4\n', "a.csv")
    assert document.pages[0].text == 'size | n\nsize: "5 inch | n: 3\nsize: 6 inch | n: 4'
    assert document.warnings == (
        "a quotation mark is never closed, so quotation marks were read as any other character",
    )


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b",,,\n,,\n", EmptySource, "no cell with anything in it"),
        (bytes(range(256)) * 9, CorruptSource, "binary data"),
        (b"a," * 16_384 + b"b\n", CorruptSource, "row 1 has 16385 cells; no more than 16384 are read"),
    ],
)
def test_what_is_refused(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(data, "a.csv")


def test_unicode_tags_are_left_out_and_said() -> None:
    document = parse("a,b\n1,x\U000e0041\n".encode(), "a.csv")
    assert document.pages[0].text == "a | b\na: 1 | b: x"
    assert document.warnings == ("1 characters that no screen shows (Unicode tags) were left out",)


def test_many_rows_take_little_more_than_their_text() -> None:
    data = b"id,name,amount\n" + b"".join(b"%d,Customer %d,%d.50\n" % (n, n % 97, n) for n in range(40_000))
    tracemalloc.start()
    text = text_of(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert text.endswith("\nid: 39999 | name: Customer 35 | amount: 39999.50")
    assert peak < 6 * len(text)


def test_quoted_cells_with_other_delimiters_in_them() -> None:
    """What stands between quoted cells divides them, not what stands in them more often."""
    data = b'"a";"a";"a,"\r\n"a";"a,a,";"a,a,"\r\n"a,a";"a,a";"a,a"\r\n'
    assert len(text_of(data).split("\n")) == 3
    assert text_of(b'"x, y";"say ""hi"", ok"\n"1,5";"2,5"\n').count("\n") == 1


WORDS = st.builds(str.__add__, st.sampled_from("aé城"), st.text("ab \n\"',é城", max_size=6))


@given(st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=3, max_size=9), st.sampled_from(",;\t|"))
def test_what_the_csv_module_writes_has_as_many_rows(rows: list[list[str]], delimiter: str) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    assert len(text_of(written.getvalue()).split("\n")) == len(rows)
