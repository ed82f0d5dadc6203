"""The page of the model: which one answers and how fast, and the files to get, go on with, or use.

Takes what the process holds, draws. Nothing is downloaded before somebody presses the button for it. The list
comes back every half second while something is under way.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from rag.model_files.listing import list_models
from rag.model_files.published import published
from rag.model_files.pulling import use_none
from ui import components
from ui.model_view import at_work, files, speeds, transfer_data
from ui.page_errors import in_words
from ui.workspace import Workspace
from ui.workspaces import Workspaces

SECONDS_BETWEEN_DRAWINGS = 0.5
_LIVE = "model_live"


@in_words
def model_page(workspaces: Workspaces, workspace: Workspace) -> None:
    """The whole page."""
    with st.container(key="model_page"):
        st.header("Model", anchor=False)
        live = workspaces.transfer.going or workspace.loading
        draw = st.fragment(_draw, run_every=SECONDS_BETWEEN_DRAWINGS if live else None, key="model_files")
        draw(workspaces, workspace)


@in_words
def _draw(workspaces: Workspaces, workspace: Workspace) -> None:
    transfer, model = workspaces.transfer, workspace.settings.model
    live = transfer.going or workspace.loading  # before the data is taken: the last state is drawn once more
    name = None if workspace.loading or workspace.trouble else workspace.chain().model_name
    data = {
        "at_work": at_work(
            model, loading=workspace.loading, trouble=workspace.trouble, window=workspace.settings.window
        ),
        "speeds": speeds(workspaces.speed.of(name) if name is not None else None),
        **transfer_data(transfer),
        **files(list_models(model)),
    }
    components.model_files("model_files", data, _events(workspaces))
    if live:
        st.session_state[_LIVE] = True
    elif st.session_state.pop(_LIVE, False):
        st.rerun()  # draws the fragment without its timer


def _events(workspaces: Workspaces) -> components.Events:
    transfer = workspaces.transfer

    def download(named: Any) -> None:
        file = published(str(named))
        if file is not None:  # what comes from the browser names a published file, or nothing
            transfer.start("download", file.name)
            st.rerun()

    def use(path: Any) -> None:
        model = workspaces.settings.model
        if any(file.path == path and not file.in_use for file in list_models(model).files):
            transfer.start("use", str(path))
            st.rerun()

    def quotes(_: Any) -> None:
        use_none()
        workspaces.use_model(None)
        st.rerun()

    return {"download": download, "use": use, "none": quotes, "stop": lambda _: transfer.stop()}
