"""Archives: whose members are read, what they are called, and what a hostile one can not do."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from docx_by_hand import docx, p
from zip_by_hand import zipped

from ingest.parse import Options
from ingest.parse import parse as parse_any
from ingest.parse.budget import Budget
from ingest.parse.zipped import parse
from ingest.reading import parse_file
from ingest.sandbox import Sandbox
from rag.errors import CorruptSource, EmptySource, EncryptedSource, ParserFailed
from rag.records import Document

NO_DOCX = zipped({"[Content_Types].xml": b"<Types/>"})


def read(data: bytes, **options: object) -> Document:
    return parse(data, "a.zip", Options(**options))  # type: ignore[arg-type]


def labels(document: Document) -> list[str | None]:
    return [page.label for page in document.pages]


def test_members_are_pages_labelled_by_their_paths() -> None:
    document = read(
        zipped({"b/note.md": b"# Tea\n\nGreen.", "a.docx": docx(p("Words.")), "run.py": b"\n\nx = 1\n"})
    )
    assert document.title is None
    assert labels(document) == ["b/note.md", "a.docx", "run.py"]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert [page.text for page in document.pages] == ["Tea\n\nGreen.", "Words.", "\n\nx = 1"]
    assert [(h.level, h.text) for h in document.pages[0].headings] == [(1, "b/note.md"), (2, "Tea")]


def test_what_nobody_reads_is_left_out_and_said() -> None:
    document = read(
        zipped(
            {
                "a.txt": b"Words.",
                "film.mp4": b"\0\0\0 ftyp",
                "bad.pdf": b"no pdf",
                "empty.txt": b"",
                ".hidden/b.txt": b"Words.",
                "__MACOSX/a.txt": b"Words.",
                "folder/": b"",
            }
        )
    )
    assert labels(document) == ["a.txt"]
    assert document.warnings[0].startswith("bad.pdf could not be read: named .pdf, but it is none")
    assert document.warnings[1:] == ("left out, being empty or of no kind that is read: film.mp4, empty.txt",)


def test_many_warnings_are_counted() -> None:
    members = {f"{n}.pdf": b"no pdf" for n in range(30)} | {f"{n}.mp4": b"\0" for n in range(8)}
    warnings = read(zipped({"a.txt": b"Words.", **members})).warnings
    assert len(warnings) == 22
    assert warnings[20] == "and 10 warnings more like these"
    assert (
        warnings[21]
        == "left out, being empty or of no kind that is read: 0.mp4, 1.mp4, 2.mp4, 3.mp4, 4.mp4 and 3 more"
    )


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        ({}, EmptySource, "holds nothing that can be read$"),
        ({"a.mp4": b"\0"}, EmptySource, "nothing that can be read: a.mp4"),
        ({"a.pdf": b"no pdf"}, CorruptSource, "nothing in it could be read: a.pdf: named .pdf"),
    ],
)
def test_an_archive_with_nothing_to_read(
    members: dict[str, bytes], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(zipped(members))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../etc/a.txt", "etc/a.txt"),
        ("/etc/a.txt", "etc/a.txt"),
        ("folder\\a.txt", "folder/a.txt"),
        ("C:\\folder\\a.txt", "C:/folder/a.txt"),
        ("a\x1b[31m\u202etxt.exe.txt", "a[31mtxt.exe.txt"),
        ("a\nb.txt", "a b.txt"),
        ("x/" * 300 + "a.txt", "x/" * 300 + "a.txt"),
    ],
)
def test_names_are_only_names(name: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert labels(read(zipped({name: b"Words."}))) == [path]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("names", "codec"),
    [
        (["会议纪要/二〇二六年预算说明.txt"], "gbk"),
        (["議事録/会議の資料について.txt"], "cp932"),
        (["Отчёт за год.txt", "Смета расходов.txt"], "cp866"),
        (["Übergröße.txt"], "cp437"),
        (["Übergröße.txt"], "utf-8"),  # without the flag that would say so
    ],
)
def test_names_in_the_packer_s_encoding(names: list[str], codec: str) -> None:
    data = zipped({f"{n:040}.txt": b"Words." for n in range(len(names))})
    for number, name in enumerate(names):
        raw = name.encode(codec).rjust(44, b"_")
        data = data.replace(f"{number:040}.txt".encode(), raw)
    assert [str(label).lstrip("_") for label in labels(read(data))] == names


def test_archives_in_archives_to_a_depth() -> None:
    data = {"a.txt": b"Words."}
    for level in range(3):
        data = {"b.txt": b"More.", f"in{level}.zip": zipped(data)}
    assert labels(read(zipped(data))) == [
        "b.txt",
        "in2.zip/b.txt",
        "in2.zip/in1.zip/b.txt",
        "in2.zip/in1.zip/in0.zip/a.txt",
    ]
    deeper = read(zipped({"c.txt": b"x", "in3.zip": zipped(data)}))
    assert labels(deeper)[-1] == "in3.zip/in2.zip/in1.zip/b.txt"
    assert "lies in 4 files, one packed in the other; 3 are opened at most" in deeper.warnings[0]


def test_a_file_that_says_it_is_a_document_is_not_taken_for_an_archive() -> None:
    with pytest.raises(CorruptSource, match=r"named \.docx, but it is a ZIP archive"):
        parse_any(NO_DOCX, "a.docx")
    assert labels(parse_any(NO_DOCX, "a.txt")) == ["[Content_Types].xml"]


def test_who_waits_is_told_after_each_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.parse.members.TELL_SECONDS", 0.0)
    steps: list[tuple[int, int]] = []
    read(zipped({f"{n}.txt": b"Words." for n in range(3)}), on_page=lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_it_is_read_in_the_sandbox(tmp_path: Path) -> None:
    data = zipped({"a.txt": b"Words.", "b.pdf": b"no pdf", "c.zip": zipped({"d.md": b"# Tea"})})
    (tmp_path / "a.zip").write_bytes(data)
    with Sandbox() as sandbox:
        document = parse_file(
            os.fsencode(tmp_path / "a.zip"),
            name="a.zip",
            content_hash=hashlib.sha256(data).hexdigest(),
            sandbox=sandbox,
        )
    assert document == read(data)
    assert labels(document) == ["a.txt", "c.zip/d.md"]


# --- attacks --------------------------------------------------------------------------------------


def test_a_bomb_of_one_member_is_stopped() -> None:
    bomb = zipped({"a.txt": b"a" * (9 << 20)})
    assert len(bomb) < 20_000
    with pytest.raises(ParserFailed, match=r"unpacks to more than 8 MB \(a\.txt\), as a ZIP bomb does"):
        read(bomb, budget=Budget(unpacked_megabytes=8))


def test_a_member_too_large_to_hold_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.parse.zipped.MEMBER_MEGABYTES", 2)
    document = read(zipped({"a.txt": b"a" * (4 << 20), "b.txt": b"Words."}))
    assert labels(document) == ["b.txt"]
    assert "a.txt could not be read: unpacks to more than 2 MB" in document.warnings[0]


def test_members_that_no_parser_reads_are_not_unpacked() -> None:
    data = zipped({"film.mp4": b"\0" * (9 << 20), "b.txt": b"Words."})
    assert labels(read(data, budget=Budget(unpacked_megabytes=8))) == ["b.txt"]


def test_members_that_share_their_bytes_count_each_time() -> None:
    """As in D. Fifield's "A better zip bomb": many names for one piece of packed data."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = b"a" * (1 << 20)
    piece = packed.compress(plain) + packed.flush()
    fields = (20, 0, 8, 0, 0, zlib.crc32(plain), len(piece), len(plain), 5, 0)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + b"a.txt" + piece
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *fields, 0, 0, 0, 0, 0) + b"a.txt"
    directory = entry * 50
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 50, 50, len(directory), len(local), 0)
    with pytest.raises(ParserFailed, match="unpacks to more than 8 MB"):
        read(local + directory + end, budget=Budget(unpacked_megabytes=8))


