"""PDF text by pypdf, by pdfium and by our parser, side by side: `python -m benchmarks.pdf FOLDER`.

Takes a folder of PDFs, gives a table: pages a second, files that failed, and how near the words come to those
that poppler's `pdftotext` finds (a third, independent reader; Debian: apt install poppler-utils). Words are
compared without case, ligatures and line-end hyphens, page by page: their number (is all of it there, and
cut into the same words?) and their pairs (does each follow the one that it should?). Our parser leaves out
running heads and page numbers and repeats the names of columns in the rows of tables, which counts against it
here. Scans have no words for any of the three. Each file has a process of its own, with a
limit on time and memory.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

SECONDS = 180  # for one file and all readers
MEGABYTES = 3072
_WORD = re.compile(r"\w+")
_BROKEN = re.compile(r"(?<=\w)[-\u00ad\u2010\ufffe\x02]\s*\n\s*(?=[a-zß-ÿ])")


def by_pypdf(data: bytes) -> list[str]:
    """What pypdf gives with its defaults."""
    import io
    import logging

    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def by_pdfium(data: bytes) -> list[str]:
    """What pdfium gives with its defaults."""
    import pypdfium2

    texts = []
    document = pypdfium2.PdfDocument(data)
    for index in range(len(document)):
        page = document[index]
        text_page = page.get_textpage()
        texts.append(text_page.get_text_range(errors="replace"))
        text_page.close()
        page.close()
    return texts


def by_ours(data: bytes) -> list[str]:
    """What an ingest would keep, without OCR."""
    from ingest.parse import Options
    from ingest.parse.pdf import parse

    return [page.text for page in parse(data, "a.pdf", Options(ocr=False)).pages]


READERS: dict[str, Callable[[bytes], list[str]]] = {"pypdf": by_pypdf, "pdfium": by_pdfium, "ours": by_ours}


def words(text: str) -> list[str]:
    """The words to compare, in their order."""
    from ingest.parse.clean import clean

    return _WORD.findall(clean(_BROKEN.sub("", text)).casefold())


def overlap(one: Sequence[Any], other: Sequence[Any]) -> tuple[int, int]:
    """How many of the items of both are the same ones, twice over, and how many there are."""
    return 2 * (Counter(one) & Counter(other)).total(), len(one) + len(other)


def examine(path: Path, readers: Sequence[str]) -> dict[str, Any]:
    """One file by every reader, as JSON: seconds, error, agreement of words and of pairs for each page."""
    data = path.read_bytes()
    command = ["pdftotext", "-enc", "UTF-8", str(path), "-"]
    seen = subprocess.run(command, capture_output=True, check=False).stdout.decode("utf-8", "replace")
    reference = [words(page) for page in seen.split("\f")[:-1]]
    found: dict[str, Any] = {"pages": len(reference), "words": sum(map(len, reference)), "readers": {}}
    for name in readers:
        read = READERS[name]
        begun = time.process_time()
        try:
            texts, error = read(data), None
        except Exception as failure:  # what it could not read is a row of the table
            texts, error = [], f"{type(failure).__name__}: {failure}"[:120]
        seconds = time.process_time() - begun
        pages = []
        for expected, text in zip(reference, map(words, texts), strict=False):
            pages.append((*overlap(expected, text), *overlap([*pairwise(expected)], [*pairwise(text)])))
        found["readers"][name] = {"seconds": seconds, "error": error, "pages": pages}
    return found


def examined(folder: Path, readers: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every PDF of a folder, each in a process of its own."""
    for path in sorted(folder.rglob("*.pdf")):
        command = [sys.executable, "-m", "benchmarks.pdf", "--one", str(path), "--readers", *readers]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
            yield path.name, json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            yield path.name, {"failure": f"took longer than {SECONDS} s"}
        except subprocess.CalledProcessError as error:
            yield path.name, {"failure": f"ended with status {error.returncode}"}


def main() -> None:
    """Prints the table, and with `--files` a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", action="store_true", help="a line for each file")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--readers", nargs="+", choices=[*READERS], default=[*READERS])
    told = parser.parse_args()
    if told.one:
        resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))
        print(json.dumps(examine(told.folder, told.readers)))
        return
    results = []
    for name, result in examined(told.folder, told.readers):
        results.append((name, result))
        if told.files or "failure" in result:
            print(file_line(name, result), flush=True)
    print("\n".join(table([result for _, result in results if "failure" not in result])))


def file_line(name: str, result: dict[str, Any]) -> str:
    """One file's figures."""
    if "failure" in result:
        return f"{name}: {result['failure']}"
    cells = []
    for reader, got in result["readers"].items():
        share, pairs = agreement([got])
        what = (
            got["error"]
            or f"{share:.3f} {pairs:.3f} {1000 * got['seconds'] / max(1, result['pages']):.1f} ms"
        )
        cells.append(f"{reader} {what}")
    return f"{name} ({result['pages']} pages): {'; '.join(cells)}"


def agreement(got: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The share of words, and of pairs, that a reader has in common with the reference."""
    pages = [page for one in got for page in one["pages"]]
    same, of, same_pairs, of_pairs = (sum(page[n] for page in pages) for n in range(4))
    return same / max(1, of), same_pairs / max(1, of_pairs)


def table(results: Sequence[dict[str, Any]]) -> list[str]:
    """The whole folder's figures, as Markdown."""
    pages = sum(result["pages"] for result in results)
    lines = [
        f"{len(results)} files, {pages} pages",
        "",
        "| reader | words | pairs | words, median file | lowest tenth | pages a second | files that failed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for reader in results[0]["readers"]:
        got = [result["readers"][reader] for result in results]
        read = [one for one in got if one["error"] is None]
        share, pairs = agreement(read)
        each = sorted(agreement([one])[0] for one in read if sum(page[1] for page in one["pages"]) > 100)
        speed = sum(len(one["pages"]) for one in read) / max(0.001, sum(one["seconds"] for one in read))
        lines.append(
            f"| {reader} | {share:.3f} | {pairs:.3f} | {statistics.median(each):.3f} | "
            f"{each[len(each) // 10]:.3f} | {speed:.0f} | {len(got) - len(read)} |"
        )
    return lines


if __name__ == "__main__":
    main()
