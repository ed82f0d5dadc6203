"""The file of passwords: what counts as one, and what is said of a file that is none."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from pdf_by_hand import lines_pdf
from pypdf import PdfWriter

from ingest.passwords import read_passwords
from ingest.reading import parse_file
from ingest.sandbox import Sandbox
from rag.errors import UsageError


@pytest.mark.parametrize(
    ("content", "passwords"),
    [
        (b"one\ntwo\n", ("one", "two")),
        (b"one\r\ntwo", ("one", "two")),
        (b"\xef\xbb\xbfpass w\xc3\xb6rd \n\n\n", ("pass wörd ",)),
        (b"same\nother\nsame\n", ("same", "other")),
        (b"", ()),
        (b"a\x0bb\xc2\x85c\n", ("a\x0bb\x85c",)),  # only \n ends a line
    ],
)
def test_one_a_line(tmp_path: Path, content: bytes, passwords: tuple[str, ...]) -> None:
    (tmp_path / "p").write_bytes(content)
    assert read_passwords(str(tmp_path / "p")) == passwords


def test_they_reach_the_parser_in_its_child(tmp_path: Path) -> None:
    writer = PdfWriter(io.BytesIO(lines_pdf(["The gate is shut."])))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "a.pdf")
    digest = hashlib.sha256((tmp_path / "a.pdf").read_bytes()).hexdigest()
    with Sandbox(seconds=30) as box:
        document = parse_file(
            bytes(tmp_path / "a.pdf"),
            name="a.pdf",
            content_hash=digest,
            sandbox=box,
            passwords=("wrong", "secret"),
        )
    assert document.pages[0].text == "The gate is shut."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9\n", "is not in UTF-8: save it as UTF-8"),
        (b"\n".join(b"%d" % n for n in range(1001)), "has 1001 passwords; the most is 1000"),
        (b"x" * (1 << 20) + b"xx", "the password file .*"),
    ],
)
def test_what_is_no_password_file(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_passwords(str(tmp_path / "p"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the password file '.*nowhere'"):
        read_passwords(str(tmp_path / "nowhere"))
