"""A note beside the database of the last generation that was reported done.

SQLite's log ends, for SQLite, at the first frame whose checksum fails: a flipped bit in it takes back
commits without a word, and text that was replaced or removed would be shown again. The note tells. It is
written after each commit, so it is never ahead of a sound database; behind it, it says nothing.

Takes the index's folder and a generation. Knows nothing of the database.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

WITNESS_NAME = "last-commit"
_DIGITS = 20


def write_witness(directory: Path, generation: int) -> None:
    """Notes that this generation was committed; raises `OSError`.

    Not forced to disk: after a power cut an older note is no harm, and the commit itself was forced.
    """
    descriptor = os.open(directory / WITNESS_NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, _note(generation), 0)
    finally:
        os.close(descriptor)


def read_witness(directory: Path) -> int:
    """The generation that was noted; 0 when there is no note, or none that can be believed."""
    try:
        noted = (directory / WITNESS_NAME).read_bytes()
    except (FileNotFoundError, PermissionError):
        return 0
    number = noted[:_DIGITS]
    return int(number) if number.isdigit() and noted == _note(int(number)) else 0


def _note(generation: int) -> bytes:
    number = b"%0*d" % (_DIGITS, generation)
    return number + b" " + blake2b(number, digest_size=16).hexdigest().encode() + b"\n"
