"""Elements of an archive's XML part, one by one, for parts that are too large for a tree in memory.

Takes an archive, a member's name and the local names of the elements that matter; gives each when it is
complete and lets go of it after. As strict as `Archive.xml`: no entities, no document type. Knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from ingest.parse.archive import Archive
from rag.errors import CorruptSource, ParserFailed

HELD_MEGABYTES = 32  # of XML between two such elements; as a tree it takes up to thirty times as much
_SCANNED_BYTES = 1 << 20


def elements(archive: Archive, name: str, *kinds: str, held_megabytes: int = HELD_MEGABYTES) -> Iterator[Any]:
    """The member's elements of these local names, in the order in which they end."""
    with archive.stream(name) as stream:
        source = _Watched(stream.read, name, held_megabytes)
        walk = etree.iterparse(
            source,
            events=("end",),
            tag=[f"{{*}}{kind}" for kind in kinds],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,
        )
        checked = False
        try:
            for _, element in walk:
                if not checked and element.getroottree().docinfo.doctype:
                    raise CorruptSource(f"{name} in the file declares a document type; not read")
                checked = True  # a document type stands before the first element
                yield element
                source.held = 0
                _let_go(element)
        except etree.XMLSyntaxError as error:
            raise CorruptSource(f"{name} in the file is not well-formed: {error.msg}") from error


def mentions(archive: Archive, name: str, *words: bytes) -> bool:
    """Whether one of these words stands anywhere in the member's bytes."""
    overlap = max(map(len, words)) - 1
    before = b""
    with archive.stream(name) as stream:
        while block := stream.read(_SCANNED_BYTES):
            before = before[-overlap:] + block
            if any(word in before for word in words):
                return True
    return False


class _Watched:
    """A stream that says so when too much comes without anything that is looked for."""

    def __init__(self, read: Any, name: str, held_megabytes: int) -> None:
        self.held = 0
        self._read = read
        self._name = name
        self._megabytes = held_megabytes

    def read(self, size_bytes: int) -> bytes:
        block: bytes = self._read(size_bytes)
        self.held += len(block)
        if self.held > self._megabytes << 20:
            raise ParserFailed(
                f"{self._name} in the file has one piece of more than {self._megabytes} MB, as no program "
                "writes it; it looks like a bomb"
            )
        return block


def _let_go(element: Any) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and parent[0] is not element:
        del parent[0]
