"""What an evaluation gives: a row for each question, and what was asked of what; to JSON and back.

Frozen, plain data. The JSON holds a version; what another version wrote is refused by its number. Does not
know how anything is measured: `rag.evaluation.measures` makes numbers of these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from rag.errors import UsageError
from rag.evaluation.question_file import Expected
from rag.records import Verdict

FORMAT = 1

EvalMode = Literal["search", "quotes", "model"]


@dataclass(frozen=True, slots=True)
class Found:
    """A hit, in its rank's place; `right` where it answers, `place` in words, `excerpt` how it begins."""

    source: str
    page: int
    start: int
    end: int
    score: float
    right: bool
    place: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class CitedPlace:
    """A citation of the answer; `right` where it is on a page that answers."""

    number: int
    source: str
    page: int
    quote: str
    verdict: Verdict
    right: bool


@dataclass(frozen=True, slots=True)
class Row:
    """All that was measured of one question; None where a thing was not, or does not apply.

    `problems` say which expected places can't be looked for (no such source or page in the index); a question
    all of whose places have one is not `measured`. Ranks count from 1; None: not among those found.
    """

    id: str
    question: str
    language: str = ""
    kind: str = ""
    expected: tuple[Expected, ...] = ()
    problems: tuple[str, ...] = ()
    measured: bool = True
    words_not_on_page: bool = False  # an expected answer was given, and its words stand on none of its pages
    found: tuple[Found, ...] = ()
    rank: int | None = None  # of the first hit that answers
    page_known: bool = False
    page_rank: int | None = None  # of the first hit on a page that answers
    character_recall: float | None = None  # of the words that answer, in the first k
    abstained: bool | None = None
    answer: str | None = None
    contains: bool | None = None  # the answer holds the expected words
    cites_right_page: bool | None = None
    citations: tuple[CitedPlace, ...] = ()
    verdicts: Mapping[Verdict, int] = field(default_factory=dict)  # of the answer's sentences
    cut: bool = False  # the answer ran out of its reserve of tokens
    grade: int | None = None
    feedback: str | None = None
    malformed: str | None = None  # why the judge's words are no grade
    seconds: Mapping[str, float] = field(default_factory=dict)  # search, first_word, whole
    error: str | None = None  # why there is no answer

    @property
    def answerable(self) -> bool:
        """Whether the documents answer the question, as its file says."""
        return bool(self.expected)


@dataclass(frozen=True, slots=True)
class EvalResult:
    """A run: its rows, in the file's order, and what they were measured with.

    `asked` is how many questions there were; `ended` says why there are fewer rows, if there are.
    """

    mode: EvalMode
    k: int
    asked: int
    rows: tuple[Row, ...]
    ended: str | None = None
    index: str = ""
    embedder: str = ""
    model: str | None = None
    judge: str | None = None
    made_at: str = ""  # ISO 8601, UTC

    @property
    def depth(self) -> int:
        """How many hits each row lists, at most."""
        return max(self.k, 5)

    def as_json(self, more: Mapping[str, Any] | None = None) -> str:
        """As JSON text with its version; `more` is for people and programs, and not read back."""
        plain = _adapter().dump_python(self, mode="json")
        return json.dumps({"format": FORMAT, **(more or {}), **plain}, ensure_ascii=False, indent=1) + "\n"


def result_from_json(text: str, name: str) -> EvalResult:
    """What `as_json` wrote; raises `UsageError` naming `name` for anything else."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON; name a file that `rag eval --json FILE` wrote") from error
    version = plain.get("format") if isinstance(plain, dict) else None
    if type(version) is not int:
        raise UsageError(
            f"{name} is no result of an evaluation; name a file that `rag eval --json FILE` wrote"
        )
    if version != FORMAT:
        raise UsageError(
            f"{name} has format {version}; this version reads {FORMAT}: make it again with `rag eval --json`"
        )
    try:
        return _adapter().validate_python(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{name}: {where}: {first['msg']}; make it again with `rag eval --json {name}`"
        ) from error


@cache
def _adapter() -> TypeAdapter[EvalResult]:
    return TypeAdapter(EvalResult)
