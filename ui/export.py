"""A conversation as a file to keep or give away: Markdown for people, JSON for programs.

Takes what is kept of it, gives text. In Markdown every word of documents and answers is escaped: nothing of
it becomes an image, a link or HTML in the program that shows it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from rag.abstention import abstention_in
from rag.records import Citation
from ui.exchange_view import listed
from ui.history import Kept, KeptExchange
from ui.terminal import VERDICT_SIGNS, as_json, one_line, place, visible

FORMAT = 1
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#+=!|~$&-]")
_LIST_NUMBER = re.compile(r"^(\d{1,9})([.)])")


def as_markdown(kept: Kept) -> str:
    """Questions as headings, answers, and under each its citations with the quoted words."""
    lines = [f"# {_escaped(one_line(kept.listed.title))}", "", f"*{_day(kept.listed.begun_at)}*"]
    for exchange in kept.exchanges:
        lines += ["", f"## {_escaped(one_line(exchange.question, 1000))}", "", *_answered(exchange)]
    return "\n".join(lines) + "\n"


def as_json_text(kept: Kept) -> str:
    """The same with every span, verdict and passage, as plain data with the format's number."""
    return as_json(
        {
            "format": FORMAT,
            "title": kept.listed.title,
            "begun_at": kept.listed.begun_at,
            "changed_at": kept.listed.changed_at,
            "exchanges": [_plain(exchange) for exchange in kept.exchanges],
        }
    )


def _answered(exchange: KeptExchange) -> list[str]:
    progress, answer = exchange.progress, exchange.progress.answer
    if progress.error is not None:
        return [f"*No answer: {_escaped(one_line(progress.error))}*"]
    if answer is None or not progress.text:
        return ["*Stopped before an answer.*"]
    if answer.abstained:
        return [abstention_in(progress.text)]
    paragraphs = [_escaped(visible(line)) for line in progress.text.splitlines()]
    lines = ["\n".join(paragraphs), ""]
    lines += [_cited(progress.citations[index]) for index in listed(progress.citations)]
    how = "Quotes from the documents" if answer.mode == "quotes" else "Written by OpenChat"
    stopped = ", stopped before its end" if answer.stopped else ""
    model = f" ({_escaped(one_line(answer.model, 200))})" if answer.model else ""
    return [*lines, "", f"*{how}{model}{stopped}.*"]


def _cited(citation: Citation) -> str:
    quote = _escaped(one_line(citation.quote, 2000))
    sign = VERDICT_SIGNS[citation.verdict]
    return f"- \\[{citation.number}\\] {sign} {citation.verdict}: {_escaped(place(citation))}: “{quote}”"


def _plain(exchange: KeptExchange) -> dict[str, Any]:
    progress, answer = exchange.progress, exchange.progress.answer
    return {
        "question": exchange.question,
        "asked_at": exchange.asked_at,
        "seconds": exchange.seconds,
        "answer": progress.text,
        "mode": answer.mode if answer else None,
        "model": answer.model if answer else None,
        "abstained": answer.abstained if answer else None,
        "stopped": answer.stopped if answer else progress.error is None,
        "error": progress.error,
        "citations": progress.citations,
        "sentences": answer.sentences if answer else (),
        "passages": progress.passages,
        "ledger": answer.ledger if answer else None,
    }


def _escaped(line: str) -> str:
    """Each character that means something in Markdown behind a backslash; indents would make it code."""
    escaped = _MARKDOWN.sub(lambda match: f"\\{match[0]}", line.strip())
    return _LIST_NUMBER.sub(r"\1\\\2", escaped)


def _day(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
