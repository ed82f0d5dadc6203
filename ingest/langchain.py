"""Our parsers and our chunker for other people's LangChain pipelines, without an index of ours.

Takes paths, gives LangChain documents, one for each page, lazily; takes LangChain documents, gives smaller
ones that end where the text ends best and know their place in it. Files are read in the sandbox. These live
here and not in `rag`, which does not know how documents are read. Embeds and stores nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document as LangChainDocument
from langchain_text_splitters import TextSplitter

from ingest.chunk import SMALLEST_CHUNK_TOKENS, split
from ingest.files import hash_file
from ingest.passwords import read_passwords
from ingest.reading import parse_file
from ingest.sandbox import Sandbox
from ingest.walk import Walk
from rag.embedding.embeddings import LocalEmbeddings
from rag.errors import SourceError, UsageError
from rag.places import page_name, place_of
from rag.records import Chunk, Document, Failure, Heading, Hit, LineMark, Page
from rag.settings import Settings, load_settings

__all__ = ["ChunkSplitter", "FileLoader", "FolderLoader"]

_log = logging.getLogger(__name__)


# --- loaders --------------------------------------------------------------------------------------------


class FileLoader(BaseLoader):
    """One file of any format that `rag ingest` reads, as a LangChain document for each page.

    Example: `FileLoader("report.pdf").load()[0].metadata["page"]`

    Metadata: `source` (the path as given), `page` (from 1), `total_pages`, `label` (what the page is
    called, if anything), `place` (that in words), `title`, `media_type`, and `outline`: the page's headings
    with `level`, `start`, `end` and `text`, which `ChunkSplitter` cuts by. `lines` of plain text and JSON are
    pairs of a character's place and the file's line that begins there. `passwords` are tried on an
    encrypted file, before those of the setting `password_file`. Raises a `SourceError` that says why the
    file can't be read.
    """

    def __init__(self, path: str | os.PathLike[str], *, passwords: Sequence[str] = ()) -> None:
        if isinstance(passwords, str):
            raise UsageError("passwords are a list of texts, not one: write passwords=[...]")
        self.path = os.fspath(path)
        self._passwords = tuple(passwords)

    def lazy_load(self) -> Iterator[LangChainDocument]:
        """The pages, one by one."""
        with _Reader(self._passwords) as reader:
            yield from reader.pages(_location(self.path), _shown(os.fsencode(self.path)))


class FolderLoader(BaseLoader):
    """All files below a folder that a parser knows, in the order of their names; pages as `FileLoader`'s.

    Hidden files, links out of the folder and what a `.ragignore` names are passed over, as `rag ingest`
    does. A file that can't be read is no end: it is logged and listed in `failures` once it was come to.
    With `strict` it is raised.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, passwords: Sequence[str] = (), strict: bool = False
    ) -> None:
        if isinstance(passwords, str):
            raise UsageError("passwords are a list of texts, not one: write passwords=[...]")
        self.path = os.fspath(path)
        self.strict = strict
        self.failures: list[Failure] = []
        self._passwords = tuple(passwords)

    def lazy_load(self) -> Iterator[LangChainDocument]:
        """The pages of one file after the other."""
        folder = _location(self.path)
        if not os.path.isdir(folder):
            raise UsageError(f"{self.path!r} is not a folder; for one file there is FileLoader")
        self.failures = []
        walk = Walk()
        with _Reader(self._passwords) as reader:
            for found in walk.files(folder, folder):
                below = os.path.relpath(found.location, folder)
                source = _shown(os.path.join(os.fsencode(self.path), below))
                try:
                    yield from reader.pages(found.location, source)
                except SourceError as error:
                    self._failed(source, error)
        for location, reason in walk.unlisted.items():
            self._failed(_shown(location), SourceError(f"{_shown(location)!r}: {reason}"))

    def _failed(self, source: str, error: SourceError) -> None:
        if self.strict:
            raise error
        self.failures.append(Failure(source, str(error)))
        _log.warning("%r was not read: %s", source, error)


def _location(path: str) -> bytes:
    """Absolute: the sandbox works in another folder."""
    return os.fsencode(os.path.abspath(Path(path).expanduser()))


def _shown(path: bytes) -> str:
    """A path as valid text; undecodable bytes as `\\xNN`."""
    return path.decode("utf-8", "backslashreplace")


class _Reader:
    """A sandbox and what it is told, for the length of a `with` block."""

    def __init__(self, passwords: tuple[str, ...]) -> None:
        self._settings: Settings = load_settings()
        file = self._settings.password_file
        self._passwords = (*passwords, *(read_passwords(file) if file else ()))
        self._sandbox = Sandbox(
            seconds=self._settings.parse_seconds, memory_megabytes=self._settings.parse_megabytes
        )

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._sandbox.close()

    def pages(self, location: bytes, source: str) -> Iterator[LangChainDocument]:
        limit = self._settings.file_megabytes
        try:
            document = parse_file(
                location,
                name=source,
                content_hash=hash_file(location, limit_megabytes=limit),
                sandbox=self._sandbox,
                limit_megabytes=limit,
                passwords=self._passwords,
            )
        except SourceError as error:
            raise type(error)(f"{source!r}: {error}") from error
        for warning in document.warnings:
            _log.warning("%r: %s", source, warning)
        for page in document.pages:
            yield LangChainDocument(page_content=page.text, metadata=_page_metadata(page, document, source))


