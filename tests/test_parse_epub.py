"""Books: chapters in order with their titles, and what protects or breaks them."""

from __future__ import annotations

import pytest
from zip_by_hand import CONTAINER, epub, zipped

from ingest.parse import parse as parse_any
from ingest.parse.epub import parse
from rag.errors import CorruptSource, EmptySource, EncryptedSource, ParserFailed
from rag.records import Document

NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol><li><a href="two.xhtml">The Second</a></li><li><a href="one.xhtml#p1">The
 First</a><ol><li><a href="one.xhtml#p2">A part</a></li></ol></li></ol></nav>
<nav epub:type="landmarks"><a href="cover.xhtml">Cover</a></nav></body></html>"""
NCX = """<?xml version="1.0"?>
<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint><navLabel><text>第一章</text></navLabel><content src="one.xhtml"/>
<navPoint><navLabel><text>Part</text></navLabel><content src="one.xhtml#a"/></navPoint></navPoint>
</navMap></ncx>"""


def read(chapters: dict[str, str], **others: str) -> Document:
    return parse(epub(chapters, **others), "a.epub")


def encryption(path: str, algorithm: str) -> str:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData>'
        f'<enc:CipherReference URI="{path}"/></enc:CipherData></enc:EncryptedData></encryption>'
    )


def test_a_page_for_each_chapter_in_the_order_of_the_spine() -> None:
    document = read(
        {
            "two.xhtml": "<h1>Two</h1><p>Second.</p>",
            "cover.xhtml": '<img src="c.png"/>',
            "one.xhtml": "<h2>One</h2><p>First.</p>",
            "note.xhtml": "<p>No heading.</p>",
        }
    )
    assert [(page.number, page.label, page.text) for page in document.pages] == [
        (1, "Two", "Two\n\nSecond."),
        (2, "One", "One\n\nFirst."),
        (3, None, "No heading."),
    ]


def test_the_table_of_contents_names_the_chapters() -> None:
    document = read(
        {"one.xhtml": "<p>First.</p><h2>A part</h2>", "two.xhtml": "<h1>The Second</h1>"}, nav_xhtml=NAV
    )
    assert [page.label for page in document.pages] == ["The First", "The Second"]
    assert [(h.level, h.start, h.end, h.text) for h in document.pages[0].headings] == [
        (1, 0, 0, "The First"),
        (3, 8, 14, "A part"),
    ]
    assert [(h.level, h.text) for h in document.pages[1].headings] == [(1, "The Second")]


def test_the_older_table_of_contents() -> None:
    document = read({"one.xhtml": "<p>First.</p>", "two.xhtml": "<p>Second.</p>"}, toc_ncx=NCX)
    assert [page.label for page in document.pages] == ["第一章", None]


def test_a_chapter_that_is_the_table_of_contents_makes_no_page() -> None:
    book = epub({"toc.xhtml": "<p>Two ... 5</p>", "two.xhtml": "<p>Second.</p>"})
    assert len(parse(book, "a.epub").pages) == 2
    guide = '<guide><reference type="toc" href="toc.xhtml#a"/></guide>'
    book = epub({"toc.xhtml": "<p>Two ... 5</p>", "two.xhtml": "<p>Second.</p>"}, after=guide)
    assert [page.text for page in parse(book, "a.epub").pages] == ["Second."]


def test_a_first_chapter_in_the_file_of_the_table_of_contents_is_read() -> None:
    """As in Project Gutenberg's books."""
    first = '<p><a href="two.xhtml">Two</a></p><h1>One</h1><p>' + "It was a bright cold day. " * 10 + "</p>"
    guide = '<guide><reference type="toc" href="one.xhtml#contents"/></guide>'
    book = epub({"one.xhtml": first, "two.xhtml": "<p>Second.</p>"}, after=guide)
    assert [page.label for page in parse(book, "a.epub").pages] == ["One", None]


def test_title_and_writers() -> None:
    metadata = "<dc:title>Moby-Dick</dc:title><dc:creator>H. Melville</dc:creator><dc:creator>X</dc:creator>"
    assert read({"1.xhtml": "<p>x</p>"}, metadata=metadata).title == "Moby-Dick – H. Melville, X"
    assert read({"1.xhtml": "<p>x</p>"}, metadata="<dc:title> Moby </dc:title>").title == "Moby"
    assert read({"1.xhtml": "<p>x</p>"}).title is None


