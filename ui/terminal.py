"""Records to lines on a terminal.

Takes answers, hits, sources and reports; gives text that can be printed. Everything that came from a document
or a file name goes through `visible`: an escape sequence in it is shown, never obeyed.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rag.records import Answer, Citation, Hit, Ledger, Passage, Source

# C0 and C1 controls but tab and newline, and what reorders text (Unicode's bidirectional controls).
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_QUOTE_WIDTH = 320

VERDICT_SIGNS = {"supported": "✓", "weak": "~", "unsupported": "✗", "uncited": "–"}


def visible(text: str) -> str:
    """`text` with each control character shown as its escape."""
    return _UNSEEN.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def one_line(text: str, width: int = _QUOTE_WIDTH) -> str:
    """`text` visible, on one line, cut to `width` characters with an ellipsis."""
    line = " ".join(visible(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def place(found: Hit | Passage | Citation) -> str:
    """Where words stand, for a person: the source, and the page, row or section where it has such."""
    return ", ".join(filter(None, [visible(found.source), one_line(found.place)]))


def citation_lines(citations: Sequence[Citation]) -> list[str]:
    """One line a citation: number, verdict, source, place and the quoted words."""
    return [
        f"  [{citation.number}] {VERDICT_SIGNS[citation.verdict]} {citation.verdict:<11} "
        f"{place(citation)}: “{one_line(citation.quote)}”"
        for citation in citations
    ]


def nearest_lines(answer: Answer, most: int = 3) -> list[str]:
    """For an abstention: the passages that came nearest."""
    return [f"  {place(passage)}: “{one_line(passage.text, 160)}”" for passage in answer.passages[:most]]


def ledger_lines(ledger: Ledger) -> list[str]:
    """How the window was spent, and what was left out and why."""
    parts = ("instruction", "passages", "history", "question")
    spent = ", ".join(f"{name} {getattr(ledger, name)}" for name in parts)
    lines = [
        f"window {ledger.window}: {spent}, reserve {ledger.reserve}; "
        f"prompt {ledger.prompt} tokens, {ledger.reused} of them reused"
        + (" (counts are estimates: the server does not count)" if ledger.estimated else "")
    ]
    lines += [
        f"left out: {visible(left.what)} ({left.tokens} tokens): {left.reason}" for left in ledger.left_out
    ]
    return lines


def hit_lines(hits: Iterable[Hit]) -> list[str]:
    """Two lines a hit: score and place, then its text."""
    lines = []
    for hit in hits:
        legs = ", ".join(f"{name} {value:.3f}" for name, value in hit.scores.items())
        lines.append(f"{hit.score:7.3f}  {place(hit)}  ({legs})")
        lines.append(f"         {one_line(hit.text)}")
    return lines


def source_rows(sources: Iterable[Source]) -> list[tuple[str, str, str, str, str]]:
    """Rows for a table of sources: source, type, pages, chunks, when."""
    return [
        (
            visible(source.source),
            source.media_type,
            str(source.page_count),
            str(source.chunk_count),
            datetime.fromisoformat(source.ingested_at).astimezone().strftime("%Y-%m-%d %H:%M"),
        )
        for source in sources
    ]


def as_json(value: Any, *, indent: int | None = 2) -> str:
    """Records as JSON text: fields by name, tuples as lists, bytes as text; on one line without `indent`."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=indent)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if isinstance(value, float):
        return round(value, 6)
    return value


def size(count: int) -> str:
    """Bytes in a unit that a person reads."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def plural(count: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def duration(seconds: float) -> str:
    """How long, as exactly as somebody who waits wants to know: `40 s`, `3 min`, `1.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
