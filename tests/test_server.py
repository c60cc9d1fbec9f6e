"""The routes: streams, frames, refusals, limits."""

import asyncio
import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from fastapi.testclient import TestClient
from scipy.spatial import cKDTree

from app import callbacks, classroom, controls, layout, quiet, report, stream
from app.drawings import Dropped
from app.guard import BODY
from app.limits import Limits
from app.mesh import unfolded
from app.run import Run
from app.server import FILE, PLOTLY, create
from app.store import Store
from toy import boundary, simulate, windows
from toy.exhibits import EXHIBITS
from toy.link import parse
from toy.world import FIELDS

LINK = "exhibit=dimpled-sheet&hidden_layers=2&width=16&steps=40&resolution=24&codimension=3"
SHORT = f"{LINK}&steps=12"  # for servers of one test: every step of a run this long is measured


@pytest.fixture(scope="module")
def client():
    with TestClient(create(warm=False)) as client:
        yield client


def events(client, link):
    with client.stream("GET", f"/api/run?{link}") as answer:
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.iter_lines() if line]


def test_a_run_streams_to_its_end(client):
    heard = events(client, LINK)
    kinds = [event["event"] for event in heard]
    assert kinds[-1] == "done" and {"ready", "measures", "phases"} <= set(kinds)
    ready = next(event for event in heard if event["event"] == "ready")
    assert ready["last_step"] == 40 == ready["frame_steps"][-1] and ready["frame_steps"][0] == 0
    assert len(ready["series"]["loss"]) == 41 and ready["diverged_at"] is None
    assert ready["title"] and ready["subtitle"] and ready["frame"]["meta"]["step"] == 40


def test_a_second_listener_hears_the_same_run(client):
    assert events(client, LINK)[-1]["event"] == "done"
    runs = client.app.state.runs
    assert len([run for run in runs._runs.values() if run.setup.knobs.steps == 40]) == 1


def test_frames_are_compressed_small_and_kept(client):
    events(client, LINK)
    answer = client.get(f"/api/frame?{LINK}&step=17")
    assert answer.status_code == 200 and answer.headers["content-encoding"] == "gzip"
    assert answer.json()["meta"]["step"] == 17
    assert len(gzip.compress(answer.content)) < 80_000
    assert client.get(f"/api/frame?{LINK}&step=17", headers={"accept-encoding": "identity"}).json() == answer.json()
    scene = client.get(f"/api/scene?{LINK}&colour=plain&arrows=split").json()
    assert scene["data"] and scene["layout"]["uirevision"]


def test_a_frame_asked_for_first_trains_the_run(client):
    assert client.get(f"/api/frame?{LINK}&seed=5&step=3").json()["meta"]["step"] == 3


def test_before_the_phases_measuring_gives_way_only_to_frames_that_somebody_waits_for(client, monkeypatch):
    counted = []
    for name in ("begin", "end"):
        monkeypatch.setattr(client.app.state.runs.drawings.asked, name, partial(counted.append, name))
    assert client.get(f"/api/frame?{LINK}&step=21", headers={"Priority": "u=6"}).json()["meta"]["step"] == 21
    assert not counted
    assert client.get(f"/api/frame?{LINK}&step=22").json()["meta"]["step"] == 22
    assert counted == ["begin", "end"]


@pytest.mark.parametrize("path,field", [
    (f"/api/frame?{LINK}&step=41", "step"), (f"/api/frame?{LINK}&step=-1", "step"), (f"/api/frame?{LINK}", "step"),
    (f"/api/frame?{LINK}&step=1e9", "step"), (f"/api/frame?{LINK}&step=3&colour=pink", "colour"),
    (f"/api/frame?{LINK}&step=3&draft=yes", "draft"), (f"/api/run?{LINK}&widht=5", "widht"),
    ("/api/run?exhibit=nowhere", "exhibit"), ("/api/run?codimension=5000", "codimension"),
    ("/api/run?learning_rate=nan", "learning_rate"), ("/api/run?manifold=cube", "manifold"),
    (f"/api/export.html?{LINK}&step=9999", "step"), (f"/api/export.html?{LINK}&frames={'9' * 3000}", "frames"),
    ("/api/run?width=%00", "width"), ("/api/run?steps=" + "9" * 5000, "link"),
])
def test_wrong_input_names_field_allowed_and_got(client, path, field):
    answer = client.get(path)
    assert answer.status_code == 400
    told = answer.json()
    assert told["event"] == "error" and told["field"] == field and told["allowed"] and "got" in told
    assert told["message"].startswith(f"{field} must be ")


