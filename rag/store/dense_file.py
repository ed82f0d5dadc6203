"""The file that caches a `DenseIndex`, so that a start need not read every vector from the database.

Takes an index, leaves a file; takes a file, gives the index or says that it can't be trusted. It is ours: a
header with a checksum of what follows, then the ids, then FAISS's own bytes. FAISS loads an index with
flipped bits without a word, so it never sees bytes that were not verified first; and it overwrites in
place, so the file is written under another name and renamed. Knows nothing of databases.
"""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rag.store.dense_index import DenseIndex

MAGIC = b"RAGDENSE"
FORMAT = 2
# magic, format, dimension, vectors when the codebooks were made, generation, stamp, count of vectors, last
# id, bytes of the body, their BLAKE2b
_HEADER = struct.Struct("<8sIIQQ16sQQQ32s")
_VERSION = struct.Struct("<I")
_HEADER_CHECKSUM_BYTES = 16
_BODY_STARTS = _HEADER.size + _HEADER_CHECKSUM_BYTES
_READ_BYTES = 1 << 20


def _faiss() -> Any:
    import faiss  # its stubs lack the two classes that are used here

    return faiss


class DenseFileError(Exception):
    """The file is not one of ours, or its bytes changed; it can be made anew."""


class DenseFileOfOtherFormat(DenseFileError):
    """Another version of this program made the file, or its fourth word changed."""


@dataclass(frozen=True, slots=True)
class DenseHeader:
    """What a cache file says of itself."""

    dimension: int
    trained_at: int  # how many vectors there were when the codebooks were made; 0 of an index that is flat
    generation: int
    stamp: bytes
    count: int
    last_id: int  # 0 when there is none
    body_bytes: int
    body_digest: bytes


def read_header(path: Path) -> DenseHeader:
    """The verified header of a cache file.

    Raises `FileNotFoundError`, or `DenseFileError` when the file is not one of ours or damaged.
    """
    with open(path, "rb") as file:
        return _parsed_header(file.read(_BODY_STARTS))


def _parsed_header(beginning: bytes) -> DenseHeader:
    if len(beginning) < _BODY_STARTS or not beginning.startswith(MAGIC):
        raise DenseFileError("it does not begin like one of our vector files")
    (version,) = _VERSION.unpack_from(beginning, len(MAGIC))
    if version != FORMAT:  # looked at first: the header of another format may be of another size
        raise DenseFileOfOtherFormat(f"its format is {version}; this program reads {FORMAT}")
    packed, checksum = beginning[: _HEADER.size], beginning[_HEADER.size :]
    if blake2b(packed, digest_size=_HEADER_CHECKSUM_BYTES).digest() != checksum:
        raise DenseFileError("its header has changed")
    _, _, *rest = _HEADER.unpack(packed)
    return DenseHeader(*rest)


def read_dense_file(path: Path) -> DenseIndex:
    """The index in a cache file, after every byte of it was verified; raises as `read_header` does."""
    with open(path, "rb") as file:
        header = _parsed_header(file.read(_BODY_STARTS))
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes != _BODY_STARTS + header.body_bytes or header.body_bytes < 8 * header.count:
            raise DenseFileError(f"it has {size_bytes} bytes, not {_BODY_STARTS + header.body_bytes}")
        # Not mapped into memory: a file that shrinks meanwhile would be a signal instead of an error.
        digest = blake2b(digest_size=32)
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
        if digest.digest() != header.body_digest:
            raise DenseFileError("its content has changed")
        file.seek(_BODY_STARTS)
        return _loaded(header, file)


def _loaded(header: DenseHeader, file: BinaryIO) -> DenseIndex:
    faiss = _faiss()
    ids = np.frombuffer(file.read(8 * header.count), "<i8").astype(np.int64)
    try:
        index = faiss.read_index(faiss.PyCallbackIOReader(file.read, _READ_BYTES))
    except RuntimeError as error:
        raise DenseFileError(f"FAISS cannot read it ({error})") from error
    if (index.ntotal, index.d) != (header.count, header.dimension):
        raise DenseFileError(f"it holds {index.ntotal} vectors of {index.d}, not what its header says")
    expected = faiss.IndexPQFastScan if header.trained_at else faiss.IndexFlat
    if not isinstance(index, expected):
        raise DenseFileError(f"it holds a {type(index).__name__}, not what its header says")
    return DenseIndex.of(
        index, ids, trained_at=header.trained_at, generation=header.generation, stamp=header.stamp
    )


def write_dense_file(path: Path, dense: DenseIndex) -> None:
    """Replaces the cache file in one step: whoever reads it sees the old one or the new one, whole.

    Raises `OSError` (a full disk, a read-only folder); the old file is then as it was. The name that is
    written to first is fixed and locked, so that a killed process leaves one file behind at most and
    two processes do not write into each other's.
    """
    unfinished = path.with_name(path.name + ".new")
    with os.fdopen(_locked(unfinished), "r+b") as file:
        try:
            _write(file, dense.folded())
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)  # half a file is of no use, and takes space
            raise
    sync_folder(path.parent)


def _write(file: BinaryIO, dense: DenseIndex) -> None:
    file.truncate(0)
    file.write(bytes(_BODY_STARTS))
    digest, body_bytes = _write_body(file, dense)
    packed = _HEADER.pack(
        *(MAGIC, FORMAT, dense.dimension, dense.large.trained_at, dense.generation, dense.stamp),
        *(len(dense.large.ids), dense.last_id, body_bytes, digest),
    )
    file.seek(0)
    file.write(packed + blake2b(packed, digest_size=_HEADER_CHECKSUM_BYTES).digest())
    file.flush()
    os.fsync(file.fileno())


def _locked(path: Path) -> int:
    """A descriptor of the file at `path`, which no other process holds the lock of."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # While we waited, whoever held it may have renamed it to the real name.
        try:
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _write_body(file: BinaryIO, dense: DenseIndex) -> tuple[bytes, int]:
    faiss = _faiss()
    digest = blake2b(digest_size=32)
    count = 0
    failed: list[OSError] = []

    def write(piece: bytes) -> int:
        nonlocal count
        digest.update(piece)
        count += len(piece)
        try:
            return int(file.write(piece))
        except OSError as error:  # FAISS would turn it into an error that has lost its number
            failed.append(error)
            return 0

    write(dense.large.ids.astype("<i8").tobytes())
    try:
        faiss.write_index(dense.large.index, faiss.PyCallbackIOWriter(write, _READ_BYTES))
    except RuntimeError:
        if not failed:
            raise
    if failed:
        raise failed[0]
    return digest.digest(), count


def sync_folder(directory: Path) -> None:
    """Makes the names in a folder outlast a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
