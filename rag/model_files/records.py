"""What is known of the model files on this machine: `models.json` in the models folder.

Takes paths, gives each file's recorded sha256 and which file is the default. A verified file is remembered
with its stamp (size, times, inode), so that 4 GB are hashed again only when the stamp changed. Does not know
where files come from, and does not look into them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from rag.errors import ModelError, ModelInvalid

RECORDS_NAME = "models.json"
_LOCK_NAME = "models.lock"
_FORMAT = 1
_BLOCK_BYTES = 1 << 20

# (what is being done, bytes done, bytes in all)
OnProgress = Callable[[str, int, int], None]
# size, mtime and ctime in nanoseconds, inode: a file written to behind our back differs in one of them
Stamp = tuple[int, int, int, int]
NO_STAMP: Stamp = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What is known of one file. `origin` is `repository@commit` where the hub published the hash."""

    sha256: str
    size_bytes: int
    stamp: Stamp
    recorded_at: str
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """All of `models.json`: the default model's path, and a record for each known path."""

    default: str | None = None
    files: Mapping[Path, FileRecord] = field(default_factory=dict)

    def find(self, path: Path) -> FileRecord | None:
        """What is known of the file at `path`, under this name or, through links, another one."""
        if path in self.files:
            return self.files[path]
        real = os.path.realpath(path)
        return next((known for other, known in self.files.items() if os.path.realpath(other) == real), None)


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Shows nothing."""


def models_folder() -> Path:
    """Where downloaded files are kept: `openchat-rag/models` in the platform's folder for data."""
    return Path(platformdirs.user_data_dir("openchat-rag")) / "models"


def default_model() -> str | None:
    """The path of the model that `rag model use` chose; None where none was.

    Raises `ModelError` where `models.json` can't be read.
    """
    return read_records().default


def check_before_loading(path: str | Path, *, on_progress: OnProgress = no_progress) -> None:
    """Raises `ModelInvalid` for a file whose bytes are not the recorded ones.

    Hashes the file only when it was touched since (12 s for 4.4 GB). A file without a record passes, and so
    does one that is missing: that is for the reader of its header to say.
    """
    path = absolute(path)
    record = read_records().find(path)
    if record is None or not path.is_file() or stamp_of(path) == record.stamp:
        return
    fresh = compare(path, record, on_progress=on_progress)
    # In a folder that can't be written to nothing is lost but time: the next start hashes it again.
    with contextlib.suppress(ModelError):
        put_record(path, fresh)


def compare(path: Path, record: FileRecord, *, on_progress: OnProgress = no_progress) -> FileRecord:
    """Hashes the file and gives its record with a new stamp; `ModelInvalid` where the hash is another."""
    size = stamp_of(path)[0]
    if size != record.size_bytes:
        raise _changed(path, record, f"it has {size} bytes", f"{record.size_bytes}")
    sha256, stamp = hash_file(path, on_progress=on_progress)
    if sha256 != record.sha256:
        raise _changed(path, record, f"its sha256 is {sha256[:16]}…", f"{record.sha256[:16]}…")
    return dataclasses.replace(record, stamp=stamp)


def _changed(path: Path, record: FileRecord, found: str, known: str) -> ModelInvalid:
    if record.origin:
        whose = "the published one is" if "sha256" in found else "the published file has"
        cure = f"`rag model pull {path.name}` gets it again"
    else:
        whose = f"on {record.recorded_at[:10]} it was"
        cure = (
            f"copy it again from where it came, or, if you replaced it yourself, run `rag model use {path}`"
        )
    return ModelInvalid(f"{path.name} is damaged or was replaced: {found}, {whose} {known}; {cure}")


# --- hashes and stamps --------------------------------------------------------------------------------


def absolute(path: str | Path) -> Path:
    """The path that records go by: without `~` and `..`, with its links as they are.

    A link keeps its own name: in a Hugging Face cache what it points to is called by a hash.
    """
    return Path(os.path.abspath(Path(path).expanduser()))


