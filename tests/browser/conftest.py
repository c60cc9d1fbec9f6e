"""A real server in a process of its own and real headless browsers."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from app import browser as installed

ROOT = Path(__file__).parents[2]
PATIENCE = 120_000  # milliseconds: a busy machine is no failure
SIZE = {"width": 1024, "height": 700}  # the smallest supported page; software GL pays per pixel

expect.set_options(timeout=PATIENCE)


class Server:
    """`python -m app serve` on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        command = [sys.executable, "-m", "app", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        for _ in range(600):
            try:
                urllib.request.urlopen(self.url + "api/health", timeout=2)
                return
            except OSError:
                assert self.process.poll() is None, "the server ended at its start"
                time.sleep(0.1)
        raise AssertionError("the server did not answer")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=installed.find(), args=list(installed.FLAGS))
        opened.new_context = partial(_patient, opened.new_context)
        yield opened
        opened.close()


def _patient(new_context: Callable[..., BrowserContext], **options: Any) -> BrowserContext:
    """A new context in which every wait is a patient one."""
    context = new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture
def page(chrome: Browser) -> Iterator[Page]:
    """A page that fails its test on any script error."""
    context = chrome.new_context(viewport=SIZE, reduced_motion="reduce")
    opened = context.new_page()
    errors: list[Any] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, errors
