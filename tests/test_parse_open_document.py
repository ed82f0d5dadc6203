"""ODT, ODS and ODP, written by hand as LibreOffice writes them, and as nobody should."""

from __future__ import annotations

import pytest
from docx_by_hand import archive
from odf_by_hand import NAMES, c, frame, h, items, odf, p, row, table

from ingest.parse import open_sheets, open_slides, open_text
from ingest.parse.archive import Archive
from rag.errors import CorruptSource, EmptySource, EncryptedSource, ParserFailed

LISTS = """<text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1"
text:start-value="3"/><text:list-level-style-bullet text:level="2"/></text:list-style>
<style:style style:name="T1" style:family="text"><style:text-properties text:display="none"/></style:style>
<style:style style:name="P1" style:parent-style-name="Title"/>
<style:style style:name="ta2" style:family="table">
<style:table-properties table:display="false"/></style:style>
<style:style style:name="dp2" style:family="drawing-page">
<style:drawing-page-properties presentation:visibility="hidden"/></style:style>"""


def text_of(body: str) -> str:
    return open_text.parse(odf("text", body, styles=LISTS), "a.odt").pages[0].text


def sheet_of(*rows: str) -> str:
    return open_sheets.parse(odf("spreadsheet", table(*rows)), "a.ods").pages[0].text


def slide_of(*shapes: str) -> str:
    return open_slides.parse(odf("presentation", page(*shapes)), "a.odp").pages[0].text


def page(*shapes: str, more: str = "") -> str:
    return f"<draw:page {more}>{''.join(shapes)}</draw:page>"


# --- texts ----------------------------------------------------------------------------------------


def test_a_text() -> None:
    meta = f"<office:document-meta {NAMES}><office:meta><dc:title>Expenses</dc:title></office:meta>"
    body = p("Policy", 'text:style-name="P1"') + h("Claiming") + p("Fill in the form.") + h("Limits", 2)
    body += table(row("Item", "Limit"), row("Hotel", "165"))
    data = odf("text", body, styles=LISTS, **{"meta.xml": meta + "</office:document-meta>"})
    read = open_text.parse(data, "a.odt")
    assert read.title == "Expenses"
    assert (
        read.pages[0].text == "Policy\n\nClaiming\n\nFill in the form.\n\nLimits\n\nItem: Hotel | Limit: 165"
    )
    assert [(x.level, x.text) for x in read.pages[0].headings] == [
        (1, "Policy"),
        (1, "Claiming"),
        (2, "Limits"),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (p("a<text:s text:c='3'/>b<text:tab/>c<text:line-break/>d"), "a b c d"),
        (p("a <text:span>b <text:a>c</text:a></text:span> d"), "a b c d"),
        (items(p("one"), p("two")), "- one\n- two"),
        (items(p("one") + items(p("deep")), p("two"), more='text:style-name="L1"'),
         "3. one\n  - deep\n4. two"),
        (items(p("a"), more='text:style-name="L1"') + p("x")
         + items(p("b"), more='text:style-name="L1" text:continue-numbering="true"'), "3. a\n\nx\n\n4. b"),
        (items(h("In a list")), "In a list"),
        ("<text:tracked-changes>" + p("gone") + "</text:tracked-changes>" + p("x"), "x"),
        ("<text:table-of-content>" + p("Claiming 3") + "</text:table-of-content>" + p("x"), "x"),
        (p("x<office:annotation>" + p("a comment") + "</office:annotation>y"), "xy"),
        (p("See<text:note><text:note-citation>1</text:note-citation><text:note-body>" + p("The annex.")
           + "</text:note-body></text:note> there."), "See there.\n\nThe annex."),
        (p("anchor" + frame(p("in a box"))), "anchor\n\nin a box"),
        (p("anchor" + frame(table(row("Item", "Sum"), row("Rent", "12")))), "anchor\n\nItem: Rent | Sum: 12"),
        ('<text:section text:display="none">' + p("hidden") + "</text:section>" + p("x"), "x"),
        ("<text:section>" + p("in a section") + "</text:section>", "in a section"),
        (table(row("only one column")), "only one column"),
        (table(row("a" * 1001, "b")), "a" * 1001 + "\n\nb"),
        (p("x &amp; &lt;y&gt; ﬁn\u00ad"), "x & <y> fin"),
        (p("<text:ruby><text:ruby-base>字</text:ruby-base><text:ruby-text>じ</text:ruby-text></text:ruby>"),
         "字"),
    ],
)  # fmt: skip
def test_what_is_read_of_a_text(body: str, text: str) -> None:
    assert text_of(body) == text


