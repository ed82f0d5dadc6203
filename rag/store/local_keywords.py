"""Keyword search in a local index: FTS5's BM25, and the same BM25 of fewer rows where a question's are many.

Takes a database inside a read transaction and an FTS5 expression, gives chunk ids and scores. FTS5 scores
every row that shares a term with the question, at a microsecond each: a third of a second where common words
are in a third of a million chunks. So where there are many, the rows of the rarest terms alone are
candidates; the best of them by which of these terms they hold are read, and scored with all terms. Each
score is what FTS5 gives; a chunk that shares nothing but the question's commonest terms may be passed over.
Knows no vectors.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from rag.errors import IndexDamaged, UsageError
from rag.store.local_database import Database, damaged
from rag.store.local_rows import State

# `python -m benchmarks.large` measures what these three cost and lose.
SCORED_BY_FTS5 = 5_000  # rows that share a term with the question, each counted once for each such term
CANDIDATES = 150_000  # the same, of the rarest terms
SCORED = 300  # candidates that are read and scored
COUNTS_KEPT = 20_000

# FTS5's own constants: https://sqlite.org/fts5.html#the_bm25_function
_K1, _B = 1.2, 0.75
_LEAST_RARITY = 1e-6
_OFTEN = 1.5  # how much more than its rarity a term may weigh that a chunk holds several times
_BETWEEN = " || ' \n ' || "  # columns that weigh the same: no phrase goes over it
_AVERAGES = 1  # the row of FTS5's data that holds how many rows and how many terms in each column there are

_ANY_END = "*"  # after the beginning of a term
_BEGINNING = re.compile(r'"([^" ]+)" \*')
_TERM = re.compile(r'"([^"]+)"')
_ALTERNATIVES = re.compile(r'"[^"]+"(?: OR "[^"]+")*')
_QUERY_ERRORS = ("fts5: syntax error", "unterminated string", "no such column", "unknown special query")

Scores = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class _Query:
    """A question to one generation of the index."""

    database: Database
    match: str
    weights: tuple[float, float, float]
    among: np.ndarray | None  # int64, sorted


class KeywordSearch:
    """Searches, and remembers in how many chunks a term is: for all threads, for one generation."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._generation: tuple[int, bytes] = (0, b"")
        self._counts: OrderedDict[str, int] = OrderedDict()

    def search(
        self,
        database: Database,
        state: State,
        match: str,
        k: int,
        *,
        weights: tuple[float, float, float],
        among: np.ndarray | None,
    ) -> Scores:
        """The k chunks with the largest BM25: (chunk id, score), best first; see `Snapshot.keywords`."""
        query = _Query(database, match, weights, among)
        if state.chunks > SCORED_BY_FTS5 and (beginning := _BEGINNING.fullmatch(match)) and among is None:
            return _with_terms_that_begin(query, state, beginning[1], k)
        if state.chunks <= SCORED_BY_FTS5 or not _ALTERNATIVES.fullmatch(match):
            return _scored_by_fts5(query, k)
        counts = {term: self._count(database, state, term) for term in _TERM.findall(match)}
        if sum(counts.values()) <= SCORED_BY_FTS5:
            return _scored_by_fts5(query, k)
        average = _average_size(database, state)
        rarities = {term: _rarity(count, state.chunks) for term, count in counts.items() if count}
        if not rarities:
            return []
        rows = _candidates(query, state, counts, rarities, k)
        return _scored(query, rows, rarities, average)[:k]

    def _count(self, database: Database, state: State, term: str) -> int:
        """In how many chunks a term (or the terms of a phrase, one after the other) is."""
        generation = (state.generation, state.chunks_stamp)
        with self._lock:
            if self._generation != generation:
                self._generation = generation
                self._counts.clear()
            if term in self._counts:
                self._counts.move_to_end(term)
                return self._counts[term]
        statement = "SELECT count(*) FROM keyword WHERE keyword MATCH ?"
        count = int(database.rows(statement, (f'"{term}"',))[0][0])
        with self._lock:
            if self._generation == generation:
                self._counts[term] = count
                while len(self._counts) > COUNTS_KEPT:
                    self._counts.popitem(last=False)
        return count


# --- all rows, by FTS5 ----------------------------------------------------------------------------------


