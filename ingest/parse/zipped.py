"""A ZIP archive -> a Document with the pages of all members that some parser reads, labelled by their paths.

Nothing is ever written, so a name that climbs out of the folder is only a name. Names without the UTF-8
flag are in the encoding of whoever packed them, and are guessed together. Hidden files and what macOS adds
are left out, as they are in folders. Members under ZIP's old encryption are read with a password that is
given; AES is not read. What comes out is counted by the shared budget.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from functools import partial

from ingest.parse import Options, worth_reading
from ingest.parse.archive import Archive
from ingest.parse.budget import UNPACKED_MEGABYTES
from ingest.parse.decode import guess
from ingest.parse.members import Members
from ingest.parse.recognise import HEAD_BYTES
from rag.errors import CorruptSource, EncryptedSource, ParserFailed, UnsupportedFormat
from rag.records import Document

MEMBER_MEGABYTES = 256  # of one member; its parser has to hold it, and what it makes of it
_UTF8_NAME = 0x800  # APPNOTE.TXT 4.4.4, bit 11 of a member's flags
_ENCRYPTED = 0x1
_WESTERN = ("cp1252", "cp1250", "iso8859_2", "cp1254")  # of Windows' screens; ZIP files have DOS' (cp437)


def parse(data: bytes, name: str, options: Options) -> Document:
    """The pages of the archive's members, in the archive's order."""
    members = Members(options)
    archive = Archive(data, unpacked_megabytes=UNPACKED_MEGABYTES, budget=members.budget)
    members.expect(len(archive.members))
    password = _password(archive, options.passwords)
    for member, path in zip(archive.members, _paths(archive.members), strict=True):
        if member.is_dir() or not path or _is_hidden(path):
            continue
        if not members.budget.take_member():
            members.warn(
                f"only the first {members.budget.most_members} members were looked at; "
                "unpack it and ingest the folder to read the others"
            )
            break
        members.read(path, partial(_read, archive, member, path, password))
    return members.document("application/zip")


def _read(archive: Archive, member: zipfile.ZipInfo, path: str, password: bytes | None) -> bytes:
    """A member's bytes; of one that no parser reads only the first are unpacked.

    Raises `UnsupportedFormat` for that one, and for one without any.
    """
    unpacked = bytearray()
    with archive.stream(member, password=password) as stream:
        while block := stream.read():
            if not unpacked and not worth_reading(path, block[:HEAD_BYTES]):
                raise UnsupportedFormat("no parser reads it")
            unpacked += block
            if len(unpacked) > MEMBER_MEGABYTES << 20:
                raise ParserFailed(
                    f"unpacks to more than {MEMBER_MEGABYTES} MB; unpack it and ingest it by itself"
                )
    if not unpacked:
        raise UnsupportedFormat("there is nothing to read")
    return bytes(unpacked)


def _password(archive: Archive, passwords: Sequence[str]) -> bytes | None:
    """The first password that fits the smallest member which needs one."""
    protected = [member for member in archive.members if member.flag_bits & _ENCRYPTED]
    smallest = min(protected, key=lambda member: member.file_size, default=None)
    if smallest is None:
        return None
    for password in (one.encode() for one in passwords):
        try:
            archive.read(smallest, password=password)
        except (
            EncryptedSource,
            CorruptSource,
        ):  # one wrong password in 256 looks right, and unpacks to trash
            continue
        return password
    return None


def _paths(members: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Each member's path as whoever packed it meant it, without what would climb out of a folder."""
    bare = [_bare_name(member) for member in members]
    codec = _codec(b"\n".join(name for name in bare if name is not None and not name.isascii()))
    names = (
        member.filename if name is None else name.decode(codec, "replace")
        for member, name in zip(members, bare, strict=True)
    )
    return [
        "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))
        for name in names
    ]


def _bare_name(member: zipfile.ZipInfo) -> bytes | None:
    """The bytes of a name; None where the archive says that they are UTF-8."""
    return None if member.flag_bits & _UTF8_NAME else member.filename.encode("cp437")


def _codec(names: bytes) -> str:
    try:
        names.decode("utf-8")
    except UnicodeDecodeError:
        likely = guess(names)
        return "cp437" if likely in _WESTERN else likely
    return "utf-8"


def _is_hidden(path: str) -> bool:
    return path.startswith("__MACOSX/") or any(part.startswith(".") for part in path.split("/"))
