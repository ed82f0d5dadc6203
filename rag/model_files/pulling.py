"""The model files: bringing one here, checking it, choosing it (`model_list` says which there are).

Takes names and paths, gives records. Knows the table (`model_files`), the records (`model_records`) and, when
a file is pulled or checked for the first time, the hub (`hub`, `download`). Does not load a model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ModelError, ModelFailed, ModelInvalid, ModelMissing, UsageError
from rag.model.gguf import read_header, require_openchat
from rag.model_files.listing import machine_memory_bytes, part_bytes, published_as
from rag.model_files.published import (
    PUBLISHED,
    RESERVED_BYTES,
    PublishedFile,
    best_recommended,
    published,
    require_published,
)
from rag.model_files.records import (
    NO_STAMP,
    FileRecord,
    OnProgress,
    absolute,
    check_before_loading,
    compare,
    default_model,
    hash_file,
    models_folder,
    new_record,
    no_progress,
    put_default,
    put_record,
    read_records,
    stamp_of,
)


@dataclass(frozen=True, slots=True)
class Pulled:
    """A file that is here and verified; `downloaded` is false where it was here before."""

    path: Path
    sha256: str
    downloaded: bool
    made_default: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """A file whose bytes are right; `against` says what they were compared with."""

    path: Path
    sha256: str
    against: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The file that is the default model now.

    `replaced_since` is when its hash was first recorded, where its bytes are others now.
    """

    path: Path
    replaced_since: str | None = None


# --- pull ---------------------------------------------------------------------------------------------


def pull(
    name: str | None = None,
    *,
    on_progress: OnProgress = no_progress,
    waits: Sequence[float] | None = None,
    memory_bytes: int | None = None,
) -> Pulled:
    """Brings a published file here, verified; without a name the best recommended one that fits.

    A stopped download goes on where it was. The file becomes the default model where there is none yet.
    Raises `UsageError` for a name that is not published, otherwise as `download`.
    """
    file = _best_for(memory_bytes) if name is None else require_published(name)
    path = absolute(models_folder() / file.name)
    record = _known_good(path, on_progress)
    downloaded = False
    if record is None:
        record, downloaded = _from_hub(file, path, on_progress, waits)
    put_record(path, record)
    return Pulled(path, record.sha256, downloaded, _made_default(path))


def _best_for(memory_bytes: int | None) -> PublishedFile:
    memory = machine_memory_bytes() if memory_bytes is None else memory_bytes
    best = best_recommended(memory)
    if best is not None:
        return best
    least = min((file for file in PUBLISHED if file.recommended), key=lambda file: file.memory_bytes)
    raise UsageError(
        f"no recommended file fits: {least.name} needs {least.memory_bytes / 1e9:.2f} GB and"
        f" {RESERVED_BYTES / 1e9:.0f} GB are kept for the rest, of {memory / 1e9:.2f} GB of memory;"
        " `rag model list` shows smaller ones to pull by name"
    )


def _known_good(path: Path, on_progress: OnProgress) -> FileRecord | None:
    """The record of a file that is here with the hash that the hub published before; no network."""
    record = read_records().find(path)
    if record is None or record.origin is None or not path.is_file():
        return None
    if stamp_of(path) == record.stamp:
        return record
    try:
        return compare(path, record, on_progress=on_progress)
    except ModelInvalid:
        return None  # damaged: getting it again is what was asked for


def _from_hub(
    file: PublishedFile, path: Path, on_progress: OnProgress, waits: Sequence[float] | None
) -> tuple[FileRecord, bool]:
    from rag.model_files.download import WAITS, download, with_patience
    from rag.model_files.hub import ask

    waits = WAITS if waits is None else waits
    try:
        hub_file = with_patience(lambda: ask(file), waits=waits, on_progress=on_progress)
    except ModelFailed as error:
        raise ModelFailed(
            f"{error}; to get it by hand, save {file.url} as {path} and run `rag model use {file.name}`"
        ) from error
    if path.is_file() and path.stat().st_size == hub_file.size_bytes:
        sha256, stamp = hash_file(path, on_progress=on_progress)
        if sha256 == hub_file.sha256:
            return new_record(sha256, stamp, hub_file.origin), False
    download(hub_file, path, on_progress=on_progress, waits=waits)
    require_openchat(read_header(path))  # a mirror's hash can be right for something else
    return new_record(hub_file.sha256, stamp_of(path), hub_file.origin), True


