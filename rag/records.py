"""The records that every part speaks in, and the events of an answer's stream.

Frozen, plain data; imports nothing of ours. Offsets (`start`, `end`) are in characters of a page's
text, end exclusive; page numbers count from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Verdict = Literal["supported", "weak", "unsupported", "uncited"]
Mode = Literal["openchat", "quotes"]


# --- a document's way -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading where it stands in its page's text; `level` counts from 1 as in HTML."""

    level: int
    start: int
    end: int
    text: str


class PlacedWord(NamedTuple):
    """A word read from a page's picture, and where it is: in 10,000ths of the picture's width and height."""

    text: str
    left: int
    top: int
    right: int
    bottom: int


class LineMark(NamedTuple):
    """From the character `start` of a page's text on, what stands there is of the file's line `line`, from 1.

    Up to the next mark, a line end in the text is one in the file.
    """

    start: int
    line: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page, slide, sheet or section of a source; a source with no pages has one."""

    number: int
    text: str
    headings: tuple[Heading, ...] = ()
    label: str | None = None  # what it is called, where that says more: a sheet's name, a page's "iv"
    words: tuple[PlacedWord, ...] = ()  # in reading order, where the text was read from a picture
    lines: tuple[LineMark, ...] = ()  # by their starts; none where lines of its file say nothing to a person


@dataclass(frozen=True, slots=True)
class Document:
    """What a parser made of one file's bytes."""

    media_type: str
    pages: tuple[Page, ...]
    title: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a page: `page.text[chunk.start:chunk.end] == chunk.text`, always."""

    page: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()  # outermost first; searched, not quoted
    line: int = 0  # in which it begins, from 1: the file's with `lines`, else its page's text's; 0: not known
    lines: tuple[LineMark, ...] = ()  # its page's, the first one at its start


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file was found: its path below the ingested root, and what a second look compares.

    `source` is what people see and type: the path below `root` with `/` between its parts, always valid
    UTF-8 (undecodable bytes as `\\xNN`). `location` is the absolute path in the file system's own bytes.
    """

    root: str
    source: str
    location: bytes
    content_hash: str  # sha256 of the file's bytes, in hex
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Source:
    """One file in the index, as a list of sources shows it."""

    source: str
    root: str
    location: bytes
    content_hash: str
    media_type: str
    title: str | None
    size_bytes: int
    modified_ns: int
    page_count: int
    chunk_count: int
    ingested_at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read, and why, in words for a person."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class IndexMeta:
    """What gives an index its meaning; stored in it, and wins over the settings.

    `parser_version` is the newest that wrote to it; each document has its own. The prefixes are what is put
    before a question and a passage to embed it.
    """

    embedding_model: str
    embedding_revision: str
    dimension: int
    chunk_tokens: int
    parser_version: int
    query_prefix: str = ""
    passage_prefix: str = ""


# --- a question's way -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search returned. `score` orders hits; `scores` says what it was made of.

    `label` is its page's, `line` the line in which it begins (0: not known): the file's where there are
    `lines`, which are its chunk's, else the page's. `inside` are the page's headings in its text, and `place`
    says in words where it is: "page 3", "sheet Budget, rows 2–14" (see `rag.places`).
    """

    chunk_id: int
    source: str
    page: int
    start: int
    end: int
    text: str
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
    headings: tuple[str, ...] = ()
    media_type: str = ""
    label: str | None = None
    line: int = 0
    place: str = ""
    inside: tuple[Heading, ...] = ()
    lines: tuple[LineMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A hit that made it into the prompt, with its number (from 1)."""

    number: int
    source: str
    page: int
    start: int
    end: int
    text: str
    score: float
    headings: tuple[str, ...] = ()
    media_type: str = ""
    label: str | None = None
    line: int = 0
    place: str = ""
    inside: tuple[Heading, ...] = ()
    lines: tuple[LineMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A number in an answer, resolved.

    `start`, `end` and `quote` are the words of the source that bear the sentence out (or come nearest);
    `answer_start` and `answer_end` are the sentence's place in the answer's text. `place` says in words where
    the quote is, `line` the line in which it begins, as a hit's (0: not known).
    """

    number: int
    source: str
    page: int
    start: int
    end: int
    quote: str
    verdict: Verdict
    answer_start: int
    answer_end: int
    label: str | None = None
    line: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark such as `[1]` in the answer's text, and the passages that it names."""

    start: int
    end: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer, its marks included; without marks its verdict is "uncited"."""

    start: int
    end: int
    numbers: tuple[int, ...]
    verdict: Verdict
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that did not fit the window, and why."""

    what: str
    tokens: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """How the window was spent, in the model's own tokens.

    `instruction + passages + history + question` is exactly the prompt that was decoded, and with
    `reserve` never exceeds `window`. `reused` of the prompt's tokens were still in the model's memory.
    `answer` is what the model wrote, at most `reserve`. `estimated` where the model is on a server that
    neither counts tokens nor takes them.
    """

    window: int
    instruction: int
    passages: int
    history: int
    question: int
    reserve: int
    reused: int = 0
    estimated: bool = False
    left_out: tuple[LeftOut, ...] = ()
    answer: int = 0

    @property
    def prompt(self) -> int:
        """Tokens of the whole prompt."""
        return self.instruction + self.passages + self.history + self.question


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation that went before."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question. When `abstained`, `passages` are the nearest, but not an answer.

    `stopped` is true when somebody stopped it and `text` is what was there by then; `cut` when the
    model ran out of its reserve in the middle.
    """

    question: str
    text: str
    mode: Mode
    abstained: bool
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    ledger: Ledger | None
    timings: Mapping[str, float]  # seconds by stage
    sentences: tuple[Sentence, ...] = ()
    model: str | None = None
    stopped: bool = False
    cut: bool = False


# --- the events of a stream, in the order in which they can come -----------------------------------


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The search is done; these passages are what the answer can rest on."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Queued:
    """Somebody else's answer is being written; `position` of them come before this one."""

    position: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The model has read `done` of the prompt's `total` tokens."""

    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence is complete and its mark was resolved and checked."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Done:
    """The last event, always: the whole answer."""

    answer: Answer


Event = Retrieved | Queued | Reading | TextDelta | Cited | Done