def test_a_tree_of_archives_shares_one_budget() -> None:
    """As 42.zip: archives in archives, each harmless by itself."""
    inner = zipped({f"{n}.txt": b"a " * (1 << 19) for n in range(4)})
    tree = zipped({f"{n}.zip": inner for n in range(4)})
    assert len(read(tree).pages) == 16
    with pytest.raises(ParserFailed, match="unpacks to more than 8 MB"):
        read(tree, budget=Budget(unpacked_megabytes=8))


def test_members_are_counted_over_all_archives() -> None:
    inner = zipped({f"{n}.txt": b"Words." for n in range(10)})
    document = read(zipped({f"{n}.zip": inner for n in range(10)}), budget=Budget(most_members=25))
    assert len(document.pages) < 25
    assert any("only the first 25 members were looked at" in warning for warning in document.warnings)


def test_a_million_members_are_refused_before_they_are_listed() -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 6, *[0] * 3, 1, *[0] * 4, 0, 0) + b"a"
    directory = entry * 1_000_000
    data = b"PK\3\4" + b"\0" * 26 + directory
    data += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 30, 0)
    begun = time.monotonic()
    with pytest.raises(ParserFailed, match="is an archive of 1000000 members; no more than 200000"):
        parse_any(data, "a.zip")
    assert time.monotonic() - begun < 5


