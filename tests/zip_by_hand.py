"""ZIP files and books written member by member, so that what is in them is known."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
    '<rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)


def zipped(members: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as written:
        for name, data in members.items():
            written.writestr(name, data)
    return out.getvalue()


def epub(chapters: Mapping[str, str], *, metadata: str = "", after: str = "", **others: str) -> bytes:
    """A book of these chapters' bodies, in this order; `after` stands behind the package's spine.

    `others` are further members below OPS, `nav_xhtml` being OPS/nav.xhtml, listed as table of contents;
    `META_INF_encryption_xml` is META-INF/encryption.xml.
    """
    items = [
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    ]
    spine = [f'<itemref idref="c{n}"/>' for n in range(len(chapters))]
    members = {"mimetype": b"application/epub+zip", "META-INF/container.xml": CONTAINER.encode()}
    for key, text in others.items():
        stem, _, extension = key.rpartition("_")
        name = f"{stem}.{extension}"
        if name.startswith("META_INF_"):
            members["META-INF/" + name.removeprefix("META_INF_")] = text.encode()
            continue
        members[f"OPS/{name}"] = text.encode()
        if extension == "ncx":
            items.append(f'<item id="ncx" href="{name}" media-type="application/x-dtbncx+xml"/>')
        elif stem == "nav":
            items.append(
                f'<item id="nav" href="{name}" media-type="application/xhtml+xml" properties="nav"/>'
            )
    for name, body in chapters.items():
        page = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body>{body}</body></html>'
        members[f"OPS/{name}"] = page.encode()
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{metadata}</metadata>'
        f"<manifest>{''.join(items)}</manifest><spine>{''.join(spine)}</spine>{after}</package>"
    )
    members["OPS/book.opf"] = package.encode()
    return zipped(members)
