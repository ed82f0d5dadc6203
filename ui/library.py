"""The page where documents come and go: bring in, list, look at, read again, remove.

Takes the workspace; gives nothing, draws.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.navigation.page import Page

from rag.errors import RagError, UsageError
from rag.records import Place, Source
from rag.store.local_rows import address_of
from ui import components, session, uploads
from ui.bringing_in import dropzones, folder_field, progress
from ui.exchange_view import short_name
from ui.indexes import known_indexes, new_index
from ui.kinds import kind_of
from ui.page_errors import in_words, trouble
from ui.session import Opened
from ui.source_page import Passage
from ui.source_view import FRAGMENT, source_panel
from ui.terminal import plural, size, visible
from ui.workspace import Workspace
from ui.workspaces import Workspaces

_GONE = "gone"
_NEW_INDEX, _REMOVE = "new index", "remove source"  # dialogs


@in_words
def library_page(workspaces: Workspaces, workspace: Workspace, ask: Page) -> None:
    """The whole page."""
    with st.container(key="library"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header("Library", anchor=False, width="content")
            st.button("New index", icon=":material/add:", on_click=session.ask_for, args=(_NEW_INDEX,))
        dropzones(workspace)
        folder_field(workspace)
        progress(workspace)
        _asking(workspace, ask)
        _list(workspace)
        _made_with(workspace)
    _dialog(workspaces, workspace)
    source_panel(workspace.pages)


def _dialog(workspaces: Workspaces, workspace: Workspace) -> None:
    what, name = session.dialog()
    if what == _NEW_INDEX:
        _new_index(workspaces)
    elif what == _REMOVE:
        _confirm(workspace, bytes.fromhex(name))


@st.dialog("New index", on_dismiss=session.end_dialog)
@in_words
def _new_index(workspaces: Workspaces) -> None:
    """An index for other documents, asked and kept apart from this one."""
    with st.form("new_index", border=False):
        name = st.text_input("Name", placeholder="Contracts", max_chars=60, key="new_index_name")
        if st.form_submit_button("Make it", type="primary"):
            made = new_index(name, workspaces.settings)
            workspaces.at(made.path)
            session.choose_index(made.path)
            st.query_params.clear()
            session.end_dialog()
            st.rerun()


def _asking(workspace: Workspace, ask: Page) -> None:
    """The way on, when something was added."""
    report = workspace.intake.report
    if not workspace.intake.going and report is not None and (report.added or report.updated):
        st.page_link(ask, label="Ask about them", icon=":material/forum:")


# --- the list -----------------------------------------------------------------------------------------


@in_words
def _list(workspace: Workspace) -> None:
    if gone := st.session_state.pop(_GONE, None):
        trouble(f"{gone} is not there any more: put it back, or remove it from the index")
    with workspace.store.snapshot() as snapshot:
        sources, failures = snapshot.sources(), snapshot.failures()
        chunks = snapshot.chunk_count
    if not sources and not failures:
        if not workspace.intake.going:
            components.notice(
                "empty", "This index is empty. What you add stays on this machine.", kind="quiet"
            )
        return
    data = {
        "count": f"{plural(len(sources), 'source')}, {plural(chunks, 'chunk')}",
        "sources": [_row(source) for source in sources],
        "unread": [_unread(place, reason) for place, reason, _ in failures],
    }
    components.sources(
        "sources",
        data,
        {
            "open": lambda named: _open(sources, named),
            "again": lambda named: _read_again(workspace, named),
            "remove": lambda named: session.ask_for(_REMOVE, str(named)),
        },
    )


def _row(source: Source) -> dict[str, Any]:
    name = visible(source.source)
    when = datetime.fromisoformat(source.ingested_at).astimezone()
    return {
        "id": source.location.hex(),
        "name": name,
        "path": visible(address_of(source.location)),
        "title": visible(source.title or ""),
        "kind": kind_of(source.media_type, source.source),
        "pages": f"{source.page_count:,}",
        "chunks": f"{source.chunk_count:,}",
        "size": size(source.size_bytes),
        "when": f"{when:%Y-%m-%d %H:%M}",
        "search": f"{name} {source.title or ''}".lower(),
    }


def _unread(place: Place, reason: str) -> dict[str, str]:
    return {
        "id": place.location.hex(),
        "name": visible(place.source),
        "path": visible(address_of(place.location)),
        "reason": visible(reason),
    }


def _read_again(workspace: Workspace, named: Any) -> None:
    """Reads one file once more: what changed since, or could not be read."""
    path = Path(os.fsdecode(bytes.fromhex(str(named))))
    if path.exists():
        workspace.intake.start([path])
    else:
        st.session_state[_GONE] = visible(address_of(os.fsencode(path)))


def _open(sources: Sequence[Source], named: Any) -> None:
    found = [source for source in sources if source.location.hex() == named]
    if found:
        session.open_beside(Opened(Passage(address_of(found[0].location), 1)))
        st.rerun(FRAGMENT)


@in_words
def _made_with(workspace: Workspace) -> None:
    """What gives the index its meaning, for those who ask."""
    meta = workspace.store.meta()
    if meta is None:
        return
    lines = [
        f"Embedding model: {visible(meta.embedding_model)}, revision {visible(meta.embedding_revision)}",
        f"Vectors: {meta.dimension} numbers each",
        f"Chunks: at most {meta.chunk_tokens} tokens",
        f"Parsers: version {meta.parser_version}",
    ]
    on_disk = workspace.store.size_bytes()
    if on_disk is not None:
        lines.append(f"Size: {size(on_disk)}")
    lines.append(f"Place: {visible(workspace.store.name)}")
    words = f"Index “{_index_name(workspace)}”"
    components.notice("made_with", words, kind="quiet", more=("What it was made with", "\n".join(lines)))


def _index_name(workspace: Workspace) -> str:
    named = (known.name for known in known_indexes(workspace.settings) if known.path == workspace.place)
    return next(named, workspace.place)


# --- removing -----------------------------------------------------------------------------------------


@st.dialog("Remove this source?", on_dismiss=session.end_dialog)
def _confirm(workspace: Workspace, location: bytes) -> None:
    what = "It goes from the index. The file stays where it is; reading its folder again brings it back."
    if uploads.holds(workspace.uploads, location):
        what = "It goes from the index, and the uploaded copy is deleted."
    path = visible(address_of(location))
    components.notice("to_remove", f"{path}\n\n{what}", title=short_name(address_of(location)), kind="plain")
    with st.container(horizontal=True, horizontal_alignment="right"):
        cancelled = st.button("Keep it")
        confirmed = st.button("Remove", type="primary")
    if confirmed:
        try:
            workspace.remove(location)
        except RagError as error:
            trouble(str(error))
            return
        _close_if_open(workspace, location)
    if confirmed or cancelled:
        session.end_dialog()
        st.rerun()


def _close_if_open(workspace: Workspace, location: bytes) -> None:
    """A page of what was removed does not stay open."""
    opened = session.opened()
    if opened is None:
        return
    with workspace.store.snapshot() as snapshot:
        try:
            snapshot.find(opened.passage.source)
        except UsageError:
            session.close()
