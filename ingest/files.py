"""Reads a file's bytes when it is an ordinary file of a bearable size, and nothing else.

Takes a path, gives bytes or their hash. FIFOs, devices, sockets and folders are refused before they are
opened for real (opening never blocks), a file over the limit before it is read, and one that grows while
it is read after `limit + 1` bytes. Knows nothing about formats.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from rag.errors import CorruptSource, SourceError

_BLOCK_BYTES = 1 << 20


def read_bytes(path: str | bytes, *, limit_megabytes: int) -> bytes:
    """All of a regular file; `SourceError` says why not. A file that shrinks or grows is refused."""
    with open_regular(path, limit_megabytes=limit_megabytes) as (stream, size):
        data = stream.read(size + 1)
    if len(data) != size:
        raise CorruptSource(
            f"the file changed while it was read ({size} bytes before, not so after); try again"
        )
    return data


def read_head(path: str | bytes, size_bytes: int) -> bytes:
    """The first bytes of a regular file of any size."""
    with open_regular(path, limit_megabytes=None) as (stream, _):
        return stream.read(size_bytes)


def hash_file(path: str | bytes, *, limit_megabytes: int) -> str:
    """sha256 of a regular file's bytes, in hex, in constant memory."""
    digest = hashlib.sha256()
    with open_regular(path, limit_megabytes=limit_megabytes) as (stream, size):
        seen = 0
        while seen <= size and (block := stream.read(_BLOCK_BYTES)):
            digest.update(block)
            seen += len(block)
    if seen != size:
        raise CorruptSource(
            f"the file changed while it was read ({size} bytes before, not so after); try again"
        )
    return digest.hexdigest()


@contextmanager
def open_regular(path: str | bytes, *, limit_megabytes: int | None) -> Iterator[tuple[BinaryIO, int]]:
    """The open file and its size in bytes; never blocks on a FIFO, never touches a device."""
    try:
        # the kind is looked at first: opening some devices already does something
        _refuse_all_but_regular(os.stat(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise SourceError(f"can't be opened: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as raw:
        status = os.fstat(descriptor)
        _refuse_all_but_regular(status)
        if limit_megabytes is not None and status.st_size > limit_megabytes << 20:
            raise SourceError(
                f"the file has {status.st_size / (1 << 20):,.0f} MB, the limit is {limit_megabytes} MB; "
                "raise file_megabytes to read it"
            )
        try:
            yield raw, status.st_size
        except OSError as error:
            raise SourceError(f"can't be read: {error.strerror}") from error


def _refuse_all_but_regular(status: os.stat_result) -> None:
    for what, is_that in (
        ("a folder", stat.S_ISDIR),
        ("a named pipe", stat.S_ISFIFO),
        ("a socket", stat.S_ISSOCK),
        ("a device", stat.S_ISCHR),
        ("a device", stat.S_ISBLK),
    ):
        if is_that(status.st_mode):
            raise SourceError(f"is {what}, not a file; only ordinary files are read")
