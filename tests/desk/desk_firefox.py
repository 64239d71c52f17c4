"""The system's Firefox for a test of the desk's page; skipped where there is none.

Driven by Mozilla's own `marionette_driver`: it takes the Firefox that there is and no second
program. Without a display Firefox draws no globe, and is quick; with one (`xvfb-run`) it does.
"""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from evaluate.link_scene import free_ports
from skypact.desk.app import STATIC

WAIT_S = 60.0
"""Far more than a page needs: the machine may be busy with others."""
_ERRORS = """
    const said = Services.console.getMessageArray().map((one) => one.message ?? String(one));
    const storage = Cc["@mozilla.org/consoleAPI-storage;1"].getService(Ci.nsIConsoleAPIStorage);
    for (const one of storage.getEvents()) {
      if (one.level === "error") said.push(`${one.filename}: ${one.arguments.join(" ")}`);
    }
    return said;
"""
_PREFS = {
    # Its own errands end at a port where nobody listens: it reaches the desk and nothing else.
    **{"network.proxy.type": 1, "network.proxy.no_proxies_on": "127.0.0.1"},
    **{f"network.proxy.{kind}": "127.0.0.1" for kind in ("http", "ssl")},
    **{f"network.proxy.{kind}_port": 9 for kind in ("http", "ssl")},
    "network.proxy.allow_hijacking_localhost": False,
    "webgl.force-enabled": True,
    "intl.accept_languages": "en-GB",
}


def firefox():
    """Where it is; skips the test where it, its driver or the page is missing."""
    pytest.importorskip("marionette_driver", reason="no marionette_driver: make setup")
    if not (STATIC / "index.html").is_file():
        pytest.skip("the desk's page was not built: make page")
    for name in ("firefox-esr", "firefox"):
        found = shutil.which(name)
        # Its driver reads which it is beside the program itself, not beside a link to it.
        if found and (Path(found).resolve().parent / "application.ini").is_file():
            return str(Path(found).resolve())
    pytest.skip("no Firefox on this machine: apt-get install firefox-esr")


@contextmanager
def opened_firefox(folder):
    """A Firefox with a profile of its own, to be asked for elements and for what went wrong."""
    program = firefox()
    from marionette_driver.marionette import Marionette

    client = Marionette(
        bin=program,
        port=free_ports(1),
        headless="DISPLAY" not in os.environ,
        gecko_log=str(folder / "gecko.log"),
        prefs=_PREFS,
        app_args=["-remote-allow-system-access"],
        startup_timeout=120,
    )
    try:
        client.start_session(timeout=120)
        client.timeout.implicit = WAIT_S
        yield client
    finally:
        client.cleanup()


def errors(client, url):
    """What it noted against the page: faults of scripts, the policy's refusals, console.error.

    Warnings are none of it: without a display it warns that it cannot draw.
    """
    with client.using_context("chrome"):
        said = client.execute_script(_ERRORS)
    return [one for one in said if url in one and not one.startswith("[JavaScript Warning")]
