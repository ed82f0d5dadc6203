"""How well scans of known text are read (benchmarks/scans.py): by us, and by tesseract where it is installed.

`python -m benchmarks.ocr` prints, for each scan and each reader: characters wrong in 100 (edits from what is
written, spaces aside), words found in 100 (of Chinese, pairs of characters), and seconds of one core. Then
means, the most memory, and what is on disk. Each reader has a process and one thread to itself.

tesseract is read through tesserocr, with the language of the page told; `pip install tesserocr` and, on
Debian, `apt install tesseract-ocr tesseract-ocr-chi-sim` bring it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.scans import Scan, scans

PACKAGES = {
    "RapidOCR": (
        "rapidocr", "onnxruntime", "opencv-python-headless", "shapely", "pyclipper", "omegaconf", "colorlog",
        "flatbuffers",
    ),
    "tesseract": ("tesserocr",),
}  # fmt: skip
LANGUAGES = {"en": "eng", "zh": "chi_sim"}  # tesseract's names of them
TESSDATA = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/opt/homebrew/share/tessdata")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1"}

Reader = Callable[[Scan], str]


def main() -> None:
    """The table of every reader that is installed; or, told one reader's name, its figures as JSON lines."""
    if len(sys.argv) > 1:
        for scan in scans():
            print(json.dumps(measured(scan, READERS[sys.argv[1]])), flush=True)
        print(json.dumps({"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}))
        return
    installed = ["RapidOCR", *(["tesseract"] if importlib.util.find_spec("tesserocr") else [])]
    print("\n".join(table({name: figures(name) for name in installed})))


def figures(name: str) -> list[dict[str, Any]]:
    """What a reader's own process says."""
    command = [sys.executable, "-m", "benchmarks.ocr", name]
    done = subprocess.run(
        command, env={**os.environ, **_ONE_THREAD}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def measured(scan: Scan, read: Reader) -> dict[str, Any]:
    """One scan's figures."""
    begun = time.process_time()
    text = read(scan)
    seconds = time.process_time() - begun
    written, found = words(scan.text, scan.language), words(text, scan.language)
    return {
        "scan": scan.name,
        "language": scan.language,
        "wrong": 100 * edits(bare(scan.text), bare(text)) / len(bare(scan.text)),
        "words": 100 * (written & found).total() / written.total(),
        "seconds": seconds,
    }


def by_us(scan: Scan) -> str:
    """Our lines in reading order."""
    from ingest.parse.ocr import read_picture
    from ingest.parse.ocr_page import in_reading_order

    return "\n".join(line.text for line in in_reading_order(read_picture(scan.image)))


def by_tesseract(scan: Scan) -> str:
    """tesseract's text in the order that it finds."""
    import tesserocr

    if scan.language not in _OPENED:
        folder = next((folder for folder in TESSDATA if Path(folder).is_dir()), "")
        _OPENED[scan.language] = tesserocr.PyTessBaseAPI(path=folder, lang=LANGUAGES[scan.language])
    _OPENED[scan.language].SetImage(scan.image)
    return str(_OPENED[scan.language].GetUTF8Text())


_OPENED: dict[str, Any] = {}
READERS: dict[str, Reader] = {"RapidOCR": by_us, "tesseract": by_tesseract}


def bare(text: str) -> str:
    """Without spaces and line ends, compatibility forms (such as full-width commas) made plain."""
    return unicodedata.normalize("NFKC", "".join(text.split()))


def words(text: str, language: str) -> Counter[str]:
    """What stands between spaces; of Chinese, each two neighbours."""
    if language == "zh":
        characters = bare(text)
        return Counter(characters[place : place + 2] for place in range(len(characters) - 1))
    return Counter(text.split())


def edits(wanted: str, found: str) -> int:
    """The fewest characters to put in, take out or change (Levenshtein, row by row)."""
    letters = np.array([ord(character) for character in found], np.int64)
    places = np.arange(len(found) + 1)
    row = places.copy()
    for number, character in enumerate(wanted, 1):
        changed = row[:-1] + (letters != ord(character))
        after = np.concatenate(([number], np.minimum(row[1:] + 1, changed)))
        row = np.minimum.accumulate(after - places) + places
    return int(row[-1])


def table(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Every scan's figures and their means, as Markdown; below them memory and disk."""
    names = list(results)
    lines = [
        f"| scan | {' | '.join(f'{name}: wrong % | words % | s' for name in names)} |",
        f"| --- {'| ---: | ---: | ---: ' * len(names)}|",
    ]
    for rows in zip(*(figures[:-1] for figures in results.values()), strict=True):
        lines.append(f"| {rows[0]['language']} {rows[0]['scan']} | {' | '.join(map(_cells, rows))} |")
    for language in LANGUAGES:
        means = [_mean([one for one in got[:-1] if one["language"] == language]) for got in results.values()]
        lines.append(f"| **{language}, mean** | {' | '.join(map(_cells, means))} |")
    lines.append("")
    for name, got in results.items():
        lines.append(f"{name}: at most {got[-1]['megabytes']} MB of memory, {_on_disk(name)} MB of packages")
    return lines


def _cells(one: dict[str, Any]) -> str:
    return f"{one['wrong']:.2f} | {one['words']:.1f} | {one['seconds']:.1f}"


def _mean(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {key: fmean(row[key] for row in rows) for key in ("wrong", "words", "seconds")}


def _on_disk(name: str) -> int:
    """Of the packages that are only here for this reader, without data that the system brings."""
    files = [file for package in PACKAGES[name] for file in importlib.metadata.files(package) or ()]
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file()) >> 20


if __name__ == "__main__":
    main()
