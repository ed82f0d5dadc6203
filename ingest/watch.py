"""Follows folders: an ingest at the start, and one whenever their files have changed and are at rest again.

Takes folders and settings, gives each ingest's `Report` to a callable, until it is stopped. A burst of saves,
or a file that is still being written, is one ingest: it waits until nothing has changed for `REST_SECONDS`,
but not longer than `LONGEST_WAIT_SECONDS` for a folder that is never at rest. The index is locked while it
ingests and free in between; while somebody else writes to it, it waits. Does not print.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.ignore import IGNORE_NAME
from ingest.pipeline import Progress, Report, ingest
from rag.errors import IndexLocked, UsageError
from rag.settings import Settings
from rag.store.open import open_store

if TYPE_CHECKING:
    from rag.embedding.embeddings import LocalEmbeddings

REST_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
_LOOK_SECONDS = 0.2
_LOCKED_SECONDS = 2.0


def follow(
    folders: Sequence[str | Path],
    settings: Settings,
    *,
    told: Callable[[Report], None],
    waiting: Callable[[str], None] = lambda reason: None,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event,
    retry: bool = False,
    load_embedder: Callable[[str], LocalEmbeddings] | None = None,
) -> None:
    """Ingests the folders now and after every change, until `stop` is set.

    `told` is given every report, also that of an ingest which found nothing new; `waiting` the reason why
    one has to wait for another process. `retry` is for the first ingest. Raises what `ingest` raises, and
    `UsageError` for a path that is no folder or can't be followed.
    """
    for folder in folders:
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise UsageError(f"{str(folder)!r} is not a folder; only folders can be followed with --watch")
    load = load_embedder
    if settings.ray is None:  # workers load their own
        load = functools.cache(load_embedder or _loader(settings))  # loaded once, for all ingests
    again = retry
    for _ in _at_rest(folders, settings, stop):
        while not stop.is_set():
            try:
                told(ingest(folders, settings, progress=progress, stop=stop, retry=again, load_embedder=load))
                again = False
                break
            except IndexLocked as error:
                waiting(str(error))
                stop.wait(_LOCKED_SECONDS)


def _loader(settings: Settings) -> Callable[[str], LocalEmbeddings]:
    """Loads an embedder by its name, with the prefixes that the settings or the index have for it."""

    def load(name: str) -> LocalEmbeddings:
        from ingest.reembed import embedder_of

        with contextlib.closing(open_store(settings.index)) as store:
            return embedder_of(name, settings, store.meta())

    return load


def _at_rest(folders: Sequence[str | Path], settings: Settings, stop: threading.Event) -> Iterator[None]:
    """Once when the folders are being watched, then each time that they are at rest after a change."""
    import watchfiles

    changes = watchfiles.watch(
        *folders,
        watch_filter=_Filter(folders, Path(settings.index)),
        debounce=round(_LOOK_SECONDS * 1000),
        step=round(_LOOK_SECONDS * 500),
        rust_timeout=round(_LOOK_SECONDS * 1000),
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=True,
        ignore_permission_denied=True,
    )
    first = last = time.monotonic() - LONGEST_WAIT_SECONDS  # when changes began, and when the last one was
    changed = True  # what was there before anybody watched
    try:
        for found in changes:
            now = time.monotonic()
            if found:
                first, last = (first if changed else now), now
                changed = True
            if changed and (now - last >= REST_SECONDS or now - first >= LONGEST_WAIT_SECONDS):
                changed = False  # before the ingest: what changes meanwhile comes after it
                yield
    except OSError as error:  # too many folders for the system to watch, say
        raise UsageError(
            f"the folders can't be followed: {error}; raise fs.inotify.max_user_watches for many folders; "
            "where the system tells of no changes set WATCHFILES_FORCE_POLLING=1"
        ) from error


class _Filter:
    """Whether a change matters: not in the index's own folder, not in hidden files but `.ragignore`."""

    def __init__(self, folders: Sequence[str | Path], index: Path) -> None:
        self._folders = [os.path.realpath(folder) for folder in folders]
        self._index = os.path.realpath(index.expanduser())

    def __call__(self, _change: object, path: str) -> bool:
        place = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if place == self._index or place.startswith(self._index + os.sep):
            return False
        for folder in self._folders:
            if place.startswith(folder.rstrip(os.sep) + os.sep):
                parts = os.path.relpath(place, folder).split(os.sep)
                if not any(part.startswith(".") and part != IGNORE_NAME for part in parts):
                    return True
        return False
