"""The page as a visitor meets it, in a real headless browser."""

from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy.spatial import cKDTree

import toy
from toy import boundary, link, windows

pytestmark = pytest.mark.browser


SIZE_OF_A_CELL = 1 / 47  # of the window
# Where any world will do, all tests take this one: it is compiled once and measured soon.
NET = "exhibit=dimpled-sheet&hidden_layers=2&width=16&codimension=3"
TINY = NET + "&points_per_side=3&steps=40"


def ready(page: Page, server, query: str = "") -> None:
    """Open a link and wait for the first exact picture."""
    page.goto(server.url + query)
    page.wait_for_function("window.dimple?.state().ready && window.dimple.mesh()?.x.length > 0")


def seek(page: Page, step: int) -> None:
    page.evaluate("step => window.dimple.seek(step)", step)
    page.wait_for_function("step => window.dimple.state().shown === step", arg=step)


def drawn(page: Page) -> np.ndarray:
    mesh = page.evaluate("window.dimple.mesh()")
    return np.column_stack([mesh[axis] for axis in "xyz"]).astype(float)


def expected(query: str, step: int) -> tuple[np.ndarray, windows.Window]:
    setup = link.parse(query)
    recording = toy.simulate(setup.world, setup.knobs, origin=setup.origin)
    window = windows.window(recording, setup.view)
    mesh = boundary.extract(window.field(recording.params(step)), window.low, window.high, setup.view.resolution)
    return mesh.vertices, window


