"""The browser's entry point: `streamlit run ui/app.py`, started by `rag ui`.

Takes settings from the environment, gives the frame that all pages share: navigation, a fresh start, the
conversations before, and one set of workspaces for all tabs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from rag.settings import load_settings
from ui import session, sidebar
from ui.ask import ask_page, follow_address
from ui.library import library_page
from ui.model_page import model_page
from ui.page_errors import in_words
from ui.quality_page import quality_page
from ui.workspace import Workspace
from ui.workspaces import Workspaces

_FRAME = Path(__file__).with_name("frame.css")
_ICON = Path(__file__).with_name("icon.png")  # a named icon would be fetched from an outside host


@st.cache_resource(show_spinner=False)
def open_workspaces() -> Workspaces:
    """All workspaces of this process."""
    return Workspaces(load_settings())


def open_workspace() -> Workspace:
    """The one of the index that this tab is about."""
    return open_workspaces().at(session.index())


def main() -> None:
    """Draws the frame and the page in it."""
    st.set_page_config(page_title="OpenChat RAG", page_icon=str(_ICON), layout="wide")
    st.logo(str(_ICON), size="large")
    st.html(f"<style>{_FRAME.read_text('utf-8')}</style>")
    _pages()


@in_words
def _pages() -> None:
    workspaces, workspace = open_workspaces(), open_workspace()
    # each of the two leads to the other
    library = _page(lambda: library_page(workspaces, workspace, ask), "Library", "folder_open")
    model = _page(partial(model_page, workspaces, workspace), "Model", "memory")
    quality = _page(partial(quality_page, workspace), "Quality", "monitoring")
    ask = _page(partial(ask_page, workspace, library), "Ask", "forum", default=True)
    chosen = st.navigation([ask, library, model, quality], position="sidebar")
    if sidebar.wants_ask_page() and chosen.title != ask.title:
        st.switch_page(ask)
    session.arrive(chosen.title)
    if chosen.title == ask.title:
        follow_address(workspace)  # before the list, which shows the one that is open
    with st.sidebar:
        if st.button("New conversation", icon=":material/add:", width="stretch"):
            session.forget_conversation()
            st.query_params.clear()
            st.switch_page(ask)
        sidebar.index_choice(workspaces, workspace)
        sidebar.conversations_list(workspace)
    sidebar.asked_for(workspace)
    chosen.run()


def _page(draw: Callable[[], None], title: str, icon: str, *, default: bool = False) -> Page:
    return st.Page(draw, title=title, icon=f":material/{icon}:", url_path=title.lower(), default=default)


if __name__ == "__main__":
    main()
