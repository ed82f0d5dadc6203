"""First questions that can be asked, drawn from the documents' own headings.

Takes a snapshot of the index, gives a few questions with the source that each is about. No model is asked.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from rag.records import Source
from rag.store.contract import Snapshot
from ui.kinds import kind_of

MOST = 4
_SOURCES_LOOKED_AT = 12
_HEADINGS_TO_CHOOSE_FROM = 6
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HEADING_LENGTH = range(4, 70)
# their headings are columns, subjects of mails and names of functions: asked about last
_NOT_PROSE = frozenset({"XLSX", "XLSB", "XLS", "ODS", "CSV", "TSV", "JSON", "JSONL", "IPYNB", "MAIL", "MBOX"})
_CODE = "text/x-source"
_NUMBER = re.compile(
    r"(?i)^(?:(?:chapter|section|appendix|part)\s+[\da-z]{1,3}\b[.:]?\s*|[a-z]?[\d.]+\s+"
    r"|第\s*[\d一二三四五六七八九十百]+\s*[章节節部篇]\s*|附[录錄]\s*[\da-z]\b\.?\s*|[一二三四五六七八九十]+、)"
)
_NO_SUBJECT = re.compile(
    r"(?i)\W*(contents|table of contents|list of \w+|index|references|bibliography|appendix|introduction|"
    r"abstract|summary|preface|foreword|conclusions?|notes?|speaker notes|glossary|colophon|version|"
    r"acknowledge?ments?|change ?log|release notes|usage|"
    r"license|licence|目录|目錄|引言|前言|序言?|摘要|参考文献|致谢|版本|许可证?|附录|\d[\d.]*)\W*"
    r"|.*(copyright|©|\(c\) \d|版权|版權).*"
)
_A_SENTENCE_OR_LIST = re.compile(r"[*•·‧\-–—].*|.*[.。:：;；,，]")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question, and the source that it was drawn from."""

    question: str
    source: str


def suggestions(snapshot: Snapshot, *, most: int = MOST) -> list[Suggestion]:
    """At most `most` questions from as many sources; the same ones as long as the index stays the same."""
    chance = random.Random(snapshot.generation)
    sources = [source for source in snapshot.sources() if source.chunk_count]
    chance.shuffle(sources)
    found: dict[str, Suggestion] = {}
    for source in sorted(sources, key=_is_no_prose)[:_SOURCES_LOOKED_AT]:
        if headings := _headings(snapshot, source):
            question = _question(chance.choice(headings))
            found.setdefault(question, Suggestion(question, source.source))
        if len(found) == most:
            break
    return list(found.values())


def _is_no_prose(source: Source) -> bool:
    return source.media_type == _CODE or kind_of(source.media_type, source.source) in _NOT_PROSE


def _headings(snapshot: Snapshot, source: Source) -> list[str]:
    """Some that name a subject, not the document's own title; questions, where it asks some itself."""
    headings = [hit.headings[-1] for hit in snapshot.chunks_of(source.source) if hit.headings]
    named = {}
    for heading in dict.fromkeys(headings):
        cleaned = _NUMBER.sub("", " ".join(heading.split()))
        shortest = 2 if _CJK.search(cleaned) else _HEADING_LENGTH.start
        unfit = _NO_SUBJECT.fullmatch(cleaned) or _A_SENTENCE_OR_LIST.fullmatch(cleaned)
        if shortest <= len(cleaned) < _HEADING_LENGTH.stop and not unfit:
            named[heading] = cleaned
    if len(named) > 1:
        named.pop(headings[0], None)
    asking = [heading for heading in named.values() if heading.endswith(("?", "？"))]
    return (asking or list(named.values()))[:_HEADINGS_TO_CHOOSE_FROM]


def _question(heading: str) -> str:
    if heading.endswith(("?", "？")):
        return heading
    if _CJK.search(heading):
        return f"关于“{heading}”，文档里怎么说？"
    return f"What is said about “{heading}”?"
