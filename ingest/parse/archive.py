"""Reads members of a ZIP file held in memory, and counts what comes out of them.

Takes the archive's bytes, gives a member's bytes or its XML tree. What headers say of sizes is not
believed: unpacking stops at the limit, so a bomb costs no more than that, members that overlap are counted
each time they are read, and XML with a document type (entities, and so XXE) is refused.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from lxml import etree

from rag.errors import CorruptSource, EncryptedSource, ParserFailed

UNPACKED_MEGABYTES = 256  # of all members that are read
_ENCRYPTED = 0x1  # APPNOTE.TXT 4.4.4, bit 0 of a member's flags
_BLOCK_BYTES = 1 << 20


class Archive:
    """A ZIP file's members by name."""

    def __init__(self, data: bytes, *, unpacked_megabytes: int = UNPACKED_MEGABYTES) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise CorruptSource(f"the file is a damaged ZIP archive: {error}") from error
        self._limit_megabytes = unpacked_megabytes
        self._left = unpacked_megabytes << 20
        self.names = frozenset(self._zip.namelist())

    def read(self, name: str) -> bytes:
        """A member's bytes; `CorruptSource`, `EncryptedSource` or `ParserFailed` say why not."""
        member = self._zip.getinfo(name)
        if member.flag_bits & _ENCRYPTED:
            raise EncryptedSource("the archive is protected by a password; save it without one")
        unpacked = bytearray()
        try:
            with self._zip.open(member) as stream:
                while block := stream.read(_BLOCK_BYTES):
                    self._left -= len(block)
                    if self._left < 0:
                        raise ParserFailed(
                            f"unpacks to more than {self._limit_megabytes} MB ({name}); "
                            "it looks like a ZIP bomb"
                        )
                    unpacked += block
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise CorruptSource(f"{name} in the file is damaged: {error}") from error
        return bytes(unpacked)

    def xml(self, name: str) -> Any:
        """A member's XML tree, without comments and without any entity resolved."""
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            root = etree.fromstring(self.read(name), parser)
        except etree.XMLSyntaxError as error:
            raise CorruptSource(f"{name} in the file is not well-formed: {error.msg}") from error
        if root.getroottree().docinfo.doctype:
            raise CorruptSource(
                f"{name} in the file declares a document type, as no word processor does; not read"
            )
        return root
