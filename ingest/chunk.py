"""Pages -> chunks: spans of a page's text, sized by a token counter that the caller gives.

Pure. Chunks come in reading order, do not overlap, cover every character that is not a space, never cross
a page, and cross a heading only where the sections around it are small. They end where the text ends best:
at a heading, a paragraph, a list item or table row, a sentence, and inside a sentence only where it is too
long by itself. A row of a sheet or a line of code is cut only where no chunk holds it. Knows neither the
model that counts nor what becomes of the chunks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from ingest.cuts import SENTENCE, boundary, good_break, lines, lstrip, rstrip, sentences
from ingest.embedded import embedded_text, prefix
from rag.errors import UsageError
from rag.places import counted
from rag.records import Chunk, Document, Heading, LineMark, Page

__all__ = ["SMALLEST_CHUNK_TOKENS", "embedded_text", "split"]

CountTokens = Callable[[str], int]

SMALLEST_CHUNK_TOKENS = 16
HIGH_LEVEL = 2  # headings down to this level are crossed only by tiny sections
_TINY = 6  # a section is tiny below this fraction of a chunk
_PREFIX_SHARE = 2  # the prefix takes no more than one in so many of a chunk's tokens
_LEAST_SHARE = 4  # and the text never less than one in so many
_MOST_CHARACTERS = 12  # for each token: some models take any long word for one unknown token
_JSON = "application/json"  # read as a line for each value, or for each record


def split(document: Document, *, count_tokens: CountTokens, chunk_tokens: int) -> list[Chunk]:
    """The document's chunks; what is embedded for each has at most `chunk_tokens` tokens.

    `count_tokens` is called a few times for each chunk and once for each sentence.
    """
    if chunk_tokens < SMALLEST_CHUNK_TOKENS:
        raise UsageError(f"chunk_tokens is {chunk_tokens}; the least is {SMALLEST_CHUNK_TOKENS}")
    chunker = _Chunker(document, count_tokens, chunk_tokens)
    return [chunk for page in document.pages for chunk in chunker.page(page)]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, heading, item or row, not cut if it can be helped; `before`: how well to cut there."""

    start: int
    end: int
    tokens: int
    before: int


@dataclass(slots=True)
class _Section:
    """What stands below one heading, the heading itself included."""

    path: tuple[str, ...]
    level: int
    units: list[_Unit]
    bare: bool  # nothing below the heading before the next one

    @property
    def tokens(self) -> int:
        return sum(unit.tokens for unit in self.units)


