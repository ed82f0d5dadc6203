"""First questions that can be asked, drawn from the documents' own headings.

Takes a snapshot of the index, gives a few questions with the source that each is about. No model is asked.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from rag.records import Source
from rag.store.contract import Snapshot

MOST = 4
_SOURCES_LOOKED_AT = 12
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HEADING_LENGTH = range(4, 70)
_NO_SUBJECT = re.compile(
    r"(?i)\W*(contents|table of contents|index|references|bibliography|appendix|introduction|abstract|"
    r"summary|preface|目录|引言|参考文献|\d[\d.]*)\W*"
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question, and the source that it was drawn from."""

    question: str
    source: str


def suggestions(snapshot: Snapshot, *, most: int = MOST) -> list[Suggestion]:
    """At most `most` questions from as many sources; the same ones as long as the index stays the same."""
    sources = [source for source in snapshot.sources() if source.chunk_count]
    random.Random(snapshot.generation).shuffle(sources)
    found = []
    for source in sources[:_SOURCES_LOOKED_AT]:
        heading = _heading(snapshot, source)
        if heading:
            found.append(Suggestion(_question(heading), source.source))
        if len(found) == most:
            break
    return found


def _heading(snapshot: Snapshot, source: Source) -> str | None:
    """The first heading that names a subject and is not the document's own title."""
    headings = [hit.headings[-1] for hit in snapshot.chunks_of(source.source)[:40] if hit.headings]
    for heading in dict.fromkeys([*headings[1:], *headings[:1]]):
        cleaned = re.sub(r"^(?:[\d.]+\s+|[一二三四五六七八九十]+、)", "", " ".join(heading.split()))
        shortest = 2 if _CJK.search(cleaned) else _HEADING_LENGTH.start
        if shortest <= len(cleaned) < _HEADING_LENGTH.stop and not _NO_SUBJECT.fullmatch(cleaned):
            return cleaned
    return None


def _question(heading: str) -> str:
    if heading.endswith(("?", "？")):
        return heading
    if _CJK.search(heading):
        return f"关于“{heading}”，文档里怎么说？"
    return f"What is said about “{heading}”?"
