"""The page in real Chromium, over a real index, as a person meets it: asking, looking, adding, removing."""

from __future__ import annotations

import dataclasses
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import SECONDS, UPLOAD_MEGABYTES, Server, Tab, serving
from pdf_by_hand import lines_pdf
from playwright.sync_api import Locator, expect

from ingest.pipeline import ingest
from rag.settings import Settings

TOWER = (
    [
        "The third lighthouse on the Eddystone Rocks.",
        "Smeaton's tower was first lit on 16 October 1759 with 24 candles.",
        "It stood for more than a hundred and twenty years on its rock.",
    ],
    ["After 1882 its upper part was rebuilt stone by stone on Plymouth Hoe."],
)
BREAD = "# Sourdough\n\nA sourdough starter is fed with 40 grams of rye flour every morning.\n"
SAYS = "It had 24 candles [1]."
SCRIPT = "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 2'>"
REMOTE = "![secret](http://192.0.2.1/steal?x=1) [click](javascript:window.stolen=3) http://192.0.2.1/a"
HOSTILE = f"The zebra password is kept {SCRIPT} in the blue drawer {REMOTE} of the zebra office."
HOSTILE_NAME = "zebra <img src=x onerror=window.stolen=4> **bold** $x^2$ :red[x].txt"


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser") / "docs"
    folder.mkdir()
    (folder / "tower.pdf").write_bytes(lines_pdf(*TOWER))
    (folder / "bread.md").write_text(BREAD)
    (folder / HOSTILE_NAME).write_text(HOSTILE)
    return folder


@pytest.fixture(scope="module")
def server(documents: Path) -> Iterator[Server]:
    settings = Settings(index=str(documents.parent / "index"))
    assert not ingest([documents], settings).failed
    with serving(documents.parent, settings) as started:
        yield started


# --- asking --------------------------------------------------------------------------------------------


def test_ask_and_see_the_words_on_the_page_of_the_pdf(tab: Tab) -> None:
    expect(tab.page.get_by_text("Ask your documents")).to_be_visible()
    exchange = tab.ask("When was Smeaton's tower first lit?")
    expect(exchange.get_by_text("Quotes from the documents")).to_be_visible()
    expect(exchange.locator(".text")).to_contain_text("16 October 1759")
    citation = exchange.locator(".citation", has_text="16 October 1759").first
    expect(citation).to_contain_text("tower.pdf")
    expect(citation).to_contain_text("page 1")
    expect(citation.locator(".verdict.supported")).to_have_text("supported")
    mark = exchange.locator("button.mark").first
    expect(mark).to_have_attribute("aria-label", "Citation 1, supported: tower.pdf, page 1")

    mark.click()
    box = tab.view.locator(".box").first
    expect(box).to_be_visible()
    expect(tab.view.get_by_role("heading", name="tower.pdf")).to_be_visible()
    expect(tab.view).to_contain_text("Page 1 of 2")
    expect(mark).to_have_attribute("aria-pressed", "true")
    place, sheet = box.bounding_box(), tab.view.locator("img").bounding_box()
    assert place is not None
    assert sheet is not None
    # the second line: baseline 792 - 686 points from the top of a page of 612 by 792
    scale = sheet["width"] / 612
    assert place["y"] - sheet["y"] < 106 * scale < place["y"] + place["height"] - sheet["y"]
    assert place["x"] - sheet["x"] == pytest.approx(72 * scale, abs=4)
    answer = exchange.locator(".text").bounding_box()
    assert answer is not None
    assert answer["x"] + answer["width"] <= sheet["x"], "the source stands beside, not over"

    tab.view.get_by_label("Next page").click()
    expect(tab.view).to_contain_text("Page 2 of 2")
    expect(tab.view.locator(".box")).to_have_count(0)
    tab.view.get_by_role("button", name="Text").click()
    expect(tab.view.locator(".words")).to_contain_text("stone by stone on Plymouth Hoe")
    tab.page.keyboard.press("Escape")
    expect(tab.view).to_have_count(0)
    expect(mark).to_have_attribute("aria-pressed", "false")


def test_words_of_a_text_are_marked_where_they_stand(tab: Tab) -> None:
    exchange = tab.ask("How much rye flour is a sourdough starter fed with?")
    mark = exchange.locator("button.mark").first
    mark.focus()
    mark.press("Enter")  # by keyboard alone
    marked = tab.view.locator("mark").first
    expect(marked).to_be_visible()
    expect(marked).to_contain_text("40 grams of rye flour")
    expect(tab.view.locator(".words .heading")).to_have_text("Sourdough")


