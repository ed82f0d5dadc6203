"""What a store must do, and `open_store`, which gives one for a path or an address.

A store keeps sources with their pages, chunks and vectors, and promises:

- `snapshot()` reads one generation, whatever a writer does meanwhile: `dense` and `keywords` give chunk
  ids with scores, `hits` turns ids into text with exact spans, `page` gives what a citation points at.
- `writer()` is held by one at a time; each of its methods is done or not done when the power goes.
- `meta()` says what gives the index its meaning (embedding model, chunking, parsers); it wins over the
  settings.
- Text that is shown is text that was put in: bytes that changed are an error that says so.
- `check()` says in words what is wrong.

There is one kind so far, `LocalStore`: a folder on this machine. Does not know what is asked of it.
"""

from __future__ import annotations

import re
from pathlib import Path

from rag.errors import UsageError
from rag.store.local_store import LocalStore

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(url: str | Path, *, create: bool = False) -> LocalStore:
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
