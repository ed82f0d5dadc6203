"""The published files of OpenChat 3.5: which there are, what each needs, and which one is advised.

Takes names and an amount of memory, gives rows of the table. Pure: reads no disk and asks no server. The
figures are the quantiser's (the model cards of TheBloke/openchat-3.5-0106-GGUF and -1210-GGUF).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from rag.errors import UsageError

# The embedding model takes 0.7 GB (measured); the rest is for the system underneath.
RESERVED_BYTES = 1_000_000_000

_VERSIONS = ("0106", "1210")  # the newer one first: it is the one that is recommended
_RECOMMENDED = frozenset({"Q4_K_M", "Q5_K_S", "Q5_K_M"})
# quantisation, bits, size and memory in GB, advice
_TABLE = (
    ("Q2_K", 2, 3.08, 5.58, "smallest, marked loss"),
    ("Q3_K_S", 3, 3.16, 5.66, "very small, high loss"),
    ("Q3_K_M", 3, 3.52, 6.02, "very small, high loss"),
    ("Q3_K_L", 3, 3.82, 6.32, "small, substantial loss"),
    ("Q4_0", 4, 4.11, 6.61, "legacy; prefer Q3_K_M"),
    ("Q4_K_S", 4, 4.14, 6.64, "small, greater loss"),
    ("Q4_K_M", 4, 4.37, 6.87, "recommended"),
    ("Q5_0", 5, 5.00, 7.50, "legacy; prefer Q4_K_M"),
    ("Q5_K_S", 5, 5.00, 7.50, "low loss, recommended"),
    ("Q5_K_M", 5, 5.13, 7.63, "very low loss, recommended"),
    ("Q6_K", 6, 5.94, 8.44, "extremely low loss"),
    ("Q8_0", 8, 7.70, 10.20, "extremely low loss, not advised"),
)


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of the table. `memory_bytes` is the most that is needed: full window, no layer on a GPU."""

    name: str
    repository: str
    quantisation: str
    bits: int
    size_bytes: int  # as published, to 10 MB; the exact size is the hub's to say
    memory_bytes: int
    advice: str
    recommended: bool

    @property
    def url(self) -> str:
        """Where a person gets it by hand."""
        return f"https://huggingface.co/{self.repository}/resolve/main/{self.name}"

    def fits(self, memory_bytes: int) -> bool:
        """Whether a machine with so much memory holds it, beside the system and the embedding model."""
        return self.memory_bytes + RESERVED_BYTES <= memory_bytes


PUBLISHED = tuple(
    PublishedFile(
        name=f"openchat-3.5-{version}.{quantisation}.gguf",
        repository=f"TheBloke/openchat-3.5-{version}-GGUF",
        quantisation=quantisation,
        bits=bits,
        size_bytes=round(size * 1e9),
        memory_bytes=round(memory * 1e9),
        advice=advice,
        recommended=quantisation in _RECOMMENDED,
    )
    for version in _VERSIONS
    for quantisation, bits, size, memory, advice in _TABLE
)


def published(name: str) -> PublishedFile | None:
    """The published file that goes by `name`: its file name, that without `.gguf`, or a short form of it.

    Upper and lower case are the same. `Q4_K_M` is the 0106 one; `1210.Q4_K_M` says which.
    """
    asked = name.lower().removesuffix(".gguf").removeprefix("openchat-3.5-")
    for file in PUBLISHED:
        short = file.name.removeprefix("openchat-3.5-").removesuffix(".gguf").lower()
        if asked in (short, file.quantisation.lower()):
            return file
    return None


def require_published(name: str) -> PublishedFile:
    """As `published`; raises `UsageError` with the nearest names where there is none."""
    file = published(name)
    if file is None:
        near = difflib.get_close_matches(name, [file.name for file in PUBLISHED], n=2, cutoff=0.5)
        perhaps = f"did you mean {' or '.join(near)}? " if near else ""
        raise UsageError(
            f"{name!r} is not a published file of OpenChat 3.5; {perhaps}`rag model list` shows all of them"
        )
    return file


def best_recommended(memory_bytes: int) -> PublishedFile | None:
    """The recommended file with the least loss that fits; None where none of them does."""
    fitting = [file for file in PUBLISHED if file.recommended and file.fits(memory_bytes)]
    return max(fitting, key=lambda file: file.size_bytes, default=None)
