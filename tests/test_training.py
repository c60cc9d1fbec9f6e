"""Training is the textbook's, step by step, and obeys the theorems that are known about it."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import DIVERGING, tiny, with_seed

from toy import Knobs, nets, simulate, training
from toy.regimes import logistic_loss
from toy.training import OPTIMIZERS, advance, batch, first_layer_norm, rule, start
from toy.windows import gradient

STEPS = 6
RATES = {"learning_rate": 0.05, "momentum": 0.8, "weight_decay": 0.3, "first_layer_penalty": 0.1, "steps": 60}


def after(world, knobs, count):
    """(first state, data, state after `count` steps, scalars)."""
    state, data = start(world, knobs)
    last, trace = advance(rule(world), knobs, state, data, data, jnp.int32(count))
    return state, data, last, trace


def layers(params):
    return [np.asarray(params[f"layer{i}"][part], float) for i in (0, 1) for part in ("kernel", "bias")]


def by_hand(weights, x, y, penalty):
    """(gradients, logits) of the mean logistic loss of a tanh net with one hidden layer, by the chain rule."""
    w, b, v, c = weights
    hidden = np.tanh(x @ w + b)
    logits = hidden @ v[:, 0] + c[0]
    slope = -y / (1 + np.exp(y * logits)) / len(y)
    back = slope[:, None] * v[:, 0] * (1 - hidden**2)
    norm = math.sqrt((w**2).sum() + (b**2).sum())
    return [x.T @ back + penalty * w / norm, back.sum(0) + penalty * b / norm,
            hidden.T @ slope[:, None], slope.sum(keepdims=True)], logits


def textbook(name, knobs):
    """The rule of one optimiser on a list of arrays: (step number, gradient, memory) -> (direction, memory)."""
    if name == "sgd":
        return lambda t, g, m: (g, m)
    if name == "momentum":
        return lambda t, g, m: (g + knobs.momentum * m[0], (g + knobs.momentum * m[0], m[1]))

    def adam(t, g, m):
        first, second = 0.9 * m[0] + 0.1 * g, 0.999 * m[1] + 0.001 * g * g
        return first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8), (first, second)

    return adam


@pytest.mark.parametrize("size", [0, 4])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_the_textbook(name, size):
    world, knobs = tiny(activation="tanh", optimizer=name, batch_size=size, **RATES)
    state, (_, x, y), last, trace = after(world, knobs, STEPS)
    x, y, weights = np.asarray(x, float), np.asarray(y, float), layers(state.params)
    update, memory = textbook(name, knobs), [(0.0, 0.0)] * 4
    for step in range(STEPS):
        signed = y * by_hand(weights, x, y, 0)[1]
        assert math.isclose(trace.loss[step], np.log1p(np.exp(-signed)).mean(), rel_tol=1e-4)
        assert math.isclose(trace.accuracy[step], (signed > 0).mean(), rel_tol=1e-6)
        assert math.isclose(trace.margin[step], signed.min(), rel_tol=1e-3, abs_tol=1e-5)
        index = np.asarray(batch(size, 9, knobs, jnp.int32(step))) if size else slice(None)
        gradients, _ = by_hand(weights, x[index], y[index], knobs.first_layer_penalty)
        for i, slope in enumerate(gradients):
            decay = knobs.weight_decay * weights[i]
            coupled = 0 if name == "adamw" else decay  # in the gradient, or beside what the optimiser makes of it
            direction, memory[i] = update(step + 1, slope + coupled, memory[i])
            weights[i] = weights[i] - knobs.learning_rate * (direction + decay - coupled)
    assert int(trace.done) == STEPS and int(last.step) == STEPS and not trace.stopped and not trace.diverged
    for ours, theirs in zip(layers(last.params), weights):
        assert np.allclose(ours, theirs, atol=2e-4)


def test_loss():
    logits, y = jnp.array([0.0, 2.0, -200.0]), jnp.array([1.0, -1.0, -1.0])
    assert math.isclose(logistic_loss(logits, y), (math.log(2) + math.log1p(math.exp(2)) + 0) / 3, rel_tol=1e-6)
    assert float(logistic_loss(jnp.array([1000.0]), jnp.array([-1.0]))) == 1000.0  # no overflow


def test_the_penalty_is_the_norm_and_has_a_gradient_at_zero():
    first, second = {"kernel": jnp.array([[3.0]]), "bias": jnp.array([4.0])}, {"kernel": jnp.ones((1, 1))}
    params = {"layer0": first, "layer1": second}
    assert float(first_layer_norm(params)) == 5.0
    zero = jax.tree.map(jnp.zeros_like, params)
    value, slope = jax.value_and_grad(first_layer_norm)(zero)
    assert value == 0 and all((leaf == 0).all() for leaf in jax.tree.leaves(slope))


@pytest.mark.parametrize("size, per_epoch", [(1, 9), (4, 2), (9, 1)])
def test_an_epoch_of_batches_meets_every_point_once(size, per_epoch):
    _, knobs = tiny(seed=3)
    draw = jax.jit(lambda seed, steps: jax.vmap(lambda step: batch(size, 9, with_seed(knobs, seed), step))(steps))
    epochs = np.asarray(draw(3, jnp.arange(5 * per_epoch))).reshape(5, per_epoch * size)
    for epoch in epochs:
        assert len(set(epoch.tolist())) == per_epoch * size and set(epoch.tolist()) <= set(range(9))
    assert len({epoch.tobytes() for epoch in epochs}) == 5  # shuffled anew
    assert set(epochs.ravel().tolist()) == set(range(9))  # the point that one epoch leaves out comes in another
    other = np.asarray(draw(4, jnp.arange(5 * per_epoch))).reshape(epochs.shape)
    assert not np.array_equal(other, epochs)


# ---- one compilation for all numbers


def test_nothing_is_traced_again_for_new_numbers():
    def compiled():
        return [f._cache_size() for f in (advance, training._sample, training._fresh, nets._layer)]

    world, knobs = tiny()
    _, points, *_ = after(world, knobs, 3)
    before = compiled()
    changes = {"seed": 9, "steps": 7, "learning_rate": 0.5, "offset": 1, "class_signal": 1, "noise": 0.1,
               "label_noise": 0.2, "init_scale": 2, "bias_spread": 0, "momentum": 0.1, "weight_decay": 1,
               "first_layer_penalty": 1, "eps": 1, "gradient_penalty": 1, "input_noise": 1, "label_smoothing": 0.5,
               "stop_margin": 1, "stop_accuracy": 1}
    assert set(changes) == set(Knobs.model_fields)
    for name, value in changes.items():
        *_, last, _ = after(world, knobs.replace(**{name: value}), 5)
        # A state that came out of a run, as in a replay.
        advance(rule(world), knobs, last, points, points, jnp.int32(2))
    assert compiled() == before


def test_worlds_share_what_they_have_in_common():
    start(*tiny(width=11, points_per_side=6))
    data, layer = training._sample._cache_size(), nets._layer._cache_size()
    start(*tiny(width=11, points_per_side=6, optimizer="sgd", hidden_layers=3, activation="tanh", batch_size=4))
    assert training._sample._cache_size() == data
    assert nets._layer._cache_size() == layer + 1  # hidden to hidden, once for both of them
    start(*tiny(width=11, points_per_side=6, labels="rings"))
    assert training._sample._cache_size() == data + 1 and nets._layer._cache_size() == layer + 1
    steps = [rule(tiny(labels=name, manifold=manifold, init="he")[0])
             for name, manifold in (("rings", "plane"), ("chessboard", "torus"))]
    assert len(set(steps)) == 1 and rule(tiny(optimizer="sgd")[0]) not in steps  # one compiled step for both


# ---- stopping


def test_stop_rules_stop_at_their_step():
    world, knobs = tiny(optimizer="sgd", steps=60, learning_rate=0.1)
    *_, trace = after(world, knobs, 60)
    assert int(trace.done) == 60 and not trace.stopped
    accuracy, margin = np.asarray(trace.accuracy)[:60], np.asarray(trace.margin)[:60]
    target = float(accuracy[30:].max())
    first = int(np.argmax(accuracy >= target))
    assert first > 0
    *_, last, found = after(world, knobs.replace(stop_accuracy=target), 60)
    assert found.stopped and int(found.done) == first + 1 == int(last.step)
    assert np.array_equal(np.asarray(found.loss)[: first + 1], np.asarray(trace.loss)[: first + 1])
    assert margin.max() < 100
    *_, never = after(world, knobs.replace(stop_margin=100.0), 60)
    assert int(never.done) == 60 and not never.stopped


def test_a_loss_that_is_not_finite_stops_the_run():
    world, knobs = tiny(**DIVERGING)
    *_, last, trace = after(world, knobs, 60)
    at = int(trace.done) - 1
    assert trace.diverged and 0 < at < 60 and int(last.step) == at + 1
    assert np.isfinite(trace.loss[:at]).all()


# ---- theorems


def normal_part(params, k):
    return np.asarray(params["layer0"]["kernel"])[k:]


@pytest.mark.parametrize("size", [0, 4])
def test_plain_gradient_descent_never_moves_weights_normal_to_a_linear_subspace(size):
    """Melamed, Yehudai, Vardi 2023: data without a normal part gives them no gradient: not one bit changes."""
    world, knobs = tiny(optimizer="sgd", batch_size=size, learning_rate=0.1)
    first, _, last, _ = after(world, knobs, 60)
    assert np.array_equal(normal_part(first.params, 2), normal_part(last.params, 2))
    moved = np.asarray(last.params["layer0"]["kernel"])[:2] - np.asarray(first.params["layer0"]["kernel"])[:2]
    assert np.abs(moved).max() > 0.01


def test_an_affine_plane_conserves_what_it_must():
    """At height z0 the gradients of W_z and b differ by the factor z0 alone: W_z - z0 b stays."""
    offset = 0.5
    world, knobs = tiny(optimizer="sgd", learning_rate=0.1, offset=offset)
    first, _, last, _ = after(world, knobs, 60)

    def invariant(state):
        w_z, b = np.asarray(state.params["layer0"]["kernel"])[2], np.asarray(state.params["layer0"]["bias"])
        return w_z - offset * b, w_z

    (kept, before), (still, now) = invariant(first), invariant(last)
    assert np.abs(now - before).max() > 0.01 and np.allclose(kept, still, atol=1e-5)
    assert np.array_equal(normal_part(first.params, 3), normal_part(last.params, 3))


def test_adam_breaks_the_invariant_of_an_affine_plane():
    world, knobs = tiny(learning_rate=0.01, offset=0.5)
    first, _, last, _ = after(world, knobs, 60)
    drift = [np.asarray(s.params["layer0"]["kernel"])[2] - 0.5 * np.asarray(s.params["layer0"]["bias"])
             for s in (first, last)]
    assert np.abs(drift[1] - drift[0]).max() > 0.01
    assert np.array_equal(normal_part(first.params, 3), normal_part(last.params, 3))  # no gradient, no step


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_weight_decay_shrinks_frozen_weights_geometrically(name):
    world, knobs = tiny(optimizer=name, learning_rate=0.02, weight_decay=0.5)
    first, _, last, _ = after(world, knobs, 60)
    expected = (1 - 0.02 * 0.5) ** 60 * normal_part(first.params, 2)
    assert np.allclose(normal_part(last.params, 2), expected, rtol=2e-5, atol=1e-7)


def test_the_vertical_gradient_of_a_two_layer_net_is_what_theory_predicts():
    """f = sum u_i relu(w_i x), u_i = +-1/sqrt(m), w_i ~ N(0, 1): its norm is about sqrt(k_active ell / m)."""
    rng, m = np.random.default_rng(0), 400
    for ell in (16, 256):
        ratios = []
        for _ in range(20):
            w, u = rng.normal(size=(2 + ell, m)), rng.choice([-1, 1], m) / math.sqrt(m)
            world, _ = tiny(width=m, codimension=ell)
            params = {"layer0": {"kernel": jnp.asarray(w, jnp.float32), "bias": jnp.zeros(m)},
                      "layer1": {"kernel": jnp.asarray(u[:, None], jnp.float32), "bias": jnp.zeros(1)}}
            x = np.zeros((1, 2 + ell), np.float32)
            x[0, :2] = rng.uniform(size=2)
            vertical = np.asarray(gradient(nets.logit(world), params, jnp.asarray(x)))[0, 2:]
            ratios.append(np.linalg.norm(vertical) / math.sqrt((x @ w > 0).sum() * ell / m))
        assert abs(np.mean(ratios) - 1) < 0.1



def test_a_margin_that_is_just_reached_stops():
    world, knobs = tiny(labels="half-space", width=16, steps=300, learning_rate=0.02)
    free = simulate(world, knobs)
    record = np.maximum.accumulate(free.margin)
    step = next(k for k in range(1, 301) if record[k] > max(0, record[k - 1]))
    assert simulate(world, knobs.replace(stop_margin=float(free.margin[step]))).last_step == step
