"""PDFs written by hand, so that where their words stand is known."""

from __future__ import annotations

import io

from pypdf import PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    StreamObject,
    TextStringObject,
)


def lines_pdf(*pages: list[str]) -> bytes:
    """A PDF with these lines of Helvetica 12 on its pages, 14 points apart, the first at (72, 700)."""
    contents = [
        "BT /F 12 Tf 14 TL 72 700 Td "
        + " ".join("(" + "".join("\\" + c if c in "()\\" else c for c in line) + ") Tj T*" for line in lines)
        + " ET"
        for lines in pages
    ]
    return pdf(*contents)


def pdf(*contents: str, extra: str = "", box: str = "0 0 612 792") -> bytes:
    """A PDF with a page for each content stream, Helvetica as /F."""
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(contents)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(contents)}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    for index, content in enumerate(contents):
        stream = content.encode("cp1252")
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]{extra}/Contents {5 + 2 * index} 0 R"
        objects.append(f"{page}/Resources<</Font<</F 3 0 R>>>>>>".encode())
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table)
    return bytes(out)


def filled_in(data: bytes, value: str, *, low: float = 680.0) -> bytes:
    """The PDF with a form on its first page whose one field, at (72, `low`), has a value."""
    writer = PdfWriter(io.BytesIO(data))
    box = ArrayObject(FloatObject(edge) for edge in (72, low, 372, low + 16))
    names = {"/Type": "/Annot", "/Subtype": "/Widget", "/FT": "/Tx"}
    field = DictionaryObject({NameObject(key): NameObject(name) for key, name in names.items()})
    field[NameObject("/T")] = TextStringObject("keeper")
    field[NameObject("/DA")] = TextStringObject("/F 12 Tf 0 g")
    field[NameObject("/Rect")] = box
    added = writer.add_annotation(0, field)
    fonts = writer.pages[0]["/Resources"]
    form = DictionaryObject({NameObject("/Fields"): ArrayObject([added.indirect_reference])})
    form[NameObject("/DR")] = fonts
    writer.root_object[NameObject("/AcroForm")] = writer._add_object(form)
    writer.update_page_form_field_values(writer.pages[0], {"keeper": value})
    return _bytes_of(writer)


def typed_on(data: bytes, note: str) -> bytes:
    """The PDF with a note on its first page, as "Fill & Sign" and the like type it."""
    writer = PdfWriter(io.BytesIO(data))
    picture = StreamObject()
    picture.set_data(f"BT /F 12 Tf 2 8 Td ({note}) Tj ET".encode("ascii"))
    picture[NameObject("/Type")], picture[NameObject("/Subtype")] = (
        NameObject("/XObject"),
        NameObject("/Form"),
    )
    picture[NameObject("/BBox")] = ArrayObject(FloatObject(edge) for edge in (0, 0, 300, 30))
    picture[NameObject("/Resources")] = writer.pages[0]["/Resources"]
    added = writer.add_annotation(0, FreeText(text=note, rect=(72, 500, 372, 530)))
    drawn = DictionaryObject({NameObject("/N"): writer._add_object(picture)})
    added[NameObject("/AP")] = drawn
    return _bytes_of(writer)


def _bytes_of(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