def test_hidden_text_is_left_out_and_said() -> None:
    body = p('seen <text:span text:style-name="T1">secret</text:span>')
    read = open_text.parse(odf("text", body, styles=LISTS), "a.odt")
    assert read.pages[0].text == "seen"
    assert read.warnings == ("6 characters that no screen shows (hidden text, Unicode tags) were left out",)


def test_a_cell_over_several_rows_is_said_in_each() -> None:
    body = table(
        row("Day", "Low", "High"),
        row(c("Mon", 'table:number-rows-spanned="2"'), "1", "2"),
        row("<table:covered-table-cell/>", "3", "4"),
    )
    assert text_of(body) == "Day: Mon | Low: 1 | High: 2\nDay: Mon | Low: 3 | High: 4"


# --- sheets ---------------------------------------------------------------------------------------


def test_sheets() -> None:
    dated = c("05.03.24", 'office:value-type="date" office:date-value="2024-03-05"')
    timed = c("5. März", 'office:value-type="date" office:date-value="2024-03-05T14:30:00"')
    share = c("7,5 %", 'office:value-type="percentage" office:value="0.075"')
    note = f"<office:annotation>{p('two nights')}</office:annotation>"
    noted = f"<table:table-cell>{note}{p('165')}</table:table-cell>"
    costs = table(
        row("Trip"),
        row(more='table:number-rows-repeated="2"'),
        row("Item", "Day", "Share", "Sum"),
        row("Hotel", dated, share, noted),
        row("Train", timed, c("", 'table:number-columns-repeated="1"'), c("", 'office:value="9"')),
        row(c("", 'table:number-columns-repeated="1024"'), more='table:number-rows-repeated="1048570"'),
        name="Costs",
    )
    hidden = table(row("Not for all"), name="Plans", more='table:style-name="ta2"')
    read = open_sheets.parse(
        odf("spreadsheet", costs + hidden + table(name="Nothing"), styles=LISTS), "a.ods"
    )
    assert [(x.number, x.label) for x in read.pages] == [(1, "Costs"), (2, "Plans"), (3, "Nothing")]
    assert read.pages[0].text.split("\n") == [
        "Trip",
        "",
        "",
        "Item | Day | Share | Sum",
        "Item: Hotel | Day: 2024-03-05 | Share: 7,5 % | Sum: 165 (note: two nights)",
        "Item: Train | Day: 2024-03-05 14:30 | Sum: 9",
    ]
    assert [(x.level, x.text) for x in read.pages[0].headings] == [(1, "Costs"), (2, "Trip")]
    assert read.warnings == ("hidden sheets were read, too: Plans",)


def test_repeated_and_merged_cells() -> None:
    assert sheet_of(
        row("Day", "Low", "High"),
        row(c("Mon", 'table:number-rows-spanned="2"'), c("1", 'table:number-columns-repeated="2"')),
        row("<table:covered-table-cell/>", "2"),
        row("Tue", "5", more='table:number-rows-repeated="2"'),
    ).split("\n")[1:] == ["Day: Mon | Low: 1 | High: 1", "Day: Mon | Low: 2", *["Day: Tue | Low: 5"] * 2]


def test_rows_in_groups_and_headers_that_are_told() -> None:
    told = f"<table:table-header-rows>{row('1', '2')}</table:table-header-rows>"
    grouped = (
        f"<table:table-row-group><table:table-rows>{row('x', 'y')}</table:table-rows></table:table-row-group>"
    )
    assert sheet_of(told, grouped) == "1 | 2\n1: x | 2: y"


def test_millions_of_repeated_rows_and_columns_take_nothing() -> None:
    everywhere = 'table:number-rows-repeated="999999999"'
    wide = c("", 'table:number-columns-repeated="999999999"')
    assert sheet_of(row("here", wide, c("out"))) == "here"
    read = open_sheets.parse(
        odf("spreadsheet", table(row("here"), row(more=everywhere), row("out"))), "a.ods"
    )
    assert read.pages[0].text == "here"
    assert read.warnings[0].startswith("sheet Sheet1: rows from 1000000001 on were left out")


def test_a_row_that_repeats_its_words_without_end_is_refused() -> None:
    wide = c("x" * 20_000, 'table:number-columns-repeated="99999"')
    with pytest.raises(ParserFailed, match="gives more than 200 million characters"):
        sheet_of(row(wide))


# --- slides ---------------------------------------------------------------------------------------


