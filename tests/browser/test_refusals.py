"""What the page says when something goes wrong, and that nothing is lost by it."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from test_page import TINY, drawn, ready, seek

pytestmark = pytest.mark.browser


SCALE = """JSON.stringify(
  document.querySelector("#picture .js-plotly-plot").data.find(({ type, intensity }) => type === "mesh3d" && intensity)
    ?.colorscale ?? null)"""
OWN_STREAM = """() => {
  const real = window.fetch;
  window.fetch = (url, how) => {
    if (!String(url).includes("/api/run")) return real(url, how);
    window.fetch = real;
    const start = (stream) => window.tell = (event) =>
      stream.enqueue(new TextEncoder().encode(JSON.stringify(event) + "\\n"));
    return Promise.resolve(new Response(new ReadableStream({ start })));
  };
}"""


def test_a_run_that_fails_after_its_first_picture_gives_the_old_one_back_as_it_is_looked_at_now(page, server):
    link = "exhibit=authors-line&steps=60"
    page.goto(f"{server.url}?{link}")
    page.wait_for_function("window.dimple?.state().ready")
    scene, frame = (page.request.get(f"{server.url}api/{what}?{link}&step=7").json() for what in ("scene", "frame"))
    ready(page, server)
    seek(page, 50)
    before, title, scale = drawn(page), page.locator("#title").inner_text(), page.evaluate(SCALE)
    page.evaluate(OWN_STREAM)
    page.evaluate("window.dash_clientside.set_props('exhibit', { value: 'authors-line' })")
    page.wait_for_function("Boolean(window.tell)")
    page.evaluate("event => tell(event)", {"event": "preview", "step": 7, "scene": scene, "frame": frame})
    page.wait_for_function("dimple.mesh() === null")  # the new picture is flat
    assert page.evaluate("dimple.state().ready") is False
    page.evaluate("dimple.show({ colour: 'plain' })")
    page.evaluate("event => tell(event)", {"event": "error", "message": "No memory is left.", "advice": ""})
    expect(page.locator("#notice")).to_contain_text("No memory is left.")
    page.wait_for_function("dimple.state().ready && dimple.state().shown === 50")
    page.wait_for_function(f"scale => {SCALE} !== scale", arg=scale)
    assert np.array_equal(drawn(page), before) and page.locator("#title").inner_text() == title
    seek(page, 51)


def test_numbers_are_read_as_they_are_typed_and_every_wrong_one_is_marked(page, server):
    ready(page, server, f"?{TINY}")

    def put(name: str, text: str) -> None:
        box = page.get_by_role("textbox", name=name, exact=True)
        box.press("Control+a")
        box.press_sequentially(text)
        box.press("Tab")

    put("Learning rate", "1e-4")
    page.wait_for_function("dimple.state().link.includes('learning_rate=0.0001') && dimple.state().ready")
    for name, text in (("Width", "2.5"), ("Seed", "-3"), ("Steps", "3e1")):
        put(name, text)
    expect(page.get_by_text("width must be a whole number between 2 and 512, got 2.5")).to_be_visible()
    expect(page.get_by_text("seed must be a whole number between 0 and 2147483647, got -3")).to_be_visible()
    assert "steps=40" in page.evaluate("dimple.state().link") and len(drawn(page)) > 0  # the last good one stays
    expect(page.locator("#refused")).to_contain_text("put right: Width, Seed")
    put("Seed", "3")
    expect(page.locator("#refused")).to_have_text(re.compile(": Width.$"))
    put("Width", "16")
    expect(page.locator("#refused")).to_be_empty()
    page.wait_for_function("/seed=3&/.test(dimple.state().link) && dimple.state().ready")
    assert "steps=30&" in page.evaluate("dimple.state().link")
    assert page.get_by_text("must be").count() == 0


def test_what_of_a_link_cannot_be_followed_is_said_and_the_rest_is_shown(page, server):
    usual = "JSON.stringify(dimple.state().camera)"
    ready(page, server, f"?{TINY}")
    camera = page.evaluate(usual)
    ready(page, server, f"?{TINY}&step=999&camera=0,0,0&widht=8&lesson=bogus.9&with=garbage")
    told = page.locator("#link-notice")
    for part in ("camera must be", "(did you mean width?)", "lesson must be", "with.garbage must be"):
        expect(told).to_contain_text(part)
    expect(page.locator("#notice")).to_contain_text("There is no step 999 in this run: its last is 40")
    boxes = [node.bounding_box() for node in (told, page.locator("#notice"))]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]  # one does not hide the other
    assert page.evaluate(usual) == camera and page.evaluate("dimple.state().beside") is None
    assert "bogus" not in page.url and "points_per_side=3" in page.url
    ready(page, server, "?exhibit=wave&codimension=0")
    expect(told).to_contain_text("it is embedded in 3 dimensions")
    assert "exhibit=wave" in page.evaluate("dimple.state().link")
    assert told.inner_text().count("embedded") == 1


def test_a_diverging_run_names_its_step_and_the_likely_cause_and_stays_usable(page, server):
    page.goto(server.url + "?exhibit=dimpled-sheet&optimizer=sgd&learning_rate=10&init_scale=3&step=40&lang=en")
    expect(page.locator("#notice")).to_contain_text("diverged at step 2", timeout=120_000)
    assert "There is no step 40 in this run" in page.locator("#notice").inner_text()
    assert "Learning rate 10 (at 0.001 it goes on)" in page.locator("#notice").inner_text()
    assert page.evaluate("window.dimple.state().lastStep") < 400


def test_a_server_that_goes_away_is_said_and_found_again(page, own_server):
    ready(page, own_server, f"?{TINY}")
    own_server.stop()
    page.evaluate("window.dimple.seek(31)")
    page.wait_for_function("document.querySelector('#notice').textContent.toLowerCase().includes('server')")
    assert len(drawn(page)) > 0
    seed = page.get_by_label("Seed", exact=True)
    seed.fill("4")  # which nobody hears yet
    seed.press("Tab")
    own_server.start().up()
    page.wait_for_function("dimple.state().link.includes('seed=4') && dimple.state().ready")
    page.wait_for_function("window.dimple.state().shown === 31 || document.querySelector('#notice button')")
    if page.evaluate("window.dimple.state().shown") != 31:
        page.locator("#notice button").first.click()
    page.wait_for_function("window.dimple.state().ready")
    seek(page, 31)
