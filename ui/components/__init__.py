"""The parts of the page that Streamlit has no element for: exchanges, a source's page, the list of sources.

Each is a Streamlit component of the v2 kind: HTML-free, a script and a style sheet that lie beside this
file, sent inline, so that no build step and no request is needed. Takes plain data, gives events. Their
scripts put text into the page as text, never as HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent
Events = Mapping[str, Callable[[Any], None]]


def _read(*names: str) -> str:
    return "\n".join((_FOLDER / name).read_text("utf-8") for name in names)


def _component(name: str) -> Any:
    return st.components.v2.component(
        f"openchat-rag.{name}",
        css=_read("tokens.css", f"{name}.css"),
        js=_read("elements.js", f"{name}.js"),
    )


_exchange = _component("exchange")
_source_view = _component("source_view")
_intake = _component("intake")
_sources = _component("sources")
_notice = _component("notice")
_welcome = _component("welcome")
_chips = _component("chips")
_conversations = _component("conversations")
_model_files = _component("model_files")
_quality = _component("quality")


def exchange(key: str, data: Mapping[str, Any], events: Events) -> None:
    """A question and its answer; events `open`, `stop`, `again`, `edit`."""
    _mount(_exchange, key, data, events)


def source_view(key: str, data: Mapping[str, Any], events: Events) -> None:
    """A page of a source with words marked; events `close`, `turn`, `citation`, `show`."""
    _mount(_source_view, key, data, events)


def intake(key: str, data: Mapping[str, Any], events: Events) -> None:
    """Documents being read, and what came of it; event `stop`."""
    _mount(_intake, key, data, events)


def sources(key: str, data: Mapping[str, Any], events: Events) -> None:
    """The list of sources; events `open`, `again`, `remove`."""
    _mount(_sources, key, data, events)


def notice(
    key: str, words: str, *, kind: str = "note", title: str = "", more: tuple[str, str] | None = None
) -> None:
    """A line or two of text that may come from anywhere; kinds `note`, `trouble`, `plain`, `quiet`.

    `more` is a question and what is shown to those who ask it.
    """
    label, text = more or ("", "")
    data = {"words": words, "kind": kind, "title": title, "more_label": label, "more": text}
    _mount(_notice, key, data, {})


def welcome(key: str, data: Mapping[str, Any], events: Events) -> None:
    """What stands where no conversation is yet: a headline and first questions; event `ask`."""
    _mount(_welcome, key, data, events)


def conversations(key: str, data: Mapping[str, Any], events: Events) -> None:
    """The list of what was asked before; events `open`, `rename`, `save`, `remove`, `search`."""
    _mount(_conversations, key, data, events)


def model_files(key: str, data: Mapping[str, Any], events: Events) -> None:
    """The model at work and the files that there are; events `download`, `use`, `stop`, `none`."""
    _mount(_model_files, key, data, events)


def quality(key: str, data: Mapping[str, Any], events: Events) -> None:
    """An evaluation under way or its numbers and failed questions; events `stop`, `open`."""
    _mount(_quality, key, data, events)


def chips(key: str, data: Mapping[str, Any], events: Events) -> None:
    """What was chosen, to be taken away; event `remove`."""
    _mount(_chips, key, data, events)


def _mount(component: Any, key: str, data: Mapping[str, Any], events: Events) -> None:
    def handler(event: str, handle: Callable[[Any], None]) -> Callable[[], None]:
        return lambda: handle(st.session_state[key][event])

    callbacks = {f"on_{event}_change": handler(event, handle) for event, handle in events.items()}
    component(key=key, data=dict(data), **callbacks)
