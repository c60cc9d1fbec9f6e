"""What is painted: 3-D graphics that are missing or get lost while the page is open, flat colours while they play."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from test_page import ready, seek

pytestmark = pytest.mark.browser

SMALL = "?exhibit=dimpled-sheet&steps=60&resolution=24"
SWITCH = """{  // window.dark: no canvas has graphics
    const own = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...wishes) {
        return window.dark && kind.includes("webgl") ? null : own.call(this, kind, ...wishes);
    }; }"""
LOSE = """() => document.querySelectorAll("#picture .plot canvas").forEach((canvas) =>
    canvas.getContext("webgl")?.getExtension("WEBGL_lose_context").loseContext())"""
# The share of the picture's GL pixels that something is drawn on.
PAINTED = """() => {
    const plot = document.querySelector("#picture .plot");
    const { redraw, canvas } = window.dimpleParts.scene;
    redraw(plot, false);
    const drawn = canvas(plot);
    if (!drawn?.width) return 0;
    const pen = Object.assign(document.createElement("canvas"), { width: 100, height: 100 }).getContext("2d");
    pen.drawImage(drawn, 0, 0, 100, 100);
    return pen.getImageData(0, 0, 100, 100).data.filter((value, at) => at % 4 === 3 && value > 0).length / 1e4; }"""


def note(page: Page):
    return page.locator("#picture .missing")


def test_lost_graphics_come_back_with_the_step_and_the_viewers_camera(page, server):
    ready(page, server, SMALL)
    seek(page, 30)
    eye = {"x": -1.5, "y": -1, "z": 1.2}
    page.evaluate("eye => Plotly.relayout(document.querySelector('#picture .plot'), { 'scene.camera.eye': eye })", eye)
    before = page.evaluate(PAINTED)
    assert before > 0.05
    assert page.evaluate(f"(({LOSE})(), ({PAINTED})())") == 0  # in one go: it may be back a moment later
    seek(page, 31)
    page.wait_for_function(f"({PAINTED})() > {before / 2}")
    assert page.evaluate("window.dimple.state().shown") == 31
    assert page.evaluate("window.dimple.state().camera.eye") == pytest.approx(eye)
    assert not note(page).is_visible()
    seek(page, 32)
    assert page.evaluate("window.dimple.state().path") == "live"


def test_lost_graphics_that_stay_away_are_said_and_found_again(page, server):
    page.add_init_script(SWITCH)
    ready(page, server, SMALL)
    page.evaluate("() => { window.dark = true; }")
    page.evaluate(LOSE)
    expect(note(page)).to_contain_text("WebGL")
    page.evaluate("() => { window.dark = false; }")
    page.wait_for_function(f"({PAINTED})() > 0.05")
    assert not note(page).is_visible()


def test_a_browser_without_graphics_is_told_what_to_do_and_shows_the_rest(page, server):
    page.add_init_script(SWITCH + "window.dark = true;")
    ready(page, server, SMALL)
    expect(note(page)).to_contain_text("hardware acceleration")
    assert not page.get_by_text("get.webgl.org").is_visible()
    seek(page, 20)
    assert "points" in page.locator("#picture .caption").inner_text()
    page.evaluate("() => { window.dimple.open('exhibit=authors-line&steps=60'); }")
    expect(note(page)).to_be_hidden()
    page.wait_for_function("document.querySelectorAll('#picture .plot .scatterlayer .trace').length > 2")
    page.evaluate("link => { window.dimple.open(link); }", SMALL[1:])
    expect(note(page)).to_be_visible()
    page.evaluate("() => { window.dark = false; }")
    note(page).get_by_role("button").click()
    page.wait_for_function(f"({PAINTED})() > 0.05")
    assert not note(page).is_visible()


def test_the_colours_of_a_flat_picture_do_not_blink_while_it_plays(page, server):
    page.goto(server.url + "?exhibit=authors-line")
    page.wait_for_function("window.dimple?.state().shown >= 0 && document.querySelector('.heatmaplayer image')")
    box = page.locator("#picture .heatmaplayer image").bounding_box()

    def coloured() -> float:
        """Share of the picture's pixels that are no grey."""
        with Image.open(io.BytesIO(page.screenshot(clip=box))) as seen:
            return float((np.ptp(np.asarray(seen.convert("RGB"), int), axis=2) > 12).mean())

    seek(page, 0)
    page.wait_for_function("!document.querySelector('#picture .is-changing')")
    still = coloured()
    page.evaluate("dimple.play()")
    playing = [coloured() for _ in range(20)]
    assert page.evaluate("dimple.state().shown") > 5 and still > 0.3
    assert min(playing) > 0.15, playing
