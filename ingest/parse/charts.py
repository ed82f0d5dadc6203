"""The numbers of a chart as a table's rows, and the words of a diagram (SmartArt) as items.

Takes the XML trees of DrawingML's parts; what is read are the values that the program stored with them.
Does not know on which slide or page they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.parse.clean import clean_prose
from ingest.parse.number_formats import shown
from ingest.parse.open_xml import whole
from ingest.parse.word_styles import child, local, value

MOST_POINTS = 1000  # of a series; more are a curve that nobody reads off
_NO_WORDS = ("pres", "parTrans", "sibTrans", "doc")  # points of a diagram that hold no words of their own


def chart_title(root: Any) -> str:
    """The title that stands above the chart; empty where it has none."""
    title = child(child(root, "chart"), "title")
    return "" if title is None else clean_prose("".join(_texts(title)))


def chart_rows(root: Any) -> list[list[str]]:
    """A row with the names of the series, then one for each category with their values."""
    names: list[str] = []
    rows: dict[int, tuple[str, dict[int, str]]] = {}
    for series in (element for element in root.iter() if local(element) == "ser"):
        column = len(names)
        names.append(" ".join(_points(child(series, "tx")).values()) or f"Series {column + 1}")
        categories = _points(_first(series, "cat", "xVal"))
        for place, said in _points(_first(series, "val", "yVal")).items():
            if place < MOST_POINTS:
                category = categories.get(place, str(place + 1))
                rows.setdefault(place, (category, {}))[1][column] = said
    return (
        [
            ["", *names],
            *(
                [rows[place][0], *(rows[place][1].get(column, "") for column in range(len(names)))]
                for place in sorted(rows)
            ),
        ]
        if rows
        else []
    )


def diagram_items(root: Any) -> Iterator[str]:
    """The words of each point of a diagram, in their order."""
    for point in (element for element in root.iter() if local(element) == "pt"):
        body = None if value(point, "type") in _NO_WORDS else child(point, "t")
        if body is not None and (text := clean_prose(" ".join(_texts(body)))):
            yield text


def _first(series: Any, *names: str) -> Any:
    return next((found for name in names if (found := child(series, name)) is not None), None)


def _points(holder: Any) -> dict[int, str]:
    """What is stored of a reference's cells, by their place."""
    if holder is None:
        return {}
    code = next(
        (element.text or "" for element in holder.iter() if local(element) == "formatCode"), "General"
    )
    points: dict[int, str] = {}
    for point in (element for element in holder.iter() if local(element) == "pt"):
        place, stored = whole(value(point, "idx"), -1), child(point, "v")
        if place >= 0 and stored is not None and stored.text:
            is_number = local(point.getparent()) in ("numCache", "numLit")
            points.setdefault(place, _number(stored.text, code) if is_number else stored.text)
    if not points and (plain := child(holder, "v")) is not None and plain.text:
        points[0] = plain.text
    return points


def _number(said: str, code: str) -> str:
    try:
        return shown(float(said), code)
    except (ValueError, OverflowError):
        return said


def _texts(element: Any) -> Iterator[str]:
    return (inner.text or "" for inner in element.iter() if local(inner) == "t")