def test_a_window_that_does_not_fit_is_refused_before_training(client):
    answer = client.get("/api/run?" + LINK + "&window=ambient&codimension=5")
    assert answer.status_code == 400 and answer.json()["field"] == "window"


def test_a_refusal_gives_its_advice_once(client):
    told = client.get("/api/run?exhibit=wave&codimension=0").json()
    assert (told["message"] + told["advice"]).count("it is embedded in 3 dimensions") == 1


def test_a_diverging_run_keeps_what_it_has(client):
    link = LINK + "&optimizer=sgd&learning_rate=10&init_scale=10&steps=400"
    heard = events(client, link)
    ready = next((event for event in heard if event["event"] == "ready"), None)
    if ready is None:
        assert heard[-1]["event"] == "error"
    elif ready["diverged_at"] is not None:
        assert ready["last_step"] < ready["diverged_at"] + 1
        assert client.get(f"/api/frame?{link}&step={ready['last_step']}").status_code == 200


def test_a_full_server_says_so():
    held = threading.Event()
    with ThreadPoolExecutor(1) as one:
        one.submit(held.wait)
        server = create(Limits(waiting=2), one, warm=False)
        runs = server.state.runs
        try:
            with TestClient(server) as client:
                for seed in (1, 2):
                    runs.join(callbacks.opened(f"?{LINK}&seed={seed}")[0])
                answer = client.get(f"/api/run?{LINK}&seed=3")
                assert answer.status_code == 503 and "busy" in answer.json()["message"]
        finally:
            held.set()


def test_the_last_listener_takes_the_run_with_it():
    held = threading.Event()
    with ThreadPoolExecutor(1) as one:
        one.submit(held.wait)
        runs = create(executor=one, warm=False).state.runs
        setup = callbacks.opened(f"?{LINK}")[0]
        first, second = runs.join(setup), runs.join(setup)
        assert first is second
        runs.leave(first)
        assert not first.gone.is_set()
        runs.leave(second)
        assert first.gone.is_set()
        assert runs.join(setup) is not first
        held.set()


def test_a_run_that_is_left_frees_its_place_though_it_still_compiles(monkeypatch):
    begun, compiled, train = threading.Event(), threading.Event(), stream.simulate

    def compiling(world, knobs, *rest):
        if knobs.seed in (1, 2):
            begun.set()
            compiled.wait()
        return train(world, knobs, *rest)

    monkeypatch.setattr(stream, "simulate", compiling)
    with TestClient(create(Limits(workers=1), warm=False)) as client:
        runs = client.app.state.runs
        try:
            left = runs.join(parse(f"{SHORT}&seed=1"))
            assert begun.wait(60)
            runs.leave(left)
            assert events(client, f"{SHORT}&seed=3")[-1]["event"] == "done"
            begun.clear()
            runs.join(parse(f"{SHORT}&seed=2"))
            assert begun.wait(60)
            waits = runs.join(parse(f"{SHORT}&seed=4"))
            assert not waits.started  # places are still no more than there are
        finally:
            compiled.set()


def test_a_closed_connection_cancels_a_long_run(client):
    link = LINK + "&steps=100000&width=64&seed=9"
    with client.stream("GET", f"/api/run?{link}") as answer:
        next(answer.iter_raw())
    runs = client.app.state.runs
    for _ in range(600):  # on a busy machine it may have to compile first
        if not any(run.setup.knobs.steps == 100_000 for run in runs._runs.values()):
            return
        time.sleep(0.1)
    raise AssertionError("the run goes on though nobody listens")


def test_a_listener_who_has_left_is_noticed_however_much_is_told():
    run, heard = Run(LINK, parse(LINK)), []

    async def left() -> bool:
        return len(heard) > 5

    async def listen() -> None:
        run.post({"event": "progress"})
        async for line in run.lines(left):
            heard.append(line)
            assert len(heard) < 100
            run.post({"event": "progress"})  # there is always something new to hear

    asyncio.run(listen())
    assert len(heard) == 6


def test_an_end_told_while_a_listener_is_looked_for_is_heard():
    run, heard = Run(LINK, parse(LINK)), []

    async def left() -> bool:
        if not run.finished:
            run.post({"event": "done"})
        return False

    async def listen() -> None:
        heard.extend([line async for line in run.lines(left)])

    asyncio.run(listen())
    assert [json.loads(line) for line in heard] == [{"event": "done"}]


def test_the_page_fetches_nothing_from_elsewhere(client):
    page = client.get("/").text
    for mark in ('src="http', "src='http", 'href="http', "cdn", "unpkg"):
        assert mark not in page
    assert PLOTLY in page and "DIMPLE_TEXT" in page
    script = client.get(PLOTLY)
    assert script.status_code == 200 and "immutable" in script.headers["cache-control"] and len(script.content) > 3e6
    assert client.get("/_dash-layout").status_code == 200


