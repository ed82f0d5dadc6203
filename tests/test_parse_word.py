"""DOCX: what python-docx writes, and what Word writes that python-docx can't."""

from __future__ import annotations

import io

import docx as python_docx
import pytest
from docx_by_hand import W, archive, docx, item, p, run, styled, table

from ingest.parse.archive import Archive
from ingest.parse.word import parse
from rag.errors import CorruptSource, EmptySource, EncryptedSource, ParserFailed

M = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def text_of(body: str, **parts: str) -> str:
    return parse(docx(body, **parts), "a.docx").pages[0].text


def test_a_document_of_python_docx() -> None:
    document = python_docx.Document()
    document.core_properties.title = "Expenses"
    document.add_heading("Policy", 0)
    document.add_heading("Claiming", 1)
    document.add_paragraph("Fill in the form.")
    document.add_paragraph("one", style="List Number")
    document.add_paragraph("two", style="List Number")
    document.add_paragraph("dot", style="List Bullet")
    rows = document.add_table(2, 2)
    for cell, text in zip(
        [c for row in rows.rows for c in row.cells], ["Item", "Limit", "Hotel", "165"], strict=True
    ):
        cell.text = text
    written = io.BytesIO()
    document.save(written)
    read = parse(written.getvalue(), "a.docx")
    assert read.title == "Expenses"
    assert len(read.pages) == 1
    assert read.pages[0].text == (
        "Policy\n\nClaiming\n\nFill in the form.\n\n1. one\n2. two\n- dot\n\nItem: Hotel | Limit: 165"
    )
    assert [(h.level, h.text) for h in read.pages[0].headings] == [(1, "Policy"), (1, "Claiming")]


def test_headings_by_style_by_inheritance_and_by_outline_level() -> None:
    page = parse(
        docx(
            styled("Deckblatt", "Titel")
            + styled("Eins", "berschrift1")
            + styled("Erbe", "Own")
            + p("Zwei", '<w:outlineLvl w:val="1"/>')
            + styled("Body", "Loop")
            + p("Body too", '<w:outlineLvl w:val="9"/>')
        ),
        "a.docx",
    )
    headings = [(h.level, h.text) for h in page.pages[0].headings]
    assert headings == [(1, "Deckblatt"), (1, "Eins"), (1, "Erbe"), (2, "Zwei")]
    assert page.title == "Deckblatt"


def test_lists_count_as_word_does() -> None:
    body = (
        item("c") + item("d") + item("a", 1) + item("b", 1) + item("e") + item("a", 1) + item("dot", 0, "99")
    )
    assert text_of(body) == "3. c\n4. d\n  a. a\n  b. b\n5. e\n  a. a\n- dot"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            f"<w:p>{run('kept ')}<w:del>{run('deleted')}</w:del><w:ins>{run('inserted')}</w:ins></w:p>",
            "kept inserted",
        ),
        (f"<w:p><w:moveFrom>{run('old')}</w:moveFrom><w:moveTo>{run('new')}</w:moveTo></w:p>", "new"),
        (f"<w:p><w:hyperlink>{run('a link')}</w:hyperlink>{run(' and more')}</w:p>", "a link and more"),
        (f"<w:sdt><w:sdtContent>{p('in a control')}</w:sdtContent></w:sdt>", "in a control"),
        (
            "<w:p><w:r><w:t>one</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>three</w:t></w:r></w:p>",
            "one two three",
        ),
        ("<w:p><w:r><w:t>non</w:t><w:noBreakHyphen/><w:t>stop</w:t></w:r></w:p>", "non-stop"),
        ("<w:p><w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:t>seen</w:t></w:r></w:p>", "seen"),
        (styled("1 Introduction 3", "Verzeichnis1") + p("Text"), "Text"),
        (
            f"<w:p>{run('before')}<w:r><w:txbxContent>{p('in a box')}</w:txbxContent></w:r></w:p>",
            "before\n\nin a box",
        ),
        (p("x &amp; &lt;y&gt;  ﬁn\u00ad"), "x & <y> fin"),
    ],
)
def test_what_is_read(body: str, text: str) -> None:
    assert text_of(body) == text


