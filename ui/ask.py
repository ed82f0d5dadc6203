"""The page where people ask: the conversation, the answers as they grow, and the source beside them.

Takes the workspace; gives nothing, draws. An answer is made in a thread of its conversation; each exchange
is drawn by a fragment that comes back every now and then while there is something new, so that no click
elsewhere ends or hides an answer.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.navigation.page import Page

from rag.errors import UsageError
from rag.model.gguf import PULL_HINT
from ui import components, session
from ui.bringing_in import dropzones, progress
from ui.conversation import Conversation, Exchange
from ui.document_choice import chosen_filters, document_choice
from ui.exchange_view import exchange_data
from ui.page_errors import in_words, trouble
from ui.source_view import exchange_fragment, open_citation, open_passage, source_panel
from ui.suggestions import suggestions
from ui.terminal import plural, visible
from ui.workspace import Workspace

SECONDS_BETWEEN_DRAWINGS = 0.15
_DRAFT, _NAMED = "question", "conversation"
_HOW = (
    "The page Model, in the sidebar, shows the files that fit this machine and gets one. Or: "
    f"{PULL_HINT} in a terminal and start this program again. "
    "A file of it that you have already is named with --model PATH or RAG_MODEL."
)


@in_words
def ask_page(workspace: Workspace, library: Page) -> None:
    """The whole page."""
    conversation = _conversation(workspace)
    with st.container(key="conversation"):
        if not conversation.exchanges:
            _welcome(workspace, conversation, library)
        for exchange in conversation.exchanges:
            _exchange(workspace, conversation, exchange)
        if conversation.unkept is not None:
            trouble(conversation.unkept)
    with st.bottom:
        document_choice(workspace.store)
        _question_field(conversation)
        _model_line(workspace)
    source_panel(workspace.pages, conversation.exchanges)


def follow_address(workspace: Workspace) -> None:
    """Turns to the conversation that the address names: in a new tab, after reloading, by going back."""
    named = st.query_params.get(_NAMED)
    if named is None or not session.is_news(named):
        return
    session.note_address(named)
    current = session.current()
    if current is None or current.id != named:
        try:
            session.turn_to(workspace.take_up(named))
        except UsageError:  # removed since: what is here stays
            st.query_params.clear()


def _conversation(workspace: Workspace) -> Conversation:
    """The tab's own, which its address names from the first question on, so that reloading loses nothing."""
    conversation = session.conversation(workspace.begin)
    if conversation.exchanges and conversation.id is not None:
        st.query_params[_NAMED] = conversation.id
        session.note_address(conversation.id)
    return conversation


def _welcome(workspace: Workspace, conversation: Conversation, library: Page) -> None:
    with workspace.store.snapshot() as snapshot:
        count, unread = len(snapshot.places()), len(snapshot.failures())
        questions = [
            {"question": one.question, "source": visible(one.source)} for one in suggestions(snapshot)
        ]
    going = workspace.intake.going
    if count:
        title = "Ask your documents"
        ready = f"{plural(count, 'source')} on this machine {'is' if count == 1 else 'are'} ready"
        under = (
            f"{ready}{', and more are being read' if going else ''}. Every answer names the page that it "
            "rests on: click a number to see the very words."
        )
    else:
        title = "Bring in your documents"
        under = (
            "The first ones are being read; they can be asked as soon as they are in."
            if going
            else "Nothing is here to ask about yet. Drop PDFs, Office files, mails, pictures, web pages or "
            "plain text; they stay on this machine."
        )
    components.welcome(
        "welcome",
        {"title": title, "under": under, "questions": questions},
        {"ask": lambda question: _ask(conversation, question, chosen_filters())},
    )
    report = workspace.intake.report
    if not count:
        dropzones(workspace)
    if going or not count:
        progress(workspace)
    elif unread and report is not None and report.failed:  # news, not what was known for days
        words = f"{plural(unread, 'file')} could not be read: the library says why"
        st.page_link(library, label=words, icon=":material/warning:")
    if not count:
        st.page_link(
            library, label="Or name a folder of this machine, in the library", icon=":material/folder_open:"
        )


def _question_field(conversation: Conversation) -> None:
    def asked() -> None:
        _ask(conversation, st.session_state[_DRAFT], chosen_filters())

    following = "Ask a follow-up" if conversation.exchanges else "Ask a question about your documents"
    # no `max_chars`: the field would drop a text that is too long without a word
    st.chat_input(following, key=_DRAFT, on_submit=asked)


def _exchange(workspace: Workspace, conversation: Conversation, exchange: Exchange) -> None:
    """One exchange in a fragment of its own; the fragment comes back by itself until the answer ends."""
    draw = st.fragment(
        _draw_exchange,
        run_every=None if exchange.progress.ended else SECONDS_BETWEEN_DRAWINGS,
        key=exchange_fragment(exchange.number),
    )
    # in a container of its own: Streamlit tells fragments of one function apart by where they stand
    with st.container(key=f"frame-{exchange.number}"):
        draw(workspace, conversation, exchange)


@in_words
def _draw_exchange(workspace: Workspace, conversation: Conversation, exchange: Exchange) -> None:
    ended = exchange.progress.ended  # before the data is taken: the last words must be drawn once more
    opened = session.opened()
    marked = opened.citation if opened is not None and opened.exchange == exchange.number else None
    data = exchange_data(exchange, opened=marked, loading=workspace.loading)
    components.exchange(f"exchange-{exchange.number}", data, _events(conversation, exchange))
    live = f"live-{exchange.number}"
    if not ended:
        st.session_state[live] = True
    elif st.session_state.pop(live, False):
        st.rerun()  # draws the fragment without its timer


def _events(conversation: Conversation, exchange: Exchange) -> components.Events:
    def opened(what: Any) -> None:
        kind, index = what["kind"], int(what["index"])
        (open_citation if kind == "citation" else open_passage)(exchange, index)

    def edited(_: Any) -> None:
        st.session_state[_DRAFT] = exchange.question
        st.rerun()  # the field is not in the fragment of this exchange

    return {
        "open": opened,
        "stop": lambda _: exchange.stop(),
        "again": lambda _: _ask(conversation, exchange.question, exchange.only),
        "edit": edited,
    }


def _ask(conversation: Conversation, question: Any, only: tuple[str, ...]) -> None:
    if isinstance(question, str) and question.strip():
        conversation.ask(question.strip(), only=only)
        st.rerun()  # from a fragment too: the page has one exchange more


def _model_line(workspace: Workspace) -> None:
    how = ("How to get written answers", _HOW)
    components.notice(
        "model_line",
        workspace.model_line(),
        kind="trouble" if workspace.trouble else "quiet",
        more=None if workspace.settings.model else how,
    )
