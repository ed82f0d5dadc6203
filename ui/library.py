"""The page where documents come and go: upload, read a folder, list, look at, remove.

Takes the workspace; gives nothing, draws. Reading goes on in a thread of the workspace's, so that it
outlives a click, and every tab sees how far it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from rag.errors import RagError, UsageError
from rag.local_rows import address_of
from rag.records import Place, Source
from ui import components, session, uploads
from ui.exchange_view import short_name
from ui.intake import intake_data
from ui.kinds import kind_of
from ui.page_errors import in_words, trouble
from ui.session import Opened
from ui.source_page import Passage
from ui.source_view import FRAGMENT, source_panel
from ui.terminal import plural, size, visible
from ui.workspace import Workspace

SECONDS_BETWEEN_DRAWINGS = 0.3
_ROUND, _TO_REMOVE = "upload_round", "to_remove"


@in_words
def library_page(workspace: Workspace) -> None:
    """The whole page."""
    with st.container(key="library"):
        st.header("Library", anchor=False)
        _uploading(workspace)
        _folder(workspace)
        _progress(workspace)
        _list(workspace)
    _removal(workspace)
    source_panel(workspace.pages)


# --- bringing in --------------------------------------------------------------------------------------


@in_words
def _uploading(workspace: Workspace) -> None:
    """Files are kept and read as soon as they are here; the field is empty again for the next ones."""
    round_number = st.session_state.setdefault(_ROUND, 0)
    files = st.file_uploader(
        f"PDF, Word, Markdown, HTML or plain text, at most {workspace.settings.file_megabytes:,} MB each",
        accept_multiple_files=True,
        key=f"upload-{round_number}",
    )
    if files:
        st.session_state[_ROUND] = round_number + 1
        uploads.require_few(len(files))
        for file in files:
            uploads.save(workspace.uploads, file.name, file)
        workspace.intake.start([workspace.uploads])
        st.rerun()


@in_words
def _folder(workspace: Workspace) -> None:
    with st.form("folder", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        named = st.text_input(
            "Or name a folder on this machine",
            placeholder="/home/me/documents",
            key="folder_path",
        )
        wanted = st.form_submit_button("Read folder")
    if wanted:
        path = Path(named.strip()).expanduser()
        if not named.strip() or not path.exists():
            raise UsageError(f"there is nothing at {named.strip()!r} on this machine; give a folder's path")
        workspace.intake.start([path])
        st.rerun()


def _progress(workspace: Workspace) -> None:
    going = workspace.intake.going
    draw = st.fragment(_draw_progress, run_every=SECONDS_BETWEEN_DRAWINGS if going else None, key="intake")
    draw(workspace)


@in_words
def _draw_progress(workspace: Workspace) -> None:
    intake = workspace.intake
    going = intake.going  # before the data is taken: the last state must be drawn once more
    data = intake_data(intake)
    if data is not None:
        components.intake("intake", data, {"stop": lambda _: intake.stop()})
    if going:
        st.session_state["intake_live"] = True
    elif st.session_state.pop("intake_live", False):
        st.rerun()  # the list has changed, and the timer is not needed any more


# --- the list -----------------------------------------------------------------------------------------


@in_words
def _list(workspace: Workspace) -> None:
    with workspace.store.snapshot() as snapshot:
        sources, failures = snapshot.sources(), snapshot.failures()
        chunks = snapshot.chunk_count
    if not sources and not failures:
        if not workspace.intake.going:
            components.notice(
                "empty", "Nothing is here yet. What you add stays on this machine.", kind="quiet"
            )
        return
    data = {
        "count": f"{plural(len(sources), 'source')}, {plural(chunks, 'chunk')}",
        "sources": [_row(source) for source in sources],
        "unread": [_unread(place, reason) for place, reason, _ in failures],
    }
    components.sources(
        "sources", data, {"open": lambda named: _open(sources, named), "remove": _ask_to_remove}
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


def _open(sources: Sequence[Source], named: Any) -> None:
    found = [source for source in sources if source.location.hex() == named]
    if found:
        session.open_beside(Opened(Passage(address_of(found[0].location), 1)))
        st.rerun(FRAGMENT)


# --- removing -----------------------------------------------------------------------------------------


def _ask_to_remove(named: Any) -> None:
    st.session_state[_TO_REMOVE] = named


def _removal(workspace: Workspace) -> None:
    """Opens the dialog when a source's removal was asked for."""
    named = st.session_state.pop(_TO_REMOVE, None)
    if isinstance(named, str):
        _confirm(workspace, bytes.fromhex(named))


@st.dialog("Remove this source?")
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
