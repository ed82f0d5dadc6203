"""Which model files there are for this machine: the published ones, those that are here, the one to get.

Takes the settings' model and this machine's memory, gives a `Listing`. Looks at names, sizes and records
only: hashes nothing, and asks no server.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.model_files.published import PUBLISHED, RESERVED_BYTES, PublishedFile, best_recommended
from rag.model_files.records import Records, absolute, models_folder, read_records, stamp_of

# verified: its hash is the hub's; recorded: as it was when it was first used; changed: touched since;
# unknown: never hashed; part: a download that was stopped
State = Literal["verified", "recorded", "changed", "unknown", "part", "absent"]

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One line of the list. `size_bytes` is what is here, or what is published where nothing is."""

    name: str
    path: str
    size_bytes: int
    state: State
    here_bytes: int
    in_use: bool
    published: PublishedFile | None
    fits: bool | None  # None: how much memory it needs is not known
    recommended: bool  # the one that `rag model pull` gets


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is, for this machine."""

    memory_bytes: int
    reserved_bytes: int
    folder: str
    in_use: str | None
    recommended: str | None
    files: tuple[ListedFile, ...]


def machine_memory_bytes() -> int:
    """This machine's memory, or the container's where it has less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        # There is one of these files at most, and the newer one may say "max".
        with contextlib.suppress(OSError, ValueError):
            memory = min(memory, int(path.read_text("ascii")))
    return memory


def list_models(in_use: str | None = None, *, memory_bytes: int | None = None) -> Listing:
    """The published files and what else is here. `in_use` is the model of the settings, a path or a URL."""
    memory = machine_memory_bytes() if memory_bytes is None else memory_bytes
    records, folder = read_records(), models_folder()
    best = best_recommended(memory)
    used = None if in_use is None or "://" in in_use else absolute(in_use)
    names = [file.name for file in PUBLISHED]
    if folder.is_dir():
        names += sorted(path.name for path in folder.glob("*.gguf") if path.name not in names)
    paths = [absolute(folder / name) for name in names]
    if used is not None and os.path.realpath(used) not in map(os.path.realpath, paths):
        paths.append(used)
    return Listing(
        memory_bytes=memory,
        reserved_bytes=RESERVED_BYTES,
        folder=str(folder),
        in_use=in_use,
        recommended=best.name if best else None,
        files=tuple(_listed(path, records, memory, best, used) for path in paths),
    )


def _listed(
    path: Path, records: Records, memory: int, best: PublishedFile | None, used: Path | None
) -> ListedFile:
    file = published_as(path)
    state, here = _state(path, records)
    return ListedFile(
        name=path.name,
        path=str(path),
        size_bytes=file.size_bytes if file and state in ("part", "absent") else here,
        state=state,
        here_bytes=here,
        in_use=used is not None and os.path.realpath(path) == os.path.realpath(used),
        published=file,
        fits=file.fits(memory) if file else None,
        recommended=file is not None and file == best,
    )


def _state(path: Path, records: Records) -> tuple[State, int]:
    """How a file stands, and how many bytes of it are here; hashes nothing."""
    if not path.is_file():
        part = part_bytes(path)
        return ("part", part) if part else ("absent", 0)
    stamp = stamp_of(path)
    record = records.find(path)
    if record is None:
        return "unknown", stamp[0]
    if record.stamp != stamp:
        return "changed", stamp[0]
    return "verified" if record.origin else "recorded", stamp[0]


def part_bytes(path: Path) -> int:
    """How much is here of a file whose download was stopped."""
    part = path.with_name(path.name + ".part")
    return part.stat().st_size if part.is_file() else 0


def published_as(path: Path) -> PublishedFile | None:
    """The published file of this very name."""
    return next((file for file in PUBLISHED if file.name == path.name), None)