def stamp_of(path: Path) -> Stamp:
    """The file's stamp; it must be there."""
    return _stamp(os.stat(path))


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def hash_file(path: Path, *, on_progress: OnProgress = no_progress) -> tuple[str, Stamp]:
    """The file's sha256 and the stamp that it had throughout.

    Raises `ModelInvalid` where it was written to meanwhile, `ModelError` where it can't be read.
    """
    sha256 = hashlib.sha256()
    block = memoryview(bytearray(_BLOCK_BYTES))
    try:
        with path.open("rb", buffering=0) as file:
            stamp = _stamp(os.fstat(file.fileno()))
            done = 0
            # No further than its size: a file that grows would keep us reading.
            while done <= stamp[0] and (count := file.readinto(block)):
                sha256.update(block[:count])
                done += count
                on_progress("checking", done, stamp[0])
        changed = stamp_of(path) != stamp
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}; make it readable by you") from error
    if changed:
        raise ModelInvalid(f"{path.name} changed while it was read; wait until it is whole and try again")
    return sha256.hexdigest(), stamp


# --- models.json --------------------------------------------------------------------------------------


def read_records() -> Records:
    """What `models.json` says; nothing where there is none.

    Raises `ModelError` where it is damaged, or of a newer version.
    """
    path = models_folder() / RECORDS_NAME
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Records()
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}; make it readable by you") from error
    except ValueError as error:  # not JSON, or not UTF-8
        raise _damaged(path, str(error)) from error
    if isinstance(value, dict) and isinstance(value.get("format"), int) and value["format"] > _FORMAT:
        raise ModelError(
            f"{path} has format {value['format']}; this program reads up to {_FORMAT}:"
            " install the newer version that wrote it"
        )
    try:
        return _records(value)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(path, f"{type(error).__name__} {error}") from error


def put_record(path: Path, record: FileRecord) -> None:
    """Records a file, in place of what was known of it."""
    with _changing() as records:
        records["files"][_key(path)] = _plain(record)


def put_default(path: Path | None) -> None:
    """Makes a file the default model; None: no model is."""
    with _changing() as records:
        records["default"] = None if path is None else _key(path)


def new_record(sha256: str, stamp: Stamp, origin: str | None = None) -> FileRecord:
    """A record made now."""
    return FileRecord(sha256, stamp[0], stamp, datetime.now(UTC).isoformat(timespec="seconds"), origin)


@contextlib.contextmanager
def _changing() -> Iterator[dict[str, Any]]:
    """The records as JSON values, to be changed; written in one step, one process at a time."""
    folder = models_folder()
    make_folder(folder)
    try:
        with (folder / _LOCK_NAME).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = read_records()
            values = {
                "format": _FORMAT,
                "default": None if known.default is None else _key(Path(known.default)),
                "files": {_key(path): _plain(record) for path, record in known.files.items()},
            }
            yield values
            _replace(folder, json.dumps(values, indent=2) + "\n")
    except OSError as error:
        raise ModelError(
            f"{folder / RECORDS_NAME} can't be written: {error.strerror};"
            " free some space there and make it writable by you"
        ) from error


def _replace(folder: Path, text: str) -> None:
    unfinished = folder / (RECORDS_NAME + ".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, folder / RECORDS_NAME)
    sync_folder(folder)


def make_folder(folder: Path) -> None:
    """Makes the models folder where it is missing; `ModelError` where that can't be done."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"the folder for models can't be made at {folder}: {error.strerror};"
            " make its parent writable by you, or set XDG_DATA_HOME to another place"
        ) from error


def sync_folder(folder: Path) -> None:
    """Makes a rename in this folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key(path: Path) -> str:
    """A file in the models folder goes by its name, so that the folder can be moved."""
    return path.name if path.parent == absolute(models_folder()) else str(path)


def _path(key: str) -> Path:
    return absolute(models_folder()) / key  # an absolute key stays what it is


def _plain(record: FileRecord) -> dict[str, Any]:
    return dataclasses.asdict(record)


def _records(value: Any) -> Records:
    files = {_path(key): _record(item) for key, item in value["files"].items()}
    default = value["default"]
    return Records(None if default is None else str(_path(default)), files)


def _record(value: Any) -> FileRecord:
    size, modified, changed, inode = map(int, value["stamp"])
    origin = value["origin"]
    sha256 = value["sha256"]
    if len(bytes.fromhex(sha256)) != hashlib.sha256().digest_size:
        raise ValueError(f"sha256 is {sha256!r}")
    return FileRecord(
        sha256=sha256,
        size_bytes=int(value["size_bytes"]),
        stamp=(size, modified, changed, inode),
        recorded_at=str(value["recorded_at"]),
        origin=None if origin is None else str(origin),
    )


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"{path} is damaged ({why}); remove it, then `rag model use` the file that you want again"
    )
