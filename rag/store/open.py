"""`open_store`: the store at a path or an address.

Takes what a person typed, gives a store (see `rag.store.contract`). Does not know what is asked of it.
"""

from __future__ import annotations

import re
from pathlib import Path

from rag.errors import UsageError
from rag.store.contract import Store
from rag.store.local_store import LocalStore

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(url: str | Path, *, create: bool = False) -> Store:
    """The store at a folder's path (`~` is the home folder); with `create`, a new one if need be.

    Raises `UsageError` for an address of another kind, and what `LocalStore.open` raises.
    """
    text = str(url)
    scheme = _SCHEME.match(text)
    if scheme:
        raise UsageError(
            f"an index at {text!r} can't be opened: {scheme.group(1)}:// is not known; give a folder's path"
        )
    if not text.strip():
        raise UsageError("the index's path is empty; give a folder's path")
    return LocalStore.open(Path(text).expanduser(), create=create)