def test_hidden_text_is_left_out_and_said() -> None:
    document = parse(docx(f"<w:p>{run('seen ')}{run('secret', '<w:vanish/>')}</w:p>"), "a.docx")
    assert document.pages[0].text == "seen"
    assert document.warnings == (
        "6 characters that no screen shows (hidden text, Unicode tags) were left out",
    )


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (table(["Item", "Limit"], ["Hotel", "165"], ["Meal", ""]), "Item: Hotel | Limit: 165\nItem: Meal"),
        (table(["12", "13"], ["14", "15"]), "12 | 13\n14 | 15"),
        (table(["only one column"], ["lays out"]), "only one column\n\nlays out"),
        (table(["a" * 1001, "b"], ["c", "d"]), "a" * 1001 + "\n\nb\n\nc\n\nd"),
    ],
)
def test_tables(rows: str, text: str) -> None:
    assert text_of(rows) == text


def test_merged_cells_keep_their_columns() -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>"

    body = (
        "<w:tbl><w:tr>" + cell("Day") + cell("Low") + cell("High") + "</w:tr><w:tr>"
        + cell("Mon", '<w:vMerge w:val="restart"/>') + cell("1", '<w:gridSpan w:val="2"/>') + "</w:tr><w:tr>"
        + cell("", "<w:vMerge/>") + cell("2") + cell("3") + "</w:tr></w:tbl>"
    )  # fmt: skip
    assert text_of(body) == "Day: Mon | Low: 1\nDay: Mon | Low: 2 | High: 3"


def test_footnotes_come_last() -> None:
    notes = f"""<w:footnotes xmlns:w="{W}"><w:footnote w:type="separator"><w:p/></w:footnote>
    <w:footnote w:id="2">{p("See the annex.")}</w:footnote></w:footnotes>"""
    assert text_of(p("Text."), word_footnotes_xml=notes) == "Text.\n\nSee the annex."


def test_endnotes_come_after_footnotes() -> None:
    notes, ends = (
        f'<w:{kind}s xmlns:w="{W}"><w:{kind} w:type="separator"><w:p/></w:{kind}>'
        f'<w:{kind} w:id="2">{p(words)}</w:{kind}></w:{kind}s>'
        for kind, words in (("footnote", "See the annex."), ("endnote", "After Smith, 1987."))
    )
    text = text_of(p("Text."), word_footnotes_xml=notes, word_endnotes_xml=ends)
    assert text == "Text.\n\nSee the annex.\n\nAfter Smith, 1987."


def m(kind: str, *inside: str) -> str:
    return f'<m:{kind} xmlns:m="{M}">{"".join(inside)}</m:{kind}>'


def t(text: str) -> str:
    return m("r", m("t", text))


ROOT = m("rad", m("deg"), m("e", m("sSup", m("e", t("b")), m("sup", t("2"))), t("-4ac")))


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (t("x=") + m("f", m("num", t("-b±"), ROOT), m("den", t("2a"))), "x=(-b±√(b^2-4ac))/(2a)"),
        (t("A=π") + m("sSup", m("e", t("r")), m("sup", t("2"))), "A=πr^2"),
        (m("rad", m("deg", t("3")), m("e", t("8"))), "√(3&8)"),
        (m("sSubSup", m("e", t("x")), m("sub", t("i+1")), m("sup", t("2"))), "x_(i+1)^2"),
        (
            m(
                "nary",
                m("naryPr", f'<m:chr m:val="∑" xmlns:m="{M}"/>'),
                m("sub", t("n=1")),
                m("sup", t("∞")),
                m("e", m("f", m("num", t("1")), m("den", t("n")))),
            ),
            "∑_(n=1)^∞ 1/n",
        ),
        (m("d", m("e", t("a")), m("e", t("b"))), "(a|b)"),
        (m("func", m("fName", t("sin")), m("e", t("x"))), "sin x"),
        (m("m", m("mr", m("e", t("1")), m("e", t("0"))), m("mr", m("e", t("0")))), "(1, 0; 0)"),
    ],
)  # fmt: skip
def test_formulas_keep_their_form(formula: str, text: str) -> None:
    assert text_of(f"<w:p>{run('So ')}{m('oMath', formula)}{run('.')}</w:p>") == f"So {text}."


