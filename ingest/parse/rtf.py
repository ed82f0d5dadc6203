"""Rich Text Format (1.9.1) -> a Document of one page: paragraphs, headings, list items, tables, footnotes.

Goes through the file's words once and keeps what a reader sees: hidden and deleted text, headers and
footers, pictures, fields' codes and comments are left out. Headings are paragraphs with an outline level or
of a style that has one. No object is opened, no field computed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from ingest.parse.clean import hidden_tags
from ingest.parse.rtf_page import RtfPage
from ingest.parse.rtf_words import Word, codec_of_charset, codec_of_page, words
from rag.errors import CorruptSource, EmptySource
from rag.records import Document

MEDIA_TYPE = "application/rtf"
DEEPEST = 500  # groups in groups; documents have some ten
_SKIPPED = frozenset(
    """
    colortbl pict header headerl headerr headerf footer footerl footerr footerf fldinst annotation xe rxe tc
    tcn nonshppict shprslt sp sn sv nonesttables objdata listtable listoverridetable revtbl filetbl rsidtbl
    generator themedata colorschememapping datafield template ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn
    """.split()  # noqa: SIM905 (a list of forty quoted words is no easier to read)
)
_TARGETS = {"fonttbl": "fonts", "stylesheet": "styles", "info": "info", "footnote": "note"}
_TARGETS |= {"listtext": "mark", "pntext": "mark"}
_STARRED = frozenset(("shpinst", "do"))  # `\*` says that what an old reader does not know is left out
_CHARACTERS = {
    "tab": "\t", "line": "\n", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
    "bullet": "•", "endash": "–", "emdash": "—", "emspace": " ", "enspace": " ", "qmspace": " ",
    "zwj": "\u200d", "zwnj": "\u200c",
}  # fmt: skip
_SYMBOLS = {"~": " ", "_": "-", "\t": "\t"}
_WHOLE_DOCUMENT = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_HEADING_STYLE = re.compile(r"heading (\d)\b", re.IGNORECASE)
_NO_LEVEL = 9  # of `\outlinelevel`: body text


def parse(data: bytes, name: str) -> Document:
    """The document's text."""
    reader = _Reader()
    for word in words(data[data.find(b"{\\rtf") :]):
        if not reader.take(word):
            break
    reader.finish()
    if reader.page.empty:
        raise EmptySource("the document holds no text; pictures of text need OCR")
    warnings: tuple[str, ...] = ()
    if reader.hidden:
        warnings = (
            f"{reader.hidden} characters that no screen shows (hidden text, Unicode tags) were left out",
        )
    page = reader.page.page()
    title = reader.title.strip() or next((one.text for one in page.headings if one.level == 1), None)
    return Document(MEDIA_TYPE, (page,), title, warnings)


@dataclass(slots=True)
class _State:
    """What holds until the group ends. `target`: what the text is for; "skip": for nobody."""

    target: str = "text"
    begun: bool = False  # whether anything has come in the group
    starred: bool = False  # whether it begins with `\\*`, which means nothing further in
    codec: str | None = None  # of the font's bytes; None: the document's
    fallbacks: int = 1  # characters after `\\u` for readers that know no Unicode
    hidden: bool = False
    deleted: bool = False
    level: int | None = None  # of a heading
    in_table: bool = False


@dataclass(slots=True)
class _Style:
    number: int = 0
    level: int | None = None
    name: list[str] = field(default_factory=list)


