"""Theory: what training must not change, and closed forms of what is predicted."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.conftest import tiny
from toy import Recording, nets, theory
from toy.windows import gradient

PLAIN = {"optimizer": "sgd", "learning_rate": 0.1, "steps": 60}


def with_params(params, **fields) -> Recording:
    """An untrained recording whose net is given."""
    recording = Recording(*tiny(**fields))
    state = recording._checkpoints[0]
    recording._checkpoints[0] = state._replace(params=params)
    return recording


@pytest.mark.parametrize("fields", [{}, {"hidden_layers": 3}, {"activation": "tanh"}, {"batch_size": 4}], ids=str)
def test_plain_descent_never_moves_weights_orthogonal_to_the_data(train, fields):
    recording = train(**PLAIN, **fields)
    assert theory.first_unseen(recording) == 2
    assert theory.normal_weight_drift(recording, 60) == 0 and theory.normal_weight_factor(recording, 60) == 1
    assert theory.seen_weight_drift(recording, 60) > 1e-3


@pytest.mark.parametrize("offset", [0.5, -0.3])
def test_an_offset_conserves_a_combination_that_adam_does_not(train, offset):
    plain = train(**PLAIN, offset=offset)
    assert theory.first_unseen(plain) == 3
    assert theory.normal_weight_drift(plain, 60) == 0
    assert 0 < theory.offset_weight_drift(plain, 60) < theory.rounding(plain, 60)
    assert theory.seen_weight_drift(plain, 60) > 1e-3
    adam = train(optimizer="adam", learning_rate=0.01, steps=60, offset=offset)
    assert theory.offset_weight_drift(adam, 60) > 100 * theory.rounding(adam, 60)


@pytest.mark.parametrize("fields", [{"noise": 0.1}, {"first_layer_penalty": 0.1}], ids=str)
def test_what_breaks_the_premise_shows(train, fields):
    recording = train(**PLAIN, **fields)
    first = recording.world.k
    now, start = (np.asarray(recording.params(step)["layer0"]["kernel"])[first:] for step in (60, 0))
    assert np.linalg.norm(now - start) > 1e-3 * np.linalg.norm(start)


@pytest.mark.parametrize("decay", [0.1, 1.0])
def test_weight_decay_shrinks_by_its_factor(train, decay):
    recording = train(**PLAIN, weight_decay=decay, offset=0.5)
    assert theory.predicted_decay(recording, 60) == pytest.approx((1 - 0.1 * decay) ** 60)
    for step in (1, 30, 60):
        assert theory.normal_weight_factor(recording, step) == pytest.approx(theory.predicted_decay(recording, step),
                                                                            rel=1e-4)
    assert theory.normal_weight_drift(recording, 60) < theory.rounding(recording, 60)
    assert theory.offset_weight_drift(recording, 60) < theory.rounding(recording, 60)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_no_law_is_told_where_decay_passes_through_the_optimisers_memory(train, optimizer):
    recording = train(**{**PLAIN, "optimizer": optimizer, "learning_rate": 1e-3}, weight_decay=0.1)
    assert np.isnan(theory.predicted_decay(recording, 60))
    assert theory.normal_weight_factor(recording, 60) < 0.999 * (1 - 1e-4) ** 60
    plain = train(**{**PLAIN, "optimizer": optimizer, "learning_rate": 1e-3})
    assert theory.predicted_decay(plain, 60) == 1


@pytest.mark.parametrize("normal", [3, 12])
def test_the_vertical_gradient_of_two_layers_is_that_of_the_paper(normal, rng):
    # f = sum u_i relu(w_i . x), u_i = +-1 / sqrt(m), w_i ~ N(0, beta^2): |g| = beta sqrt(k_active ell / m).
    m, beta = 64, 0.7
    kernel = beta * rng.standard_normal((2 + normal, m)).astype(np.float32)
    u = rng.choice([-1.0, 1.0], (m, 1)).astype(np.float32) / m**0.5
    params = {"layer0": {"kernel": jnp.asarray(kernel), "bias": jnp.full(m, 0.05)},
              "layer1": {"kernel": jnp.asarray(u), "bias": jnp.zeros(1)}}
    recording = with_params(params, width=m, codimension=normal)
    active = (recording.data.x @ kernel + 0.05 > 0).sum(1)
    own = np.sqrt((kernel[2:] ** 2).mean())
    want = own * np.sqrt(active * normal / m)
    assert np.allclose(theory.predicted_vertical_gradient(recording, 0), want, rtol=1e-5)


def test_measured_gradients_scatter_about_the_prediction_as_chi_squared(train):
    ratios = []
    for seed in range(12):
        recording = train(**PLAIN, width=64, codimension=12, seed=seed)
        g = np.asarray(gradient(nets.logit(recording.world), recording.params(60), jnp.asarray(recording.data.x)))
        measured = np.linalg.norm(g[:, 2:], axis=1)
        ratios.append((measured**2).mean() / (theory.predicted_vertical_gradient(recording, 60) ** 2).mean())
    assert np.mean(ratios) == pytest.approx(1, abs=3 * np.sqrt(2 / 12 / 12))


def test_curved_or_full_dimensional_data_has_no_prediction(train):
    for fields in ({"manifold": "wave"}, {"codimension": 0}):
        assert np.isnan(theory.predicted_vertical_gradient(train(**fields), 0)).all()
