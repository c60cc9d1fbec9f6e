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


# A server that trains nothing before it is asked.
COLD = """import sys, uvicorn
from app.server import create
uvicorn.run(create(warm=False), port=int(sys.argv[1]), log_level="warning", timeout_graceful_shutdown=2)"""


class Server:
    """`python -m app serve` on a port of 127.0.0.1. process: None where another has started it. warm: as it is run."""

    process: subprocess.Popen | None = None

    def __init__(self, port: int = 0, warm: bool = True) -> None:
        self.port = port or free_port()
        self.command = ["-m", "app", "serve", "--port", str(self.port)] if warm else ["-c", COLD, str(self.port)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> "Server":
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen([sys.executable, *self.command], cwd=ROOT, env=environment)
        return self

    def up(self) -> "Server":
        """The server once it answers."""
        for _ in range(600):
            try:
                urllib.request.urlopen(self.url + "api/health", timeout=2)
                return self
            except OSError:
                assert self.process is None or self.process.poll() is None, "the server ended at its start"
                time.sleep(0.1)
        raise AssertionError("the server did not answer")

    def stop(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


SHARED = pytest.StashKey[Server]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All of xdist's workers visit one server, as visitors do: what one has trained is there for the others."""
    stash = node.config.stash
    if SHARED not in stash:
        stash[SHARED] = Server().start()
    node.workerinput["port"] = stash[SHARED].port


def pytest_unconfigure(config: pytest.Config) -> None:
    if SHARED in config.stash:
        config.stash[SHARED].stop()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server of all tests."""
    port = getattr(request.config, "workerinput", {}).get("port")
    if port:
        yield Server(port).up()
    else:
        alone = Server().start()
        yield alone.up()
        alone.stop()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that may be stopped and kept busy."""
    running = Server(warm=False).start()
    yield running.up()
    running.stop()


@pytest.fixture(scope="session")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser with a profile, as visitors have it: scripts are compiled once, not in every test."""
    with sync_playwright() as play:
        opened = play.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=installed.find(), args=list(installed.FLAGS),
            viewport=SIZE, reduced_motion="reduce")
        opened.set_default_timeout(PATIENCE)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def chrome(visitor: BrowserContext) -> Browser:
    """The same browser, for contexts of another kind: other languages, a tablet, nothing kept."""
    opened = visitor.browser
    assert opened
    opened.new_context = partial(_patient, opened.new_context)
    return opened


def _patient(new_context: Callable[..., BrowserContext], **options: Any) -> BrowserContext:
    """A new context in which every wait is a patient one."""
    context = new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context


# What a page fetches at rest, for later jumps, would take the processor from the other tests.
SAVES_DATA = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"


@pytest.fixture
def page(visitor: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that fails its test on any script error; it saves data unless its test is marked `fetching`."""
    opened = visitor.new_page()
    if not request.node.get_closest_marker("fetching"):
        opened.add_init_script(SAVES_DATA)
    errors: list[Any] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    visitor.clear_permissions()
    visitor.set_storage_state({})  # the next one comes as a stranger
    assert not errors, errors