class _Reader:
    """The document while its words come in."""

    def __init__(self) -> None:
        self.page = RtfPage()
        self.title = ""
        self.hidden = 0
        self._state = _State(target="skip")
        self._above: list[_State] = []
        self._bytes = bytearray()  # of characters that are decoded together
        self._skip = 0  # characters still to come that stand in for one in Unicode
        self._document_codec = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = self._default_font = 0
        self._levels: dict[int, int] = {}  # of styles that make headings
        self._style = _Style()

    def take(self, word: Word) -> bool:
        """Deals with the next word; false when the document has ended."""
        begun, self._state.begun = self._state.begun, True
        match word.kind:
            case "bytes":
                self._take_bytes(word)
            case "control":
                self._take_control(word.name, word.number)
            case "symbol":
                self._take_symbol(word.name, first=not begun)
            case "open":
                self._open()
            case "close":
                return self._close()
        return True

    def finish(self) -> None:
        """Ends what is open: a file that was cut off has text, too."""
        self._decode()
        self.page.end_document()

    # --- groups -----------------------------------------------------------------------------------

    def _open(self) -> None:
        self._decode()
        self._skip = 0
        if len(self._above) >= DEEPEST:
            raise CorruptSource(f"its groups are nested deeper than {DEEPEST}; no word processor writes that")
        self._above.append(self._state)
        if len(self._above) == 1:
            self._state = _State()
        else:
            self._state = replace(self._state, starred=False, begun=False)
        if self._state.target == "styles":
            self._style = _Style()

    def _close(self) -> bool:
        self._decode()
        self._skip = 0
        if not self._above:
            return False
        ended, self._state = self._state, self._above.pop()
        if ended.target == "styles" and self._state.target == "styles":
            self._keep_style()
        elif ended.target == "note" and self._state.target != "note":
            self.page.end_note()
        return bool(self._above)

    def _keep_style(self) -> None:
        name = "".join(self._style.name).strip().rstrip(";")
        heading = _HEADING_STYLE.fullmatch(name)
        level = int(heading.group(1)) if heading else 1 if name.lower() == "title" else self._style.level
        if level:
            self._levels[self._style.number] = level

    # --- words ------------------------------------------------------------------------------------

    def _take_control(self, name: str, number: int | None) -> None:
        state = self._state
        if name == "u":
            self._decode()
            self._add(chr((number or 0) & 0xFFFF))
            self._skip = state.fallbacks
            return
        self._skip = 0
        if state.target == "skip":
            return
        if name in _SKIPPED or (state.starred and name not in _STARRED):
            state.target = "skip"
        elif name in _TARGETS:
            state.target = _TARGETS[name]
        elif state.target == "info":
            state.target = "title" if name == "title" else "skip" if name != "info" else "info"
        elif name in _CHARACTERS:
            self._decode()
            self._add(_CHARACTERS[name])
        elif state.target == "fonts":
            self._take_font(name, number or 0)
        elif state.target == "styles":
            self._take_style(name, number or 0)
        elif not self._take_paragraph(name, number):
            self._take_format(name, number)

    def _take_font(self, name: str, number: int) -> None:
        if name == "f":
            self._font = number
        elif name in ("fcharset", "cpg"):
            codec = codec_of_charset(number) if name == "fcharset" else codec_of_page(number)
            if codec is not None:
                self._fonts[self._font] = codec

    def _take_style(self, name: str, number: int) -> None:
        if name == "s":
            self._style.number = number
        elif name == "outlinelevel" and 0 <= number < _NO_LEVEL:
            self._style.level = number + 1

    def _take_paragraph(self, name: str, number: int | None) -> bool:
        """Words about paragraphs and tables; false if it is none of these."""
        state = self._state
        match name:
            case "pard":
                state.level, state.in_table = None, False
            case "s":
                state.level = self._levels.get(number or 0)
            case "outlinelevel":
                state.level = number + 1 if number is not None and 0 <= number < _NO_LEVEL else None
            case "intbl":
                state.in_table = True
            case "par" | "sect" | "page" | "cell" | "row" | "nestcell" | "nestrow":
                self._decode()
                self._end(name)
            case "shptxt" | "dptxbxtext":  # a box stands by itself, wherever it is anchored
                self._end("par")
            case "trhdr":
                self.page.header_row()
            case _:
                return False
        return True

    def _end(self, name: str) -> None:
        if self._state.target != "text":
            self._add(" ")
        elif name in ("cell", "row"):
            self.page.end_cell() if name == "cell" else self.page.end_row()
        elif name in ("nestcell", "nestrow"):
            self._add(" | " if name == "nestcell" else " ")
        else:
            self.page.end_paragraph(self._state.level, in_table=self._state.in_table)

    def _take_format(self, name: str, number: int | None) -> None:
        state = self._state
        on = number != 0
        if name in ("f", "plain", "v", "deleted", "ansicpg", *_WHOLE_DOCUMENT):
            self._decode()  # what came before is in the encoding that held until now
        match name:
            case "f":
                state.codec = self._fonts.get(number or 0)
            case "deff":
                self._default_font = number or 0
            case "plain":
                state.codec = self._fonts.get(self._default_font)
                state.hidden = state.deleted = False
            case "v":
                state.hidden = on
            case "deleted":
                state.deleted = on
            case "uc":
                state.fallbacks = max(number or 0, 0)
            case "ansicpg":
                self._document_codec = codec_of_page(number or 0) or self._document_codec
            case _ if name in _WHOLE_DOCUMENT:
                self._document_codec = _WHOLE_DOCUMENT[name]

    def _take_symbol(self, symbol: str, *, first: bool) -> None:
        if symbol == "*":
            self._state.starred = first
        elif symbol in "\r\n":
            self._take_control("par", None)
        elif self._skip:
            self._skip -= 1
        elif symbol in "\\{}":
            self._take_bytes(Word("bytes", data=symbol.encode("ascii")))  # or half of a character
        elif symbol in _SYMBOLS:
            self._decode()
            self._add(_SYMBOLS[symbol])

    def _take_bytes(self, word: Word) -> None:
        if self._state.target == "skip":
            return
        data = word.data[self._skip :]
        self._skip = max(0, self._skip - len(word.data))
        self._bytes += data

    # --- text -------------------------------------------------------------------------------------

    def _decode(self) -> None:
        """What was gathered, as text."""
        if not self._bytes:
            return
        data, codec = bytes(self._bytes), self._state.codec or self._document_codec
        self._bytes.clear()
        text = data.decode(codec, "replace")
        if "\ufffd" in text and codec != self._document_codec:
            text = data.decode(self._document_codec, "replace")  # the font's name was all that it said
        self._add(text)

    def _add(self, text: str) -> None:
        state = self._state
        match state.target:
            case "text" | "note" | "mark" if state.hidden or state.deleted:
                self.hidden += len(text) if state.hidden else 0
            case "text":
                self.hidden += hidden_tags(text)
                self.page.add(text)
            case "note":
                self.page.add_to_note(text)
            case "mark":
                self.page.add_to_mark(text)
            case "title":
                self.title += text
            case "styles":
                self._style.name.append(text)
