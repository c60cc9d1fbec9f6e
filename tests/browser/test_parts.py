"""The player's parts one by one: no page, no server, no plotly; what they would ask is written down."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from app.layout import DEFAULTS, place, ranges

pytestmark = pytest.mark.browser

ASSETS = Path(__file__).parents[2] / "assets"


@pytest.fixture
def parts(page: Page) -> Page:
    """An empty page with the player's scripts, in the order in which Dash loads them."""
    page.evaluate("Object.assign(window, { DIMPLE_TEXT: {}, DIMPLE_RANGES: {}, DIMPLE_LESSONS: [], DIMPLE_LOOKS: [] })")
    for script in sorted(ASSETS.glob("player-*.js")):
        page.add_script_tag(path=script)
    return page


def test_a_full_cache_is_not_fetched_round_and_round(parts):
    asked = parts.evaluate("""async () => {
        const asked = [];
        const source = { frame: async (link, view, step) => {
            asked.push(step);
            return { meta: {}, data: [{ x: new Float32Array(5e6), i: new Uint16Array(1e6) }] }; // 22 of 150 MB
        } };
        const steps = Array.from({ length: 30 }, (_, step) => step);
        const fetcher = new window.dimpleParts.Fetcher(source, "", {}, {
            course: () => ({ sequence: steps, every: steps, step: 3, at: 3, stride: 1, playing: false, loop: false }),
            hurried: () => false, arrived() {}, failed() {},
        });
        fetcher.pump();
        await new Promise((done) => setTimeout(done, 500));
        await fetcher.exact(29); // still to be had
        fetcher.pump();
        await new Promise((done) => setTimeout(done, 500));
        fetcher.close();
        return asked;
    }""")
    assert asked[:2] == [4, 2] and asked[6] == 29 and len(asked) <= 9


def test_a_step_asked_for_waits_for_no_fetch_of_it_that_can_wait(parts):
    told = parts.evaluate("""async () => {
        const asked = [];
        const source = { frame: (link, view, step, { signal, urgency }) => {
            const fetched = { step, urgency, signal, given: null };
            asked.push(fetched);
            return new Promise((give) => (fetched.give = give));
        } };
        const steps = [0, 1, 2, 3, 4];
        const fetcher = new window.dimpleParts.Fetcher(source, "", {}, {
            course: () => ({ sequence: [0], every: steps, step: 9, at: 9, stride: 1, playing: false, loop: false }),
            hurried: () => false, arrived() {}, failed() {},
        });
        for (const step of [0, 4]) fetcher.frames.put(step, { data: [] });
        fetcher.pump(); // asks for 1 in spare time
        const spare = fetcher.exact(1);
        const given_up = [asked[0].signal.aborted];
        asked[1].give({ meta: {}, data: [] });
        await spare;
        fetcher.hint(3);
        const hinted = fetcher.exact(3); // the server draws it once for both
        given_up.push(asked[2].signal.aborted);
        asked[3].give({ meta: {}, data: [] });
        await hinted;
        fetcher.hint(2);
        fetcher.hint(2); // still the same one, which the next gives up
        fetcher.hint(0);
        given_up.push(asked[4].signal.aborted);
        fetcher.close();
        return [asked.map(({ step, urgency }) => [step, urgency]), given_up]; }""")
    assert told == [[[1, "u=7"], [1, None], [3, "u=6"], [3, None], [2, "u=6"]], [True, False, True]]


def test_a_draft_is_not_kept_and_is_given_up_for_a_full_picture(parts):
    assert parts.evaluate("""async () => {
        const asked = [];
        const source = { frame: (link, view, step, { signal, draft }) => new Promise((give, fail) => {
            asked.push({ step, draft, give });
            signal.addEventListener("abort", () => fail(new DOMException("", "AbortError")));
        }) };
        const fetcher = new window.dimpleParts.Fetcher(source, "", {}, {
            course: () => ({ sequence: [], every: [0, 9], step: 0, at: 0, stride: 1, playing: true, loop: false }),
            hurried: () => true, arrived() {}, failed() {},
        });
        const states = [], told = () => states.push([fetcher.drafting, fetcher.awaited, fetcher.frames.size]);
        const coarse = fetcher.draft(5);
        told();
        asked[0].give({ meta: { draft: true }, data: [] });
        await coarse;
        told();
        const soon = fetcher.draft(6); // the server had the full one
        asked[1].give({ meta: {}, data: [] });
        await soon;
        told();
        const given_up = fetcher.draft(7).catch(({ name }) => name);
        fetcher.exact(8).catch(() => {});
        told();
        states.push(await given_up);
        fetcher.close();
        return [states, asked.map(({ step, draft }) => [step, Boolean(draft)])]; }""") == [
        [[True, True, 0], [False, False, 0], [False, False, 1], [False, True, 1], "AbortError"],
        [[5, True], [6, True], [7, True], [8, False]]]


