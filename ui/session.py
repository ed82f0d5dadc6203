"""What one browser tab remembers: its conversation and the source that is open beside it.

Takes and gives Streamlit's session state, typed. Knows nothing about how anything is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from ui.conversation import Ask, Conversation
from ui.source_page import Passage, View

_CONVERSATION, _OPENED, _PAGE = "conversation", "opened", "page"


@dataclass(frozen=True, slots=True)
class Opened:
    """The page that stands beside: where it was opened from, and how the reader wants it."""

    passage: Passage
    view: View | None = None
    exchange: int | None = None  # the exchange's number; None when opened in the library
    citation: int | None = None  # its place in the answer's citations


def conversation(ask: Ask) -> Conversation:
    """The tab's conversation; begun when there is none."""
    if _CONVERSATION not in st.session_state:
        st.session_state[_CONVERSATION] = Conversation(ask)
    kept: Conversation = st.session_state[_CONVERSATION]
    return kept


def forget_conversation() -> None:
    """A fresh start: what was going on is stopped, nothing of it is kept."""
    kept: Conversation | None = st.session_state.pop(_CONVERSATION, None)
    if kept is not None:
        kept.stop()
    close()


def opened() -> Opened | None:
    """What is open beside, if anything."""
    kept: Opened | None = st.session_state.get(_OPENED)
    return kept


def open_beside(what: Opened) -> None:
    """Opens a page beside, in place of what was there."""
    st.session_state[_OPENED] = what


def close() -> None:
    """Closes what is open beside."""
    st.session_state.pop(_OPENED, None)


def arrive(page: str) -> None:
    """On a page other than the last one, what was open beside that one is closed."""
    if st.session_state.get(_PAGE, page) != page:
        close()
    st.session_state[_PAGE] = page
