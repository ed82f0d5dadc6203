"""PPTX: what python-pptx writes, and what PowerPoint writes that python-pptx can't."""

from __future__ import annotations

import functools
import io

import pptx as python_pptx
import pytest
from docx_by_hand import archive
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from pptx_by_hand import NAMES, A, frame, group, lead, p, pptx, relations, shape, slide, title

from ingest.parse import slides as slides_module
from ingest.parse.archive import Archive
from ingest.parse.slides import parse
from rag.errors import CorruptSource, EmptySource, EncryptedSource, ParserFailed


def text_of(*shapes: str, **parts: str) -> str:
    return parse(pptx(slide(*shapes), **parts), "a.pptx").pages[0].text


def test_a_presentation_of_python_pptx() -> None:
    deck = python_pptx.Presentation()
    deck.core_properties.title = "Kick-off"
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Goals"
    body = first.placeholders[1].text_frame
    body.text = "Ship in May"
    for text, level in (("Beta in March", 1), ("No new debts", 0)):
        paragraph = body.add_paragraph()
        paragraph.text, paragraph.level = text, level
    first.notes_slide.notes_text_frame.text = "Say who pays.\nThen stop."
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Numbers"
    table = second.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for place, text in enumerate(["City", "Visits", "Rome", "1,200"]):
        table.cell(place // 2, place % 2).text = text
    data = CategoryChartData(number_format="0%")
    data.categories = ["2023", "2024"]
    data.add_series("Share", (0.25, 0.5))
    second.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(4), Inches(4), Inches(3), data)
    written = io.BytesIO()
    deck.save(written)
    read = parse(written.getvalue(), "a.pptx")
    assert read.title == "Kick-off"
    assert read.pages[0].text == (
        "Goals\n\n- Ship in May\n  - Beta in March\n- No new debts\n\n"
        "Speaker notes\n\nSay who pays.\n\nThen stop."
    )
    assert [(h.level, h.text) for h in read.pages[0].headings] == [(1, "Goals"), (2, "Speaker notes")]
    assert (
        read.pages[1].text == "Numbers\n\nCity: Rome | Visits: 1,200\n\n2023 | Share: 25%\n2024 | Share: 50%"
    )


def test_slides_come_as_they_are_shown() -> None:
    read = parse(pptx(slide(title("Last")), slide(title("First")), order=(2, 1)), "a.pptx")
    assert [(page.number, page.text) for page in read.pages] == [(1, "First"), (2, "Last")]
    assert read.title == "First"


def test_shapes_are_read_from_top_left_to_bottom_right_after_the_title() -> None:
    text = text_of(
        shape(p("below"), at=(0, 5_000_000)),
        shape(p("right"), at=(5_000_000, 2_000_000)),
        shape(p("left"), at=(100, 2_100_000)),
        title("Title"),
    )
    assert text == "Title\n\nleft\n\nright\n\nbelow"


def test_a_group_stays_together() -> None:
    inside = group(shape(p("b"), at=(9, 900)), shape(p("a"), at=(1, 1)), at=(0, 3_000_000))
    text = text_of(inside, shape(p("above"), at=(0, 0)), shape(p("below"), at=(0, 6_000_000)))
    assert text == "above\n\na\n\nb\n\nbelow"


def test_placeholders_stand_where_their_layout_puts_them() -> None:
    layout = slide(
        shape(placeholder='type="body" idx="7"', at=(0, 6_000_000)),
        shape(placeholder='type="subTitle" idx="8"', at=(0, 1_000_000)),
        kind="sldLayout",
    )
    read = parse(
        pptx(
            slide(shape(p("lower"), placeholder='idx="7"'), shape(p("upper"), placeholder='idx="8"')),
            leads=lead("l", "slideLayout", "../slideLayouts/one.xml"),
            **{"ppt__slideLayouts__one.xml": layout},
        ),
        "a.pptx",
    )
    assert read.pages[0].text == "upper\n\nlower"


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        (shape(p("one"), p("two"), placeholder='idx="1"'), "- one\n- two"),
        (shape(p("only"), placeholder='idx="1"'), "only"),
        (shape(p("plain", "<a:pPr><a:buNone/></a:pPr>"), p("x"), placeholder='idx="1"'), "plain\n\n- x"),
        (shape(p("a", '<a:pPr><a:buChar char="o"/></a:pPr>')), "- a"),
        (
            shape(
                p("a", '<a:pPr><a:buAutoNum type="x" startAt="3"/></a:pPr>'),
                p("b", '<a:pPr lvl="1"><a:buAutoNum type="x"/></a:pPr>'),
                p("c", '<a:pPr><a:buAutoNum type="x"/></a:pPr>'),
            ),
            "3. a\n  1. b\n4. c",
        ),
        (shape("<a:p><a:r><a:t>one</a:t></a:r><a:br/><a:r><a:t>two</a:t></a:r></a:p>"), "one two"),
        (shape('<a:p><a:r><a:t>Seen</a:t></a:r><a:fld type="slidenum"><a:t>4</a:t></a:fld></a:p>'), "Seen"),
        (shape(p("x")) + shape(p("footer"), placeholder='type="ftr"'), "x"),
        (shape(p("x")) + shape(p("4"), placeholder='type="sldNum"'), "x"),
        (f"<mc:AlternateContent xmlns:mc='m'><mc:Choice>{shape(p('new'))}</mc:Choice><mc:Fallback>"
         f"{shape(p('old'))}</mc:Fallback></mc:AlternateContent>", "new"),
        (shape(p("x &amp; &lt;y&gt; ﬁn\u00ad")), "x & <y> fin"),
    ],
)  # fmt: skip
def test_what_is_read(shapes: str, text: str) -> None:
    assert text_of(shapes) == text


