"""Attacks within eps: closed forms for linear nets, and that no method can cheat."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_attacks import SMALL, along, linear

from toy import FieldError, Knobs, World, attacks, bounded, nets, pgd
from toy.bounded import BOUNDED, SPACES, attack
from toy.manifolds import MANIFOLDS, point, tangent

FLIPPING = ("pgd-l2", "deepfool", "minimal")


def right(recording, x, step=0):
    """Whether points are on their right side."""
    return np.asarray(nets.logit(recording.world)(recording.params(step), jnp.asarray(x))) * recording.data.y > 0


def any_linear(seed, codimension):
    """A linear net, its w, its logits and its w within each space at each point (N, n)."""
    world = World(codimension=codimension, **SMALL)
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(world.n).astype(np.float32)
    w /= np.linalg.norm(w)
    recording = linear(world, w, 0.3 * rng.standard_normal())
    lateral = along(w, np.asarray(tangent(world.geometry, world.n, recording.data.u)))
    parts = {"free": np.broadcast_to(w, recording.data.x.shape), "on": lateral, "off": w - lateral,
             "random": along(w, attacks.random_subspaces(recording, seed))}
    return recording, np.asarray(nets.logit(world)(recording.params(0), recording.data.x)), parts


@settings(max_examples=6)
@given(st.integers(0, 10**6), st.sampled_from([1, 30]), st.floats(0.01, 0.6))
def test_a_linear_net_flips_where_the_closed_form_says(seed, codimension, eps):
    recording, f, parts = any_linear(seed, codimension)
    was = right(recording, recording.data.x)
    for space, part in parts.items():
        l2 = np.abs(f) / np.linalg.norm(part, axis=1)
        foot = recording.data.u - (f * l2 / np.abs(f))[:, None] * part[:, :2] / np.linalg.norm(part, axis=1)[:, None]
        # The boundary inside M may lie beyond its box.
        here = ((foot > 0.01) & (foot < 0.99)).all(1) if space == "on" else np.ones(len(f), bool)
        for name in FLIPPING:
            got, sure = attack(name, recording, 0, eps, space, seed), here & (np.abs(l2 / eps - 1) > 0.01)
            assert (got.flipped == (was & (l2 < eps)))[sure].all(), (name, space)
        curve = bounded.robust_accuracy(recording, 0, [0, eps], space, seed)
        assert curve[0] == was.mean()
        if here.all() and (np.abs(l2 / eps - 1) > 0.01).all():
            assert curve[1] == (was & (l2 > eps)).mean()
    for space in ("free", "off"):
        linf = np.abs(f) / np.abs(parts[space]).sum(1)
        for name in ("fgsm", "pgd-linf"):
            got, sure = attack(name, recording, 0, eps, space), np.abs(linf / eps - 1) > 0.01
            assert (got.flipped == (was & (linf < eps)))[sure].all(), (name, space)
    sign = np.sign(parts["random"])
    moved = along(sign, attacks.random_subspaces(recording, seed))
    fgsm = np.abs(f) * np.abs(moved).max(1) / np.abs(np.sum(moved * parts["random"], 1))
    sure = np.abs(fgsm / eps - 1) > 0.01
    assert (attack("fgsm", recording, 0, eps, "random", seed).flipped == (was & (fgsm < eps)))[sure].all()


def inside(recording, got, seed=0):
    """That a result keeps to its space and its ball."""
    world, data, delta = recording.world, recording.data, got.delta
    slack = 1e-6 * (1 + np.abs(data.x).max())
    size = np.linalg.norm(delta, axis=1) if got.norm == "l2" else np.abs(delta).max(1)
    assert np.isfinite(got.x_adv).all() and (size <= got.eps * (1 + 1e-5) + slack).all()
    np.testing.assert_allclose(got.x_adv, data.x + delta, atol=slack)
    frame = np.asarray(tangent(world.geometry, world.n, data.u))
    if got.space == "off":
        assert np.abs(np.einsum("mnk,mn->mk", frame, delta)).max() < 2e-6
    if got.space == "random":
        assert np.abs(delta - along(delta, attacks.random_subspaces(recording, seed))).max() < 2e-6
    if got.space == "on":
        sides = [np.linspace(low, high, 4001 if world.k == 1 else 301) for low, high in world.geometry.domain]
        u = np.stack(np.meshgrid(*sides, indexing="ij"), -1).reshape(-1, world.k).astype(np.float32)
        dense = np.asarray(point(world.geometry, world.n, recording.knobs.offset, jnp.asarray(u)))
        moved = size > 0
        gap = [np.linalg.norm(dense - x, axis=1).min() for x in got.x_adv[moved]]
        assert max(gap, default=0) < 0.02


@pytest.mark.parametrize("name, noise", [("plane", 0.0), ("torus", 0.05), ("helix", 0.05)])
def test_trained_nets_on_every_manifold_and_in_every_space(train, name, noise):
    m = MANIFOLDS[name]
    recording = train(manifold=name, labels=("alternating", "chessboard")[m.k - 1], codimension=5 - m.k,
                      points_per_side=5, width=40, hidden_layers=2, steps=80, learning_rate=0.01, noise=noise)
    step = recording.last_step
    was = right(recording, recording.data.x, step)
    for space in SPACES:
        far = bounded.distances(recording, step, space)
        assert (far[~was] == 0).all() and (far[was] > 0).all()
        eps = 1.01 * float(np.median(far[was]))
        eps = eps if np.isfinite(eps) else 0.3
        for method in BOUNDED:
            got = attack(method, recording, step, eps, space)
            inside(recording, got)
            assert (got.flipped == (was & ~right(recording, got.x_adv, step))).all()
            assert got.robust_accuracy == (was & ~got.flipped).mean() <= got.chance + 1e-6
            if got.norm == "l2":  # no attack beats the minimal distances
                assert (far[got.flipped] <= eps * (1.01 if space == "free" else 1.02) + 1e-5).all(), (method, space)
        assert np.mean(got.flipped == (was & (far <= eps))) > 0.9  # "minimal", the last: it reaches what they promise


def test_no_attack_can_cheat(train, monkeypatch):
    recording = train(points_per_side=5, width=40, hidden_layers=2, steps=80, learning_rate=0.01)
    step, world = recording.last_step, recording.world
    others = np.stack([recording.data.x[recording.data.y != y][0] for y in recording.data.y])
    rng = np.random.default_rng(0)
    cheats = {
        "teleports to the other class": lambda target, eps: others if target.space != "on" else others[:, : world.k],
        "jumps out of the box": lambda target, eps: 1e6 * np.ones((25, world.k if target.space == "on" else world.n)),
        "says nothing": lambda target, eps: np.full((25, world.k if target.space == "on" else world.n), np.nan),
        "ignores eps": lambda target, eps: bounded.ascent(target, 100 * eps, "linf", 5),
        "noise": lambda target, eps: rng.standard_normal((25, world.k if target.space == "on" else world.n)),
    }
    for cheat, method in cheats.items():
        monkeypatch.setitem(BOUNDED, "cheat", (method, "l2"))
        for space in SPACES:
            far = bounded.distances(recording, step, space)
            eps = 0.3 * float(far[far > 0].min())
            got = attack("cheat", recording, step, eps, space)
            inside(recording, got)
            assert not got.flipped.any(), (cheat, space)
            if cheat == "says nothing":
                assert not got.delta.any()
    monkeypatch.setitem(BOUNDED, "cheat", (lambda target, eps: np.zeros((3, world.n)), "l2"))
    with pytest.raises(FieldError, match="proposal has shape"):
        attack("cheat", recording, step, 0.1)


def test_a_wrong_point_is_lost_and_not_flipped():
    recording = linear(World(codimension=1, **SMALL), np.array([0.0, 0, 1]), 0.1)  # all called +1
    got = attack("pgd-l2", recording, 0, 0.2)
    assert (got.flipped == (recording.data.y > 0)).all() and got.robust_accuracy == 0
    assert bounded.robust_accuracy(recording, 0, [0.05])[0] == (recording.data.y > 0).mean() == got.right.mean()
    # A random normal direction, +-1 here, takes half of the right points across.
    assert 0.1 < attack("minimal", recording, 0, 0.2, "off").chance < 0.45


def test_no_gradient_and_a_net_that_is_too_sure():
    flat = linear(World(codimension=3, **SMALL), 0.0, 1.0)
    sure = linear(World(codimension=3, **SMALL), np.array([0, 0, 1.0, 0, 0]), 0.05)
    sure.params(0)["layer1"] = {name: 1e4 * a for name, a in sure.params(0)["layer1"].items()}
    for space in SPACES:
        for name in BOUNDED:
            got = attack(name, flat, 0, 0.3, space)
            assert np.isfinite(got.x_adv).all() and not got.flipped.any()
    for name in BOUNDED:  # |f| = 500: the loss has no gradient left in float32, the net has
        assert (attack(name, sure, 0, 0.1).flipped == (sure.data.y > 0)).all(), name


def test_the_authors_line_is_longer_than_the_unit_box():
    world = World(manifold="line", sampling="five-point", labels="alternating", codimension=1, **SMALL)
    recording = linear(world, np.array([1.0, 0]), -2.0)  # all called -1, uphill to the right
    got = attack("pgd-l2", recording, 0, 0.03, "on")
    pulled = recording.data.y < 0
    np.testing.assert_allclose(got.delta[pulled, 0], 0.03, rtol=1e-3)
    assert np.abs(got.delta[~pulled, 0] + 0.03).max() < 1e-4
    data = recording.data
    moved = pgd.ascend_on(nets.logit(world), recording.params(0), world.geometry, ((0.0, 1.1),), jnp.asarray(data.u),
                          jnp.asarray(data.x), -jnp.ones(5), jnp.float32(0), 5)
    np.testing.assert_allclose(moved, data.x, atol=1e-6)


@pytest.mark.parametrize("changes, field", [
    ({"name": "strong"}, "attack"), ({"space": "elsewhere"}, "space"), ({"eps": -0.1}, "eps"), ({"eps": np.nan}, "eps"),
    ({"eps": "much"}, "eps"), ({"eps": True}, "eps"), ({"step": 21}, "step"),
    ({"name": ["fgsm"]}, "attack"), ({"space": ["free"]}, "space"),
])
def test_wrong_input_is_named(train, changes, field):
    good = {"name": "fgsm", "recording": train(), "step": 20, "eps": 0.1}
    with pytest.raises(FieldError) as caught:
        attack(**good | changes)
    assert caught.value.field == field


def test_a_new_eps_or_step_compiles_nothing(train):
    recording = train(points_per_side=5, width=40, hidden_layers=2, steps=80, learning_rate=0.01)
    sizes = []
    for eps, step in ((0.1, 80), (0.2, 40)):
        for space in SPACES:
            attack("pgd-l2", recording, step, eps, space)
        sizes.append((bounded._ascend._cache_size(), bounded._climb._cache_size(), bounded._inside._cache_size()))
    assert sizes[0] == sizes[1]


def test_knobs_are_not_the_attacks_business(train):
    """`eps` of a regime is not the eps of an attack."""
    assert attack("fgsm", train(), 20, 0.0).robust_accuracy == train().accuracy[-1]
    assert Knobs().eps > 0
