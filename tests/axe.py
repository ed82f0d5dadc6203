"""axe-core, the checker for accessibility: fetched by npm when tests run, never shipped.

Takes a page of Playwright's, gives what axe finds on it that is serious or worse, in lines.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page

VERSION = "4.10.3"
FOLDER = Path(__file__).parent.parent / "build" / "axe"
_SCRIPT = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """
async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .flatMap((one) => one.nodes.map((node) =>
      `${one.id}: ${node.target.flat().join(" >> ")}: ${node.failureSummary}`));
}
"""


@functools.cache
def script() -> str:
    """The checker's text; the test is skipped where npm is not there or can't fetch it."""
    if not _SCRIPT.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is needed to fetch axe-core")
        FOLDER.mkdir(parents=True, exist_ok=True)
        options = ["--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]
        fetched = subprocess.run(
            [npm, "install", *options, f"axe-core@{VERSION}"], capture_output=True, text=True, check=False
        )
        if fetched.returncode != 0:
            pytest.skip(f"axe-core can't be fetched: {fetched.stderr[-300:]}")
    return _SCRIPT.read_text("utf-8")


def serious(page: Page) -> list[str]:
    """What axe finds that is serious or critical."""
    page.evaluate(script())
    found: list[str] = page.evaluate(_RUN)
    return found
