"""The table of published files, and which one is advised for a machine."""

from __future__ import annotations

import pytest

from rag.errors import UsageError
from rag.model_files.published import PUBLISHED, best_recommended, published, require_published


def test_the_table_is_the_cards() -> None:
    assert len(PUBLISHED) == 24
    assert len({file.name for file in PUBLISHED}) == 24
    file = published("openchat-3.5-1210.Q4_K_M.gguf")
    assert file is not None
    assert file.repository == "TheBloke/openchat-3.5-1210-GGUF"
    assert (file.bits, file.size_bytes, file.memory_bytes) == (4, 4_370_000_000, 6_870_000_000)
    assert [file.quantisation for file in PUBLISHED if file.recommended] == ["Q4_K_M", "Q5_K_S", "Q5_K_M"] * 2
    # On the cards "Max RAM" is the file and 2.5 GB more, in every row.
    assert {file.memory_bytes - file.size_bytes for file in PUBLISHED} == {2_500_000_000}


@pytest.mark.parametrize(
    ("memory", "name"),
    [
        (7_869_999_999, None),  # Q4_K_M needs 6.87 GB, and 1 GB is kept
        (7_870_000_000, "openchat-3.5-0106.Q4_K_M.gguf"),
        (8_200_000_000, "openchat-3.5-0106.Q4_K_M.gguf"),  # what an 8 GB machine reports
        (8_500_000_000, "openchat-3.5-0106.Q5_K_S.gguf"),
        (16_400_000_000, "openchat-3.5-0106.Q5_K_M.gguf"),  # not Q8_0, which is not advised
    ],
)
def test_the_best_that_fits(memory: int, name: str | None) -> None:
    best = best_recommended(memory)
    assert (best and best.name) == name


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("openchat-3.5-0106.Q6_K.gguf", "openchat-3.5-0106.Q6_K.gguf"),
        ("openchat-3.5-1210.q6_k", "openchat-3.5-1210.Q6_K.gguf"),
        ("Q4_K_M", "openchat-3.5-0106.Q4_K_M.gguf"),
        ("q4_k_m.gguf", "openchat-3.5-0106.Q4_K_M.gguf"),
        ("1210.Q5_K_S", "openchat-3.5-1210.Q5_K_S.gguf"),
    ],
)
def test_short_names(short: str, name: str) -> None:
    assert require_published(short).name == name


@pytest.mark.parametrize("name", ["", "Q4", "openchat", "openchat-3.6-8b-20240522.Q4_K_M.gguf", "../Q4_K_M"])
def test_other_names_are_nobodys(name: str) -> None:
    assert published(name) is None


def test_an_unknown_name_gets_the_nearest() -> None:
    message = (
        r"'openchat-3.5-0106.Q4_K_X.gguf' is not a published file of OpenChat 3.5; did you mean "
        r"openchat-3.5-0106.Q4_K_S.gguf or openchat-3.5-0106.Q4_K_M.gguf\? `rag model list` shows all of them"
    )
    with pytest.raises(UsageError, match=message):
        require_published("openchat-3.5-0106.Q4_K_X.gguf")
