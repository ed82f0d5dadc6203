"""The usual way to read a folder with LangChain, as its tutorials have it, to compare with.

Takes a folder, gives seconds by stage. PyPDFLoader is pypdf's `extract_text` for each page and TextLoader
reads a file; RecursiveCharacterTextSplitter is LangChain's own, 1000 characters with 200 shared;
HuggingFaceEmbeddings is SentenceTransformer.encode; FAISS.from_documents and save_local are an IndexFlatL2,
its file, and a file of the texts. What LangChain puts around these (documents, a docstore) costs next to
nothing and is left out.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from rag.embedding.minilm import bundled_folder

TEXTS = (".txt", ".md")


def read_folder(folder: Path, index: Path) -> dict[str, float]:
    """Reads all PDFs and texts into `index`; gives counts and the seconds of each stage."""
    begun = last = time.monotonic()
    seconds: dict[str, float] = {}

    def took(stage: str) -> None:
        nonlocal last
        seconds[stage] = time.monotonic() - last
        last = time.monotonic()

    import faiss
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from pypdf import PdfReader
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(bundled_folder()), device="cpu")
    took("start")
    pages: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".pdf":
            pages += [page.extract_text() for page in PdfReader(path).pages]
        elif path.suffix.lower() in TEXTS:
            pages.append(path.read_text("utf-8"))
    took("parse")
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    chunks = [chunk for page in pages for chunk in splitter.split_text(page)]
    took("chunk")
    vectors = model.encode(chunks, show_progress_bar=False)
    took("embed")
    flat = faiss.IndexFlatL2(vectors.shape[1])
    flat.add(vectors)
    index.mkdir(parents=True)
    faiss.write_index(flat, str(index / "index.faiss"))
    (index / "texts.json").write_text(json.dumps(chunks), "utf-8")
    took("store")
    return {
        "chunks": len(chunks),
        "characters": sum(map(len, chunks)),
        "seconds": time.monotonic() - begun,
        **seconds,
    }
