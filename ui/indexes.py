"""The indexes of this machine by name: the one of the settings, and those made on the page.

Takes a name, gives a folder. The folder's name is the index's; they lie side by side in the platform's
folder for data. Opens none of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from rag.errors import UsageError
from rag.settings import Settings
from rag.store.open import index_place
from ui.terminal import one_line

DEFAULT_NAME = "Documents"
_MOST_CHARACTERS = 60
_NAME = re.compile(r"\w[\w .,()+-]*")


@dataclass(frozen=True, slots=True)
class NamedIndex:
    """An index's name, and its folder."""

    name: str
    path: str


def indexes_folder() -> Path:
    """Where indexes made on the page are."""
    return Path(platformdirs.user_data_dir("openchat-rag")) / "indexes"


def known_indexes(settings: Settings) -> list[NamedIndex]:
    """All of them, that of the settings first."""
    own = index_place(settings.index)
    default = Settings().index
    found = [NamedIndex(DEFAULT_NAME if own == default else one_line(own.rpartition("/")[2], 60), own)]
    if own != default and Path(default).is_dir():
        found.append(NamedIndex(DEFAULT_NAME, default))
    folder = indexes_folder()
    named = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return found + [NamedIndex(one_line(path.name, 60), str(path)) for path in named if str(path) != own]


def new_index(name: str, settings: Settings) -> NamedIndex:
    """The folder for a new index of that name, not yet made; raises `UsageError` for a name that won't do."""
    cleaned = unicodedata.normalize("NFC", " ".join(name.split()))
    if not _NAME.fullmatch(cleaned) or len(cleaned) > _MOST_CHARACTERS or len(cleaned.encode()) > 200:
        raise UsageError(
            f"an index can't be named {one_line(name, 80)!r}: give 1 to {_MOST_CHARACTERS} letters, digits, "
            "spaces or . , ( ) + -, the first a letter or a digit"
        )
    cleaned = cleaned.rstrip(" .")
    if any(known.name.casefold() == cleaned.casefold() for known in known_indexes(settings)):
        raise UsageError(f"there is an index named {cleaned!r} already; choose it, or give another name")
    return NamedIndex(cleaned, str(indexes_folder() / cleaned))