def test_an_unknown_route_is_no_page(client):
    nowhere = client.get("/api/nowhere")
    assert nowhere.status_code == 404 and nowhere.json()["message"] == "There is nothing at this address."
    assert client.get("/api/health").json() == {"status": "ok"}


def test_a_method_that_an_address_does_not_take_is_named(client):
    answer = client.delete("/api/health")
    assert answer.status_code == 405 and "GET" in answer.headers["allow"]
    assert answer.json()["message"] == "This address takes GET, not DELETE."


@pytest.mark.parametrize("body", ["{}", "[]", "no json", '{"output": "forged.data", "inputs": []}'])
def test_a_forged_callback_is_told_in_plain_words_and_ends_nothing(body):
    with TestClient(create(warm=False), raise_server_exceptions=False) as client:
        answer = client.post("/_dash-update-component", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 500) and answer.json()["message"]
        assert client.get("/api/health").json() == {"status": "ok"}


def test_a_point_beyond_the_end_of_the_board_is_put_at_its_end(client):
    told = client.get("/api/points?exhibit=authors-line").json()
    assert told["points"] == "0.05_a~0.3_b~0.55_a~0.8_b~1_a" and told["high"] == [1] and "at its end" in told["message"]
    assert not client.get("/api/points?exhibit=dimpled-sheet").json()["message"]


def test_a_page_is_told_only_so_many_steps_to_fetch(client):
    ready = next(event for event in events(client, f"{LINK}&steps=300&width=4") if event["event"] == "ready")
    assert len(ready["frame_steps"]) <= Limits().frame_steps and ready["frame_steps"][-1] == 300


def test_another_look_or_window_is_another_picture(client):
    events(client, SHORT)
    plain = client.get(f"/api/frame?{SHORT}&step=7").content
    assert client.get(f"/api/frame?{SHORT}&step=7&arrows=split").content != plain
    low, high = (client.get(f"/api/scene?{SHORT}&half_height={height}").json()["layout"]["meta"]["high"][-1]
                 for height in (0.1, 0.3))
    assert (low, high) == (0.1, 0.3)


def test_a_file_of_points_has_a_size(client):
    answer = client.post("/api/points?exhibit=dimpled-sheet", content=b"#" * (FILE + 1))
    assert answer.status_code == 400
    assert (answer.json()["field"], answer.json()["allowed"]) == ("file", f"at most {FILE} bytes")


def test_every_field_has_a_control_in_its_group():
    made = json.dumps(layout.controls().to_plotly_json(), default=lambda part: part.to_plotly_json())
    assert all(f'"control": "{name}"' in made for name in FIELDS)


def test_a_forged_link_opens_the_exhibit_and_says_why():
    setup, message = callbacks.opened("?exhibit=wall&codimension=99999")
    assert setup.exhibit == "wall" and "codimension must be" in message["said"]
    setup, message = callbacks.opened("?exhibit=<script>")
    assert setup.exhibit == next(iter(EXHIBITS)) and message["said"]
    assert not callbacks.opened("")[1]["said"]


def test_wrong_values_are_told_beside_their_control_and_keep_the_link():
    from dash import no_update

    ids = [{"control": "codimension"}, {"control": "width"}]
    errors, link, refused = callbacks.linked([5000, 10], "dimpled-sheet", None, ids, ["", None])
    assert "codimension must be" in errors[0] and link is no_update and "Codimension" in refused
    assert errors[1] is no_update  # what stands there already is not set again
    errors, link, refused = callbacks.linked([5, 10], "dimpled-sheet", None, ids, [errors[0], ""])
    assert errors == ["", no_update] and not refused and "codimension=5" in link and "width=10" in link
    errors, link = controls.said({"codimension": None, "width": 10}, "dimpled-sheet", {})
    assert "codimension must be" in errors["codimension"] and not link


def test_a_branch_stays_one_only_while_its_start_says_so():
    given = {"codimension": 5, "width": 10}
    branch = controls.said({**given, "start": "branch"}, "dimpled-sheet", {"from.step": 7})[1]
    assert "from.step=7" in branch
    plain = controls.said({**given, "start": "seed"}, "dimpled-sheet", {"from.step": 7})[1]
    assert plain and "from" not in plain


