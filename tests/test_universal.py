"""The universal direction: closed forms of linear nets, its null, transfer between nets."""

import numpy as np
import pytest
from test_attacks import SMALL, linear

from toy import FieldError, World
from toy.labels import Data
from toy.universal import transfer, universal


def test_of_a_linear_net_every_length_is_known():
    """x - y t v is wrong once t |w_normal| reaches y f."""
    rng = np.random.default_rng(1)
    world = World(codimension=30, **SMALL)
    w = np.concatenate([[0.2, -0.3], rng.standard_normal(30)])
    recording = linear(world, w, 0.5)
    f = recording.data.x @ w + 0.5
    y, size = recording.data.y, np.linalg.norm(w[2:])
    needed = f[(f * y > 0)] / size * y[f * y > 0]
    t = np.linspace(0, 0.2, 41) + 1e-4
    found = universal(recording, 0, t)
    np.testing.assert_allclose(found.direction[2:], w[2:] / size, atol=1e-5)
    assert not found.direction[:2].any()
    np.testing.assert_allclose(found.flipped, (needed[None] <= t[:, None]).mean(1), atol=1e-9)
    assert found.all_flip == t[t >= needed.max()][0] == found.own_eps
    # Of a random direction only the part along w counts: about 1 / sqrt(30).
    assert found.chance[t >= needed.max()][0] < 0.5 and (found.chance <= found.chance_95 + 1e-9).all()
    assert (found.flipped >= found.chance - 1e-9).all()


def test_between_nets_that_agree_and_nets_that_do_not():
    world = World(codimension=30, **SMALL)
    e = np.eye(world.n)
    nets = [linear(world, w, 0.0) for w in (e[5] + 0.1 * e[0], e[5] + 0.1 * e[1], e[6] + 0.1 * e[0])]
    for net in nets:  # one class stands above the boundary, the other below
        d = net.data
        net.data = Data(d.u, d.x + 0.05 * d.y[:, None] * (e[5] + e[6]).astype(np.float32), d.y)
    found = transfer(nets, [0, 0, 0])
    assert (np.diag(found.direction) == 1).all() and (np.diag(found.points) == 1).all()
    assert found.direction[0, 1] > 0.5 and found.points[0, 1] > 0.5
    assert found.direction[0, 2] == 0 and found.points[0, 2] == 0
    assert (found.points_chance < 0.2).all() and (found.direction_chance < 0.6).all()
    assert np.isfinite(found.eps).all()


def test_a_trained_net_has_one(train):
    recording = train(codimension=30, points_per_side=5, width=40, hidden_layers=2, steps=150, learning_rate=0.01)
    found = universal(recording, recording.last_step)
    assert np.isclose(np.linalg.norm(found.direction), 1, atol=1e-5)
    assert found.flipped.max() > 0.9 > found.chance[found.flipped.argmax()]


@pytest.mark.parametrize("call, field", [
    (lambda a, b: universal(b, 0), "codimension"), (lambda a, b: universal(a, 0, [-1]), "lengths"),
    (lambda a, b: universal(a, 0, []), "lengths"), (lambda a, b: universal(a, 99), "step"),
    (lambda a, b: transfer([a, b], [0, 0]), "recordings"), (lambda a, b: transfer([a, a], [0]), "recordings"),
    (lambda a, b: universal(a, 0, "ab"), "lengths"), (lambda a, b: transfer([], []), "recordings"),
])
def test_wrong_input_is_named(train, call, field):
    with pytest.raises(FieldError) as caught:
        call(train(), train(manifold="sphere", codimension=1))
    assert caught.value.field == field
