"""The page of quality: one's own questions asked, and how well search and answers did.

Takes the workspace, draws: the file of questions, how far it is, the table and the plot, and each question
that failed with what was found instead, which a click opens beside.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, get_args

import streamlit as st

from rag.errors import UsageError
from rag.evaluation.records import EvalMode, EvalResult, Row
from ui import components, session, uploads
from ui.page_errors import in_words
from ui.quality_view import evaluation_data, failed_data, failed_rows, plot
from ui.session import Opened
from ui.source_page import Passage
from ui.source_view import FRAGMENT, source_panel
from ui.workspace import Workspace

SECONDS_BETWEEN_DRAWINGS = 0.4
FOLDER_NAME = "questions"
_LIVE, _PATH, _ROUND = "quality_live", "questions_path", "questions_round"
_MODES: dict[EvalMode, str] = {
    "search": "Search alone",
    "quotes": "Answers in quotes",
    "model": "Answers by the model",
}
_COLOURS = ("#2d857b", "#b07d00", "#7d72b5", "#b5593f", "#5b80a5", "#7f8450")  # on light and on dark ground
_EXAMPLE = '{"question": "When was the tower lit?", "source": "tower.pdf", "page": 1, "answer": "1759"}'


@in_words
def quality_page(workspace: Workspace) -> None:
    """The whole page."""
    with st.container(key="quality_page"):
        st.header("Quality", anchor=False)
        _choose(workspace)
        evaluation = workspace.evaluation
        draw = st.fragment(
            _draw, run_every=SECONDS_BETWEEN_DRAWINGS if evaluation.going else None, key="evaluation"
        )
        draw(workspace)
        if evaluation.result is not None:
            _figures(workspace, evaluation.result)
    source_panel(workspace.pages)


@in_words
def _choose(workspace: Workspace) -> None:
    """The file of questions and what is measured."""
    components.notice(
        "quality_words",
        "How well do search and answers do on your own questions? Write some down with the document that "
        "answers each, and measure.",
        kind="quiet",
        more=("What a file of questions looks like", f"One question a line, as JSON:\n{_EXAMPLE}"),
    )
    _upload(workspace)
    with st.form("quality_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        named = st.text_input(
            "File of questions on this machine", placeholder="/home/me/questions.jsonl", key=_PATH
        )
        modes = [mode for mode in get_args(EvalMode) if mode != "model" or workspace.settings.model]
        mode = st.selectbox("What is measured", modes, format_func=_MODES.__getitem__, key="quality_mode")
        wanted = st.form_submit_button("Measure", disabled=workspace.evaluation.going)
    if wanted:
        path = Path(named.strip()).expanduser()
        if not named.strip() or not path.is_file():
            raise UsageError(f"there is no file at {named.strip()!r} on this machine; give its path")
        workspace.evaluation.start(path, mode)
        st.rerun()


def _upload(workspace: Workspace) -> None:
    """A file that comes through the browser is kept beside the index, and its path filled in."""
    round_number = st.session_state.setdefault(_ROUND, 0)
    file = st.file_uploader(
        "A file of questions (.jsonl)", type=["jsonl", "ndjson"], key=f"questions-{round_number}"
    )
    if file is not None:
        kept = uploads.save(workspace.store.directory / FOLDER_NAME, file.name, file)
        st.session_state[_ROUND] = round_number + 1
        st.session_state[_PATH] = str(kept)
        st.rerun()


@in_words
def _draw(workspace: Workspace) -> None:
    evaluation = workspace.evaluation
    going = evaluation.going  # before the data is taken: the last state must be drawn once more
    data = evaluation_data(evaluation)
    if any(data.values()):
        components.quality("quality", data, {"stop": lambda _: evaluation.stop()})
    if going:
        st.session_state[_LIVE] = True
    elif st.session_state.pop(_LIVE, False):
        st.rerun()


@in_words
def _figures(workspace: Workspace, result: EvalResult) -> None:
    """The plot, the questions that failed, and all rows as `rag eval --json` writes them."""
    columns = plot(result)
    measures, names = columns["measure"], [name for name in columns if name != "measure"]
    if measures:
        st.bar_chart(
            columns,
            x="measure",
            y=names,
            color=list(_COLOURS[: len(names)]),
            x_label="",
            y_label="per cent",
            horizontal=True,
            sort=False,
            stack=False,
            height=80 + len(measures) * (14 * len(names) + 12),
            alt="The shares of the table above, in per cent",
        )
    components.quality("failed", {"failed": failed_data(result)}, {"open": partial(_opened, workspace)})
    st.download_button(
        "All rows as JSON",
        result.as_json(),
        "evaluation.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def _opened(workspace: Workspace, what: Any) -> None:
    result = workspace.evaluation.result
    rows = failed_rows(result) if result is not None else []
    passage = _passage(workspace, rows[int(what["row"])], str(what["kind"]), int(what["index"]))
    session.open_beside(Opened(passage))
    st.rerun(FRAGMENT)


def _passage(workspace: Workspace, row: Row, kind: str, index: int) -> Passage:
    """The place of a hit, or that of the expected words as far as they are found on their page."""
    if kind == "found":
        hit = row.found[index]
        return Passage(hit.source, hit.page, hit.start, hit.end)
    expected = row.expected[index]
    number = expected.page or 1
    with workspace.store.snapshot() as snapshot:
        text = snapshot.page(expected.source, number).text if expected.answer else ""
    start = text.find(expected.answer or "") if text else -1
    if start < 0:
        return Passage(expected.source, number)
    return Passage(expected.source, number, start, start + len(expected.answer or ""))
