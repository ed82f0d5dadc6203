"""Collections to measure search on: paragraphs with questions, and documents with passages that answer.

Takes a folder, gives what is in it, by its form alone: `*.json.gz` with `contexts` and `queries` (each query
names its paragraph), `*.json` in SQuAD's form, and folders with documents and a `questions.jsonl` (each
question names its document and the characters that answer). Knows no collection by name.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ingest.chunk import embedded_text, split
from ingest.parse import parse
from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Chunk, Document, IndexMeta, Page, Place
from rag.store.contract import Store
from rag.store.open import open_store
from rag.text.expected_text import Stretch, stretches_of

CHUNK_TOKENS = 200  # as in the settings


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, where its answer is and, where known, the words that answer.

    `kind` is `on` for a question that the documents answer, else says how they don't.
    """

    question: str
    places: tuple[Stretch, ...]
    answers: tuple[str, ...] = ()
    kind: str = "on"


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents by source, and questions about them; with `paragraphs`, each document is one chunk."""

    name: str
    documents: dict[str, Document]
    asked: tuple[Asked, ...]
    paragraphs: bool


def arguments_for(program: str, description: str | None) -> argparse.Namespace:
    """What a measurement is told: the `folder` of collections, and `every`, to ask each N-th question."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N")
    return parser.parse_args()


def collections_in(folder: Path) -> list[Collection]:
    """Everything in `folder` that can be measured on, by name."""
    found = [_paragraphs(path) for path in sorted(folder.glob("*.json.gz"))]
    found += [_squad(path) for path in sorted(folder.glob("*.json"))]
    return found + [_documents(path.parent) for path in sorted(folder.glob("*/questions.jsonl"))]


def samples(folder: Path) -> Collection:
    """The project's own documents and questions: `folder` holds `samples/` and `questions.jsonl`."""
    root = folder / "samples"
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    documents = {path.relative_to(root).as_posix(): parse(path.read_bytes(), path.name) for path in paths}
    asked = []
    for line in (folder / "questions.jsonl").read_text("utf-8").splitlines():
        one = json.loads(line)
        if one["source"] is None:
            asked.append(Asked(one["question"], (), kind=one["kind"]))
            continue
        right = [one, *one.get("also", [])]
        places = tuple((each["source"], each["page"], 0, sys.maxsize) for each in right)
        asked.append(Asked(one["question"], places, tuple(each["answer"] for each in right)))
    return Collection(root.name, documents, tuple(asked), False)


def together(collections: Sequence[Collection]) -> list[Collection]:
    """The collections over the documents of all of them, in folders with names that tell nothing."""
    folders = dict(enumerate(collections, start=1))
    documents = {
        f"{folder}/{source}": document
        for folder, collection in folders.items()
        for source, document in collection.documents.items()
    }
    return [
        Collection(collection.name, documents, tuple(_within(f"{folder}/", collection.asked)), False)
        for folder, collection in folders.items()
    ]


def _within(folder: str, asked: Sequence[Asked]) -> Iterator[Asked]:
    for one in asked:
        yield replace(one, places=tuple((folder + source, *span) for source, *span in one.places))


def _paragraphs(path: Path) -> Collection:
    content = json.loads(gzip.decompress(path.read_bytes()))
    texts = [one["text"] for one in content["contexts"]]
    questions = [(query["q"], query["gold"], tuple(query["answers"])) for query in content["queries"]]
    return _about_paragraphs(path.name.split(".")[0], texts, questions)


def _squad(path: Path) -> Collection:
    content = json.loads(path.read_text("utf-8"))
    paragraphs = [one for article in content["data"] for one in article["paragraphs"]]
    questions = [
        (asked["question"], number, tuple(answer["text"] for answer in asked["answers"]))
        for number, one in enumerate(paragraphs)
        for asked in one["qas"]
    ]
    return _about_paragraphs(path.stem, [one["context"] for one in paragraphs], questions)


def _about_paragraphs(
    name: str, paragraphs: Sequence[str], questions: Sequence[tuple[str, int, tuple[str, ...]]]
) -> Collection:
    # Names that tell nothing: a paragraph is to be found by what it says.
    texts = {f"{number:05}": text for number, text in enumerate(paragraphs)}
    asked = []
    for question, number, answers in questions:
        source = f"{number:05}"
        asked.append(Asked(question, ((source, 1, 0, len(texts[source])),), answers))
    documents = {source: Document("text/plain", (Page(1, text),)) for source, text in texts.items()}
    return Collection(name, documents, tuple(asked), True)


def _documents(folder: Path) -> Collection:
    questions = [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]
    names = {path.stem: path.name for path in folder.iterdir() if path.name != "questions.jsonl"}
    documents = {name: parse((folder / name).read_bytes(), name) for name in names.values()}
    asked = tuple(
        Asked(
            one["question"],
            tuple(
                _found(documents, names[one["corpus"]], reference["content"])
                for reference in one["references"]
            ),
        )
        for one in questions
    )
    return Collection(folder.name, documents, asked, False)


def _found(documents: dict[str, Document], source: str, words: str) -> Stretch:
    """Where the words are in the text that we read from the file, whatever became of its spaces and marks."""
    (page,) = documents[source].pages
    start = page.text.find(words)
    if start >= 0:
        return source, 1, start, start + len(words)
    elsewhere = stretches_of(page.text, words)
    return source, 1, *(elsewhere[0] if elsewhere else (0, 0))  # left out by the reader: nothing to recall


@contextmanager
def indexed(collection: Collection, embedder: LocalEmbeddings) -> Iterator[Store]:
    """A real index of the collection, for the length of a `with` block."""
    chunks = {source: _chunks(collection, one, embedder) for source, one in collection.documents.items()}
    texts = {
        source: [embedded_text(chunk, document) for chunk in chunks[source]]
        for source, document in collection.documents.items()
    }
    vectors = iter(embedder.embed([text for some in texts.values() for text in some]))
    with TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "index", create=True)
        with store.writer() as writer:
            writer.set_meta(IndexMeta(embedder.name, embedder.revision, embedder.dimension, CHUNK_TOKENS, 1))
            for source, document in collection.documents.items():
                digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts[source]]
                digest = hashlib.sha256(source.encode()).hexdigest()
                place = Place("/", source, f"/{source}".encode(), digest, 1, 1)
                rows = np.stack([next(vectors) for _ in digests])
                writer.put(place, document, chunks[source], rows, digests)
        yield store
        store.close()


def _chunks(collection: Collection, document: Document, embedder: LocalEmbeddings) -> Sequence[Chunk]:
    if collection.paragraphs:
        return [Chunk(page.number, 0, len(page.text), page.text) for page in document.pages]
    return split(document, count_tokens=embedder.count_tokens, chunk_tokens=CHUNK_TOKENS)