def test_what_the_documents_do_not_hold_is_said(tab: Tab) -> None:
    exchange = tab.ask("Who won the football world cup of 1998 in Paris?")
    expect(exchange.locator(".label")).to_have_text("Not in the documents")
    expect(exchange.locator(".citation")).to_have_count(0)
    if exchange.locator(".passage").count():
        expect(exchange.get_by_text("Nearest, but not an answer")).to_be_visible()


def test_an_empty_question_is_not_asked(tab: Tab) -> None:
    field = tab.page.get_by_test_id("stChatInputTextArea")
    field.fill("   ")
    field.press("Enter")
    tab.page.wait_for_timeout(500)
    expect(tab.exchanges).to_have_count(0)


def test_a_suggested_question_is_asked_with_a_click(tab: Tab) -> None:
    suggested = tab.page.locator(".welcome li button", has_text="What is said about “Sourdough”?")
    expect(suggested).to_contain_text("bread.md")
    suggested.click()
    expect(tab.exchanges.locator(".question")).to_contain_text("What is said about “Sourdough”?")
    tab.exchanges.first.locator(".foot").wait_for()


def test_edit_and_ask_again_and_begin_anew(tab: Tab) -> None:
    first = tab.ask("When was Smeaton's tower first lit?")
    first.get_by_label("Copy the answer").click()
    expect(first.locator(".foot").get_by_role("status")).to_have_text("Copied")
    first.get_by_label("Edit the question").click()
    field = tab.page.get_by_test_id("stChatInputTextArea")
    expect(field).to_have_value("When was Smeaton's tower first lit?")
    expect(field).to_be_focused()
    field.fill("How many candles lit Smeaton's tower?")
    field.press("Enter")
    edited = tab.exchanges.nth(1)
    edited.locator(".foot").wait_for()
    expect(edited.locator(".question")).to_contain_text("How many candles lit Smeaton's tower?")
    edited.get_by_label("Ask again").click()
    again = tab.exchanges.nth(2)
    again.locator(".foot").wait_for()
    expect(again.locator(".question")).to_contain_text("How many candles lit Smeaton's tower?")
    tab.page.get_by_text("New conversation").click()
    expect(tab.exchanges).to_have_count(0)
    expect(tab.page.get_by_text("Ask your documents")).to_be_visible()
    # a fresh start forgets: what would lean on the conversation before finds nothing to lean on
    expect(tab.ask("And who had given it?").locator(".text, .label").first).not_to_contain_text("Smeaton")


def test_a_document_can_not_inject_anything(tab: Tab) -> None:
    question = f"Where is the zebra password kept? {SCRIPT} {REMOTE}"
    exchange = tab.ask(question)
    expect(exchange.locator(".question p")).to_contain_text("<script>window.stolen = 1</script>")
    expect(exchange.locator(".text")).to_contain_text("window.stolen")
    expect(exchange.locator(".citation").first).to_contain_text(
        "zebra <img src=x onerror=window.stolen=4> **bold**"
    )
    exchange.locator("button.mark").first.click()
    expect(tab.view.locator("mark").first).to_contain_text("<script>window.stolen = 1</script>")
    expect(tab.view.get_by_role("heading")).to_have_text(HOSTILE_NAME)
    tab.library()
    expect(tab.page.locator(".list")).to_contain_text(HOSTILE_NAME)
    tab.page.get_by_label(f"Remove {HOSTILE_NAME}").click()
    expect(tab.page.get_by_test_id("stDialog")).to_contain_text(HOSTILE_NAME)
    tab.page.get_by_text("Keep it").click()
    for tag in ("script", "img", "a"):
        assert tab.page.locator(f".exchange {tag}, .list {tag}, .notice {tag}").count() == 0


# --- the library ---------------------------------------------------------------------------------------


