"""Questions about somebody's own documents, one JSON object a line: the file that `rag eval` reads.

Takes a path, gives `Question`s, or an error with the number of the first line that is wrong. Does not look
whether the documents that a question names are in any index.

The fields of a line; one that is not listed is an error, so that a misspelt one is noticed:

- `question`: what is asked (required);
- `source`: the document that answers, as `rag sources` shows it; null when no document answers (required);
- `page`: its page from 1, if it matters;
- `answer`: the words of that page that answer, as they stand there;
- `also`: a list of further `source`, `page`, `answer`, each of which answers as well;
- `id`: the question's name (else `line 7`), `language`: a label to group by, `kind`: why nothing answers,
  `note`: for people.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import UsageError

_PLACE_FIELDS = ("source", "page", "answer")
_FIELDS = ("id", "question", "language", *_PLACE_FIELDS, "also", "kind", "note")
_SHOWN = 60  # characters of a wrong value


@dataclass(frozen=True, slots=True)
class Expected:
    """A place that answers: a source, and where they are known, its page and the words there."""

    source: str
    page: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the places each of which answers it; with none, no document does."""

    id: str
    question: str
    expected: tuple[Expected, ...] = ()
    language: str = ""
    kind: str = ""
    note: str = ""


def read_questions(path: str | Path) -> tuple[Question, ...]:
    """The questions of a file, in its order; raises `UsageError` with file, line, what is wrong, the cure."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"{str(path)!r} can't be read ({error.strerror}); name a file of questions"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 (byte {error.object[error.start]:#04x} at {error.start}); save it as UTF-8"
        ) from error
    questions: list[Question] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(
        text.split("\n"), start=1
    ):  # JSON may hold U+2028, which splitlines cuts at
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        question = _question(line, where, number)
        if question.id in lines:
            raise UsageError(
                f"{where}: the id {question.id!r} is line {lines[question.id]}'s already; give each its own"
            )
        lines[question.id] = number
        questions.append(question)
    if not questions:
        raise UsageError(
            f'{path} holds no question; write one a line: {{"question": "...", "source": "..."}}'
        )
    return tuple(questions)


def question_line(question: Question) -> str:
    """A question as a line of such a file, without the line's end."""
    first, *others = question.expected or (None,)
    fields: dict[str, Any] = {"id": question.id, "question": question.question, "language": question.language}
    fields |= _place_fields(first) if first else {"source": None}
    fields |= {"also": [_place_fields(one) for one in others if one]}
    fields |= {"kind": question.kind, "note": question.note}
    return json.dumps(
        {key: value for key, value in fields.items() if value or key == "source"}, ensure_ascii=False
    )


def _place_fields(expected: Expected) -> dict[str, Any]:
    fields = {"source": expected.source, "page": expected.page, "answer": expected.answer}
    return {key: value for key, value in fields.items() if value is not None}


def _question(line: str, where: str, number: int) -> Question:
    fields = _object(line, where)
    _only(fields, _FIELDS, where)
    asked = _text(fields, "question", where)
    if asked is None:
        raise UsageError(f'{where}: there is no "question"; write what is asked')
    if "source" not in fields:
        raise UsageError(
            f'{where}: there is no "source"; name the document that answers, as `rag sources` shows it,'
            " or write null when none does"
        )
    return Question(
        id=_text(fields, "id", where) or f"line {number}",
        question=asked,
        expected=_all_expected(fields, where),
        language=_text(fields, "language", where) or "",
        kind=_text(fields, "kind", where) or "",
        note=_text(fields, "note", where) or "",
    )


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        why = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else "absurd"
        raise UsageError(
            f"{where} is not JSON ({why}); write one object a line, with double quotes"
        ) from error
    if not isinstance(fields, dict):
        raise UsageError(
            f'{where} is not an object but {_shown(fields)}; write {{"question": ..., "source": ...}}'
        )
    return fields


def _all_expected(fields: dict[str, Any], where: str) -> tuple[Expected, ...]:
    first = _expected(fields, where)
    also = fields.get("also")
    if also is None:
        also = []
    if not isinstance(also, list) or not all(isinstance(one, dict) for one in also):
        raise UsageError(f'{where}: "also" is {_shown(also)}; it is a list of {{"source", "page", "answer"}}')
    if first is None:
        given = [name for name in ("page", "answer", "also") if fields.get(name)]
        if given:
            raise UsageError(
                f'{where}: "source" is null, yet "{given[0]}" is given; name the document, or leave it out'
            )
        return ()
    others = []
    for position, one in enumerate(also, start=1):
        at = f'{where}, "also" {position}'
        _only(one, _PLACE_FIELDS, at)
        other = _expected(one, at)
        if other is None:
            raise UsageError(f'{at}: there is no "source"; name the document that answers as well')
        others.append(other)
    return (first, *others)


def _expected(fields: dict[str, Any], where: str) -> Expected | None:
    source, page = _text(fields, "source", where), fields.get("page")
    if page is not None and (type(page) is not int or page < 1):
        raise UsageError(f'{where}: "page" is {_shown(page)}; it is a whole number from 1, or left out')
    answer = _text(fields, "answer", where)
    return None if source is None else Expected(source, page, answer)


def _text(fields: dict[str, Any], name: str, where: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f'{where}: "{name}" is {_shown(value)}; it is text, or left out')
    return value.encode("utf-8", "replace").decode()  # JSON can spell half a surrogate pair


def _only(fields: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in fields:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"the fields are {', '.join(known)}"
            raise UsageError(f"{where}: {_shown(name)} is no field of a question; {hint}")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
