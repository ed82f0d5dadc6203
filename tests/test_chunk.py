"""Chunks: exact, complete, in order, of the right size, and cut where a person would cut."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunk import SMALLEST_CHUNK_TOKENS, split
from ingest.embedded import embedded_text, prefix
from ingest.parse import parse
from rag.embedding.embeddings import LocalEmbeddings
from rag.errors import UsageError
from rag.records import Chunk, Document, Heading, LineMark, Page


def words(text: str) -> int:
    """A counter whose tokens a person can count: words, and each other character."""
    return len(re.findall(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]", text))


def quarters(text: str) -> int:
    """One that does not add up: four characters a token, begun ones counting, spaces too."""
    return -(-len(text) // 4)


def greedy(text: str) -> int:
    """One to which two texts together are more than each by itself."""
    return words(text) + len(text) // 50


def page(number: int, *pieces: str) -> Page:
    """A page of blocks; those beginning with # are headings."""
    text, headings = "", []
    for piece in pieces:
        text += "\n\n" if text else ""
        level = len(piece) - len(piece.lstrip("#"))
        shown = piece[level:].strip() if level else piece
        if level:
            headings.append(Heading(level, len(text), len(text) + len(shown), shown))
        text += shown
    return Page(number, text, tuple(headings))


def document(*pages: Page, title: str | None = None) -> Document:
    return Document("text/plain", pages, title)


def texts(made: Document, chunk_tokens: int) -> list[str]:
    return [chunk.text for chunk in split(made, count_tokens=words, chunk_tokens=chunk_tokens)]


def sentence(count: int, first: str = "Word") -> str:
    """That many words and a stop, which is one token more."""
    return " ".join([first, *["word"] * (count - 1)]) + "."


# --- where it is cut --------------------------------------------------------------------------------


def test_what_fits_is_one_chunk() -> None:
    assert texts(document(page(1, sentence(5), sentence(5))), 16) == [f"{sentence(5)}\n\n{sentence(5)}"]


def test_a_paragraphs_end_is_better_than_a_sentences() -> None:
    one, two = f"{sentence(7)} {sentence(7)}", f"{sentence(7)} {sentence(7)}"
    assert texts(document(page(1, one, two)), 24) == [one, two]


def test_a_sentences_end_is_better_than_a_words() -> None:
    text = " ".join([sentence(9)] * 4)
    assert texts(document(page(1, text)), 25) == [f"{sentence(9)} {sentence(9)}"] * 2


def test_chunks_of_a_section_are_about_equal() -> None:
    text = " ".join([sentence(3)] * 9)  # 36 tokens, and 32 fit into one chunk
    assert [words(chunk) for chunk in texts(document(page(1, text)), 32)] == [20, 16]


def test_a_long_sentence_is_cut_at_commas_or_words() -> None:
    text = ", ".join(["some words"] * 20) + "."
    made = texts(document(page(1, text)), 16)
    assert all(words(chunk) <= 16 for chunk in made)
    assert all(chunk.endswith((",", ".")) for chunk in made)


def test_chinese_is_cut_at_its_own_sentence_ends() -> None:
    one, two = "运河各段水位高低不同，船要用人力拖过斜坡。", "还有人趁机偷粮！淮南转运使乔维岳很生气。"
    assert texts(document(page(1, one + two)), 24) == [one, two]


def test_rows_and_items_are_not_cut() -> None:
    rows = [f"Planet: P{n} | Radius: {n}00 km" for n in range(10)]
    made = texts(document(page(1, "\n".join(rows))), 24)
    assert [row for chunk in made for row in chunk.split("\n")] == rows


ROW = "Name: Ann Lee. | Remark: It rained. It snowed. It was dry. | Value: 12"  # 22 tokens


@pytest.mark.parametrize("media_type", ["text/csv", "text/x-source", "application/json"])
def test_a_row_or_line_of_a_file_is_cut_only_where_no_chunk_holds_it(media_type: str) -> None:
    text = "\n".join([ROW] * 5)
    made = Document(media_type, (Page(1, text),))
    assert words(ROW) == 22
    chunks = split(made, count_tokens=words, chunk_tokens=50)
    assert [chunk.text for chunk in chunks] == [f"{ROW}\n{ROW}", f"{ROW}\n{ROW}", ROW]
    assert [chunk.line for chunk in chunks] == [1, 3, 5]
    longer = split(made, count_tokens=words, chunk_tokens=16)
    parts = ["Name: Ann Lee. | Remark: It rained. It snowed.", "It was dry. | Value: 12"]
    assert [(chunk.text, chunk.line) for chunk in longer] == [
        (part, n) for n in range(1, 6) for part in parts
    ]


def test_code_is_cut_at_empty_lines() -> None:
    part = "def f():\n    a = 1\n    return a"
    made = Document("text/x-source", (Page(1, f"{part}\n\n\n{part}"),))
    chunks = split(made, count_tokens=words, chunk_tokens=16)
    assert [(chunk.text, chunk.line) for chunk in chunks] == [(part, 1), (part, 6)]


