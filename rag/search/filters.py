"""Which documents a question is put to: "only the PDFs in contracts/, modified since 2024".

Takes filters as people type them and the index's sources, gives the sources that are meant. Pure; knows
neither chunks nor searches. A filter is `kind:value`:

    source:report.pdf    a name, a path, or a pattern: *.md, reports/*.pdf, a/**/b?.txt
    folder:reports       a folder and all below it; patterns as above
    type:pdf             in people's words (`TYPES`), or an extension
    after:2024-01        modified from then on; before:2024-01 modified before; date:2024-01 in that month

Kind and colon may be left away where the value says it: `reports/` is a folder, `*.md` a source, `pdf` a
type. A name without `/` is looked for at any depth. Filters of one kind are alternatives; with several kinds,
a document must be one of each.
"""

from __future__ import annotations

import difflib
import fnmatch
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import PurePosixPath

from rag.errors import UsageError
from rag.records import Source
from rag.store.local_rows import address_of

KINDS = ("source", "folder", "type", "after", "before", "date")
MOST_FILTERS = 200
LONGEST_FILTER = 4_096  # characters; a path's own limit
_NEAR_NAMES = 3

# What people call a kind of document, and the media types that are meant.
TYPES: dict[str, tuple[str, ...]] = {
    "pdf": ("application/pdf",),
    "word": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.oasis.opendocument.text",
        "application/rtf",
    ),
    "slides": (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.oasis.opendocument.presentation",
    ),
    "sheet": (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",
        "application/vnd.ms-excel.sheet.binary.macroenabled.12",
        "application/vnd.oasis.opendocument.spreadsheet",
        "text/csv",
        "text/tab-separated-values",
    ),
    "mail": ("message/rfc822", "application/mbox"),
    "book": ("application/epub+zip",),
    "web": ("text/html",),
    "markdown": ("text/markdown",),
    "text": ("text/plain",),
    "picture": ("image/png", "image/jpeg", "image/tiff", "image/webp", "image/bmp", "image/gif"),
    "data": ("application/json", "application/jsonl"),
    "notebook": ("application/x-ipynb+json",),
    "code": ("text/x-source",),
    "archive": ("application/zip",),
}
_WORD_OF = {media_type: word for word, media_types in TYPES.items() for media_type in media_types}
_OTHER_WORDS = {
    "document": "word",
    "presentation": "slides",
    "slide": "slides",
    "powerpoint": "slides",
    "table": "sheet",
    "spreadsheet": "sheet",
    "excel": "sheet",
    "email": "mail",
    "e-mail": "mail",
    "message": "mail",
    "ebook": "book",
    "html": "web",
    "webpage": "web",
    "image": "picture",
    "photo": "picture",
    "scan": "picture",
    "txt": "text",
    "json": "data",
    "jupyter": "notebook",
    "source": "code",
    "zip": "archive",
}

_Test = Callable[[Source], bool]


def type_word(media_type: str) -> str:
    """What people call documents of that media type: `type_word("text/csv")` is `"sheet"`."""
    return _WORD_OF.get(media_type, media_type.rpartition("/")[2])


def filters_of(given: object) -> tuple[str, ...]:
    """Filters as they may come from outside (nothing, one, several), each once; `UsageError` for others."""
    if given is None:
        return ()
    several = (given,) if isinstance(given, str) else given
    if not isinstance(several, Sequence) or not all(isinstance(one, str) for one in several):
        raise UsageError(f"filters are strings like 'type:pdf' or 'folder:reports', not {given!r:.200}")
    if len(several) > MOST_FILTERS:
        raise UsageError(f"there are {len(several)} filters, the limit is {MOST_FILTERS}; use a pattern")
    for one in several:
        if not one.strip() or len(one) > LONGEST_FILTER:
            raise UsageError(
                f"a filter has {len(one)} characters; it takes from 1 to {LONGEST_FILTER}, such as type:pdf"
            )
    return tuple(dict.fromkeys(one.strip() for one in several))


