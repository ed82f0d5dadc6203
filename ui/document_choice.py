"""The control beside the question field that says which documents are asked.

Takes the workspace, draws: a button that opens the lists to choose from, and a chip for all that was chosen.
What a tab chose is kept in its session, and holds until it is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import streamlit as st

from rag.store.contract import Store
from ui import components
from ui.chosen_documents import Choice, Options, options_of
from ui.terminal import one_line

_CHOICE, _OPTIONS, _ROUND = "document_choice", "document_options", "document_round"
_DATE = re.compile(r"\d{4}(-\d{1,2}){0,2}")


def chosen_filters() -> tuple[str, ...]:
    """The filters that hold in this tab."""
    return _choice().filters()


def document_choice(store: Store) -> None:
    """Draws the control; nothing where there are no documents."""
    options = _options(store)
    if not options.sources:
        return
    choice = _choice()
    chips = choice.chips(options)
    with st.container(key="document_choice", horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover("Only" if chips else "All documents", type="tertiary", icon=":material/filter_list:"):
            _several("source", "Documents", options.sources, "A name, or a pattern such as *.pdf", typed=True)
            if options.folders:
                _several("folder", "Folders", options.folders, "A folder and all in it")
            _several("type", "Kinds", options.types, "PDF, slides, mail ...")
            _dates()
        if chips:
            components.chips("document_chips", {"chips": chips}, {"remove": _remove})


def _choice() -> Choice:
    kept: Choice = st.session_state.get(_CHOICE, Choice())
    return kept


def _options(store: Store) -> Options:
    """Read anew when the index has changed."""
    with store.snapshot() as snapshot:
        stamp = (store.name, snapshot.generation)
        kept: tuple[tuple[str, int], Options] | None = st.session_state.get(_OPTIONS)
        if kept is None or kept[0] != stamp:
            if kept is not None and kept[0][0] != stamp[0]:
                st.session_state[_CHOICE] = Choice()  # of another index
                st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
            kept = (stamp, options_of(snapshot.sources()))
            st.session_state[_OPTIONS] = kept
    return kept[1]


def _several(kind: str, label: str, options: dict[str, str], hint: str, *, typed: bool = False) -> None:
    key = _key(kind)
    st.session_state[key] = list(getattr(_choice(), kind))
    st.multiselect(
        label,
        [*options, *(one for one in st.session_state[key] if one not in options)],
        format_func=lambda value: options.get(value, value),
        key=key,
        placeholder=hint,
        accept_new_options=typed,
        on_change=partial(_keep, kind, lambda: tuple(st.session_state[key])),
    )


def _dates() -> None:
    with st.container(horizontal=True):
        for kind, label in (("after", "Modified since"), ("before", "Modified before")):
            key = _key(kind)
            st.session_state.setdefault(key, "")
            if not st.session_state[key] or _DATE.fullmatch(st.session_state[key].strip()):
                st.session_state[key] = next(iter(getattr(_choice(), kind)), "")
            st.text_input(
                label, key=key, placeholder="2024-01", on_change=partial(_keep, kind, partial(_date, key))
            )
    typed = [st.session_state[_key(kind)].strip() for kind in ("after", "before")]
    for words in filter(None, typed):
        if not _DATE.fullmatch(words):
            cure = "is no date, and holds for nothing: write 2024, 2024-03 or 2024-03-01."
            components.notice(f"no_date-{words}", f"“{one_line(words, 40)}” {cure}", kind="quiet")


def _date(key: str) -> tuple[str, ...]:
    """What was typed where it is a date; what is none stays in its field, and holds for nothing."""
    typed = st.session_state[key].strip()
    return (typed,) if _DATE.fullmatch(typed) else ()


def _keep(kind: str, values: Callable[[], tuple[str, ...]]) -> None:
    kept = _choice()
    fields = {name: getattr(kept, name) for name in Choice.__slots__}
    st.session_state[_CHOICE] = Choice(**{**fields, kind: values()})


def _remove(chip: object) -> None:
    st.session_state[_CHOICE] = _choice().without(str(chip))
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _key(kind: str) -> str:
    """A field's key; another after a chip was taken away: in the browser the old field still holds it."""
    return f"choose_{kind}_{st.session_state.get(_ROUND, 0)}"
