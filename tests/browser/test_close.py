"""Attack within eps, and one point close by, as a visitor meets them."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from test_page import ready, seek

import toy
from toy import bounded, closer, link

pytestmark = pytest.mark.browser

SMALL = "?exhibit=dimpled-sheet&steps=120"
MARKED = "document.querySelector('#picture .plot').data.find((trace) => trace.meta === 'flips').x"
# Where training point `which` is on the screen, worked out here to hold the page's own picking against.
PLACE = """(which) => {
  const plot = document.querySelector('#picture .plot');
  const scene = plot._fullLayout.scene._scene;
  const { points } = plot._fullLayout.meta;
  const times = (m, v) => [0, 1, 2, 3].map((row) => [0, 1, 2, 3].reduce((sum, at) => sum + m[4 * at + row] * v[at], 0));
  const start = [...['x', 'y', 'z'].map((axis, at) => points[axis][which] * scene.dataScale[at]), 1];
  const { model, view, projection } = scene.glplot.cameraParams;
  const [x, y, , w] = [model, view, projection].reduce((v, m) => times(m, v), start);
  const box = plot.querySelector('canvas').getBoundingClientRect();
  return [box.left + (1 + x / w) / 2 * box.width, box.top + (1 - y / w) / 2 * box.height];
}"""


def run(query: str) -> tuple[toy.Recording, link.Setup]:
    setup = link.parse(query)
    return toy.simulate(setup.world, setup.knobs), setup


def test_the_points_that_an_eps_flips_are_marked_at_every_step(page: Page, server):
    ready(page, server, SMALL)
    recording = run(SMALL)[0]
    seek(page, 60)
    page.locator(".within summary").click()
    slider = page.get_by_role("slider", name="ε", exact=True)
    for step, space, at in ((60, "free", "600"), (60, "on", "700"), (100, "off", "560")):
        seek(page, step)
        page.wait_for_function("step => window.dimple.state().within?.step === step", arg=step)
        page.get_by_label("Direction of the attack").select_option(space)
        slider.fill(at)
        shown = page.evaluate("window.dimple.state().within")
        assert np.isclose(shown["eps"], 1e-3 * 1000 ** (int(at) / 1000), rtol=1e-6)
        far = bounded.distances(recording, step, space)
        want = np.flatnonzero((far > 0) & (far <= shown["eps"])).tolist()
        assert shown["flipped"] == want and 0 < len(want) < 25
        above = [point for point in page.evaluate("Object.keys(dimple.state().lift)") if int(point) in want]
        assert len(page.evaluate(f"Array.from({MARKED})")) == len(want) + len(above)
        assert f"{len(want)} of {(far > 0).sum()} right points" in page.locator(".within .says").inner_text()
        assert "flipped within ε" in page.locator("#legend").inner_text()
    before = page.evaluate("window.dimple.state().within.eps")
    slider.press("ArrowRight")
    assert page.evaluate("window.dimple.state().within.eps") > before
    assert page.locator(".within .plot .scatterlayer .trace").count() == 4
    page.locator(".within summary").click()
    page.wait_for_function(f"{MARKED}.length <= 1")  # one empty point keeps the trace's place
    assert "flipped" not in page.locator("#legend").inner_text()


def test_a_click_on_a_point_opens_it_and_the_time_line_moves_it(page: Page, server):
    ready(page, server, SMALL)
    recording, setup = run(SMALL)
    seek(page, 20)
    page.evaluate("window.dimple.show({ arrows: 'none' })")
    page.wait_for_function("window.dimple.state().view.arrows === 'none' && window.dimple.state().shown === 20")
    # One that nothing hides, so that the pointer meets it.
    lifted = page.evaluate("window.dimple.state().lift")
    which = next(i for i in range(25) if str(i) not in lifted)
    x, y = page.evaluate(PLACE, which)
    page.mouse.click(x, y)
    for step in (20, 80):
        seek(page, step)
        page.wait_for_function("step => window.dimple.state().closer?.step === step", arg=step)
        shown = page.evaluate("window.dimple.state().closer")
        lines = closer.look(recording, setup.view, step, which)[0]
        assert shown["point"] == which and f"step {step}" in page.locator("#closer-title").inner_text()
        told = [np.inf if row["distance"] is None else row["distance"] for row in shown["arrows"]]
        np.testing.assert_allclose(told, [line.distance for line in lines.values()], rtol=1e-3)
    assert page.locator("#closer .plot .main-svg").count() >= 2
    page.keyboard.press("Escape")
    assert page.locator("#closer").is_hidden() and page.evaluate("window.dimple.state().closer") is None


def test_the_same_by_keyboard_in_a_plane(page: Page, server):
    page.goto(f"{server.url}?exhibit=authors-line&steps=60")
    page.wait_for_function("window.dimple?.state().ready")
    opener = page.get_by_role("button", name="Look closer")
    opener.focus()
    opener.press("Enter")
    point = page.get_by_label("Point", exact=True)
    assert point.evaluate("(input) => input === document.activeElement")
    point.press("ArrowUp")
    page.wait_for_function("window.dimple.state().closer?.point === 1")
    point.fill("99")
    expect(page.locator("#closer-title")).to_contain_text("between 0 and 4", timeout=120_000)
    x, y = page.evaluate("""() => {
      const plot = document.querySelector('#picture .plot');
      const { xaxis, yaxis, meta } = plot._fullLayout;
      const box = plot.getBoundingClientRect();
      const { x: [x], y: [y] } = meta.points;
      return [box.left + xaxis._offset + xaxis.d2p(x), box.top + yaxis._offset + yaxis.d2p(y)];
    }""")
    page.mouse.click(x, y)
    page.wait_for_function("window.dimple.state().closer?.point === 0")
    page.get_by_role("button", name="Close", exact=True).click()
    assert opener.evaluate("(button) => button === document.activeElement")
