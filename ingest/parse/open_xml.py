"""What DOCX, XLSX and PPTX have in common: parts, and the relations that lead from one to the next.

Takes an archive; gives paths of its members and the document's title. A relation that leads out of the
archive is not followed. Knows nothing of what stands in the parts.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any

from ingest.parse.archive import Archive
from ingest.parse.clean import clean_prose
from ingest.parse.word_styles import local, value
from rag.errors import CorruptSource

_LONGEST_NUMBER = 10  # digits
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class Relation:
    """Where a relation leads, and what kind it is: "slide", "notesSlide", "worksheet"."""

    kind: str
    path: str


def relations(archive: Archive, part: str) -> dict[str, Relation]:
    """A part's relations to other members of the archive, by their id."""
    folder, _, file = part.rpartition("/")
    name = f"{folder}/_rels/{file}.rels".lstrip("/")
    if name not in archive.names:
        return {}
    found = {}
    for relation in archive.xml(name):
        target = value(relation, "Target") or ""
        if local(relation) == "Relationship" and value(relation, "TargetMode") != "External":
            path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            kind = (value(relation, "Type") or "").rpartition("/")[2]
            found[value(relation, "Id") or ""] = Relation(kind, path)
    return found


def related(archive: Archive, part: str, kind: str) -> list[str]:
    """The members that a part has relations of that kind to, in order, as far as they are there."""
    return [
        relation.path
        for relation in relations(archive, part).values()
        if relation.kind == kind and relation.path in archive.names
    ]


def core_title(archive: Archive) -> str | None:
    """The title in the document's properties."""
    if "docProps/core.xml" not in archive.names:
        return None
    return titled(archive, "docProps/core.xml")


def titled(archive: Archive, part: str) -> str | None:
    """The title in a part of properties; a damaged one is no reason not to read the document."""
    try:
        root = archive.xml(part)
    except CorruptSource:
        return None
    titles = (element.text for element in root.iter() if local(element) == "title")
    return clean_prose(next(titles, None) or "") or None


def whole(written: str | None, otherwise: int) -> int:
    """The number that an attribute says, where it says one that is whole, not negative and not absurd."""
    if written is None or len(written) > _LONGEST_NUMBER or not (written.isascii() and written.isdigit()):
        return otherwise
    return int(written)


def unescaped(text: str) -> str:
    """Characters that XML can't hold are written `_x000D_` (ECMA-376 part 1, 22.4.2.4)."""
    return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), text) if "_x" in text else text


def runs(element: Any) -> str:
    """The text of all runs in an element, without the reading aids of East Asian scripts."""
    if len(element) == 1 and element[0].tag.endswith("}t"):
        return unescaped(element[0].text or "")  # nearly all are so
    parts: list[str] = []
    for inner in element.iter():
        if local(inner) == "t" and local(inner.getparent()) != "rPh":
            parts.append(inner.text or "")
    return unescaped("".join(parts))