def test_upload_ask_and_remove(tab: Tab, server: Server, tmp_path: Path) -> None:
    (tmp_path / "whales.md").write_text("# Whales\n\nThe blue whale's heart weighs about 180 kilograms.\n")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    tab.library()
    tab.page.locator("input[type=file]").first.set_input_files(
        [tmp_path / "whales.md", tmp_path / "broken.pdf"]
    )
    expect(tab.page.locator(".done")).to_contain_text("1 added", timeout=SECONDS * 1000)
    expect(tab.page.locator(".done")).to_contain_text("broken.pdf")
    expect(tab.page.locator(".unread")).to_contain_text("broken.pdf")
    row = tab.page.locator("tr", has_text="whales.md")
    expect(row).to_contain_text("MD")
    kept = Path(server.settings.index) / "uploads" / "whales.md"
    assert kept.is_file()

    tab.page.get_by_test_id("stSidebar").get_by_text("Ask").click()
    exchange = tab.ask("How much does the heart of a blue whale weigh?")
    expect(exchange.locator(".citation").first).to_contain_text("about 180 kilograms")

    tab.library()
    tab.page.get_by_label("Remove whales.md").click()
    dialog = tab.page.get_by_test_id("stDialog")
    expect(dialog).to_contain_text("the uploaded copy is deleted")
    dialog.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert not kept.exists()
    tab.page.get_by_label("Forget broken.pdf").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(tab.page.locator(".unread")).to_have_count(0)
    assert os.listdir(kept.parent) == []


def test_a_file_over_the_limit_is_refused_by_the_page(tab: Tab, server: Server, tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate((UPLOAD_MEGABYTES << 20) + 1)
    tab.library()
    tab.page.locator("input[type=file]").first.set_input_files(large)
    expect(tab.page.get_by_text(f"File must be {UPLOAD_MEGABYTES}.0MB or smaller.")).to_be_visible()
    assert not (Path(server.settings.index) / "uploads" / "large.txt").exists()


def test_a_folder_of_this_machine(tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "owls.txt").write_text("The eagle owl hunts at night.")
    tab.library()
    field = tab.page.get_by_label("Or name a folder on this machine")
    field.fill(str(tmp_path / "nowhere"))
    tab.page.get_by_text("Read folder").click()
    expect(tab.page.locator(".notice.trouble")).to_contain_text("there is nothing at")
    field.fill(str(tmp_path))
    tab.page.get_by_text("Read folder").click()
    row = tab.page.locator("tr", has_text="owls.txt")
    row.wait_for()
    tab.page.get_by_label("Find a source").fill("OWL")
    expect(tab.page.locator("tbody tr")).to_have_count(1)
    row.locator("button.source").click()
    expect(tab.view.locator(".words")).to_have_text("The eagle owl hunts at night.")
    tab.page.get_by_label("Remove owls.txt").click()
    dialog = tab.page.get_by_test_id("stDialog")
    expect(dialog).to_contain_text("The file stays where it is")
    dialog.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    expect(tab.view).to_have_count(0)
    assert (tmp_path / "owls.txt").is_file()


def test_a_file_that_changed_is_shown_as_it_was_read(tab: Tab, documents: Path) -> None:
    path = documents / "tower.pdf"
    before = path.read_bytes()
    try:
        path.write_bytes(lines_pdf(["Another document altogether."]))
        tab.ask("When was Smeaton's tower first lit?").locator("button.mark").first.click()
        expect(tab.view.locator(".note")).to_contain_text("the file was changed after it was read")
        expect(tab.view.locator("mark").first).to_contain_text("16 October 1759")
    finally:
        path.write_bytes(before)


# --- with a model --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saying_server(
    server: Server, tmp_path_factory: pytest.TempPathFactory, scripted_model: Callable[[str], Path]
) -> Iterator[Server]:
    """The same index, and a model that always says the same."""
    model = scripted_model(SAYS)
    settings = dataclasses.replace(server.settings, model=str(model))
    with serving(tmp_path_factory.mktemp("saying"), settings) as started:
        yield started


LEDGER_PARTS = ("instruction", "passages", "history", "question", "reserve", "free")


@pytest.fixture(scope="module")
def babbling_server(
    server: Server, tmp_path_factory: pytest.TempPathFactory, slow_model: Path
) -> Iterator[Server]:
    """The same index, and a model that babbles as long as it may, which is a minute at least."""
    settings = dataclasses.replace(server.settings, model=str(slow_model), reserve=6000)
    with serving(tmp_path_factory.mktemp("babbling"), settings) as started:
        yield started