def test_merged_cells_of_a_table_are_said_in_each_row() -> None:
    def cell(text: str, more: str = "") -> str:
        return f"<a:tc {more}><a:txBody>{p(text)}</a:txBody></a:tc>"

    rows = [
        cell("Day") + cell("Low") + cell("High"),
        cell("Mon", 'rowSpan="2"') + cell("1", 'gridSpan="2"') + cell("", 'hMerge="1"'),
        cell("", 'vMerge="1"') + cell("2") + cell("3"),
    ]
    table = '<a:tbl><a:tblPr firstRow="1"/>' + "".join(f"<a:tr>{row}</a:tr>" for row in rows) + "</a:tbl>"
    assert text_of(frame(table)) == "Day: Mon | Low: 1\nDay: Mon | Low: 2 | High: 3"


def test_the_words_of_a_diagram() -> None:
    points = "".join(
        f'<d:pt type="{kind}"><d:t>{p(words)}</d:t></d:pt>'
        for kind, words in (("doc", "no"), ("node", "Plan"), ("parTrans", "no"), ("node", "Do"))
    )
    read = parse(
        pptx(
            slide(frame('<d:relIds xmlns:d="d" r:dm="d1"/>')),
            leads=lead("d1", "diagramData", "../diagrams/data1.xml"),
            **{"ppt__diagrams__data1.xml": f'<d:dataModel xmlns:d="d" {NAMES}>{points}</d:dataModel>'},
        ),
        "a.pptx",
    )
    assert read.pages[0].text == "- Plan\n- Do"


def test_hidden_slides_are_read_and_said() -> None:
    read = parse(pptx(slide(title("Seen")), slide(title("Kept back"), more='show="0"')), "a.pptx")
    assert read.pages[1].text == "Kept back"
    assert read.warnings == ("hidden slides were read, too: 2",)


def test_a_damaged_slide_leaves_the_others() -> None:
    read = parse(pptx(slide(title("Whole")), "<p:sld"), "a.pptx")
    assert [page.text for page in read.pages] == ["Whole", ""]
    assert read.warnings[0].startswith(
        "slide 2 was not read: ppt/slides/slide2.xml in the file is not well-formed"
    )


@pytest.mark.parametrize("said", ["PowerPoint Presentation", "Slide 1", "幻灯片 1"])
def test_a_title_that_nobody_gave_is_none(said: str) -> None:
    core = f'<c xmlns:dc="dc"><dc:title>{said}</dc:title></c>'
    data = pptx(slide(title("Goals")), **{"docProps__core.xml": core})
    assert parse(data, "a.pptx").title == "Goals"


# --- hostile --------------------------------------------------------------------------------------


def test_groups_in_groups_end_somewhere() -> None:
    deep = shape(p("deep"))
    for _ in range(60):
        deep = group(deep, at=(0, 0))
    assert text_of(deep) == "deep"
    for _ in range(300):
        deep = group(deep, at=(0, 0))
    with pytest.raises(CorruptSource, match="not well-formed"):
        text_of(deep)


def test_one_slide_listed_many_times_is_one_slide() -> None:
    assert len(parse(pptx(slide(title("Once")), order=(1,) * 1000), "a.pptx").pages) == 1


def test_what_is_unpacked_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slides_module, "Archive", functools.partial(Archive, unpacked_megabytes=1))
    bomb = pptx(*[slide(title("x")) + " " * 600_000] * 2)
    assert len(bomb) < 10_000
    with pytest.raises(ParserFailed, match=r"unpacks to more than 1 MB \(ppt/slides/slide2\.xml\)"):
        parse(bomb, "a.pptx")


@pytest.mark.parametrize(
    "part", ["ppt__presentation.xml", "ppt__slides__slide1.xml", "ppt___rels__presentation.xml.rels"]
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
    body = f"<!DOCTYPE d [{entities}]>{slide(title('&x;'))}"
    with pytest.raises(CorruptSource, match=r"declares a document type|not well-formed"):
        parse(pptx(slide(title("x")), **{part: body}), "a.pptx")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (pptx(slide()), EmptySource, "the slides hold no text; pictures of text need OCR"),
        (pptx(), EmptySource, "the slides hold no text"),
        (archive({"word/document.xml": b"<x/>"}), CorruptSource, r"no ppt/presentation\.xml"),
        (pptx(slide(title("cut off")))[:300], CorruptSource, "damaged ZIP archive"),
    ],
)
def test_what_is_refused(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(data, "a.pptx")


def test_a_missing_slide_is_said() -> None:
    leads = relations(lead("r1", "slide", "slides/slide1.xml"), lead("r2", "slide", "../../etc/passwd"))
    data = pptx(slide(title("Here")), "<x/>", **{"ppt___rels__presentation.xml.rels": leads})
    assert parse(data, "a.pptx").warnings == ("slide 2 was not read: its part is missing from the file",)


def test_a_protected_member_is_named() -> None:
    data = bytearray(pptx(slide(title("secret"))))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := data.find(signature, place + 1)) >= 0:
            data[place + offset] |= 1
    with pytest.raises(EncryptedSource, match="protected by a password"):
        parse(bytes(data), "a.pptx")


def test_shapes_without_words_or_places_do_no_harm() -> None:
    odd = f'<p:sp/><p:cxnSp/><p:pic/><p:graphicFrame/><p:grpSp/><a:x xmlns:a="{A}"/>'
    odd += '<p:sp><p:spPr><a:xfrm><a:off x="left" y="1e9"/></a:xfrm></p:spPr></p:sp>'
    assert text_of(odd, shape(p("seen"))) == "seen"
