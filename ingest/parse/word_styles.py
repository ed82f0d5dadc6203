"""What a DOCX's styles and numbering make of a paragraph: heading, list item, table of contents.

Takes the trees of styles.xml and numbering.xml, either of which may be missing. Knows no text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_CONTENTS = re.compile(r"toc(?: \d| heading)|table of (?:figures|contents).*", re.IGNORECASE)
_DEEPEST_STYLE = 20  # styles are based on styles; a loop ends here
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Style:
    """What matters of a paragraph's style here; `numbering` is the list's number and its level."""

    heading: int | None = None
    is_title: bool = False
    is_contents: bool = False
    numbering: tuple[str, int] | None = None


def local(element: Any) -> str:
    """An element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def child(element: Any, name: str) -> Any:
    """The first child of that local name; None where there is none, or no element."""
    if element is None:
        return None
    return next((inner for inner in element if local(inner) == name), None)


def value(element: Any, name: str = "val") -> str | None:
    """An attribute by its local name; None where it is missing, or the element is."""
    if element is None:
        return None
    return next((found for key, found in element.attrib.items() if key.rpartition("}")[2] == name), None)


class Styles:
    """Paragraph styles by their id, what they inherit included."""

    def __init__(self, root: Any) -> None:
        elements = () if root is None else root
        self._elements = {value(style, "styleId"): style for style in elements if local(style) == "style"}
        self._known: dict[str | None, Style] = {None: Style()}

    def of(self, paragraph: Any) -> Style:
        """A paragraph's style, with what it says of itself on top."""
        properties = child(paragraph, "pPr")
        style = self._by_id(value(child(properties, "pStyle")))
        return _overlaid(style, properties)

    def _by_id(self, style_id: str | None) -> Style:
        if style_id not in self._known:
            self._known[style_id] = self._read(style_id)
        return self._known[style_id]

    def _read(self, style_id: str | None) -> Style:
        chain: list[Any] = []
        while style_id in self._elements and len(chain) < _DEEPEST_STYLE:
            chain.append(self._elements[style_id])
            style_id = value(child(chain[-1], "basedOn"))
        style = Style()
        for element in reversed(chain):
            name = value(child(element, "name")) or ""
            style = _overlaid(style, child(element, "pPr"))
            if heading := _HEADING.fullmatch(name):
                style = replace(style, heading=int(heading.group(1)))
            elif name.lower() == "title":
                style = replace(style, heading=1, is_title=True)
            elif _CONTENTS.fullmatch(name):
                style = replace(style, is_contents=True)
        return style


def _overlaid(style: Style, properties: Any) -> Style:
    """The style with a paragraph's or a style's own properties on top."""
    outline = value(child(properties, "outlineLvl"))
    if outline is not None and outline.isdecimal():
        # nine levels are headings, the tenth says that it is none (17.3.1.20)
        style = replace(style, heading=int(outline) + 1 if int(outline) < 9 else None)
    numbered = child(properties, "numPr")
    if numbered is not None:
        number, level = value(child(numbered, "numId")), value(child(numbered, "ilvl")) or "0"
        if number is None and style.numbering:
            number = style.numbering[0]
        in_list = number not in (None, "0") and level.isdecimal()
        style = replace(style, numbering=(str(number), min(int(level), 8)) if in_list else None)
    return style


class Numbering:
    """Counts the items of every list as they come."""

    def __init__(self, root: Any) -> None:
        self._levels: dict[str, dict[int, tuple[str, int]]] = {}  # list -> level -> format and first number
        self._counts: dict[str, dict[int, int]] = {}
        elements = () if root is None else root
        abstract = {value(e, "abstractNumId"): e for e in elements if local(e) == "abstractNum"}
        for number in elements:
            if local(number) == "num":
                definition = abstract.get(value(child(number, "abstractNumId")))
                self._levels[value(number, "numId") or ""] = _levels(definition)

    def next_mark(self, number: str, level: int) -> str:
        """The mark before the next item of that list; a dash for bullets."""
        form, first = self._levels.get(number, {}).get(level, ("bullet", 1))
        counts = self._counts.setdefault(number, {})
        counts[level] = counts.get(level, first - 1) + 1
        for deeper in [known for known in counts if known > level]:
            del counts[deeper]
        count = counts[level]
        if form in ("bullet", "none"):
            return "-"
        if form in ("lowerLetter", "upperLetter") and 1 <= count <= len(_LETTERS):
            letter = _LETTERS[count - 1]
            return f"{letter if form == 'lowerLetter' else letter.upper()}."
        return f"{count}."


def _levels(definition: Any) -> dict[int, tuple[str, int]]:
    levels = {}
    for level in () if definition is None else definition:
        place = value(level, "ilvl") or ""
        if local(level) == "lvl" and place.isdecimal():
            first = value(child(level, "start")) or "1"
            form = value(child(level, "numFmt")) or "decimal"
            levels[int(place)] = (form, int(first) if first.isdecimal() else 1)
    return levels
