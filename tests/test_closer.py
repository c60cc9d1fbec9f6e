"""A point from close by: the logit along its arrows and the plane through it, against closed forms and the attacks."""

import numpy as np
import pytest
from test_attacks import SMALL, linear

from toy import FieldError, View, World, closer, nets, windows
from toy.manifolds import MANIFOLDS

# Worlds of test_attacks among them, whose attacks are compiled already.
WORLDS = [dict(manifold=name, codimension=ell, labels=("alternating", "chessboard")[MANIFOLDS[name].k - 1], noise=noise)
          for name, ell, noise in (("plane", 0, 0.0), ("plane", 3, 0.05), ("plane", 3, 0.0), ("wave", 1, 0.0),
                                   ("helix", 4, 0.0), ("torus", 3, 0.05))]


def test_along_the_arrows_of_a_linear_net_the_logit_falls_as_the_closed_form_says():
    world = World(codimension=3, **SMALL)
    w = np.array([0.4, 0.2, 0.5, 0.3, -0.1])
    recording = linear(world, w, 0.1)
    recording.last_step = 0
    for which in (0, 12):
        f = float(nets.logit(world)(recording.params(0), recording.data.x)[which])
        found, _ = closer.look(recording, View(), 0, which)
        for kind, part in (("free", w), ("off", w[2:])):
            line, slope = found[kind], np.linalg.norm(part)
            assert line.length[0] == 0 and np.isclose(line.distance, f / slope, rtol=1e-3)
            np.testing.assert_allclose(line.logit, f - slope * line.length, atol=1e-4)
            np.testing.assert_allclose(line.crossings, [f / slope], rtol=1e-3)
        # All of M is on one side: downhill, and M ends at its box.
        on = found["on"]
        assert on.distance == np.inf and not len(on.crossings) and not np.isfinite(on.delta).any()
        alive = np.isfinite(on.logit)
        np.testing.assert_allclose(on.logit[alive], (f - np.linalg.norm(w[:2]) * on.length)[alive], atol=1e-4)
        assert alive.sum() > 1 if which == 12 else alive.sum() == 1


@pytest.mark.parametrize("fields", WORLDS, ids=lambda fields: "-".join(map(str, fields.values())))
def test_lines_and_planes_of_trained_nets(train, fields):
    recording = train(**fields, points_per_side=5, width=40, hidden_layers=2, steps=80, learning_rate=0.01)
    noise = fields["noise"]
    step, data, ell = recording.last_step, recording.data, recording.world.codimension
    logit, params = nets.logit(recording.world), recording.params(step)
    f = np.asarray(logit(params, data.x))
    for which in (0, len(f) // 2):
        found, plane = closer.look(recording, View(), step, which)
        assert set(found) == {"free", "on", "off"} - ({"off"} if ell == 0 else set())
        for line in found.values():
            assert np.isclose(line.logit[0], f[which], atol=1e-5) and (np.diff(line.length) > 0).all()
            if np.isfinite(line.distance) and line.kind != "on":  # the first crossing is the arrow's end
                assert abs(line.crossings[0] - line.distance) <= line.length[1] + 1e-5
            if np.isfinite(line.distance) and line.kind == "on":  # a way inside M is no shorter than its chord
                assert line.crossings.max() >= line.distance - line.length[1]
        basis = np.asarray(plane.window.basis)
        np.testing.assert_allclose(basis @ basis.T, np.eye(2), atol=1e-5)
        assert np.isclose(np.asarray(plane.window.field(params)(np.zeros((1, 2), np.float32)))[0], f[which], atol=1e-4)
        assert np.linalg.norm(plane.manifold, axis=1).min() < 0.02 + 6 * noise
        for kind, arrow in plane.arrows.items():
            if np.isfinite(found[kind].distance):
                assert np.linalg.norm(arrow) <= found[kind].distance * (1 + 1e-4)
                assert 0 <= plane.inside[kind] <= 1 + 1e-4
        if ell and noise == 0 and np.isfinite(found["off"].distance):
            assert abs(plane.arrows["off"][0]) < 1e-5  # tau is tangent
        if ell == 1 and noise == 0 and np.isfinite(found["off"].distance):
            assert np.isclose(plane.inside["off"], 1, atol=1e-4)  # the only normal direction is v


def test_the_plane_stays_the_same_while_the_net_learns(train):
    recording = train(codimension=3, points_per_side=5, width=40, hidden_layers=2, steps=80, learning_rate=0.01)
    first, last = (closer.look(recording, View(), step, 7, 0.1)[1].window for step in (3, 80))
    assert (first.basis == last.basis).all() and (first.origin == last.origin).all() and first.high[1] == 0.1
    chart = windows.normal_chart(recording, View())
    np.testing.assert_allclose(first.basis[1], chart.basis[-1], atol=1e-6)


def test_a_net_without_a_slope_is_no_error():
    recording = linear(World(codimension=3, **SMALL), 0.0, 1.0)
    recording.last_step = 0
    for line in closer.look(recording, View(), 0, 3)[0].values():
        assert not len(line.crossings) and line.logit[0] == 1


@pytest.mark.parametrize("changes, field", [
    ({"which": 9}, "point"), ({"which": -1}, "point"), ({"which": 1.0}, "point"), ({"step": 21}, "step"),
])
def test_wrong_input_is_named(train, changes, field):
    with pytest.raises(FieldError) as caught:
        closer.look(train(), View(), **{"step": 20, "which": 0} | changes)
    assert caught.value.field == field
