"""The files in a file (attachments of a mail, members of an archive) -> pages of one Document.

Takes a member's name and bytes, has it read by its own parser and keeps its pages, each with a label that
says which member it is of. A member that can't be read becomes a warning. All members of a file, and all
members of these, share one budget of bytes, number and depth. Does not know how members are packed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from ingest.parse import Options, parse
from ingest.parse.budget import DEEPEST, Budget
from ingest.parse.clean import clean
from rag.errors import EmptySource, EncryptedSource, ParserFailed, SourceError, UnsupportedFormat
from rag.records import Document, Heading, Page

TELL_SECONDS = 1.0  # between two words of how far it is
_MOST_WARNINGS = 20
_MOST_NAMED = 5  # of those that are left out
_DEEPEST_HEADING = 9


class Members:
    """Pages being collected from the members of one file."""

    def __init__(self, options: Options) -> None:
        if options.depth >= DEEPEST:
            raise ParserFailed(
                f"lies in {options.depth} files, one packed in the other; {DEEPEST - 1} are opened at most"
            )
        self.budget = options.budget or Budget()
        self.pages: list[Page] = []
        self._options = replace(options, depth=options.depth + 1, budget=self.budget)
        self._failed: list[tuple[str, SourceError]] = []
        self._left_out: list[str] = []
        self._warnings: list[str] = []
        self._done, self._expected = 0, 1
        self._told = time.monotonic()

    def expect(self, count: int) -> None:
        """How many members there are, for those who wait."""
        self._expected = count

    def add_page(self, page: Page) -> None:
        """A page of the file's own, such as a mail's text."""
        self.pages.append(replace(page, number=len(self.pages) + 1))

    def warn(self, warning: str) -> None:
        """Something about the file itself."""
        self._warnings.append(warning)

    def leave_out(self, name: str) -> None:
        """A member that no parser reads, or that has nothing to read."""
        self._left_out.append(shown(name))

    def read(self, name: str, data: Callable[[], bytes]) -> None:
        """Adds the pages of a member; what its parser or `data` raises is this member's failure alone."""
        self.add(name, lambda options: parse(data(), name, options))

    def add(self, name: str, document: Callable[[Options], Document]) -> None:
        """Adds the pages of the document that the function makes, told how deep it lies."""
        name = shown(name)
        try:
            self._add(name, document(self._options))
        except UnsupportedFormat:
            self.leave_out(name)
        except SourceError as error:
            if self.budget.spent:
                raise  # nothing that comes after could be read, and a bomb is no archive of documents
            self._failed.append((name, error))
        except (MemoryError, OSError):
            raise  # these are about the whole process
        except RecursionError:
            self._failed.append((name, ParserFailed("it is nested too deeply to be read")))
        except Exception as error:  # as in the sandbox: a parser's own fault costs that one file
            self._failed.append((name, ParserFailed(f"{type(error).__name__}: {error}"[:300])))
        self._tell()

    def document(self, media_type: str, title: str | None = None) -> Document:
        """All pages; raises where there are none, and says why."""
        if not self.pages:
            for name, error in sorted(self._failed, key=lambda one: not isinstance(one[1], EncryptedSource)):
                raise type(error)(f"nothing in it could be read: {name}: {error}")
            raise EmptySource("holds nothing that can be read" + self._left_out_words(": "))
        return Document(media_type, tuple(self.pages), title, tuple(self._all_warnings()))

    def _add(self, name: str, document: Document) -> None:
        for page in document.pages:
            # A heading without width: the member's name stands above its text, though not in it.
            above = [Heading(1, 0, 0, _heading(name, document))] if page.number == 1 else []
            below = [replace(one, level=min(one.level + 1, _DEEPEST_HEADING)) for one in page.headings]
            label = _label(name, document, page)
            # no words: what lies in another file is shown as text
            self.add_page(replace(page, headings=(*above, *below), label=label, words=()))
        self._warnings += [f"{name}: {warning}" for warning in document.warnings]

    def _tell(self) -> None:
        """Each member may take as long as a file by itself: the time limit starts anew."""
        self._done += 1
        on_page, now = self._options.on_page, time.monotonic()
        if on_page is not None and now - self._told >= TELL_SECONDS:
            self._told = now
            on_page(self._done, max(self._done, self._expected))

    def _all_warnings(self) -> list[str]:
        warnings = [*self._warnings, *(f"{name} could not be read: {error}" for name, error in self._failed)]
        if (more := len(warnings) - _MOST_WARNINGS) > 0:
            warnings = [*warnings[:_MOST_WARNINGS], f"and {more} warnings more like these"]
        if self._left_out:
            warnings.append("left out, being empty or of no kind that is read" + self._left_out_words(": "))
        return warnings

    def _left_out_words(self, before: str) -> str:
        if not self._left_out:
            return ""
        more = len(self._left_out) - _MOST_NAMED
        return before + ", ".join(self._left_out[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def shown(name: str) -> str:
    """A member's name on one line, without what a screen would obey."""
    return " ".join(clean(name).split())


def _heading(name: str, document: Document) -> str:
    """The member's name, and its title where that says more and does not stand at the top of its text."""
    title = document.title
    if not title or title in name or document.pages[0].text.startswith(title):
        return name
    return f"{name}: {title}"


def _label(name: str, document: Document, page: Page) -> str:
    kind = document.media_type
    if kind == "application/zip":
        return f"{name}/{page.label}"
    if "presentation" in kind:
        return f"{name}, slide {page.number}"
    if "spreadsheet" in kind or "ms-excel" in kind:
        return f"{name}, sheet {page.label or page.number}"
    if kind == "application/pdf" and (page.label or len(document.pages) > 1):
        return f"{name}, page {page.label or page.number}"
    if page.label:
        return f"{name}, {page.label}"
    return name if page.number == 1 else f"{name}, page {page.number}"
