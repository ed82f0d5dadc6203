"""Putting a question to some documents, in real Chromium: chosen in lists, shown as chips, taken away."""

from __future__ import annotations

from collections.abc import Callable

from chromium import Tab, sticking_out
from playwright.sync_api import expect
from test_browser import HOSTILE_NAME, documents, server  # noqa: F401 (fixtures)

CANDLES = "How many candles was the tower lit with?"


def choose(tab: Tab, field: str, option: str) -> None:
    tab.page.get_by_label(field, exact=True).click()
    tab.page.get_by_role("option", name=option).click()
    tab.page.keyboard.press("Tab")


def test_choosing_asking_and_taking_away(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(width=400)
    chips = tab.page.locator(".chip")
    tab.page.get_by_text("All documents").click()
    choose(tab, "Kinds", "Markdown (1)")
    expect(chips).to_have_text(["Markdown"])
    choose(tab, "Documents", HOSTILE_NAME)
    expect(chips).to_have_text([HOSTILE_NAME, "Markdown"])
    assert sticking_out(tab.page) == 0
    since = tab.page.get_by_label("Modified since")
    since.fill("yesterday")
    since.press("Enter")
    no_date = tab.page.get_by_text("“yesterday” is no date")
    expect(no_date).to_be_visible()
    since.fill("")
    since.press("Enter")
    expect(no_date).to_have_count(0)
    expect(chips).to_have_count(2)
    tab.page.keyboard.press("Escape")
    chips.first.get_by_role("button").click()
    expect(chips).to_have_text(["Markdown"])

    exchange = tab.ask(CANDLES)
    expect(exchange).to_contain_text("Not in the one document chosen")
    expect(chips).to_have_text(["Markdown"])  # what was taken away does not come back
    expect(tab.page.get_by_role("button", name="Only")).to_be_visible()
    tab.page.get_by_role("button", name="Remove Markdown").click()
    expect(tab.page.get_by_text("All documents")).to_be_visible()
    expect(tab.ask(CANDLES)).to_contain_text("24 candles")
