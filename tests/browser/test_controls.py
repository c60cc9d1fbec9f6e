"""Every kind of control, the link, the looks, the colour scheme; and what the page says while it works."""

import urllib.request

import pytest
from playwright.sync_api import Page, expect
from test_everyone import SMALL, measured
from test_page import drawn, ready, seek

from app.limits import Limits

pytestmark = pytest.mark.browser


def link(page: Page) -> str:
    return page.evaluate("window.dimple.state().link")


def retrained(page: Page, part: str) -> None:
    page.wait_for_function("part => dimple.state().link.includes(part) && dimple.state().ready", arg=part)


def test_link_looks_folding_and_colours_leave_the_run_alone(page, server):
    ready(page, server, SMALL)
    seek(page, 20)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url and "step=20" in copied

    before, mesh = link(page), drawn(page)
    wide = page.locator("#picture").bounding_box()["width"]
    page.locator("#fold").click()
    page.wait_for_function("wide => picture.clientWidth > wide + 150", arg=wide)
    assert page.locator("#fold").get_attribute("aria-expanded") == "false"
    ink = "document.querySelector('#charts .js-plotly-plot')._fullLayout.font.color"
    light = page.evaluate(ink)
    page.get_by_label("Light or dark").click()
    page.wait_for_function("document.documentElement.dataset.mantineColorScheme === 'dark'")
    page.wait_for_function(f"light => {ink} !== light", arg=light)
    page.wait_for_function("document.querySelector('#picture .plot')._fullLayout.scene.xaxis.gridcolor === '#33373a'")
    assert (drawn(page) == mesh).all() and page.evaluate("dimple.state().shown") == 20

    for name, view in (("plain", "colour"), ("cut open", "cut"), ("shortest on, off", "arrows"), ("true", "vertical")):
        page.locator("#looks").get_by_text(name, exact=True).click()
        page.wait_for_function("view => view in dimple.state().view", arg=view)
    page.wait_for_function("n => dimple.mesh().x.length < n", arg=len(mesh))  # half of it is cut away
    page.wait_for_function("document.querySelector('#legend').textContent.includes('along the manifold')")
    assert link(page) == before
    page.wait_for_url("**cut=1**")  # the address has it too
    page.reload()
    page.wait_for_function("window.dimple?.state().ready && dimple.state().shown === 20")
    page.wait_for_function("dimple.state().view.cut === '1' && dimple.state().view.colour === 'plain'")

    # plain HTTP on a network: a browser offers a page no clipboard at all
    page.get_by_role("button", name="Copy link").wait_for()  # it can be pressed again
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.get_by_role("button", name="Copy link").click()
    box = page.get_by_role("dialog").get_by_role("textbox", name="Link to what you see")
    expect(box).to_have_value(page.url)
    assert page.get_by_text("Copied").count() == 0


def test_time_line_options_bands_and_what_a_wait_is_for(page, server):
    measured(page, server)
    seek(page, 30)
    cursor = "new DOMMatrix(getComputedStyle(document.querySelector('#timeline .cursor')).transform).e"
    there = page.evaluate(cursor)
    page.get_by_role("button", name="linear", exact=True).click()
    assert page.evaluate(cursor) < there - 20 and page.evaluate("dimple.state().log") is False
    page.get_by_role("button", name="log", exact=True).click()
    assert abs(page.evaluate(cursor) - there) < 1
    page.get_by_label("Speed").select_option("4")
    page.get_by_role("button", name="Repeat").click()
    state = page.evaluate("dimple.state()")
    assert state["speed"] == 4 and state["loop"] is True
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("dimple.state().step > 50")
    page.wait_for_function("dimple.state().step < 40")  # it starts over
    page.get_by_role("button", name="Pause", exact=True).click()
    band = page.locator("#timeline .band").last
    start = int(band.get_attribute("title").split("steps ")[1].split(" ")[0])
    band.click()
    page.wait_for_function("start => dimple.state().shown === start", arg=start)

    page.evaluate("""() => {
      const ask = window.fetch;
      window.fetch = (what, how) => new Promise((resolve) => setTimeout(resolve, 1500)).then(() => ask(what, how));
    }""")
    page.locator("#looks").get_by_text("plain", exact=True).click()
    page.wait_for_function("!progress.hidden && progress.getAttribute('aria-label') === 'Drawing this step'")
    assert "Drawing this step" in page.locator("#notice").inner_text()
    page.wait_for_function("progress.hidden && notice.hidden && dimple.state().view.colour === 'plain'")


