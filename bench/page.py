"""The page in headless Chromium: knob to first picture, scrubbing, main-thread time a frame; and bytes on the wire.

Software GL is slow per pixel, so frames per second would say nothing; the main thread's time a frame does.
"""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, Playwright, sync_playwright

from app import browser

ROOT = Path(__file__).resolve().parent.parent
HERO = "exhibit=dimpled-sheet"
CONTEXT: dict[str, Any] = {"viewport": {"width": 1024, "height": 700}, "reduced_motion": "reduce"}
READY = """part => { const now = window.dimple?.state();
    return now && now.ready && now.link.includes(part) && now.shown >= 0; }"""


@contextmanager
def _server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "app", "serve", "--port", str(port)], cwd=ROOT)
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url + "api/health", timeout=2)
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(15)


def _wire(url: str, steps: list[int]) -> np.ndarray:
    sizes = []
    for step in steps:
        request = urllib.request.Request(f"{url}api/frame?{HERO}&step={step}", headers={"Accept-Encoding": "gzip"})
        sizes.append(len(urllib.request.urlopen(request, timeout=60).read()) / 1000)
    return np.array(sizes)


# Each row of window.took: milliseconds from the last request for a step (by `since`) to its draft, or its full picture
# if that came first, and to its full picture on the screen; and whether it had been fetched before.
LISTEN = """{
    let since = null, first = null, had = 0;
    window.took = [];
    window.since = () => {
        [since, first, had] = [performance.now(), null, window.dimple.state().cached];
    };
    document.addEventListener("pointerdown", window.since, true);
    document.addEventListener("pointermove", event => event.buttons && window.since(), true);
    document.addEventListener("dimple:step", () => {
        const { shown, drafted, step, cached } = window.dimple.state();
        if (since === null || (shown !== step && drafted !== step)) return;
        const from = since;
        const full = shown === step;
        if (full) since = null;
        requestAnimationFrame(() => setTimeout(() => {
            first ??= performance.now() - from;
            if (full) window.took.push([first, performance.now() - from, cached === had]);
        }));
    }); }"""
Took = list[tuple[float, float]]  # (draft, full picture), milliseconds


def _scrubs(page: Page, seed: int, pause: float) -> tuple[Took, Took]:
    """Milliseconds from asking for a step to its pictures on the screen, for 20 steps drawn at random.

    The next step is asked for `pause` seconds after the last one's picture. Returns the steps that had to be asked
    of the server, and those that had been fetched before.
    """
    found: tuple[Took, Took] = [], []
    for step in np.random.default_rng(seed).integers(0, 400, 20).tolist():
        time.sleep(pause)
        page.evaluate("step => { window.took = []; window.since(); window.dimple.seek(step); }", step)
        page.wait_for_function("() => window.took.length", polling=5)
        draft, full, had = page.evaluate("window.took[0]")
        found[had].append((draft, full))
    return found


def _pointed(page: Page, seed: int, drag: bool) -> Took:
    """Milliseconds from a click on the time line, or the last move of a drag, to the pictures on the screen.

    The mouse rests for .15 s before it clicks, or drags for .2 s. Steps that had been fetched before do not count.
    """
    page.evaluate("window.dimple.setScale(false)")
    box = page.locator("#timeline .track").bounding_box()
    assert box is not None
    y, asked = box["y"] + box["height"] / 2, []
    for start, end in (box["x"] + box["width"] * np.random.default_rng(seed).random((20, 2))).tolist():
        time.sleep(0.3)
        page.evaluate("window.took = []")
        had = page.evaluate("window.dimple.state().cached")
        page.mouse.move(start, y)
        if drag:
            page.mouse.down()
            for x in np.linspace(start, end, 13)[1:].tolist():
                page.mouse.move(x, y)
                time.sleep(0.016)
        else:
            time.sleep(0.15)
            page.mouse.down()
            time.sleep(0.08)
            page.mouse.up()
        page.wait_for_function("() => window.took.length && window.dimple.state().shown === window.dimple.state().step")
        time.sleep(0.1)
        page.mouse.up()
        if page.evaluate("window.dimple.state().cached") > had:
            asked.append(tuple(page.evaluate("window.took.at(-1)")[:2]))
    return asked


