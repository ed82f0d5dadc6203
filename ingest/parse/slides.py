"""PowerPoint's PPTX (PPTM, POTX, PPSX: the same inside) -> a Document with a page for each slide.

Slides come in the order in which they are shown. A slide's title is its heading, then comes what stands on
it from top left to bottom right: lists with their levels, tables by rows, the numbers of charts, the words
of diagrams; its speaker's notes below a heading of their own. Hidden slides are read, too, and named in a
warning. Footers, dates and slide numbers are left out. No link, macro or embedded file is followed.
"""

from __future__ import annotations

import re
from typing import Any

from ingest.parse.archive import Archive
from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_prose
from ingest.parse.open_xml import core_title, related, relations
from ingest.parse.slide_shapes import Places, ShapeReader, add_text, shapes_of
from ingest.parse.word_styles import child, local, value
from rag.errors import CorruptSource, EmptySource
from rag.records import Document, Page

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
MAIN_PART = re.compile(r"ppt/presentation\d*\.xml")
NOTES = "Speaker notes"
# What programs put into the properties of a presentation that nobody named.
_NO_TITLE = re.compile(
    r"(?:microsoft )?power ?point.{0,20}|présentation powerpoint|presentación de powerpoint"
    r"|(?:slide|folie|diapositive|幻灯片|スライド) ?\d*|presentation\d*|untitled.*|无标题.*",
    re.IGNORECASE,
)


def parse(data: bytes, name: str) -> Document:
    """The presentation's slides, in their order."""
    archive = Archive(data)
    main = next(filter(MAIN_PART.fullmatch, sorted(archive.names)), None)
    if main is None:
        raise CorruptSource("the archive holds no ppt/presentation.xml, so it is no presentation")
    reader = _Slides(archive)
    pages: list[Page] = []
    for part in _slide_parts(archive, main):
        pages.append(reader.page(part, len(pages) + 1))
    if not any(page.text for page in pages):
        if reader.failures:
            raise reader.failures[0]
        raise EmptySource("the slides hold no text; pictures of text need OCR")
    title = core_title(archive)
    if title is None or _NO_TITLE.fullmatch(title):
        title = next((heading.text for heading in pages[0].headings if heading.level == 1), None)
    return Document(MEDIA_TYPE, tuple(pages), title, tuple(reader.warnings()))


def _slide_parts(archive: Archive, main: str) -> list[str]:
    leads = relations(archive, main)
    listed = child(archive.xml(main), "sldIdLst")
    found = [leads.get(_relation_id(slide)) for slide in (() if listed is None else listed)]
    return list(dict.fromkeys(relation.path for relation in found if relation is not None))


def _relation_id(slide: Any) -> str:
    """Its attribute `r:id`; there is an `id` without a namespace, too."""
    return next((text for key, text in slide.attrib.items() if key.endswith("}id")), "")


class _Slides:
    """Reads slides one by one, and remembers what is worth a warning."""

    def __init__(self, archive: Archive) -> None:
        self.failures: list[CorruptSource] = []
        self._archive = archive
        self._told: list[str] = []
        self._hidden: list[str] = []
        self._places: dict[str, Places] = {}

    def warnings(self) -> list[str]:
        """One line for each thing that a person should know."""
        if not self._hidden:
            return self._told
        return [*self._told, f"hidden slides were read, too: {', '.join(self._hidden)}"]

    def page(self, part: str, number: int) -> Page:
        """The slide in that part; an empty page where it can't be read."""
        page = PageText()
        try:
            if part not in self._archive.names:
                raise CorruptSource("its part is missing from the file")
            self._add_slide(page, part, number)
        except CorruptSource as error:
            self.failures.append(error)
            self._told.append(f"slide {number} was not read: {error}")
            page = PageText()
        return page.page(number)

    def _add_slide(self, page: PageText, part: str, number: int) -> None:
        root = self._archive.xml(part)
        if value(root, "show") in ("0", "false"):
            self._hidden.append(str(number))
        reader = ShapeReader(self._archive, relations(self._archive, part), page)
        shapes = shapes_of(root, self._layout_places(part))
        titles = [shape for shape in shapes if shape.is_title]
        page.heading(1, clean_prose(" ".join(shape.text for shape in titles)))
        for shape in shapes:
            if not shape.is_title:
                reader.add(shape)
        notes = [
            shape
            for notes_part in related(self._archive, part, "notesSlide")
            for shape in shapes_of(self._archive.xml(notes_part), {})
            if shape.placeholder == "body" and shape.text.strip()
        ]
        if notes:
            page.heading(2, NOTES)
        for shape in notes:
            add_text(page, shape, lists=())

    def _layout_places(self, part: str) -> Places:
        """Where the slide's layout puts its placeholders; and where the layout's master does."""
        places: Places = {}
        for layout in related(self._archive, part, "slideLayout")[:1]:
            if layout not in self._places:
                for master in related(self._archive, layout, "slideMaster")[:1]:
                    self._read_places(master, places)
                self._read_places(layout, places)
                self._places[layout] = places
            places = self._places[layout]
        return places

    def _read_places(self, part: str, places: Places) -> None:
        for shape in shapes_of(self._archive.xml(part), places):
            if shape.placeholder is not None and shape.place is not None:
                places[shape.placeholder] = shape.place
                if local(shape.element) == "sp" and shape.index:
                    places[f"#{shape.index}"] = shape.place
