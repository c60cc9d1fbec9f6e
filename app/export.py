"""Exports from the command line, by the page's own player in a headless browser: a file shows what a viewer sees."""

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app import browser
from app.text import say
from toy.link import Setup, query

READY = "() => window.dimple?.state().ready && window.dimple.state().shown >= 0"
MEASURED = "() => document.querySelector('#verdict').textContent"
GIF = """async ({ steps, width, height, fps }) => {
  const blob = await window.dimple.gif({ steps, width, height, fps });
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
}"""


@contextmanager
def served() -> Iterator[str]:
    """The address of a server of our own, on a free port of this machine, for as long as it is needed."""
    import uvicorn

    from app.server import create

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create(warm=False), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join(10)


def gif(setup: Setup, path: Path, frames: int, width: int, height: int, fps: int) -> None:
    """Write a GIF of so many log-spaced steps, the first and the last among them.

    The player picks the steps: it knows where a stop rule or a divergence has ended the run. FileNotFoundError
    without a browser, ImportError without playwright.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ImportError(say("export.playwright")) from error
    with served() as url, sync_playwright() as play:
        chrome = play.chromium.launch(executable_path=browser.find(), args=list(browser.FLAGS))
        try:
            # The side panels and the words round the picture take 620 x 330 pixels of a page.
            page = chrome.new_page(viewport={"width": width + 620, "height": height + 330},
                                   reduced_motion="reduce", color_scheme="light")
            page.set_default_timeout(120_000)
            page.goto(f"{url}?{query(setup)}")
            page.wait_for_function(READY)
            page.wait_for_function(MEASURED)
            coded = page.evaluate(GIF, {"steps": frames, "width": width, "height": height, "fps": fps})
            path.write_bytes(base64.b64decode(coded))
        finally:
            chrome.close()
