"""Files that came through the browser, kept in a folder of the index's.

Takes names and bytes as a browser sends them, which is to say as anybody sends them; gives paths inside the
folder, never outside. Does not know what the files hold.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path
from typing import BinaryIO

from rag.errors import StoreError, UsageError

FOLDER_NAME = "uploads"
MOST_FILES = 1000  # in one go; a larger collection is better named as a folder than sent through a browser
_LONGEST_NAME = 180  # bytes of UTF-8; file systems take 255, and a number may have to be added
_MOST_FOLDERS = 12
_BLOCK_BYTES = 1 << 20
# Separators, controls, and what reorders text: an "annex\u202efdp.exe" must not look like a PDF.
_UNWANTED = re.compile(
    "[\x00-\x1f\x7f-\x9f/\\\\\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def safe_name(name: str) -> str:
    """A file name that is only that: no folders, no controls, not hidden, not over-long.

    >>> safe_name("../../etc/passwd")
    'passwd'
    """
    last = re.split(r"[/\\]", name)[-1]
    cleaned = unicodedata.normalize("NFC", _UNWANTED.sub("", last)).strip().lstrip(".").strip()
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or len(ending.encode()) > 16:
        stem, dot, ending = cleaned, "", ""
    stem = _cut(stem.rstrip(), _LONGEST_NAME - len(ending.encode()) - 1)
    return f"{stem}{dot}{ending}" if stem else f"document{dot}{ending}"


def save(folder: Path, name: str, content: BinaryIO) -> Path:
    """Writes the file; under another name with a number when a different one is there under its own.

    The same file again gives the same path, and nothing is written. A half-written file never has the
    final name.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = _digest(content)
        path = _free_path(folder, safe_name(name), digest)
        if not path.exists():
            _write(path, content)
    except OSError as error:
        raise StoreError(f"{safe_name(name)} can't be kept in {folder}: {error.strerror}") from error
    return path


def save_below(folder: Path, path: str, content: BinaryIO) -> Path:
    """As `save`, for a file of a folder that was dropped: the folders that it lies in are kept.

    `..`, empty and too deep parts of the path are left away, so that it never leads out.
    """
    *folders, name = re.split(r"[/\\]", path)
    kept = [safe_name(part) for part in folders if part.strip(" .")]
    return save(folder.joinpath(*kept[:_MOST_FOLDERS]), name, content)


def require_few(count: int) -> None:
    """Raises `UsageError` when that many files are too many for one go."""
    if count > MOST_FILES:
        raise UsageError(f"{count} files at once; {MOST_FILES} is the limit: name their folder instead")


def holds(folder: Path, location: bytes) -> bool:
    """Whether a location is one of the files kept here."""
    inside = os.fsencode(os.path.join(os.path.realpath(folder), ""))
    return os.path.realpath(location).startswith(inside)


def discard(folder: Path, location: bytes) -> bool:
    """Deletes a file that is kept here; false when it is not kept here or already gone."""
    if not holds(folder, location):
        return False
    try:
        os.unlink(location)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"the uploaded file can't be deleted: {error.strerror}") from error
    return True


def _free_path(folder: Path, name: str, digest: str) -> Path:
    """The path of the same file, if it is there; else the first that is not taken."""
    plain = Path(name)
    number = 1
    while True:
        path = folder / (name if number == 1 else f"{plain.stem} ({number}){plain.suffix}")
        if not path.exists():
            return path
        with path.open("rb") as there:
            if _digest(there) == digest:
                return path
        number += 1


def _digest(content: BinaryIO) -> str:
    content.seek(0)
    digest = hashlib.sha256()
    while block := content.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _write(path: Path, content: BinaryIO) -> None:
    part = path.with_name(f".{path.name}.part")
    content.seek(0)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            while block := content.read(_BLOCK_BYTES):
                file.write(block)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _cut(text: str, size_bytes: int) -> str:
    return text.encode("utf-8")[:size_bytes].decode("utf-8", "ignore").rstrip()
