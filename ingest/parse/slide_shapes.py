"""The shapes of a slide in reading order, and what each adds to the slide's page.

Takes a slide's XML tree, gives shapes sorted from top left to bottom right, those of a group together; adds
a shape's paragraphs, items, table, chart or diagram to a page. Does not know where the slide stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ingest.parse.archive import Archive
from ingest.parse.blocks import PageText
from ingest.parse.charts import chart_rows, chart_title, diagram_items
from ingest.parse.clean import clean_prose
from ingest.parse.open_xml import Relation, unescaped, whole
from ingest.parse.word_styles import child, local, value

Place = tuple[int, int]  # from the top and from the left, in the slide's own units
Places = dict[str, Place]  # of placeholders, by what they are for or "#" and their index

_TITLES = ("title", "ctrTitle")
_NOT_CONTENT = ("dt", "ftr", "hdr", "sldNum", "sldImg")
_LISTS = ("body", "obj")  # what a layout gives bullets to
_SAME_ROW = 250_000  # of the 6,858,000 units that a slide is high: shapes that begin together in a row
_SHAPES = ("sp", "graphicFrame", "grpSp", "cxnSp", "pic")
_DEEPEST_LEVEL = 8  # of a paragraph's nine
_SKIPPED_FIELDS = ("slidenum", "datetime")


@dataclass(frozen=True)
class Shape:
    """A shape and where it stands; `placeholder` is what it is for: "title", "body", "sldNum"."""

    element: Any
    placeholder: str | None
    index: str | None
    place: Place | None

    @property
    def is_title(self) -> bool:
        return self.placeholder in _TITLES

    @property
    def paragraphs(self) -> list[Any]:
        body = child(self.element, "txBody")
        return [] if body is None else [inner for inner in body if local(inner) == "p"]

    @cached_property
    def text(self) -> str:
        """All its text on one line."""
        return " ".join(map(paragraph_text, self.paragraphs))


def shapes_of(root: Any, places: Mapping[str, Place]) -> list[Shape]:
    """The shapes on a slide in reading order, groups taken apart but kept together."""
    tree = child(child(root, "cSld"), "spTree")
    return [] if tree is None else list(_in_order(tree, places))


def _in_order(tree: Any, places: Mapping[str, Place]) -> Iterator[Shape]:
    for shape in _sorted([_shape(element, places) for element in _members(tree)]):
        if local(shape.element) == "grpSp":
            yield from _in_order(shape.element, places)
        elif shape.placeholder not in _NOT_CONTENT:
            yield shape


def _members(tree: Any) -> Iterator[Any]:
    """The shapes directly in a tree or group; of alternatives the first, which is the newer."""
    for element in tree:
        if local(element) == "AlternateContent":
            chosen = child(element, "Choice")
            inside = list(_members(chosen)) if chosen is not None else []
            fallback = child(element, "Fallback")
            yield from inside or (() if fallback is None else _members(fallback))
        elif local(element) in _SHAPES:
            yield element


def _shape(element: Any, places: Mapping[str, Place]) -> Shape:
    own = next((inner for inner in element if local(inner).startswith("nv")), None)
    mark = child(child(own, "nvPr"), "ph")
    if mark is None:
        return Shape(element, None, None, _place(element))
    kind, index = value(mark, "type") or "obj", value(mark, "idx")
    place = _place(element) or places.get(f"#{index}") or places.get(kind)
    if place is None and kind in _LISTS:
        place = places.get("body")
    return Shape(element, kind, index, place)


def _place(element: Any) -> Place | None:
    holder = element if local(element) == "graphicFrame" else None
    for name in ("spPr", "grpSpPr"):
        holder = child(element, name) if holder is None else holder
    offset = child(child(holder, "xfrm"), "off")
    across, down = value(offset, "x"), value(offset, "y")
    return None if across is None or down is None else (_coordinate(down), _coordinate(across))


def _coordinate(written: str) -> int:
    return -whole(written[1:], 0) if written.startswith("-") else whole(written, 0)


def _sorted(shapes: list[Shape]) -> list[Shape]:
    """Titles first, then in rows from the top, each from the left; one without a place keeps its own."""
    placed: list[tuple[Place, Shape]] = []
    last: Place = (0, 0)
    for shape in shapes:
        last = (-1, -1) if shape.is_title else shape.place or last
        placed.append((last, shape))
    placed.sort(key=lambda one: one[0][0])
    rows: list[list[tuple[Place, Shape]]] = []
    for one in placed:
        together = rows and min(one[0][0], rows[-1][0][0][0]) >= 0
        if together and one[0][0] - rows[-1][0][0][0] <= _SAME_ROW:
            rows[-1].append(one)
        else:
            rows.append([one])
    return [shape for row in rows for _, shape in sorted(row, key=lambda one: one[0][1])]


def paragraph_text(paragraph: Any) -> str:
    """A paragraph's words, without fields that only number or date the slide."""
    parts: list[str] = []
    skipped: set[Any] = set()
    for element in paragraph.iter():
        kind = local(element)
        if (
            element.getparent() in skipped
            or kind == "Fallback"
            or (kind == "fld" and (value(element, "type") or "").lower().startswith(_SKIPPED_FIELDS))
        ):
            skipped.add(element)
        elif kind == "t":
            parts.append(element.text or "")
        elif kind in ("br", "tab"):
            parts.append(" ")
    return unescaped("".join(parts))


