"""What the model has read before, kept so that it need not be read again.

Takes a prompt's ids and llama.cpp's state after reading them, gives back the state whose ids go furthest
along with a new prompt: in memory first, else on disk, where it outlives the process. Both are bounded; the
least recently used goes first. Restoring a thousand tokens takes a hundredth of a second, reading them half
a minute.

An entry on disk is one file: a header with the model's key, the ids and a checksum, then the state. A file
that is damaged, cut short or of another model is not used; what a killed process left half written goes.
Knows nothing of llama.cpp: a state is bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

MEMORY_BYTES = 512 << 20
DISK_BYTES = 4 << 30
FREE_BYTES = 2 << 30  # of the disk: the index and other programs need it more
WORTH_TOKENS = 64  # a shorter prefix is read again sooner than a file is

_MAGIC = b"RAGSTATE1"
_SUFFIX = ".state"
_UNFINISHED = ".part"
_ABANDONED_SECONDS = 3600  # a file is written in seconds


@dataclass(frozen=True, slots=True)
class State:
    """llama.cpp's memory of `ids`."""

    ids: tuple[int, ...]
    data: bytes | bytearray


class StateCache:
    """States of one model. `key` names the model's file and everything else that a state depends on.

    Without a `folder` nothing is written. Methods are safe from several threads; `put` writes to disk in a
    thread of its own, and `flush` waits for it.
    """

    def __init__(
        self,
        key: str,
        *,
        folder: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
        disk_bytes: int = DISK_BYTES,
    ) -> None:
        self._key = key
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes
        self._kept: OrderedDict[tuple[int, ...], bytes | bytearray] = OrderedDict()
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._on_disk = dict(self._scanned())

    @property
    def largest_bytes(self) -> int:
        """A state of more than this is not kept."""
        return self._memory_bytes

    def best(self, ids: Sequence[int], *, beyond: int) -> State | None:
        """The state that shares the longest beginning with `ids`.

        None unless it shares `WORTH_TOKENS` more than `beyond`.
        """
        wanted = tuple(ids)
        shared, found = max(((common_prefix(one, wanted), one) for one in self.known()), default=(0, ()))
        if shared < beyond + WORTH_TOKENS:
            return None
        data = self._from_memory(found) or self._from_disk(found)
        return State(found, data) if data else None

    def known(self) -> list[tuple[int, ...]]:
        """The ids of every state that is kept."""
        with self._lock:
            return [*self._kept, *(ids for ids in self._on_disk if ids not in self._kept)]

    def put(self, ids: Sequence[int], data: bytes | bytearray) -> None:
        """Keeps a state; one whose ids are the beginning of these is replaced by it."""
        if len(ids) < WORTH_TOKENS or len(data) > self._memory_bytes:
            return
        state = State(tuple(ids), data)
        with self._lock:
            for shorter in [one for one in self._kept if one == state.ids[: len(one)]]:
                del self._kept[shorter]
            self._kept[state.ids] = data
            while sum(map(len, self._kept.values())) > self._memory_bytes:
                self._kept.popitem(last=False)
            known = state.ids in self._on_disk
        if self._folder is not None and not known:
            self.flush()
            self._writer = threading.Thread(
                target=self._write, args=[state], name="state-cache", daemon=False
            )
            self._writer.start()

    def flush(self) -> None:
        """Waits until what was put is on disk."""
        if self._writer is not None:
            self._writer.join()

    # --- memory and disk ------------------------------------------------------------------------------

    def _from_memory(self, ids: tuple[int, ...]) -> bytes | bytearray | None:
        with self._lock:
            if ids in self._kept:
                self._kept.move_to_end(ids)
            return self._kept.get(ids)

    def _from_disk(self, ids: tuple[int, ...]) -> bytes | None:
        with self._lock:
            path = self._on_disk.get(ids)
        if path is None:
            return None
        data = None
        with contextlib.suppress(OSError):  # another process may have made room
            content = path.read_bytes()
            header, offset = _header(content)
            if header and header["checksum"] == _checksum(content[offset:]):
                data = content[offset:]
                os.utime(path)
        if data is None:
            with self._lock:
                self._on_disk.pop(ids, None)
            path.unlink(missing_ok=True)
        return data

    def _write(self, state: State) -> None:
        assert self._folder is not None
        header = json.dumps({"key": self._key, "ids": state.ids, "checksum": _checksum(state.data)}).encode()
        name = hashlib.blake2b(self._key.encode() + repr(state.ids).encode(), digest_size=16).hexdigest()
        path = self._folder / (name + _SUFFIX)
        unfinished = path.with_suffix(f".{os.getpid()}{_UNFINISHED}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if shutil.disk_usage(self._folder).free < FREE_BYTES + len(state.data):
                return
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_MAGIC + struct.pack("<Q", len(header)) + header)
                file.write(state.data)
            os.replace(unfinished, path)
        except OSError:  # a full disk costs the shortcut, nothing else
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            return
        with self._lock:
            self._on_disk[state.ids] = path
        self._make_room()

    def _make_room(self) -> None:
        """Removes the files that were not used for longest, until the rest is within bounds.

        Another process may do so at the same time, so a file may be gone at any moment.
        """
        assert self._folder is not None
        files = []
        for path in self._folder.glob("*" + _SUFFIX):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total, kept = 0, set()
        for _, size, path in sorted(files, reverse=True):
            total += size
            if total > self._disk_bytes:
                path.unlink(missing_ok=True)
            else:
                kept.add(path)
        with self._lock:
            self._on_disk = {ids: path for ids, path in self._on_disk.items() if path in kept}

    def _scanned(self) -> Iterator[tuple[tuple[int, ...], Path]]:
        """The ids of each usable file in the folder; only headers are read."""
        if self._folder is None or not self._folder.is_dir():
            return
        _remove_abandoned(self._folder)
        for path in self._folder.glob("*" + _SUFFIX):
            with contextlib.suppress(OSError), path.open("rb") as file:
                header, _ = _header(file.read(1 << 20))
                if header and header["key"] == self._key:
                    yield tuple(header["ids"]), path


def states_folder() -> Path:
    """Where states outlive the process. They hold what was read, documents' text included: 0700."""
    return Path(platformdirs.user_cache_dir("openchat-rag")) / "states"


def forget_states() -> None:
    """Removes all states from disk, so that nothing of a removed document is left in them."""
    for ending in (_SUFFIX, _UNFINISHED):
        for path in states_folder().glob("*" + ending):
            path.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Removes what processes that were killed left half written."""
    for path in folder.glob("*" + _UNFINISHED):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids both begin with."""
    for position, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return position
    return min(len(first), len(second))


def _header(content: bytes) -> tuple[dict[str, Any] | None, int]:
    begin = len(_MAGIC) + 8
    if not content.startswith(_MAGIC) or len(content) < begin:
        return None, 0
    end = begin + int(struct.unpack("<Q", content[len(_MAGIC) : begin])[0])
    try:
        header = json.loads(content[begin:end])
    except ValueError:
        return None, 0
    known = isinstance(header, dict) and {"key", "ids", "checksum"} <= set(header)
    return (header, end) if known else (None, 0)


def _checksum(data: bytes | bytearray) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
