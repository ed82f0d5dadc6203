"""Hostile texts in real Chromium, wherever a text can stand: each is shown as its letters, and does nothing.

`payloads.PAYLOADS` as file names, in documents, headings, questions, answers, citations, titles, names of
indexes. A tab's end checks that no script ran and that nothing was asked of anybody but us.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from chromium import Server, Tab, keep, serving, sticking_out
from payloads import PAYLOADS
from playwright.sync_api import Page, expect

from ingest.pipeline import ingest
from rag.records import Answer, Citation, Mark, Passage, Sentence
from rag.settings import Settings
from ui.conversation import Progress
from ui.history import FILE_NAME, TITLE_CHARACTERS, History
from ui.terminal import one_line, visible

ALL = "all of them.txt"
EACH = 25  # payloads an answer
NOT_OURS = "a, img, image, iframe, script, object, embed, link, meta, base, form, video, audio, math"
COMPONENTS = ".exchange, .frame, .conversations, .view, .list, .welcome"
_TEXTS = """(selector) => {
  const texts = [];
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.matches(selector)) texts.push(element.textContent);
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(document);
  return texts;
}"""
# what is no element of ours inside our components, and what bears a payload as an attribute anywhere
_STRANGERS = """([notOurs, components]) => {
  const found = [];
  const walk = (root, ours) => {
    for (const element of root.querySelectorAll("*")) {
      if (ours && element.matches(notOurs) && !element.closest(".sheet")) found.push(element.outerHTML);
      for (const { name, value } of element.attributes)
        if (/^(on|href|src|srcset|action|data|style|poster|background|ping|formaction|xlink)/.test(name) &&
            /192\\.0\\.2\\.1|stolen|javascript:/i.test(value)) found.push(name + "=" + value);
      if (element.matches(".katex, [data-testid=stMarkdownContainer] img")) found.push(element.outerHTML);
      if (element.shadowRoot) walk(element.shadowRoot, element.shadowRoot.querySelector(components) !== null);
    }
  };
  walk(document, false);
  return found;
}"""


def _file_name(payload: str) -> str:
    """As much of it as a file may be called; a slash parts folders, so another stands in its place."""
    named = payload.replace("/", "∕").encode()[:180].decode("utf-8", "ignore").strip() or "blank"
    return f"{'_' if named.startswith('.') else ''}{named}.md"


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("payloads") / "docs"
    folder.mkdir()
    for number, payload in enumerate(PAYLOADS):
        heading = payload if payload.isprintable() else "Of controls"  # a file of those is no text
        text = f"# Report {number}\n\n## {heading}\n\nNothing happened.\n"
        (folder / _file_name(payload)).write_text(text, "utf-8")
    (folder / ALL).write_text("\n\n".join(filter(str.isprintable, PAYLOADS)), "utf-8")
    return folder


@pytest.fixture(scope="module")
def server(documents: Path) -> Iterator[Server]:
    folder = documents.parent
    settings = Settings(index=str(folder / "index"))
    assert not ingest([documents], settings).failed
    _conversations(folder / "data" / "openchat-rag" / FILE_NAME, settings.index)
    for payload in PAYLOADS:
        (folder / "data" / "openchat-rag" / "indexes" / _file_name(payload)).mkdir(
            parents=True, exist_ok=True
        )
    with serving(folder, settings) as started:
        yield started


def _conversations(path: Path, place: str) -> None:
    """One for each payload as its title, and one whose answers are made of them."""
    history = History(path)
    for payload in PAYLOADS:
        history.begin(place)(1, payload, Progress("done"), 1.0)
    keeper = history.begin(place)
    for number, start in enumerate(range(0, len(PAYLOADS), EACH), 1):
        progress = _answered(PAYLOADS[start : start + EACH])
        keeper(number, "Answers " + " ".join(PAYLOADS[start : start + EACH]), progress, 1.0)
    history.rename(keeper.id, "The answers")
    history.close()


def _answered(payloads: list[str]) -> Progress:
    """An answer with a sentence for each of them, which is cited from a source that is called like it."""
    text, citations, sentences, passages = "", [], [], []
    for number, payload in enumerate(payloads, 1):
        start = len(text)
        text += f"{payload} [{number}]\n"
        end = len(text) - 1
        mark = Mark(end - len(f"[{number}]"), end, (number,))
        sentences.append(Sentence(start, end, (number,), "weak", (mark,)))
        citations.append(Citation(number, payload, 1, 0, 1, payload, "weak", start, end, place=payload))
        passages.append(Passage(number, payload, 1, 0, 1, payload, 1.0, place=payload))
    answer = Answer(
        question="?",
        text=text,
        mode="openchat",
        abstained=False,
        citations=tuple(citations),
        passages=tuple(passages),
        ledger=None,
        timings={},
        sentences=tuple(sentences),
        model=payloads[0],
    )
    return Progress("done", answer.passages, text, answer.citations, answer=answer)


def test_at_least_a_hundred_are_collected() -> None:
    assert len(set(PAYLOADS)) >= 100


def _strangers(page: Page) -> list[str]:
    found: list[str] = page.evaluate(_STRANGERS, [NOT_OURS, COMPONENTS])
    return found


def _shown(page: Page, selector: str) -> str:
    return _plain(" ".join(page.evaluate(_TEXTS, selector)))


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))


def _all_shown(page: Page, selector: str, expected: Callable[[str], str]) -> None:
    """Each payload stands there letter by letter, and nothing else has come of any."""
    shown = _shown(page, selector)
    assert [one for one in PAYLOADS if _plain(expected(one)) not in shown] == []
    assert _strangers(page) == []


def test_in_titles_questions_answers_and_citations(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(width=400)
    page = tab.page
    page.get_by_test_id("stExpandSidebarButton").click()
    page.locator(".conversations .title").first.wait_for()
    while page.locator(".conversations .more").count():
        page.locator(".conversations .more").click()
    expect(page.locator(".conversations .title")).to_have_count(len(PAYLOADS) + 1)
    _all_shown(page, ".conversations .title", lambda one: one_line(one, TITLE_CHARACTERS))
    page.locator(".conversations .title", has_text="The answers").click()
    expect(tab.exchanges).to_have_count(-(-len(PAYLOADS) // EACH))
    assert sticking_out(page) == 0
    keep(page, "payloads-400-light")
    _all_shown(page, ".exchange .question", visible)
    _all_shown(page, ".exchange .text", visible)
    _all_shown(page, ".exchange .citation .quote", one_line)
    page.get_by_test_id("stExpandSidebarButton").click()
    page.locator(".conversations .title[aria-current]").hover()
    page.get_by_label("Export The answers").click()
    page.get_by_test_id("stDialog").wait_for()
    assert _strangers(page) == []


def test_in_names_of_files_and_indexes_and_in_documents(tab: Tab) -> None:
    page = tab.page
    page.get_by_text("Ask your documents").wait_for()
    expect(page.locator(".welcome li")).not_to_have_count(0)  # suggested from headings
    assert _strangers(page) == []
    page.get_by_text("All documents").click()
    page.get_by_label("Documents", exact=True).click()
    page.get_by_role("option").first.wait_for()
    assert _strangers(page) == []
    tab.library()
    page.locator(".list tbody tr").first.wait_for()
    assert sticking_out(page) == 0
    keep(page, "payloads-library-1440-light")
    _all_shown(page, ".list .name", lambda one: visible(_file_name(one)))
    page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox").locator("input").click()
    page.get_by_role("option").first.wait_for()
    assert _strangers(page) == []
    page.keyboard.press("Escape")
    page.get_by_label(f"Remove {_file_name(PAYLOADS[13])}", exact=True).click()
    expect(page.get_by_test_id("stDialog")).to_contain_text(_file_name(PAYLOADS[13]))
    assert _strangers(page) == []
    page.get_by_text("Keep it").click()
    page.get_by_label("Find a source").fill(ALL)
    page.locator(".list button.source").click()
    tab.view.locator(".words").wait_for()
    _all_shown(page, ".view .words", lambda one: one if one.isprintable() else "")


def test_in_the_address(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    for payload in PAYLOADS[::30]:
        tab.page.goto(f"{tab.address}/?conversation={quote(payload)}")
        tab.page.get_by_text("Ask your documents").wait_for()
        assert _strangers(tab.page) == []
