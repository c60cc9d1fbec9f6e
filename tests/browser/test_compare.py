"""Two runs beside each other, branches, and links that carry the whole state to another browser."""

from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy.spatial import cKDTree
from test_page import NET, SIZE_OF_A_CELL, TINY, drawn, expected, ready, seek

pytestmark = pytest.mark.browser

RUN = f"{NET}&steps=120"
SMALL = f"?{RUN}"


def beside(page: Page) -> np.ndarray:
    mesh = page.evaluate("window.dimple.besideMesh()")
    return np.column_stack([mesh[axis] for axis in "xyz"]).astype(float)


def alike(have: np.ndarray, query: str, step: int) -> bool:
    want, window = expected(query, step)
    span = np.subtract(window.high, window.low)
    return max(cKDTree(want / span).query(have / span)[0].max(),
               cKDTree(have / span).query(want / span)[0].max()) < 0.1 * SIZE_OF_A_CELL


def both_at(page: Page, step: int, other: int) -> None:
    seek(page, step)
    page.wait_for_function("step => window.dimple.state().besideShown === step", arg=other)


def test_a_run_stays_beside_while_the_other_changes_and_a_link_carries_both(page, chrome, server):
    ready(page, server, SMALL)
    seek(page, 60)
    alone = page.evaluate("Math.hypot(...Object.values(dimple.state().camera.eye))")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_function("window.dimple.besideMesh()?.x?.length > 0")
    seed = page.get_by_label("Seed", exact=True)
    seed.fill("3")
    seed.press("Enter")
    page.wait_for_function("window.dimple.state().link.includes('seed=3') && window.dimple.state().ready")
    assert page.evaluate("window.dimple.state().step") == 60  # the step that was looked at stays
    eyes = [page.evaluate(f"Math.hypot(...Object.values(dimple.state().{which}.eye))")
            for which in ("camera", "besideCamera")]
    assert min(eyes) > 1.3 * alone  # from further away: each picture is half as wide, also with another run in it
    both_at(page, 90, 90)
    assert alike(drawn(page), f"{RUN}&seed=3&v=2", 90)
    assert alike(beside(page), f"{RUN}&v=2", 90)
    assert "Seed 3" in page.locator(".head.a").inner_text() and "Seed 0" in page.locator(".head.b").inner_text()

    box = page.locator("#beside").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 15, steps=4)
    page.mouse.up()
    state = page.evaluate("window.dimple.state()")
    assert np.allclose(list(state["camera"]["eye"].values()), list(state["besideCamera"]["eye"].values()), atol=1e-3)

    link = page.evaluate("window.dimple.share()")
    other = chrome.new_context(viewport={"width": 1024, "height": 700}, reduced_motion="reduce")
    try:
        second = other.new_page()
        ready(second, server, f"?{link}")
        second.wait_for_function("window.dimple.state().shown === 90 && window.dimple.state().besideShown === 90")
        assert np.array_equal(drawn(second), drawn(page)) and np.array_equal(beside(second), beside(page))
        eye = second.evaluate("window.dimple.state().camera.eye")
        assert np.allclose(list(eye.values()), list(state["camera"]["eye"].values()), atol=0.01)
    finally:
        other.close()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_function("window.dimple.besideMesh() === null")
    assert "with" not in page.evaluate("location.search")


def test_a_branch_stands_beside_its_parent_at_the_same_number_of_updates(page, server):
    ready(page, server, SMALL)
    seek(page, 40)
    parent = drawn(page)
    page.get_by_role("button", name="Branch here").click()
    page.wait_for_function("window.dimple.state().link.includes('from.step=40') && window.dimple.state().ready")
    page.wait_for_function("window.dimple.besideMesh()?.x?.length > 0")
    page.wait_for_function("dimple.state().step === 0 && dimple.state().besideShown === 40")  # where it branched
    expect(page.locator(".head.b")).to_contain_text("(its step 40)")
    loss = "document.querySelector('.chart[data-chart=loss] .plot').data"
    page.wait_for_function(f"{loss}.length > 2 && Math.min(...{loss}.at(-1).x.filter((step) => step > 0.5)) <= 1")
    both_at(page, 0, 40)
    rate = page.get_by_label("Learning rate", exact=True).first
    rate.fill("0.01")
    rate.press("Enter")
    page.wait_for_function("window.dimple.state().link.includes('learning_rate') && window.dimple.state().ready")
    assert "from.learning_rate=0.001" in page.evaluate("window.dimple.state().link")
    both_at(page, 10, 50)
    assert alike(beside(page), f"{RUN}&v=2", 50)
    assert not alike(drawn(page), f"{RUN}&v=2", 50)
    assert len(parent)


def test_a_wrong_second_run_is_said_and_the_first_stays(page, server):
    ready(page, server, f"{SMALL}&with=exhibit%3Dnothing")
    expect(page.locator("#link-notice")).to_contain_text("with.exhibit must be one of")
    assert len(drawn(page)) and page.evaluate("window.dimple.besideMesh()") is None


def test_what_is_seen_is_said_of_both_runs_where_it_differs(page, server):
    shorter = TINY.replace("codimension=3", "codimension=1").replace("steps=40", "steps=30")
    ready(page, server, f"?{TINY}&with={quote(shorter)}")
    said = page.locator("#subtitle span")
    expect(said).to_have_count(2, timeout=120_000)
    assert "R⁵" in said.nth(0).inner_text() and "R³" in said.nth(1).inner_text()
    both_at(page, 30, 30)
    expect(page.locator("[data-number=gradient_normal_share] .chance")).to_have_text("0.600 / 0.333")  # ell / n of each
    assert "last step" not in page.locator(".head.b").inner_text()
    both_at(page, 35, 30)
    expect(page.locator(".head.b")).to_contain_text("at its last step 30")
    page.get_by_role("button", name="Compare").click()
    expect(said).to_have_count(1)
    assert "R⁵" in said.inner_text()
    expect(page.locator("[data-number=gradient_normal_share] .chance")).to_have_text("0.600")


def test_a_flat_picture_that_grows_while_a_frame_is_drawn_is_true_to_scale(page, server):
    flat = TINY.replace("codimension=3", "codimension=0")
    page.goto(server.url + f"?{flat}&with={quote(f'{flat}&seed=1')}&step=3")
    page.wait_for_function("window.dimple?.state().shown === 3 && window.dimple.state().besideShown === 3")
    both_at(page, 30, 30)
    both_at(page, 3, 3)
    page.evaluate("async () => { await dimple.compare(null); dimple.seek(30); }")
    page.wait_for_function("""() => {
      const { width, xaxis, yaxis } = document.querySelector('#picture .js-plotly-plot')._fullLayout;
      const scale = ({ _length, range: [low, high] }) => _length / (high - low);
      return dimple.state().shown === 30 && width > 500 && Math.abs(scale(xaxis) / scale(yaxis) - 1) < 1e-3;
    }""")
