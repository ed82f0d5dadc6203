"""HTML as a reader sees it, in whatever encoding and however it was made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse.html import parse
from rag.errors import CorruptSource, EmptySource


def text_of(body: str) -> str:
    return parse(f"<html><body>{body}</body></html>".encode(), "a.html").pages[0].text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>One\n  <b>two</b>\tthree</p><p>four</p>", "One two three\n\nfour"),
        ("a<script>alert('x')</script>b<style>p{}</style>c", "abc"),
        ("<nav><a href=x>Home</a></nav><p>Text</p><noscript>Turn it on</noscript>", "Text"),
        ("<p hidden>no</p><p style='DISPLAY : none'>no</p><p aria-hidden=true>no</p><p>yes</p>", "yes"),
        ("<p style='visibility:hidden'>no</p>after <template>no</template>it", "after it"),
        ("<h2>Title<a class=headerlink href=#t>¶</a></h2><p>Text</p>", "Title\n\nText"),
        ("<ul><li>a<li>b<ol start=4><li>c<li>d</ol></ul>", "- a\n- b\n  4. c\n  5. d"),
        ("<pre>def f():\n    return 1</pre>", "def f():\n    return 1"),
        ("one<br>two<br><br>three", "one two\n\nthree"),
        ("<dl><dt>Term</dt><dd>What it means.</dd></dl>", "Term\n\nWhat it means."),
        ("<p>x &amp; y &mdash; &#20013;&nbsp;z</p>", "x & y — 中 z"),
        (
            "<figure><img alt='a lock gate' src=x><figcaption>Fig. 1</figcaption></figure>",
            "a lock gate\n\nFig. 1",
        ),
        ("<!-- gone -->kept<?php echo 'gone' ?>", "kept"),
        ("<p>never closed <b>bold <i>both", "never closed bold both"),
        ("<svg><text>no</text></svg><button>no</button><select><option>no</select>yes", "yes"),
    ],
)
def test_what_is_read(body: str, text: str) -> None:
    assert text_of(body) == text


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("<tr><th>Low<th>High<tr><td>1<td>2", "Low: 1 | High: 2"),
        ("<thead><tr><td>Low<td>High</thead><tr><td>1<td>2", "Low: 1 | High: 2"),
        ("<tr><td>Low<td>High<tr><td>a<td>b", "Low: a | High: b"),  # it looks like a header
        ("<tr><td>1<td>2<tr><td>3<td>4", "1 | 2\n3 | 4"),
        ("<tr><th>Height<td>12 m<tr><th>Built<td>1884", "Height | 12 m\nBuilt | 1884"),
        ("<caption>Tides</caption><tr><th>A<th>B<tr><td>1<td>2", "Tides\n\nA: 1 | B: 2"),
        (
            "<tr><th>Day<th colspan=2>Tide<tr><td rowspan=2>Mon<td>low<td>high<tr><td>1<td>2",
            "Day: Mon | Tide: low | Tide: high\nDay: Mon | Tide: 1 | Tide: 2",
        ),
        ("<tr><td>only one column<tr><td>lays out a page", "only one column\n\nlays out a page"),
        ("<tr><td><table><tr><th>A<th>B<tr><td>1<td>2</table><td>side", "A: 1 | B: 2\n\nside"),
        ("<tr><th>A<th>B<tr><td colspan=99999999>1<td rowspan=99999999>2", "A: 1"),
    ],
)
def test_tables(table: str, text: str) -> None:
    assert text_of(f"<table>{table}</table>").startswith(text)


def test_headings_and_title() -> None:
    document = parse(
        b"<title> The\n tides </title><h1>Tides</h1><p>x</p><h3>Low <em>water</em></h3>y", "a.html"
    )
    page = document.pages[0]
    assert document.title == "The tides"
    assert [(h.level, h.text) for h in page.headings] == [(1, "Tides"), (3, "Low water")]
    assert all(page.text[h.start : h.end] == h.text for h in page.headings)


def test_without_a_title_the_first_heading_is_it() -> None:
    assert parse(b"<h1>Tides</h1><p>x</p>", "a.html").title == "Tides"


GERMAN, CHINESE = "Grüße aus dem Süden", "春天来了，山上的茶树都长出了新芽。"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (f"<meta charset=iso-8859-1><p>{GERMAN} – “ja”</p>".encode("cp1252"), f"{GERMAN} – “ja”"),
        (f"<meta http-equiv=x content='text/html; charset=GB2312'><p>{CHINESE}</p>".encode("gbk"), CHINESE),
        (
            f"<?xml version='1.0' encoding='shift_jis'?><html><p>{'春の茶'}</p></html>".encode("cp932"),
            "春の茶",
        ),
        (f"<p>{CHINESE}</p>".encode("gbk"), CHINESE),
        (f"<meta charset=gbk><p>{CHINESE}</p>".encode(), CHINESE),  # the name is wrong
        (f"<meta charset=nonsense><p>{GERMAN}</p>".encode(), GERMAN),
        (b"\xff\xfe" + f"<p>{GERMAN}</p>".encode("utf-16-le"), GERMAN),
        (f"<meta charset=utf-16><p>{GERMAN}</p>".encode(), GERMAN),  # WHATWG: it was readable, so it is UTF-8
    ],
)
def test_encodings(data: bytes, text: str) -> None:
    assert parse(data, "a.html").pages[0].text == text


@pytest.mark.parametrize("data", [b"<html></html>", b"<script>x</script>", b" ", b"<p hidden>x</p>"])
def test_nothing_to_read(data: bytes) -> None:
    with pytest.raises(EmptySource, match="holds no text"):
        parse(data, "a.html")


def test_depth_over_the_limit_is_said() -> None:
    document = parse(b"<p>first</p>" + b"<div>" * 5000 + b"last", "a.html")
    assert document.pages[0].text.startswith("first")
    assert document.warnings[0].startswith("not all was read: Excessive depth")


def test_neither_entities_nor_documents_are_fetched() -> None:
    attack = b"""<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">
    <!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
    <html><p>before &x; &b; after</p><iframe src="http://127.0.0.1:9/"></iframe></html>"""
    text = parse(attack, "a.html").pages[0].text
    assert "before" in text
    assert "root:" not in text
    assert "haha" not in text


def test_a_long_line_is_quick() -> None:
    assert len(parse(b"<p>" + b"word " * 500_000 + b"</p>", "a.html").pages[0].text) == 5 * 500_000 - 1


@given(st.text(alphabet="<>/abp \"'=!-&;#tdhrlu1", max_size=300))
def test_any_markup_is_read_or_refused(markup: str) -> None:
    try:
        page = parse(markup.encode(), "a.html").pages[0]
    except (EmptySource, CorruptSource):
        return
    assert page.text.strip()
    assert all(page.text[h.start : h.end] == h.text for h in page.headings)