def test_slides() -> None:
    first = page(
        frame(p("below"), at=("1cm", "12cm")),
        frame(p("right"), at=("14cm", "5cm")),
        frame(items(p("left"), p("more")), kind="outline", at=("10mm", "5.2cm")),
        frame(p("Goals"), kind="title", at=("1cm", "1cm")),
        frame(p("4"), kind="page-number"),
        f"<presentation:notes>{frame(p('Say who pays.'), kind='notes')}</presentation:notes>",
    )
    second = page(f"<draw:g>{frame(p('in a group'))}</draw:g>", more='draw:style-name="dp2"')
    read = open_slides.parse(odf("presentation", first + second, styles=LISTS), "a.odp")
    assert read.title == "Goals"
    assert read.pages[0].text == (
        "Goals\n\n- left\n- more\n\nright\n\nbelow\n\nSpeaker notes\n\nSay who pays."
    )
    assert [(x.level, x.text) for x in read.pages[0].headings] == [(1, "Goals"), (2, "Speaker notes")]
    assert read.pages[1].text == "in a group"
    assert read.warnings == ("hidden slides were read, too: 2",)


def test_a_table_on_a_slide() -> None:
    assert slide_of(f"<draw:frame>{table(row('City', 'Visits'), row('Rome', '12'))}</draw:frame>") == (
        "City: Rome | Visits: 12"
    )


# --- hostile --------------------------------------------------------------------------------------

KINDS = [("text", open_text), ("spreadsheet", open_sheets), ("presentation", open_slides)]


@pytest.mark.parametrize(("kind", "module"), KINDS)
@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY x "&b;&b;&b;&b;&b;&b;&b;&b;">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p; <!ENTITY x "y">',
    ],
)
def test_entities_are_refused(kind: str, module: object, entities: str) -> None:
    content = Archive(odf(kind, table(row("&x;")) + page(frame(p("&x;"))))).read("content.xml").decode()
    data = odf(kind, "", **{"content.xml": f"<!DOCTYPE d [{entities}]>{content}"})
    with pytest.raises(CorruptSource, match=r"declares a document type|not well-formed"):
        module.parse(data, "a")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kind", "module"), KINDS)
def test_what_is_refused(kind: str, module: object) -> None:
    parse = module.parse  # type: ignore[attr-defined]
    with pytest.raises(EmptySource, match="hold"):
        parse(odf(kind, ""), "a")
    with pytest.raises(CorruptSource, match=r"holds no content\.xml"):
        parse(archive({"mimetype": b"x"}), "a")
    with pytest.raises(CorruptSource, match="not well-formed"):
        parse(odf(kind, "<text:p>" * 300), "a")
    manifest = "<m><f><encryption-data/></f></m>"
    with pytest.raises(EncryptedSource, match="protected by a password"):
        parse(odf(kind, p("x"), **{"META-INF__manifest.xml": manifest}), "a")


@pytest.mark.parametrize(("kind", "module"), KINDS)
def test_what_is_unpacked_is_counted(kind: str, module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Archive", lambda data, **_: Archive(data, unpacked_megabytes=1))
    bomb = odf(kind, " " * 2_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(ParserFailed, match=r"unpacks to more than 1 MB \(content\.xml\)"):
        module.parse(bomb, "a")  # type: ignore[attr-defined]


def test_lists_in_lists_end_somewhere() -> None:
    deep = p("deep")
    for _ in range(100):
        deep = items(deep)
    assert text_of(deep).strip() == "- deep"


@pytest.mark.parametrize("odd", ["²", "-1", "9" * 5000, "x", ""])
def test_attributes_that_are_no_numbers_do_no_harm(odd: str) -> None:
    repeated = f'table:number-columns-repeated="{odd}" table:number-rows-spanned="{odd}"'
    rows = row(c("a", repeated), more=f'table:number-rows-repeated="{odd}"') + row("b")
    assert sheet_of(rows) == "a\nb"
    assert text_of(f'<text:h text:outline-level="{odd}">a<text:s text:c="{odd}"/>b</text:h>') in ("a b", "ab")


def test_a_damaged_title_leaves_the_text() -> None:
    read = open_text.parse(odf("text", p("whole"), **{"meta.xml": "<broken"}), "a.odt")
    assert (read.title, read.pages[0].text) == (None, "whole")


def test_an_id_that_comes_twice_does_no_harm() -> None:
    assert text_of(p("one", 'xml:id="a"') + p("two", 'xml:id="a"')) == "one\n\ntwo"
