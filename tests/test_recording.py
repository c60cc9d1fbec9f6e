"""A recording holds every step: exactly, within its memory, through a file, and however a run ends."""

import gc
import json
import threading
import weakref
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import DIVERGING, tiny

from toy import FieldError, Recording, recording, simulate
from toy.nets import logit
from toy.recording import RECENT, SCALARS, log_spaced
from toy.regimes import logistic_loss
from toy.training import OPTIMIZERS, advance, rule, start
from toy.world import state_bytes


def same(a, b) -> bool:
    """Equal trees, bit by bit."""
    leaves, others = jax.tree.leaves(a), jax.tree.leaves(b)
    return len(leaves) == len(others) and all(np.array_equal(p, q, equal_nan=True) for p, q in zip(leaves, others))


def chain(world, knobs):
    """Parameters of every step by single-step calls: what training does with no recording in between."""
    state, points = start(world, knobs)
    yield state.params
    for _ in range(knobs.steps):
        state, _ = advance(rule(world), knobs, state, points, points, jnp.int32(1))
        yield state.params


@pytest.mark.parametrize("size", [0, 4])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_step_is_replayed_bit_by_bit(name, size, monkeypatch):
    # The world and rates of the textbook test, whose compiled step serves here too.
    world, knobs = tiny(activation="tanh", optimizer=name, batch_size=size, learning_rate=0.05, momentum=0.8,
                        weight_decay=0.3, first_layer_penalty=0.1, label_noise=0.1, noise=0.1, steps=40)
    monkeypatch.setattr("toy.recording.stride", lambda world, steps: 7)
    recording = simulate(world, knobs)
    expected = list(chain(world, knobs))
    assert sorted(recording._checkpoints) == [0, 7, 14, 21, 28, 35]
    for step in (*range(41), *np.random.default_rng(0).permutation(41).tolist()):
        assert same(recording.params(step), expected[step]), step
    assert len(recording._recent) <= RECENT
    assert not same(expected[0], expected[1]) and not same(expected[39], expected[40])


def test_replay_does_not_depend_on_the_way_there(train):
    recording = train(steps=60)
    there = recording.params(41)
    for step in (60, 0, 7, 41, 42, 40, 41):
        last = recording.params(step)
    assert same(last, there)


def test_seeking_replays_no_more_than_it_must(monkeypatch):
    monkeypatch.setattr("toy.recording.stride", lambda world, steps: 7)
    recording, replayed = simulate(*tiny(steps=60)), []

    def counting(rule, knobs, state, train, clean, count):
        replayed.append(int(count))
        return advance(rule, knobs, state, train, clean, count)

    monkeypatch.setattr("toy.recording.training.advance", counting)
    recording.params(34)  # the worst case: the last step before a checkpoint
    assert replayed == [6]
    for step in range(35, 46):  # playing on, a step at a time
        recording.params(step)
    assert sum(replayed) <= 6 + 11 and max(replayed) == 6
    replayed.clear()
    recording.params(42)
    recording.params(45)
    assert replayed == []


def test_scalars_are_those_of_the_parameters(train):
    recording = train(steps=60)
    assert recording.last_step == 60
    for name in SCALARS:
        assert getattr(recording, name).shape == (61,) and getattr(recording, name).dtype == np.float32
    for step in (0, 1, 33, 60):
        f = np.asarray(logit(recording.world)(recording.params(step), jnp.asarray(recording.data.x)), float)
        signed = f * recording.data.y
        assert np.isclose(recording.loss[step], np.log1p(np.exp(-signed)).mean(), rtol=1e-4)
        assert np.isclose(recording.accuracy[step], (signed > 0).mean())
        assert np.isclose(recording.margin[step], signed.min(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 63, 64, 65, 256, 257, 300])
def test_runs_of_any_length_end_where_they_should(steps):
    recording = simulate(*tiny(steps=steps))
    assert recording.last_step == steps and recording.finished and recording.diverged_at is None
    assert len(recording.loss) == steps + 1 and np.isfinite(recording.loss).all()
    assert same(recording.params(steps), recording.params(steps)) and len(set(recording.loss.tolist())) > steps // 2


def test_nbytes_counts_what_is_held(train):
    recording = train(steps=60)
    for step in range(RECENT):
        recording.params(40 + step)
    states = [*recording._checkpoints.values(), *recording._recent.values()]
    held = sum(leaf.nbytes for state in states for leaf in jax.tree.leaves(state))
    assert held < recording.nbytes < held + 4 * 61 * 3 + recording.data.x.nbytes + 4 * 9 * 3 + 1
    for step in range(0, 61, 3):
        recording.params(step)
    assert recording.nbytes <= (len(recording._checkpoints) + RECENT) * (state_bytes(recording.world) + 8) + 2000