def test_a_frame_somebody_waits_for_does_not_queue_behind_those_fetched_ahead():
    with TestClient(create(Limits(frame_workers=1), warm=False)) as client:
        events(client, SHORT)
        runs, gate = client.app.state.runs, threading.Event()
        runs.drawings._ahead.submit(gate.wait)
        ahead = ThreadPoolExecutor(1).submit(client.get, f"/api/frame?{SHORT}&step=5", headers={"priority": "u=6"})
        assert client.get(f"/api/frame?{SHORT}&step=6").json()["meta"]["step"] == 6
        assert not ahead.done()
        gate.set()
        assert ahead.result(60).json()["meta"]["step"] == 5


def test_spare_frames_wait_until_nothing_else_is_done():
    with TestClient(create(warm=False)) as client:
        events(client, SHORT)
        runs = client.app.state.runs
        runs.drawings.asked.begin()
        pool = ThreadPoolExecutor(1)
        spare = pool.submit(client.get, f"/api/frame?{SHORT}&step=7", headers={"priority": "u=7"})
        assert client.get(f"/api/frame?{SHORT}&step=8", headers={"priority": "u=6"}).status_code == 200
        assert not spare.done()
        runs.drawings.asked.end()
        assert spare.result(60).json()["meta"]["step"] == 7


def test_measuring_gives_way_to_who_goes_from_step_to_step(monkeypatch):
    measured, measure = [], report.measure
    monkeypatch.setattr(quiet, "SCRUBBING", 60.0)
    monkeypatch.setattr(report, "measure", lambda *given: measured.append(given[2]) or measure(*given))
    with TestClient(create(warm=False)) as client:
        asked = client.app.state.runs.drawings.asked
        asked.begin()
        listening = ThreadPoolExecutor(1).submit(events, client, SHORT)
        while not measured:
            time.sleep(0.01)
        time.sleep(1)
        assert len(measured) == 1
        asked.end()
        assert listening.result(60)[-1]["event"] == "done" and len(measured) > 1


def test_a_draft_lies_on_the_boundary_with_a_quarter_of_the_triangles_unless_the_full_frame_is_there():
    link = SHORT.replace("resolution=24", "resolution=48")
    with TestClient(create(warm=False)) as client:
        events(client, link)
        draft, full, again = (client.get(f"/api/frame?{link}&step=9&draft={draft}").json() for draft in (1, 0, 1))
    assert draft["meta"].pop("draft") and again == full
    assert draft["meta"]["accuracy"] == full["meta"]["accuracy"] and draft["traces"] == full["traces"]
    coarse, fine = (unfolded(frame["data"][0]["mesh"]) for frame in (draft, full))
    assert len(coarse["i"]) < 0.4 * len(fine["i"])
    setup = parse(link)
    recording = simulate(setup.world, setup.knobs)
    window = windows.window(recording, setup.view)
    want = boundary.extract(window.field(recording.params(9)), window.low, window.high, 24)
    have = np.column_stack([coarse[axis] for axis in "xyz"])
    far = cKDTree(want.vertices / want.spacing).query(have / want.spacing)[0]
    assert len(have) == len(want.vertices) and far.max() < 0.02  # cells; the wire rounds to a 63rd


@pytest.mark.parametrize("link", [SHORT, "exhibit=authors-line&width=16&steps=12"])
def test_where_none_is_sooner_a_draft_is_the_full_frame(link):
    with TestClient(create(warm=False)) as client:
        events(client, link)
        assert "draft" not in client.get(f"/api/frame?{link}&step=3&draft=1").json()["meta"]


def test_a_frame_fetched_ahead_gives_way_until_somebody_waits_for_it_too():
    with TestClient(create(warm=False)) as client:
        events(client, SHORT)
        runs, waits, pool = client.app.state.runs, threading.Semaphore(0), ThreadPoolExecutor(2)
        begun, go_on = threading.Event(), threading.Event()

        def waited():
            waits.release()
            begun.set()
            go_on.wait(60)

        runs.drawings.asked.wait_shown = waited
        assert client.get(f"/api/frame?{SHORT}&step=9").status_code == 200 and not begun.is_set()
        ahead = pool.submit(client.get, f"/api/frame?{SHORT}&step=10", headers={"priority": "u=6"})
        assert begun.wait(60)
        now = pool.submit(client.get, f"/api/frame?{SHORT}&step=10")
        while not any(drawing.urgent for drawing in runs.drawings._drawing.values()):
            time.sleep(0.01)
        go_on.set()
        assert ahead.result(60).content == now.result(60).content
        assert waits.acquire(blocking=False) and not waits.acquire(blocking=False)
        assert not runs.drawings._drawing


