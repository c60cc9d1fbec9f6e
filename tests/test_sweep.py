"""Sweeps: rows equal single runs, whatever the workers; broken off and resumed without loss; wrong input is named."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toy import report, rows, simulate, sweep
from toy.__main__ import main
from toy.errors import FieldError
from toy.link import build

ROOT = Path(__file__).parents[1]
SMALL = {"codimension": 3, "points_per_side": 2, "hidden_layers": 1, "width": 4, "steps": 3}
SETTINGS = [f"{name}={value}" for name, value in SMALL.items()]
VARY = {"learning_rate": [0.1, 0.01], "offset": [0.0, 0.5]}  # of one world: workers compile once


@pytest.fixture
def nothing_runs(monkeypatch):
    """Fail when a run begins."""
    monkeypatch.setattr(sweep, "one", lambda setup: pytest.fail("a run began"))


@pytest.fixture(scope="module")
def small() -> sweep.Sweep:
    return sweep.plan("dimpled-sheet", VARY, 2, 5, SMALL)


@pytest.fixture(scope="module")
def whole_file(small, tmp_path_factory) -> bytes:
    """The file of the small sweep, made at one go in this process."""
    path = tmp_path_factory.mktemp("sweep") / "whole.csv"
    sweep.run(small, path)
    return path.read_bytes()


def timeless(content: bytes) -> list[str]:
    """Lines without `seconds`, the last cell."""
    return [line.rpartition(",")[0] for line in content.decode().splitlines()]


def test_order_of_the_runs(small):
    order = [(s.knobs.learning_rate, s.knobs.offset, s.knobs.seed) for s in small.setups]
    assert order == [(rate, offset, seed) for rate in (0.1, 0.01) for offset in (0.0, 0.5) for seed in (5, 6)]


def test_each_row_is_the_single_run_to_the_last_bit(small, whole_file, tmp_path, capsys):
    path = tmp_path / "whole.csv"
    path.write_bytes(whole_file)
    for row in (rows.read(path)[0], rows.read(path)[-1]):
        changed = {**SMALL, **{name: row[name] for name in ("learning_rate", "offset", "seed")}}
        assert not main(["run", "dimpled-sheet", "--json", "--set", *(f"{k}={v}" for k, v in changed.items())])
        single = json.loads(capsys.readouterr().out)
        assert tuple(single) == report.NAMES
        for name, value in single.pop("world").items():
            assert row[rows.column(name)] == value, name
        del single["seconds"]
        assert {name: row[name] for name in single} == single


def test_a_branch_of_a_sweep_begins_where_its_own_run_does(tmp_path):
    branch = {**SMALL, "start": "branch", "from.step": 1}
    starts = []
    for step in (1, 3):
        path = tmp_path / f"{step}.csv"
        sweep.run(sweep.plan("dimpled-sheet", {"learning_rate": [0.05]}, 1, 5, {**branch, "from.step": step}), path)
        starts.append(rows.read(path)[0]["gap_start"])
    setup = build("dimpled-sheet", {**branch, "learning_rate": 0.05, "seed": 5})
    parent = simulate(setup.parent.world, setup.parent.knobs)
    own = simulate(setup.world, setup.knobs, origin=setup.origin, parent=parent)
    assert starts[0] == report.summary(setup, own, 0.0)["gap_start"] != starts[1]


def test_columns_say_everything_once(whole_file):
    names = whole_file.decode().splitlines()[0].split(",")
    assert len(set(names)) == len(names) and names[-1] == "seconds"
    assert {"codimension", "world_steps", "steps", "direction", "seed", "two_phases"} <= set(names)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back_to_the_last_bit(value):
    assert rows.decode("gap_end", rows.encode(value)).hex() == value.hex()


@pytest.mark.parametrize("name, value", [
    ("gap_end", None), ("t_cling", 7), ("two_phases", True), ("two_phases_failures", []),
    ("two_phases_failures", ["no_clinging", "small_fall"]), ("manifold", "plane"), ("learning_rate", 1e-6),
])
def test_values_come_back_with_their_type(name, value):
    back = rows.decode(name, rows.encode(value))
    assert back == value and type(back) is type(value)


def test_a_changed_knob_or_seed_compiles_nothing(tmp_path):
    vary = {"learning_rate": [0.01, 0.1], "offset": [0.0, 0.5], "init_scale": [1.0, 2.0]}
    planned = sweep.plan("dimpled-sheet", vary, 2, 0, {**SMALL, "codimension": 2})  # a world of this test alone
    compiled, after = [], []

    def listen(event: str, seconds: float, **_) -> None:
        if "compile" in event and "backend" in event:
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        sweep.run(planned, tmp_path / "x.csv", progress=lambda done, total: after.append(len(compiled)))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert after[1] > 0
    assert after[2:] == [after[1]] * (len(planned.setups) - 1)


def test_processes_write_the_same_file(small, whole_file, tmp_path):
    sweep.run(small, tmp_path / "two.csv", workers=2)
    assert timeless((tmp_path / "two.csv").read_bytes()) == timeless(whole_file)


def test_a_dask_cluster_writes_the_same_file(small, whole_file, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        sweep.run(small, tmp_path / "dask.csv", scheduler=cluster.scheduler_address)
    assert timeless((tmp_path / "dask.csv").read_bytes()) == timeless(whole_file)


@pytest.mark.parametrize("finished", [0, 1, 5])
def test_broken_off_and_resumed(small, whole_file, tmp_path, finished, monkeypatch):
    path, ran = tmp_path / "x.csv", []

    def interrupt(done: int, total: int) -> None:
        assert total == len(small.setups)
        if done == finished:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep.run(small, path, progress=interrupt)
    before = path.read_bytes()
    assert timeless(before) == timeless(whole_file)[: finished + 1]
    one = sweep.one
    monkeypatch.setattr(sweep, "one", lambda setup: ran.append(setup) or one(setup))
    sweep.run(small, path)
    assert ran == list(small.setups[finished:])
    assert path.read_bytes().startswith(before) and timeless(path.read_bytes()) == timeless(whole_file)


def test_rows_in_any_order_are_taken_up_and_put_in_order(small, whole_file, tmp_path):
    path = tmp_path / "x.csv"
    lines = whole_file.splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[5], lines[2]]))
    found = sweep.run(small, path)
    assert timeless(path.read_bytes()) == timeless(whole_file)
    assert found == rows.read(path)
    assert os.listdir(tmp_path) == ["x.csv"]


def test_a_finished_sweep_runs_nothing_and_more_seeds_the_rest(small, whole_file, tmp_path, nothing_runs, monkeypatch):
    path = tmp_path / "x.csv"
    path.write_bytes(whole_file)
    sweep.run(small, path, workers=2)
    assert path.read_bytes() == whole_file
    ran = []
    monkeypatch.setattr(sweep, "one", lambda setup: ran.append(setup.knobs.seed) or rows.row_of(
        setup, dict.fromkeys(report.NAMES, None) | {"exhibit": setup.exhibit, "seed": setup.knobs.seed}))
    sweep.run(sweep.plan("dimpled-sheet", VARY, 3, 5, SMALL), path)
    assert ran == [7] * 4 and [row["seed"] for row in rows.read(path)] == [5, 6, 7] * 4


def damage(whole: bytes) -> dict[str, bytes]:
    """Files that are no rows of the small sweep."""
    head, first, *rest = whole.splitlines(keepends=True)
    return {
        "half a line": whole[:-40],
        "a whole line without its end": whole[:-1],
        "a missing cell": head + first.replace(b",plane,", b",") + rest[0],
        "a number that is none": head + first.replace(b",0.1,", b",0.0.1,"),
        "a number in other words": head + first.replace(b",0.1,", b",1e-1,"),
        "an empty line": head + b"\n" + first,
        "an open quote": head + b'"' + first + rest[0],
        "no text": head + b"\xff\xfe" + first,
        "a run twice": head + first + first,
        "other columns": head.replace(b"codimension", b"ell") + first,
        "another exhibit": head + first.replace(b"dimpled-sheet", b"wall"),
        "another value": head + first.replace(b",0.1,", b",0.2,"),
        "another file": b"PK\x03\x04 not rows at all\n",
    }


@pytest.mark.parametrize("kind", damage(b"a,b\n" * 4))
def test_a_damaged_or_foreign_file_is_named_and_left_alone(small, whole_file, tmp_path, kind, nothing_runs):
    path = tmp_path / "x.csv"
    path.write_bytes(damage(whole_file)[kind])
    with pytest.raises(FieldError) as caught:
        sweep.run(small, path)
    assert caught.value.field == "--out"
    assert path.read_bytes() == damage(whole_file)[kind]


def test_an_empty_file_is_begun(small, whole_file, tmp_path):
    (tmp_path / "x.csv").touch()
    assert rows.resume(tmp_path / "x.csv", []) == {}
    assert (tmp_path / "x.csv").read_bytes() == whole_file.splitlines(keepends=True)[0]


@pytest.mark.parametrize("changes, field", [
    ({"vary": {"codimensions": [1]}}, "field"),
    ({"vary": {"noise": [0.1, 2]}}, "noise"),
    ({"vary": {"batch_size": ["1", ""]}}, "batch_size"),
    ({"vary": {"batch_size": []}}, "--vary"),
    ({"vary": {"batch_size": [1, 1]}}, "--vary"),
    ({"vary": {"learning_rate": ["0.1", ".1"]}}, "--vary"),
    ({"vary": {"width": [3]}}, "--vary"),
    ({"vary": {"seed": [3]}}, "--vary and --set"),
    ({"vary": {"resolution": [32, 48]}}, "--vary"),
    ({"vary": {"reference_step": [3, 4]}}, "reference_step"),
    ({"fixed": {"momentum": 2}}, "momentum"),
    ({"exhibit": "dimples"}, "exhibit"),
    ({"seeds": 0}, "--seeds"), ({"seeds": "many"}, "--seeds"), ({"seeds": 1.5}, "--seeds"),
    ({"seeds": 10_001}, "runs"), ({"seeds": 10**12}, "runs"),
    ({"first_seed": -1}, "--first-seed"), ({"first_seed": 2**31 - 2, "seeds": 3}, "--first-seed"),
    ({"seeds": "９"}, "--seeds"),
])
def test_a_wrong_plan_is_named(changes, field):
    arguments = {"exhibit": "dimpled-sheet", "vary": {}, "fixed": {**SMALL, **changes.pop("fixed", {})}, **changes}
    with pytest.raises(FieldError) as caught:
        sweep.plan(**arguments)
    assert caught.value.field == field


@pytest.mark.parametrize("workers", [0, -1, "two", 1.5])
def test_wrong_workers_are_named(small, tmp_path, workers, nothing_runs):
    with pytest.raises(FieldError, match="--workers must be a whole number of at least 1"):
        sweep.run(small, tmp_path / "x.csv", workers)
    assert not os.listdir(tmp_path)


def test_a_path_that_cannot_be_written_is_named(small, tmp_path, nothing_runs):
    for path in (tmp_path, tmp_path / "missing" / "x.csv"):
        with pytest.raises(FieldError, match="--out must be a file that can be written"):
            sweep.run(small, path)


def test_missing_dask_says_what_to_install(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(FieldError, match=r"pip install -r requirements-cluster\.txt"):
        sweep.run(small, tmp_path / "x.csv", scheduler="tcp://127.0.0.1:1")
    assert (ROOT / "requirements-cluster.txt").exists()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://127.0.0.1:port", "wrong://here:1"])
def test_an_address_without_scheduler_is_named(small, tmp_path, monkeypatch, address):
    pytest.importorskip("distributed")
    monkeypatch.setattr(sweep, "PATIENCE", 0.3)
    with pytest.raises(FieldError, match="--scheduler must be the address"):
        sweep.run(small, tmp_path / "x.csv", scheduler=address)


def test_a_dead_worker_is_explained(small, tmp_path, monkeypatch):
    class Dying(Executor):
        def submit(self, fn, /, *args, **kwargs):
            future = Future()
            future.set_exception(BrokenProcessPool())
            return future

    @contextmanager
    def processes(workers):
        yield Dying()

    monkeypatch.setattr(sweep, "processes", processes)
    with pytest.raises(FieldError, match="the same command goes on"):
        sweep.run(small, tmp_path / "x.csv", workers=2)


def test_a_diverging_run_has_its_row(tmp_path):
    fixed = {**SMALL, "optimizer": "sgd", "init_scale": 10, "learning_rate": 10, "weight_decay": 1, "hidden_layers": 2,
             "width": 16, "steps": 20}
    row, = sweep.run(sweep.plan("dimpled-sheet", {}, 1, 0, fixed), tmp_path / "x.csv")
    assert row["diverged_at"] is not None and rows.read(tmp_path / "x.csv") == [row]


def test_the_command_writes_and_sums_up(tmp_path, capsys):
    path = tmp_path / "x.csv"
    command = ["sweep", "dimpled-sheet", "--vary", "codimension=2,3", "--seeds", "2", "--first-seed", "5",
               "--set", *SETTINGS[1:], "--out", str(path), "--summary"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert [row["seed"] for row in rows.read(path)] == [5, 6, 5, 6]
    assert "codimension=3" in shown and "depth_median" in shown and "slope of gap_end" in shown


@pytest.mark.parametrize("words, said", [
    (["--vary", "codimension"], "--vary must be FIELD=VALUE"),
    (["--vary", "codimension=1,x"], "codimension must be a whole number"),
    (["--vary", "codimension=1", "--set", "codimension=2"], "--vary must be about fields that --set leaves alone"),
    (["--seeds", "0"], "--seeds must be a whole number of at least 1, got '0'"),
    (["--workers", "0"], "--workers must be a whole number of at least 1, got '0'"),
])
def test_the_command_names_wrong_input(tmp_path, capsys, words, said, nothing_runs):
    assert main(["sweep", "dimpled-sheet", "--out", str(tmp_path / "x.csv"), *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no signals between processes")
def test_ctrl_c_leaves_whole_rows_and_no_processes(tmp_path):
    path = tmp_path / "x.csv"
    command = [sys.executable, "-m", "toy", "sweep", "dimpled-sheet", "--seeds", "2000", "--set", *SETTINGS,
               "--workers", "2", "--out", str(path)]
    # Tests run in the background have inherited a shell's "ignore Ctrl-C".
    heeds = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    process = psutil.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True,
                           preexec_fn=heeds)
    while not (path.exists() and path.read_bytes().count(b"\n") > 2):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    children = process.children(recursive=True)
    assert len(children) >= 2
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130 and "broken off" in said and "Traceback" not in said
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    found = rows.read(path)
    assert len(found) >= 2
    single = sweep.one(build("dimpled-sheet", {**SMALL, "seed": found[0]["seed"]}))
    assert {**found[0], "seconds": 0} == {**single, "seconds": 0}


@pytest.mark.skipif(sys.platform == "win32", reason="no signals between processes")
def test_a_killed_process_leaves_no_worker(tmp_path):
    code = """if __name__ == "__main__":
    import os, time
    from toy import sweep
    with sweep.processes(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(600)
"""
    (tmp_path / "orphan.py").write_text(code)
    process = subprocess.Popen([sys.executable, tmp_path / "orphan.py"], cwd=ROOT, stdout=subprocess.PIPE,
                               env={**os.environ, "PYTHONPATH": str(ROOT)})
    worker = psutil.Process(int(process.stdout.readline()))
    process.kill()
    process.wait()
    psutil.wait_procs([worker], timeout=20)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
