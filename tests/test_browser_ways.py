"""Ways back and very long questions, in real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from chromium import Server, Tab, serving
from playwright.sync_api import expect
from small_index import write_index

from rag.settings import Settings

FIRST, SECOND = "When was the tower lit?", "What does bread need?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("ways")
    with serving(folder, Settings(index=str(write_index(folder / "index")))) as started:
        yield started


def test_back_and_forward_go_from_conversation_to_conversation(tab: Tab) -> None:
    tab.ask(FIRST)
    current = tab.page.locator(".conversations li.current .title")
    expect(current).to_have_text(FIRST)
    tab.page.get_by_text("New conversation").click()
    expect(tab.exchanges).to_have_count(0)
    tab.ask(SECOND)
    expect(current).to_have_text(SECOND)
    tab.page.locator(".conversations .title", has_text=FIRST).click()
    expect(current).to_have_text(FIRST)
    tab.page.wait_for_timeout(600)  # so long the address that was there may still be heard of
    tab.page.go_back()
    expect(tab.exchanges.locator(".question")).to_contain_text(SECOND)
    expect(current).to_have_text(SECOND)
    tab.page.wait_for_timeout(600)
    tab.page.go_forward()
    expect(tab.exchanges.locator(".question")).to_contain_text(FIRST)
    tab.page.reload()
    expect(tab.exchanges.locator(".question")).to_contain_text(FIRST)
    expect(current).to_have_text(FIRST)  # the list shows at once which one is open


def test_a_long_question_is_folded_and_one_too_long_is_not_lost(tab: Tab) -> None:
    asked = "\n".join(f"{FIRST} And line {number}?" for number in range(40))
    exchange = tab.ask(asked)
    said, more = exchange.locator(".question p"), exchange.get_by_role("button", name="Show all")
    folded = said.bounding_box()
    assert folded is not None
    assert folded["height"] < 200
    more.click()
    unfolded = said.bounding_box()
    assert unfolded is not None
    assert unfolded["height"] > 500
    exchange.get_by_role("button", name="Show less").click()
    expect(exchange.get_by_role("button", name="Show all")).to_be_visible()

    too_long = "why? " * 1700
    exchange = tab.ask(too_long)
    expect(exchange.get_by_role("alert")).to_contain_text("at most 8,000 can be asked")
    exchange.get_by_label("Edit the question").click()
    expect(tab.page.get_by_test_id("stChatInputTextArea")).to_have_value(too_long.strip())


def test_on_a_narrow_screen_back_closes_the_source(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(width=400)
    exchange = tab.ask(FIRST)
    said, header = exchange.locator(".question p"), tab.page.get_by_test_id("stHeader")
    above = "(said, header) => said.getBoundingClientRect().top >= header.getBoundingClientRect().bottom"
    assert said.evaluate(above, header.element_handle()), "the header lies over the question"
    mark = exchange.locator("button.mark").first
    address = tab.page.url
    for leave in (tab.page.go_back, tab.view.get_by_label("Close the source").click):
        mark.click()
        expect(tab.view.locator("mark").first).to_be_visible()
        leave()
        expect(tab.view).to_have_count(0)
        expect(tab.exchanges.locator(".question")).to_contain_text(FIRST)
        assert tab.page.url == address
