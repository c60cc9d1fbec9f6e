"""Evidence and sweeps asked for from the page: the simulator's own numbers, shared, bounded, cancelled."""

import json
import threading
import time
from concurrent.futures import Future

import pytest
from conftest import TINY as USUAL
from fastapi.testclient import TestClient

from app import studies
from app.limits import Limits
from app.server import create
from app.shared import THREADS
from toy import overview, publish
from toy.__main__ import main
from toy.experiment import evidence, findings
from toy.experiments import EXPERIMENTS
from toy.intervals import Estimate
from toy.link import build, parse
from toy.trials import trainer, trial

NAME = "dimpled-sheet"
EXPERIMENT = EXPERIMENTS[NAME]
TINY = {**USUAL, "steps": 8}  # every step of a run this long is measured
LINK = f"exhibit={NAME}&" + "&".join(f"{name}={value}" for name, value in TINY.items())


@pytest.fixture(scope="module")
def client():
    with TestClient(create(Limits(sweep_runs=8, study_seeds=8), warm=False)) as client:
        yield client


def events(client, path):
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.iter_lines() if line]


def last(heard, kind):
    return next(event for event in reversed(heard) if event["event"] == kind)


def measured(seed):
    return evidence(EXPERIMENT, build(NAME, {**TINY, "seed": seed}), trainer())


def as_json(results):
    return json.loads(json.dumps({name: result._asdict() for name, result in results.items()}))


@pytest.mark.parametrize("code, words", [("en", "The boundary clings"), ("ja", "境界はまず")])
def test_claims_and_runs_are_told_before_anything_runs(client, code, words):
    told = client.get(f"/api/experiment?{LINK}&lang={code}").json()
    assert [claim["name"] for claim in told["claims"]] == [claim.name for claim in EXPERIMENT.claims]
    assert told["claims"][0]["prediction"].startswith(words) and told["note"]
    assert {name: parse(link).world.width for name, link in told["cases"].items()} == {"hero": 8}
    assert {"codimension", "init", "learning_rate"} <= {field["name"] for field in told["fields"]}


def test_an_exhibit_without_an_experiment_has_no_claims(client):
    assert client.get("/api/experiment?exhibit=wall").json()["claims"] == []


def test_this_seed_is_what_the_simulator_says(client):
    heard = events(client, f"/api/evidence?{LINK}&seed=3&seeds=1")
    alone = measured(3)
    assert heard[-1] == {"event": "done"}
    assert last(heard, "trial")["results"] == as_json(alone.results)
    told = last(heard, "evidence")["told"]
    assert told["table"] == alone.table
    for claim in told["claims"]:
        assert claim["by_seed"] == [{"seed": 3, **as_json(alone.results)[claim["name"]]}]


def test_many_seeds_have_shares_intervals_plots_and_pictures(client):
    found = last(events(client, f"/api/evidence?{LINK}&seeds=2"), "evidence")
    expected = findings(EXPERIMENT, [measured(seed).results for seed in range(2)])
    for claim, want in zip(found["told"]["claims"], expected, strict=True):
        assert claim["verdict"] == want.verdict and claim["holds"] == publish.finite(want.holds)
        assert claim["value"] == publish.finite(want.value) and claim["null"] == publish.finite(want.null)
        assert found["drawn"]["strips"][claim["name"]].startswith("<svg")
    assert [shown["seed"] for shown in found["drawn"]["gallery"]] == [0, 1]
    assert {int(seed): parse(link).knobs.seed for seed, link in found["seeds"].items()} == {0: 0, 1: 1}


def test_a_known_seed_is_not_measured_again(client, monkeypatch):
    events(client, f"/api/evidence?{LINK}&seed=20&seeds=1")
    made = []
    monkeypatch.setattr(studies, "trial", lambda e, base, train: made.append(base.knobs.seed) or trial(e, base, train))
    events(client, f"/api/evidence?{LINK}&seed=20&seeds=2")
    assert made == [21]


def test_a_sweep_is_the_file_of_the_command_line(client, tmp_path):
    heard = events(client, f"/api/sweep?{LINK}&seed=2&vary=learning_rate&values=0.01,%200.1&seeds=2")
    found = last(heard, "sweep")
    path = tmp_path / "sweep.csv"
    fixed = [f"{name}={value}" for name, value in TINY.items()]
    assert main(["sweep", NAME, "--vary", "learning_rate=0.01,0.1", "--seeds", "2", "--first-seed", "2",
                 "--set", *fixed, "--out", str(path)]) == 0

    def timeless(text):
        return [line.rpartition(",")[0] for line in text.splitlines()]

    assert timeless(found["csv"]) == timeless(path.read_text()) and len(timeless(found["csv"])) == 5
    assert found["plots"]["accuracy"].startswith("<svg") and found["slopes"] == []


