"""The panel beside the answer that shows a page of a source with the cited words marked.

Takes what the session has open, draws it; turning pages, stepping through the citations and closing
happen here, each by drawing this panel anew and not the whole page.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from rag.errors import RagError
from rag.places import page_name
from rag.records import Citation
from ui import components, session
from ui.conversation import Exchange
from ui.exchange_view import listed, short_name
from ui.originals import originals
from ui.page_errors import in_words
from ui.page_form import PageForm
from ui.session import Opened
from ui.source_page import Passage, ShownPage, SourcePages
from ui.terminal import one_line, visible

FRAGMENT = "source"


def exchange_fragment(number: int) -> str:
    """The name of the fragment that draws an exchange."""
    return f"exchange-{number}"


@st.fragment(key=FRAGMENT)
@in_words
def source_panel(pages: SourcePages, exchanges: Sequence[Exchange] = ()) -> None:
    """Draws what is open beside, if anything is."""
    opened = session.opened()
    if opened is None:
        return
    citations = _citations(opened, exchanges)
    with st.container(key="source_panel"):
        try:
            data = _data(pages.show(opened.passage, opened.view), opened, citations)
        except RagError as error:
            data = _failed(opened, str(error))
        events = {
            "close": lambda _: _show(opened, None),
            "turn": lambda page: _show(opened, _turned(opened, page)),
            "citation": lambda step: _show(opened, _stepped(opened, citations, step)),
            "show": lambda view: _show(opened, replace(opened, view="text" if view == "text" else "image")),
        }
        components.source_view("source_view", data, events)


def open_citation(exchange: Exchange, index: int) -> None:
    """Opens what the answer's citation at `index` points at; called from a component's event."""
    citations = exchange.progress.citations
    if 0 <= index < len(citations):
        before = session.opened()
        _show(before, _at_citation(citations, index, exchange.number))


def open_passage(exchange: Exchange, index: int) -> None:
    """Opens a passage that the search found; called from a component's event."""
    passages = exchange.progress.passages
    if 0 <= index < len(passages):
        found = passages[index]
        where = Passage(found.source, found.page, found.start, found.end, found.text)
        _show(session.opened(), Opened(where, exchange=exchange.number))


def _show(before: Opened | None, after: Opened | None) -> None:
    """Changes what is open, and draws anew the panel and the exchanges whose marks change with it."""
    if after is None:
        session.close()
    else:
        session.open_beside(after)
    changed = [opened.exchange for opened in (before, after) if opened and opened.exchange is not None]
    st.rerun([FRAGMENT, *(exchange_fragment(number) for number in dict.fromkeys(changed))])


def _turned(opened: Opened, page: Any) -> Opened:
    """The same source at another page, with nothing marked there."""
    number = page if isinstance(page, int) and page > 0 else opened.passage.page
    return replace(opened, passage=Passage(opened.passage.source, number), citation=None)


def _stepped(opened: Opened, citations: Sequence[Citation], step: Any) -> Opened:
    if opened.citation is None or opened.exchange is None or step not in (-1, 1):
        return opened
    order = listed(citations)
    position = order.index(opened.citation) + step if opened.citation in order else -1
    if not 0 <= position < len(order):
        return opened
    return _at_citation(citations, order[position], opened.exchange)


def _at_citation(citations: Sequence[Citation], index: int, exchange: int) -> Opened:
    cited = citations[index]
    where = Passage(cited.source, cited.page, cited.start, cited.end, cited.quote)
    return Opened(where, exchange=exchange, citation=index)


def _citations(opened: Opened, exchanges: Sequence[Exchange]) -> Sequence[Citation]:
    found = [exchange for exchange in exchanges if exchange.number == opened.exchange]
    return found[0].progress.citations if found else ()


def _data(shown: ShownPage, opened: Opened, citations: Sequence[Citation]) -> dict[str, Any]:
    source, image = shown.source, shown.image
    words = _page_words(shown)
    drawn = None
    if image is not None:
        drawn = {
            "url": "data:image/png;base64," + base64.b64encode(image.png).decode("ascii"),
            "width": image.width,
            "height": image.height,
            "boxes": [[box.left, box.top, box.right, box.bottom] for box in image.boxes],
        }
    return {
        **_named(opened),
        "page": shown.page,
        "page_count": source.page_count,
        "page_words": _of_all(words, shown),
        "view": shown.view,
        "both": shown.both,
        "image": drawn,
        "alt": f"{words} of {short_name(source.source)}",
        "form": asdict(shown.form),
        "notes": list(shown.notes),
        "citation": _position(opened, citations),
        "original": originals.links(source, shown.page),
    }


def _page_words(shown: ShownPage) -> str:
    """`Page 3`, `Sheet Budget`, `plan.pdf`: a name that is the document's own stays as it is written."""
    words = one_line(page_name(shown.source.media_type, shown.page, shown.label)) or "page 1"
    own = shown.label and words == one_line(page_name("", shown.page, shown.label))
    return words if own else words[:1].upper() + words[1:]


def _of_all(words: str, shown: ShownPage) -> str:
    """`Page 3 of 9`, or `Sheet Budget (3 of 9)`; of the only page its name, where it has one."""
    page, count = shown.page, shown.source.page_count
    if count == 1:
        return words if shown.label else ""
    return f"{words} of {count}" if words.endswith(f" {page}") else f"{words} ({page} of {count})"


def _failed(opened: Opened, words: str) -> dict[str, Any]:
    return {
        **_named(opened),
        "page": 1,
        "page_count": 1,
        "page_words": "",
        "view": "text",
        "both": False,
        "image": None,
        "alt": "",
        "form": asdict(PageForm("text")),
        "notes": [words],
        "citation": None,
        "original": {"save": None, "open": None},
    }


def _named(opened: Opened) -> dict[str, Any]:
    passage = opened.passage
    return {
        "source": visible(passage.source),
        "name": short_name(passage.source),
        "at": [passage.source, passage.page, passage.start, passage.end],
    }


def _position(opened: Opened, citations: Sequence[Citation]) -> dict[str, Any] | None:
    order = listed(citations)
    if opened.citation is None or opened.citation not in order:
        return None
    verdict = citations[opened.citation].verdict
    return {"position": order.index(opened.citation) + 1, "count": len(order), "verdict": verdict}
