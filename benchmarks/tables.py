"""Cells of tables in PDFs that are found by row and column: `python -m benchmarks.tables FOLDER`.

Takes a folder with the data of ICDAR 2013's table competition (67 documents of European and American
authorities; for NAME.pdf the cells are in NAME-str.xml, each with its rows, columns and words). Of each
cell below the names of the columns and right of the first column it is counted whether its page has a line
with the cell's words and those of its row's first cell, and whether the cell stands there behind at least
four fifths of the words of the names above it. Which rows hold names the data do not say: those above the
first that has figures in half of its cells.
"""

from __future__ import annotations

import argparse
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.parse import parse

MOST_NAMES = 4  # rows of names; where there seem to be more, there is one
ENOUGH = 0.8  # of the words of a column's names
_FIGURE = re.compile(r"(?=.*\d)[\s\d.,%$€£()+\-–*/]+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell and where it is; rows and columns count from 0, the last one included."""

    page: int
    rows: range
    columns: range
    text: str


@dataclass(slots=True)
class Found:
    """How many cells there are, and how many were found by their row, and by their column's names as well."""

    cells: int = 0
    by_row: int = 0
    by_both: int = 0


def tables_in(path: Path) -> Iterable[list[Cell]]:
    """The cells of each table that the data of a document describe."""
    for table in ElementTree.parse(path).getroot().iter("table"):
        cells = []
        for region in table.iter("region"):
            page, below = int(region.get("page", 1)), int(region.get("row-increment", 0))
            for cell in region.iter("cell"):
                row, column = int(cell.get("start-row", 0)), int(cell.get("start-col", 0))
                rows = range(row + below, int(cell.get("end-row", row)) + below + 1)
                columns = range(column, int(cell.get("end-col", column)) + 1)
                words = "".join(content.text or "" for content in cell.iter("content")).strip()
                cells.append(Cell(page, rows, columns, words))
        if cells:
            yield cells


def rows_of_names(cells: Sequence[Cell]) -> int:
    """How many rows at the top name the columns."""
    for row in sorted({cell.rows.start for cell in cells}):
        values = [cell.text for cell in cells if cell.rows.start == row and cell.columns.start and cell.text]
        figures = sum(bool(_FIGURE.fullmatch(text)) and not _YEAR.fullmatch(text) for text in values)
        if values and 2 * figures >= len(values):
            return row if 0 < row <= MOST_NAMES else 1
    return 1


def count(cells: Sequence[Cell], pages: Sequence[str], found: Found) -> None:
    """Looks for a table's cells in the lines of its document's pages."""
    named = rows_of_names(cells)
    for cell in cells:
        if cell.rows.start < named or cell.columns.start == 0 or not _bare(cell.text):
            continue
        found.cells += 1
        lines = pages[cell.page - 1].split("\n") if cell.page <= len(pages) else []
        lines = [line for line in lines if _bare(cell.text) in _bare(line)]
        firsts = [one.text for one in cells if cell.rows.start in one.rows and one.columns.start == 0]
        first = next(filter(_bare, firsts), "")
        lines = [line for line in lines if _bare(first) in _bare(line)]
        found.by_row += bool(lines)
        above = [one.text for one in cells if one.rows.stop <= named and cell.columns.start in one.columns]
        wanted = [word for text in above for word in _WORD.findall(text.lower())]
        found.by_both += any(_has(line, cell.text, wanted) for line in lines)


def _has(line: str, text: str, wanted: Sequence[str]) -> bool:
    for part in line.split(" | "):
        said = set(_WORD.findall(part.lower()))
        if _bare(text) in _bare(part) and sum(word in said for word in wanted) >= ENOUGH * len(wanted):
            return True
    return False


def _bare(text: str) -> str:
    return "".join(_WORD.findall(text.lower()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    total, shares = Found(), []
    print(f"{'':12} {'cells':>7} {'by row':>7} {'by row and column':>18}")
    for path in sorted(folder.rglob("*-str.xml")):
        pdf = path.with_name(path.name.replace("-str.xml", ".pdf"))
        if not pdf.exists():
            continue
        document = parse(pdf.read_bytes(), pdf.name)
        found = Found()
        for cells in tables_in(path):
            count(cells, [page.text for page in document.pages], found)
        print(f"{pdf.stem:12} {found.cells:7} {found.by_row:7} {found.by_both:18}")
        total.cells += found.cells
        total.by_row += found.by_row
        total.by_both += found.by_both
        shares += [found.by_both / found.cells] if found.cells else []
    if not total.cells:
        parser.exit(1, f"{folder} holds no NAME.pdf with its NAME-str.xml\n")
    print(f"{'all':12} {total.cells:7} {total.by_row / total.cells:7.1%} {total.by_both / total.cells:18.1%}")
    print(f"{'a document':12} {'':7} {'':7} {sum(shares) / len(shares):18.1%}")


if __name__ == "__main__":
    main()
