"""python -m toy: one JSON object on stdout and nothing else; wrong values end with 2 and a message that helps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY

import toy
from app import __main__ as server
from app.export import Job
from app.shown import Shown
from toy import FieldError, Recording, World, __main__, files, measures, simulate, windows
from toy.exhibits import EXHIBITS
from toy.link import build
from toy.world import FIELDS

KEYS = {
    "exhibit", "world", "seed", "steps", "seconds", "accuracy", "t_cling", "t_dimple", "t_all_right",
    "accuracy_at_t_cling", "two_phases", "sheet_offset_start", "sheet_offset_end", "dimple_amplitude_end",
    "dimple_null_95", "gap_start", "gap_end", "single_sheet_share", "missing_share", "depth_median",
    "distance_free_median", "distance_on_median", "distance_off_median", "gradient_normal_share",
    "gradient_normal_share_chance",
}
SMALL = [f"{name}={value}" for name, value in TINY.items()]
SHARES = ("accuracy", "single_sheet_share", "missing_share", "gradient_normal_share", "gradient_normal_share_chance",
          "single_sheet_share_chance", "missing_share_chance")


@pytest.fixture
def command(capsys):
    """command(*words) -> (exit code, stdout, stderr)."""

    def call(*words):
        code = __main__.main([str(word) for word in words])
        return (code, *capsys.readouterr())

    return call


def test_list_names_every_exhibit(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = command("list")
    assert code == 0 and not err
    for name, exhibit in EXHIBITS.items():
        line = next(line for line in out.splitlines() if f" {name} " in line)
        assert exhibit.world.manifold in line and str(exhibit.world.n) in line


def test_json_is_one_object_with_every_key(command, train):
    code, out, _ = command("run", "dimpled-sheet", "--set", *SMALL, "--seed", 3, "--json")
    assert code == 0 and out.count("\n") == 1
    got = json.loads(out)
    assert set(got) >= KEYS
    assert (got["exhibit"], got["seed"], got["steps"], got["two_phases"]) == ("dimpled-sheet", 3, 20, False)
    assert got["world"]["width"] == 8 and got["world"]["learning_rate"] == 1e-3
    assert set(got["world"]) == {name for name in FIELDS if name != "seed" and name not in toy.View.model_fields}
    assert np.float32(got["accuracy"]) == train(seed=3).accuracy[-1] and len(str(got["accuracy"])) < 12
    assert all(0 <= got[name] <= 1 for name in SHARES) and got["gradient_normal_share_chance"] == 3 / 5
    assert got["seconds"] >= 0 and got["gap_start"] > 0 and got["sheet_offset_end"] > 0


def test_a_branch_begins_at_the_step_it_names(command):
    words = ("run", "dimpled-sheet", "--json", "--set", *SMALL, "start=branch")
    start = [json.loads(command(*words, f"from.step={at}")[1]) for at in (3, 9)]
    setup = build("dimpled-sheet", {**dict(pair.split("=") for pair in SMALL), "start": "branch", "from.step": 3})
    own = toy.simulate(setup.world, setup.knobs, origin=setup.origin)
    chart = windows.normal_chart(own, toy.View())
    gap = measures.measure(own, chart, 0)["gap"]
    assert np.float32(start[0]["gap_start"]) == np.float32(gap) != np.float32(start[1]["gap_start"])


def test_the_same_seed_prints_the_same_numbers(command):
    runs = [json.loads(command("run", "dimpled-sheet", "--set", *SMALL, "--json")[1]) for _ in range(2)]
    for run in runs:
        run.pop("seconds")
    assert runs[0] == runs[1]


def test_what_is_undefined_is_null(command):
    """ell = 0: no normal directions, so no sheet, no heights and no way off the manifold."""
    code, out, _ = command("run", "dimpled-sheet", "--set", *SMALL, "codimension=0", "--json")
    got = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert code == 0 and set(got) >= KEYS
    for name in ("t_cling", "t_dimple", "sheet_offset_end", "dimple_amplitude_end", "gap_end", "depth_median",
                 "single_sheet_share", "distance_off_median"):
        assert got[name] is None
    assert got["gradient_normal_share_chance"] == 0 and got["two_phases"] is False


def test_the_table_for_people_holds_the_same_numbers(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    code, out, _ = command("run", "dimpled-sheet", "--set", *SMALL)
    assert code == 0 and "width=8" in out
    assert all(name in out for name in KEYS - {"world"})


def test_the_recording_is_saved(command, tmp_path, train):
    path = tmp_path / "run.npz"
    assert command("run", "dimpled-sheet", "--set", *SMALL, "--seed", 3, "--json", "--out", path)[0] == 0
    assert np.array_equal(Recording.load(path).loss, train(seed=3).loss)


@pytest.mark.parametrize("words, field, allowed, got", [
    (["run", "nope"], "exhibit", "one of [dimpled-sheet", "'nope'"),
    (["run", "wall", "--set", "width=1"], "width", "a whole number between 2 and 512", "1"),
    (["run", "wall", "--set", "width=9.5"], "width", "a whole number between 2 and 512", "9.5"),
    (["run", "wall", "--set", "width=abc"], "width", "a whole number between 2 and 512", "'abc'"),
    (["run", "wall", "--set", "learning_rate=abc"], "learning_rate", "between 1e-06 and 10", "'abc'"),
    (["run", "wall", "--set", "offset=nan"], "offset", "between -2 and 2", "nan"),
    (["run", "wall", "--set", "manifold=cube"], "manifold", "one of [line", "'cube'"),
    (["run", "wall", "--set", "nope=1"], "field", "one of [manifold", "'nope'"),
    (["run", "wall", "--set", "width"], "--set", "FIELD=VALUE", "'width'"),
    (["run", "wall", "--set", "manifold=helix"], "codimension", "at least 2 for manifold 'helix'", "1"),
    (["run", "wall", "--set", "width=512", "points_per_side=32", "steps=99999"], "steps", "at most", "99999"),
    (["run", "wall", "--seed", "-1"], "seed", "a whole number between 0 and 2147483647", "-1"),
    (["run", "wall", "--seed", "x"], "seed", "a whole number between 0 and 2147483647", "'x'"),
    (["run", "wall", "--out", "no/such/run.npz"], "--out", "a file that can be written", "'no/such/run.npz'"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_values_are_refused_before_anything_runs(command, monkeypatch, words, field, allowed, got):
    monkeypatch.setattr(__main__, "simulate", lambda *_: pytest.fail("training began"))
    code, out, err = command(*words)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert err.startswith(f"error: {field} must be {allowed}") and f"got {got}" in err


@pytest.mark.parametrize("words", [[], ["fly"], ["run"], ["run", "wall", "--colour"],
                                   ["run", "wall", "--set"]], ids=str)
def test_unknown_words_show_the_usage(words, capsys):
    with pytest.raises(SystemExit) as caught:
        __main__.main(words)
    assert caught.value.code == 2 and "usage: python -m toy" in capsys.readouterr().err


def test_a_diverged_run_says_so_and_what_to_try(command):
    words = ["run", "dimpled-sheet", "--set", *SMALL, "optimizer=sgd", "activation=softplus", "learning_rate=10",
             "weight_decay=1", "steps=60"]
    code, out, _ = command(*words, "--json")
    got = json.loads(out)
    assert code == 0 and got["steps"] == got["diverged_at"] - 1 < 59
    assert 0 <= got["gradient_normal_share"] <= 1  # though the gradients are huge
    code, _, err = command(*words)
    assert code == 0 and f"not finite at step {got['diverged_at']}" in err
    assert "learning_rate=10 (at 0.001 it goes on) or weight_decay=1 (at 0 it goes on)" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_numbers_are_printed_though_the_disk_is_full(command):
    code, out, err = command("run", "dimpled-sheet", "--set", *SMALL, "--json", "--out", "/dev/full")
    assert code == 2 and set(json.loads(out)) >= KEYS
    assert "--out must be a file with room for the recording, got '/dev/full'" in err


@pytest.mark.parametrize("file", ["", "no/such/folder.npz"])
def test_a_file_that_cannot_be_written_is_refused_before_training(file, command, tmp_path, monkeypatch):
    monkeypatch.setattr(__main__, "simulate", lambda *_: pytest.fail("trained first"))
    code, out, err = command("run", "dimpled-sheet", "--set", *SMALL, "--json", "--out", tmp_path / file)
    assert code == 2 and out == "" and "--out must be a file that can be written" in err
    assert list(tmp_path.iterdir()) == []


def test_points_of_one_class_are_said_and_leave_undefined_values_null(command):
    code, out, err = command("run", "dimpled-sheet", "--set", *SMALL, "labels=rings", "points_per_side=2", "--json")
    got = json.loads(out)
    assert code == 0 and "same label" in err and got["two_phases_failures"] == ["one_class"]
    assert got["dimple_amplitude_end"] is got["dimple_null_95"] is None and not got["two_phases"]


def test_a_process_prints_json_on_stdout_and_nothing_else():
    words = ["run", "dimpled-sheet", "--set", *SMALL, "steps=2", "--json"]
    done = subprocess.run([sys.executable, "-m", "toy", *words], capture_output=True, text=True,
                          cwd=Path(toy.__file__).parents[1])
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) >= KEYS and done.stdout.count("\n") == 1


def test_the_package_does_what_the_command_does(train):
    setup = build("dimpled-sheet", dict(TINY))
    assert isinstance(setup.world, World)
    assert np.array_equal(simulate(setup.world, setup.knobs).loss, train().loss)


@pytest.mark.parametrize("words, said", [
    (["--port", "99999"], "--port must be between 0 and 65535, got 99999"),
    (["--host", "192.0.2.1", "--port", "0"], "--host must be one of this machine's addresses"),
])
def test_the_servers_address_is_checked(words, said, capsys):
    assert server.main(["serve", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_report_needs_a_folder_and_seeds_that_there_are(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    late = {"--out": "r", "--first-seed": 2**31 - 1, "--seeds": 2}
    for words, flag in (({"--out": ""}, "--out"), (late, "--first-seed")):
        code, out, err = command("report", *(part for pair in words.items() for part in pair))
        assert code == 2 and not out and err.startswith(f"error: {flag} must be")
    assert not list(tmp_path.iterdir())


def test_what_breaks_off_a_run_is_said_in_a_line(command, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "run", interrupted)
    assert command("run", "dimpled-sheet") == (130, "", "broken off\n")


@pytest.mark.skipif(os.name == "nt", reason="a pipe ends otherwise there")
def test_a_reader_that_has_gone_is_no_error():
    listing = subprocess.Popen([sys.executable, "-m", "toy", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    listing.stdout.close()
    assert listing.wait(60) == 1 and not listing.stderr.read()


@pytest.mark.skipif(os.name == "nt", reason="no named pipes there")
def test_exports_replace_no_device_and_no_other_export(tmp_path):
    pipe, kept, link = tmp_path / "pipe", tmp_path / "kept.csv", tmp_path / "link.csv"
    os.mkfifo(pipe)
    link.symlink_to(kept)
    files.writable("--csv", pipe)  # nobody reads from it yet
    with files.whole_file(link) as file:
        file.write(b"new")
    assert link.is_symlink() and kept.read_bytes() == b"new"
    shown = Shown(build("dimpled-sheet", dict(TINY)))
    with pytest.raises(FieldError, match="--npz must be another file than --csv"):
        Job(shown, {"csv": kept, "npz": kept})
    with pytest.raises(FieldError, match="--csv must be a file"):
        Job(shown, {"csv": tmp_path / "no" / "a.csv"})
