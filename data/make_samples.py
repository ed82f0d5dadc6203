"""Build the binary samples (PDF, DOCX) from `data/sources`; the others are kept as they are written.

Takes HTML for PDF (printed by Chromium, which writes the outline and the tags) and Markdown for DOCX
(python-docx). Gives the same bytes for the same sources, Chromium and fonts: dates are fixed. Does not
know what the samples say. Run it as `python data/make_samples.py`; data/README.md says what it needs.
"""

from __future__ import annotations

import datetime
import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import docx
from docx.document import Document
from docx.text.paragraph import Paragraph
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.pens.cu2quPen import Cu2QuPen  # type: ignore[import-untyped]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pypdf import PdfWriter

SOURCES = Path(__file__).parent / "sources"
SAMPLES = Path(__file__).parent / "samples"
CJK_FONT = Path("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc")  # Debian: fonts-noto-cjk
CJK_FACE = 2  # simplified Chinese, in that collection
WRITTEN = datetime.datetime(2025, 6, 1, 12, 0, 0, tzinfo=datetime.UTC)
PDFS = {
    "eddystone-lighthouses.html": "lighthouses/eddystone-lighthouses.pdf",
    "Bread chemistry handout.html": "Bread chemistry handout.pdf",
    "大运河简史.html": "大运河简史.pdf",
}
DOCUMENTS = {
    "lighthouse-minutes.md": "lighthouses/minutes-2024-03-14.docx",
    "travel-expense-policy.md": "travel-expense-policy.docx",
}
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)


def main() -> None:
    """Build every binary sample in place."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no chromium on the path: install it (Debian: apt install chromium fonts-noto-cjk)")
    for origin, target in PDFS.items():
        _write(target, _printed(SOURCES / origin, browser))
    for origin, target in DOCUMENTS.items():
        _write(target, _word_document((SOURCES / origin).read_text("utf-8")))


def _write(target: str, content: bytes) -> None:
    path = SAMPLES / target
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    print(f"{len(content):8} {target}")


# --- PDF ------------------------------------------------------------------------------------------


def _printed(page: Path, browser: str) -> bytes:
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        html = page.read_text("utf-8")
        shutil.copy(SOURCES / "print.css", folder)
        if 'lang="zh' in html:
            _cjk_font(html, folder / "cjk.ttf")
            face = '<style>@font-face { font-family: "Sample CJK"; src: url(cjk.ttf); }</style></head>'
            html = html.replace("</head>", face)
        (folder / "page.html").write_text(html, "utf-8")
        command = [browser, *CHROMIUM_FLAGS, f"--user-data-dir={folder / 'profile'}"]
        command += [f"--print-to-pdf={folder / 'page.pdf'}", (folder / "page.html").as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return _dated(folder / "page.pdf")


def _cjk_font(text: str, target: Path) -> None:
    """A TrueType font of just the characters in `text`.

    The whole font has one glyph for a character and for its look-alike among the Kangxi radicals, and
    Chromium may write the radical's code into the text layer: the page looks right and a search fails.
    TrueType, because Chromium turns each glyph of an OpenType font with cubic curves into a drawing.
    """
    whole = TTFont(CJK_FONT, fontNumber=CJK_FACE)
    wanted = set(text) | set("第页 0123456789")
    characters = {code: name for code, name in whole.getBestCmap().items() if chr(code) in wanted}
    names = [".notdef", *dict.fromkeys(characters.values())]
    outlines = whole.getGlyphSet()
    builder = FontBuilder(whole["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(characters)
    builder.setupGlyf({name: _quadratic(outlines[name]) for name in names})
    builder.setupHorizontalMetrics({name: whole["hmtx"][name] for name in names})
    builder.setupHorizontalHeader(ascent=whole["hhea"].ascent, descent=whole["hhea"].descent)
    builder.setupNameTable({"familyName": "Sample CJK", "styleName": "Regular", "psName": "SampleCJK"})
    builder.setupOS2(fsType=0)  # may be embedded
    builder.setupPost()
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.font.recalcTimestamp = False
    builder.save(target)


def _quadratic(outline: Any) -> Any:
    pen = TTGlyphPen(None)
    outline.draw(Cu2QuPen(pen, max_err=1.0, reverse_direction=True))
    return pen.glyph()


def _dated(pdf: Path) -> bytes:
    writer = PdfWriter(clone_from=pdf)
    stamp = WRITTEN.strftime("D:%Y%m%d%H%M%SZ")
    writer.add_metadata({"/CreationDate": stamp, "/ModDate": stamp, "/Creator": "data/make_samples.py"})
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


# --- DOCX -----------------------------------------------------------------------------------------


def _word_document(markdown: str) -> bytes:
    document = docx.Document()
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    lists: list[str] = []
    for position, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append("List Bullet" if token.type.startswith("bullet") else "List Number")
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "heading_open":
            document.add_heading(tokens[position + 1].content, level=int(token.tag[1]))
        elif token.type == "paragraph_open":
            paragraph = document.add_paragraph(style=lists[-1] if lists else None)
            _add_runs(paragraph, tokens[position + 1].children or [])
        elif token.type == "table_open":
            _add_table(document, list(_rows(tokens[position:])))
    properties = document.core_properties
    properties.title = next(token.content for token in tokens if token.type == "inline")
    properties.author, properties.comments = "", ""
    properties.created = properties.modified = WRITTEN
    buffer = io.BytesIO()
    document.save(buffer)
    return _with_fixed_dates(buffer)


def _add_runs(paragraph: Paragraph, pieces: Sequence[Token]) -> None:
    bold = italic = False
    for piece in pieces:
        if piece.type in ("strong_open", "strong_close"):
            bold = piece.type == "strong_open"
        elif piece.type in ("em_open", "em_close"):
            italic = piece.type == "em_open"
        else:
            run = paragraph.add_run(piece.content or " ")
            run.bold, run.italic = bold or None, italic or None


def _rows(tokens: Sequence[Token]) -> Iterator[list[str]]:
    row: list[str] = []
    for token in tokens:
        if token.type == "inline":
            row.append(token.content)
        elif token.type == "tr_close":
            yield row
            row = []
        elif token.type == "table_close":
            return


def _add_table(document: Document, rows: Sequence[Sequence[str]]) -> None:
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = text
    for cell in table.rows[0].cells:
        for run in cell.paragraphs[0].runs:
            run.bold = True


def _with_fixed_dates(package: io.BytesIO) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, WRITTEN.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return buffer.getvalue()


if __name__ == "__main__":
    main()
