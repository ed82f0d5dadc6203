"""EPUB 2 and 3 -> a Document with a page for each chapter, in reading order.

Takes the archive's bytes; the order is the package's spine, a page's label the chapter's title in the
book's own table of contents, which is a heading too where the chapter has none. Chapters go through the
HTML parser; tables of contents, covers and others without text make no page. A book whose text is encrypted
(DRM) is refused; fonts that are scrambled do not matter. Nothing is fetched.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urldefrag

from ingest.parse.archive import Archive
from ingest.parse.clean import clean_prose
from ingest.parse.html import parse as parse_html
from ingest.parse.word_styles import local
from rag.errors import CorruptSource, EmptySource, EncryptedSource
from rag.records import Document, Heading, Page

MEDIA_TYPE = "application/epub+zip"
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_TEXT_TYPES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_LONGEST_ENTRY = 80  # characters for each link: a file with more is no mere table of contents
# Fonts may be scrambled in these ways in any book (EPUB 3.3, 4.5.2; Adobe's older one).
_SCRAMBLED = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def parse(data: bytes, name: str) -> Document:
    """The book's chapters."""
    archive = Archive(data)
    book = _Book(archive)
    pages: list[Page] = []
    warnings: list[str] = []
    for path in book.spine:
        try:
            markup = archive.read(path)
            chapter = parse_html(markup, path)
        except EmptySource:
            continue  # a picture, or a page left blank
        except KeyError:
            warnings.append(f"{path} is in the book's order, but not in the file")
            continue
        links = max(1, markup.count(b"href="))
        if path in book.contents and len(chapter.pages[0].text) < _LONGEST_ENTRY * links:
            continue
        pages.append(_page(len(pages) + 1, chapter.pages[0], book.titles.get(path)))
        warnings += [f"{path}: {warning}" for warning in chapter.warnings]
    if not pages:
        raise EmptySource("the book holds no text; pictures of text need OCR" + _first(warnings))
    return Document(MEDIA_TYPE, tuple(pages), book.title, tuple(warnings))


def _page(number: int, page: Page, title: str | None) -> Page:
    headings = page.headings
    if title and not any(title in heading.text for heading in headings) and not page.text.startswith(title):
        below = (replace(heading, level=min(heading.level + 1, 9)) for heading in headings)
        headings = (Heading(1, 0, 0, title), *below)  # without width: it stands above the text, not in it
    label = title or next((heading.text for heading in headings if heading.text), None)
    return Page(number, page.text, headings, label)


class _Book:
    """What the package says: title, reading order, and the titles of chapters by path."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._path = self._package_path()
        package = self._xml(self._path)
        self._items = {
            item.get("id", ""): item for item in _all(package, "item") if item.get("href") is not None
        }
        paths = (self._href(item) for item in self._in_order(package) if _is_text(item))
        self.contents = {  # with the table of contents; chapters may be in the same file
            _resolved(self._path, one.get("href", ""))
            for one in _all(package, "reference")
            if one.get("type", "").lower() == "toc"
        }
        # some books list every section of a file
        self.spine = list(dict.fromkeys(paths))
        self._refuse_encrypted()
        self.title = self._title(package)
        self.titles = self._titles(package)

    def _package_path(self) -> str:
        roots = _all(self._xml(_CONTAINER), "rootfile") if _CONTAINER in self._archive.names else iter(())
        path = next((root.get("full-path", "") for root in roots), "")
        if path not in self._archive.names:
            path = min((name for name in self._archive.names if name.endswith(".opf")), default="")
        if not path:
            raise CorruptSource(
                f"the archive has neither {_CONTAINER} nor a package (.opf), so it is no book"
            )
        return path

    def _in_order(self, package: Any) -> Iterator[Any]:
        keys = (reference.get("idref", "") for reference in _all(package, "itemref"))
        return (self._items[key] for key in keys if key in self._items)

    def _refuse_encrypted(self) -> None:
        if _ENCRYPTION not in self._archive.names:
            return
        for one in _all(self._xml(_ENCRYPTION), "EncryptedData"):
            method = next((e.get("Algorithm", "") for e in _all(one, "EncryptionMethod")), "")
            paths = [unquote(e.get("URI", "")) for e in _all(one, "CipherReference")]
            if method not in _SCRAMBLED and any(path in self.spine for path in paths):
                raise EncryptedSource(
                    "the book's text is encrypted (DRM), which only the shop's own program undoes; "
                    "ingest a copy without DRM"
                )

    def _title(self, package: Any) -> str | None:
        metadata = next(_all(package, "metadata"), package)
        title = next((words for e in _all(metadata, "title") if (words := _words(e))), "")
        writers = ", ".join(dict.fromkeys(filter(None, map(_words, _all(metadata, "creator")))))
        return " – ".join(filter(None, (title, writers))) or None

    def _titles(self, package: Any) -> dict[str, str]:
        """Of each chapter the first title that the table of contents has for it."""
        titles: dict[str, str] = {}
        for item in self._items.values():
            path = self._href(item)
            if path not in self._archive.names:
                continue
            if "nav" in item.get("properties", "").split():
                found = _nav_entries(self._xml(path))
            elif item.get("media-type") == "application/x-dtbncx+xml":
                found = _ncx_entries(self._xml(path))
            else:
                continue
            for href, words in found:
                titles.setdefault(_resolved(path, href), words)
        return titles

    def _href(self, item: Any) -> str:
        return _resolved(self._path, item.get("href"))

    def _xml(self, path: str) -> Any:
        return self._archive.xml(path, bare_doctype=True)


def _nav_entries(root: Any) -> Iterator[tuple[str, str]]:
    """The links of EPUB 3's table of contents, without its lists of pages and landmarks."""
    for nav in _all(root, "nav"):
        kinds = next((value for key, value in nav.attrib.items() if key.endswith("type")), "toc")
        if "toc" in kinds.split():
            yield from ((a.get("href", ""), _words(a)) for a in _all(nav, "a"))


def _ncx_entries(root: Any) -> Iterator[tuple[str, str]]:
    for point in _all(root, "navPoint"):
        label = next((_words(e) for e in point if local(e) == "navLabel"), "")
        source = next((e.get("src", "") for e in point if local(e) == "content"), "")
        if label and source:
            yield source, label


def _all(root: Any, kind: str) -> Iterator[Any]:
    return (element for element in root.iter() if local(element) == kind)


def _is_text(item: Any) -> bool:
    return item.get("media-type", "") in _TEXT_TYPES and "nav" not in item.get("properties", "").split()


def _words(element: Any) -> str:
    return clean_prose("".join(element.itertext()))


def _resolved(base: str, href: str) -> str:
    """A link's path in the archive, as seen from the member that has it."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(urldefrag(href).url)))


def _first(warnings: list[str]) -> str:
    return f" ({warnings[0]})" if warnings else ""
