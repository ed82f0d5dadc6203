"""Rows of tables told as sentences."""

from __future__ import annotations

from rag.verdicts.tables import told_rows


def told(*lines: str) -> list[str | None]:
    """What each line of a text says; None where it is no table's row."""
    text, spans, start = "\n".join(lines), [], 0
    for line in lines:
        spans.append((start, start + len(line)))
        start += len(line) + 1
    rows = told_rows(text, spans)
    return [rows.get(span) for span in spans]


def test_rows_below_their_columns_names() -> None:
    assert told("| City | Population |", "| --- | --- |", "| Delhi | 28,514,000 |") == [
        None,
        None,
        "City Delhi; Population 28,514,000",
    ]


def test_rows_that_carry_their_columns_names() -> None:
    """As our parsers write them, the line of the names alone before them or not, cells left out."""
    rows = ("Tower: Rudyerd | Lit: 1708-07-28 | Candles: 24", "Tower: Douglass | Lit: 1882-05-18")
    says = ["Tower Rudyerd; Lit 1708-07-28; Candles 24", "Tower Douglass; Lit 1882-05-18"]
    assert told(*rows) == says
    assert told("Tower | Lit | Candles", *rows) == [None, *says]


def test_a_cell_without_a_name_stands_alone() -> None:
    assert told("North | Opened: 1999 | Cost: 12") == ["North; Opened 1999; Cost 12"]
    assert told("Time | What", "12:30 | lunch: soup") == [None, "Time 12:30; What lunch: soup"]


def test_the_unit_above_goes_with_the_number() -> None:
    assert told("Item: Lens | Weight (kg): 1,840.5") == ["Item Lens; Weight 1,840.5 kg"]
