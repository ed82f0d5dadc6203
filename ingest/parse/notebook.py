"""A Jupyter notebook -> a Document of one page: its cells in their order, each with what came out of it.

Text cells are read as Markdown, so their headings are headings; code stays as it was written. Of outputs
the text and the tables are kept, up to a length, pictures and scripts never. Nothing is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ingest.parse.blocks import PageText
from ingest.parse.clean import clean, clean_prose
from ingest.parse.decode import decode_told
from ingest.parse.html import add_fragment
from ingest.parse.markdown import add_markdown
from rag.errors import CorruptSource, EmptySource
from rag.records import Document

MEDIA_TYPE = "application/x-ipynb+json"
LONGEST_OUTPUT = 4000  # characters of each; longer ones are logs and dumps
_LONGEST_TABLE = 100_000  # characters of HTML
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def parse(data: bytes, name: str) -> Document:
    """The notebook's text."""
    text, told = decode_told(data)
    try:
        notebook = json.loads(text)
    except RecursionError as error:
        raise CorruptSource("the notebook is nested too deeply to be read") from error
    except ValueError as error:
        raise CorruptSource(f"the notebook is not valid JSON ({error}); is it cut off?") from error
    if not isinstance(notebook, dict):
        raise CorruptSource(f"the notebook is a JSON {type(notebook).__name__} and holds no cells")
    reader = _Reader()
    for cell in _cells(notebook):
        reader.add(cell)
    if reader.page.empty:
        raise EmptySource("the notebook has no cell with text")
    if reader.cut:
        reader.warnings.append(f"{reader.cut} outputs were cut at {LONGEST_OUTPUT} characters")
    page = reader.page.page()
    title = _string(_dict(notebook.get("metadata")).get("title"))
    title = clean_prose(title) or next((one.text for one in page.headings if one.level == 1), "")
    return Document(MEDIA_TYPE, (page,), title or None, (*told, *reader.warnings))


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The cells; before version 4 of the format they lay in worksheets."""
    for holder in (notebook, *_list(notebook.get("worksheets"))):
        yield from (cell for cell in _list(_dict(holder).get("cells")) if isinstance(cell, dict))


class _Reader:
    """The page while cells are added to it."""

    def __init__(self) -> None:
        self.page = PageText()
        self.warnings: list[str] = []
        self.cut = 0

    def add(self, cell: dict[str, Any]) -> None:
        kind = cell.get("cell_type")
        source = _string(cell.get("source", cell.get("input")))
        if kind == "markdown":
            if warning := add_markdown(self.page, clean(source)):
                self.warnings.append(warning)
        elif kind == "heading":  # of version 3
            level = cell.get("level")
            self.page.heading(level if type(level) is int else 1, source)
        else:
            self.page.verbatim(source)
        for output in _list(cell.get("outputs")):
            self._add_output(_dict(output))

    def _add_output(self, output: dict[str, Any]) -> None:
        if output.get("output_type") in ("error", "pyerr"):
            self._add_text(f"{_string(output.get('ename'))}: {_string(output.get('evalue'))}")
            return
        forms = _dict(output.get("data")) or output  # version 3 has them side by side, by shorter names
        table = _string(forms.get("text/html", forms.get("html")))
        if "<table" in table and len(table) <= _LONGEST_TABLE:
            add_fragment(self.page, table)
        elif not any(form.startswith(("image/", "png", "svg")) for form in forms):
            # beside a picture there is but Python's name for it
            self._add_text(_string(forms.get("text/plain", forms.get("text"))))

    def _add_text(self, text: str) -> None:
        text = _COLOURS.sub("", text)
        if len(text) > LONGEST_OUTPUT:
            self.cut += 1
            text = text[:LONGEST_OUTPUT] + " …"
        self.page.verbatim(text)


def _string(value: Any) -> str:
    """Text, which notebooks may keep as a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
