"""Sources in the form of their kind, in real Chromium: tables, code, mails; none of them can inject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest
from chromium import Server, Tab, keep, serving, sticking_out
from playwright.sync_api import expect

from ingest.pipeline import ingest
from rag.settings import Settings

SCRIPT = "<script>window.stolen = 1</script>"
IMAGE = "<img src=http://192.0.2.1/x onerror=window.stolen=2>"
FARES = f"""Route,Adult fare,Passengers in July,{IMAGE}
Harbour to Skerry,12.50,4210,Blue Line
Harbour to Gull Island,18.50,1320,{SCRIPT}
Skerry to Gull Island,9.50,640,Northern Packet
"""
TIDES = f'''"""Tides."""


def height(hours):
    """The height of the tide in metres above chart datum."""
    return 4.2  # {SCRIPT} {IMAGE}
'''


def mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "Ann Lee <ann@example.org>", "office@example.org"
    message["Subject"] = f"The pier {IMAGE}"
    message["Date"] = "Mon, 03 Jun 2024 09:12:00 +0200"
    message.set_content(f"The repairs to the north pier will cost 48,000 euros. {SCRIPT}\n")
    return message.as_bytes()


CREW = f"""# The crew

They are paid by the week.

| Rank | Wage in guineas |
| --- | --- |
| Boatswain | 14 |
| Sailmaker {SCRIPT} | 11 |

The cook is paid by the meal.
"""
FILES = {
    "crew.md": CREW.encode(),
    "fares.csv": FARES.encode(),
    "tides.py": TIDES.encode(),
    "pier.eml": mail(),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("forms")
    (folder / "docs").mkdir()
    for name, data in FILES.items():
        (folder / "docs" / name).write_bytes(data)
    settings = Settings(index=str(folder / "index"))
    assert not ingest([folder / "docs"], settings).failed
    with serving(folder, settings) as started:
        yield started


def opened(tab: Tab, question: str, place: str) -> None:
    """Asks, and opens the first citation, which is at that place."""
    exchange = tab.ask(question)
    expect(exchange.locator(".citation").first).to_contain_text(place)
    exchange.locator("button.mark").first.click()
    expect(tab.view.locator("mark").first).to_be_visible()


def injects_nothing(tab: Tab) -> None:
    for tag in ("script", "img", "a", "iframe"):
        assert tab.page.locator(f".view {tag}").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark")])
def test_a_table_with_its_header_and_the_cited_row(
    open_tab: Callable[..., Tab],
    width: int,
    scheme: str,
) -> None:
    tab = open_tab(width=width, scheme=scheme)
    opened(tab, "How many passengers went from Harbour to Gull Island in July?", "row 3")
    view = tab.view
    expect(view.locator("thead th")).to_have_text(
        ["Row 1", "Route", "Adult fare", "Passengers in July", IMAGE]
    )
    expect(view.locator("tbody tr")).to_have_count(3)
    expect(view.locator("tr.cited")).to_have_count(1)
    expect(view.locator("tr.cited > *")).to_have_text(
        ["Row 3", "Harbour to Gull Island", "18.50", "1320", SCRIPT]
    )
    assert sticking_out(tab.page) == 0
    injects_nothing(tab)
    keep(tab.page, f"table-{width}-{scheme}")


def test_a_table_within_a_text(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    opened(tab, "What wage in guineas does the Boatswain get?", "crew.md")
    view = tab.view
    expect(view.locator("thead th")).to_have_text(["Rank", "Wage in guineas"])
    expect(view.locator("tbody tr.cited > *")).to_have_text(["Boatswain", "14"])
    words = view.locator(".words").inner_text()
    assert words.index("by the week") < words.index("Boatswain") < words.index("by the meal")
    injects_nothing(tab)


@pytest.mark.parametrize(("width", "scheme"), [(400, "light")])
def test_code_with_line_numbers(
    open_tab: Callable[..., Tab],
    width: int,
    scheme: str,
) -> None:
    tab = open_tab(width=width, scheme=scheme)
    opened(tab, "What is the height of the tide in metres above chart datum?", "line")
    expect(tab.view.locator(".code .number")).to_have_text(["1", "2", "3", "4", "5", "6"])
    cited = tab.view.locator(".code-line.cited code").all_inner_texts()
    assert any("metres above chart datum" in line for line in cited)
    expect(tab.view.locator(".code-line").nth(5)).to_contain_text(f"return 4.2  # {SCRIPT} {IMAGE}")
    assert (
        tab.view.locator(".code-line").nth(4).evaluate("e => getComputedStyle(e.lastChild).whiteSpace")
        == "pre"
    )
    assert sticking_out(tab.page) == 0
    injects_nothing(tab)
    keep(tab.page, f"code-{width}-{scheme}")


def test_a_mail_with_its_headers(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    opened(tab, "What will the repairs to the north pier cost?", "message")
    expect(tab.view.locator("dt")).to_have_text(["From", "To", "Date", "Subject"])
    expect(tab.view.locator("dd").first).to_have_text("Ann Lee <ann@example.org>")
    expect(tab.view.locator("dd").nth(3)).to_have_text(f"The pier {IMAGE}")
    expect(tab.view.locator("mark").first).to_contain_text("48,000 euros")
    injects_nothing(tab)
    keep(tab.page, "mail-1440-light")
