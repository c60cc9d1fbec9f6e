"""Both languages fit the smallest page, and nothing of the other is left on it."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.text import LANGUAGES, words

pytestmark = pytest.mark.browser

# Names that are the same in every language: of the program, of functions, rules and axes, of the other language.
NAMES = re.compile(r"Dimple Lab|English|ReLU|GELU|tanh|softplus|LeCun|AdamW?|SGD|\bHe\b|\bL[2∞]|N\(0,1\)|R[⁰¹²³⁴-⁹]+"
                   r"|\b(adamw|ell|log|clean|[ABCDRNMaxyftnkvu])\b|Shamir|Melamed|BenShmuel|GIF|PNG|MP4|HTML|CSV|npz|QR|WebGL")

TEXTS = """() => {
  const out = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const { parentElement: at, textContent: text } = walk.currentNode;
    if (!at.closest("script, style, noscript, .plotly-notifier, .modebar") && text.trim()) out.push(text.trim());
  }
  for (const node of document.querySelectorAll("[aria-label], [title], [placeholder], [aria-valuetext]")) {
    if (node.closest(".modebar")) continue;
    for (const name of ["aria-label", "title", "placeholder", "aria-valuetext"]) {
      if (node.getAttribute(name)) out.push(node.getAttribute(name));
    }
  }
  return [...out, document.title];
}"""

# Boxes that hold one text each; a box may scroll downwards, never sideways, and a line must not leave it.
CUT = """() => [...document.querySelectorAll(`header button, header b, header input, .control .name, .control input,
    #controls button, .looks > div, .mantine-SegmentedControl-label, #timeline button, #timeline .where,
    #timeline .accuracy, #title, #look, #subtitle, #legend, #verdict, .chart figcaption, #numbers table, #lesson,
    #lesson p, #lesson button, #lesson h2, section`)]
  .filter((node) => node.clientWidth && !node.closest("[hidden]") && !node.matches(".band.tight"))
  .filter((node) => node.scrollWidth > node.clientWidth + 1)
  .map((node) => `${node.className}: ${node.textContent || node.value} (${node.scrollWidth} > ${node.clientWidth})`)"""

APART = """() => {
  const [one, other] = [".controls .readout", ".controls .options"].map((name) => document.querySelector(name));
  const right = Math.max(...[...one.children].map((node) => node.getBoundingClientRect().right));
  return right <= other.getBoundingClientRect().left;
}"""


def opened(page: Page, server, query: str) -> None:
    page.goto(f"{server.url}{query}")
    page.wait_for_function("window.dimple?.state().ready && window.dimple.state().shown >= 0")
    page.wait_for_function("document.querySelectorAll('#numbers tr').length > 8")


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("query", ["?exhibit=dimpled-sheet&step=30", "?lesson=authors-line.4"])
def test_no_text_leaves_its_box_in_any_language(page, server, code, query):
    opened(page, server, f"{query}&lang={code}")
    assert page.locator("html").get_attribute("lang") == code
    assert page.evaluate(CUT) == []
    assert page.evaluate(APART)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    if code == "ja":
        nothing_foreign(page)


def test_nothing_but_names_is_foreign_where_a_link_is_refused(page, server):
    opened(page, server, "?exhibit=wall&codimension=9999&lang=ja")
    nothing_foreign(page)


def nothing_foreign(page: Page) -> None:
    """Nothing but names is English on a Japanese page and in what it says of itself."""
    page.get_by_text(words("ja")["header.more"], exact=True).click()
    page.get_by_text(words("ja")["header.about"], exact=True).click()
    expect(page.get_by_text(words("ja")["about.title"])).to_be_visible()
    foreign = [text for text in page.evaluate(TEXTS) if re.search(r"[A-Za-z]{2}", NAMES.sub("", text))]
    assert foreign == []


def test_the_switch_keeps_the_world_and_the_step(page, server):
    opened(page, server, "?exhibit=authors-line&seed=3&step=40&lang=en")
    page.locator("#speak").click()
    page.wait_for_url(re.compile("lang=ja"))
    page.wait_for_function("document.documentElement.lang === 'ja' && window.dimple?.state().ready")
    assert page.evaluate("window.dimple.state().step") == 40 and "seed=3" in page.url
    expect(page.locator("#speak")).to_have_text(LANGUAGES["en"])


def test_the_browser_decides_where_the_link_says_nothing(chrome, server):
    context = chrome.new_context(viewport={"width": 1024, "height": 700}, reduced_motion="reduce", locale="ja-JP")
    try:
        page = context.new_page()
        opened(page, server, "?exhibit=authors-line")
        assert page.locator("html").get_attribute("lang") == "ja" and "lang=ja" in page.url
        expect(page.locator("#title")).to_have_text(words("ja")["exhibit.authors-line.title"])
    finally:
        context.close()