# Each row of window.seen: the step whose exact picture is painted, draft or full, and the one the pointer is at.
WATCH = """() => {
    window.seen = [];
    document.addEventListener("dimple:step", () => {
        const { shown, drafted, step } = window.dimple.state();
        const painted = Math.max(shown, drafted);
        if (painted !== window.seen.at(-1)?.[0]) window.seen.push([painted, step]);
    }); }"""


def _seen(page: Page, go: Callable[[float], None]) -> tuple[float, float]:
    """Exact pictures a second, and by how many steps they lag, while `go(share of the time)` is called for 2 s."""
    page.evaluate("window.seen = []")
    began = time.perf_counter()
    while (share := (time.perf_counter() - began) / 2) < 1:
        go(share)
    seen = np.array(page.evaluate("window.seen"))
    return len(seen) / 2, float(np.mean(np.abs(seen[:, 0] - seen[:, 1])))


def _followed(page: Page) -> dict[str, float]:
    """What is seen of steps hardly fetched while a pointer is dragged over them, and while a key is held down."""
    page.evaluate("window.dimple.setScale(false)")
    page.evaluate(WATCH)
    box = page.locator("#timeline .track").bounding_box()
    assert box is not None
    y, dragged = box["y"] + box["height"] / 2, []
    for start, end in ((0.1, 0.5), (0.9, 0.55)):

        def move(share: float, start: float = start, end: float = end) -> None:
            page.mouse.move(box["x"] + box["width"] * (start + (end - start) * share), y)
            time.sleep(0.016)

        time.sleep(0.5)
        move(0)
        page.mouse.down()
        dragged.append(_seen(page, move))
        page.mouse.up()

    def hold(_: float) -> None:
        page.keyboard.down("ArrowRight")
        time.sleep(0.033)

    page.evaluate("window.dimple.seek(10)")
    time.sleep(1)
    held = _seen(page, hold)
    page.keyboard.up("ArrowRight")
    return {f"{name}_{key}": float(value) for name, both in (("dragged", np.mean(dragged, axis=0)), ("key_held", held))
            for key, value in zip(("pictures_per_second", "lag_steps"), both)}


@contextmanager
def _opened(play: Playwright) -> Iterator[tuple[Page, str]]:
    """The page of a new server, its first picture just drawn, and the server's address."""
    with _server() as url:
        chrome = play.chromium.launch(executable_path=browser.find(), args=list(browser.FLAGS))
        page = chrome.new_page(**CONTEXT)
        page.set_default_timeout(120_000)
        page.add_init_script(LISTEN)
        page.goto(url)
        page.wait_for_function(READY, arg=HERO)
        yield page, url
        chrome.close()


def _just_started(play: Playwright) -> dict[str, Took]:
    """Jumps, clicks and drags from the first picture of a server just started on, each on three servers."""
    found: dict[str, Took] = {"jump": [], "click": [], "drag": []}
    for seed in range(4, 7):
        with _opened(play) as (page, _):
            found["jump"] += _scrubs(page, seed, 0.2)[0]
        for kind in ("click", "drag"):
            with _opened(play) as (page, _):
                found[kind] += _pointed(page, seed, kind == "drag")
    return found


def _opening(play: Playwright) -> list[float]:
    """Seconds from asking for the page to its first picture, each in a browser's profile that has seen nothing yet."""
    with _opened(play) as (page, url):
        time.sleep(20)  # the measures of the first run
        chrome, took = page.context.browser, []
        assert chrome is not None
        for _ in range(7):
            context = chrome.new_context(**CONTEXT)
            began = time.perf_counter()
            new = context.new_page()
            new.goto(url)
            new.wait_for_function(READY, arg=HERO)
            took.append(time.perf_counter() - began)
            context.close()
    return took


