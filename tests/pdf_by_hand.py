"""PDFs written by hand, so that where their words stand is known."""

from __future__ import annotations


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