def test_names_with_spaces_and_other_scripts() -> None:
    nav = NAV.replace("two.xhtml", "%E7%AB%A0%201.xhtml")
    members = epub({"章 1.xhtml": "<p>x</p>"}, nav_xhtml=nav)
    assert parse(members, "a.epub").pages[0].label == "The Second"


@pytest.mark.parametrize(
    "algorithm", ["http://www.w3.org/2001/04/xmlenc#aes128-cbc", "http://ns.adobe.com/adept", ""]
)
def test_a_book_under_drm_is_refused(algorithm: str) -> None:
    book = {"one.xhtml": "#0f1e"}
    with pytest.raises(EncryptedSource, match=r"encrypted \(DRM\).*ingest a copy without DRM"):
        read(book, META_INF_encryption_xml=encryption("OPS/one.xhtml", algorithm))


def test_scrambled_fonts_are_no_drm() -> None:
    book = {"one.xhtml": "<p>First.</p>"}
    fonts = encryption("OPS/font.otf", "http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    assert read(book, META_INF_encryption_xml=fonts).pages[0].text == "First."
    idpf = encryption("OPS/one.xhtml", "http://www.idpf.org/2008/embedding")
    assert read(book, META_INF_encryption_xml=idpf).pages[0].text == "First."


def test_what_is_listed_and_not_there_is_said() -> None:
    data = epub({"one.xhtml": "<p>First.</p>", "gone.xhtml": "<p>x</p>"})
    broken = data.replace(b"OPS/gone.xhtml", b"OPS/lost.xhtml")
    document = parse(broken, "a.epub")
    assert [page.text for page in document.pages] == ["First."]
    assert document.warnings == ("OPS/gone.xhtml is in the book's order, but not in the file",)


def test_a_package_without_a_container_is_found() -> None:
    package = '<package><manifest><item id="a" href="a.htm" media-type="text/html"/></manifest>'
    package += '<spine><itemref idref="a"/><itemref idref="a"/><itemref idref="b"/></spine></package>'
    members = {"mimetype": b"application/epub+zip", "x.opf": package.encode(), "a.htm": b"<p>Words."}
    assert [page.text for page in parse(zipped(members), "a.epub").pages] == ["Words."]


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        ({}, CorruptSource, "neither META-INF/container.xml nor a package"),
        ({"META-INF/container.xml": CONTAINER.encode()}, CorruptSource, "nor a package"),
        ({"a.opf": b"<package>"}, CorruptSource, r"a\.opf in the file is not well-formed"),
        ({"a.opf": b"<package/>"}, EmptySource, "the book holds no text"),
    ],
)
def test_what_is_no_book(members: dict[str, bytes], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_any(zipped({"mimetype": b"application/epub+zip", **members}), "a.epub")


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:9/x">',
        '<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY x "&b;&b;&b;&b;&b;&b;&b;&b;">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p; <!ENTITY x "y">',
    ],
)
def test_entities_are_refused_where_xml_is_read_and_unknown_in_chapters(entities: str) -> None:
    doctype = f"<!DOCTYPE ncx [{entities}]>"
    with pytest.raises(CorruptSource, match=r"declares a document type|not well-formed"):
        read({"one.xhtml": "<p>x</p>"}, toc_ncx=f"{doctype}<ncx><navMap>&x;</navMap></ncx>")
    chapter = f"{doctype}<html><body><p>a&x;b</p></body></html>".encode()
    package = b'<package><manifest><item id="a" href="a.htm" media-type="text/html"/></manifest>'
    package += b'<spine><itemref idref="a"/></spine></package>'
    members = {"mimetype": b"application/epub+zip", "x.opf": package, "a.htm": chapter}
    text = parse(zipped(members), "a.epub").pages[0].text
    assert "root:" not in text
    assert "lol" not in text.replace('"lol"', "")


def test_a_bomb_in_a_chapter_is_stopped() -> None:
    book = epub({"one.xhtml": "<p>" + "a" * (257 << 20)})
    with pytest.raises(ParserFailed, match=r"more than 256 MB \(OPS/one\.xhtml\); it looks like a ZIP bomb"):
        parse(book, "a.epub")
