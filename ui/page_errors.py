"""Errors on the page: words with a cure, never a box with a traceback.

Takes a function that draws, gives one that draws the error's words where it failed. What was not foreseen
is named by its kind on the page, and goes to the terminal in full.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from rag.errors import RagError
from ui import components

_log = logging.getLogger(__name__)
P = ParamSpec("P")


def in_words(draw: Callable[P, None]) -> Callable[P, None]:
    """`draw`, with whatever it raises shown in words; Streamlit's own signals pass."""

    @wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            draw(*arguments, **options)
        except Exception as error:  # Streamlit's signals to stop or rerun are BaseExceptions
            tell(error)

    return drawn


def tell(error: Exception) -> bool:
    """Shows an error's words where the script is; true, for Streamlit: there is nothing more to show."""
    if isinstance(error, RagError):
        trouble(str(error))
    else:
        _log.error("drawing failed in a way that was not foreseen", exc_info=error)
        trouble(f"Something failed inside ({type(error).__name__}); the terminal has the details.")
    return True


def trouble(words: str) -> None:
    """An error's words, wherever and however often it occurs."""
    components.notice(f"trouble-{uuid.uuid4()}", words, kind="trouble")