def test_sections_are_not_mixed_unless_they_are_tiny() -> None:
    made = document(page(1, "# One", sentence(8), "# Two", sentence(8), "# Three", sentence(2)))
    assert texts(made, 32) == [f"One\n\n{sentence(8)}", f"Two\n\n{sentence(8)}\n\nThree\n\n{sentence(2)}"]


def test_deep_sections_are_put_together_while_they_fit() -> None:
    made = document(page(1, "### A", sentence(6), "### B", sentence(6)))
    assert texts(made, 32) == [f"A\n\n{sentence(6)}\n\nB\n\n{sentence(6)}"]


def test_a_heading_goes_with_what_it_stands_above() -> None:
    made = document(page(1, "# Title", "## Part", sentence(12), sentence(12)))
    assert texts(made, 20) == [f"Title\n\nPart\n\n{sentence(12)}", sentence(12)]


def test_pages_are_never_mixed() -> None:
    chunks = split(
        document(page(1, "One."), page(2, ""), page(3, "Three.")), count_tokens=words, chunk_tokens=99
    )
    assert [(chunk.page, chunk.text) for chunk in chunks] == [(1, "One."), (3, "Three.")]


# --- headings ---------------------------------------------------------------------------------------


def test_headings_hold_until_the_next_of_their_level_and_over_pages() -> None:
    made = document(
        page(1, "# One", sentence(20), "## Deep", sentence(20)), page(2, sentence(20), "# Two", sentence(20))
    )
    chunks = split(made, count_tokens=words, chunk_tokens=30)
    assert [chunk.headings for chunk in chunks] == [("One",), ("One", "Deep"), ("One", "Deep"), ("Two",)]


def test_small_sections_put_together_have_what_they_share() -> None:
    made = document(page(1, "# One", sentence(26), "### A", "a.", "### B", "b."))
    chunks = split(made, count_tokens=words, chunk_tokens=30)
    assert [(chunk.headings, chunk.text) for chunk in chunks][-1] == (("One",), "A\n\na.\n\nB\n\nb.")


@pytest.mark.parametrize(
    ("title", "headings", "text", "expected"),
    [
        (None, (), "Text", ""),
        ("Book", (), "Text", "Book\n"),
        ("Book", ("Part", "Chapter"), "Text", "Book > Part > Chapter\n"),
        ("Book", ("Book", "Chapter"), "Text", "Book > Chapter\n"),
        ("Book", ("Part",), "Part\n\nText", "Book\n"),
        ("Book", (), "Book\n\nText", ""),
        (None, ("a" * 200, "b" * 10), "Text", "a" * 120 + "\n"),
        ("Book", ("a" * 80, "b" * 60), "Text", "Book > " + "a" * 50 + " > " + "b" * 60 + "\n"),
        ("书" * 60, (), "Text", "书" * 40 + "\n"),
    ],
)
def test_prefix(title: str | None, headings: tuple[str, ...], text: str, expected: str) -> None:
    assert prefix(title, headings, text) == expected


def test_what_is_embedded_is_the_prefix_and_the_text() -> None:
    chunk = Chunk(1, 0, 4, "Text", ("Part",))
    assert embedded_text(chunk, document(page(1, "Text"), title="Book")) == "Book > Part\nText"


def test_the_prefix_counts() -> None:
    made = document(page(1, "# One two three", *[sentence(7)] * 4), title="Four five six")
    for chunk in split(made, count_tokens=words, chunk_tokens=32):
        assert words(embedded_text(chunk, made)) <= 32


def test_a_path_that_takes_too_much_loses_its_outer_headings() -> None:
    made = document(page(1, "# " + "a " * 9, "## " + "b " * 9, sentence(40)))
    assert {chunk.headings for chunk in split(made, count_tokens=words, chunk_tokens=24)} == {
        (("a " * 9).strip(),),
        (("b " * 9).strip(),),
    }


def test_too_small_a_size_is_refused() -> None:
    with pytest.raises(UsageError, match="chunk_tokens is 15; the least is 16"):
        split(document(page(1, "x")), count_tokens=words, chunk_tokens=15)


# --- what always holds ------------------------------------------------------------------------------

BLOCKS = st.lists(
    st.one_of(
        st.text(alphabet="ab.,;!? \n中文。，é\u0301\u200d-|:1", max_size=200),
        st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
        st.builds(
            lambda level, text: "#" * level + " " + text, st.integers(1, 6), st.text("abc de", max_size=40)
        ),
        st.integers(1, 60).map(sentence),
    ),
    max_size=12,
)