def test_a_written_answer_is_cited_and_checked(open_tab: Callable[..., Tab], saying_server: Server) -> None:
    tab = open_tab(saying_server)
    expect(tab.page.get_by_text("OpenChat writes the answers on this machine: script-")).to_be_visible()
    exchange = tab.ask("How many candles lit Smeaton's tower?")
    expect(exchange.locator(".label")).to_have_text("Answer by OpenChat")
    expect(exchange.locator(".text")).to_contain_text("It had 24 candles")
    ledger = exchange.locator(".ledger")
    expect(ledger.locator("summary")).to_have_text(re.compile(r"^[\d,]+ of 8,192 tokens read$"))
    ledger.locator("summary").click()
    expect(ledger.locator(".ledger-parts li")).to_have_text(
        [re.compile(rf"^{name}[\d,]+$") for name in LEDGER_PARTS]
    )
    expect(ledger).to_contain_text("were in memory and not read again")
    mark = exchange.locator("button.mark")
    expect(mark).to_have_count(1)
    verdict = exchange.locator(".citation .verdict").inner_text()
    assert verdict in ("supported", "weak", "unsupported")
    expect(mark.locator("svg")).to_have_count(1)  # the verdict's shape, for those who see no colour
    expect(mark).to_have_attribute("aria-label", re.compile(f"Citation 1, {verdict}: "))
    mark.click()
    expect(tab.view.locator(".box, mark").first).to_be_visible()
    expect(tab.view.locator(".tools .verdict")).to_have_text(verdict)


def test_an_answer_grows_goes_on_through_clicks_and_stops(
    open_tab: Callable[..., Tab], babbling_server: Server
) -> None:
    tab = open_tab(babbling_server)
    exchange = tab.begin("When was Smeaton's tower first lit?")
    text = exchange.locator(".text")
    _growing(text)
    exchange.locator("summary").click()
    exchange.locator(".passage").first.click()  # a look at a source meanwhile
    expect(tab.view).to_be_visible()
    tab.library()  # and at another page
    tab.page.get_by_test_id("stSidebar").get_by_text("Ask").click()
    text.wait_for()
    _growing(text)
    text.evaluate("element => { element.kept = true }")
    exchange.get_by_role("button", name="Stop").click()
    exchange.locator(".foot").wait_for()
    expect(exchange.locator(".label")).to_contain_text("stopped")
    kept = text.inner_text()
    assert len(kept) > 10
    tab.page.wait_for_timeout(700)
    assert text.inner_text() == kept
    assert text.evaluate("element => element.kept") is True, "the end is not a flicker: nothing is drawn anew"


def test_two_tabs_wait_for_one_model_and_a_follow_up_for_its_answer(
    open_tab: Callable[..., Tab], babbling_server: Server
) -> None:
    first, second = open_tab(babbling_server), open_tab(babbling_server)
    writing = first.begin("When was Smeaton's tower first lit?")
    writing.locator(".text").wait_for()
    waiting = second.begin("How long did the tower stand on its rock?")
    expect(waiting.locator(".going")).to_contain_text("Waiting for the model; 1 answer before this one")
    expect(waiting.locator(".passage").first).to_contain_text("tower.pdf")  # before the first word
    expect(waiting.locator(".text")).to_be_hidden()
    follow_up = first.begin("How many candles did Smeaton's tower have?")
    expect(follow_up.locator(".going")).to_contain_text("Waiting for the answer above")
    follow_up.get_by_role("button", name="Stop").click()
    follow_up.locator(".foot").wait_for()
    waiting.get_by_role("button", name="Stop").click()
    waiting.locator(".foot").wait_for()
    writing.get_by_role("button", name="Stop").click()
    writing.locator(".foot").wait_for()


def test_closing_the_tab_while_an_answer_grows_loses_nothing(
    open_tab: Callable[..., Tab], babbling_server: Server
) -> None:
    closed = open_tab(babbling_server)
    question = "When was Smeaton's tower first lit, if it ever was?"
    text = closed.begin(question).locator(".text")
    _growing(text)
    closed.page.goto("about:blank")
    again = open_tab(babbling_server)
    again.page.locator(".conversations .title", has_text=question).click()
    exchange = again.exchanges.first
    _growing(exchange.locator(".text"))
    exchange.get_by_role("button", name="Stop").click()
    expect(exchange.locator(".label")).to_contain_text("stopped")


def _growing(text: Locator) -> None:
    text.wait_for()
    before = len(text.inner_text())
    for _ in range(SECONDS):
        if len(text.inner_text()) > before:
            return
        text.page.wait_for_timeout(100)
    raise AssertionError(f"the answer stays at {before} characters")


# --- strangers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://127.0.0.1:{port}", "127.0.0.1:{port}", "101"),
        ("http://evil.example", "127.0.0.1:{port}", "403"),
        ("http://evil.example:{port}", "evil.example:{port}", "403"),  # a name that resolves to us
    ],
)
def test_a_strangers_page_gets_no_connection(server: Server, origin: str, host: str, status: str) -> None:
    """The witness sees as well that nobody outside is asked who we are."""
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host.format(port=server.port)}",
        f"Origin: {origin.format(port=server.port)}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(4096).split()[1].decode() == status