def test_controls_retrain_a_reset_can_be_undone_and_starts_are_the_same_or_new(page, server):
    ready(page, server, SMALL + "&seed=7")
    page.get_by_label("Labels", exact=True).first.click()
    page.get_by_role("option", name="rings", exact=True).click()
    retrained(page, "labels=rings")
    page.get_by_role("slider", name="Learning rate").focus()
    page.keyboard.press("ArrowRight")
    retrained(page, "learning_rate=")
    shown = page.get_by_role("textbox", name="Learning rate").input_value()
    assert f"learning_rate={shown}" in link(page) and "labels=rings" in link(page)

    seek(page, 60)
    own, first = link(page), drawn(page)
    page.get_by_role("button", name="Back to the exhibit").click()
    page.wait_for_function("!dimple.state().link.includes('labels=') && dimple.state().ready")
    page.get_by_role("button", name="Undo").click()
    retrained(page, "labels=rings")
    assert link(page) == own
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    page.get_by_role("button", name="Same start").click()
    page.wait_for_function("dimple.state().playing")
    page.evaluate("dimple.pause()")
    assert link(page) == own
    seek(page, 60)
    assert drawn(page).shape == first.shape and (drawn(page) == first).all()
    page.get_by_role("button", name="New start").click()
    page.wait_for_function("!/seed=7(&|$)/.test(dimple.state().link) && dimple.state().ready")
    assert "labels=rings" in link(page)

    page.get_by_label("Exhibit", exact=True).first.click()
    page.get_by_role("option", name="A wall, not a sheet").click()
    page.wait_for_function("dimple.state().link.includes('exhibit=wall') && dimple.state().ready")
    page.go_back()  # what had been set is not lost
    page.wait_for_function("dimple.state().link.includes('labels=rings') && dimple.state().ready")


def test_a_control_is_dim_while_others_leave_it_without_use(page, server):
    ready(page, server, SMALL)
    dim = page.locator(".control[data-idle]")
    expect(dim).to_contain_text(["Momentum", "Attack radius", "Gradient penalty", "Input noise", "Label smoothing"])
    page.get_by_label("Regime", exact=True).first.click()
    page.get_by_role("option", name="adversarial, L2", exact=True).click()
    expect(dim).to_contain_text(["Momentum", "Gradient penalty", "Input noise", "Label smoothing"])
    retrained(page, "regime=adversarial")
    page.get_by_role("textbox", name="Momentum").fill("0.5")  # to be used later
    retrained(page, "momentum=0.5")


def test_a_button_that_a_mouse_has_pressed_leaves_space_to_the_time_line(page, server):
    ready(page, server, SMALL)
    for press in ("linear", "Compare"):
        page.evaluate("dimple.pause()")
        page.get_by_role("button", name=press, exact=True).click()
        page.keyboard.press("Space")
        page.wait_for_function("dimple.state().playing")
    assert page.evaluate("dimple.state().beside") and page.locator("#compare").get_attribute("aria-pressed") == "true"


def test_a_place_in_line_is_said(page, own_server):
    long = [urllib.request.urlopen(f"{own_server.url}api/run?exhibit=dimpled-sheet&steps=60000&seed={90 + i}")
            for i in range(Limits().workers)]
    page.goto(own_server.url + SMALL + "&seed=89")
    page.wait_for_function("window.notice?.textContent.includes('place 1 in the queue')")
    for run in long:  # a run that nobody waits for ends
        run.close()
    page.wait_for_function("window.dimple?.state().ready && notice.hidden")