def chosen(sources: Sequence[Source], only: Sequence[str]) -> list[Source]:
    """The sources that all kinds of filters leave, in their order; with no filter, all of them.

    Raises `UsageError` for a filter that no source matches, with the nearest names, and where filters of
    different kinds leave none together.
    """
    by_kind: dict[str, list[tuple[str, list[Source]]]] = {}
    for one in filters_of(only):
        kind, found = _matched(sources, one)
        by_kind.setdefault(kind, []).append((one, found))
    kept = list(sources)
    for alternatives in by_kind.values():
        any_of = {source.location for _, found in alternatives for source in found}
        kept = [source for source in kept if source.location in any_of]
    if not kept and by_kind:
        counts = [f"{one} {len(found)}" for some in by_kind.values() for one, found in some]
        raise UsageError(
            f"no document is all of this at once; by themselves match: {', '.join(counts)}; leave one away"
        )
    return kept


def _matched(sources: Sequence[Source], one: str) -> tuple[str, list[Source]]:
    """The filter's kind, and the sources that it matches by itself."""
    kind, value = split_filter(one)
    for guess in (kind,) if kind else _guesses(value):
        test = _TESTS[guess](value)
        found = [source for source in sources if test(source)] if test else []
        if found:
            return guess, found
    raise UsageError(_nothing(sources, one, kind, value))


def split_filter(one: str) -> tuple[str | None, str]:
    """Kind and value; the kind is None where it is not said: `split_filter("a.pdf")` is `(None, "a.pdf")`."""
    kind, colon, value = one.partition(":")
    if colon and kind.strip().lower() in KINDS and value.strip():
        return kind.strip().lower(), value.strip()
    return None, one


def _guesses(value: str) -> tuple[str, ...]:
    return ("folder",) if value.endswith("/") else ("source", "folder", "type")


# --- one filter ---------------------------------------------------------------------------------------


def _of_source(value: str) -> _Test:
    pattern = _parts(value)
    here = _parts(os.path.abspath(value))  # a whole path, or one as seen from where one stands

    def test(source: Source) -> bool:
        path, address = _parts(source.source), _parts(address_of(source.location))
        if len(pattern) == 1:
            return _fits(pattern, path[-1:]) or _fits(here, address)
        return _fits(pattern, path) or _fits(here, address)

    return test


def _of_folder(value: str) -> _Test:
    pattern = (*_parts(value), "**")
    here = (*_parts(os.path.abspath(value)), "**")

    def test(source: Source) -> bool:
        path, address = _parts(source.source)[:-1], _parts(address_of(source.location))[:-1]
        if len(pattern) == 2 and any(_fits(pattern[:1], (part,)) for part in path):
            return True
        return _fits(pattern, path) or _fits(here, address)

    return test


def _of_type(value: str) -> _Test | None:
    word = value.lower().lstrip(".")
    known = next((one for one in (word, word.removesuffix("s")) if one in TYPES or one in _OTHER_WORDS), None)
    if known:
        meant = TYPES[_OTHER_WORDS.get(known, known)]
        return lambda source: source.media_type in meant
    return lambda source: PurePosixPath(source.source.lower()).suffix == f".{word}"


def _of_after(value: str) -> _Test:
    first = _from_and_until(value)[0]
    return lambda source: source.modified_ns >= first


def _of_before(value: str) -> _Test:
    end = _from_and_until(value)[0]
    return lambda source: source.modified_ns < end


def _of_date(value: str) -> _Test:
    first, end = _from_and_until(value)
    return lambda source: first <= source.modified_ns < end


_TESTS: dict[str, Callable[[str], _Test | None]] = {
    "source": _of_source,
    "folder": _of_folder,
    "type": _of_type,
    "after": _of_after,
    "before": _of_before,
    "date": _of_date,
}