@pytest.mark.parametrize("last", [0, 1, 5, 71, 400, 100_000])
def test_measured_steps_are_log_spaced_and_hold_both_ends(last):
    steps = log_spaced(last, 72)
    assert steps[0] == 0 and steps[-1] == last and steps == sorted(set(steps)) and len(steps) <= 72
    gaps = np.diff(steps)
    assert (np.diff(gaps) >= -1).all()  # wider and wider, up to rounding
    assert last < 300 or np.median(steps) < last / 5  # most of them are early ones


def test_measured_steps_belong_to_the_run(train):
    assert train(steps=60).measured_steps == log_spaced(60, 72)


@pytest.mark.parametrize("step", [-1, 21, 10**9, 1.5, float("nan"), float("inf"), "3", None, True, [1], np.arange(2)],
                         ids=repr)
def test_steps_outside_the_run_are_refused(step, train):
    with pytest.raises(FieldError, match="step must be a whole number between 0 and 20, got"):
        train().params(step)


@pytest.mark.parametrize("step", [3, 3.0, np.int64(3), np.float32(3)])
def test_any_whole_number_is_a_step(step, train):
    assert same(train().params(step), train().params(3))


# ---- how runs end


def test_a_diverged_run_keeps_its_healthy_steps():
    recording = simulate(*tiny(**DIVERGING))
    at = recording.diverged_at
    assert recording.finished and 1 < at < 60 and recording.last_step == at - 1
    for name in SCALARS:  # the diverged step is not among them
        assert len(getattr(recording, name)) == at and np.isfinite(getattr(recording, name)).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(recording.params(at - 1)))
    assert recording.measured_steps[-1] == at - 1
    with pytest.raises(FieldError, match="step"):
        recording.params(at)


@pytest.mark.parametrize("apart", [1, 7, 64])
@pytest.mark.parametrize("changes", [{}, {"activation": "relu"}, {"weight_decay": 0.0}])
def test_the_diverged_step_is_the_first_whose_loss_or_update_is_not_finite(changes, apart, monkeypatch):
    monkeypatch.setattr("toy.recording.stride", lambda world, steps: apart)
    world, knobs = tiny(**{**DIVERGING, **changes})
    nets = list(chain(world, knobs))
    points = start(world, knobs)[1]
    healthy = [np.isfinite(logistic_loss(logit(world)(now, points.x), points.y))
               and all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))
               for now, after in pairwise(nets)]
    assert simulate(world, knobs).diverged_at == (healthy.index(False) if False in healthy else None)


def test_a_run_that_is_never_finite_has_its_start(tmp_path, monkeypatch):
    world, knobs = tiny(**DIVERGING)
    broken = Recording(world, knobs)
    broken._checkpoints[0] = jax.tree.map(lambda a: a * np.nan if a.dtype == np.float32 else a, broken._checkpoints[0])
    list(broken.chunks())
    assert broken.diverged_at == 0 and broken.last_step == 0 and broken.finished
    assert len(broken.loss) == 1 and np.isnan(broken.loss[0])
    broken.params(0)
    broken.save(tmp_path / "run.npz")
    assert Recording.load(tmp_path / "run.npz").diverged_at == 0


