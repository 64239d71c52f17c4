"""The system's Chromium for tests of the desk's page; they are skipped where there is none."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from skypact.desk.app import STATIC

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-renderer-backgrounding",
]
_DRAWING = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_NOT_DRAWING = ["--disable-gpu", "--disable-software-rasterizer"]


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
def driver():
    """What starts browsers; a process can have one of it at a time."""
    chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def browser(playwright, *, draws):
    """A browser that draws the globe in software, or one that cannot and is quick."""
    flags = _QUIET + (_DRAWING if draws else _NOT_DRAWING)
    opened = playwright.chromium.launch(executable_path=chromium(), args=flags)
    try:
        yield opened
    finally:
        opened.close()
