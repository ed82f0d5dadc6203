"""Whether cells read like the names of columns, or like the values below them.

Pure; takes texts as a person sees them, knows neither rows nor tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

LONGEST_NAME = 80  # characters

_VALUE = re.compile(
    r"[^\w]*(?:[A-Z]{3}\s)?[^\w]*\d[\d\s.,:;'’/%+\-–()]*"  # a number, a date, an amount
    r"(?:[eE][+-]?\d+|[T\s]\d[\d:.]*Z?|\s?[A-Z]{3}|\s?[^\w\s]+)?\s*"
    r"|TRUE|FALSE|true|false|#[A-Z/0!?]+|[-–—]|n/?a|N/?A|NaN|nan"
)
_LONGEST_VALUE = 80  # characters; what is longer is text, whatever it is made of
_YEAR = re.compile(r"(?:19|20)\d\d")


def is_value(text: str) -> bool:
    """Whether it is a number, an amount, a date, a time, a truth or an error."""
    return len(text) <= _LONGEST_VALUE and bool(_VALUE.fullmatch(text))


def is_name(text: str) -> bool:
    """Whether it could name a column, as years also do."""
    return bool(text) and len(text) <= LONGEST_NAME and (_is_year(text) or not is_value(text))


def could_be_names(names: Sequence[str]) -> bool:
    """Whether all are names, different, not the questions of a form; years are so only at one pace."""
    if not all(map(is_name, names)) or len(set(names)) < len(names) or names[0].endswith(":"):
        return False
    years = [int(name) for name in names if _is_year(name)]
    return all(later - sooner == years[1] - years[0] for sooner, later in pairwise(years))


def _is_year(text: str) -> bool:
    return bool(_YEAR.fullmatch(text))
