"""Build the samples that office programs would write: a workbook, slides, a mail, a book.

Takes nothing, gives the same files each time: dates are fixed. What they say stands here. Run it as
`python data/make_office_samples.py`; it needs openpyxl and python-pptx, which the project itself does not.
"""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pptx
from openpyxl.styles import Font
from pptx.util import Cm

SAMPLES = Path(__file__).parent / "samples"
WRITTEN = datetime.datetime(2025, 6, 1, 12, 0, 0)
ZIP_DATE = (2025, 6, 1, 12, 0, 0)

# A workbook knows no day before 1900: those dates are text.
LAMPS = [
    ("Tower", "First lit", "Light", "Candles or lamps", "Height above high water (m)"),
    ("Winstanley, first", "1698-11-14", "tallow candles", 60, 24),
    ("Rudyerd", "1708-07-28", "tallow candles", 24, 21),
    ("Smeaton", "1759-10-16", "tallow candles", 24, 22),
    ("Douglass", "1882-05-18", "oil lamp", 1, 41),
]
REPAIRS = [
    ("Date", "Work", "Done by", "Cost (£)", "Finished"),
    (datetime.date(2024, 2, 5), "Lantern glass, two panes", "Plym Glaziers", 1840.5, 1.0),
    (datetime.date(2024, 4, 22), "Handrail of the north stair", "Society's volunteers", 260, 1.0),
    (datetime.date(2024, 7, 9), "Lightning conductor tested", "Sutton Electrical", 415, 1.0),
    (datetime.date(2024, 9, 30), "Repainting of the gallery", "Barbican Decorators", 3975, 0.6),
    (datetime.date(2024, 11, 18), "Damp course of the store", "Hoe Builders", 2210, 0.25),
]
SLIDES = (
    (
        "Keeping a sourdough starter",
        ("A talk for the Tuesday baking circle", "What lives in it, how to feed it, how to save it"),
        "Welcome everybody. Hand the jar round: the smell of apples is how a starter should be.",
    ),
    (
        "What lives in it",
        (
            "Wild yeasts raise the dough; lactic bacteria make it sour",
            "There are about a hundred bacteria for each yeast cell",
            "Both come with the flour, not from the air",
        ),
        "People like the story of yeast caught from the air. Experiments with sterile flour say otherwise.",
    ),
    (
        "Feeding",
        (
            "Equal weights of starter, flour and water",
            "Twice a day at 25 °C, once a week in the refrigerator",
        ),
        "If somebody asks about rye: it ferments faster, so feed it after eight hours instead of twelve.",
    ),
    (
        "When something is wrong",
        (
            "A grey liquid on top means hunger: pour it off and feed",
            "Pink or orange streaks mean throw it away",
        ),
        "Say the last point twice. Coloured streaks are moulds or bacteria that no feeding cures.",
    ),
)
FEEDING_TABLE = (
    ("Where it stands", "Feed every", "Ready after"),
    ("Warm kitchen, 28 °C", "8 hours", "4 hours"),
    ("Room, 21 °C", "12 hours", "7 hours"),
    ("Refrigerator, 4 °C", "7 days", "24 hours"),
)
MAIL = """\
Dear Mr Pascoe,

thank you for the offer. The committee would like to charter the Sea Pilot for the society's trip round the
Eddystone on Saturday, 14 June 2025. We will be 38 people, two of them in wheelchairs.

We understand that the charter costs £1,150 for four hours, that a deposit of 30 % is due by 1 May, and that
the trip is put off to 21 June when the swell is above 1.5 metres. Please confirm that life jackets for six
children under ten are on board.

The timetable that we would print on the tickets is attached.

With kind regards
Morwenna Teague
Secretary, Friends of the Tower
"""
TIMETABLE = """\
Timetable, Saturday 14 June 2025

09:15  meet at the Barbican landing stage, Plymouth
09:30  casting off
11:00  at the Eddystone Rocks; one hour for photographs, engine stopped if the sea allows
12:00  turning back; pasties are served, vegetarian ones for those who ordered them
13:30  back at the Barbican

Bring warm clothes, also in fine weather. The boat does not wait.
"""
CHAPTERS = (
    (
        "From the harbour to the coastguard hut",
        "The path leaves the harbour by the steps beside the ice house. After 400 metres it climbs through "
        "gorse to the coastguard hut, 96 metres above the sea, where the volunteers keep a telescope for "
        "walkers. The hut is open on weekends from Easter to the end of September. Allow forty minutes.",
    ),
    (
        "The cliff and its birds",
        "Between the hut and the point the path keeps ten metres from the edge; in wet weather keep twenty. "
        "Razorbills and guillemots nest on the north face from April to July, and dogs must be on a lead "
        "then. The blue posts mark where the old mule track to the copper mine, closed in 1874, turns "
        "inland.",
    ),
    (
        "The point, and the way back",
        "At the point stands a daymark, a red and white pyramid of 12 metres, built in 1836 so that ships "
        "would not take this bay for the next one. It never carried a light. The bus back to the harbour "
        "leaves from the farm gate at ten past every hour; the last one goes at 17:10, in winter at 16:10.",
    ),
)