def _made_default(path: Path) -> bool:
    if default_model() is not None:
        return False
    put_default(path)
    return True


# --- verify -------------------------------------------------------------------------------------------


def verify(
    name: str, *, on_progress: OnProgress = no_progress, waits: Sequence[float] | None = None
) -> Verified:
    """Hashes a file and compares it with the hash that is published, or recorded at its first use.

    The hub is asked only for a published file that it was never asked for. Raises `ModelMissing`, and
    `ModelInvalid` for other bytes: such a file is refused from then on, until it is pulled or chosen again.
    """
    path = locate(name)
    record, note = _to_compare_with(path, on_progress, waits)
    try:
        fresh = compare(path, record, on_progress=on_progress)
    except ModelInvalid:
        put_record(path, dataclasses.replace(record, stamp=NO_STAMP))
        raise
    put_record(path, fresh)
    against = f"published by {record.origin}" if record.origin else f"recorded on {record.recorded_at[:10]}"
    return Verified(path, record.sha256, against + note)


def _to_compare_with(
    path: Path, on_progress: OnProgress, waits: Sequence[float] | None
) -> tuple[FileRecord, str]:
    """What the file should be, and a note where the better thing to compare with was out of reach."""
    record, file = read_records().find(path), published_as(path)
    if record is not None and (record.origin or file is None):
        return record, ""
    if file is None:
        read_header(path)
        raise ModelError(
            f"there is nothing to compare {path.name} with: it is not a published file, and not recorded yet;"
            f" `rag model use {path}` records it as it is"
        )
    from rag.model_files.download import WAITS, with_patience
    from rag.model_files.hub import ask

    try:
        waits = WAITS if waits is None else waits
        hub_file = with_patience(lambda: ask(file), waits=waits, on_progress=on_progress)
    except ModelFailed as error:
        if record is not None:
            return record, f"; the published hash could not be asked for: {error}"
        raise ModelFailed(
            f"{error}; without the published hash there is nothing to compare {path.name} with"
        ) from error
    stamp = (hub_file.size_bytes, 0, 0, 0)
    return new_record(hub_file.sha256, stamp, hub_file.origin), ""


# --- use ----------------------------------------------------------------------------------------------


def use(name: str, *, on_progress: OnProgress = no_progress) -> Chosen:
    """Makes a file the default model; its hash is recorded if it was not yet.

    Raises `ModelMissing`; `ModelInvalid` where it is not OpenChat 3.5, or not what the hub published.
    """
    path = locate(name)
    require_openchat(read_header(path))
    record = read_records().find(path)
    replaced_since = None
    if record is not None and record.origin:
        check_before_loading(path, on_progress=on_progress)
    elif record is None or stamp_of(path) != record.stamp:
        sha256, stamp = hash_file(path, on_progress=on_progress)
        if record is not None and sha256 != record.sha256:
            replaced_since = record.recorded_at
        put_record(path, new_record(sha256, stamp))
    put_default(path)
    return Chosen(path, replaced_since)


def use_none() -> None:
    """From now on there is no default model."""
    put_default(None)


def locate(name: str) -> Path:
    """The model file that a person means: a path, a file in the models folder, or a published name.

    Raises `ModelMissing` where there is none, with the command that gets it where there is one.
    """
    folder, given = models_folder(), Path(name).expanduser()
    file = published(name) if given.name == name else None
    for place in (folder / (file.name if file else name), given):
        if place.is_file():
            return absolute(place)
    if file is None:
        what = "a folder" if given.is_dir() else "neither a file, here or in the models folder, nor published"
        raise ModelMissing(f"no model file: {name!r} is {what}; `rag model list` shows what there is")
    here = part_bytes(folder / file.name)
    part = f" ({here / 1e9:.2f} GB of it are)" if here else ""
    raise ModelMissing(
        f"{file.name} is not here{part}: `rag model pull {file.name}` gets it, {file.size_bytes / 1e9:.2f} GB"
    )


__all__ = [
    "Chosen",
    "Pulled",
    "Verified",
    "check_before_loading",
    "default_model",
    "locate",
    "pull",
    "use",
    "use_none",
    "verify",
]
