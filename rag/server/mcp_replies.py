"""What the tools of the MCP server reply: records with a citation each, and an answer's text with footnotes.

Takes our records, gives the client's. Pure.
"""

from __future__ import annotations

from typing import Literal

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from rag.records import Answer, Hit, Source, Verdict
from rag.server.replies import footnotes


class FoundPassage(BaseModel):
    """A passage that a search found; `citation` says where it stands."""

    citation: str
    source: str
    page: int
    start: int
    end: int
    score: float
    headings: list[str]
    text: str


class Found(BaseModel):
    """What a search found, best first."""

    passages: list[FoundPassage]


class AnswerCitation(BaseModel):
    """A number in the answer: where the quoted words stand, and whether they bear the sentence out."""

    number: int
    citation: str
    source: str
    page: int
    start: int
    end: int
    quote: str
    verdict: Verdict


class Answered(BaseModel):
    """An answer; when `abstained`, the documents don't say, and `nearest` is what came near."""

    answer: str
    abstained: bool
    mode: Literal["openchat", "quotes"]
    citations: list[AnswerCitation]
    nearest: list[str]


class ListedSource(BaseModel):
    """A document in the index."""

    source: str
    title: str | None
    media_type: str
    pages: int
    ingested_at: str


class Listed(BaseModel):
    """Documents, ordered by name; `next_offset` where there are more."""

    total: int
    sources: list[ListedSource]
    next_offset: int | None


class ReadPage(BaseModel):
    """A page's text from `start` on; `next_start` where there is more of it."""

    citation: str
    source: str
    page: int
    pages: int
    text: str
    start: int
    next_start: int | None


def answered(answer: Answer) -> CallToolResult:
    """The answer as text with footnotes, and as a record."""
    nearest = [cited(one.source, one.place) for one in answer.passages] if answer.abstained else []
    record = Answered(
        answer=answer.text,
        abstained=answer.abstained,
        mode=answer.mode,
        citations=[
            AnswerCitation(
                number=one.number,
                citation=cited(one.source, one.place),
                source=one.source,
                page=one.page,
                start=one.start,
                end=one.end,
                quote=one.quote,
                verdict=one.verdict,
            )
            for one in answer.citations
        ],
        nearest=list(dict.fromkeys(nearest)),
    )
    return CallToolResult(
        content=[TextContent(type="text", text=answer.text + footnotes(answer.citations))],
        structured_content=record.model_dump(mode="json"),
    )


def found(hit: Hit) -> FoundPassage:
    """A hit as a client reads it."""
    return FoundPassage(
        citation=cited(hit.source, hit.place),
        source=hit.source,
        page=hit.page,
        start=hit.start,
        end=hit.end,
        score=round(hit.score, 4),
        headings=list(hit.headings),
        text=hit.text,
    )


def listed(source: Source) -> ListedSource:
    """A source as a client reads it."""
    return ListedSource(
        source=source.source,
        title=source.title,
        media_type=source.media_type,
        pages=source.page_count,
        ingested_at=source.ingested_at,
    )


def cited(source: str, place: str) -> str:
    """Source and place in words: "report.pdf, page 3"."""
    return ", ".join(filter(None, [source, place]))
