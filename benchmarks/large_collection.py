"""A collection of any size that is like real text: made from real passages, their vectors and their words.

Takes folders of text, gives portions of chunks with vectors, and questions. Real passages are embedded by
the bundled embedder. A made chunk is of two of them that are near each other: its vector lies between
theirs, moved along the difference of two more neighbours and brought back to length 1; its text is some of
their sentences, a few words of it replaced by made-up ones of a long Zipfian tail, so that the vocabulary
grows with the collection as it does in real text. Portions are made anew from their number: nothing is kept.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.collections import collections_in
from rag.embedding.embeddings import LocalEmbeddings

SEED = 10
PASSAGES = 16_000  # real ones that are embedded, at most
NEIGHBOURS = 12  # of each passage, to mix it with
SHORTEST, LONGEST = 160, 500  # characters of a passage
SENTENCES = 6  # in a made chunk, at most
REPLACED = 0.12  # of the words, by words of the tail
TAIL_FIRST, TAIL_LAST = 100, 2_000_000  # ranks in the tail's Zipf distribution

_DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)
_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+")
_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


@dataclass(frozen=True, slots=True)
class Portion:
    """Made chunks: their texts and their vectors, float32 [n, dimension]."""

    texts: list[str]
    vectors: np.ndarray


class LargeCollection:
    """Real passages, their vectors and each one's nearest neighbours."""

    def __init__(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        self.texts = list(texts)
        self.vectors = vectors
        self._sentences = [_SENTENCE_END.split(text) for text in texts]
        self._near = _neighbours(vectors)

    def portion(self, number: int, size: int) -> Portion:
        """The chunks of that portion, the same each time."""
        luck = np.random.default_rng([SEED, number])
        first = luck.integers(len(self.texts), size=size)
        pick = luck.integers(NEIGHBOURS, size=(size, 3))
        second, third, fourth = (self._near[first, pick[:, column]] for column in range(3))
        weight = luck.uniform(0.0, 0.5, (size, 1)).astype(np.float32)
        moved = luck.normal(0.0, 0.35, (size, 1)).astype(np.float32)
        vectors = (1 - weight) * self.vectors[first] + weight * self.vectors[second]
        vectors += moved * (self.vectors[third] - self.vectors[fourth])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        words = random.Random(f"{SEED} {number}")
        tail = iter(_tail(luck, 64 * size))
        texts = [
            self._text(words, tail, int(one), int(other)) for one, other in zip(first, second, strict=True)
        ]
        return Portion(texts, vectors)

    def _text(self, luck: random.Random, tail: Iterator[str], first: int, second: int) -> str:
        pool = self._sentences[first] + self._sentences[second]
        chosen = luck.sample(pool, min(len(pool), luck.randint(3, SENTENCES)))
        words = " ".join(chosen).split()
        for at, word in enumerate(words):
            if len(word) > 4 and luck.random() < REPLACED:
                words[at] = next(tail, word)
        return " ".join(words)

    def questions(self, count: int) -> list[str]:
        """Questions in the words of chunks that there are: a part of a sentence each."""
        luck = random.Random(f"{SEED} questions")
        asked = []
        texts = self.portion(0, 4 * count).texts
        for text in texts:
            words = max(_SENTENCE_END.split(text), key=len).split()
            if len(words) < 6:
                continue
            begins = luck.randrange(len(words) - 5)
            some = words[begins : begins + luck.randint(5, 14)]
            kept = [word for word in some if luck.random() < 0.8]
            asked.append(f"{luck.choice(('How', 'What', 'When', 'Why', 'Which'))} {' '.join(kept)}?")
        return asked[:count]


def real_collection(
    folder: Path, collections: Path | None, embedder: LocalEmbeddings
) -> tuple[LargeCollection, list[str]]:
    """What `folder`'s docstrings and texts and the `collections` (see `benchmarks.collections`) give.

    With it the real questions about the collections, where there are any.
    """
    texts, questions = [], []
    if collections is not None:
        for one in collections_in(collections):
            # Questions in a script that the embedder can't read are answered by one leg alone.
            if embedder.readable_share(one.asked[0].question) > 0.9:
                questions += [asked.question for asked in one.asked]
                texts += [page.text for document in one.documents.values() for page in document.pages]
    passages = list(dict.fromkeys(passage for text in texts for passage in _passages(text)))
    luck = random.Random(SEED)
    files = sorted(folder.rglob("*.py")) + sorted(folder.rglob("*.md")) + sorted(folder.rglob("*.rst"))
    luck.shuffle(files)
    known = set(passages)
    for path in files:
        if len(passages) >= PASSAGES:
            break
        new = [one for one in _passages(_prose(path)) if one not in known][:20]
        known.update(new)
        passages += new
    passages = passages[:PASSAGES]
    luck.shuffle(questions)
    return LargeCollection(passages, embedder.embed(passages)), questions


def _prose(path: Path) -> str:
    text = path.read_text("utf-8", "replace")
    return "\n\n".join(_DOCSTRING.findall(text)) if path.suffix == ".py" else text


def _passages(text: str) -> Iterator[str]:
    for paragraph in _PARAGRAPH.split(text):
        passage = " ".join(paragraph.split())
        for start in range(0, max(1, len(passage) - SHORTEST), LONGEST):
            piece = passage[start : start + LONGEST]
            letters = sum(character.isalpha() or character == " " for character in piece)
            if len(piece) >= SHORTEST and letters > 0.85 * len(piece):
                yield piece


def _neighbours(vectors: np.ndarray) -> np.ndarray:
    """The nearest of each but itself, [n, NEIGHBOURS]."""
    found = []
    for start in range(0, len(vectors), 1_000):
        products = vectors[start : start + 1_000] @ vectors.T
        own = np.arange(len(products))
        products[own, start + own] = -np.inf
        found.append(np.argpartition(-products, NEIGHBOURS, axis=1)[:, :NEIGHBOURS])
    return np.concatenate(found)


def _tail(luck: np.random.Generator, count: int) -> list[str]:
    """Made-up words, the one of rank r in proportion to 1 / r."""
    spread = np.log(TAIL_LAST / TAIL_FIRST)
    ranks = (TAIL_FIRST * np.exp(luck.uniform(0.0, spread, count))).astype(np.int64)
    return [_word(int(rank)) for rank in ranks]


def _word(rank: int) -> str:
    word = "x"
    while rank:
        rank, syllable = divmod(rank, len(_SYLLABLES))
        word += _SYLLABLES[syllable]
    return word