def add_text(page: PageText, shape: Shape, *, lists: Collection[str] = _LISTS) -> None:
    """A shape's paragraphs; those with bullets or numbers as items, as deep as they are.

    `lists` are the placeholders whose paragraphs have bullets without saying so themselves.
    """
    counts: dict[int, int] = {}
    for paragraph in shape.paragraphs:
        text = paragraph_text(paragraph)
        properties = child(paragraph, "pPr")
        level = min(whole(value(properties, "lvl"), 0), _DEEPEST_LEVEL)
        if not text.strip():
            continue
        numbered = child(properties, "buAutoNum")
        for deeper in [known for known in counts if known > level or (known == level and numbered is None)]:
            del counts[deeper]
        if numbered is not None:
            counts[level] = counts.get(level, whole(value(numbered, "startAt"), 1) - 1) + 1
            page.item(text, mark=f"{counts[level]}.", depth=level)
        elif _has_bullet(properties) or (
            child(properties, "buNone") is None
            and (level > 0 or (shape.placeholder in lists and len(shape.paragraphs) > 1))
        ):
            page.item(text, depth=level)
        else:
            page.paragraph(text)


def _has_bullet(properties: Any) -> bool:
    return any(child(properties, kind) is not None for kind in ("buChar", "buBlip"))


class ShapeReader:
    """Adds the shapes of one slide to its page."""

    def __init__(self, archive: Archive, leads: Mapping[str, Relation], page: PageText) -> None:
        self._archive = archive
        self._leads = leads
        self._page = page

    def add(self, shape: Shape) -> None:
        """Whatever words and numbers the shape holds."""
        if local(shape.element) != "graphicFrame":
            add_text(self._page, shape)
            return
        for element in shape.element.iter():
            kind = local(element)
            if kind == "tbl":
                self._add_table(element)
            elif kind == "chart" and (part := self._part(value(element, "id"))):
                self._add_chart(part)
            elif kind == "relIds" and (part := self._part(value(element, "dm"))):
                for text in diagram_items(self._archive.xml(part)):
                    self._page.item(text)

    def _part(self, relation_id: str | None) -> str | None:
        relation = self._leads.get(relation_id or "")
        return relation.path if relation is not None and relation.path in self._archive.names else None

    def _add_table(self, table: Any) -> None:
        rows: list[list[str]] = []
        for row in (element for element in table if local(element) == "tr"):
            cells: list[str] = []
            for cell in (element for element in row if local(element) == "tc"):
                text = clean_prose(" ".join(paragraph_text(p) for p in cell.iter() if local(p) == "p"))
                if value(cell, "vMerge") in ("1", "true") and rows and len(cells) < len(rows[-1]):
                    text = rows[-1][len(cells)]
                cells.append(text)
            rows.append(cells)
        first_is_header = value(child(table, "tblPr"), "firstRow") in ("1", "true")
        self._page.table(rows, header=True if first_is_header and len(rows) > 1 else None)

    def _add_chart(self, part: str) -> None:
        root = self._archive.xml(part)
        self._page.paragraph(chart_title(root))
        self._page.table(chart_rows(root), header=True)
