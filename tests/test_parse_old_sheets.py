"""XLS and XLSB, and what is only named so."""

from __future__ import annotations

from pathlib import Path

import pytest
from xls_by_hand import DATED, Cell, compound, xls, xlsb

from ingest.parse import archive as archive_module
from ingest.parse import old_sheets
from ingest.parse.archive import Archive
from ingest.parse.old_sheets import XLS, XLSB, parse
from ingest.sandbox import Sandbox
from rag.errors import CorruptSource, EmptySource, EncryptedSource, ParserFailed

WARNING = (
    "numbers of this old kind of workbook are read without their formats: 7.5 % shows as 0.075; "
    "saved as .xlsx, it is read as it is seen"
)


def test_an_old_workbook() -> None:
    read = parse(xls(["Trip 2024"], [], ["Stadt", "Übernachtung", "bezahlt"], ["Köln", 165.0, True]), "a.xls")
    assert read.media_type == XLS
    assert read.pages[0].label == "Costs"
    assert read.pages[0].text == (
        "Trip 2024\n\nStadt | Übernachtung | bezahlt\nStadt: Köln | Übernachtung: 165 | bezahlt: TRUE"
    )
    assert read.warnings == ()


@pytest.mark.parametrize(
    ("value", "seen"), [(45356.0, "2024-03-05"), (45356.604166666664, "2024-03-05 14:30")]
)
def test_dates(value: float, seen: str) -> None:
    assert parse(xls([value], style=DATED), "a.xls").pages[0].text == seen


def test_numbers_without_their_formats_and_hidden_sheets_are_said() -> None:
    read = parse(xls([0.075], hidden=1), "a.xls")
    assert read.pages[0].text == "0.075"
    assert read.warnings == ("hidden sheets were read, too: Costs", WARNING)


def test_a_binary_workbook() -> None:
    cells: list[tuple[int, int, Cell]] = [
        (0, 0, "Item"),
        (0, 1, "Sum"),
        (1, 0, "Miete"),
        (1, 1, 12.0),
        (9, 1, 12.5),
    ]
    read = parse(xlsb(*cells), "a.xlsb")
    assert (read.media_type, read.pages[0].label) == (XLSB, "Costs")
    assert read.pages[0].text == "Item | Sum\nItem: Miete | Sum: 12" + "\n" * 8 + "12.5"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Item\tSum\nRent\t12\n", "Item | Sum\nItem: Rent | Sum: 12"),
        (b"<table><tr><th>Item<th>Sum<tr><td>Rent<td>12</table>", "Item: Rent | Sum: 12"),
    ],
)
def test_what_is_only_named_so(data: bytes, text: str) -> None:
    assert parse(data, "export.xls").pages[0].text == text


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (xls(), EmptySource, "no cell with anything in it"),
        (xls(["secret"], password=True), EncryptedSource, "protected by a password"),
        (xls(["cut off"])[:1500], CorruptSource, "the workbook is damaged"),
        (compound(b"\xff" * 4096), CorruptSource, "the workbook is damaged"),
        (b"MIME-Version: 1.0\n", CorruptSource, r"named \.xls, but it is none"),
        (bytes(range(256)), CorruptSource, r"named \.xls, but it is none"),
        (xlsb((0, 0, "x"))[:200], CorruptSource, "damaged ZIP archive"),
    ],
)
def test_what_is_refused(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(data, "a.xls")


def test_what_is_unpacked_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_sheets, "Archive", lambda data: Archive(data, unpacked_megabytes=1))
    bomb = xlsb((0, 0, "x"), filler=bytes(2_000_000))
    assert len(bomb) < 10_000
    assert archive_module.UNPACKED_MEGABYTES == 256
    with pytest.raises(ParserFailed, match=r"unpacks to more than 1 MB \(xl/worksheets/sheet1\.bin\)"):
        parse(bomb, "a.xlsb")


def test_a_cell_in_the_last_row_and_column_ends_the_child_alone(tmp_path: Path) -> None:
    huge, small = tmp_path / "huge.xlsb", tmp_path / "small.xlsb"
    huge.write_bytes(xlsb((0, 0, "first"), (1_048_575, 16_383, "last")))
    small.write_bytes(xlsb((0, 0, "fine")))
    with Sandbox(seconds=60, memory_megabytes=1024) as sandbox:
        job = {"name": "a.xlsb", "limit_megabytes": 1}
        with pytest.raises(ParserFailed, match=r"crashed|memory"):
            sandbox.run("ingest.reading:parse_job", {"path": str(huge), **job})
        assert (
            sandbox.run("ingest.reading:parse_job", {"path": str(small), **job})["pages"][0]["text"] == "fine"
        )
