"""Heights on fields made by hand: planes, two sheets, nothing at all."""

import jax.numpy as jnp
import numpy as np
import pytest

from toy import View, World
from toy.charts import Window
from toy.heights import SAMPLES, _outwards, heights
from toy.windows import normal_chart, window

HEIGHT = 0.4
U = np.random.default_rng(0).uniform(size=(40, 2)).astype(np.float32)
CELL = 2 * HEIGHT / (SAMPLES - 1)


def slice_of(n=5, width=6, height=HEIGHT, v=None):
    """The chart (u, t) -> (u, 0) + t v of a flat world in R^n whose net has one hidden ReLU layer."""
    world = World(codimension=n - 2, hidden_layers=1, width=width)
    v = np.eye(n)[-1] if v is None else v / np.linalg.norm(v)
    basis = jnp.asarray(np.vstack([np.eye(2, n), v]), jnp.float32)
    low, high = (0.0, 0.0, -height), (1.0, 1.0, height)
    return Window("slice", world, low, high, ("a", "b", "t"), height, "", jnp.zeros(n), basis)


def params(weights, bias, out, last=0.0):
    """A net with one hidden layer from rows of its neurons."""
    array = lambda a: jnp.asarray(np.array(a, np.float32))  # noqa: E731
    return {"layer0": {"kernel": array(weights).T, "bias": array(bias)},
            "layer1": {"kernel": array(out)[:, None], "bias": array([last])}}


def affine(w, b):
    """f = w . x + b as relu(a) - relu(-a); the other neurons are idle."""
    w, idle = np.asarray(w, float), np.zeros((4, len(w)))
    return params(np.vstack([w, -w, idle]), [b, -b, 0, 0, 0, 0], [1, -1, 0, 0, 0, 0])


@pytest.mark.parametrize("w, b", [
    ((0, 0, 0, 0, 1), -0.123), ((0, 0, 0, 0, -2), 0.3), ((0.3, -0.2, 0, 0, 1), 0.05), ((0.1, 0.1, 5, -3, -4), 0.2),
])
def test_a_plane_has_the_height_of_its_equation(w, b):
    found = heights(slice_of(), affine(w, b), U)
    expected = -(U @ np.array(w[:2]) + b) / w[-1]
    assert np.abs(expected).max() < HEIGHT and np.allclose(found.nearest, expected, atol=1e-5)
    assert (found.count == 1).all() and np.allclose(found.slope, w[-1], rtol=1e-5)


def test_the_direction_of_the_line_counts():
    v = np.array([0, 0, 3.0, 0, 4.0])
    found = heights(slice_of(v=v), affine((0, 0, 1, 0, 0), -0.12), U)
    assert np.allclose(found.nearest, 0.2, atol=1e-5) and np.allclose(found.slope, 0.6, atol=1e-5)


@pytest.mark.parametrize("below, above, nearest", [(-0.3, 0.1, 0.1), (-0.07, 0.2, -0.07), (0.05, 0.31, 0.05)])
def test_two_sheets_count_twice_and_the_nearer_is_taken(below, above, nearest):
    """f = (above - below) / 2 - |t - middle| as relus of t."""
    t, middle = np.eye(5)[-1], (below + above) / 2
    net = params([t, -t, 0 * t, 0 * t, 0 * t, 0 * t], [-middle, middle, 0, 0, 0, 0], [-1, -1, 0, 0, 0, 0],
                 (above - below) / 2)
    found = heights(slice_of(), net, U)
    assert (found.count == 2).all() and np.allclose(found.nearest, nearest, atol=1e-5)
    assert np.allclose(np.abs(found.slope), 1, atol=1e-5)
    assert (np.sign(found.slope) == (1 if nearest == below else -1)).all()


@pytest.mark.parametrize("b", [1.0, -1.0, 0.41])
def test_no_crossing_within_reach(b):
    found = heights(slice_of(), affine((0, 0, 0, 0, 1), b), U)
    assert (found.count == 0).all() and np.isnan(found.nearest).all()


def test_a_crossing_appears_where_the_chart_reaches_it():
    net = affine((0, 0, 0, 0, 1), -0.3)
    assert (heights(slice_of(height=0.29), net, U).count == 0).all()
    assert (heights(slice_of(height=0.31), net, U).count == 1).all()


@pytest.mark.parametrize("beyond", [1.0, 1.3, 1.7, 2.0])
@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_beyond_the_height_the_nearest_is_found_but_not_counted(beyond, slope):
    """f = t - slope 3 HEIGHT u1: crossings from 0 to 3 HEIGHT, on either side."""
    found = heights(slice_of(), affine((-slope * 3 * HEIGHT, 0, 0, 0, 1), 0), U, beyond)
    expected = slope * 3 * HEIGHT * U[:, 0]
    met = np.abs(expected) < beyond * HEIGHT
    assert met.any() and not met.all()
    assert np.allclose(found.nearest[met], expected[met], atol=1e-4) and np.isnan(found.nearest[~met]).all()
    assert np.array_equal(found.count == 1, np.abs(expected) < HEIGHT) and found.count.max() == 1