def test_a_formula_nested_deep_is_read_all_the_same() -> None:
    formula = t("y")
    for _ in range(60):
        formula = m("f", m("num", t("1")), m("den", formula))
    text = text_of(f"<w:p>{m('oMath', formula)}</w:p>")
    assert text.count("1") == 60
    assert "y" in text


def test_the_strict_variant_reads_the_same() -> None:
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    body = f'<w:document xmlns:w="{strict}"><w:body>{p("Strict.")}</w:body></w:document>'
    assert parse(archive({"word/document2.xml": body.encode()}), "a.docx").pages[0].text == "Strict."


def test_nothing_to_read() -> None:
    with pytest.raises(EmptySource, match="holds no text"):
        parse(docx("<w:p/>"), "a.docx")


def test_not_a_word_document() -> None:
    with pytest.raises(CorruptSource, match=r"no word/document\.xml"):
        parse(archive({"ppt/presentation.xml": b"<x/>"}), "a.docx")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (docx(p("cut off"))[:300], "damaged ZIP archive"),
        (archive({"word/document.xml": b"<w:document"}), "not well-formed"),
        (archive({"word/document.xml": b"<!DOCTYPE x><x/>"}), "declares a document type"),
    ],
)
def test_damage(data: bytes, message: str) -> None:
    with pytest.raises(CorruptSource, match=message):
        parse(data, "a.docx")


def test_flipped_bytes_in_a_member_are_noticed() -> None:
    data = bytearray(docx(p("a long enough text to be deflated, " * 50)))
    start = data.index(b"word/document.xml") + 60
    data[start : start + 8] = b"\xff" * 8
    with pytest.raises(CorruptSource, match=r"word/document\.xml in the file is damaged"):
        parse(bytes(data), "a.docx")


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:9/x">',
        '<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY x "&b;&b;&b;&b;&b;&b;&b;&b;">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p; <!ENTITY x "y">',
    ],
)
def test_entities_are_refused(entities: str) -> None:
    body = f'<!DOCTYPE d [{entities}]><w:document xmlns:w="{W}"><w:body>{p("&x;")}</w:body></w:document>'
    with pytest.raises(CorruptSource, match=r"declares a document type|not well-formed"):
        parse(archive({"word/document.xml": body.encode()}), "a.docx")


def test_a_bomb_is_stopped_by_what_comes_out_of_it() -> None:
    bomb = archive({"word/document.xml": b"\0" * (3 << 20)})
    assert len(bomb) < 10_000
    with pytest.raises(
        ParserFailed, match=r"more than 2 MB \(word/document\.xml\); it looks like a ZIP bomb"
    ):
        Archive(bomb, unpacked_megabytes=2).read("word/document.xml")


def test_members_that_are_read_count_together() -> None:
    both = Archive(archive({"a": b"\0" * (1 << 20), "b": b"\0" * (1 << 20)}), unpacked_megabytes=1)
    both.read("a")
    with pytest.raises(ParserFailed, match=r"more than 1 MB \(b\)"):
        both.read("b")


def test_a_header_that_understates_is_not_believed() -> None:
    bomb = bytearray(archive({"word/document.xml": b"\0" * (3 << 20)}))
    size = (3 << 20).to_bytes(4, "little")
    for _ in range(bomb.count(size)):  # in the local header and in the directory
        place = bomb.index(size)
        bomb[place : place + 4] = (10).to_bytes(4, "little")
    with pytest.raises((ParserFailed, CorruptSource)):
        Archive(bytes(bomb), unpacked_megabytes=2).read("word/document.xml")


def test_a_protected_member_is_named() -> None:
    data = bytearray(docx(p("secret")))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := data.find(signature, place + 1)) >= 0:
            data[place + offset] |= 1
    with pytest.raises(EncryptedSource, match="protected by a password"):
        parse(bytes(data), "a.docx")