@pytest.mark.parametrize("rule", ["stop_accuracy", "stop_margin"])
def test_stop_rules_end_the_run_at_the_first_step_that_meets_them(rule, train):
    free = train(steps=300, learning_rate=0.05, labels="half-space")
    column = free.accuracy if rule == "stop_accuracy" else free.margin
    target = {"stop_accuracy": 0.9, "stop_margin": 0.3}[rule]
    first = int(np.argmax(column >= target))
    assert 0 < first < 300
    stopped = train(steps=300, learning_rate=0.05, labels="half-space", **{rule: target})
    assert stopped.last_step == first and stopped.finished and stopped.diverged_at is None
    assert np.array_equal(stopped.loss, free.loss[: first + 1])
    assert same(stopped.params(first), free.params(first)) and same(stopped.params(first // 2), free.params(first // 2))


def test_cancelled_runs_keep_what_they_have_and_can_go_on(train):
    world, knobs = tiny(steps=300)
    calls = []
    recording = simulate(world, knobs, calls.append, lambda: len(calls) >= 2)
    known = recording.last_step
    assert len(calls) == 2 and not recording.finished and 0 < known < 300
    assert len(recording.loss) == known + 1
    recording.params(known)
    for _ in recording.chunks():
        pass
    whole = train(steps=300)
    assert recording.finished and recording.last_step == 300
    assert np.array_equal(recording.loss, whole.loss) and same(recording.params(299), whole.params(299))


def test_progress_sees_the_growing_recording():
    seen = []
    recording = simulate(*tiny(steps=200), lambda r: seen.append((r, r.last_step)))
    assert all(r is recording for r, _ in seen)
    assert [s for _, s in seen] == sorted({s for _, s in seen}) and seen[-1][1] == 200


def test_a_recording_can_be_read_while_it_trains(train):
    world, knobs = tiny(steps=3000)
    recording, wrong = Recording(world, knobs), []

    def read():
        while not recording.finished:
            last = recording.last_step
            loss = recording.loss
            if len(loss) and (len(loss) < last + 1 or not loss.all()):
                wrong.append(last)
            recording.params(last // 2)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in recording.chunks():
        pass
    for reader in readers:
        reader.join()
    alone = simulate(world, knobs)
    assert not wrong and recording.last_step == 3000
    assert np.array_equal(recording.loss, alone.loss) and np.array_equal(recording.margin, alone.margin)


# ---- files


@pytest.fixture
def saved(train, tmp_path):
    path = tmp_path / "run.npz"
    train(steps=60, labels="random", seed=2).save(path)
    return path


def test_save_and_load_lose_nothing(saved, train):
    there, back = train(steps=60, labels="random", seed=2), Recording.load(saved)
    assert (back.world, back.knobs, back.last_step, back.diverged_at, back.finished) == (
        there.world, there.knobs, 60, None, True)
    for name in SCALARS:
        assert np.array_equal(getattr(back, name), getattr(there, name))
    for name in ("u", "x", "y"):
        assert np.array_equal(getattr(back.data, name), getattr(there.data, name))
    assert all(same(back.params(step), there.params(step)) for step in range(61))


def test_diverged_and_cancelled_runs_survive_a_file(tmp_path):
    diverged = simulate(*tiny(**DIVERGING))
    diverged.save(tmp_path / "a.npz")
    back = Recording.load(str(tmp_path / "a.npz"))
    assert back.diverged_at == diverged.diverged_at and back.last_step == diverged.last_step and back.finished
    calls = []
    cancelled = simulate(*tiny(steps=300), calls.append, lambda: len(calls) >= 2)
    cancelled.save(tmp_path / "b.npz")
    back = Recording.load(tmp_path / "b.npz")
    assert back.last_step == cancelled.last_step and not back.finished
    list(back.chunks())
    list(cancelled.chunks())
    assert back.last_step == 300 and np.array_equal(back.loss, cancelled.loss)


def test_a_file_that_cannot_be_written_whole_leaves_the_one_before_it(saved, train, monkeypatch):
    before = saved.read_bytes()

    def full(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        train().save(saved)
    assert saved.read_bytes() == before and list(saved.parent.iterdir()) == [saved]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device to write to")
def test_a_device_is_written_to_and_stays_one(train):
    train().save("/dev/null")
    with pytest.raises(OSError, match="No space"):
        train().save("/dev/full")
    assert Path("/dev/null").is_char_device() and Path("/dev/full").is_char_device()


def test_worlds_and_knobs_in_the_wrong_place_are_named():
    world, knobs = tiny()
    for given in ((knobs, world), (world, {"steps": 3}), (None, knobs)):
        with pytest.raises(FieldError, match=r"must be a (World|Knobs), got"):
            simulate(*given)


@pytest.mark.parametrize("argument, given", [
    ("parent", "a run"), ("parent", {"codimension": 2}), ("parent", {"width": 16}),
    ("parent", {"labels": "half-space"}), ("parent", {"offset": 0.1}), ("origin", "a run"),
], ids=str)
def test_an_earlier_run_that_does_not_fit_is_named(train, argument, given):
    world, knobs = tiny(start="branch")
    with pytest.raises(FieldError) as caught:
        simulate(world, knobs, **{argument: train(**given) if isinstance(given, dict) else given})
    assert caught.value.field == argument
    with pytest.raises(FieldError, match="parent must be None"):
        simulate(*tiny(), parent=train())


def test_a_run_does_not_keep_the_one_it_comes_from():
    world, knobs = tiny()
    parent = simulate(world, knobs)
    gone = weakref.ref(parent)
    branch = simulate(world.replace(start="branch"), knobs, parent=parent)
    del parent
    gc.collect()
    assert gone() is None and branch.last_step == 20


@pytest.mark.parametrize("file", [3, None, b"run.npz"], ids=str)
def test_what_is_no_file_is_named(train, file):
    for use in (train().save, Recording.load):
        with pytest.raises(FieldError, match="file must be"):
            use(file)


def refused(path) -> FieldError:
    with pytest.raises(FieldError) as caught:
        Recording.load(path)
    assert caught.value.field == "file" and "recording" in str(caught.value) and str(path.name) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(saved, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    refused(saved)


def test_a_file_that_unpacks_to_more_than_any_recording_is_not_unpacked(saved, monkeypatch):
    monkeypatch.setattr(recording, "LARGEST", 1000)
    refused(saved)


def test_garbled_files_are_refused_or_harmless(saved):
    whole, rng = saved.read_bytes(), np.random.default_rng(0)
    reference, bad = Recording.load(saved), 0
    for at in rng.integers(0, len(whole), 60):
        garbled = bytearray(whole)
        garbled[at] ^= 0xFF
        saved.write_bytes(garbled)
        try:
            found = Recording.load(saved)
        except FieldError as error:
            assert error.field == "file"
            bad += 1
        else:  # a byte nobody reads
            assert np.array_equal(found.loss, reference.loss) and same(found.params(60), reference.params(60))
    assert bad > 20


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04", b"\x93NUMPY", b"\x80\x04."], ids=repr)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    refused(path)
    refused(tmp_path / "missing.npz")
    refused(tmp_path)  # a folder


def rewritten(path, **changes):
    """The file with some of its arrays replaced, or left out (None)."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays.update(changes)
    np.savez(path, **{name: a for name, a in arrays.items() if a is not None})


@pytest.mark.parametrize("part, changes", [
    ("knobs", {"seed": 3}), ("knobs", {"learning_rate": 0.1}), ("knobs", {"init_scale": 2}),
    ("world", {"activation": "tanh"}), ("world", {"labels": "half-space"}), ("world", {"manifold": "paraboloid"}),
], ids=str)
def test_the_numbers_of_another_run_are_refused(saved, part, changes):
    with np.load(saved) as file:
        was = json.loads(str(file["header"]))
    rewritten(saved, header=np.array(json.dumps({**was, part: {**was[part], **changes}})))
    refused(saved)


def test_a_healthy_run_that_is_said_to_be_cut_short_is_refused(saved):
    with np.load(saved) as file:
        shorter = {name: file[name][:31] for name in SCALARS}
    rewritten(saved, header=header(saved, finished=True, steps=[0]), **shorter)
    refused(saved)


def header(path, **changes):
    with np.load(path) as file:
        return np.array(json.dumps({**json.loads(str(file["header"])), **changes}))


@pytest.mark.parametrize("changes", [
    {"loss": None}, {"header": None}, {"header": np.array("{")}, {"header": np.array("[]")}, {"header": np.zeros(3)},
    {"0/0": None}, {"0/0": np.zeros(3, np.float32)}, {"0/0": np.zeros((8, 5), np.float64)},
    {"margin": np.zeros(5, np.float32)}, {"loss": np.zeros((61, 1), np.float32)},
    {"loss": np.array(["x"] * 61)}, {"loss": np.array([{}], dtype=object)},
    {"0/0": np.full((5, 8), np.nan, np.float32)},
    {"loss": np.full(61, np.nan, np.float32)}, {"loss": np.full(61, -1, np.float32)},
    {"accuracy": np.full(61, 7, np.float32)}, {"margin": np.full(61, np.inf, np.float32)},
    {"loss": np.full(61, 0.5, np.float32)}, {"accuracy": np.full(61, 0.5, np.float32)},
    {"0/4": np.full((5, 8), np.nan, np.float32)},  # Adam's state: the parameters stay finite until the next step
    {"0/5": np.ones((5, 8), np.float32)}, {"training/y": np.ones(9, np.float32)},
    {"training/y": np.full(9, 7, np.float32)}, {"training/x": np.full((9, 5), np.nan, np.float32)},
    dict.fromkeys(SCALARS, np.zeros(90, np.float32)), dict.fromkeys(SCALARS, np.zeros(0, np.float32)),
], ids=str)
def test_files_with_wrong_arrays_are_refused(saved, changes):
    rewritten(saved, **changes)
    refused(saved)


@pytest.mark.parametrize("changes", [
    {"format": 99}, {"format": None}, {"world": {"width": 10**6}}, {"world": {"width": 8, "hidden_layers": 1}},
    {"world": None},
    {"knobs": {"steps": -1}}, {"knobs": {"steps": 5}}, {"steps": []}, {"steps": [0, 64]}, {"steps": [0, 61]},
    {"steps": ["a"]}, {"steps": None},
    {"diverged_at": 3}, {"diverged_at": "x"}, {"diverged_at": 60}, {"finished": False}, {"finished": None},
    {"origin": {"a": 1}}, {"origin": None},
], ids=str)
def test_files_with_wrong_headers_are_refused(saved, changes):
    rewritten(saved, header=header(saved, **changes))
    error = refused(saved)
    if changes.get("format") == 99:
        assert "format 2 or 3" in error.allowed and "99" in str(error)


def test_rings_of_an_older_file_stay_a_fifth_wide(train, tmp_path):
    path = tmp_path / "old.npz"
    old = train(labels="fine-rings")
    old.save(path)
    rewritten(path, header=header(path, format=2, world={**old.world.model_dump(), "labels": "rings"}))
    assert Recording.load(path).world.labels == "fine-rings"
