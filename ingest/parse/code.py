"""Source code and other text whose lines count -> a Document of one page, line for line as in the file.

A line of the page is a line of the file, empty ones included, so that a citation can name it. Headings are
Python's classes and functions, TeX's sections and the sections of INI and TOML files. Code that a program
packed into a few endless lines is refused: nobody wrote it and nobody asks about it. Nothing is run.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from itertools import accumulate
from pathlib import PurePosixPath

from ingest.parse.clean import clean
from ingest.parse.decode import decode_told
from rag.errors import EmptySource, UnsupportedFormat
from rag.records import Document, Heading, Page

MEDIA_TYPE = "text/x-source"
LONGEST_LINES = 300  # characters of a line, on average, in what people write
_SHORTEST_PACKED = 5000  # characters; in less there is nothing to see
_LONGEST_SYNTAX_TREE = 2_000_000  # characters of Python; its tree takes a hundred bytes for each
# In these a line is a paragraph, a record or a message, of any length.
_LONG_LINES = frozenset(
    """
    .log .tex .bib .srt .vtt .xml .xsd .xsl .xslt .rng .wsdl .opml .po .sql .yaml .yml .ics .vcf .diff
    .patch .properties .conf
    """.split()  # noqa: SIM905 (as in code_names.py)
)
_PYTHON = frozenset((".py", ".pyi"))
_DEFINED = re.compile(r"[ \t]*(?P<words>(?:async[ \t]+def|def|class)[ \t]+\w+)")
_SECTION = re.compile(
    r"^[ \t]*\[{1,2}(?P<words>[^\s\[\]](?:[^\[\]\n]{0,98}[^\s\[\]])?)[ \t]*\]{1,2}[ \t]*$", re.MULTILINE
)
_TEX = re.compile(
    r"^[ \t]*\\(?P<kind>part|chapter|(?:sub){0,2}section)\*?\{(?P<words>[^{}\s][^{}\n]{0,199})\}", re.M
)
_TEX_LEVELS = {"part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4}
_NO_LINE_END = re.compile("[\v\x1c\x1d\x1e\x85\u2028\u2029]")  # ends lines in prose, but in no editor


def parse(data: bytes, name: str) -> Document:
    """The file's lines."""
    decoded, told = decode_told(data)
    text = line_by_line(decoded)
    if not text.strip():
        raise EmptySource("the file holds no text")
    extension = PurePosixPath(name).suffix.lower()
    if extension not in _LONG_LINES:
        _refuse_packed(text)
    page = Page(1, text, tuple(_headings(text, extension)))
    return Document(MEDIA_TYPE, (page,), None, tuple(told))


def line_by_line(text: str) -> str:
    """`text` cleaned, with every line where it was."""
    text = (
        text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "")
    )  # line ends before all that vanishes
    lines = clean(_NO_LINE_END.sub(" ", text)).split("\n")
    return "\n".join(line.rstrip() for line in lines).rstrip("\n")


def _refuse_packed(text: str) -> None:
    lines = text.count("\n") + 1 - text.count("\n\n")
    if len(text) > _SHORTEST_PACKED and (usual := len(text) // lines) > LONGEST_LINES:
        raise UnsupportedFormat(
            f"looks minified or generated: {usual} characters a line on average, where written code has less "
            f"than {LONGEST_LINES}; ingest what it was made from"
        )


def _headings(text: str, extension: str) -> Iterator[Heading]:
    if extension in _PYTHON:
        yield from _python_headings(text)
    elif extension in (".tex", ".sty", ".cls"):
        for found in _TEX.finditer(text):
            yield _heading(_TEX_LEVELS[found["kind"]], found)
    elif extension in (".ini", ".cfg", ".conf", ".toml"):
        for found in _SECTION.finditer(text):
            yield _heading(found["words"].count(".") + 1 if extension == ".toml" else 1, found)


def _heading(level: int, found: re.Match[str], offset: int = 0) -> Heading:
    start, end = found.span("words")
    return Heading(min(level, 6), offset + start, offset + end, found["words"])


def _python_headings(text: str) -> Iterator[Heading]:
    """Classes and functions, nested ones one level deeper; none where it is no Python of today."""
    if len(text) > _LONGEST_SYNTAX_TREE:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the file's own style
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # MemoryError: Python's word for too much nesting
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    below: list[tuple[int, ast.AST]] = [(1, tree)]
    while below:
        level, node = below.pop()
        for child in reversed(list(ast.iter_child_nodes(node))):
            below.append(
                (level + isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef), child)
            )
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            offset = starts[node.lineno - 1]
            if found := _DEFINED.match(lines[node.lineno - 1]):
                yield _heading(level, found, offset)