class _Chunker:
    """One document's way into chunks; headings hold from one page to the next."""

    def __init__(self, document: Document, count_tokens: CountTokens, chunk_tokens: int) -> None:
        self._title = document.title
        self._media_type = document.media_type
        self._count = count_tokens
        self._chunk_tokens = chunk_tokens
        self._open: list[Heading] = []
        self._characters_per_token = 3.0
        self._line = _LineCounter(Page(1, ""))
        self._by_line = False
        self._prefix_tokens = lru_cache(maxsize=1024)(count_tokens)

    def page(self, page: Page) -> Iterator[Chunk]:
        self._line = _LineCounter(page)
        self._by_line = self._media_type == _JSON or counted(self._media_type, page.label) is not None
        for section in self._merged(self._sections(page)):
            yield from self._chunks(page, section)

    # --- sections -----------------------------------------------------------------------------------

    def _sections(self, page: Page) -> list[_Section]:
        sections: list[_Section] = []
        reached = heading_end = 0
        for heading in [*sorted(page.headings, key=lambda heading: heading.start), None]:
            end = len(page.text) if heading is None else max(reached, heading.start)
            units = list(self._units(page.text, reached, end))
            if units:
                level = self._open[-1].level if self._open else 0
                sections.append(_Section(self._path(), level, units, bare=units[-1].end <= heading_end))
            reached = end
            if heading is not None:
                heading_end = heading.end
                while self._open and self._open[-1].level >= heading.level:
                    self._open.pop()
                self._open.append(heading)
        return sections

    def _path(self) -> tuple[str, ...]:
        """The open headings' words, outermost first, as many as leave room for the text."""
        path = tuple(heading.text for heading in self._open if heading.text)
        while path and self._of_prefix(path) * _PREFIX_SHARE > self._chunk_tokens:
            path = path[1:]
        return path

    def _merged(self, sections: Sequence[_Section]) -> Iterator[_Section]:
        """Small neighbours put together while they fit into one chunk."""
        current: _Section | None = None
        for section in sections:
            if current is not None and self._belong_together(current, section):
                path = section.path if current.bare else _common(current.path, section.path)
                units = [*current.units, *section.units]
                current = _Section(path, min(current.level, section.level), units, section.bare)
                continue
            if current is not None:
                yield current
            current = section
        if current is not None:
            yield current

    def _belong_together(self, before: _Section, section: _Section) -> bool:
        if before.bare and before.tokens * 2 <= self._room(section.path):
            return True  # a heading goes with what it stands above
        path = _common(before.path, section.path)
        if before.tokens + section.tokens + self._of_prefix(path) > self._chunk_tokens:
            return False
        tiny = self._chunk_tokens // _TINY
        return section.level > HIGH_LEVEL or before.tokens <= tiny or section.tokens <= tiny

    # --- units --------------------------------------------------------------------------------------

    def _units(self, text: str, start: int, end: int) -> Iterator[_Unit]:
        reached, room = start, self._room(self._path())
        for begin, stop, tokens in self._whole(text, start, end, room):
            before = boundary(text, reached, begin)
            reached = stop
            if tokens is None:
                yield from self._pieces(text, begin, stop, before, room)
            else:
                yield _Unit(begin, stop, tokens, before)

    def _whole(self, text: str, start: int, end: int, room: int) -> Iterator[tuple[int, int, int | None]]:
        """What is best not cut: sentences, or rows and lines where they count, in tokens; None: too many."""
        for begin, stop in lines(text, start, end) if self._by_line else sentences(text, start, end):
            tokens = self._fitting(text[begin:stop], room)
            if tokens is None and self._by_line:
                for inner_begin, inner_stop in sentences(text, begin, stop):
                    yield inner_begin, inner_stop, self._fitting(text[inner_begin:inner_stop], room)
            else:
                yield begin, stop, tokens

    def _fitting(self, text: str, room: int) -> int | None:
        """Its tokens, if there are no more than that."""
        if len(text) > room * _MOST_CHARACTERS:
            return None
        tokens = self._size(text)
        return tokens if tokens <= room else None

    def _pieces(self, text: str, start: int, end: int, before: int, room: int) -> Iterator[_Unit]:
        """A sentence that no chunk holds, cut where it breathes."""
        while start < end:
            stop, tokens = self._fit(text, start, end, room)
            yield _Unit(start, rstrip(text, start, stop), tokens, before)
            start, before = lstrip(text, stop, end), SENTENCE

    def _fit(self, text: str, start: int, end: int, most: int) -> tuple[int, int]:
        """How far a piece of at most `most` tokens reaches, and how many it has; a few counts do."""
        length = max(1, int(most * min(self._characters_per_token, _MOST_CHARACTERS)))
        while True:
            stop = good_break(text, start, min(start + length, end), end)
            tokens = self._size(text[start:stop])
            if tokens <= most or stop - start == 1:
                # a little more is tried next time, or the ratio could only fall
                self._characters_per_token = 1.05 * (stop - start) / max(1, tokens)
                return stop, tokens
            length = max(1, min(stop - start - 1, int((stop - start) * 0.97 * most / tokens)))

    def _size(self, text: str) -> int:
        """Tokens, or what so many characters ought to be in tokens at the least."""
        return max(self._count(text), -(-len(text) // _MOST_CHARACTERS))

    # --- chunks -------------------------------------------------------------------------------------

    def _chunks(self, page: Page, section: _Section) -> Iterator[Chunk]:
        room = self._room(section.path)
        first, left = 0, section.tokens
        while first < len(section.units):
            chunks_left = -(-left // room)
            even = -(-left // chunks_left) if chunks_left else room  # as many tokens for each to come
            count = _how_many(section.units, first, room, min(room, even + even // 8))
            chunk = self._chunk(page, section.path, section.units[first : first + count])
            while (size := self._count(self._embedded(chunk))) > max(self._chunk_tokens, room) and count > 1:
                count -= 1  # together they have more tokens than one by one
                chunk = self._chunk(page, section.path, section.units[first : first + count])
            if (
                size > self._chunk_tokens
                and len(chunk.text) > 1
                and room > self._chunk_tokens // _LEAST_SHARE
            ):
                room -= 1  # and one by itself more than apart from the prefix
                section.units[first : first + 1] = self._again(page.text, section.units[first], room)
                continue
            yield chunk
            left -= sum(unit.tokens for unit in section.units[first : first + count])
            first += count

    def _again(self, text: str, unit: _Unit, room: int) -> list[_Unit]:
        return list(self._pieces(text, unit.start, unit.end, unit.before, room))

    def _embedded(self, chunk: Chunk) -> str:
        return prefix(self._title, chunk.headings, chunk.text) + chunk.text

    def _chunk(self, page: Page, path: tuple[str, ...], units: Sequence[_Unit]) -> Chunk:
        start, end = units[0].start, units[-1].end
        line = self._line.at(start)
        return Chunk(page.number, start, end, page.text[start:end], path, line, self._line.marks(start, end))

    def _room(self, path: tuple[str, ...]) -> int:
        """Tokens left for the text below a path."""
        return max(self._chunk_tokens - self._of_prefix(path), self._chunk_tokens // _LEAST_SHARE)

    def _of_prefix(self, path: tuple[str, ...]) -> int:
        return self._prefix_tokens(prefix(self._title, path))


class _LineCounter:
    """In which line a place of a page is, for places that come in order: each character is read once.

    Lines are the file's where the page says which, else those of its text.
    """

    def __init__(self, page: Page) -> None:
        self._text, self._marks = page.text, page.lines
        self._next = 0  # of the marks
        self._reached, self._line = 0, 1

    def at(self, place: int) -> int:
        """The line of a place that is not before the last one asked for, from 1."""
        while self._next < len(self._marks) and self._marks[self._next].start <= place:
            self._reached, self._line = self._marks[self._next]
            self._next += 1
        self._line += self._text.count("\n", self._reached, place)
        self._reached = place
        return self._line

    def marks(self, start: int, end: int) -> tuple[LineMark, ...]:
        """The page's marks from `start`, the last place asked for, to `end`, the first of them at `start`."""
        if not self._marks:
            return ()
        after = bisect_left(self._marks, end, lo=self._next, key=attrgetter("start"))
        return LineMark(start, self._line), *self._marks[self._next : after]


def _how_many(units: Sequence[_Unit], first: int, room: int, target: int) -> int:
    """How many units from `first` on go into the next chunk: to the best cut near the target."""
    taken, best, best_worth = 0, 1, -1.0
    for place in range(first, len(units)):
        if place > first and taken + units[place].tokens > room:
            break
        taken += units[place].tokens
        if place + 1 == len(units):
            return place + 1 - first
        nearness = 1 - abs(taken - target) / max(1, target)
        worth = units[place + 1].before + 2 * nearness
        if worth >= best_worth:
            best, best_worth = place + 1 - first, worth
    return best


def _common(path: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    common = []
    for one, two in zip(path, other, strict=False):
        if one != two:
            break
        common.append(one)
    return tuple(common)