def test_sweeps_of_other_values_are_others(client):
    heard = [last(events(client, f"/api/sweep?{LINK}&vary=learning_rate&values={value}&seeds=1"), "sweep")["csv"]
             for value in ("0.01", "0.1")]
    rate = heard[0].splitlines()[0].split(",").index("learning_rate")
    assert [float(text.splitlines()[1].split(",")[rate]) for text in heard] == [0.01, 0.1]


def test_only_so_many_seeds_are_remembered():
    shared = create(Limits(trials=2), warm=False).state.studies
    for seed in range(3):
        shared._trials.put(seed, seed)
    assert [shared._trials.get(seed) for seed in range(3)] == [None, 1, 2]


def test_a_sweep_over_codimension_has_slopes(client):
    found = last(events(client, f"/api/sweep?{LINK}&vary=codimension&values=1,3&seeds=2"), "sweep")
    assert {slope["name"] for slope in found["slopes"]} == {"slope of depth_median", "slope of gap_end"}
    assert all(slope["against"] == -0.5 for slope in found["slopes"])


def test_a_sweep_over_names_has_them_on_its_axis_and_its_null_beside_it():
    estimate = Estimate(0.5, 0.4, 0.6, 2, 2)
    found = [overview.Finding((name,), "gap_end", estimate, null) for name, null in (("relu", 0.25), ("tanh", None))]
    (plot,) = publish.swept("activation", found).values()
    assert ">relu<" in plot and ">tanh<" in plot and ">null<" in plot


@pytest.mark.parametrize("path, field", [
    ("/api/evidence?exhibit=wall", "exhibit"), (f"/api/evidence?{LINK}&seeds=9", "seeds"),
    (f"/api/evidence?{LINK}&seeds=0", "seeds"), (f"/api/evidence?{LINK}&seeds=x", "seeds"),
    (f"/api/evidence?{LINK}&seeds=8&seed=2147483647", "seed"), (f"/api/sweep?{LINK}", "vary"),
    (f"/api/sweep?{LINK}&vary=seed&values=1", "vary"), (f"/api/sweep?{LINK}&vary=resolution&values=24", "vary"),
    (f"/api/sweep?{LINK}&vary=codimension&values=", "values"),
    (f"/api/sweep?{LINK}&vary=codimension&values=5000", "codimension"),
    (f"/api/sweep?{LINK}&vary=codimension&values=x", "codimension"),
    (f"/api/sweep?{LINK}&vary=codimension&values=1,2,3&seeds=3", "values"),
    (f"/api/sweep?{LINK}&vary=init&values=none", "init"),
])
def test_wrong_input_names_field_allowed_and_got(client, path, field):
    answer = client.get(path)
    assert answer.status_code == 400
    told = answer.json()
    assert told["field"] == field and told["allowed"] and told["message"].startswith(f"{field} must be ")


def test_a_study_holds_up_no_run_and_stops_when_nobody_listens(client, monkeypatch):
    shared, began, stopped = client.app.state.studies, threading.Event(), threading.Event()
    handed = Future()  # the study may begin before the test has it

    def endless(experiment, base, train):
        began.set()
        while not handed.result(10).gone.is_set():
            time.sleep(0.01)
        stopped.set()
        raise studies.CancelledError

    monkeypatch.setattr(studies, "trial", endless)
    run = shared.evidence(parse(f"{LINK}&seed=77"), "1")
    handed.set_result(run)
    assert began.wait(10)
    assert last(events(client, f"/api/run?{LINK}"), "done")
    shared.leave(run)
    assert stopped.wait(10) and run.gone.is_set() and not run.finished


def test_too_many_studies_are_told_to_come_back(monkeypatch):
    held = threading.Event()
    server = create(Limits(studies_waiting=1), warm=False)
    shared = server.state.studies
    for _ in range(THREADS):
        shared._executor.submit(held.wait)
    try:
        with TestClient(server) as client:
            shared.evidence(parse(LINK), "1")
            answer = client.get(f"/api/evidence?{LINK}&seeds=2")
            assert answer.status_code == 503 and "busy" in answer.json()["message"]
    finally:
        held.set()
