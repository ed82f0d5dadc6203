"""XLSX: what XlsxWriter writes, what Excel writes that it can't, and what nobody should."""

from __future__ import annotations

import io
from datetime import date, datetime, time

import pytest
import xlsxwriter
from docx_by_hand import archive
from xlsx_by_hand import MAIN, OFFICE, PACKAGE, number, row, text, xlsx

from ingest.parse import sheets as sheets_module
from ingest.parse import streamed_xml, workbook
from ingest.parse.sheets import parse
from rag.errors import CorruptSource, EmptySource, EncryptedSource, ParserFailed


def text_of(data: bytes) -> str:
    return parse(data, "a.xlsx").pages[0].text


def test_a_workbook_of_xlsxwriter() -> None:
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True})
    book.set_properties({"title": "Costs 2024"})
    costs = book.add_worksheet("Costs")
    day, share, money = (
        book.add_format({"num_format": code}) for code in ("dd.mm.yyyy", "0.0%", '#,##0.00 "€"')
    )
    costs.merge_range("A1:D1", "Costs of the trip")
    costs.write_row("A3", ["Item", "Day", "Share", "Sum"], book.add_format({"bold": True}))
    costs.write_row("A4", ["Hotel"])
    costs.write_datetime("B4", date(2024, 3, 5), day)
    costs.write_number("C4", 0.075, share)
    costs.write_number("D4", 1234.5, money)
    costs.write_comment("D4", "two nights")
    costs.write_row("A5", ["Train", "", 0.25, True])
    costs.write_formula("D6", "=SUM(D4:D5)", money, 1234.5)
    secret = book.add_worksheet("Plans")
    secret.write("A1", "Not for all")
    secret.hide()
    book.add_worksheet("Nothing")
    book.close()
    read = parse(written.getvalue(), "a.xlsx")
    assert read.title == "Costs 2024"
    assert [(page.number, page.label) for page in read.pages] == [(1, "Costs"), (2, "Plans"), (3, "Nothing")]
    assert read.pages[0].text.split("\n") == [
        "Costs of the trip",
        "",
        "Item | Day | Share | Sum",
        "Item: Hotel | Day: 2024-03-05 | Share: 7.5% | Sum: 1,234.50 € (note: two nights)",
        "Item: Train | Share: 0.25 | Sum: TRUE",
        "Sum: 1,234.50 €",
    ]
    assert [(h.level, h.text) for h in read.pages[0].headings] == [(1, "Costs"), (2, "Costs of the trip")]
    assert read.pages[1].text == "Not for all"
    assert read.warnings == ("hidden sheets were read, too: Plans",)


def test_tables_and_filters_name_their_header() -> None:
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True})
    one, two = book.add_worksheet(), book.add_worksheet()
    one.add_table("B3:C5", {"data": [["x", "y"], ["z", "w"]], "columns": [{"header": "1"}, {"header": "2"}]})
    for place, cells in enumerate((["5", "6"], ["10", "20"], ["11", "21"])):
        two.write_row(place, 0, cells)
    two.autofilter("A2:B3")
    book.close()
    read = parse(written.getvalue(), "a.xlsx")
    assert read.pages[0].text == "\n\n1 | 2\n1: x | 2: y\n1: z | 2: w"
    assert read.pages[1].text == "5 | 6\n10 | 20\n10: 11 | 20: 21"


def test_dates_counted_from_1904() -> None:
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True, "date_1904": True})
    form = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    book.add_worksheet().write_datetime(0, 0, datetime(2024, 3, 5, 14, 30), form)
    book.get_worksheet_by_name("Sheet1").write_datetime(
        1, 0, time(9, 5), book.add_format({"num_format": "h:mm"})
    )
    book.close()
    assert text_of(written.getvalue()) == "2024-03-05 14:30\n09:05"


