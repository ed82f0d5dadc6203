"""The window's ledger as the screen shows it."""

from __future__ import annotations

import json

import pytest

from rag.records import Ledger, LeftOut
from ui.ledger_view import ledger_data


def test_the_parts_fill_the_window() -> None:
    ledger = Ledger(8192, 128, 4096, 512, 64, 768, reused=4224)
    data = ledger_data(ledger)
    assert data is not None
    assert [(part["name"], part["tokens"]) for part in data["parts"]] == [
        ("instruction", "128"),
        ("passages", "4,096"),
        ("history", "512"),
        ("question", "64"),
        ("reserve", "768"),
        ("free", "2,624"),
    ]
    assert sum(part["share"] for part in data["parts"]) == pytest.approx(1)
    assert data["words"] == "4,800 of 8,192 tokens read"
    assert data["reused"] == "4,224 of these tokens were in memory and not read again"
    assert data["estimated"] is None
    assert json.loads(json.dumps(data)) == data


def test_what_was_left_out_and_why() -> None:
    left = LeftOut("a\x1b[2Jb.pdf, page 3", 1500, "only 90 tokens of the window were left")
    data = ledger_data(Ledger(2048, 128, 900, 0, 64, 768, estimated=True, left_out=(left, left)))
    assert data is not None
    assert data["words"] == "about 1,092 of 2,048 tokens read, 2 texts left out"
    assert "\x1b" not in data["left_out"][0]
    assert data["left_out"][0].endswith(
        "b.pdf, page 3 (1,500 tokens): only 90 tokens of the window were left"
    )
    assert data["estimated"]


def test_quotes_have_none() -> None:
    assert ledger_data(None) is None
