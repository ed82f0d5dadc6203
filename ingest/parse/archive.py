"""Reads members of a ZIP file held in memory, and counts what comes out of them.

Takes the archive's bytes, gives a member's bytes or its XML tree. What headers say of sizes is not
believed: unpacking stops at the limit, so a bomb costs no more than that, members that overlap are counted
each time they are read, and XML with a document type (entities, and so XXE) is refused.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from lxml import etree

from ingest.parse.budget import Budget
from ingest.parse.recognise import MEMBER_START
from rag.errors import CorruptSource, EncryptedSource, ParserFailed

UNPACKED_MEGABYTES = 256  # of all members that are read
MOST_MEMBERS = 200_000  # a list of more takes all the memory that a parser has
# What the standards of documents allow (ISO/IEC 21320-1); the other methods unpack without a bound.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_AES = 99  # the method that encryption by AES names (APPNOTE.TXT 4.4.5)
_ENCRYPTED = 0x1  # APPNOTE.TXT 4.4.4, bit 0 of a member's flags
_BLOCK_BYTES = 1 << 20
_BARE_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[<>]*>")


class Archive:
    """A ZIP file's members by name; what is read counts towards `budget`, too, where there is one."""

    def __init__(
        self, data: bytes, *, unpacked_megabytes: int = UNPACKED_MEGABYTES, budget: Budget | None = None
    ) -> None:
        if (count := data.count(MEMBER_START)) > MOST_MEMBERS:
            raise ParserFailed(f"is an archive of {count} members; no more than {MOST_MEMBERS} are looked at")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise CorruptSource(f"the file is a damaged ZIP archive: {error}") from error
        self._limit_megabytes = unpacked_megabytes
        self._left = unpacked_megabytes << 20
        self._budget = budget
        self.members = tuple(self._zip.infolist())  # several can have one name
        self.names = frozenset(self._zip.namelist())

    def read(self, name: str | zipfile.ZipInfo, *, password: bytes | None = None) -> bytes:
        """A member's bytes; `CorruptSource`, `EncryptedSource` or `ParserFailed` say why not."""
        unpacked = bytearray()
        with self.stream(name, password=password) as stream:
            while block := stream.read(_BLOCK_BYTES):
                unpacked += block
        return bytes(unpacked)

    def stream(self, name: str | zipfile.ZipInfo, *, password: bytes | None = None) -> Unpacked:
        """A member to be read in portions, for what is too large to hold; raises as `read` does."""
        member = self._zip.getinfo(name) if isinstance(name, str) else name
        if member.compress_type == _AES or (member.flag_bits & _ENCRYPTED and password is None):
            raise EncryptedSource("the archive is protected by a password; save it without one")
        if member.compress_type not in _METHODS:
            raise CorruptSource(
                f"{member.filename} is packed by method {member.compress_type}, which is not read; "
                "pack it by the usual one (Deflate)"
            )
        return Unpacked(self, self._zip, member, password)

    def spend(self, size_bytes: int, name: str) -> None:
        """Counts what came out of a member; `ParserFailed` where it is too much."""
        if self._budget is not None:
            self._budget.take(size_bytes, name)
        self._left -= size_bytes
        if self._left < 0:
            raise ParserFailed(
                f"unpacks to more than {self._limit_megabytes} MB ({name}); it looks like a ZIP bomb"
            )

    def xml(self, name: str, *, bare_doctype: bool = False) -> Any:
        """A member's XML tree, without comments and without any entity resolved.

        With `bare_doctype` a document type that declares nothing itself is passed over.
        """
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,  # an id that comes twice is no reason to refuse a document
        )
        try:
            data = self.read(name)
            root = etree.fromstring(_BARE_DOCTYPE.sub(b"", data, count=1) if bare_doctype else data, parser)
        except etree.XMLSyntaxError as error:
            raise CorruptSource(f"{name} in the file is not well-formed: {error.msg}") from error
        if root.getroottree().docinfo.doctype:
            raise CorruptSource(
                f"{name} in the file declares a document type, as no word processor does; not read"
            )
        return root


class Unpacked:
    """A member's bytes in portions, each of them counted."""

    def __init__(
        self, archive: Archive, archive_file: zipfile.ZipFile, member: zipfile.ZipInfo, password: bytes | None
    ) -> None:
        self._archive = archive
        self._name = member.filename
        with self._damage_told():
            self._stream = archive_file.open(member, pwd=password)

    def __enter__(self) -> Unpacked:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def read(self, size_bytes: int = _BLOCK_BYTES) -> bytes:
        """At most so many bytes; none at the end."""
        with self._damage_told():
            block = self._stream.read(min(max(size_bytes, 1), _BLOCK_BYTES))
        self._archive.spend(len(block), self._name)
        return block

    @contextmanager
    def _damage_told(self) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
            raise CorruptSource(f"{self._name} in the file is damaged: {error}") from error
        except RuntimeError as error:  # zipfile's word for a wrong password
            raise EncryptedSource(f"{self._name} is protected by another password") from error
