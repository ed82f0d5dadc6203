"""Conversations as files: Markdown that injects nothing, JSON that holds everything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from payloads import PAYLOADS

from rag.records import Answer, Citation, Passage
from ui.conversation import Progress
from ui.export import as_json_text, as_markdown
from ui.history import Kept, KeptExchange, Listed

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HOSTILE = [
    "![x](http://192.0.2.1/steal)",
    "[click](javascript:alert(1))",
    "<img src=http://192.0.2.1/x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "# not a heading",
    "| a | b |\n| - | - |\n| 1 | 2 |",
    "```\ncode\n```",
    "[ref]: http://192.0.2.1/x\n![ref]",
    "<http://192.0.2.1/a>",
    "~~struck~~ **bold** _slanted_ `code`",
    "1. one\n2. two",
    "123456789) one",
    "- item\n+ item\n* item",
    "> quoted",
    "a\n===\n\nb\n---",
    "&lt;script&gt;",
]


def kept(text: str, quote: str, *, question: str = "When was it lit?", **options: bool) -> Kept:
    citation = Citation(1, "lights/tower.pdf", 3, 10, 20, quote, "weak", 0, len(text), place="page 3")
    passage = Passage(1, "lights/tower.pdf", 3, 0, 30, quote, 1.0)
    answer = Answer(
        question, text, "openchat", False, (citation,), (passage,), None, {}, model="m.gguf", **options
    )
    progress = Progress("done", (passage,), text, (citation,), answer=answer)
    listed = Listed("id", question, "2026-03-01T10:00:00+00:00", "2026-03-01T11:00:00+00:00")
    return Kept(listed, (KeptExchange(1, question, "2026-03-01T10:00:00+00:00", 1.5, progress),))


def test_markdown_reads_as_it_was_shown() -> None:
    text = as_markdown(kept("It was lit in 1759 [1].", "lit in\n1759", stopped=True))
    rendered = MARKDOWN.render(text)
    assert "<h1>When was it lit?</h1>" in rendered
    assert "<h2>When was it lit?</h2>" in rendered
    assert "It was lit in 1759 [1]." in rendered
    assert "<li>[1] ~ weak: lights/tower.pdf, page 3: “lit in 1759”</li>" in rendered
    assert "Written by OpenChat (m.gguf), stopped before its end." in rendered


@pytest.mark.parametrize("words", [*HOSTILE, *PAYLOADS])
def test_nothing_of_the_words_means_anything(words: str) -> None:
    plain = as_markdown(kept("plain", "plain", question="plain"))
    hostile = as_markdown(kept(words, words, question=words))
    assert kinds(hostile) <= kinds(plain) | {"softbreak"}


@given(st.text(st.sampled_from("ab1 .)(]![<>`*_#-+=|~&\\:/@\n\t\"'{}$h"), max_size=60))
def test_no_words_make_markup(words: str) -> None:
    plain = as_markdown(kept("plain", "plain", question="plain"))
    assert kinds(as_markdown(kept(words, words, question=words))) <= kinds(plain) | {"softbreak", "hardbreak"}


def kinds(markdown: str) -> set[str]:
    tokens = MARKDOWN.parse(markdown)
    return {token.type for token in tokens} | {
        child.type for token in tokens for child in token.children or ()
    }


def test_what_was_not_answered_is_said() -> None:
    whole = kept("x", "y")
    [exchange] = whole.exchanges
    failed = KeptExchange(2, "busy?", exchange.asked_at, None, Progress("failed", error="8 wait already"))
    stopped = KeptExchange(3, "stopped?", exchange.asked_at, None, Progress("done"))
    text = as_markdown(Kept(whole.listed, (failed, stopped)))
    assert "*No answer: 8 wait already*" in text
    assert "*Stopped before an answer.*" in text


def test_json_has_spans_and_verdicts() -> None:
    plain = json.loads(as_json_text(kept("It was lit in 1759 [1].", "lit in\n1759")))
    assert (plain["format"], plain["title"]) == (1, "When was it lit?")
    [exchange] = plain["exchanges"]
    assert exchange["answer"] == "It was lit in 1759 [1]."
    [citation] = exchange["citations"]
    assert (citation["source"], citation["page"], citation["start"], citation["end"]) == (
        "lights/tower.pdf",
        3,
        10,
        20,
    )
    assert (citation["verdict"], citation["quote"]) == ("weak", "lit in\n1759")