def test_how_long_full_pictures_take_is_told_by_them_and_by_drafts_but_not_where_a_draft_is_drawn_meanwhile(parts):
    assert parts.evaluate("""async () => {
        let late = 250; // ms
        const source = { frame: async (link, view, step, { draft }) => {
            await new Promise((go) => setTimeout(go, late));
            return { meta: { draft: Boolean(draft) }, data: [] };
        } };
        const fetcher = new window.dimpleParts.Fetcher(source, "", {}, {
            course: () => ({ sequence: [], every: [0, 99], step: 0, at: 0, stride: 1, playing: false, loop: false }),
            hurried: () => false, arrived() {}, failed() {},
        });
        const slow = [fetcher.wait], next = async (what, step) => {
            await fetcher[what](step);
            slow.push(fetcher.wait > 0.15);
        };
        await next("exact", 1);
        late = 0;
        for (let step = 2; step < 12; step++) await next("draft", step);
        late = 1000;
        await next("exact", 11); // its own draft came before it
        late = 250;
        for (let step = 12; step < 20; step++) await next("exact", step);
        fetcher.close();
        return [slow[0], slow[1], slow[11], slow[12], slow[20]]; }""") == [None, True, False, False, True]


def test_chores_wait_for_pictures_but_not_for_ever_and_are_done_one_by_one(parts):
    done = parts.evaluate("""async () => {
        const [done, later] = [[], (ms) => new Promise((go) => setTimeout(go, ms))];
        let awaited = true;
        const chores = new window.dimpleParts.Chores(() => awaited);
        const put = (name, what = name) => chores.put(name, () => done.push(what));
        put("a");
        put("b", "an older b");
        put("b");
        await later(300);
        done.push("|");
        awaited = false;
        while (done.at(-1) !== "b") await later(5);
        awaited = true;
        put("c");
        while (done.at(-1) !== "c") await later(5); // it would wait for ever
        return done; }""")
    assert done == ["|", "a", "b", "c"]


APPROACH = """async ([moves, near]) => {  // near: a step that has been fetched, or null
    const later = (ms) => new Promise((go) => setTimeout(go, ms));
    const done = [], answers = new Map(), kept = new Map();
    const asks = (what) => (step) => {
        done.push(`${what} ${step}`);
        fetcher.drafting ||= what === "draft";
        return new Promise((answer) => answers.set(`${what} ${step}`, answer));
    };
    const fetcher = { frames: { has: (step) => kept.has(step), get: (step) => kept.get(step), nearest: () => near },
        drafting: false, awaited: false, coming: () => false, wait: 0.08, draft: asks("draft"), exact: asks("exact") };
    if (near !== null) kept.set(near, { meta: { step: near } });
    const draw = ({ meta: { step, draft } }) => done.push(`draw ${step}${draft ? " draft" : ""}`);
    const approach = new window.dimpleParts.Approach(fetcher, draw);
    for (const [what, step, options] of moves) {
        if (what === "go") approach.go(step, options);
        else if (what === "wait") await later(step);
        else {
            if (what === "draft") fetcher.drafting = false;
            answers.get(`${what} ${step}`)({ meta: { step, draft: what === "draft" } });
            await later(0);
        }
    }
    return done; }"""


def test_a_drag_draws_draft_after_draft_of_where_it_is_and_at_rest_the_full_picture(parts):
    drag = {"hasty": True, "moving": True}
    moves = [["go", 10, drag], ["go", 11, drag], ["go", 12, drag], ["draft", 10], ["wait", 50],
             ["draft", 12], ["wait", 50], ["exact", 12]]
    assert parts.evaluate(APPROACH, [moves, None]) == [
        "draft 10", "draft 12", "draw 10 draft", "draw 12 draft", "exact 12", "draw 12"]


def test_at_rest_the_draft_of_a_step_passed_is_given_up_but_not_twice_in_a_row(parts):
    drag = {"hasty": True, "moving": True}
    moves = [["go", 10, drag], ["go", 11, drag], ["wait", 60], ["go", 12, drag], ["wait", 60], ["draft", 11],
             ["wait", 60], ["go", 13, drag], ["wait", 60]]
    assert [what for what in parts.evaluate(APPROACH, [moves, None]) if "draft " in what] == [
        "draft 10", "draft 11", "draft 12", "draft 13"]


