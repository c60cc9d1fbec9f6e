"""The report: every claim with value, null, intervals and verdict; resumed without loss; the page loads nothing."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest
from conftest import TINY, tiny

from toy import publish, sweep, trials
from toy.__main__ import main
from toy.errors import FieldError
from toy.exhibits import EXHIBITS, Exhibit
from toy.experiment import Case, Claim, Experiment, Plot, Result, evidence
from toy.experiments import EXPERIMENTS
from toy.link import build

ELLS = (1, 3)
NAMES = ("always", "never", "even-seeds", "undefined")


def measure(recordings):
    return {name: {"codimension_times_2": 2.0 * r.world.codimension, "accuracy": float(r.accuracy[-1]),
                   "seed": float(r.knobs.seed)} for name, r in recordings.items()}


def judge(table):
    seed = table["ell 1"]["seed"]
    return {"always": Result(seed, 0.0, True), "never": Result(table["ell 3"]["accuracy"], 1.0, False),
            "even-seeds": Result(seed % 2, 1.0, seed % 2 == 0), "undefined": Result(None, None, None)}


TOY = Experiment(
    cases={f"ell {ell}": Case({**TINY, "codimension": ell}) for ell in ELLS},
    measure=measure, judge=judge,
    claims=tuple(Claim(name, f"This holds <{name}>.", "value", "null") for name in NAMES),
    columns={"codimension_times_2": "length", "accuracy": "1", "seed": "1"},
    plots=(Plot("codimension", ("codimension_times_2",), law=-0.5), Plot("accuracy", ("seed",))),
)


def install(patch):
    """The tiny experiment under the name of an exhibit without one."""
    patch.setitem(EXPERIMENTS, "wall", TOY)
    patch.setitem(EXHIBITS, "wall", Exhibit("wall", *tiny(codimension=3)))


@pytest.fixture(autouse=True)
def tiny_experiment(monkeypatch):
    install(monkeypatch)


def report(folder, *words):
    assert main(["report", "--out", str(folder), "--only", "wall", "--seeds", "4", *words]) == 0
    return json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished report of four seeds, its files by name."""
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        folder = tmp_path_factory.mktemp("report")
        report(folder)
    return folder


def files(folder):
    """Bytes by name; of the trials without the time they took."""
    own = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return own | {path.name: re.sub(rb'"seconds": [\d.]+', b"", path.read_bytes())
                  for path in (folder / "trials").iterdir()}


def test_every_claim_has_value_null_intervals_seeds_and_verdict(whole):
    found = json.loads((whole / "report.json").read_text())
    assert set(found) == {"date", "command", "seeds", "versions", "exhibits"} and found["seeds"] == [0, 1, 2, 3]
    assert {"toy", "python", "jax", "numpy"} <= set(found["versions"])
    exhibit = found["exhibits"]["wall"]
    claims = {claim["name"]: claim for claim in exhibit["claims"]}
    assert tuple(claims) == NAMES
    assert {name: claim["verdict"] for name, claim in claims.items()} == {
        "always": "holds", "never": "fails", "even-seeds": "undecided", "undefined": "fails"}
    assert claims["always"]["value"]["value"] == 1.5 and claims["always"]["null"]["value"] == 0
    assert claims["even-seeds"]["holds"]["value"] == 0.5 and claims["even-seeds"]["holds"]["low"] < 0.5
    assert claims["undefined"]["value"] == {"value": None, "low": None, "high": None, "used": 0, "total": 4}
    assert [row["holds"] for row in claims["even-seeds"]["by_seed"]] == [True, False, True, False]
    assert exhibit["table"]["ell 3"] == {"codimension_times_2": 6, "seed": 1.5,
                                         "accuracy": claims["never"]["value"]["value"]}
    (fit,) = exhibit["exponents"]
    assert fit["value"] == pytest.approx(1) and fit["law"] == -0.5 and fit["used"] == 4
    assert set(exhibit["cases"]) == set(TOY.cases) and "codimension=1" in exhibit["cases"]["ell 1"]


def test_numbers_are_those_of_the_experiment(whole):
    found = json.loads((whole / "report.json").read_text())["exhibits"]["wall"]
    alone = evidence(TOY, build("wall", {"seed": 2}), trials.trainer())
    assert found["claims"][1]["by_seed"][2] == {"seed": 2, **alone.results["never"]._asdict()}


class Loads(HTMLParser):
    """Everything a page would fetch, and what it shows."""

    def __init__(self):
        super().__init__()
        self.loads, self.text, self.open = [], "", []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.loads += [v for k, v in attributes if k in ("src", "href", "xlink:href", "srcset", "data") and v]
        self.loads += re.findall(r"url\(([^)]*)\)", " ".join(v or "" for _, v in attributes))

    def handle_data(self, data):
        self.text += data