def check(made: Document, chunks: list[Chunk], count: Callable[[str], int], chunk_tokens: int) -> None:
    assert all(earlier.page <= later.page for earlier, later in pairwise(chunks))
    for one in made.pages:
        own = [chunk for chunk in chunks if chunk.page == one.number]
        covered = [False] * len(one.text)
        for chunk in own:
            assert one.text[chunk.start : chunk.end] == chunk.text
            assert chunk.text
            assert not chunk.text[0].isspace()
            assert not chunk.text[-1].isspace()
            covered[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
        assert all(earlier.end <= later.start for earlier, later in pairwise(own))
        assert all(covered[place] or one.text[place].isspace() for place in range(len(one.text)))
    for chunk in chunks:
        on = next(one for one in made.pages if one.number == chunk.page)
        marked = max((mark for mark in on.lines if mark.start <= chunk.start), default=LineMark(0, 1))
        assert chunk.line == marked.line + on.text[marked.start : chunk.start].count("\n")
        size = count(embedded_text(chunk, made))
        alone = count(prefix(made.title, chunk.headings, ""))
        assert size <= max(chunk_tokens, alone + chunk_tokens // 4 + 2) or len(chunk.text) == 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(BLOCKS, max_size=3),
    st.one_of(st.none(), st.text("abc de中", max_size=30)),
    st.integers(SMALLEST_CHUNK_TOKENS, 60),
    st.sampled_from([words, quarters, greedy]),
    st.sampled_from(["text/plain", "text/csv"]),
)
def test_chunks_are_exact_complete_in_order_and_small_enough(
    pages: list[list[str]],
    title: str | None,
    chunk_tokens: int,
    count: Callable[[str], int],
    media_type: str,
) -> None:
    made = document(*(page(number, *blocks) for number, blocks in enumerate(pages, 1)), title=title)
    made = replace(made, media_type=media_type)
    check(made, split(made, count_tokens=count, chunk_tokens=chunk_tokens), count, chunk_tokens)


def test_headings_in_any_order_and_of_no_length_do_no_harm() -> None:
    text = "One two.\n\nThree four.\n\nFive six."
    headings = (Heading(2, 10, 10, "Zero"), Heading(1, 0, 3, "One"), Heading(1, len(text), len(text), "End"))
    made = document(Page(1, text, headings))
    check(made, split(made, count_tokens=words, chunk_tokens=16), words, 16)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 200_000,
        "a" * 1_000_000,
        "中文" * 300_000,
        sentence(4) * 1 + (" " + sentence(4)) * 100_000,
        "x\n" * 300_000,
    ],
    ids=["words", "letters", "chinese", "sentences", "lines"],
)
def test_time_is_linear_and_counting_rare(text: str) -> None:
    counts = 0

    def count(part: str) -> int:
        nonlocal counts
        counts += 1
        return quarters(part)

    begun = time.process_time()
    chunks = split(document(Page(1, text.strip())), count_tokens=count, chunk_tokens=200)
    assert time.process_time() - begun < 20
    assert counts <= 4 * len(chunks) + text.count(".") + text.count("\n") + 4
    assert max(len(chunk.text) for chunk in chunks) <= 2400


# --- the bundled model's own tokens -----------------------------------------------------------------


@pytest.fixture(scope="module")
def embedder() -> LocalEmbeddings:
    return LocalEmbeddings()


SAMPLES = Path(__file__).parent.parent / "data" / "samples"


@pytest.mark.parametrize(
    "path", sorted(path for path in SAMPLES.rglob("*") if path.is_file()), ids=lambda path: path.name
)
@pytest.mark.parametrize("share", [1, 4])
def test_no_sample_is_cut_by_the_models_limit(embedder: LocalEmbeddings, path: Path, share: int) -> None:
    made = parse(path.read_bytes(), path.name)
    chunk_tokens = embedder.max_tokens // share
    chunks = split(made, count_tokens=embedder.count_tokens, chunk_tokens=chunk_tokens)
    assert max(embedder.count_all([embedded_text(chunk, made) for chunk in chunks])) <= chunk_tokens
    check(made, chunks, embedder.count_tokens, chunk_tokens)


@settings(max_examples=100, deadline=None)
@given(
    blocks=st.lists(
        st.one_of(
            st.integers(1, 300).map(sentence),
            st.integers(50, 400).map(lambda count: "supercalifragilistic" * count),
            st.text("中文字。，、ーあ한글ไทย# ", min_size=50, max_size=600),
            st.text("🙂é\u0301\u200dİ|:-_=. ", min_size=50, max_size=400),
        ),
        min_size=1,
        max_size=5,
    ),
    title=st.one_of(st.none(), st.text("ab中é# ", max_size=400)),
    media_type=st.sampled_from(["text/plain", "text/csv"]),
)
def test_nothing_is_ever_cut_by_the_models_limit(
    embedder: LocalEmbeddings, blocks: list[str], title: str | None, media_type: str
) -> None:
    made = replace(document(page(1, *blocks), title=title), media_type=media_type)
    chunks = split(made, count_tokens=embedder.count_tokens, chunk_tokens=embedder.max_tokens)
    assert all(embedder.count_tokens(embedded_text(chunk, made)) <= embedder.max_tokens for chunk in chunks)