def _scored_by_fts5(query: _Query, k: int) -> Scores:
    body, headings, name = (float(weight) for weight in query.weights)
    allowed, which = _only_rows(query.among)
    try:
        rows = query.database.rows(
            f"SELECT rowid, rank FROM keyword WHERE keyword MATCH ? AND rank MATCH ?{allowed}"
            " ORDER BY rank LIMIT ?",
            (query.match, f"bm25({body}, {headings}, {name})", *which, k),
        )
    except IndexDamaged as error:
        if _is_about_the_query(error.__cause__):
            raise UsageError(
                f"{query.match[:80]!r} is not a keyword query ({error.__cause__});"
                " make one with rag.text.words.match_query"
            ) from error
        raise
    return sorted(((row[0], -row[1]) for row in rows), key=lambda hit: (-hit[1], hit[0]))


def _only_rows(among: np.ndarray | None) -> tuple[str, tuple[int | str, ...]]:
    """A condition for the keyword index's rows, and what stands in it.

    FTS5 skips what is outside the range; the plus keeps SQLite from asking it once for each id.
    """
    if among is None:
        return "", ()
    first, last = int(among[0]), int(among[-1])
    if last - first + 1 == len(among):
        return " AND rowid BETWEEN ? AND ?", (first, last)
    ids = json.dumps(among.tolist())
    return " AND rowid BETWEEN ? AND ? AND +rowid IN (SELECT value FROM json_each(?))", (first, last, ids)


