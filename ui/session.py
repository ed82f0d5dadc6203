"""What one browser tab remembers: its index, its conversation, the source open beside it, its dialog.

Takes and gives Streamlit's session state, typed. Knows nothing about how anything is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from ui.conversation import Conversation
from ui.source_page import Passage, View

_INDEX, _CONVERSATION, _OPENED, _PAGE = "index", "conversation", "opened", "page"
_DIALOG = "dialog"
_ADDRESS = "address"
_SECONDS_TO_HEAR = 0.5  # within which a click can still come from before the address was changed


@dataclass(frozen=True, slots=True)
class Opened:
    """The page that stands beside: where it was opened from, and how the reader wants it."""

    passage: Passage
    view: View | None = None
    exchange: int | None = None  # the exchange's number; None when opened in the library
    citation: int | None = None  # its place in the answer's citations


def index() -> str | None:
    """The folder of the index that the tab has chosen; None for that of the settings."""
    chosen: str | None = st.session_state.get(_INDEX)
    return chosen


def choose_index(path: str) -> None:
    """From now on the tab is about another index; its conversation goes on for itself, and is kept."""
    st.session_state[_INDEX] = path
    st.session_state.pop(_CONVERSATION, None)
    close()


def conversation(begin: Callable[[], Conversation]) -> Conversation:
    """The tab's conversation; begun when there is none."""
    kept: Conversation | None = st.session_state.get(_CONVERSATION)
    if kept is None:
        kept = begin()
        st.session_state[_CONVERSATION] = kept
    return kept


def current() -> Conversation | None:
    """The tab's conversation, if it has one."""
    kept: Conversation | None = st.session_state.get(_CONVERSATION)
    return kept


def turn_to(kept: Conversation) -> None:
    """Shows another conversation; the one before goes on for itself."""
    st.session_state[_CONVERSATION] = kept
    close()


def forget_conversation() -> None:
    """A fresh start that remembers nothing: what was going on is stopped."""
    kept: Conversation | None = st.session_state.pop(_CONVERSATION, None)
    if kept is not None:
        kept.stop()
    close()


def note_address(name: str) -> None:
    """The tab's address names this conversation from now on."""
    if _address()[0] != name:
        st.session_state[_ADDRESS] = (name, time.monotonic())


def is_news(name: str) -> bool:
    """Whether the address names another conversation than it was given: who came back or forward is here."""
    before, since = _address()
    return name != before and time.monotonic() - since > _SECONDS_TO_HEAR


def _address() -> tuple[str | None, float]:
    noted: tuple[str | None, float] = st.session_state.get(_ADDRESS, (None, 0.0))
    return noted


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
    """On a page other than the last one, what was open on that one is closed."""
    if st.session_state.get(_PAGE, page) != page:
        close()
        end_dialog()
    st.session_state[_PAGE] = page


def ask_for(dialog: str, name: str = "") -> None:
    """A dialog is to be open, about something of that name, until `end_dialog`, however often it is drawn."""
    st.session_state[_DIALOG] = (dialog, name)


def dialog() -> tuple[str, str]:
    """The dialog that is to be open, and what it is about; empty when none is."""
    asked: tuple[str, str] = st.session_state.get(_DIALOG, ("", ""))
    return asked


def end_dialog() -> None:
    """The dialog is done with."""
    st.session_state.pop(_DIALOG, None)
