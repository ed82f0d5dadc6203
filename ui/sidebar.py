"""The sidebar's list of conversations: open one again, find one by its words, rename, export, remove.

Takes the workspace, draws. What opening one leads to is drawn by the page where people ask; this only says
which page is wanted.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import streamlit as st

from rag.errors import RagError
from ui import components, session
from ui.export import as_json_text, as_markdown
from ui.history import TITLE_CHARACTERS, Listed
from ui.indexes import known_indexes
from ui.page_errors import in_words, trouble
from ui.terminal import visible
from ui.uploads import safe_name
from ui.workspace import Workspace
from ui.workspaces import Workspaces

_WANTED, _GO, _TROUBLE = "wanted", "go_to_ask", "list_trouble"
_INDEX = "index_choice"


@in_words
def index_choice(workspaces: Workspaces, workspace: Workspace) -> None:
    """Which index is asked, where there are several."""
    known = known_indexes(workspaces.settings)
    if len(known) < 2:
        return
    names = {one.path: one.name for one in known}

    def chosen() -> None:
        path = st.session_state[_INDEX]
        try:
            workspaces.at(path)
        except RagError as error:
            st.session_state[_TROUBLE] = str(error)
            return
        session.choose_index(path)
        st.session_state.pop(_WANTED, None)
        st.query_params.clear()

    st.session_state[_INDEX] = workspace.place
    st.selectbox("Index", list(names), format_func=names.__getitem__, key=_INDEX, on_change=chosen)


@in_words
def conversations_list(workspace: Workspace) -> None:
    """The list; nothing where none is kept yet."""
    kept, wanted = workspace.conversations, st.session_state.get(_WANTED, "")
    if kept.trouble is not None:
        components.notice("unkept", f"Conversations are not kept: {visible(kept.trouble)}", kind="quiet")
        return
    if words := st.session_state.pop(_TROUBLE, None):
        trouble(words)
    found = kept.listed(workspace.place, wanted)
    current = session.current()
    items = [_item(one, current.id if current is not None else None, kept.is_busy(one.id)) for one in found]
    data = {"items": items, "wanted": wanted, "any": bool(items or wanted)}
    components.conversations(
        "conversations",
        data,
        {
            "open": lambda name: _open(workspace, name),
            "search": lambda words: st.session_state.update({_WANTED: str(words)}),
            **{what: _asks_for(what) for what in ("rename", "save", "remove")},
        },
    )


def wants_ask_page() -> bool:
    """Whether a conversation was opened since the last drawing, so that its page is to be shown."""
    return bool(st.session_state.pop(_GO, False))


def asked_for(workspace: Workspace) -> None:
    """Opens the dialog that was asked for in the list."""
    what, name = session.dialog()
    dialogs = {"rename": _rename, "save": _save, "remove": _remove}
    if what in dialogs:
        dialogs[what](workspace, name)


def _open(workspace: Workspace, name: Any) -> None:
    try:
        session.turn_to(workspace.take_up(str(name)))
    except RagError as error:
        st.session_state[_TROUBLE] = str(error)
        return
    st.session_state[_GO] = True


def _asks_for(what: str) -> Any:
    return lambda name: session.ask_for(what, str(name))


def _item(listed: Listed, current: str | None, busy: bool) -> dict[str, Any]:
    return {
        "id": listed.id,
        "title": visible(listed.title),
        "day": _day(datetime.fromisoformat(listed.changed_at).astimezone().date(), date.today()),
        "current": listed.id == current,
        "busy": busy,
    }


def _day(day: date, today: date) -> str:
    """In the words of somebody who looks for it.

    >>> _day(date(2026, 3, 1), date(2026, 3, 9))
    'This month'
    """
    days = (today - day).days
    if days <= 0:
        return "Today"
    if days == 1:
        return "Yesterday"
    if days < 7:
        return "This week"
    return "This month" if (day.year, day.month) == (today.year, today.month) else f"{day:%Y-%m}"


@st.dialog("Rename this conversation", on_dismiss=session.end_dialog)
@in_words
def _rename(workspace: Workspace, name: str) -> None:
    before = workspace.conversations.kept(name).listed.title
    with st.form("rename", border=False):
        title = st.text_input("Title", value=before, max_chars=TITLE_CHARACTERS, key=f"title-{name}")
        if st.form_submit_button("Rename", type="primary"):
            workspace.conversations.rename(name, title)
            session.end_dialog()
            st.rerun()


@st.dialog("Export this conversation", on_dismiss=session.end_dialog)
@in_words
def _save(workspace: Workspace, name: str) -> None:
    kept = workspace.conversations.kept(name)
    stem = safe_name(kept.listed.title).strip(" .")
    words = "Questions, answers and citations with the quoted words. The file stays on this machine."
    components.notice("export", words, title=visible(kept.listed.title), kind="plain")
    with st.container(horizontal=True):
        st.download_button(
            "Markdown",
            as_markdown(kept),
            f"{stem}.md",
            "text/markdown",
            icon=":material/description:",
            on_click="ignore",
        )
        st.download_button(
            "JSON",
            as_json_text(kept),
            f"{stem}.json",
            "application/json",
            icon=":material/data_object:",
            on_click="ignore",
        )


@st.dialog("Remove this conversation?", on_dismiss=session.end_dialog)
@in_words
def _remove(workspace: Workspace, name: str) -> None:
    title = workspace.conversations.kept(name).listed.title
    components.notice("to_forget", "It is deleted for good.", title=visible(title), kind="plain")
    with st.container(horizontal=True, horizontal_alignment="right"):
        keep_it = st.button("Keep it")
        if st.button("Remove", type="primary"):
            workspace.conversations.remove(name)
            current = session.current()
            if current is not None and current.id == name:
                session.forget_conversation()
                st.query_params.clear()
            session.end_dialog()
            st.rerun()
    if keep_it:
        session.end_dialog()
        st.rerun()
