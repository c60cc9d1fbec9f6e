"""Lessons as a viewer takes them: by keyboard, in both languages, with the measured number at the end."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.lessons import LESSONS
from app.text import words

pytestmark = pytest.mark.browser
NAME = "authors-line"  # the cheapest to draw


def opened(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function("window.dimple?.state().ready && window.dimple.state().shown >= 0")


def settled(page: Page, number: int) -> None:
    """The run of the lesson's step is shown, at the step of the time line it asks for."""
    page.wait_for_function(f"new URLSearchParams(location.search).get('lesson') === '{NAME}.{number}'")
    page.wait_for_function(f"document.querySelector('#lesson').dataset.set === '{number}'")
    page.wait_for_function("""() => {
      const { ready, link, step } = window.dimple.state();
      const now = new URLSearchParams(location.search);
      return ready && String(step) === now.get("step") && link.includes(now.get("v"));
    }""")


def press(page: Page, selector: str) -> None:
    """Tab from where the keyboard is to an element, and press Enter."""
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return page.keyboard.press("Enter")
    raise AssertionError(f"Tab does not lead to {selector}")


def test_a_whole_lesson_by_keyboard(page, server):
    said, steps = words("en"), LESSONS[NAME]
    opened(page, f"{server.url}?exhibit={NAME}&lang=en")
    page.locator("#lesson-open").focus()
    page.keyboard.press("Enter")
    card = page.locator("#lesson")
    for number, step in enumerate(steps, 1):
        expect(card).to_contain_text(said[f"lesson.{NAME}.{number}.ask"])
        settled(page, number)
        assert page.evaluate("document.activeElement.id") == "lesson-title"
        for hidden in ("#numbers", "#verdict", "#tabs", "#timeline .bands"):
            expect(page.locator(hidden)).to_be_hidden()
        press(page, "#lesson .choice")
        page.wait_for_function("document.querySelector('#lesson .answer').dataset.value", timeout=300_000)
        value = float(page.locator("#lesson .answer").get_attribute("data-value"))
        right = sum(value >= limit for limit in step.ask.limits)
        assert page.locator("#lesson .choice").nth(right).get_attribute("class") == "choice right"
        answer = page.locator("#lesson .answer").inner_text()
        assert answer.startswith(said["lesson.right" if right == 0 else "lesson.wrong"])
        if step.ask.over:
            for column in ("value", "other"):
                depth = page.locator(f"#numbers [data-number=depth_median] .{column}")
                expect(depth).to_have_text(re.compile(r"\d"))
                assert depth.inner_text() in answer
        elif step.ask.kind == "step":
            assert page.get_by_title(f"{said['mark.t_all_right']}: {value:.0f}", exact=True).count() == 1
            assert f"{value:.0f}" in answer
        else:
            assert page.locator("#numbers [data-number=accuracy] .value").inner_text() in answer
        if number < len(steps):
            press(page, "#lesson .next")
    assert page.locator("#lesson .next").is_disabled()
    reached = page.url
    page.locator("#lesson .close").focus()
    page.keyboard.press("Enter")
    expect(card).to_be_hidden()
    assert "lesson=" not in page.url and page.evaluate("document.activeElement.id") == "lesson-open"
    opened(page, reached)
    expect(card).to_contain_text(said[f"lesson.{NAME}.{len(steps)}.ask"])
    assert page.evaluate("new URLSearchParams(location.search).get('with')").startswith(f"exhibit={NAME}")
    assert re.search(rf"[?&]lesson={NAME}\.{len(steps)}(&|$)", page.url) and "init_scale=1" in page.url


def test_a_lesson_moves_the_real_controls_and_a_knob_of_the_viewer_is_put_back(page, server):
    opened(page, f"{server.url}?lesson={NAME}.3")
    settled(page, 3)
    scale = page.get_by_label(words("en")["field.init_scale"], exact=True).first
    expect(scale).to_have_value("4")
    seed = page.get_by_label("Seed", exact=True)
    seed.fill("3")
    seed.press("Enter")
    page.wait_for_function("window.dimple.state().link.includes('seed=3') && window.dimple.state().ready")
    page.locator("#lesson .next").click()
    settled(page, 4)
    expect(scale).to_have_value("1")
    expect(seed).to_have_value("0")
    assert page.locator(".control.moved").count() == 1


def test_another_exhibit_ends_the_lesson(page, server):
    opened(page, f"{server.url}?lesson={NAME}.1")
    settled(page, 1)
    page.evaluate("window.dash_clientside.set_props('exhibit', { value: 'wall' })")
    page.wait_for_function("window.dimple.state().link.includes('exhibit=wall') && window.dimple.state().ready")
    expect(page.locator("#lesson")).to_be_hidden()
    expect(page.locator("#lesson-open")).to_be_hidden()
    assert "lesson=" not in page.url


def test_the_button_opens_the_lesson_of_what_is_seen_though_another_exhibit_is_on_its_way(page, server):
    opened(page, f"{server.url}?exhibit={NAME}")
    page.route("**/api/frame?*exhibit=wall*", lambda route: None)
    with page.expect_request("**/api/frame?*exhibit=wall*"):
        page.evaluate("window.dash_clientside.set_props('exhibit', { value: 'wall' })")
    page.locator("#lesson-open").click()
    expect(page.locator("#lesson")).to_contain_text(words("en")[f"lesson.{NAME}.1.ask"])
    settled(page, 1)


def test_a_step_turns_the_picture_to_what_it_speaks_of_and_the_link_keeps_it(page, server):
    opened(page, f"{server.url}?lesson=dimpled-sheet.2")
    page.wait_for_function("new URLSearchParams(location.search).get('camera') === '1.25,-1.75,0.10'")
    assert page.evaluate("dimple.state().camera.eye.z") == pytest.approx(0.1, abs=1e-3)


def test_a_step_stops_what_plays(page, server):
    page.emulate_media(reduced_motion="no-preference")
    page.goto(f"{server.url}?exhibit={NAME}")
    page.wait_for_function("window.dimple?.state().playing")
    page.locator("#lesson-open").click()
    settled(page, 1)
    assert page.evaluate("[dimple.state().playing, dimple.state().step]") == [False, 0]
    opened(page, f"{server.url}?lesson={NAME}.1")
    settled(page, 1)
    assert not page.evaluate("dimple.state().playing")
