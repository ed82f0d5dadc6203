"""What a hit says of where it is, for files of every kind that go the whole way through parsers and store."""

from __future__ import annotations

import io
import json
import zipfile
from email.message import EmailMessage

import pytest
from docx_by_hand import docx, p
from hashed_embeddings import HashedEmbeddings
from pdf_by_hand import lines_pdf

from ingest.pipeline import ingest
from rag.places import place_of
from rag.records import Hit
from rag.settings import Settings
from rag.store.open import open_store

CSV = "Item,Euros\nOak piles,9000\nDivers,3200\n"
TIDES = {"station": "Dover", "tides": [{"day": day, "metres": 4 + day} for day in range(40)]}
CODE = '"""Tides."""\n\n\ndef height(hours):\n    return 4.2\n'


def mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "Ann <ann@example.org>", "office@example.org"
    message["Date"], message["Subject"] = "Mon, 03 Jun 2024 09:12:00 +0200", "The pier"
    message.set_content("The repairs begin in August.")
    message.add_attachment(CSV.encode(), maintype="text", subtype="csv", filename="costs.csv")
    message.add_attachment(
        lines_pdf(["First page of the plan."], ["Moorings move north."]),
        maintype="application",
        subtype="pdf",
        filename="plan.pdf",
    )
    return message.as_bytes()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr("src/tides.py", CODE)
        zipped.writestr("readme.txt", "A note.\n\nOn the tide gauge at the pier.\n")
        zipped.writestr("notes.md", "# Seals\n\nSeals came back in 2019.\n")
    return buffer.getvalue()


def voyage() -> str:
    """5,000 lines: headings, blank lines, wrapped paragraphs of three lines, and a table."""
    lines: list[str] = []
    while len(lines) < 4_990:
        if len(lines) % 500 == 0:
            lines += [f"Leg {len(lines)}", "=======", "", ""]
        wind, crew, end = (len(lines) + n for n in (1, 2, 3))
        lines += [
            f"On the morning of this day, wind{wind} had gone round and we set out to the",
            f"north with a reef in the sail, which crew{crew} thought was one too many for",
            f"such a fine breeze, until end{end}.",
            "",
        ]
    return "\n".join([*lines, "", "    port4994      12 miles", "    port4995      40 miles", ""])


FILES = {
    "plan.pdf": lines_pdf(["First page."], ["Moorings move north."]),
    "costs.csv": CSV.encode(),
    "tides.py": CODE.encode(),
    "log.jsonl": b'{"tide": "low"}\n{"tide": "springs"}\n',
    "pier.eml": mail(),
    "all.zip": archive(),
    "ferry.md": b"# Ferry\n\nIt sails daily.\n\n## Fares\n\nAdults pay 12 euros.\n",
    "voyage.txt": voyage().encode(),
    "tides.json": json.dumps(TIDES, indent=2).replace("\n", "\r\n").encode(),
    "ferry.docx": docx(p("Ferry", '<w:outlineLvl w:val="0"/>') + p("Adults pay 12 euros.")),
}


@pytest.fixture(scope="module")
def hits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Hit]]:
    folder = tmp_path_factory.mktemp("places")
    (folder / "docs").mkdir()
    for name, data in FILES.items():
        (folder / "docs" / name).write_bytes(data)
    settings = Settings(index=str(folder / "index"), chunk_tokens=100, embedding_model="hashed")
    report = ingest([folder / "docs"], settings, load_embedder=HashedEmbeddings)  # type: ignore[arg-type]
    assert not report.failed
    store = open_store(settings.index)
    with store.snapshot() as snapshot:
        found = {name: snapshot.chunks_of(name) for name in FILES}
    store.close()
    return found


@pytest.mark.parametrize(
    ("source", "words", "place"),
    [
        ("plan.pdf", "Moorings move", "page 2"),
        ("costs.csv", "Item: Divers | Euros: 3200", "row 3"),
        ("tides.py", "def height", "line 4"),
        ("tides.py", "def height(hours):\n    return 4.2", "lines 4–5"),
        ("log.jsonl", "springs", "line 2"),
        ("pier.eml", "The repairs begin", "message"),
        ("pier.eml", "Divers", "costs.csv, row 3"),
        ("pier.eml", "Moorings", "plan.pdf, page 2"),
        ("all.zip", "return 4.2", "src/tides.py, line 5"),
        ("all.zip", "Seals came back", "notes.md, section “Seals”"),
        ("ferry.md", "It sails", "section “Ferry”"),
        ("ferry.md", "Adults pay", "section “Fares”"),
        ("ferry.docx", "Adults pay", "section “Ferry”"),
        ("voyage.txt", "wind2361 had", "section “Leg 2000”, line 2361"),
        ("voyage.txt", "crew2362 thought was one too many for such", "section “Leg 2000”, lines 2362–2363"),
        ("voyage.txt", "port4995", "section “Leg 4500”, line 4995"),
        ("tides.json", "day: 20 | metres: 24", "section “tides”, lines 85–86"),
        ("tides.json", "station: Dover", "line 2"),
        ("all.zip", "the tide gauge", "readme.txt, line 3"),
    ],
)
def test_the_place_of_some_words(hits: dict[str, list[Hit]], source: str, words: str, place: str) -> None:
    (hit,) = (hit for hit in hits[source] if words in hit.text)
    start = hit.start + hit.text.index(words)
    assert place_of(hit, start, start + len(words)) == place


def test_a_hits_own_place(hits: dict[str, list[Hit]]) -> None:
    assert [hit.place for hit in hits["costs.csv"]] == ["rows 1–3"]
    assert [hit.place for hit in hits["plan.pdf"]] == ["page 1", "page 2"]
