"""Runs that begin where another was, or learn from what another got wrong."""

import jax
import numpy as np
import pytest
from conftest import tiny

from toy import FieldError, Knobs, Origin, Recording, World, nets, simulate
from toy.link import build, parse, query
from toy.origin import read, written, wrong_labels


def same(a, b):
    return all(np.array_equal(p, q) for p, q in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def accuracy(world, params, data):
    return float((np.asarray(nets.logit(world)(params, data.x)) * data.y > 0).mean())


@pytest.mark.parametrize("batch_size", [0, 4])
def test_a_branch_with_nothing_changed_goes_on_as_its_parent(batch_size):
    world, knobs = tiny(steps=30, batch_size=batch_size)
    parent = simulate(world, knobs)
    branch = simulate(world.replace(start="branch"), knobs.replace(steps=18), origin=Origin((("steps", 30),), 12))
    assert same(branch.state(0), parent.state(12)) and same(branch.state(18), parent.state(30))
    assert np.array_equal(branch.loss, parent.loss[12:]) and np.array_equal(branch.accuracy, parent.accuracy[12:])


def test_a_branch_takes_other_knobs_and_regimes_and_can_branch_again():
    world, knobs = tiny(steps=20, start="branch", regime="noise", input_noise=0.3)
    child = simulate(world, knobs, origin=Origin((("learning_rate", 0.02),), 7))
    parent = simulate(world.replace(start="seed", regime="standard"), knobs.replace(learning_rate=0.02))
    assert same(child.state(0), parent.state(7)) and not same(child.state(5), parent.state(12))
    again = simulate(world, knobs, origin=Origin((("regime", "noise"),), 5, Origin((("learning_rate", 0.02),), 7)))
    assert same(again.state(0), child.state(5))


def test_the_origin_of_a_link_is_read_and_written_without_loss():
    origin = Origin((("learning_rate", 0.01), ("steps", 30)), 12, Origin((("regime", "noise"),), 3))
    assert read(written(origin)) == origin and read({}) is None and written(None) == {}
    setup = build("dimpled-sheet", {"start": "branch", "from.step": "12", "from.learning_rate": "0.01",
                                    "from.steps": "30", "from.from.step": 3, "from.from.regime": "noise"})
    assert setup.origin == origin and parse(query(setup)) == setup
    assert setup.parent.knobs.steps == 30 and setup.parent.world.start == "branch"
    assert setup.parent.parent.world.regime == "noise" and setup.parent.parent.parent is None


@pytest.mark.parametrize("values, field", [
    ({"from.step": 3}, "start"),
    ({"start": "branch", "from.step": "x"}, "from.step"),
    ({"start": "branch", "from.step": -2}, "from.step"),
    ({"start": "branch", "from.width": 5}, "from.width"),
    ({"start": "branch", "from.steps": 0}, "from.steps"),
    ({"start": "branch", "from.nothing": 1}, "from.nothing"),
    ({"start": "branch", "from.learning_rate": "fast"}, "from.learning_rate"),
    ({"start": "branch", "from.step": 401}, "from.step"),
    ({"start": "branch", "from.step": 30, "from.steps": 29}, "from.step"),
    ({"start": "branch", "from.step": 3, "from.from.step": 30, "from.from.steps": 29}, "from.step"),
    ({"start": "normal-weights", "codimension": 0}, "start"),
    ({"regime": "adversarial-off", "codimension": 0}, "regime"),
])
def test_origins_that_cannot_be_are_named(values, field):
    with pytest.raises(FieldError) as caught:
        build("dimpled-sheet", values)
    assert caught.value.field == field


def test_a_step_the_parent_has_not_is_named():
    world, knobs = tiny(start="branch")
    with pytest.raises(FieldError, match="at most 20"):
        simulate(world, knobs, origin=Origin((), 21))


@pytest.fixture(scope="module")
def first():
    """A net that has its points right, off an affine plane."""
    world, knobs = tiny(width=32, hidden_layers=2, codimension=10, steps=800, learning_rate=0.01)
    recording = simulate(world, knobs)
    assert recording.accuracy[-1] == 1
    return recording


def test_wrong_labels_are_the_net_s_own_just_across_the_boundary(first):
    made = wrong_labels(first, first.last_step, "wrong-labels")
    control = wrong_labels(first, first.last_step, "mislabelled")
    assert accuracy(first.world, first.params(first.last_step), made) == 1  # the net believes in them
    assert accuracy(first.world, first.params(first.last_step), control) == 0
    assert np.array_equal(made.u, control.u) and np.array_equal(made.y, control.y)
    moved = made.x - control.x
    assert np.abs(moved[:, :2]).max() < 1e-6 and np.linalg.norm(moved, axis=1).min() > 0
    own = {tuple(u): y for u, y in zip(first.data.u.tolist(), first.data.y)}
    assert all(own[tuple(u)] == -y for u, y in zip(made.u.tolist(), made.y))


@pytest.mark.parametrize("start", ["seed", "other", "normal-weights", "branch"])
def test_nets_that_learn_from_wrong_labels_start_as_said(first, start):
    world, knobs = first.world.replace(start=start, training_set="wrong-labels"), first.knobs.replace(steps=5)
    run = simulate(world, knobs, parent=first)
    begun, kernel = run.params(0), np.asarray(run.params(0)["layer0"]["kernel"])
    last = np.asarray(first.params(first.last_step)["layer0"]["kernel"])
    assert same(begun, first.params(0)) == (start == "seed")
    assert same(begun, first.params(first.last_step)) == (start == "branch")
    assert np.array_equal(kernel[2:], last[2:]) == (start in ("normal-weights", "branch", "seed"))  # frozen off M
    assert np.array_equal(kernel[:2], last[:2]) == (start == "branch")
    assert np.array_equal(run.data.x, first.data.x) and not np.array_equal(run.training.y, run.data.y)


def test_accuracy_is_of_the_clean_data_and_loss_of_the_training_set(first):
    run = simulate(first.world.replace(start="branch", training_set="mislabelled"), first.knobs, parent=first)
    logits = np.asarray(nets.logit(run.world)(run.params(3), run.training.x))
    assert np.isclose(run.loss[3], np.logaddexp(0, -run.training.y * logits).mean(), rtol=1e-4)
    assert run.accuracy[0] == 1 and run.accuracy[-1] == 0 and run.loss[-1] < run.loss[0]


def test_a_derived_recording_is_saved_whole(first, tmp_path):
    run = simulate(first.world.replace(start="other", training_set="wrong-labels"), first.knobs.replace(steps=40),
                   parent=first)
    run.save(tmp_path / "run.npz")
    back = Recording.load(tmp_path / "run.npz")
    assert back.origin == run.origin and np.array_equal(back.training.x, run.training.x)
    assert all(same(back.params(step), run.params(step)) for step in (0, 17, 40))


def test_no_adversarial_example_is_said():
    world, knobs = World(labels="half-space", codimension=1, hidden_layers=1, width=4), Knobs(steps=1, init_scale=0.01)
    with pytest.raises(FieldError, match="no adversarial example"):
        simulate(world.replace(training_set="wrong-labels"), knobs)


@pytest.mark.parametrize("step", ["--5", "", "1.5", "9" * 5000, "٣", True, None])
def test_a_step_that_is_no_whole_number_is_named(step):
    with pytest.raises(FieldError, match=r"from\.step must be a whole number"):
        read({"from.step": step})


def test_a_run_stands_on_eight_others_at_most():
    assert read({"from." * 8 + "step": 1})
    for depth in (9, 1500):
        with pytest.raises(FieldError, match="from must be at most 8 runs"):
            read({"from." * depth + "step": 1})


def test_points_that_the_parent_has_wrong_teach_nothing(train):
    parent = train(points_per_side=5, steps=40, learning_rate=0.01)
    logits = np.asarray(parent.logit(parent.params(20), parent.data.x))
    right = {tuple(u) for u, f, y in zip(parent.data.u, logits, parent.data.y) if f * y > 0}
    for kind in ("wrong-labels", "mislabelled"):
        seen = {tuple(u) for u in wrong_labels(parent, 20, kind).u}
        assert seen <= right and 0 < len(right) < len(parent.data.y)
