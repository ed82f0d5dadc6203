"""LangChain's documents as they are kept, and back: metadata as JSON text, exactly what comes back later.

Takes texts, metadata and ids; gives `Kept`, or an error that names the value that can't be kept. Bounded:
values that refer to themselves, or to each other many times over, are told before they are written out. Does
not know where documents are kept.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document

from rag.errors import UsageError

MOST_CHARACTERS = 1_000_000  # of one document's metadata, each value counted as one and texts in full
MOST_LEVELS = 50


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as it is kept: `key` names it for its owner, `metadata` is JSON text."""

    key: str
    text: str
    metadata: str

    def plain(self) -> dict[str, Any]:
        """The metadata."""
        metadata: dict[str, Any] = json.loads(self.metadata)
        return metadata


def as_kept(
    texts: list[str],
    metadatas: Sequence[dict[str, Any]] | None,
    ids: Sequence[str | None] | None,
) -> list[Kept]:
    """Texts with metadata and ids as they are kept; an id that is not given is made up.

    Raises `UsageError` for lists of other lengths and for what can't be kept as it is.
    """
    for name, given in (("metadatas", metadatas), ("ids", ids)):
        if given is not None and len(given) != len(texts):
            raise UsageError(f"there are {len(texts)} texts and {len(given)} {name}; give one for each")
    keys = [
        uuid.uuid4().hex if key is None else valid_text(key, "an id") for key in ids or [None] * len(texts)
    ]
    return [
        Kept(key, valid_text(text, f"text {place}"), metadata_text(metadata or {}, whose=f"text {place}"))
        for place, (key, text, metadata) in enumerate(
            zip(keys, texts, metadatas or [{}] * len(texts), strict=True), start=1
        )
    ]


def as_document(kept: Kept) -> Document:
    """The document that was kept."""
    return Document(id=kept.key, page_content=kept.text, metadata=kept.plain())


def valid_text(text: str, what: str) -> str:
    """The text, if it can be kept as it is."""
    if not isinstance(text, str):
        raise UsageError(f"{what} is of type {type(text).__name__}: {text!r:.50}; it must be text")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        near = text[max(0, error.start - 20) : error.start + 20]
        raise UsageError(f"{what} holds half a surrogate pair (in {near!r}); replace it by U+FFFD") from None
    return text


def metadata_text(metadata: Mapping[str, Any], *, whose: str) -> str:
    """The metadata as JSON in ASCII; tuples become lists.

    Raises `UsageError` for what JSON can't hold, or not as it is (a date, a set, a number as a name), naming
    the field; `whose` says which document.
    """
    if not isinstance(metadata, Mapping):
        raise UsageError(f"the metadata of {whose} are {type(metadata).__name__}; they must be a dictionary")
    left = [MOST_CHARACTERS]
    _look(metadata, f"metadata of {whose}", left, 0)
    try:
        return json.dumps(dict(metadata), ensure_ascii=True)
    except ValueError as error:  # a number of more digits than Python writes out
        raise UsageError(f"metadata of {whose:.100} can't be written as JSON: {error}") from error


def _look(value: Any, where: str, left: list[int], level: int) -> None:
    left[0] -= 1 + (len(value) if isinstance(value, str) else 0)
    if left[0] < 0 or level > MOST_LEVELS:
        limit = f"{MOST_CHARACTERS} characters" if left[0] < 0 else f"{MOST_LEVELS} levels"
        raise UsageError(f"{where:.200} go over {limit}; keep what is large in the text or in a file")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if type(name) is not str:
                raise UsageError(f"{where:.200} have a name {name!r:.50} that is no text; write it as text")
            left[0] -= len(name)
            _look(inner, f"{where}, {name!r:.50}", left, level + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _look(inner, where, left, level + 1)
    elif value is not None and type(value) not in (str, int, float, bool):
        raise UsageError(
            f"{where:.200}: {value!r:.50} is of type {type(value).__name__}; metadata are text, numbers, true"
            " or false, None, and lists and dictionaries of these: convert it first (a date with isoformat())"
        )