@pytest.mark.fetching
def test_the_hero_world_is_trained_and_drawn_without_a_click(page, server):
    ready(page, server)
    expect(page.locator("#title")).not_to_be_empty()
    page.wait_for_function("document.querySelector('#verdict').textContent.length > 20")
    assert "Two phases" in page.locator("#verdict").inner_text()
    assert page.locator("#timeline .band").count() == 3
    page.wait_for_function("document.querySelectorAll('#charts .js-plotly-plot').length >= 5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024


def test_scrubbing_shows_the_exact_boundary_of_that_step(page, server):
    ready(page, server)
    for step in (0, 20, 137, 400):
        seek(page, step)
        want, window = expected("exhibit=dimpled-sheet", step)
        have = drawn(page)
        span = np.subtract(window.high, window.low)
        limit = 0.1 * SIZE_OF_A_CELL  # the wire rounds coordinates to a small part of a cell
        assert cKDTree(want / span).query(have / span)[0].max() < limit, step
        assert cKDTree(have / span).query(want / span)[0].max() < limit, step


@pytest.mark.fetching
def test_what_is_fetched_ahead_says_that_it_can_wait_and_what_is_not_who_waits(page, server):
    asked = {}
    page.on("request", lambda request: "/api/frame" in request.url and asked.update(
        {int(parse_qs(urlparse(request.url).query)["step"][0]):
            (request.headers.get("priority"), request.headers.get("x-asker"))}))
    ready(page, server)
    for step in (137, 222):
        seek(page, step)
    page.wait_for_function("window.dimple.state().cached > 4")
    waited = {asked.pop(step) for step in (137, 222)}
    assert len(waited) == 1 and all(urgency is None and asker for urgency, asker in waited)
    assert ("u=6", None) in asked.values()


@pytest.mark.fetching
def test_at_rest_every_step_is_fetched_until_a_jump_needs_the_server(page, server):
    asked, given_up = [], []

    def step(request):
        return int(parse_qs(urlparse(request.url).query)["step"][0]), request.headers.get("priority")

    page.on("request", lambda request: "/api/frame" in request.url and asked.append(step(request)))
    page.on("requestfailed", lambda request: "/api/frame" in request.url and given_up.append(step(request)))
    ready(page, server, f"?{NET}&points_per_side=3&steps=200&resolution=24")
    page.wait_for_function("window.dimple.state().cached > 130")
    at = next(at for at in range(199, 0, -1) if at not in dict(asked))
    seek(page, at)
    assert (at, None) in asked
    page.wait_for_function("window.dimple.state().cached === 201")
    assert sum(urgency == "u=7" for _, urgency in asked) > 40
    assert {urgency for _, urgency in given_up} <= {"u=7"}
    before = len(asked)
    seek(page, 101)
    assert len(asked) == before


def test_charts_are_drawn_after_the_step_that_was_asked_for(page, server):
    ready(page, server, f"?{NET}&steps=150&resolution=24")
    page.wait_for_function("document.querySelectorAll('#charts .js-plotly-plot').length >= 5")
    first = [page.evaluate("""async ([step, log]) => {
        const [order, draw] = [[], Plotly.react];
        const hear = () => window.dimple.state().shown === step && order.push("picture");
        document.addEventListener("dimple:step", hear);
        Plotly.react = (plot, ...given) => {
            if (plot.closest("#charts")) order.push("chart");
            return draw(plot, ...given);
        };
        window.dimple.seek(step);
        window.dimple.setScale(log); // all charts are to be drawn
        while (order.filter((what) => what === "chart").length < 5 || !order.includes("picture"))
            await new Promise((go) => setTimeout(go, 5));
        Plotly.react = draw;
        document.removeEventListener("dimple:step", hear);
        return order[0]; }""", [step, log]) for step, log in ((77, False), (91, True), (113, False))]
    assert "picture" in first  # not always: charts wait a second at most, which a busy machine may take for a picture


def test_charts_have_few_ticks_on_either_scale(page, server):
    ready(page, server, f"?{NET}&steps=150&resolution=24")
    page.wait_for_function("document.querySelectorAll('#charts .js-plotly-plot').length >= 5")
    for log, shown in ((False, "50"), (True, "10")):
        page.evaluate("log => window.dimple.setScale(log)", log)
        page.wait_for_function("""shown => [...document.querySelectorAll("#charts .js-plotly-plot")].every((plot) =>
            [...plot.querySelectorAll(".xtick text")].some((text) => text.textContent === shown))""", arg=shown)
        assert page.evaluate("""Math.max(...[...document.querySelectorAll("#charts .js-plotly-plot")].map((plot) =>
            plot.querySelectorAll(".xtick").length))""") <= 8


def along(page, step):
    """Where a step is on the linear time line, in pixels of the page."""
    page.evaluate("window.dimple.setScale(false)")
    box = page.locator("#timeline .track").bounding_box()
    share = step / page.evaluate("window.dimple.state().lastStep")
    return box["x"] + box["width"] * share, box["y"] + box["height"] / 2


def listening(page):
    """A list that fills with (step, priority) of every frame asked for."""
    asked = []
    page.on("request", lambda request: "/api/frame" in request.url and asked.append(
        (int(parse_qs(urlparse(request.url).query)["step"][0]), request.headers.get("priority"))))
    return asked


def test_a_step_the_mouse_lies_on_is_fetched_before_it_is_clicked(page, server):
    asked = listening(page)
    ready(page, server)
    page.mouse.move(*along(page, 313))
    while not (hints := [step for step, priority in asked if priority == "u=6" and abs(step - 313) <= 1]):
        page.wait_for_timeout(20)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("step => window.dimple.state().shown === step", arg=hints[0])
    more = [priority for step, priority in asked if step == hints[0]]
    assert more in (["u=6"], ["u=6", None])  # once more where the click came before the answer
    page.evaluate("""x => {
        const track = document.querySelector("#timeline .track");
        const over = { bubbles: true, clientX: x, pointerType: "mouse" };
        track.dispatchEvent(new PointerEvent("pointermove", over));
        track.dispatchEvent(new PointerEvent("pointerleave", over)); }""", along(page, 222)[0])
    page.wait_for_timeout(200)
    assert not [step for step, _ in asked if abs(step - 222) <= 1]  # only passed over


def test_a_draft_is_the_exact_boundary_on_a_coarser_grid_and_the_full_one_follows(page, server):
    ready(page, server)
    page.evaluate("""() => {
        window.drafts = [];
        document.addEventListener("dimple:step", () => {
            const { drafted, step } = window.dimple.state();
            const { x, y, z } = window.dimple.mesh();
            if (drafted === step) window.drafts.push([step, ...[x, y, z].map((axis) => [...axis])]);
        }); }""")
    page.mouse.move(*along(page, 101))
    page.mouse.down()
    page.mouse.move(*along(page, 140), steps=4)
    page.wait_for_function("window.dimple.state().shown === window.dimple.state().step")
    page.mouse.up()
    step, *xyz = page.evaluate("window.drafts.at(-1)")
    assert step == page.evaluate("window.dimple.state().step")
    for have, side in ((np.column_stack(xyz), 24), (drawn(page), 48)):
        want, window = expected(f"exhibit=dimpled-sheet&resolution={side}", step)
        span = np.subtract(window.high, window.low)
        limit = 0.1 / (side - 1)
        assert cKDTree(want / span).query(have / span)[0].max() < limit
        assert cKDTree(have / span).query(want / span)[0].max() < limit


def test_steps_are_drawn_while_the_time_line_is_dragged(page, server):
    asked = listening(page)
    ready(page, server)
    page.evaluate("""() => {
        window.seen = new Set();
        document.addEventListener("dimple:step", () => window.seen.add(window.dimple.state().drafted)); }""")
    page.mouse.move(*along(page, 101))
    page.mouse.down()
    there = set()
    for move in range(2000):
        page.mouse.move(*along(page, 101 + move % 200))
        there = {step for step, priority in asked if priority is None} & set(page.evaluate("[...window.seen]"))
        if len(there) > 3:
            break
    assert len(there) > 3
    page.mouse.move(*along(page, 277))
    page.wait_for_function("Math.abs(window.dimple.state().shown - 277) <= 1")
    page.mouse.up()
    assert page.evaluate("window.dimple.state().shown === window.dimple.state().step")


def test_a_new_run_compiles_no_shader(page, server):
    page.add_init_script("""{
        const own = WebGLRenderingContext.prototype;
        const compile = own.compileShader;
        window.compiled = 0;
        own.compileShader = function (shader) { window.compiled += 1; return compile.call(this, shader); }; }""")
    query = f"{NET}&steps=60&resolution=24"
    ready(page, server, f"?{query}")
    before = page.evaluate("window.compiled")
    for seed in (1, 2):
        page.evaluate("link => { window.dimple.open(link); }", f"{query}&seed={seed}")
        page.wait_for_function("part => window.dimple.state().ready && window.dimple.state().link.includes(part)",
                               arg=f"seed={seed}")
    assert page.evaluate("window.compiled") == before > 5


# Widths in page pixels of what is drawn in class B's colour where the boundary hides points of that class.
GHOSTS = """() => {
    const { lift } = window.dimple.state();
    const plot = document.querySelector("#picture .plot");
    const { points } = plot.layout.meta;
    const hidden = plot.data.find((trace) => trace.marker?.symbol === "diamond-open" && trace.customdata?.length);
    const parts = window.dimpleParts.scene;
    parts.redraw(plot, false);
    const canvas = parts.canvas(plot);
    const { width, height } = canvas;
    const pen = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
    pen.drawImage(canvas, 0, 0);
    const box = canvas.getBoundingClientRect();
    const ratio = width / box.width;
    return hidden.customdata.map((point) => {
        const place = parts.onScreen(plot, [points.x[point], points.y[point], lift[point]]);
        const [x, y] = [Math.round((place.x - box.left) * ratio), Math.round((place.y - box.top) * ratio)];
        const reach = Math.round(12 * ratio);
        const { data } = pen.getImageData(x - reach, y, 2 * reach, 1);
        const isBlue = (at) => data[4 * at] < 60 && data[4 * at + 2] > 140;
        const blue = Array.from({ length: 2 * reach }, (_, at) => at).filter(isBlue);
        return blue.length ? (blue.at(-1) - blue[0] + 1) / ratio : 0;
    });
}"""


def test_marks_have_one_size_whenever_their_kind_first_appears(page, server):
    ready(page, server)
    ready(page, server)  # a page that is open while the run trains has shown other steps before
    assert page.evaluate("window.dimple.state().shown") == 0  # where no point of class B is hidden
    seek(page, 400)
    widths = page.evaluate(GHOSTS)
    assert len(widths) > 5 and 14 <= np.median(widths) <= 17


@pytest.mark.fetching
def test_playing_goes_on_while_the_picture_is_turned_and_the_camera_stays(page, server):
    ready(page, server)
    seek(page, 0)
    before = page.evaluate("window.dimple.state().camera")
    page.evaluate("window.dimple.play()")
    box = page.locator("#picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 10, steps=4)
    held = page.evaluate("window.dimple.state().shown")
    page.wait_for_function("held => window.dimple.state().shown > held", arg=held)  # the pointer is still down
    page.mouse.move(x + 80, y + 20, steps=4)
    page.mouse.up()
    page.evaluate("window.dimple.pause()")
    after = page.evaluate("window.dimple.state().camera")
    assert before is None or before["eye"] != after["eye"]
    seek(page, 300)
    assert page.evaluate("window.dimple.state().camera")["eye"] == after["eye"]


def test_keys_drive_the_time_line(page, server):
    ready(page, server)
    seek(page, 50)
    page.locator("#title").click()  # the keyboard goes nowhere in particular
    for key, step in (("ArrowRight", None), ("End", 400), ("Home", 0)):
        page.keyboard.press(key)
        if step is None:
            page.wait_for_function("window.dimple.state().shown > 50")
        else:
            page.wait_for_function("step => window.dimple.state().shown === step", arg=step)
    page.keyboard.press("Space")
    page.wait_for_function("window.dimple.state().playing")
    page.keyboard.press("Space")
    page.wait_for_function("!window.dimple.state().playing")


def test_a_changed_knob_retrains_and_lands_in_the_link(page, server):
    ready(page, server)
    before = drawn(page)
    seed = page.get_by_label("Seed", exact=True)
    seed.fill("3")
    seed.press("Enter")
    page.wait_for_function("window.dimple.state().link.includes('seed=3') && window.dimple.state().ready")
    assert "seed=3" in page.url
    seek(page, 400)
    after = drawn(page)
    assert after.shape != before.shape or not np.array_equal(after, before)
    want, window = expected("exhibit=dimpled-sheet&seed=3", 400)
    span = np.subtract(window.high, window.low)
    assert cKDTree(want / span).query(after / span)[0].max() < 0.1 * SIZE_OF_A_CELL


def test_until_the_first_picture_of_a_new_run_all_that_is_shown_and_sought_is_of_the_old_one(page, server):
    page.goto(f"{server.url}?exhibit=authors-line")  # trained before, it is ready at once
    page.wait_for_function("window.dimple?.state().ready")
    ready(page, server)
    seek(page, 50)
    page.route(lambda url: "/api/frame" in url and "exhibit=authors-line" in url, lambda route: None)
    with page.expect_request(lambda request: "/api/frame" in request.url and "exhibit=authors-line" in request.url):
        page.evaluate("window.dash_clientside.set_props('exhibit', { value: 'authors-line' })")
    title = page.locator("#title")
    before = title.inner_text()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    seek(page, 50)
    assert title.inner_text() == before and "exhibit=dimpled-sheet" in page.evaluate("dimple.state().link")
    assert len(drawn(page))
    page.evaluate("dimple.show({ colour: 'plain' })")
    page.unroute_all()  # which lets go on what is held
    page.wait_for_function("dimple.state().ready && dimple.state().link.includes('exhibit=authors-line')")
    page.wait_for_function("dimple.state().shown === 0 && dimple.state().view.colour === 'plain'")
    assert page.evaluate("dimple.mesh()") is None
    expect(title).not_to_have_text(before)


def test_two_pages_at_once_show_their_own_worlds(page, chrome, server):
    ready(page, server, f"?{NET}&seed=5&steps=60")
    other = chrome.new_context(viewport={"width": 1024, "height": 700}, reduced_motion="reduce")
    second = other.new_page()
    try:
        ready(second, server, "?exhibit=wave&steps=60")
        seek(page, 60)
        assert "seed=5" in page.evaluate("window.dimple.state().link")
        assert "wave" in second.evaluate("window.dimple.state().link")
        want, window = expected(f"{NET}&seed=5&steps=60", 60)
        span = np.subtract(window.high, window.low)
        assert cKDTree(want / span).query(drawn(page) / span)[0].max() < 0.1 * SIZE_OF_A_CELL
    finally:
        other.close()


@pytest.mark.parametrize("exhibit", ["authors-line", "authors-chess", "wave"])
def test_other_exhibits_open(page, server, exhibit):
    page.goto(f"{server.url}?exhibit={exhibit}&steps=60")
    page.wait_for_function("window.dimple?.state().ready && window.dimple.state().shown >= 0")
    expect(page.locator("#title")).not_to_be_empty()
    assert page.locator("#notice").inner_text() == "" or "boundary" in page.locator("#notice").inner_text()
    flat = exhibit == "authors-line"
    assert ("logit" in page.locator("#legend").inner_text()) == flat
    assert page.locator("#looks").get_by_text("cut open", exact=True).is_visible() == (not flat)
