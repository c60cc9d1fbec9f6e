"""For everyone: accessibility on every state of the page, the keyboard alone, touch, presenting."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from test_page import ready

pytestmark = pytest.mark.browser

SMALL = "?exhibit=dimpled-sheet&steps=60&lang=en"


def faults(page: Page) -> list[str]:
    """Serious and critical faults axe-core finds."""
    return [f"{found['id']}: {node['html'][:200]}" for found in Axe().run(page).response["violations"]
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


# state: (how to get there, how to leave it)
STATES = {
    "fresh": (nothing, nothing),
    "playing": (lambda page: page.evaluate("dimple.setLoop(true), dimple.play()"),
                lambda page: page.evaluate("dimple.pause()")),
    "controls folded": (lambda page: page.locator("#fold").click(), lambda page: page.locator("#fold").click()),
    "menu open": (menu, press("Escape")),
    "about": (about, press("Escape")),
    "table open": (opened, nothing),
    "compared": (compare, compare),
    "presenting": (press("p"), press("p")),
    "dark": (dark, nothing),
    "dark, presenting": (press("p"), press("p")),
    "dark, about": (about, press("Escape")),
    "dark, error": (wrong_value, nothing),
}


def test_no_state_of_the_page_has_a_serious_fault(page, server):
    measured(page, server)
    found = {}
    for state, (enter, leave) in STATES.items():
        enter(page)
        found[state] = faults(page)
        leave(page)
        page.wait_for_timeout(300)
    assert not {state: bad for state, bad in found.items() if bad}


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