@pytest.mark.parametrize(
    ("cell", "seen"),
    [
        ('<c r="A1" t="b"><v>0</v></c>', "FALSE"),
        ('<c r="A1" t="e"><v>#DIV/0!</v></c>', "#DIV/0!"),
        ('<c r="A1" t="str"><f>A2&amp;B2</f><v>joined</v></c>', "joined"),
        ('<c r="A1" t="d"><v>2024-03-05T00:00:00</v></c>', "2024-03-05"),
        ('<c r="A1" t="d"><v>2024-03-05T14:30:00Z</v></c>', "2024-03-05 14:30:00Z"),
        ('<c r="A1" t="s"><v>0</v></c>', "one two_A"),
        ('<c r="A1" t="s"><v>1</v></c>', "東京"),
        ('<c r="A1"><v>0.1000000000000001</v></c>', "0.1"),
        ('<c r="A1"><v>1.#QNAN</v></c>', "1.#QNAN"),
        ('<c r="A1" s="99"><v>1</v></c>', "1"),
        ('<c r="A1" s="2"><v>45356</v></c>', "2024-03-05"),
        ("<c><v>1</v></c><c><v>2</v></c>", "1 | 2"),
        ('<c r="C1"><v>3</v></c>', "3"),
    ],
)
def test_cells(cell: str, seen: str) -> None:
    strings = (
        "<si><r><t>one </t></r><r><t>two_x005F_A</t></r></si><si><t>東京</t><rPh><t>とうきょう</t></rPh></si>"
    )
    assert text_of(xlsx(f'<row r="1">{cell}</row>', strings=strings)) == seen


@pytest.mark.parametrize(
    "cell", ['<c r="A1" t="s"><v>9</v></c>', '<c r="A1" t="s"><v>-1</v></c>', '<c r="A1"/>']
)
def test_cells_that_say_nothing(cell: str) -> None:
    assert text_of(xlsx(row(1, cell, text("B1", "seen")))) == "seen"


@pytest.mark.parametrize("odd", ["²", "٣", "-1", "9" * 5000, "1e9", "NaN", ""])
def test_attributes_that_are_no_numbers_do_no_harm(odd: str) -> None:
    cell = f'<c r="{odd}" s="{odd}"><v>7</v></c><c t="s"><v>{odd}</v></c>'
    styles = (
        f'<styleSheet xmlns="{MAIN}"><fonts><font/></fonts><cellXfs><xf numFmtId="{odd}" fontId="{odd}"/>'
    )
    data = xlsx(f'<row r="{odd}">{cell}</row>', **{"xl__styles.xml": f"{styles}</cellXfs></styleSheet>"})
    assert text_of(data) == "7"


def test_formulas_without_a_stored_result_are_shown_and_said() -> None:
    read = parse(xlsx(row(1, '<c r="A1"><f>SUM(B1:B9)</f></c>', number("B1", "4"))), "a.xlsx")
    assert read.pages[0].text == "=SUM(B1:B9) | 4"
    assert read.warnings == (
        "1 formulas are stored without a result and show as formulas; "
        "a spreadsheet program that opens and saves the file adds the results",
    )


def test_the_strict_variant_reads_the_same() -> None:
    strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    assert text_of(xlsx(row(1, text("A1", "Strict.")), main=strict)) == "Strict."


def test_a_damaged_sheet_leaves_the_others() -> None:
    data = xlsx(row(1, text("A1", "whole")), "<row>", names=("Good", "Bad", "Gone"))
    read = parse(data, "a.xlsx")
    assert [page.text for page in read.pages] == ["whole", "", ""]
    assert read.warnings[0].startswith(
        "sheet Bad was not read: xl/worksheets/sheet2.xml in the file is not well-"
    )
    assert read.warnings[1] == "sheet Gone was not read: its part is missing from the file"


# --- hostile --------------------------------------------------------------------------------------


def test_a_sheet_that_claims_to_be_huge_takes_nothing() -> None:
    claims = f'<worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>'
    cells = row(1, text("A1", "first")) + row(1_048_576, text("XFD1048576", "last"))
    read = parse(_with_sheet(claims + cells), "a.xlsx")
    assert read.pages[0].text.strip("\n").split("\n")[0] == "first"
    assert read.pages[0].text.count("\n") == 1_048_575
    assert read.pages[0].text.endswith("\nlast")


def _with_sheet(part: str) -> bytes:
    return xlsx("", **{"xl__worksheets__sheet1.xml": part + "</sheetData></worksheet>"})


def test_rows_beyond_every_limit_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets_module, "MOST_ROWS", 10)
    read = parse(xlsx(row(1, text("A1", "in")) + row(11, text("A11", "out"))), "a.xlsx")
    assert read.pages[0].text == "in"
    assert read.warnings == (
        "sheet Sheet1: rows from 11 on were left out; no more than 10 rows of a sheet "
        "and 4194304 of a workbook are read",
    )


