"""Milvus's client, connected to an address; milvus-lite's server in this process where that is a file.

Takes an address, gives a client that speaks to nothing else: no proxy of the environment is used, and its
habit of reading a `.env` file is off. milvus-lite runs once for each file, and keeps other processes out.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from rag.errors import IndexInvalid, IndexLocked, StoreError
from rag.store.milvus_address import MilvusAddress

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# pymilvus pings every 10 s, calls or none. A server with gRPC's defaults, as milvus-lite's is, ends the
# connection after three within five minutes, and the call that comes just then fails.
_GRPC = {
    "grpc.enable_http_proxy": 0,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.keepalive_time_ms": 330_000,
}

_lite_lock = Lock()
_lite_uses: dict[str, int] = {}  # by the file's path: how many are open in this process


def _load_client() -> None:
    """Imports the client so that it reads no `.env` file, and says nothing behind our back."""
    before = os.environ.get("PYTHON_DOTENV_DISABLED")
    os.environ["PYTHON_DOTENV_DISABLED"] = "1"
    try:
        import pymilvus  # noqa: F401
    except ImportError as error:
        raise StoreError(
            f"an index in Milvus needs its client, which is not installed ({error}):"
            " pip install 'openchat-rag[milvus]'"
        ) from error
    finally:
        if before is None:
            del os.environ["PYTHON_DOTENV_DISABLED"]
        else:
            os.environ["PYTHON_DOTENV_DISABLED"] = before
    for name in ("pymilvus", "pymilvus.milvus_client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what it has to say comes as an error too


def connected(address: MilvusAddress, *, seconds: float) -> MilvusClient:
    """A client that has reached the address, within so many seconds."""
    _load_client()
    from pymilvus import MilvusClient

    uri = _lite_server(address) if address.lite else address.uri
    try:
        return MilvusClient(
            uri=uri,
            token=address.token,
            timeout=seconds,
            dedicated=True,
            grpc_options=_GRPC,
        )
    except BaseException:
        if address.lite:
            release_lite(address.uri)
        raise


def _lite_server(address: MilvusAddress) -> str:
    """The loopback address of milvus-lite's server for a file, started when this process has none yet."""
    try:
        from milvus_lite.server_manager import server_manager_instance
    except ImportError as error:
        raise StoreError(
            f"{address.shown!r} is a milvus-lite file, and milvus-lite is not installed ({error}):"
            " pip install 'openchat-rag[milvus]'"
        ) from error
    path = Path(address.uri)
    if path.exists() and not path.is_dir():
        raise IndexInvalid(
            f"{address.shown!r} is a file, and not one of milvus-lite's (since version 3 these are folders);"
            " name another"
        )
    if path.is_dir() and any(path.iterdir()) and not (path / "collections").is_dir():
        raise IndexInvalid(f"{address.shown!r} is a folder with other things in it; name another")
    logging.getLogger("milvus_lite").setLevel(logging.CRITICAL)
    with _lite_lock:
        path.parent.mkdir(parents=True, exist_ok=True)
        uri: str | None = server_manager_instance.start_and_get_uri(address.uri)
        if uri is None:
            raise IndexLocked(
                f"index {address.shown!r} can't be opened: another process has it open (a milvus-lite file is"
                " for one process at a time: stop the other, or run a Milvus server), or it is damaged"
            )
        _lite_uses[address.uri] = _lite_uses.get(address.uri, 0) + 1
    return uri


def release_lite(path: str) -> None:
    """One use of a milvus-lite file less; after the last one its server stops."""
    from milvus_lite.server_manager import server_manager_instance

    with _lite_lock:
        left = _lite_uses.get(path, 1) - 1
        if left:
            _lite_uses[path] = left
            return
        _lite_uses.pop(path, None)
        server_manager_instance.release_server(path)
