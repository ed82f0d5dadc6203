"""Conversations that stay, the pages of model and quality, indexes with names: in real Chromium."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import axe
import pytest
from chromium import SECONDS, Server, Tab, keep, serving, sticking_out
from hub_server import Hub, hub_server
from pdf_by_hand import lines_pdf
from playwright.sync_api import Browser, Locator, Page, expect
from test_browser import BREAD, HOSTILE, HOSTILE_NAME, TOWER

from ingest.pipeline import ingest
from rag.settings import Settings

NAME = "openchat-3.5-0106.Q4_K_M.gguf"
LONG = "a name that somebody's system made of very many words and a date 2026-11-20 final version (2).md"
QUESTIONS = [
    {"question": "When was Smeaton's tower first lit?", "source": "tower.pdf", "page": 1, "answer": "1759"},
    {"question": "How much rye flour?", "source": "bread.md", "answer": "40 grams", "language": "en"},
    {"question": "Where is the zebra password kept?", "source": None},
    {"question": "<img src=x onerror=window.stolen=5> **who** won in 1998?", "source": None},
]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "docs"
    folder.mkdir()
    (folder / "tower.pdf").write_bytes(lines_pdf(*TOWER))
    (folder / "bread.md").write_text(BREAD)
    (folder / LONG).write_text("# 大运河\n\n大运河全长约1794公里。它连接北京和杭州。\n")
    (folder / HOSTILE_NAME).write_text(HOSTILE)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    return folder


@pytest.fixture(scope="module")
def server(documents: Path) -> Iterator[Server]:
    settings = Settings(index=str(documents.parent / "index"))
    assert len(ingest([documents], settings).failed) == 1
    with serving(documents.parent, settings) as started:
        yield started


def go(tab: Tab, page: str) -> None:
    tab.page.get_by_test_id("stSidebarNav").get_by_text(page, exact=True).click()
    tab.page.get_by_role("heading", name=page, exact=True).wait_for()


# --- conversations -------------------------------------------------------------------------------------


def test_conversations_stay_and_are_found_renamed_exported_and_removed(
    tab: Tab,
    open_tab: Callable[..., Tab],
) -> None:
    titles = tab.page.locator(".conversations .title")
    tab.ask("When was Smeaton's tower first lit?")
    tab.page.get_by_text("New conversation").click()
    expect(tab.exchanges).to_have_count(0)
    tab.ask("How much rye flour is a sourdough starter fed with?")
    tab.ask(f"And the zebra {HOSTILE_NAME}?")
    expect(titles).to_have_count(2)

    tab.page.get_by_label("Find a conversation").fill("16 october")  # words of an answer
    expect(titles).to_have_text(["When was Smeaton's tower first lit?"])
    titles.first.click()
    expect(tab.exchanges).to_have_count(1)
    expect(titles.first).to_have_attribute("aria-current", "true")
    tab.exchanges.locator("button.mark").first.click()
    expect(tab.view.locator(".box").first).to_be_visible()  # its citation still opens its page
    tab.page.keyboard.press("Escape")

    tab.page.get_by_label("Rename When was Smeaton's tower first lit?").click()
    dialog = tab.page.get_by_test_id("stDialog")
    dialog.get_by_label("Title").fill("灯塔 <b>notes</b>")
    dialog.get_by_role("button", name="Rename").click()
    tab.page.get_by_label("Find a conversation").fill("灯塔")
    tab.page.wait_for_timeout(600)  # for the list, which comes a moment after the last key
    expect(titles).to_have_text(["灯塔 <b>notes</b>"])

    tab.page.get_by_label("Export 灯塔 <b>notes</b>").click()
    with tab.page.expect_download() as download:
        dialog.get_by_role("button", name="Markdown").click()
    assert download.value.suggested_filename.endswith(".md")
    text = Path(download.value.path()).read_text("utf-8")
    assert "16 October 1759" in text
    assert "supported: tower.pdf, page 1" in text
    with tab.page.expect_download() as download:
        dialog.get_by_role("button", name="JSON").click()
    plain = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert plain["exchanges"][0]["citations"][0]["source"] == "tower.pdf"
    tab.page.keyboard.press("Escape")

    again = open_tab()  # another tab, as after closing the browser
    again.page.locator(".conversations .title", has_text="How much rye flour").click()
    expect(again.exchanges).to_have_count(2)
    address = again.page.url
    again.page.goto(address)  # reloaded
    expect(again.exchanges).to_have_count(2)

    tab.page.get_by_label("Remove 灯塔 <b>notes</b>").click()
    removed = tab.page.url
    dialog.get_by_role("button", name="Remove").click()
    expect(tab.exchanges).to_have_count(0)
    expect(tab.page).to_have_url(f"{tab.address}/")
    tab.page.goto(removed)  # an address of what is gone
    expect(tab.page.get_by_text("Ask your documents")).to_be_visible()
    expect(tab.page).to_have_url(f"{tab.address}/")
    tab.page.get_by_label("Find a conversation").fill("")
    expect(titles).to_have_text(["How much rye flour is a sourdough starter fed with?"])


def test_a_citation_says_when_its_source_was_read_anew(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "owls.txt"
    path.write_text("The eagle owl hunts at night over the moor.")
    read_folder(tab, tmp_path)
    tab.page.get_by_test_id("stSidebarNav").get_by_text("Ask", exact=True).click()
    tab.ask("When does the eagle owl hunt?")
    path.write_text("Owls are birds of another feather altogether.")
    go(tab, "Library")
    tab.page.get_by_label("Read again owls.txt").click()
    expect(tab.page.locator(".done")).to_contain_text("1 updated", timeout=SECONDS * 1000)
    tab.page.locator(".conversations .title", has_text="When does the eagle owl hunt?").click()
    tab.exchanges.first.locator("button.mark").first.click()
    expect(tab.view).to_contain_text("the cited words are not on this page any more")
    expect(tab.view.locator("mark")).to_have_count(0)


def test_a_killed_server_loses_nothing_that_was_shown(
    browser: Browser,
    server: Server,
    tmp_path: Path,
    slow_model: Path,
) -> None:
    settings = dataclasses.replace(server.settings, model=str(slow_model), reserve=6000)
    first = Server(tmp_path, settings)
    before = Tab(browser, first)
    exchange = before.begin("When was Smeaton's tower first lit?")
    exchange.locator(".text").wait_for()
    before.page.wait_for_timeout(1000)
    shown = exchange.locator(".text").inner_text()
    first.process.kill()
    first.process.wait()
    first.output.close()
    dialog = before.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Connection error")
    expect(dialog.get_by_text("Are you connected to the internet?")).to_be_hidden()
    said = "title => getComputedStyle(title.nextElementSibling, '::after').content"
    assert "Start it again (rag ui)" in dialog.get_by_role("heading").evaluate(said)
    before.context.close()
    second = Server(tmp_path, settings)
    try:
        after = Tab(browser, second)
        after.page.locator(".conversations .title").first.click()
        exchange = after.exchanges.first
        expect(exchange.locator(".label")).to_contain_text("stopped")
        kept = exchange.locator(".text").inner_text()
        assert _letters(kept).startswith(_letters(shown))
        assert len(_letters(shown)) > 5
        after.close()
    finally:
        second.close()


def _letters(text: str) -> str:
    """Without spaces and the signs that checking adds to sentences."""
    return re.sub(r"\W|uncited|supported|unsupported|weak", "", text)


def read_folder(tab: Tab, folder: Path) -> None:
    tab.library()
    tab.page.get_by_label("Or name a folder on this machine").fill(str(folder))
    tab.page.get_by_text("Read folder").click()
    expect(tab.page.locator(".done")).to_contain_text("1 added", timeout=SECONDS * 1000)


# --- the library ---------------------------------------------------------------------------------------


def test_a_folder_is_dropped_into_an_index_of_its_own(tab: Tab, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "june.md").write_text("# June\n\nThe harbour master signed the contract in June.\n")
    (folder / "may.txt").write_text("The harbour master was away in May.")
    go(tab, "Library")
    tab.page.get_by_role("button", name="New index").click()
    dialog = tab.page.get_by_test_id("stDialog")
    dialog.get_by_label("Name").fill("../up")
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog.locator(".trouble")).to_contain_text("an index can't be named '../up'")
    dialog.get_by_label("Name").fill("Letters 信")
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog).to_have_count(0)
    expect(tab.page.get_by_text("This index is empty.")).to_be_visible()
    tab.page.locator("input[type=file]").nth(1).set_input_files(folder)
    expect(tab.page.locator(".done")).to_contain_text("2 added", timeout=SECONDS * 1000)
    expect(tab.page.locator(".list tbody tr")).to_have_count(2)
    tab.page.get_by_text("What it was made with").click()
    expect(tab.page.get_by_text("Embedding model: ")).to_contain_text("all-MiniLM-L6-v2")

    choice = tab.page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox")
    expect(choice.locator("input")).to_have_value("Letters 信")
    choice.locator("input").click()
    tab.page.get_by_role("option", name="index", exact=True).click()
    expect(tab.page.locator(".list tbody tr", has_text="tower.pdf")).to_have_count(1)
    expect(tab.page.locator(".list tbody tr", has_text="june.md")).to_have_count(0)


def test_reading_again_is_seen_from_the_foot_of_the_list(tab: Tab) -> None:
    tab.page.set_viewport_size({"width": 1440, "height": 420})
    go(tab, "Library")
    tab.page.get_by_label("Read again broken.pdf").click()
    done = tab.page.locator(".done")
    expect(done).to_contain_text("1 could not be read", timeout=SECONDS * 1000)
    expect(done).to_be_in_viewport()


def test_reading_is_stopped_keeps_what_is_done_and_goes_on(tab: Tab, tmp_path: Path) -> None:
    for number in range(600):
        words = " ".join(f"harbour {number * place} lamp" for place in range(8))
        (tmp_path / f"log {number}.txt").write_text(f"Log {number}: {words}.")
    go(tab, "Library")
    _new_index(tab, "Logs")
    field = tab.page.get_by_label("Or name a folder on this machine")
    field.fill(str(tmp_path))
    tab.page.get_by_text("Read folder").click()
    expect(tab.page.locator(".intake .now")).to_contain_text("Reading log")
    expect(tab.page.locator(".intake .far")).to_contain_text("of 600 files")
    tab.page.get_by_role("button", name="Stop").click()
    expect(tab.page.locator(".done")).to_contain_text("Stopped: ", timeout=SECONDS * 1000)
    count = tab.page.locator(".list .count")
    assert not count.count() or "600 sources" not in count.inner_text()
    field.fill(str(tmp_path))
    tab.page.get_by_text("Read folder").click()
    tab.page.locator(".intake .now").wait_for()
    tab.page.get_by_role("button", name="New index").click()
    dialog = tab.page.get_by_test_id("stDialog")
    expect(tab.page.locator(".done")).to_contain_text("added", timeout=SECONDS * 1000)
    expect(count).to_contain_text("600 sources")
    expect(dialog).to_be_visible()  # what is drawn anew behind it does not take it away
    tab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def _new_index(tab: Tab, name: str) -> None:
    tab.page.get_by_role("button", name="New index").click()
    dialog = tab.page.get_by_test_id("stDialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog).to_have_count(0)
    expect(tab.page.get_by_text("This index is empty.")).to_be_visible()


# --- the model -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub(random_model: Path) -> Iterator[Hub]:
    with pytest.MonkeyPatch.context() as patch, hub_server(patch) as hub:
        hub.put(NAME, random_model.read_bytes())
        yield hub


def test_a_model_is_got_when_asked_for_and_answers(
    open_tab: Callable[..., Tab],
    documents: Path,
    hub: Hub,
    tmp_path: Path,
    server: Server,
) -> None:
    settings = dataclasses.replace(server.settings, reserve=24)
    own = Server(tmp_path, settings, {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"})
    try:
        tab = open_tab(own)
        go(tab, "Model")
        expect(tab.page.locator(".at-work .name")).to_have_text("No model")
        if not tab.page.get_by_role("button", name=f"Download {NAME}").is_visible():
            tab.page.locator(".model summary").click()
        assert hub.requests == []
        hub.bytes_per_second = len(hub.files[NAME]) / 8
        tab.page.get_by_role("button", name=f"Download {NAME}").click()
        expect(tab.page.locator(".going")).to_contain_text(f"Getting {NAME}")
        expect(tab.page.locator(".going .far")).to_contain_text("downloading")
        keep(tab.page, "model-download-1440-light")
        tab.page.get_by_role("button", name="Stop").click()
        expect(tab.page.locator(".said")).to_contain_text("Stopped. What came is kept")
        hub.bytes_per_second = 0
        tab.page.get_by_role("button", name=f"Go on {NAME}").click()
        expect(tab.page.locator(".said")).to_contain_text("answers from now on")
        assert [asked for asked in hub.ranges() if asked.startswith("bytes=")]
        expect(tab.page.locator(".at-work .name")).to_have_text(NAME)
        expect(tab.page.locator(".at-work")).to_contain_text("not known yet")
        tab.page.get_by_test_id("stSidebarNav").get_by_text("Ask", exact=True).click()
        tab.ask("When was Smeaton's tower first lit?")
        go(tab, "Model")
        expect(tab.page.locator(".at-work dd").first).to_contain_text("tokens a second")
        keep(tab.page, "model-speed-1440-light")
        tab.page.get_by_text("Answer with quotes only").click()
        expect(tab.page.locator(".at-work .name")).to_have_text("No model")
    finally:
        own.close()


# --- quality -------------------------------------------------------------------------------------------


def test_quality_is_measured_and_a_failed_question_opened(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in QUESTIONS))
    go(tab, "Quality")
    field = tab.page.get_by_label("File of questions on this machine")
    field.fill(str(tmp_path / "gone.jsonl"))
    tab.page.get_by_role("button", name="Measure").click()
    expect(tab.page.locator(".notice.trouble")).to_contain_text("there is no file at")
    tab.page.locator("input[type=file]").set_input_files(path)
    expect(field).to_have_value(re.compile(r"questions/mine\.jsonl$"))
    tab.page.get_by_role("button", name="Measure").click()
    expect(tab.page.locator(".quality h2").first).to_have_text(
        "4 of 4 questions measured", timeout=SECONDS * 1000
    )
    expect(tab.page.locator(".quality tbody th").first).to_contain_text("right passage first")
    expect(tab.page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first).to_be_visible()
    failed = tab.page.locator(".failed li", has_text="Where is the zebra password kept?")
    failed.locator("summary").click()
    expect(failed).to_contain_text("answered, though no document does")
    failed.locator(".place", has_text="zebra").first.click()
    expect(tab.view.locator("mark").first).to_contain_text("zebra password")
    assert tab.page.locator(".quality img, .quality script, .quality a").count() == 0


# --- how it is for everybody ---------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_each_page_is_accessible_at_each_width_and_theme(
    open_tab: Callable[..., Tab],
    width: int,
    scheme: str,
) -> None:
    tab = open_tab(width=width, scheme=scheme)
    tab.page.get_by_text("Ask your documents").wait_for()
    look(tab.page, f"welcome-{width}-{scheme}")
    tab.ask("大运河全长约多少公里？")
    tab.ask("When was Smeaton's tower first lit?")
    look(tab.page, f"conversation-{width}-{scheme}")
    assert _contrast(tab.exchanges.last.locator(".text")) > 7
    tab.exchanges.last.locator("button.mark").first.click()
    tab.view.locator(".box").first.wait_for()
    frame = tab.view.bounding_box()
    assert frame is not None
    assert frame["x"] + frame["width"] == pytest.approx(width, abs=1)
    assert (frame["width"] == width) == (width < 1000)  # beside, where there is room
    look(tab.page, f"beside-{width}-{scheme}")
    for page, there in (
        ("library", ".list table"),
        ("model", ".model .files"),
        ("quality", "form, .st-key-quality_page"),
    ):
        tab.page.goto(f"{tab.address}/{page}")
        tab.page.locator(there).first.wait_for()
        look(tab.page, f"{page}-{width}-{scheme}")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (400, "dark")])
def test_each_dialog_is_accessible(open_tab: Callable[..., Tab], width: int, scheme: str) -> None:
    tab = open_tab(width=width, scheme=scheme)
    page = tab.page
    tab.ask("大运河全长约多少公里？")
    page.get_by_text("All documents").click()
    page.get_by_label("Kinds", exact=True).wait_for()
    look(page, f"choice-{width}-{scheme}")
    page.keyboard.press("Escape")
    if width < 700:
        page.get_by_test_id("stExpandSidebarButton").click()
    look(page, f"sidebar-{width}-{scheme}")
    dialog = page.get_by_test_id("stDialog")
    for what in ("Rename", "Export", "Remove"):
        page.get_by_label(f"{what} 大运河全长约多少公里？").first.click()
        expect(dialog).to_be_visible()
        look(page, f"{what.lower()}-{width}-{scheme}")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    page.goto(f"{tab.address}/library")
    page.get_by_role("button", name="New index").click()
    expect(dialog).to_be_visible()
    look(page, f"new-index-{width}-{scheme}")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_label(f"Remove {LONG}").click()
    expect(dialog).to_be_visible()
    look(page, f"remove-source-{width}-{scheme}")


def look(page: Page, name: str) -> None:
    page.wait_for_timeout(400)
    assert sticking_out(page) == 0
    keep(page, f"pages-{name}")
    assert axe.serious(page) == [], name


def _contrast(text: Locator) -> float:
    """WCAG's contrast of an element's colour against the page's ground."""
    colours = text.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(document.querySelector('.stApp')).backgroundColor]"
    )
    light = sorted(_luminance(colour) for colour in colours)
    return (light[1] + 0.05) / (light[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
