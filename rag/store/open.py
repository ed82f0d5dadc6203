"""`open_store`: the store at a path or an address.

Takes what a person typed, gives a store (see `rag.store.contract`). Does not know what is asked of it.
Milvus's client is loaded when an index in Milvus is opened, not before.
"""

from __future__ import annotations

import re
from pathlib import Path

from rag.errors import UsageError
from rag.store.contract import Store
from rag.store.local_store import LocalStore
from rag.store.milvus_address import is_lite, is_server, lite_address, server_address

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(url: str | Path, *, create: bool = False) -> Store:
    """The store at a folder's path, a Milvus server's address or a milvus-lite file's path (`x.db`).

    `~` is the home folder; with `create`, a new one if need be. Raises `UsageError` for an address of another
    kind, and what `LocalStore.open` and `MilvusStore.open` raise.
    """
    text = str(url)
    if not text.strip():
        raise UsageError("the index's path is empty; give a folder's path")
    if is_server(text) or is_lite(text):
        from rag.store.milvus_store import MilvusStore

        address = server_address(text) if is_server(text) else lite_address(text)
        return MilvusStore.open(address, create=create)
    scheme = _SCHEME.match(text)
    if scheme:
        raise UsageError(
            f"an index at {text!r} can't be opened: {scheme.group(1)}:// is not known; give a folder's path,"
            " or a Milvus as http://HOST:PORT"
        )
    return LocalStore.open(Path(text).expanduser(), create=create)


def index_place(index: str) -> str:
    """One spelling for each index: a server's whole address, or an absolute path."""
    if is_server(index):
        return server_address(index).shown
    return str(Path(index).expanduser().absolute())