@pytest.mark.parametrize("samples, beyond", [(65, 1.0), (84, 1.3), (110, 1.7), (129, 2.0)])
@pytest.mark.parametrize("most", [0, 2, 7, 12, 500])
def test_it_is_looked_outwards_on_both_sides_at_once(samples, beyond, most):
    blocks, near = _outwards(samples, beyond, most)
    t = np.linspace(-beyond, beyond, samples)
    for i in range(len(blocks)):
        seen = np.unique(blocks[: i + 1])
        assert np.array_equal(seen, samples - 1 - seen[::-1]) and (np.diff(seen) == 1).all()
    assert len(seen) == samples and blocks.shape[1] <= max(2, most)
    reach = t[blocks[:near].max()]
    assert reach >= 1 - 1e-9 and (near == 1 or t[blocks[: near - 1].max()] < 1 - 1e-9)


def test_a_line_that_is_looked_for_further_out_leaves_the_others_as_they_were():
    net, near, far = affine((-1, 0, 0, 0, 1), 0), np.float32([[0.1, 0.5]]), np.float32([[0.7, 0.5]])
    alone, both = heights(slice_of(), net, near, 2.0), heights(slice_of(), net, np.concatenate([near, far]), 2.0)
    assert np.allclose(both.nearest, [alone.nearest[0], 0.7], atol=1e-4) and list(both.count) == [1, 0]


def test_a_boundary_through_the_manifold_itself():
    found = heights(slice_of(), affine((0, 0, 0, 0, 1), 0), U)
    assert (found.count == 1).all() and np.abs(found.nearest).max() < 1e-4


def test_a_field_that_is_zero_everywhere_has_no_crossing():
    found = heights(slice_of(), affine((0, 0, 0, 0, 0), 0), U)
    assert (found.count == 0).all() and np.isnan(found.nearest).all()


def test_walls_are_met_only_by_the_lines_beside_them():
    """f = u1 + t / 2 - .5: a steep wall, met within reach from u1 = .3 to .7."""
    found = heights(slice_of(), affine((1, 0, 0, 0, 0.5), -0.5), U)
    expected = (0.5 - U[:, 0]) * 2
    met = np.abs(expected) < HEIGHT
    assert np.array_equal(found.count == 1, met) and 0 < met.sum() < len(U)
    assert np.allclose(found.nearest[met], expected[met], atol=1e-5) and np.isnan(found.nearest[~met]).all()


def test_close_pairs_of_sheets_are_seen_down_to_the_stated_spacing():
    def ridge(half):
        t = np.eye(5)[-1]
        return params([t, -t, 0 * t, 0 * t, 0 * t, 0 * t], [-0.1, 0.1, 0, 0, 0, 0], [-1, -1, 0, 0, 0, 0], half)

    assert (heights(slice_of(), ridge(0.51 * CELL), U).count == 2).all()  # a sample falls between the two


def test_heights_of_a_trained_net_are_zeros_of_it(hero):
    chart = normal_chart(hero, View())
    found = heights(chart, hero.params(400), U)
    met = np.isfinite(found.nearest)
    assert met.mean() > 0.9
    z = np.column_stack([U, found.nearest]).astype(np.float32)[met]
    field = chart.field(hero.params(400))
    residual = np.abs(np.asarray(field(z))) / np.abs(found.slope[met])
    assert residual.max() < 2e-4
    # Nothing nearer: along each line up to the crossing the logit keeps the sign it has on the manifold.
    for share in (0.0, 0.25, 0.5, 0.75, 0.95):
        sign = np.sign(np.asarray(field(z * np.array([1, 1, share], np.float32))))
        assert np.array_equal(sign, np.sign(np.asarray(field(z * np.array([1, 1, 0], np.float32)))))


def test_unrolled_heights_are_distances_from_a_sphere(train):
    """f = z - .3 meets the radial line through latitude b at distance .3 / sin b from the middle."""
    recording = train(manifold="sphere", codimension=1)
    world = recording.world.replace(hidden_layers=1, width=6)
    chart = window(recording, View(window="unrolled"))
    net = params([[0, 0, 1.0], [0, 0, -1.0]] + [[0, 0, 0]] * 4, [-0.3, 0.3, 0, 0, 0, 0], [1, -1, 0, 0, 0, 0])
    chart = Window("unrolled", world, (0.0, -1.3, -HEIGHT), (1.0, 1.3, HEIGHT), chart.labels, HEIGHT, "", chart.origin,
                   chart.basis)
    u = np.column_stack([np.linspace(0, 1, 30), np.linspace(0.4, 1.2, 30)]).astype(np.float32)
    found = heights(chart, net, u)
    outward = 0.3 / np.sin(u[:, 1]) - 0.5
    met = np.abs(outward) < HEIGHT
    assert met.all() and (found.count == 1).all()
    assert np.allclose(np.abs(found.nearest), np.abs(outward), atol=1e-4)
    assert len(set(np.sign(found.nearest * outward))) == 1  # one side of M throughout
