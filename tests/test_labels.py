"""Sampling and labelling: points on the manifold, +-1, a function of the seed alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import tiny, with_seed

from toy import labels
from toy.labels import FIVE, LABELS, SAMPLINGS, cells
from toy.manifolds import MANIFOLDS, point, tangent

LINE, PLANE = MANIFOLDS["line"], MANIFOLDS["plane"]
KEY = jax.random.key(0)
jitted = jax.jit(labels.sample, static_argnums=0)


def sample(**values):
    world, knobs = tiny(**values)
    return tuple(np.asarray(a) for a in jitted(world, knobs))


def labelled(rule, manifold=PLANE, side=4, sampling="grid", key=KEY):
    """(unit, y) of a rule over a sampling, without the rest of a world."""
    unit = SAMPLINGS[sampling](manifold, side, KEY)
    return np.asarray(unit), np.asarray(LABELS[rule](unit, cells(manifold, sampling, side, unit), side, key))


@pytest.mark.parametrize("rule", LABELS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_rule_labels_every_sampling(rule, sampling):
    assert LABELS[rule].__doc__ and SAMPLINGS[sampling].__doc__
    for manifold in (LINE,) if sampling == "five-point" else (LINE, PLANE, MANIFOLDS["torus"]):
        unit, y = labelled(rule, manifold, 8, sampling)
        count = 5 if sampling == "five-point" else 8**manifold.k
        assert unit.shape == (count, manifold.k) and y.shape == (count,) and unit.dtype == np.float32
        assert set(y) == {-1, 1}  # a world of one class has no boundary to find


@pytest.mark.parametrize("manifold", MANIFOLDS)
@pytest.mark.parametrize("sampling", ["grid", "random"])
def test_samples_fill_the_box(manifold, sampling):
    shape, side = MANIFOLDS[manifold], 4
    unit = np.asarray(SAMPLINGS[sampling](shape, side, KEY))
    cell = np.asarray(cells(shape, sampling, side, jnp.asarray(unit)))
    assert unit.shape == cell.shape == (side**shape.k, shape.k)
    assert (unit >= 0).all() and (unit <= 1).all() and set(cell.ravel()) <= set(range(side))
    assert len(np.unique(unit, axis=0)) == len(unit)
    if sampling == "grid":  # both ends, but a seam only once
        assert (unit.min(0) == 0).all()
        assert np.allclose(unit.max(0), [0.75 if period else 1.0 for period in shape.period])
        assert len(np.unique(cell, axis=0)) == side**shape.k


@pytest.mark.parametrize("side", [2, 4, 5])
def test_the_chessboard_alternates_between_neighbours(side):
    y = labelled("chessboard", side=side)[1].reshape(side, side)
    assert (y[1:] == -y[:-1]).all() and (y[:, 1:] == -y[:, :-1]).all() and y[0, 0] == 1


def test_a_random_chessboard_colours_cells():
    unit, y = labelled("chessboard", side=5, sampling="random")
    assert np.array_equal(y, 1 - 2 * (np.floor(unit * 5).sum(1) % 2))


def test_alternating_rows_and_half_space():
    assert np.array_equal(labelled("alternating")[1], np.repeat([1, -1, 1, -1], 4))
    unit, y = labelled("half-space")
    assert np.array_equal(y, np.where(unit[:, 0] < 0.5, 1, -1))


@pytest.mark.parametrize("rule, wide, side, expected", [
    ("fine-rings", 0.2, 4, [1, -1, -1, 1]), ("fine-rings", 0.2, 5, [1, -1, 1, -1, 1]),
    ("fine-rings", 0.2, 11, [1, 1, -1, -1, 1, 1]), ("rings", 0.25, 7, [1, -1, -1, 1, -1, -1, 1]),
])
def test_rings_are_bands_up_to_the_edge(rule, wide, side, expected):
    unit, y = labelled(rule, LINE, side)
    assert y[: len(expected)].tolist() == expected and np.array_equal(y, y[::-1])
    radius = np.abs(unit[:, 0] - 0.5)
    clear = np.abs(radius - wide / 2 - wide * np.round((radius - wide / 2) / wide)) > 1e-6
    band = np.floor((radius - wide / 2) / wide + 1).astype(int)
    assert np.array_equal(y[clear], (1 - 2 * (band % 2))[clear])


@pytest.mark.parametrize("side", range(3, 13))
def test_rings_are_no_other_rule_on_a_surface(side):
    rules = {rule: labelled(rule, side=side)[1] for rule in ("rings", "chessboard", "alternating", "half-space")}
    same = [rule for rule, y in rules.items() if abs(np.mean(y * rules["rings"])) == 1]
    assert same == ["rings"]


@pytest.mark.parametrize("side, plus", [(4, 8), (5, 13)])
def test_random_labels_are_balanced_and_differ_between_keys(side, plus):
    draws = [labelled("random", side=side, key=jax.random.key(seed))[1] for seed in range(6)]
    assert all((y == 1).sum() == plus for y in draws)
    assert len({y.tobytes() for y in draws}) == 6


def test_the_authors_line():
    u, x, y = sample(manifold="line", sampling="five-point", labels="alternating", codimension=1, offset=0.5)
    assert np.allclose(u[:, 0], FIVE) and np.allclose(x, np.column_stack([FIVE, np.full(5, 0.5)]))
    assert y.tolist() == [1, -1, 1, -1, 1]
    assert labels.domain(LINE, "five-point") == ((0.0, 1.1),) and labels.domain(LINE, "grid") == ((0.0, 1.0),)


@pytest.mark.parametrize("manifold, sampling", [("helix", "random"), ("sphere", "grid")])
def test_a_sample_stands_on_its_manifold(manifold, sampling):
    u, x, y = sample(manifold=manifold, sampling=sampling, offset=0.5)
    shape = MANIFOLDS[manifold]
    assert u.shape == (3**shape.k, shape.k) and x.shape == (len(u), shape.k + 3) and y.shape == (len(u),)
    assert u.dtype == x.dtype == y.dtype == np.float32 and set(y) == {-1.0, 1.0}
    low, high = np.array(shape.domain).T
    assert (u >= low - 1e-6).all() and (u <= high + 1e-6).all() and (np.ptp(u, axis=0) > 0.2 * (high - low)).all()
    assert np.allclose(x, point(shape, x.shape[1], 0.5, u), atol=1e-6)


def test_the_seed_alone_decides():
    values = {"sampling": "random", "labels": "random", "noise": 0.1, "label_noise": 0.3, "points_per_side": 4}
    once, again, other = (sample(**values, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(once, again))
    assert not np.array_equal(once[1], other[1]) and not np.array_equal(once[2], other[2])
    world, knobs = tiny(**values)
    # The seed may be a tracer: a sweep maps over it.
    batch = jax.jit(jax.vmap(lambda seed: labels.sample(world, with_seed(knobs, seed))))(jnp.array([4, 3]))
    assert np.array_equal(batch[2][1], once[2]) and np.allclose(batch[1][0], other[1], atol=1e-6)


def test_label_noise_flips_its_share():
    clean, tenth, half = (sample(points_per_side=32, label_noise=share)[2] for share in (0.0, 0.1, 0.5))
    for flipped, share in ((tenth, 0.1), (half, 0.5)):
        assert abs(np.mean(flipped != clean) - share) <= 4 * np.sqrt(share * (1 - share) / 1024)


@pytest.mark.parametrize("manifold", ["helix", "plane"])
def test_noise_is_normal_to_the_manifold_and_has_its_deviation(manifold):
    side = 30 if MANIFOLDS[manifold].k == 1 else 8
    values = {"manifold": manifold, "points_per_side": side, "codimension": 40}
    u, clean, _ = sample(**values)
    noise = sample(**values, noise=0.2)[1] - clean
    frame = np.asarray(tangent(MANIFOLDS[manifold], clean.shape[1], u))
    assert np.abs(np.einsum("mnk,mn->mk", frame, noise)).max() < 1e-5
    freedom = 40 * len(u)
    assert abs((noise**2).sum() / freedom / 0.04 - 1) < 5 * np.sqrt(2 / freedom)


def test_the_class_signal_parts_the_classes_in_the_first_appended_dimension():
    _, clean, y = sample(offset=0.5)
    moved = sample(offset=0.5, class_signal=0.2)[1] - clean
    assert np.allclose(moved[:, 2], 0.2 * y, atol=1e-6) and np.abs(np.delete(moved, 2, axis=1)).max() == 0
    assert np.array_equal(*(sample(manifold="wave", codimension=1, class_signal=s)[1] for s in (0.0, 0.2)))


def test_worlds_of_different_codimension_share_their_noise():
    few, many = (sample(codimension=ell, noise=0.1)[1] for ell in (3, 50))
    assert np.allclose(few, many[:, :5], atol=1e-7) and np.abs(many[:, 5:]).max() > 0.05
