"""Markdown as a reader sees it: words without their markup, structure kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse.markdown import parse
from rag.errors import CorruptSource, EmptySource


def text_of(markdown: str) -> str:
    return parse(markdown.encode(), "a.md").pages[0].text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (
            "A [link](http://x.example/y?z) and *words* in **bold** and `code`.",
            "A link and words in bold and code.",
        ),
        ("An ![image of a gate](gate.png) here.", "An image of a gate here."),
        ("[![CI build](badge.svg)](http://ci.example) Read this.", "Read this."),
        ("One<br>two <!-- hidden --> <b>three</b>.", "One two three."),
        ("<!-- a whole\ncomment -->\n\nSeen.", "Seen."),
        ("wrapped at\nsome column", "wrapped at some column"),
        ("中文第一行\n中文第二行", "中文第一行中文第二行"),
        ("- a\n- b\n  - c\n\n1) d\n2) e", "- a\n- b\n  - c\n\n1. d\n2. e"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("> quoted\n> words", "quoted words"),
        ("```python\ndef f():\n    return 1\n```", "def f():\n    return 1"),
        ("a\n\n---\n\nb", "a\n\nb"),
        ("&copy; &#8212; 5 &lt; 6", "© — 5 < 6"),
        ("<details><summary>More</summary>\n\nInside.\n\n</details>", "More\n\nInside."),
        ("<div>\n<p>Inside <b>HTML</b></p>\n<script>alert(1)</script>\n</div>", "Inside HTML"),
    ],
)
def test_what_is_read(markdown: str, text: str) -> None:
    assert text_of(markdown) == text


def test_each_row_of_a_table_names_its_columns() -> None:
    table = "| Planet | Radius (km) |\n|---|---:|\n| Mars | 3389 |\n| Earth | |\n"
    assert text_of(table) == "Planet: Mars | Radius (km): 3389\nPlanet: Earth"


def test_headings_stand_where_they_say() -> None:
    document = parse(b"Setext\n======\n\ntext\n\n## Two *words*\n\n### Three ###\n", "a.md")
    page = document.pages[0]
    assert [(h.level, h.text) for h in page.headings] == [(1, "Setext"), (2, "Two words"), (3, "Three")]
    assert all(page.text[h.start : h.end] == h.text for h in page.headings)
    assert document.title == "Setext"


def test_front_matter_gives_the_title_and_stays_readable() -> None:
    document = parse(b"---\ntitle: 'The tides'\nauthor: A. Bay\n---\n# Heading\n\nText.", "a.md")
    assert document.title == "The tides"
    assert document.pages[0].text == "title: 'The tides'\nauthor: A. Bay\n\nHeading\n\nText."
    assert [h.text for h in document.pages[0].headings] == ["Heading"]


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert text_of("---\n\ntext") == "text"


@pytest.mark.parametrize(
    "markdown", ["", "  \n", "<!-- only this -->", "![](x.png)", "[x]: http://example.org"]
)
def test_nothing_to_read(markdown: str) -> None:
    with pytest.raises(EmptySource, match="holds no text"):
        parse(markdown.encode(), "a.md")


@pytest.mark.parametrize(
    "markdown", ["> " * 3000 + "deep", "- " * 3000 + "deep", "[" * 20_000, "*a " * 20_000]
)
def test_deep_nesting_is_survived(markdown: str) -> None:
    assert text_of(markdown)


def test_nothing_is_lost_in_the_depth() -> None:
    document = parse(("> " * 3000 + "deep").encode(), "a.md")
    assert document.pages[0].text.endswith("deep")
    assert document.warnings == ("lists or quotes are nested deeper than 50; it was read as plain text",)


@given(st.text(min_size=1, max_size=300))
def test_any_text_is_read_or_empty(markdown: str) -> None:
    try:
        page = parse(markdown.encode("utf-8", "replace"), "a.md").pages[0]
    except (EmptySource, CorruptSource):
        return
    assert page.text.strip()
    assert all(page.text[h.start : h.end] == h.text for h in page.headings)