def test_many_sheets_with_a_last_row_are_cut_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets_module, "MOST_LINES", 25)
    read = parse(xlsx(*[row(10, text("A10", "here"))] * 4), "a.xlsx")
    assert [page.text.strip() for page in read.pages] == ["here", "here", "", ""]
    assert [warning[:30] for warning in read.warnings] == [
        f"sheet Sheet{n}: rows from 10 on " for n in (3, 4)
    ]


def test_empty_rows_take_nothing() -> None:
    assert text_of(xlsx("<row/>" * 60_000 + row(60_001, text("A60001", "end")))).strip() == "end"


def test_columns_beyond_the_last_are_left_out() -> None:
    assert text_of(xlsx(row(1, text("A1", "in"), text("ZZZ1", "out")))) == "in"


def test_rows_out_of_order_keep_their_order() -> None:
    assert text_of(xlsx(row(5, text("A5", "a")) + row(2, text("A2", "b")))) == "\n\n\n\na\nb"


def test_one_huge_row_is_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed_xml, "HELD_MEGABYTES", 1)
    monkeypatch.setattr(streamed_xml.elements, "__kwdefaults__", {"held_megabytes": 1})
    data = xlsx("<row>" + "<c/>" * 1_000_000 + "</row>")
    assert len(data) < 20_000
    with pytest.raises(ParserFailed, match=r"sheet1\.xml in the file has one piece of more than 1 MB"):
        parse(data, "a.xlsx")


def test_what_is_unpacked_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets_module, "STREAMED_MEGABYTES", 1)
    with pytest.raises(ParserFailed, match=r"unpacks to more than 1 MB \(xl/worksheets/sheet1\.xml\)"):
        parse(xlsx("<row/>" * 400_000), "a.xlsx")


def test_shared_strings_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "SHARED_MEGACHARACTERS", 1)
    with pytest.raises(ParserFailed, match="more than 1 million characters in its cells"):
        parse(xlsx("", strings=f"<si><t>{'x' * 100_000}</t></si>" * 11), "a.xlsx")


def test_one_string_in_every_cell_of_a_row_is_refused() -> None:
    cells = '<c t="s"><v>0</v></c>' * 16_000
    with pytest.raises(ParserFailed, match="gives more than 200 million characters"):
        parse(xlsx(f"<row>{cells}</row>", strings=f"<si><t>{'x' * 32_000}</t></si>"), "a.xlsx")


@pytest.mark.parametrize(
    "part", ["xl__workbook.xml", "xl__worksheets__sheet1.xml", "xl__sharedStrings.xml", "xl__styles.xml"]
)
@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY x "&b;&b;&b;&b;&b;&b;&b;&b;">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p; <!ENTITY x "y">',
    ],
)
def test_entities_are_refused_in_every_part(part: str, entities: str) -> None:
    cell = '<c t="inlineStr"><is><t>&x;</t></is></c>'
    body = f'<!DOCTYPE d [{entities}]><d xmlns="{MAIN}"><sheetData><row>{cell}</row></sheetData>'
    body += "<si><t>&x;</t></si></d>"
    with pytest.raises(CorruptSource, match=r"declares a document type|not well-formed"):
        parse(xlsx(row(1, text("A1", "x")), **{part: body}), "a.xlsx")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (xlsx(""), EmptySource, "no cell with anything in it"),
        (archive({"word/document.xml": b"<x/>"}), CorruptSource, r"no xl/workbook\.xml"),
        (xlsx(row(1, text("A1", "cut off")))[:400], CorruptSource, "damaged ZIP archive"),
        (xlsx("<row>" + "<a>" * 300), CorruptSource, "not well-formed"),
    ],
)
def test_what_is_refused(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(data, "a.xlsx")


def test_a_protected_member_is_named() -> None:
    data = bytearray(xlsx(row(1, text("A1", "secret"))))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := data.find(signature, place + 1)) >= 0:
            data[place + offset] |= 1
    with pytest.raises(EncryptedSource, match="protected by a password"):
        parse(bytes(data), "a.xlsx")


def test_a_relation_out_of_the_archive_is_not_followed() -> None:
    leads = (
        f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/worksheet" '
        'Target="../../../../etc/passwd"/></Relationships>'
    )
    with pytest.raises(CorruptSource, match="its part is missing"):
        parse(xlsx(row(1, text("A1", "x")), **{"xl___rels__workbook.xml.rels": leads}), "a.xlsx")
