"""For everyone: accessibility on every state of the page, the keyboard alone, touch, presenting."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from test_page import NET, ready, seek

pytestmark = pytest.mark.browser

SMALL = f"?{NET}&steps=60&resolution=24&lang=en"
ONLY = {"resultTypes": ["violations"]}  # what passes is neither described nor sent: half the time


def faults(page: Page, where: str | None = None) -> list[str]:
    """Serious and critical faults axe-core finds on the page, or in its part at a selector."""
    response = Axe().run(page, context=where, options=ONLY).response
    return [f"{found['id']}: {node['html'][:200]}" for found in response["violations"]
            if found["impact"] in ("serious", "critical") for node in found["nodes"]]


def measured(page: Page, server, query: str = SMALL) -> None:
    ready(page, server, query)
    page.wait_for_function("verdict.textContent && progress.hidden")


def wrong_value(page: Page) -> None:
    box = page.get_by_label("Width", exact=True).first
    box.fill("9999")
    box.press("Enter")
    page.get_by_text("got 9999").wait_for()


def dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.mantineColorScheme === 'dark'")


def menu(page: Page) -> None:
    page.get_by_text("More", exact=True).click()


def about(page: Page) -> None:
    menu(page)
    page.get_by_role("button", name="About").click()
    page.get_by_role("dialog").wait_for()
    page.wait_for_timeout(400)  # it fades in; half faded letters have half their contrast


def opened(page: Page) -> None:
    page.get_by_text("All measured steps").click()
    page.locator("#data tbody tr").first.wait_for()


def press(key: str):
    return lambda page: page.keyboard.press(key)


def compare(page: Page) -> None:
    page.get_by_role("button", name="Compare").click()


def nothing(page: Page) -> None:
    pass


PAGE, DIALOG = None, "[role=dialog]"
# state: (how to get there, how to leave it, the part of the page that is another one in it)
STATES = {
    "fresh": (nothing, nothing, PAGE),
    "playing": (lambda page: page.evaluate("dimple.setLoop(true), dimple.play()"),
                lambda page: page.evaluate("dimple.pause()"), "main"),
    "controls folded": (lambda page: page.locator("#fold").click(), lambda page: page.locator("#fold").click(),
                        "header"),
    "menu open": (menu, press("Escape"), "header"),
    "about": (about, press("Escape"), DIALOG),
    "table open": (opened, nothing, "#data"),
    "compared": (compare, compare, PAGE),
    "presenting": (press("p"), press("p"), PAGE),
    "dark": (dark, nothing, PAGE),
    "dark, presenting": (press("p"), press("p"), PAGE),
    "dark, about": (about, press("Escape"), DIALOG),
    "dark, error": (wrong_value, nothing, "#controls"),
}


def test_no_state_of_the_page_has_a_serious_fault(page, server):
    measured(page, server)
    found = {}
    for state, (enter, leave, where) in STATES.items():
        enter(page)
        found[state] = faults(page, where)
        leave(page)
        page.wait_for_timeout(300)
    assert not {state: bad for state, bad in found.items() if bad}
    page.evaluate("document.querySelector('#controls').append(new Image())")
    assert "image-alt" in str(faults(page, "#controls"))  # what is wrong is found


def test_nor_has_a_flat_world_in_japanese(page, server):
    page.goto(server.url + "?exhibit=authors-line&lang=ja&steps=60")  # two dimensions, so there is no mesh
    page.wait_for_function("window.dimple?.state().ready")
    assert page.locator("#picture .plot").get_attribute("role") == "img"
    assert not faults(page)


def test_nor_has_a_refused_link(page, server):
    page.goto(server.url + "?exhibit=dimpled-sheet&width=9999&lang=en")
    page.get_by_text("got 9999").wait_for()
    page.wait_for_function("window.dimple?.state().ready")
    assert not faults(page)


# -- the keyboard alone ------------------------------------------------------------------------------------------------

FOCUS = """() => {
  const at = document.activeElement;
  if (at === document.body) return null;
  const name = at.getAttribute("aria-label") || at.labels?.[0]?.textContent || at.textContent || at.title;
  const styles = [at, at.closest(".track"), at.nextElementSibling].filter(Boolean).map((n) => getComputedStyle(n));
  const seen = styles.some(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth));
  return { name: name.trim(), seen: Boolean(seen), html: at.outerHTML.slice(0, 160) };
}"""


def test_tab_reaches_everything_names_it_and_shows_where_it_is(page, server):
    measured(page, server)
    assert page.evaluate("dimple.state().playing") is False  # a page of these tests wants no motion
    assert page.evaluate("getComputedStyle(document.querySelector('#picture .plot')).transitionDuration") == "0s"
    page.evaluate("document.activeElement.blur()")
    stops = []
    while len(stops) < 250:
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop is None:
            break
        stops.append(stop)
    assert stop is None, "the keyboard is caught"
    assert not [stop for stop in stops if not stop["name"]]
    assert not [stop["html"] for stop in stops if not stop["seen"]]
    names = [stop["name"] for stop in stops]
    for wanted in ("Exhibit", "Compare", "Copy link", "More", "Same start", "Width", "Training step", "Play",
                   "Charts, verdict and numbers", "All measured steps"):
        assert wanted in names, wanted
    assert any(name.startswith("Picture") for name in names)


def test_the_picture_is_turned_by_keys_and_a_click_leaves_the_arrows_to_time(page, server):
    measured(page, server)
    seek(page, 10)
    plot = page.locator("#picture .plot")
    plot.focus()
    before = page.evaluate("dimple.state().camera.eye")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("x => dimple.state().camera.eye.x !== x", arg=before["x"])
    turned = page.evaluate("dimple.state().camera.eye")
    assert abs(turned["z"] - before["z"]) < 1e-3 and page.evaluate("dimple.state().step") == 10
    page.keyboard.press("+")
    page.wait_for_function("z => dimple.state().camera.eye.z < z - 0.01", arg=turned["z"])
    nearer = page.evaluate("dimple.state().camera.eye.z")
    page.keyboard.press("ArrowUp")
    page.wait_for_function("z => dimple.state().camera.eye.z > z + 0.01", arg=nearer)
    page.locator("#title").click()
    plot.click()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("dimple.state().step === 11")


def test_a_screen_reader_hears_the_step_and_can_read_all_of_them(page, server):
    measured(page, server)
    seek(page, 60)
    page.wait_for_function("summary.textContent.startsWith('Step 60 of 60')")
    said = page.locator("#summary").text_content()
    assert "boundary is in the picture" in said and ("right side" in said or "wrong side" in said)
    assert "sheet offset: " in said and "distance, nearest: " in said and "Accuracy " in said
    assert page.locator("#summary").get_attribute("aria-live") == "polite"
    opened(page)
    assert page.locator("#data caption").inner_text()
    head = page.locator("#data thead th[scope=col]").all_inner_texts()
    steps = page.locator("#data tbody th[scope=row]").all_inner_texts()
    assert head[:3] == ["step", "loss", "accuracy"] and len(head) > 10
    assert steps[0] == "0" and steps[-1] == "60" and steps == sorted(steps, key=int) and len(steps) > 20
    last = dict(zip(head, page.locator("#data tbody tr").last.locator("th, td").all_inner_texts(), strict=True))
    assert last["sheet offset"] == page.locator("#numbers tr[data-number=sheet_offset] .value").inner_text()


def test_a_page_plays_at_once_where_motion_is_wanted(chrome, server):
    context = chrome.new_context(viewport={"width": 1024, "height": 700}, reduced_motion="no-preference")
    try:
        page = context.new_page()
        page.goto(server.url + SMALL)
        page.wait_for_function("window.dimple?.state().playing")
    finally:
        context.close()


# -- presenting --------------------------------------------------------------------------------------------------------


def test_presenting_by_clicker(page, server):
    measured(page, server, "?exhibit=dimpled-sheet&lang=en")
    seek(page, 0)
    size = page.evaluate("parseFloat(getComputedStyle(verdict).fontSize)")
    menu(page)
    page.get_by_role("button", name="Present").click()
    page.wait_for_function("document.body.classList.contains('is-presenting')")
    for hidden in ("#controls", "#looks", "header"):
        assert not page.locator(hidden).first.is_visible()
    assert page.evaluate("parseFloat(getComputedStyle(verdict).fontSize)") >= 1.25 * size
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    visited = [0]
    for _ in range(3):
        page.keyboard.press("PageDown")
        page.wait_for_function("step => dimple.state().step > step", arg=visited[-1])
        visited.append(page.evaluate("dimple.state().step"))
    first = "all => all.map(({ title }) => Number(title.match(/\\d+/)[0]))"  # number of a title
    marks, bands = (page.locator(f"#timeline .{kind}").evaluate_all(first) for kind in ("mark", "band"))
    assert set(visited[1:]) <= {*marks, *bands, 400} and len(marks) >= 3
    page.keyboard.press("PageUp")
    page.wait_for_function("step => dimple.state().step === step", arg=visited[-2])
    assert not page.locator(".pointer").is_visible()
    page.keyboard.press("l")
    page.mouse.move(300, 200)
    box = page.locator(".pointer").bounding_box()
    assert abs(box["x"] + box["width"] / 2 - 300) < 2 and abs(box["y"] + box["height"] / 2 - 200) < 2
    assert len(page.evaluate("dimple.mesh().x")) > 0
    page.keyboard.press("Escape")
    page.wait_for_function("!document.body.classList.contains('is-presenting')")
    assert page.locator("#controls").is_visible() and not page.locator(".pointer").is_visible()


# -- by touch ----------------------------------------------------------------------------------------------------------


def fingers(session, kind: str, *places: tuple[float, float]) -> None:
    points = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(places)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_tablet_turns_plays_and_scrubs(chrome, server):
    context = chrome.new_context(viewport={"width": 1024, "height": 700}, has_touch=True, is_mobile=True,
                                 reduced_motion="reduce")
    page = context.new_page()
    try:
        measured(page, server)
        session = context.new_cdp_session(page)
        box = page.locator("#picture .plot").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        before = page.evaluate("dimple.state().camera.eye")
        fingers(session, "touchStart", (x, y))
        for moved in (20, 60, 110):
            fingers(session, "touchMove", (x + moved, y + 10))
        fingers(session, "touchEnd")
        page.wait_for_function("x => Math.abs(dimple.state().camera.eye.x - x) > 0.02", arg=before["x"])
        size = "Math.hypot(...Object.values(dimple.state().camera.eye))"
        far = page.evaluate(size)
        fingers(session, "touchStart", (x - 30, y), (x + 30, y))
        for half in (45, 60, 80):
            fingers(session, "touchMove", (x - half, y), (x + half, y))
        fingers(session, "touchEnd")
        page.wait_for_function(f"far => {size} < 0.8 * far", arg=far)
        assert page.evaluate("[scrollX, scrollY, visualViewport.scale]") == [0, 0, 1]

        track = page.locator("#timeline .track").bounding_box()
        middle = track["y"] + track["height"] / 3
        fingers(session, "touchStart", (track["x"] + 5, middle))
        for share in (0.3, 0.6, 0.999):
            fingers(session, "touchMove", (track["x"] + share * track["width"], middle))
        page.wait_for_function("dimple.state().step === 60")
        fingers(session, "touchEnd")
        assert page.evaluate("[scrollX, scrollY]") == [0, 0]
        page.get_by_role("button", name="Play", exact=True).tap()
        page.wait_for_function("dimple.state().playing")

        page.set_viewport_size({"width": 768, "height": 1024})  # held upright
        picture, measures = (page.locator(f"#page > {part}").bounding_box() for part in ("main", "section"))
        assert picture["y"] + picture["height"] <= measures["y"] and measures["width"] > 500
        within = "all => all.every((n) => n.scrollWidth <= n.clientWidth + 1)"
        assert page.locator("#page > :is(header, main, section)").evaluate_all(within)
    finally:
        context.close()