def _page_metadata(page: Page, document: Document, source: str) -> dict[str, Any]:
    return {
        "source": source,
        "page": page.number,
        "total_pages": len(document.pages),
        "label": page.label,
        "place": page_name(document.media_type, page.number, page.label),
        "title": document.title,
        "media_type": document.media_type,
        "outline": [
            {"level": heading.level, "start": heading.start, "end": heading.end, "text": heading.text}
            for heading in page.headings
        ],
        "lines": [list(mark) for mark in page.lines],
    }


# --- the splitter ---------------------------------------------------------------------------------------


class ChunkSplitter(TextSplitter):
    """The ingest's chunker as a LangChain text splitter: chunks end at headings, paragraphs, rows, sentences.

    Example: `ChunkSplitter(chunk_tokens=200).split_documents(FileLoader("report.pdf").load())`

    Chunks do not overlap and have at most `chunk_tokens` tokens (the setting's, unless given), headings
    above them counted; `count_tokens` counts them (the bundled embedding model's, unless given). Each is to
    the letter `page_content[start:end]` of the document that it is from: metadata are that document's, with
    `start`, `end`, and, for our loaders' pages, `line`, `headings` (the path above it) and `place` (in
    words) instead of `outline` and `lines`. Pages of one source that follow each other are one document:
    headings hold from one to the next.
    """

    def __init__(
        self, *, chunk_tokens: int | None = None, count_tokens: Callable[[str], int] | None = None
    ) -> None:
        most = load_settings().chunk_tokens if chunk_tokens is None else chunk_tokens
        if most < SMALLEST_CHUNK_TOKENS:
            raise UsageError(f"chunk_tokens is {most}; the least is {SMALLEST_CHUNK_TOKENS}")
        super().__init__(chunk_size=most, chunk_overlap=0, length_function=count_tokens or self._count)
        self.chunk_tokens = most

    @cached_property
    def _bundled(self) -> LocalEmbeddings:
        return LocalEmbeddings()

    def _count(self, text: str) -> int:
        return self._bundled.count_tokens(text)

    def split_text(self, text: str) -> list[str]:
        """The chunks' texts."""
        return [chunk.text for chunk in self._split(Document("text/plain", (Page(1, text),)))]

    def create_documents(
        self, texts: list[str], metadatas: list[dict[Any, Any]] | None = None
    ) -> list[LangChainDocument]:
        """The chunks of texts that have no pages, with a copy of each text's metadata."""
        if metadatas and len(metadatas) != len(texts):
            raise UsageError(
                f"there are {len(texts)} texts and {len(metadatas)} metadatas; give one for each"
            )
        return self.split_documents(
            LangChainDocument(page_content=text, metadata=metadata)
            for text, metadata in zip(texts, metadatas or [{}] * len(texts), strict=True)
        )

    def split_documents(self, documents: Iterable[LangChainDocument]) -> list[LangChainDocument]:
        """The documents' chunks, in their order."""
        return [chunk for pages in _together(documents) for chunk in self._chunks(pages)]

    def _chunks(self, pages: Sequence[LangChainDocument]) -> Iterator[LangChainDocument]:
        first = pages[0].metadata
        document = Document(
            media_type=str(first.get("media_type") or "text/plain"),
            pages=tuple(
                Page(
                    number,
                    page.page_content,
                    _headings(page),
                    page.metadata.get("label"),
                    lines=tuple(LineMark(*mark) for mark in page.metadata.get("lines") or ()),
                )
                for number, page in enumerate(pages, 1)
            ),
            title=first.get("title") if "outline" in first else None,
        )
        for chunk in self._split(document):
            page = pages[chunk.page - 1]
            metadata = {**page.metadata, "start": chunk.start, "end": chunk.end}
            if "outline" in metadata:
                del metadata["outline"]
                metadata.pop("lines", None)
                metadata["line"] = chunk.line
                metadata["headings"] = list(chunk.headings)
                metadata["place"] = _place(chunk, document, int(metadata["page"]))
            yield LangChainDocument(page_content=chunk.text, metadata=metadata)

    def _split(self, document: Document) -> list[Chunk]:
        return split(document, count_tokens=self._length_function, chunk_tokens=self.chunk_tokens)


def _together(documents: Iterable[LangChainDocument]) -> Iterator[list[LangChainDocument]]:
    """Our loaders' pages of one source together; any other document by itself."""
    pages: list[LangChainDocument] = []
    for document in documents:
        if pages and not _follows(pages[-1].metadata, document.metadata):
            yield pages
            pages = []
        pages.append(document)
    if pages:
        yield pages


def _follows(before: dict[str, Any], after: dict[str, Any]) -> bool:
    if "outline" not in before or "outline" not in after or before.get("source") != after.get("source"):
        return False
    try:
        return int(before["page"]) < int(after["page"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"a page of {after.get('source')!r} has an outline and no number; give what a loader gave as it"
            " is"
        ) from error


def _headings(page: LangChainDocument) -> tuple[Heading, ...]:
    try:
        return tuple(
            Heading(int(one["level"]), int(one["start"]), int(one["end"]), str(one["text"]))
            for one in page.metadata.get("outline") or ()
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"the outline of {page.metadata.get('source')!r} is not what a loader gave: each heading has"
            f" level, start, end and text ({error!r})"
        ) from error


def _place(chunk: Chunk, document: Document, number: int) -> str:
    """Where a chunk is, in the words that the index has for it."""
    page = document.pages[chunk.page - 1]
    inside = tuple(heading for heading in page.headings if chunk.start <= heading.start < chunk.end)
    return place_of(
        Hit(
            *(0, "", number, chunk.start, chunk.end, chunk.text, 0.0),
            headings=chunk.headings,
            media_type=document.media_type,
            label=page.label,
            line=chunk.line,
            lines=chunk.lines,
            inside=inside,
        )
    )
