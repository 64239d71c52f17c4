"""The system's Chromium for tests of the desk's page; they are skipped where there is none."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from skypact.desk.app import STATIC

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-renderer-backgrounding",
]
_NO_GLOBE = ["--disable-gpu", "--disable-software-rasterizer"]
_GLOBE = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def chromium():
    """Where it is; skips the test where it, playwright or the page is missing."""
    pytest.importorskip("playwright", reason="playwright is not installed: make setup")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the desk's page was not built: make page")
    return found


@contextmanager
def browser(*, globe=False):
    """A browser that cannot draw the globe, and is quick: what people do stands in the lists.

    With `globe` it draws it, in software: slowly.
    """
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path, args=[*_FLAGS, *(_GLOBE if globe else _NO_GLOBE)]
        )
        try:
            yield opened
        finally:
            opened.close()