def _from_and_until(value: str) -> tuple[int, int]:
    """The nanoseconds at which a year, month or day begins here, and those at which the next does."""
    try:
        if not re.fullmatch(r"\d{4}(-\d{1,2}){0,2}", value):
            raise ValueError
        numbers = [int(part) for part in value.split("-")]
        year, month, day = (*numbers, 1, 1)[:3]
        first = date(year, month, day)
        following = {
            1: (year + 1, 1, 1),
            2: (year + month // 12, month % 12 + 1, 1),
            3: date.fromordinal(first.toordinal() + 1).timetuple()[:3],
        }[len(numbers)]
        return _nanoseconds(first), _nanoseconds(date(*following))
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{value!r} is not a date; write 2024, 2024-01 or 2024-01-31") from None


def _nanoseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day).astimezone().timestamp()) * 1_000_000_000


# --- names and patterns -------------------------------------------------------------------------------


def _parts(path: str) -> tuple[str, ...]:
    """A path's parts, so that the same name written in another case or another normal form is the same."""
    return tuple(part for part in _folded(path).split("/") if part not in ("", "."))


@lru_cache(maxsize=65_536)
def _folded(text: str) -> str:
    valid = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", valid).casefold())


def _fits(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Whether a pattern's parts are a path's: `*` and `?` within a part, `**` for any number of parts."""
    reached = {0}
    for part in pattern:
        if part == "**":
            reached = set(range(min(reached), len(path) + 1))
        else:
            is_it = _part_test(part)
            reached = {at + 1 for at in reached if at < len(path) and is_it(path[at])}
        if not reached:
            return False
    return len(path) in reached


@lru_cache(maxsize=1_024)
def _part_test(pattern: str) -> Callable[[str], object]:
    """For one part. A name may hold what a pattern means something by: `notes [old].txt` is itself, too."""
    if not re.search(r"[*?\[]", pattern):
        return pattern.__eq__
    by_pattern = re.compile(fnmatch.translate(pattern)).match  # its groups are atomic: no pattern takes long
    return lambda part: part == pattern or by_pattern(part)


# --- what to say where nothing matches ------------------------------------------------------------------


def _nothing(sources: Sequence[Source], one: str, kind: str | None, value: str) -> str:
    if not sources:
        return f"no document matches {one!r}: the index is empty; rag ingest fills it"
    if kind == "type":
        return f"no document matches {one!r}; there are {_types_present(sources)}"
    if kind in ("after", "before", "date"):
        days = sorted(source.modified_ns for source in sources)
        first, last = (datetime.fromtimestamp(ns / 1e9).date().isoformat() for ns in (days[0], days[-1]))
        return f"no document matches {one!r}; they were modified from {first} to {last}"
    if kind is None and not _guesses(value)[1:]:
        kind = "folder"
    names = _folders(sources) if kind == "folder" else [source.source for source in sources]
    near = _nearest(value.rstrip("/"), names)
    hint = (
        f"did you mean {' or '.join(map(repr, near))}?"
        if near
        else f"there are {_types_present(sources)}; `rag sources` lists all"
    )
    return f"no document matches {one!r}; {hint}"


def _types_present(sources: Iterable[Source]) -> str:
    counts = Counter(type_word(source.media_type) for source in sources)
    return ", ".join(f"{word} ({count})" for word, count in counts.most_common())


def _folders(sources: Iterable[Source]) -> list[str]:
    paths = (PurePosixPath(source.source).parents for source in sources)
    return sorted({str(folder) for parents in paths for folder in parents} - {"."})


def _nearest(value: str, names: Sequence[str]) -> list[str]:
    """Names like it: as a whole, by their last part, or because they hold it."""
    wanted = _folded(value)
    by_key: dict[str, str] = {}
    for name in names:
        by_key.setdefault(_folded(name), name)
        by_key.setdefault(_folded(name).rpartition("/")[2], name)
    keys = difflib.get_close_matches(wanted, by_key, 2 * _NEAR_NAMES, cutoff=0.6)
    keys += [key for key in by_key if len(wanted) > 2 and wanted in key]
    return list(dict.fromkeys(by_key[key] for key in keys))[:_NEAR_NAMES]
