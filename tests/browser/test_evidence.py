"""The evidence beside the picture: claims as the simulator judges them, in one seed and many; runs, sweeps, cancel."""

import csv
import io
from functools import cache

import pytest
from playwright.sync_api import Page, expect
from test_page import TINY, ready

from toy.experiment import evidence, findings
from toy.experiments import EXPERIMENTS
from toy.link import change, parse
from toy.trials import trainer

pytestmark = pytest.mark.browser

EXPERIMENT = EXPERIMENTS["dimpled-sheet"]
SHORT = TINY.replace("steps=40", "steps=8")  # every step of a run this long is measured, for each seed


def panel(page: Page, server, link: str = SHORT) -> None:
    ready(page, server, f"?{link}&step=5")
    page.get_by_role("tab", name="Evidence").click()
    expect(page.locator("#evidence .claim")).to_have_count(len(EXPERIMENT.claims))


@cache
def measured(seed: int):
    return evidence(EXPERIMENT, change(parse(SHORT), {"seed": seed}), trainer()).results


def chips(page: Page) -> dict[str, str]:
    return {node.get_attribute("data-claim"): node.locator(".chip").inner_text()
            for node in page.locator("#evidence .claim").all()}


def test_this_seed_shows_the_verdicts_the_simulator_computes(page, server):
    panel(page, server)
    page.get_by_role("button", name="Measure this seed").click()
    page.wait_for_selector("#evidence .claim .value")
    words = {True: "holds", False: "fails", None: "undefined"}
    assert chips(page) == {name: words[result.holds] for name, result in measured(0).items()}
    shown = float(page.locator("[data-claim=dimples-follow-labels] .value").inner_text().replace("−", "-"))
    assert shown == pytest.approx(measured(0)["dimples-follow-labels"].value, rel=5e-3)
    assert page.locator("#evidence th[title=accuracy_at_t_cling]").text_content() == "accuracy when it clings"


def test_four_seeds_show_shares_and_pictures_and_a_picture_opens_its_seed(page, server):
    panel(page, server)
    page.get_by_label("Seeds", exact=True).first.fill("4")
    page.get_by_role("button", name="How typical is this?").click()
    page.wait_for_selector("#evidence .gallery")
    expected = findings(EXPERIMENT, [measured(seed) for seed in range(4)])
    assert chips(page) == {found.claim.name: found.verdict for found in expected}
    for found in expected:
        line = page.locator(f"[data-claim={found.claim.name}] .seeds").inner_text()
        assert f"Holds in {round(4 * found.holds.value)} of 4 seeds" in line and f"{found.holds.low:.2f}" in line
    assert page.locator("#evidence .gallery svg").count() == 4
    assert page.locator("#evidence .claim svg").count() == len(EXPERIMENT.claims)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    page.get_by_role("button", name="Open seed 2").click()
    page.wait_for_function("window.dimple.state().link.includes('seed=2') && window.dimple.state().ready")
    assert "seed=2" in page.url


def test_cancelling_ends_the_work_and_says_so(page, server):
    panel(page, server, "exhibit=dimpled-sheet&seed=900")
    seeds, ask = page.get_by_label("Seeds", exact=True).first, page.get_by_role("button", name="How typical is this?")
    seeds.fill("")
    ask.click()
    expect(page.locator("#evidence .going").first).to_be_hidden()  # the field asks for a number first
    seeds.fill("32")
    ask.click()
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.locator("#evidence .note").first).to_have_text("Cancelled.")
    expect(page.locator("#evidence .going").first).to_be_hidden()
    expect(page.locator("#evidence .chip").first).to_have_text("not measured")


def test_a_sweep_is_drawn_and_saved(page, server):
    panel(page, server)
    page.locator("[data-part=sweep] summary").click()
    page.get_by_label("Values, with commas").fill("1, 3")
    page.locator("[data-part=sweep] input[type=number]").fill("2")
    page.locator("[data-part=sweep]").get_by_role("button", name="Run", exact=True).click()
    page.wait_for_selector(".swept svg")
    expect(page.locator(".swept option[value=gap_end]")).to_have_text("gap at the end")
    expect(page.locator(".swept .fit").first).to_contain_text("dimple depth")
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(caught.value.path().read_text(encoding="utf-8"))))
    assert [(row["codimension"], row["seed"]) for row in rows] == [("1", "0"), ("1", "1"), ("3", "0"), ("3", "1")]
    page.locator("[data-part=sweep]").get_by_label("Values, with commas").fill("9999")
    page.locator("[data-part=sweep]").get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("codimension must be a whole number between 0 and 1000, got 9999")).to_be_visible()


def test_tabs_and_runs_by_keyboard(page, server):
    ready(page, server, f"?{SHORT}&step=5")
    page.get_by_role("tab", name="Charts").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Evidence")).to_have_attribute("aria-selected", "true")
    assert page.evaluate("window.dimple.state().step") == 5  # the arrow was the tabs', not the time line's
    runs = page.locator("[data-part=cases]")
    runs.locator("summary").focus()
    page.keyboard.press("Enter")
    runs.get_by_role("button", name="hero").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("window.dimple.state().ready")
    page.get_by_role("tab", name="Evidence").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#charts .js-plotly-plot").first).to_be_visible()
