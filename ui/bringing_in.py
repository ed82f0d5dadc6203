"""Where documents are brought in: dropped as files or a folder, or named by their place on this machine.

Takes the workspace; gives nothing, draws. Reading goes on in a thread of the workspace's, so that it
outlives a click, and every tab sees how far it is.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import streamlit as st

from rag.errors import UsageError
from ui import components, uploads
from ui.intake import intake_data
from ui.page_errors import in_words
from ui.terminal import one_line
from ui.workspace import Workspace

SECONDS_BETWEEN_DRAWINGS = 0.3
_MOST_SHOWN = 200  # characters of a path that is none
_ROUND = "upload_round"


@in_words
def dropzones(workspace: Workspace) -> None:
    """Files are kept and read as soon as they are here; the fields are empty again for the next ones."""
    round_number = st.session_state.setdefault(_ROUND, 0)
    limit = f"at most {workspace.settings.file_megabytes:,} MB each"
    with st.container(key="dropzones", horizontal=True):
        files = st.file_uploader(
            f"Files: PDF, Office, mails, pictures, text, {limit}",
            accept_multiple_files=True,
            key=f"upload-{round_number}",
        )
        folder = st.file_uploader(
            "A folder with all that is in it", accept_multiple_files="directory", key=f"folder-{round_number}"
        )
    if brought := [*files, *folder]:
        st.session_state[_ROUND] = round_number + 1
        uploads.require_few(len(brought))
        for file in brought:
            uploads.save_below(workspace.uploads, file.name, file)
        workspace.intake.start([workspace.uploads])
        st.rerun()


@in_words
def folder_field(workspace: Workspace) -> None:
    """Where a folder or file of this machine is named."""
    with st.form("folder", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        named = st.text_input(
            "Or name a folder on this machine",
            placeholder="/home/me/documents",
            key="folder_path",
        )
        wanted = st.form_submit_button("Read folder")
    if wanted:
        path = named_path(named)
        if path is None or not os.path.exists(path):  # unlike Path's, false for any text
            shown = one_line(named, _MOST_SHOWN)
            raise UsageError(f"there is nothing at “{shown}” on this machine; give a folder's path")
        workspace.intake.start([path])
        st.rerun()


def named_path(words: str) -> Path | None:
    """The path that somebody typed or pasted: file managers give addresses, terminals give quotes.

    >>> named_path(" '/home/me/my notes' "), named_path("file:///home/me/my%20notes"), named_path(" ")
    (PosixPath('/home/me/my notes'), PosixPath('/home/me/my notes'), None)
    """
    words = words.strip()
    if not os.path.exists(words) and words[:1] == words[-1:] and words[:1] in ("'", '"'):
        words = words[1:-1]
    if words.startswith("file://"):
        words = unquote(urlsplit(words).path)
    return Path(words).expanduser() if words else None


def progress(workspace: Workspace) -> None:
    """How far reading is, or what came of it."""
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
