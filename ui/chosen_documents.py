"""Which documents the next question is put to, as a tab remembers it: sources, folders, kinds, dates.

Takes the index's sources and what a person chose, gives the filters for the chain and the chips that show
them. Sources and folders are kept by their whole paths, so that no other of the same name is meant. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from rag.records import Source
from rag.search.filters import type_word
from rag.store.local_rows import address_of
from ui.terminal import visible

MOST_LISTED = 500  # sources and folders to pick from; others are typed

_WORDS = {"pdf": "PDF", "word": "Word", "data": "JSON", "web": "Web pages", "code": "Source code"}


@dataclass(frozen=True, slots=True)
class Options:
    """What there is to choose from: what is kept, with what is shown for it."""

    sources: dict[str, str]
    folders: dict[str, str]
    types: dict[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen; empty: all documents. Of a kind any, of several all, as in `rag.search.filters`."""

    source: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    def filters(self) -> tuple[str, ...]:
        """As the chain takes them."""
        return tuple(f"{kind}:{value}" for kind, value in self._each())

    def chips(self, options: Options) -> list[dict[str, str]]:
        """One for each value: its filter, by which it is taken away, and what stands on it."""
        return [
            {"id": f"{kind}:{value}", "label": _label(kind, value, options)} for kind, value in self._each()
        ]

    def without(self, chip: str) -> Choice:
        """The rest, after a chip was taken away."""
        kind, _, value = chip.partition(":")
        if kind not in self.__slots__:
            return self
        return replace(self, **{kind: tuple(one for one in getattr(self, kind) if one != value)})

    def _each(self) -> list[tuple[str, str]]:
        return [(kind, value) for kind in self.__slots__ for value in getattr(self, kind)]


def options_of(sources: Sequence[Source]) -> Options:
    """What the index's sources leave to choose from, the folders with their parents."""
    files = {address_of(source.location): visible(source.source) for source in sources[:MOST_LISTED]}
    folders: dict[str, str] = {}
    for source in sources:
        for folder in PurePosixPath(source.source).parents:
            if str(folder) != "." and len(folders) < MOST_LISTED:
                folders.setdefault(f"{source.root.rstrip('/')}/{folder}", visible(f"{folder}/"))
    counts = Counter(type_word(source.media_type) for source in sources)
    types = {word: f"{type_label(word)} ({count:,})" for word, count in counts.most_common()}
    return Options(files, dict(sorted(folders.items(), key=lambda item: item[1])), types)


def type_label(word: str) -> str:
    """What stands on the page for a type's word: `type_label("sheet")` is `"Sheets"`."""
    return _WORDS.get(word) or (
        word.title() if word.endswith("s") or word in ("mail", "text", "markdown") else f"{word.title()}s"
    )


def _label(kind: str, value: str, options: Options) -> str:
    if kind == "source":
        return options.sources.get(value, visible(value))
    if kind == "folder":
        return options.folders.get(value, visible(f"{value}/"))
    if kind == "type":
        return type_label(visible(value))
    return f"modified {'since' if kind == 'after' else 'before'} {visible(value)}"
