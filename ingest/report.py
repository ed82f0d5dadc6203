"""What an ingest says of itself: where it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag.records import Failure


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an ingest is; `source` is the file at hand, `chunks` and `pages` those stored so far."""

    files_done: int
    files_total: int
    chunks: int
    source: str
    seconds_left: float | None  # None until something can be said of it
    pages: int = 0
    seconds: float = 0.0  # since it began
    page: tuple[int, int] | None = None  # of a scan, whose pages take long: which is read, of how many

    @property
    def chunks_per_second(self) -> float | None:
        """How quick it was so far; None until there is a chunk."""
        return self.chunks / self.seconds if self.chunks and self.seconds else None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an ingest: sources by name, what was stored and embedded in this run, seconds by stage.

    `warnings` are of files that were read, but not without loss. `left_out` counts what was found in folders
    and not tried, by reason. Parsing goes on beside the rest, so the stages add up to more than `seconds`.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[Failure, ...] = ()
    pages: int = 0
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def readable(self) -> int:
        """How many files are in the index now, of those that were looked at."""
        return len(self.added) + len(self.updated) + len(self.moved) + len(self.unchanged)

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data; the names are the command line's contract."""
        return {
            "added": list(self.added),
            "updated": list(self.updated),
            "moved": list(self.moved),
            "removed": list(self.removed),
            "unchanged": list(self.unchanged),
            "failed": [{"source": one.source, "reason": one.reason} for one in self.failed],
            "warnings": [{"source": one.source, "reason": one.reason} for one in self.warnings],
            "left_out": dict(self.left_out),
            "pages": self.pages,
            "chunks": self.chunks,
            "embedded": self.embedded,
            "seconds": self.seconds,
            "stages": dict(self.stages),
        }
