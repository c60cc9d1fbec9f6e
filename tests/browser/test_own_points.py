"""Placing points of one's own, with the mouse, the keyboard and a file."""

import pytest
from playwright.sync_api import Page, expect
from test_page import NET, ready

pytestmark = pytest.mark.browser


def board(page: Page):
    page.get_by_role("button", name="Place points").click()
    return page.get_by_role("dialog", name="Your own points")


def points(page: Page) -> list[str]:
    return page.evaluate("new URLSearchParams(window.dimple.state().link).get('points').split('~')")


def test_points_are_placed_moved_and_removed_and_train(page, server, tmp_path):
    ready(page, server, f"?{NET}&points_per_side=2&steps=60")
    dialog = board(page)
    expect(dialog.locator(".point")).to_have_count(4)
    box = dialog.locator("svg").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    expect(dialog.locator(".point")).to_have_count(5)
    dialog.get_by_role("button", name="class B").first.click()
    dialog.get_by_role("button", name="Add a point").press("Enter")  # by keyboard: beside the one in the middle
    for key in ("ArrowUp", "Shift+ArrowRight", "Space"):
        page.keyboard.press(key)
    expect(dialog.locator(".point")).to_have_count(6)
    dialog.locator(".point").first.focus()
    page.keyboard.press("Delete")
    dialog.locator(".point").first.focus()
    page.keyboard.press("Delete")
    expect(dialog.locator(".point")).to_have_count(4)  # as many as at first, so that nothing is compiled anew

    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Save CSV").click()
    saved.value.save_as(tmp_path / "points.csv")
    lines = (tmp_path / "points.csv").read_text().splitlines()
    assert lines[0] == "u1,u2,label" and len(lines) == 5

    first, second = (dialog.locator(".point").nth(i) for i in (0, 1))
    for point in (first, second):
        point.focus()
        for key in 8 * ["Shift+ArrowLeft", "Shift+ArrowUp"]:
            page.keyboard.press(key)
    dialog.get_by_role("button", name="Train on these").click()
    expect(dialog.locator(".said")).to_contain_text("in different places")  # both in a corner; nothing is lost
    expect(dialog.locator(".point")).to_have_count(4)
    second.focus()
    page.keyboard.press("Shift+ArrowRight")
    dialog.get_by_role("button", name="Train on these").click()
    page.wait_for_function("window.dimple.state().link.includes('sampling=own') && window.dimple.state().ready")
    placed = points(page)
    assert len(placed) == 4 and placed[-1].endswith("_a")  # space had turned it
    moved = [float(value) for value in placed[-1].split("_")[:2]]
    assert 0.63 < moved[0] < 0.67 and 0.52 < moved[1] < 0.53

    (tmp_path / "mine.csv").write_text("u1,u2,label\n0.1,0.1,a\n0.9,0.9,b\n0.5,0.2,b\n")
    dialog = board(page)
    dialog.locator("input[type=file]").set_input_files(tmp_path / "mine.csv")
    expect(dialog.locator(".point")).to_have_count(3)
    (tmp_path / "bad.csv").write_text("0.1,0.1,a\n0.9,b\n")
    dialog.locator("input[type=file]").set_input_files(tmp_path / "bad.csv")
    expect(dialog.locator(".said")).to_contain_text("line 2")
    expect(dialog.locator(".point")).to_have_count(3)  # nothing is lost
    step = page.evaluate("window.dimple.state().step")
    for _ in range(3):
        dialog.locator(".point").first.focus()
        page.keyboard.press("Delete")
    page.keyboard.press("ArrowLeft")  # no point has it, and it is not the time line's either
    assert page.evaluate("window.dimple.state().step") == step
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert len(points(page)) == 4