def test_an_archive_that_holds_itself() -> None:
    """As R. Cox's quine: a member is taken for what it is, however often; here the outermost is written."""
    data = zipped({"a.txt": b"Words."})
    for _ in range(8):
        data = zipped({"a.txt": b"Words.", "r.zip": data})
    assert labels(read(data)) == ["a.txt", "r.zip/a.txt", "r.zip/r.zip/a.txt", "r.zip/r.zip/r.zip/a.txt"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bound_are_refused(method: int) -> None:
    with pytest.raises(CorruptSource, match=rf"a\.txt is packed by method {method}, which is not read"):
        read(zipped({"a.txt": b"Words."}, method=method))


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_an_archive_that_was_cut_off(cut: float) -> None:
    data = zipped({"a.txt": b"Words. " * 1000, "b.txt": bytes(range(256)) * 10})
    with pytest.raises(CorruptSource, match="damaged ZIP archive"):
        read(data[: int(len(data) * cut)])


def test_a_member_that_lies_before_the_archive_s_beginning() -> None:
    data = bytearray(zipped({"a.txt": b"Words.", "b.txt": b"Words."}))
    data[:30] = b""  # offsets now point before the file
    data[:4] = b"PK\3\4"
    with pytest.raises(CorruptSource, match=r"nothing in it could be read: a\.txt.* damaged"):
        read(bytes(data).replace(b"b.txt", b"b.mp4"))


def test_flipped_bytes_cost_one_member() -> None:
    data = bytearray(zipped({"a.txt": b"some words " * 100, "b.txt": b"Words."}))
    data[40:44] = b"\xff" * 4
    document = read(bytes(data))
    assert labels(document) == ["b.txt"]
    assert document.warnings[0].startswith("a.txt could not be read: a.txt in the file is damaged")


# --- passwords ------------------------------------------------------------------------------------


def zip_crypto(text: bytes, password: bytes) -> bytes:
    """An archive of `a.txt` under ZIP's old encryption, by APPNOTE.TXT 6.1."""
    table = []
    for n in range(256):
        c = n
        for _ in range(8):
            c = (c >> 1) ^ 0xEDB88320 if c & 1 else c >> 1
        table.append(c)
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = (keys[0] >> 8) ^ table[(keys[0] ^ byte) & 0xFF]
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ table[(keys[2] ^ (keys[1] >> 24)) & 0xFF]

    for byte in password:
        update(byte)
    sealed = bytearray()
    for byte in b"\0" * 11 + bytes([zlib.crc32(text) >> 24]) + text:
        temp = (keys[2] | 2) & 0xFFFF
        sealed.append(byte ^ (((temp * (temp ^ 1)) >> 8) & 0xFF))
        update(byte)
    fields = (20, 1, 0, 0, 0, zlib.crc32(text), len(sealed), len(text), 5, 0)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + b"a.txt" + bytes(sealed)
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *fields, 0, 0, 0, 0, 0) + b"a.txt"
    return local + entry + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local), 0)


def test_a_protected_member_is_read_with_a_password_that_is_given() -> None:
    data = zip_crypto(b"Secret words.", b"sesame")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("a.txt", pwd=b"sesame") == b"Secret words."  # the archive itself is right
    assert read(data, passwords=("wrong", "sesame")).pages[0].text == "Secret words."


@pytest.mark.parametrize("passwords", [(), ("wrong",)])
def test_a_protected_member_without_its_password(passwords: tuple[str, ...]) -> None:
    with pytest.raises(EncryptedSource, match=r"a\.txt: the archive is protected by a password"):
        read(zip_crypto(b"Secret words.", b"sesame"), passwords=passwords)
