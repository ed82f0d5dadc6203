"""Makes README's pictures from the page itself, over the sample documents: `python tests/make_pictures.py`.

Writes docs/ask.png, docs/library.png and docs/ask.gif (a question typed, its answer, a click on a citation).
Chromium draws them; nothing in them is made up, but for the pointer, which a browser without a screen lacks.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from chromium import Server, launched, serving
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from ingest.pipeline import ingest
from rag.settings import Settings

PROJECT = Path(__file__).parent.parent
SIZE = {"width": 1360, "height": 800}
GIF_WIDTH, GIF_COLOURS = 1020, 112
QUESTION = "How heavy was the lead found in the keeper's stomach?"
CHINESE = "宝带桥有多少个桥孔？"
_POINTER = """() => {
  const pointer = document.createElement("div");
  pointer.id = "pointer";
  pointer.style.cssText = "position:fixed;left:0;top:0;z-index:9999999;width:22px;pointer-events:none";
  const arrow = "<path d='M3 1l15 11-7 1-4 7z' fill='#1f2326' stroke='#fff'/>";
  pointer.innerHTML = "<svg viewBox='0 0 22 22'>" + arrow + "</svg>";
  document.body.append(pointer);
}"""
_MOVE = "([x, y]) => { document.querySelector('#pointer').style.translate = `${x}px ${y}px` }"


class Film:
    """Frames of a page, each with the milliseconds for which it stands."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[tuple[Image.Image, int]] = []
        self.at = (620.0, 420.0)
        page.evaluate(_POINTER)
        page.evaluate(_MOVE, self.at)

    def frame(self, milliseconds: int) -> None:
        """The page as it is now."""
        shot = Image.open(io.BytesIO(self.page.screenshot(animations="disabled"))).convert("RGB")
        height = round(shot.height * GIF_WIDTH / shot.width)
        self.frames.append((shot.resize((GIF_WIDTH, height), Image.Resampling.LANCZOS), milliseconds))

    def move_to(self, target: Locator, *, steps: int = 6) -> None:
        """The pointer goes there."""
        box = target.bounding_box()
        assert box is not None
        to = (box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.6)
        for step in range(1, steps + 1):
            share = step / steps
            where = [a + (b - a) * share for a, b in zip(self.at, to, strict=True)]
            self.page.evaluate(_MOVE, where)
            self.frame(60 if step < steps else 350)
        self.at = to

    def save(self, path: Path) -> None:
        """As a GIF that begins again; one palette for all frames, so that nothing flickers."""
        widest = Image.new("RGB", (GIF_WIDTH, sum(shot.height for shot, _ in self.frames[::6])))
        top = 0
        for shot, _ in self.frames[::6]:
            widest.paste(shot, (0, top))
            top += shot.height
        palette = widest.quantize(GIF_COLOURS, method=Image.Quantize.MEDIANCUT)
        drawn = [shot.quantize(palette=palette, dither=Image.Dither.NONE) for shot, _ in self.frames]
        times = [milliseconds for _, milliseconds in self.frames]
        drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=True)


def main() -> None:
    """All three."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(index=str(Path(folder) / "Documents"))
        assert not ingest([PROJECT / "data" / "samples"], settings).failed
        with serving(Path(folder), settings) as server, launched() as browser:
            _film(_opened(browser, server)).save(PROJECT / "docs" / "ask.gif")
            page = _opened(browser, server, scale=1.5)
            _ask(page, CHINESE).locator("button.mark").first.click()
            expect(page.locator(".view .box").first).to_be_visible()
            page.wait_for_timeout(800)
            page.screenshot(path=PROJECT / "docs" / "ask.png", animations="disabled")
            page.goto(f"{server.address}/library")
            page.locator(".list tbody tr").first.wait_for()
            page.screenshot(path=PROJECT / "docs" / "library.png", animations="disabled")
            for name in ("ask", "library"):
                path = PROJECT / "docs" / f"{name}.png"
                Image.open(path).convert("RGB").quantize(192).save(path, optimize=True)


def _opened(browser: Browser, server: Server, *, scale: float = 1) -> Page:
    context = browser.new_context(viewport=SIZE, device_scale_factor=scale, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(server.address)
    page.get_by_text("Ask your documents").wait_for()
    page.locator(".welcome li").first.wait_for()
    return page


def _ask(page: Page, question: str) -> Locator:
    before = page.locator(".exchange").count()
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill(question)
    field.press("Enter")
    exchange = page.locator(".exchange").nth(before)
    exchange.locator(".foot").wait_for(timeout=120_000)
    return exchange


def _film(page: Page) -> Film:
    film = Film(page)
    film.frame(1200)
    field = page.get_by_test_id("stChatInputTextArea")
    film.move_to(field)
    field.click()
    for end in range(4, len(QUESTION) + 4, 4):
        field.fill(QUESTION[:end])
        film.frame(90)
    film.frame(400)
    field.press("Enter")
    exchange = page.locator(".exchange").first
    exchange.locator(".foot").wait_for(timeout=120_000)
    film.frame(1800)
    for mark in exchange.locator("button.mark").all()[:2]:
        film.move_to(mark)
        mark.click()
        page.locator(".view .box").first.wait_for()
        page.wait_for_timeout(700)
        film.frame(2600)
    return film


if __name__ == "__main__":
    main()