@pytest.mark.parametrize(("hasty", "asked"), [(False, ["exact 10", "draw 10"]), (True, ["draft 10", "draw 10 draft"])])
def test_without_haste_no_draft_comes_before_the_full_picture(parts, hasty, asked):
    moves = [["go", 10, {"hasty": hasty, "moving": False}], ["draft" if hasty else "exact", 10]]
    assert parts.evaluate(APPROACH, [moves, None]) == asked


def test_a_draft_comes_first_where_the_viewer_goes_on_fast_or_full_pictures_take_long_or_none_has_come(parts):
    assert parts.evaluate("""async () => {
        const asked = [], ask = (what) => (step) => {
            asked.push(`${what} ${step}`);
            return new Promise(() => {});
        };
        const fetcher = { frames: { has: () => false, nearest: () => null }, moved() {}, coming: () => false,
            drafting: false, wait: 0.08, draft: ask("draft"), exact: ask("exact") };
        const player = { fetcher, step: 0, shown: 0, playhead: { put() {} }, tell() {}, speak() {}, paint() {},
            words: { during: (_, promise) => promise } };
        const seeker = new window.dimpleParts.Seeker(player);
        seeker.attach(fetcher);
        seeker.go(1);
        seeker.go(2);
        await new Promise((go) => setTimeout(go, 150));
        seeker.go(3);
        await new Promise((go) => setTimeout(go, 150));
        fetcher.wait = 0.19;
        seeker.go(4);
        seeker.go(5, true);
        await new Promise((go) => setTimeout(go, 150));
        fetcher.wait = null;
        seeker.go(6);
        return asked; }""") == ["exact 1", "draft 2", "exact 3", "draft 4", "draft 5", "draft 6"]


def test_nor_does_the_full_picture_come_first_where_pictures_take_long_to_paint(parts):
    assert parts.evaluate("""async () => {
        const later = (ms) => new Promise((go) => setTimeout(go, ms));
        const asked = [], ask = (what) => (step) => {
            asked.push(`${what} ${step}`);
            return new Promise(() => {});
        };
        const frames = { has: (step) => step < 10, get: (step) => ({ meta: { step } }), nearest: () => null };
        const fetcher = { frames, coming: () => false, drafting: false, wait: 0.08, draft: ask("draft"),
            exact: ask("exact") };
        const show = () => {
            for (const began = performance.now(); performance.now() - began < 150;);
        };
        const approach = new window.dimpleParts.Approach(fetcher, show);
        const still = { hasty: false, moving: false };
        approach.go(11, still);
        for (let step = 0; step < 6; step++) {
            approach.go(step, still);
            await later(50);
        }
        approach.go(12, still);
        approach.stop();
        return asked; }""") == ["exact 11", "draft 12"]


def test_what_has_been_fetched_is_drawn_at_once_and_stands_in_for_what_takes_long(parts):
    moves = [["go", 1, {"hasty": True, "moving": True}], ["go", 9, {"hasty": False, "moving": False}], ["wait", 400]]
    assert parts.evaluate(APPROACH, [moves, 1]) == ["draw 1", "exact 9", "draw 1"]


@pytest.mark.parametrize(("saves", "asked"), [(False, [4, 2, 0, 1, 3]), (True, [4, 2])])
def test_at_rest_all_is_fetched_but_for_who_saves_data_what_may_be_shown_next(parts, saves, asked):
    parts.evaluate("saveData => Object.defineProperty(navigator, 'connection', { value: { saveData } })", saves)
    assert parts.evaluate("""async () => {
        const asked = [];
        const source = { frame: async (link, view, step) => {
            asked.push(step);
            return { meta: {}, data: [] };
        } };
        const steps = [0, 1, 2, 3, 4];
        const fetcher = new window.dimpleParts.Fetcher(source, "", {}, {
            course: () => ({ sequence: steps, every: steps, step: 3, at: 3, stride: 1, playing: false, loop: false }),
            hurried: () => false, arrived() {}, failed() {},
        });
        fetcher.pump();
        await new Promise((done) => setTimeout(done, 300));
        fetcher.close();
        return asked; }""") == asked


def test_a_new_page_has_every_slider_where_its_number_says(parts):
    parts.evaluate("ranges => { window.DIMPLE_RANGES = ranges; }", ranges())
    parts.add_script_tag(path=ASSETS / "page.js")
    moved = parts.evaluate("""rows => {
        const page = window.dash_clientside.dimplePage;
        window.dash_clientside.callback_context = {};
        return rows.map(([slider, at, number]) => page.tie(at, number, { slider })[1] ?? "stays"); }""",
        [[name, place(name), DEFAULTS[name]] for name in ranges()])
    assert set(moved) == {"stays"} and len(moved) > 20
    tie = "window.dash_clientside.dimplePage.tie(3, 0.9, { slider: 'momentum' })"
    assert parts.evaluate(tie)[1] == place("momentum")