def _is_about_the_query(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith(_QUERY_ERRORS)


# --- the rows of the rarest terms -----------------------------------------------------------------------


class _Weighed:
    """Rows, and for each how much the terms weigh together that it is known to hold."""

    def __init__(self, last_row: int) -> None:
        self._weights = np.zeros(last_row + 1, np.float32)  # what is never touched takes no memory
        self._new: list[np.ndarray] = []

    def add(self, rows: np.ndarray, weight: float) -> None:
        """These rows (each once) hold a term of that weight."""
        self._new.append(rows[self._weights[rows] == 0])
        self._weights[rows] += np.float32(weight)

    def rows_and_weights(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows, in no order, and their weights."""
        rows = np.concatenate(self._new)
        return rows, self._weights[rows]


def _candidates(
    query: _Query, state: State, counts: dict[str, int], rarities: dict[str, float], k: int
) -> np.ndarray:
    """The rows whose rare terms weigh most together, `SCORED` (or twice k) at most.

    Terms are read from the rarest on, until what the others weigh together is less than what the k-th best
    row has already (as MaxScore does: Turtle and Flood 1995), or until they are too many. With `among` the
    rare terms' rows may all be elsewhere: then only the first of these ends it.
    """
    terms = sorted(rarities, key=lambda one: (counts[one], one))
    found = _Weighed(state.next_chunk - 1)
    most = max(SCORED, 2 * k)
    read = 0
    for number, term in enumerate(terms):
        if read >= most and query.among is None and read + counts[term] > CANDIDATES:
            break
        if number and counts[term] > read:  # else reading them is less work than asking whether one must
            _, weights = found.rows_and_weights()
            others = _OFTEN * sum(rarities[one] for one in terms[number:])
            if len(weights) > k and np.partition(weights, -k)[-k] >= others:
                break
        rows = _rows_with(query, state, term)
        read += len(rows)
        found.add(rows if query.among is None else _common(rows, query.among), rarities[term])
    ids, weights = found.rows_and_weights()
    return ids if len(ids) <= most else ids[np.argpartition(-weights, most)[:most]]


def _rows_with(query: _Query, state: State, term: str) -> np.ndarray:
    """The ids of the chunks that a term is in, within the range of those that are looked at."""
    # As one text: as a row each they take several times as long.
    statement = "SELECT group_concat(rowid) FROM keyword WHERE keyword MATCH ?"
    parameters: tuple[str | int, ...] = (f'"{term}"',)
    if query.among is not None:
        statement += " AND rowid BETWEEN ? AND ?"
        parameters += (int(query.among[0]), int(query.among[-1]))
    rows = _numbers(query.database.rows(statement, parameters)[0][0])
    if len(rows) and not 0 < rows.min() <= rows.max() < state.next_chunk:
        raise damaged(query.database.directory, "its keyword index lists chunks that were never there")
    return rows


def _common(rows: np.ndarray, among: np.ndarray) -> np.ndarray:
    inside: np.ndarray = rows[among[np.minimum(np.searchsorted(among, rows), len(among) - 1)] == rows]
    return inside


def _with_terms_that_begin(query: _Query, state: State, beginning: str, k: int) -> Scores:
    """For a character by itself, which is the beginning of many pairs.

    FTS5 would read where each of these terms is, all of them, before its first row. Where there are many,
    the first terms in their order that give rows enough are all that is looked at.
    """
    statement = (
        "SELECT group_concat(doc) FROM"
        " (SELECT doc FROM temp.keyword_place WHERE term >= ? AND term < ? LIMIT ?)"
    )
    parameters = (beginning, beginning + chr(sys.maxunicode), SCORED_BY_FTS5)
    places = _numbers(query.database.rows(statement, parameters)[0][0])
    if len(places) < SCORED_BY_FTS5:
        return _scored_by_fts5(query, k)
    ids, times = np.unique(places, return_counts=True)
    most = max(SCORED, 2 * k)
    if len(ids) > most:
        ids = ids[np.argpartition(-times, most)[:most]]
    rarities = {beginning + _ANY_END: _rarity(len(times), state.chunks)}
    return _scored(query, ids, rarities, _average_size(query.database, state))[:k]


def _numbers(text: str | None) -> np.ndarray:
    return np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64)


# --- BM25, as FTS5 computes it ----------------------------------------------------------------------------


def _rarity(count: int, chunks: int) -> float:
    return max(_LEAST_RARITY, math.log((chunks - count + 0.5) / (count + 0.5)))


def _scored(query: _Query, ids: np.ndarray, rarities: dict[str, float], average: float) -> Scores:
    """These rows with their BM25 over all terms, best first."""
    weights = sorted(set(query.weights))
    columns = [
        [f"c{column}" for column, own in enumerate(query.weights) if own == weight] for weight in weights
    ]
    # FTS5's own table of what was put in: a look-up in it is quicker than one through FTS5.
    rows = query.database.rows(
        f"SELECT id, (c0 = '') + (c1 = '') + (c2 = ''), {', '.join(map(_BETWEEN.join, columns))}"
        " FROM keyword_content WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids.tolist()),),
    )
    if len(rows) != len(ids):
        raise damaged(query.database.directory, "its keyword index lists chunks that it does not hold")
    often = np.zeros((len(rarities), len(rows)))
    sizes = -np.array([row[1] for row in rows], np.float64)
    for at, (weight, together) in enumerate(zip(weights, columns, strict=True), start=2):
        # n terms have n - 1 spaces between them, no terms have none; and two are around each new line.
        sizes += [row[at].count(" ") + 2 - len(together) for row in rows]
        # Spaces doubled and around: so a term with a space on each side is that term, however often it comes.
        padded = [f" {row[at].replace(' ', '  ')} " for row in rows]
        for number, term in enumerate(rarities):
            often[number] += weight * np.array(_times(term, padded), np.float64)
    length = _K1 * (1 - _B + _B * sizes / average)
    rarity = np.array([*rarities.values()])[:, None]
    scores = (rarity * often * (_K1 + 1) / (often + length)).sum(axis=0)
    found = zip([row[0] for row in rows], scores.tolist(), strict=True)
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))


def _times(term: str, texts: Sequence[str]) -> list[int]:
    """How often a term, a phrase or the beginning of a term is in each text of terms with doubled spaces."""
    if term.endswith(_ANY_END):
        beginning = f" {term.removesuffix(_ANY_END)}"
        return [text.count(beginning) for text in texts]
    padded = f" {term.replace(' ', '  ')} "
    if " " not in term:
        return [text.count(padded) for text in texts]
    overlapping = re.compile(f"(?={re.escape(padded)})")  # "a a" is in "a a a" twice
    return [len(overlapping.findall(text)) for text in texts]


def _average_size(database: Database, state: State) -> float:
    """How many terms a chunk has on average, by FTS5's own count."""
    rows = database.rows("SELECT block FROM keyword_data WHERE id = ?", (_AVERAGES,))
    numbers = _varints(rows[0][0]) if rows else []
    if not numbers or numbers[0] != state.chunks or not sum(numbers[1:]):
        raise damaged(database.directory, f"its keyword index does not count its {state.chunks} chunks")
    return sum(numbers[1:]) / numbers[0]


def _varints(block: bytes) -> list[int]:
    """SQLite's integers of one to nine bytes, the high bit saying that another byte follows."""
    numbers, number, length = [], 0, 0
    for byte in block:
        length += 1
        number = number << 8 | byte if length == 9 else number << 7 | byte & 0x7F
        if length == 9 or byte < 0x80:
            numbers.append(number)
            number, length = 0, 0
    return numbers
