"""What kinds of files are called in the library."""

from __future__ import annotations

import pytest

from ingest.parse import FORMATS
from ui.kinds import kind_of


@pytest.mark.parametrize("media_type", [known.media_type for known in FORMATS])
def test_every_format_that_is_read_has_a_name(media_type: str) -> None:
    kind = kind_of(media_type, "x.y")
    assert kind != "FILE"
    assert kind == kind.upper()
    assert len(kind) <= 5


@pytest.mark.parametrize(
    ("media_type", "name", "kind"),
    [
        ("application/vnd.ms-excel", "old.xls", "XLS"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a.xlsm", "XLSX"),
        ("message/rfc822", "pier.eml", "MAIL"),
        ("text/x-source", "src/tides.py", "PY"),
        ("text/x-source", "main.rs", "RS"),
        ("text/x-source", "Makefile", "CODE"),
        ("text/x-source", "a.<img>", "CODE"),
        ("text/x-source", "x.superlong", "CODE"),
        ("application/x-unheard-of", "x", "FILE"),
    ],
)
def test_names(media_type: str, name: str, kind: str) -> None:
    assert kind_of(media_type, name) == kind