def test_the_page_loads_nothing_and_shows_all(whole):
    text = (whole / "report.html").read_text()
    page = Loads()
    page.feed(text)
    assert {"svg", "path"} <= set(page.open) and "script" not in page.open and "link" not in page.open
    assert all(load.strip("'\"").startswith(("#", "data:")) for load in page.loads), page.loads
    assert "@import" not in text and "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    for claim in TOY.claims:
        assert page.text.count(claim.prediction) == 2  # <...> in a sentence is text, not an element
    for verdict in ("holds", "fails", "undecided"):
        assert f'chip {verdict}"' in text
    assert page.text.count("seed 3") == 1 and text.count("<svg") == len(NAMES) + 2 + 4


def test_findings_are_one_table_row_a_claim(whole):
    lines = (whole / "findings.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| wall")]
    assert len(rows) == len(NAMES) and rows[1].endswith("| 0 of 4 (0.00 .. 0.49) | **fails** |")
    assert "--seeds 4" in lines[-1] and "jax" in lines[-1]


def test_what_was_broken_off_goes_on_to_the_same_files(whole, tmp_path, monkeypatch):
    report(tmp_path)
    before = files(tmp_path)
    assert before == files(whole)
    (tmp_path / "trials" / "wall-1.json").unlink()
    (tmp_path / "trials" / "wall-2.json").write_text('{"exhibit": "wall", "se')
    old = json.loads((tmp_path / "trials" / "wall-3.json").read_text())
    (tmp_path / "trials" / "wall-3.json").write_text(json.dumps({**old, "versions": {**old["versions"], "toy": "0"}}))
    made = []
    train = trials.trial
    monkeypatch.setattr(trials, "trial", lambda e, base, t: made.append(base.knobs.seed) or train(e, base, t))
    report(tmp_path)
    assert made == [1, 2, 3] and files(tmp_path) == before
    report(tmp_path)
    assert made == [1, 2, 3]


def test_workers_take_whole_experiments_longest_first(tmp_path, monkeypatch):
    """Threads instead of processes: those would not know the experiments of a test."""
    @contextmanager
    def threads(workers):
        with ThreadPoolExecutor(1) as pool:
            yield pool

    long = Experiment(**{**vars(TOY), "cases": {**TOY.cases, "long": Case({**TINY, "steps": 40})}})
    monkeypatch.setitem(EXPERIMENTS, "wave", long)
    monkeypatch.setitem(EXHIBITS, "wave", Exhibit("wave", *tiny(codimension=3)))
    monkeypatch.setattr(sweep, "processes", threads)
    order, train, told = [], trials.trial, []
    monkeypatch.setattr(trials, "trial", lambda e, base, t: order.append(base.exhibit) or train(e, base, t))
    found = trials.collect(tmp_path, ["wall", "wave"], [0, 1], 2, lambda *now: told.append(now))
    assert order == ["wave", "wave", "wall", "wall"] and [len(own) for own in found.values()] == [2, 2]
    assert told[0][:2] == (0, 4) and told[-1][:2] == (4, 4)


def test_a_case_that_cannot_be_run_counts_as_not_holding_and_says_why():
    def refuse(setup):
        raise FieldError("training_set", "clean", "wrong-labels", "no adversarial example")

    found = trials.trial(TOY, build("wall", {}), refuse)
    assert "no adversarial example" in found.error and set(found.results.values()) == {Result(None, None, None)}
    told = publish.summary(TOY, build("wall", {}), [found])
    assert told["errors"] == {"0": found.error} and {c["verdict"] for c in told["claims"]} == {"undecided"}
    assert publish.drawn(TOY, build("wall", {}), [found])["gallery"] == []


def test_a_run_that_others_come_from_is_trained_once(monkeypatch):
    made = []
    real = trials.simulate
    monkeypatch.setattr(trials, "simulate", lambda world, *rest: made.append(world.start) or real(world, *rest))
    train = trials.trainer()
    for rate in (0.1, 0.01):
        changes = {**TINY, "start": "branch", "learning_rate": rate, "from.learning_rate": 0.001}
        train(build("wall", changes))
    assert made.count("branch") == 2 and len(made) == 3


@pytest.mark.parametrize("words, message", [
    (["--only", "nope"], "--only must be one of ["), (["--seeds", "0"], "--seeds must be a whole number"),
    (["--workers", "x"], "--workers must be"), (["--first-seed", "-1"], "--first-seed must be"),
])
def test_wrong_values_are_named(words, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trials, "collect", lambda *_: pytest.fail("it began"))
    assert main(["report", "--out", str(tmp_path), *words]) == 2
    assert message in capsys.readouterr().err