@pytest.mark.parametrize("same", [True, False])
def test_a_newer_frame_of_the_same_asker_gives_up_the_older(monkeypatch, same):
    picture, begun, may_end, dropped = stream.views.picture, threading.Event(), threading.Event(), []

    def slow(*given):
        step, pause = given[3], given[5]
        begun.set()
        try:
            while step == 10 and not may_end.wait(0.005):
                pause()
        except Dropped:
            dropped.append(step)
            raise
        return picture(*given)

    with TestClient(create(warm=False)) as client:
        events(client, SHORT)
        monkeypatch.setattr(stream.views, "picture", slow)
        older = ThreadPoolExecutor(1).submit(client.get, f"/api/frame?{SHORT}&step=10", headers={"X-Asker": "a"})
        assert begun.wait(60)
        newer = client.get(f"/api/frame?{SHORT}&step=11", headers={"X-Asker": "a" if same else "b"})
        assert newer.json()["meta"]["step"] == 11
        if not same:
            may_end.set()
        assert older.result(60).status_code == (204 if same else 200)
        while client.app.state.runs.drawings._drawing:
            time.sleep(0.01)
        assert dropped == ([10] if same else [])


@pytest.mark.parametrize("patience", [60.0, 0.0])
def test_a_servers_first_run_is_ready_once_what_measures_it_is_loaded_or_that_takes_long(monkeypatch, patience):
    order, may_end, ready = [], threading.Event(), stream.report.ready

    def loading(*_):
        order.append("loading")
        may_end.wait(60)
        order.append("loaded")

    def told(*given):
        order.append("ready")
        may_end.set()
        return ready(*given)

    monkeypatch.setattr(stream.measures, "distances", loading)
    monkeypatch.setattr(stream.report, "ready", told)
    if patience:
        may_end.set()
    runs = create(Limits(loading=patience), warm=False).state.runs
    run = runs.warm(parse(SHORT))
    asyncio.run(run.until_ready())
    asyncio.run(runs.finished(run.setup))
    assert sorted(order) == ["loaded", "loading", "ready"]
    assert (order.index("loaded") < order.index("ready")) == bool(patience)
    runs.close()


def test_store_drops_the_oldest_first():
    store: Store[bytes] = Store(10, len)
    for name, size in (("a", 4), ("b", 4), ("a", 4), ("c", 4)):
        store.put(name, b"x" * size)
    assert store.get("b") is None and store.get("a") and store.get("c")


def test_a_failed_run_says_why_wherever_it_is_asked_for(client):
    # After one step of a net with tiny weights the parent has no adversarial example to learn from.
    link = "exhibit=dimpled-sheet&training_set=wrong-labels&from.steps=1&from.init_scale=0.01&steps=5"
    for path in ("frame?step=0&", "export.npz?", "export.csv?", "export.html?"):
        answer = client.get(f"/api/{path}{link}")
        assert answer.status_code == 400 and answer.json()["field"] and "got" in answer.json(), path


def test_other_sites_and_bodies_without_an_end_are_refused(client):
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/api/health", headers=elsewhere).status_code == 403
    assert client.get("/api/health", headers={**elsewhere, "Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert client.get("/api/health", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    answer = client.post("/api/points?exhibit=dimpled-sheet", content=b"#" * (BODY + 1))
    assert answer.status_code in (400, 413) and "at most" in answer.json()["message"].lower()
    answer = client.post("/_dash-update-component", content=b"#" * (BODY + 1))
    assert answer.status_code in (413, 500) and answer.json()


@pytest.mark.parametrize("host, known", [("127.0.0.1:8050", True), ("localhost:8050", True), ("[::1]:8050", True),
                                         ("evil.example", False), ("127.evil.example:8050", False)])
def test_a_server_of_one_machine_answers_to_its_own_names_alone(host, known):
    with TestClient(create(warm=False, hosts=classroom.hosts("127.0.0.1"))) as client:
        assert (client.get("/api/health", headers={"Host": host}).status_code == 200) == known


def test_an_address_with_thousands_of_unknown_names_is_read_at_once():
    setup, message = callbacks.opened("?seed=3&" + "&".join(f"colour{i}=x" for i in range(3000)))
    assert setup.knobs.seed == 3 and len(message["said"]) < 2000 and "colour0" in message["without"]


def test_a_server_keeps_the_programs_of_so_many_worlds(monkeypatch):
    cleared = []
    monkeypatch.setattr(stream.jax, "clear_caches", lambda: cleared.append(1))
    with TestClient(create(Limits(worlds=2), warm=False)) as client:
        for width, seed in ((4, 1), (5, 1), (4, 2)):
            events(client, f"{SHORT}&width={width}&seed={seed}")
        assert not cleared
        for width in (6, 7, 8):
            events(client, f"{SHORT}&width={width}")
        assert len(cleared) == 2