def _summed(name: str, took: Took) -> dict[str, float]:
    return {f"{name}_{picture}_{key}": value for picture, column in zip(("draft", "full"), np.array(took).T)
            for key, value in (("ms_median", float(np.median(column))), ("ms_max", float(np.max(column))),
                               ("over_200_ms", float((column > 200).mean())))}


def bench() -> dict[str, float]:
    """Seconds, milliseconds and kilobytes of the hero world at the default resolution."""
    with sync_playwright() as play, _opened(play) as (page, url):
        time.sleep(8)  # the measures of the first run

        pictures = []
        for seed in range(11, 16):
            began = time.perf_counter()
            page.evaluate("link => { window.dimple.open(link); }", f"{HERO}&seed={seed}")
            page.wait_for_function(READY, arg=f"seed={seed}", polling=20)
            pictures.append(time.perf_counter() - began)
            time.sleep(1)

        phases = []
        for seed in range(21, 26):
            began = time.perf_counter()
            page.evaluate("link => { window.dimple.open(link); }", f"{HERO}&seed={seed}")
            page.wait_for_function(READY, arg=f"seed={seed}", polling=20)
            page.wait_for_function("document.getElementById('verdict').textContent", polling=20)
            phases.append(time.perf_counter() - began)
            time.sleep(6)

        page.evaluate("link => { window.dimple.open(link); }", f"{HERO}&seed=16")
        page.wait_for_function(READY, arg="seed=16")
        time.sleep(1)
        busy, _ = _scrubs(page, 0, 0)  # the server still measures the run
        time.sleep(8)
        hasty, _ = _scrubs(page, 1, 0)
        scrubs, _ = _scrubs(page, 2, 0.5)
        clicks, drags = (_pointed(page, seed, seed == 5) for seed in (4, 5))

        page.evaluate("window.dimple.seek(0)")
        time.sleep(12)  # let the player fetch ahead
        known = page.evaluate("window.dimple.state().frameTimes.length")
        page.evaluate("window.dimple.play()")
        page.wait_for_function("window.dimple.state().shown >= 350")
        frames = page.evaluate("window.dimple.state().frameTimes")
        page.evaluate("window.dimple.pause()")
        page.wait_for_function("() => { const now = window.dimple.state(); return now.cached > now.lastStep; }")
        _, fetched = _scrubs(page, 3, 0.5)
        sizes = _wire(url, [0, 5, 10, 20, 40, 80, 120, 200, 300, 400])
    with sync_playwright() as play:
        first = _just_started(play)
        with _opened(play) as (page, _):
            followed = _followed(page)
        opening = _opening(play)
    played = np.array(frames[known:] or frames)
    return {
        "page_to_picture_s_median": float(np.median(opening)),
        "page_to_picture_s_max": float(np.max(opening)),
        "knob_to_picture_s_median": float(np.median(pictures)),
        "knob_to_picture_s_max": float(np.max(pictures)),
        "knob_to_phases_s_median": float(np.median(phases)),
        "knob_to_phases_s_max": float(np.max(phases)),
        **_summed("scrub", scrubs),
        **_summed("scrub_without_pause", hasty),
        **_summed("scrub_while_measuring", busy),
        **_summed("scrub_when_all_is_fetched", fetched),
        **_summed("click", clicks),
        **_summed("drag", drags),
        **_summed("just_started_scrub", first["jump"]),
        **_summed("just_started_click", first["click"]),
        **_summed("just_started_drag", first["drag"]),
        **followed,
        "frame_main_thread_ms_median": float(np.median(played)),
        "frame_main_thread_ms_95": float(np.quantile(played, 0.95)),
        "frames_played": float(len(played)),
        "frame_kB_median": float(np.median(sizes)),
        "frame_kB_max": float(sizes.max()),
    }
