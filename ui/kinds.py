"""What a kind of file is called in a list: three or four letters that people know from file names.

Takes a media type and the file's own name, gives the letters. Reads nothing.
"""

from __future__ import annotations

from pathlib import PurePosixPath

_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_KINDS = {
    "application/pdf": "PDF",
    f"{_OPEN_XML}.wordprocessingml.document": "DOCX",
    f"{_OPEN_XML}.presentationml.presentation": "PPTX",
    f"{_OPEN_XML}.spreadsheetml.sheet": "XLSX",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12": "XLSB",
    "application/vnd.ms-excel": "XLS",
    f"{_OPEN}.text": "ODT",
    f"{_OPEN}.spreadsheet": "ODS",
    f"{_OPEN}.presentation": "ODP",
    "application/epub+zip": "EPUB",
    "application/rtf": "RTF",
    "application/zip": "ZIP",
    "application/mbox": "MBOX",
    "message/rfc822": "MAIL",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "text/html": "HTML",
    "text/markdown": "MD",
    "application/json": "JSON",
    "application/jsonl": "JSONL",
    "application/x-ipynb+json": "IPYNB",
    "text/csv": "CSV",
    "text/tab-separated-values": "TSV",
    "text/plain": "TXT",
}
_SOURCE_CODE = "text/x-source"
_MOST_LETTERS = 5


def kind_of(media_type: str, name: str) -> str:
    """`PDF`, `XLSX`, `PY`: source code by its own ending, as there are too many languages to list.

    >>> kind_of("text/x-source", "tides.py"), kind_of("text/x-source", "Makefile")
    ('PY', 'CODE')
    """
    if media_type == _SOURCE_CODE:
        ending = PurePosixPath(name).suffix[1:]
        fits = ending.isascii() and ending.isalnum() and len(ending) <= _MOST_LETTERS
        return ending.upper() if fits else "CODE"
    return _KINDS.get(media_type, "FILE")