def main() -> None:
    """Writes every file of this kind to the samples."""
    for name, data in {
        "lighthouses/lamps-and-repairs.xlsx": workbook(),
        "sourdough-talk.pptx": slides(),
        "lighthouses/boat-charter.eml": mail(),
        "walk-to-the-point.epub": book(),
    }.items():
        (SAMPLES / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes")


def workbook() -> bytes:
    """Two sheets: a title above a table with dates, and a table with money, per cents and a sum."""
    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = WRITTEN
    lamps = book.active
    lamps.title = "Lamps"
    lamps.append(["The lights of the Eddystone, tower by tower"])
    lamps.append([])
    for row in LAMPS:
        lamps.append(row)
    repairs = book.create_sheet("Repairs 2024")
    for row in REPAIRS:
        repairs.append(row)
    repairs.append(("", "Total", "", "=SUM(D2:D6)", ""))
    for row in range(2, 7):
        repairs.cell(row, 4).number_format = "#,##0.00"
        repairs.cell(row, 5).number_format = "0%"
    for sheet, header in ((lamps, 3), (repairs, 1)):
        for cell in sheet[header]:
            cell.font = Font(bold=True)
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, datetime.date):
                    cell.number_format = "yyyy-mm-dd"
    buffer = io.BytesIO()
    book.save(buffer)
    return _with_fixed_dates(buffer.getvalue(), {"xl/worksheets/sheet2.xml": _total})


def _total(part: bytes) -> bytes:
    """The sum as a program that calculates would have kept it beside the formula."""
    total = sum(float(row[3]) for row in REPAIRS[1:])  # type: ignore[arg-type]
    return part.replace(b"<f>SUM(D2:D6)</f><v></v>", f"<f>SUM(D2:D6)</f><v>{total}</v>".encode())


def slides() -> bytes:
    """Four slides with notes, a table on the third."""
    show = pptx.Presentation()
    show.core_properties.title = SLIDES[0][0]
    show.core_properties.created = show.core_properties.modified = WRITTEN
    for title, points, notes in SLIDES:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        frame = slide.placeholders[1].text_frame
        frame.text = points[0]
        for point in points[1:]:
            frame.add_paragraph().text = point
        slide.notes_slide.notes_text_frame.text = notes
        if title == "Feeding":
            _table(slide, FEEDING_TABLE)
    buffer = io.BytesIO()
    show.save(buffer)
    return _with_fixed_dates(buffer.getvalue(), {})


def _table(slide: pptx.slide.Slide, rows: Sequence[Sequence[str]]) -> None:
    shape = slide.shapes.add_table(len(rows), len(rows[0]), Cm(3), Cm(11), Cm(19), Cm(5))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            shape.table.cell(number, column).text = text


def mail() -> bytes:
    """A letter with a timetable attached."""
    message = EmailMessage()
    message["From"] = "Morwenna Teague <secretary@friends-of-the-tower.example>"
    message["To"] = "Jory Pascoe <bookings@seapilot.example>"
    message["Date"] = "Fri, 11 Apr 2025 09:12:44 +0100"
    message["Subject"] = "Charter of the Sea Pilot on 14 June"
    message["Message-ID"] = "<20250411.0912@friends-of-the-tower.example>"
    message.set_content(MAIL)
    message.add_attachment(TIMETABLE, filename="timetable.txt")
    message.set_boundary("=" * 15 + "tower" + "=" * 15)
    return message.as_bytes()


def book() -> bytes:
    """An EPUB of three short chapters."""
    items = "".join(
        f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in (1, 2, 3)
    )
    order = "".join(f'<itemref idref="c{n}"/>' for n in (1, 2, 3))
    contents = "".join(
        f'<li><a href="c{n}.xhtml">{title}</a></li>' for n, (title, _) in enumerate(CHAPTERS, 1)
    )
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container version="1.0" '
        'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>',
        "book.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">walk-1</dc:identifier>'
        "<dc:title>The walk to the point</dc:title><dc:language>en</dc:language></metadata>"
        '<manifest><item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
        f"{items}</manifest><spine>{order}</spine></package>",
        "nav.xhtml": _page("Contents", f'<nav epub:type="toc"><ol>{contents}</ol></nav>'),
        **{
            f"c{n}.xhtml": _page(title, f"<h1>{title}</h1><p>{text}</p>")
            for n, (title, text) in enumerate(CHAPTERS, 1)
        },
    }
    return _zipped({name: text.encode() for name, text in parts.items()})


def _page(title: str, body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title></head><body>{body}</body></html>'
    )


def _with_fixed_dates(data: bytes, changed: dict[str, object]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, change in changed.items():
        parts[name] = change(parts[name])  # type: ignore[operator]
    return _zipped(parts)


def _zipped(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in parts.items():
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), data, method)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
