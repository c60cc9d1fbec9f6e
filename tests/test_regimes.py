"""What each training regime makes of a batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import tiny
from test_origin import same

from toy import nets, simulate, training
from toy.manifolds import tangent
from toy.regimes import REGIMES, Batch, Ground, logistic_loss
from toy.training import start


@pytest.fixture
def linear():
    """f = w.x + b on the plane in R^4, and a batch."""
    w = jnp.array([1.0, -2.0, 0.5, 3.0])
    world, knobs = tiny(codimension=2)
    _, points = start(world, knobs)
    ground = Ground(world.geometry, world.n, world.geometry.domain)
    return (lambda params, x: x @ params + 0.3), w, Batch(*points, jax.random.key(0)), ground


def value(name, linear, **changes):
    logit, w, batch, ground = linear
    loss, logits = REGIMES[name](logit, w, tiny(**changes)[1], batch, ground)
    assert logits is None or np.allclose(logits, logit(w, batch.x))
    return float(loss)


def test_noise_is_a_function_of_seed_and_step():
    keys = [training._noise_key(tiny(seed=seed)[1], step) for seed, step in ((0, 1), (0, 1), (1, 1), (0, 2))]
    first, same_one, *others = (jax.random.key_data(key).tolist() for key in keys)
    assert first == same_one and first not in others


@pytest.mark.parametrize("name, size", [
    ("adversarial", np.sqrt(14.25)), ("adversarial-linf", 6.5), ("adversarial-on", np.sqrt(5)),
    ("adversarial-off", np.sqrt(9.25)),
])
def test_the_worst_loss_of_a_linear_net_is_known(linear, name, size):
    """The margin y f falls by eps times the dual norm of w in the space."""
    logit, w, batch, _ = linear
    # On the manifold a point at the edge of the parameter box cannot leave it: only points that can are counted.
    expected = logistic_loss(logit(w, batch.x) - batch.y * 0.05 * size, batch.y)
    got = value(name, linear, eps=0.05)
    if name == "adversarial-on":
        assert value("standard", linear) < got <= float(expected) + 1e-6
    else:
        assert np.isclose(got, float(expected), rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in REGIMES if name != "standard"])
def test_with_its_knob_at_zero_a_regime_is_the_standard_one(linear, name):
    zero = {"eps": 0, "gradient_penalty": 0, "input_noise": 0, "label_smoothing": 0}
    assert np.isclose(value(name, linear, **zero), value("standard", linear), rtol=1e-6)


def test_the_gradient_penalty_of_a_linear_net_is_known(linear):
    assert np.isclose(value("gradient-penalty", linear, gradient_penalty=0.1) - value("standard", linear), 1.425)


def test_smoothing_and_noise_are_what_they_say(linear):
    logit, w, batch, _ = linear
    f = np.asarray(logit(w, batch.x) * batch.y, float)
    expected = (0.8 * np.logaddexp(0, -f) + 0.2 * np.logaddexp(0, f)).mean()
    assert np.isclose(value("smoothing", linear, label_smoothing=0.2), expected, rtol=1e-5)
    keys = [batch._replace(key=jax.random.key(i)) for i in range(200)]
    noisy = [float(REGIMES["noise"](logit, w, tiny(input_noise=0.2)[1], one, None)[0]) for one in keys]
    # To second order noise adds sigma^2 / 2 times the mean of f' ^2 times the loss's second derivative.
    s = 1 / (1 + np.exp(-f))
    assert np.isclose(np.mean(noisy) - value("standard", linear), 0.02 * 14.25 * (s * (1 - s)).mean(), rtol=0.25)


@pytest.mark.parametrize("name", REGIMES)
@pytest.mark.parametrize("batch_size", [0, 4])
def test_every_regime_trains_and_replays_to_the_last_bit(name, batch_size):
    world, knobs = tiny(regime=name, batch_size=batch_size, steps=70, learning_rate=0.01, width=16)
    run = simulate(world, knobs)
    assert run.diverged_at is None and run.loss[-1] < run.loss[0]
    again = simulate(world, knobs)
    assert all(same(run.params(step), again.params(step)) for step in (70, 3, 65))
    logits = np.asarray(nets.logit(world)(run.params(40), run.data.x))
    assert np.isclose(run.accuracy[40], (logits * run.data.y > 0).mean())
    assert np.isclose(run.loss[40], np.logaddexp(0, -logits * run.data.y).mean(), rtol=1e-4)


@pytest.mark.parametrize("name", ["sphere", "circle"])
def test_attacks_on_a_curved_manifold_stay_on_it_and_in_the_ball(name):
    from toy import pgd
    from toy.manifolds import MANIFOLDS, point

    world, knobs = tiny(manifold=name, codimension=3, labels="alternating")
    state, points = start(world, knobs)
    moved = pgd.ascend_on(nets.logit(world), state.params, world.geometry, world.geometry.domain, points.u,
                          points.x, points.y, jnp.float32(0.2), 8)
    away = np.linalg.norm(np.asarray(moved - points.x), axis=1)
    assert away.max() <= 0.2 * (1 + 1e-4) and away.max() > 0.05
    dense = np.stack(np.meshgrid(*(np.linspace(*side, 400 if name == "sphere" else 4000) for side in
                                   MANIFOLDS[name].domain), indexing="ij"), -1).reshape(-1, world.k)
    on_it = np.asarray(point(world.geometry, world.n, 0.0, jnp.asarray(dense, jnp.float32)))
    nearest = [np.linalg.norm(on_it - x, axis=1).min() for x in np.asarray(moved)]
    assert max(nearest) < 0.02
    before = logistic_loss(nets.logit(world)(state.params, points.x), points.y)
    assert float(logistic_loss(nets.logit(world)(state.params, moved), points.y)) > float(before)


def test_attacks_off_the_manifold_leave_the_tangent_space_alone():
    from toy import pgd

    world, knobs = tiny(manifold="sphere", codimension=4)
    state, points = start(world, knobs)
    frame = tangent(world.geometry, world.n, points.u)
    off = lambda v: v - jnp.einsum("mnk,mk->mn", frame, jnp.einsum("mnk,mn->mk", frame, v))  # noqa: E731
    moved = pgd.ascend(nets.logit(world), state.params, points.x, points.y, jnp.float32(0.3), "l2", off, 8)
    step = np.asarray(moved - points.x)
    assert np.abs(np.einsum("mnk,mn->mk", frame, step)).max() < 1e-5
    assert np.linalg.norm(step, axis=1).max() <= 0.3 * (1 + 1e-4) and np.linalg.norm(step) > 0.1
