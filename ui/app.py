"""The browser's entry point: `streamlit run ui/app.py`, started by `rag ui`.

Takes settings from the environment, gives the frame that all pages share: navigation, a fresh start, and
one workspace for all tabs.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from rag.settings import load_settings
from ui import session
from ui.ask import ask_page
from ui.library import library_page
from ui.page_errors import in_words
from ui.workspace import Workspace

_FRAME = Path(__file__).with_name("frame.css")
_ICON = Path(__file__).with_name("icon.png")  # a named icon would be fetched from an outside host


@st.cache_resource(show_spinner=False)
def open_workspace() -> Workspace:
    """The one workspace of this process."""
    return Workspace(load_settings())


def main() -> None:
    """Draws the frame and the page in it."""
    st.set_page_config(page_title="OpenChat RAG", page_icon=str(_ICON), layout="wide")
    st.logo(str(_ICON), size="large")
    st.html(f"<style>{_FRAME.read_text('utf-8')}</style>")
    _pages()


@in_words
def _pages() -> None:
    workspace = open_workspace()
    library = st.Page(
        partial(library_page, workspace), title="Library", icon=":material/folder_open:", url_path="library"
    )
    ask = st.Page(
        partial(ask_page, workspace, library),
        title="Ask",
        icon=":material/forum:",
        url_path="ask",
        default=True,
    )
    chosen = st.navigation([ask, library], position="sidebar")
    with st.sidebar:
        if st.button("New conversation", icon=":material/add:", width="stretch"):
            session.forget_conversation()
            st.switch_page(ask)
    session.arrive(chosen.title)
    chosen.run()


if __name__ == "__main__":
    main()
