"""Minimal perturbations against closed forms, extracted meshes and dense searches, and the orderings they must keep."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from toy import FieldError, Knobs, Recording, View, World, attacks, boundary, nets, rays, sqp, windows
from toy.attacks import ATTACKS, minimal
from toy.manifolds import MANIFOLDS, point, tangent

SMALL = {"hidden_layers": 1, "width": 4}
BIG = 8.0  # a bias that keeps a ReLU neuron active everywhere near the data


def with_net(world, params, knobs=None):
    """What the attacks read of a recording, with a net of our own."""
    knobs = knobs or Knobs(steps=1)
    return SimpleNamespace(world=world, knobs=knobs, data=Recording(world, knobs).data, params=lambda step: params,
                           logit=nets.logit(world), net=None)


def linear(world, w, b, knobs=None):
    """A ReLU net that is w.x + b near the data."""
    kernel = np.zeros((world.n, world.width), np.float32)
    kernel[:, 0] = w
    bias, head = np.zeros(world.width, np.float32), np.zeros((world.width, 1), np.float32)
    bias[0], head[0] = BIG, 1.0
    params = {"layer0": {"kernel": kernel, "bias": bias},
              "layer1": {"kernel": head, "bias": np.array([b - BIG], np.float32)}}
    return with_net(world, params, knobs)


def along(vectors, frame):
    """Tangent part of vectors (n,) or (N, n) in frames (N, n, k)."""
    coordinates = np.einsum("ink,in->ik", frame, np.broadcast_to(vectors, frame.shape[:2]))
    return np.einsum("ink,ik->in", frame, coordinates)


def shortest(f, x, frame=None, weights=(1.0, 0.0), reach=3.0):
    """Lengths of `rays.shortest` for a logit f(x) without parameters; inf for none."""
    x = jnp.asarray(x, jnp.float32)
    frame = jnp.zeros((*x.shape, 1)) if frame is None else jnp.asarray(frame, jnp.float32)
    seeds = jnp.full((len(x), rays.SEEDS, x.shape[1]), jnp.nan)
    d = rays.shortest(f, {}, x, frame, jnp.array(weights), seeds, jnp.float32(reach))
    length = np.linalg.norm(np.asarray(d), axis=1)
    return np.where(np.isnan(length), np.inf, length)


# ---- closed forms ---------------------------------------------------------------------------------------------


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from([3, 30]))
def test_linear_net(seed, codimension):
    world = World(codimension=codimension, **SMALL)
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(world.n).astype(np.float32)
    w /= np.linalg.norm(w)
    recording = linear(world, w, 0.3 * rng.standard_normal())
    x, f = recording.data.x, nets.logit(world)(recording.params(0), recording.data.x)
    frame = np.asarray(tangent(world.geometry, world.n, recording.data.u))
    lateral = along(w, frame)
    f, reach = np.abs(np.asarray(f)), attacks.REACH
    found = {"free": minimal("free", recording, 0), "off": minimal("off", recording, 0),
             "within": attacks.within(recording, 0, frame)}
    for kind, part in (("free", w), ("off", w - lateral), ("within", lateral)):
        truth = f / np.linalg.norm(np.broadcast_to(part, x.shape), axis=1)
        sure = truth < 0.99 * reach
        np.testing.assert_allclose(found[kind].distance[sure], truth[sure], rtol=1e-3, atol=3e-6)
        assert np.isinf(found[kind].distance[truth > 1.01 * reach]).all()
    share = np.sum((w - lateral) ** 2, 1)
    some = found["free"].distance > 1e-4
    np.testing.assert_allclose(found["free"].normal_share[some], share[some], atol=2e-3)
    inside = x[:, :2] - (f * np.sign(nets.logit(world)(recording.params(0), x)))[:, None] * w[:2] / np.sum(w[:2] ** 2)
    sure = ((inside > 0) & (inside < 1)).all(1)
    on = minimal("on", recording, 0)
    np.testing.assert_allclose(on.distance[sure], found["within"].distance[sure], rtol=1e-3, atol=3e-6)
    np.testing.assert_allclose(on.geodesic, on.distance, rtol=1e-5)


def ball(params, x):
    return jnp.sum(x**2, 1) - 1.0


@pytest.mark.parametrize("n", [2, 10])
def test_sphere_from_inside_and_outside(n, rng):
    direction = rng.standard_normal((40, n))
    x = direction / np.linalg.norm(direction, axis=1, keepdims=True) * rng.uniform(0.05, 1.8, (40, 1))
    truth = np.abs(np.linalg.norm(x, axis=1) - 1)
    np.testing.assert_allclose(shortest(ball, x), truth, rtol=2e-3, atol=1e-6)


def test_sphere_along_and_off_a_plane(rng):
    x = np.zeros((30, 6))
    x[:, :2] = rng.uniform(-0.6, 0.6, (30, 2))
    frame = np.broadcast_to(np.eye(6)[:, :2], (30, 6, 2))
    radius = np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(shortest(ball, x, frame, (0.0, 1.0)), 1 - radius, rtol=2e-3)
    np.testing.assert_allclose(shortest(ball, x, frame, (1.0, -1.0)), np.sqrt(1 - radius**2), rtol=2e-3)


def test_no_boundary_is_infinity_and_not_a_big_number():
    assert np.isinf(shortest(lambda params, x: jnp.sum(x**2, 1) + 1, np.zeros((3, 4)))).all()
    assert np.isinf(shortest(ball, np.zeros((3, 4)), reach=0.9)).all()
    for codimension in (0, 3):
        recording = linear(World(codimension=codimension, **SMALL), 0.0, 1.0)
        for kind in ATTACKS:
            found = minimal(kind, recording, 0)
            assert np.isinf(found.distance).all() and np.isnan(found.foot).all() and np.isnan(found.normal_share).all()


def test_without_codimension_there_is_no_way_off_the_manifold():
    recording = linear(World(codimension=0, **SMALL), np.array([1.0, 0.2]), -0.43)
    assert np.isinf(minimal("off", recording, 0).distance).all()
    # M ends at its parameter box and R^n does not, so the way inside M may be longer or missing.
    assert (minimal("on", recording, 0).distance >= minimal("free", recording, 0).distance * (1 - 1e-4)).all()


def test_circles_of_latitude_on_a_sphere():
    world = World(manifold="sphere", codimension=3, **SMALL)
    recording = linear(world, np.array([0, 0, 1.0, 0, 0]), -0.1)
    found, latitude = minimal("on", recording, 0), recording.data.u[:, 1]
    angle = np.abs(latitude - np.arcsin(0.1 / 0.5))
    np.testing.assert_allclose(found.distance, np.sin(angle / 2), rtol=1e-3)
    np.testing.assert_allclose(found.geodesic, angle / 2, rtol=2e-3)


def test_meridians_of_a_torus_across_its_seam():
    world = World(manifold="torus", codimension=3, **SMALL)
    recording = linear(world, np.array([0, 0, 1.0, 0, 0]), 0.1)
    found, b = minimal("on", recording, 0), 2 * np.pi * recording.data.u[:, 1]
    roots = np.array([-np.arcsin(0.1 / 0.18), np.pi + np.arcsin(0.1 / 0.18)])
    angle = np.abs((b[:, None] - roots + np.pi) % (2 * np.pi) - np.pi).min(1)
    np.testing.assert_allclose(found.geodesic, 0.18 * angle, rtol=3e-3)
    np.testing.assert_allclose(found.distance, 2 * 0.18 * np.sin(angle / 2), rtol=1e-3)


def test_arcs_of_a_circle():
    world = World(manifold="circle", codimension=4, labels="alternating", points_per_side=9, **SMALL)
    recording = linear(world, np.array([1.0, 0, 0, 0, 0]), 0.2)
    found, angle = minimal("on", recording, 0), 2 * np.pi * recording.data.u[:, 0]
    arc = np.abs(np.abs((angle + np.pi) % (2 * np.pi) - np.pi) - np.arccos(-0.4))
    np.testing.assert_allclose(found.geodesic, arc / 2, rtol=2e-3)
    np.testing.assert_allclose(found.distance, np.sin(arc / 2), rtol=1e-3)


def test_a_boundary_on_a_kink_without_slope_is_found():
    """f = -relu(u - 1/2): 0 without a slope up to the middle."""
    world = World(manifold="line", labels="alternating", codimension=4, points_per_side=9, **SMALL)
    recording = linear(world, np.array([1.0, 0, 0, 0, 0]), 0.0)
    params = recording.params(0)
    params["layer0"]["bias"][:] = [-0.5, 0, 0, 0]
    params["layer1"] = {"kernel": -params["layer1"]["kernel"], "bias": np.zeros(1, np.float32)}
    u = recording.data.u[:, 0]
    found = minimal("on", recording, 0)
    np.testing.assert_allclose(found.distance[u > 0.5], (u - 0.5)[u > 0.5], atol=1e-3)


def test_across_a_swiss_roll_the_way_is_straight():
    world = World(manifold="swiss-roll", codimension=3, **SMALL)
    recording = linear(world, np.array([0, 1.0, 0, 0, 0]), -0.4)
    found = minimal("on", recording, 0)
    np.testing.assert_allclose(found.geodesic, np.abs(recording.data.u[:, 1] - 0.4), rtol=1e-3)


# ---- trained nets: feet, orderings ----------------------------------------------------------------------------


# All in R^5, as those above, so that manifolds of one dimension share their compiled solver.
WORLDS = [
    dict(manifold=name, labels=("alternating", "chessboard")[m.k - 1], codimension=5 - m.k)
    for name, m in MANIFOLDS.items()
]


@pytest.mark.parametrize("fields", WORLDS, ids=lambda fields: fields["manifold"])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_feet_and_orderings(train, fields, noise):
    recording = train(**fields, points_per_side=5, width=40, hidden_layers=2, steps=80, learning_rate=0.01, noise=noise)
    logit, x, step = nets.logit(recording.world), recording.data.x, recording.last_step
    params = recording.params(step)
    found = {kind: minimal(kind, recording, step) for kind in ATTACKS}
    value = np.asarray(logit(params, x))
    for f in found.values():
        here = np.isfinite(f.distance)
        assert np.isnan(f.foot[~here]).all()
        np.testing.assert_allclose(f.foot, x + f.delta, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(f.delta[here], axis=1), f.distance[here], rtol=1e-5)
        flipped = np.asarray(logit(params, jnp.asarray(f.foot))) * np.sign(value) <= 0
        assert (flipped | (f.residual < 1e-6) | (f.residual < 1e-3 * f.distance))[here].all()
        assert (f.residual[here] < 1e-5 + 1e-3 * f.distance[here]).all()
        assert ((f.normal_share >= 0) & (f.normal_share <= 1 + 1e-5))[here & (f.distance > 0)].all()
    free, on, off = (found[kind].distance for kind in ("free", "on", "off"))
    slack = 1e-5
    assert (on >= free * (1 - 0.01) - slack).all() and (off >= free * (1 - 0.01) - slack).all()
    assert np.mean((on >= free - slack) & (off >= free - slack)) > 0.95
    assert (found["on"].geodesic >= on * (1 - 1e-4) - slack).all()
    if recording.world.geometry.flat and not noise:
        np.testing.assert_allclose(found["on"].geodesic, on, rtol=1e-4)
    assert (found["off"].normal_share[np.isfinite(off)] > 1 - 1e-4).all()


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_the_two_parts_add_up(seed):
    world = World(manifold="wave", codimension=4, **SMALL)
    rng = np.random.default_rng(seed)
    u, d = rng.uniform(0, 1, (5, 2)).astype(np.float32), rng.standard_normal((5, world.n)).astype(np.float32)
    lateral, vertical = windows.split(world, jnp.asarray(u), jnp.asarray(d))
    total = np.sum(np.asarray(lateral) ** 2 + np.asarray(vertical) ** 2, 1)
    np.testing.assert_allclose(total, np.sum(d**2, 1), rtol=1e-5)


def test_feet_on_the_manifold_lie_on_it(train):
    recording = train(manifold="wave", codimension=3, points_per_side=5, width=40, hidden_layers=2, steps=60)
    found = minimal("on", recording, recording.last_step)
    here = np.isfinite(found.distance)
    foot = sqp.placement(recording.world.geometry, recording.world.n)(0.0, jnp.asarray(found.boundary_u))
    np.testing.assert_allclose(np.asarray(foot)[here], found.foot[here], atol=1e-6)
    assert (found.boundary_u[here] >= 0).all() and (found.boundary_u[here] <= 1).all()


def test_a_seed_is_never_wasted(train):
    recording = train(codimension=3, points_per_side=5, width=40, hidden_layers=2, steps=80, learning_rate=0.01)
    plain = minimal("free", recording, 60)
    again = minimal("free", recording, 60, seeds=plain.foot)
    assert (again.distance <= plain.distance * (1 + 1e-4)).all()


def test_random_subspaces_are_the_null_of_the_tangent_space():
    world = World(codimension=30, **SMALL)
    recording = linear(world, np.ones(world.n, np.float32) / np.sqrt(world.n), 0.05)
    basis = attacks.random_subspaces(recording)
    np.testing.assert_allclose(np.swapaxes(basis, 1, 2) @ basis, np.broadcast_to(np.eye(2), (25, 2, 2)), atol=1e-5)
    found = attacks.within(recording, 0, basis)
    f = np.abs(np.asarray(nets.logit(world)(recording.params(0), recording.data.x)))
    truth = f / np.linalg.norm(np.einsum("inb,n->ib", basis, np.ones(world.n) / np.sqrt(world.n)), axis=1)
    sure = truth < 1.9
    np.testing.assert_allclose(found.distance[sure], truth[sure], rtol=2e-3)
    outside = found.delta - np.einsum("inb,ib->in", basis, np.einsum("inb,in->ib", basis, found.delta))
    assert np.nanmax(np.abs(outside)) < 1e-5


# ---- against searches that cannot miss ------------------------------------------------------------------------


@partial(jax.jit, static_argnums=0)
def dense(logit, params, x, d, t):
    """Distances (N,) to the first sign change over a fan of directions d, on shells t refined by bisection."""

    def one(a):
        sign = jnp.sign(logit(params, a[None])[0])
        beyond = lambda s: (sign * logit(params, a + s * d) <= 0).any()  # noqa: E731
        flipped = jax.lax.map(beyond, t)
        shell = jnp.argmax(flipped)

        def halve(_, bracket):
            low, high = bracket
            middle = (low + high) / 2
            yes = beyond(middle)
            return jnp.where(yes, low, middle), jnp.where(yes, middle, high)

        high = jax.lax.fori_loop(0, 12, halve, (t[shell] - t[0], t[shell]))[1]
        return jnp.where(flipped.any(), high, jnp.inf)

    return jax.lax.map(one, x)


def fan(n):
    """Evenly spread unit vectors of the plane or of space."""
    count = 384 if n == 2 else 1536  # .5 and 3 degrees from any other: .0000 and .001 of a distance too long
    i = np.arange(count) + 0.5
    if n == 2:
        return np.stack([np.cos(2 * np.pi * i / count), np.sin(2 * np.pi * i / count)], 1).astype(np.float32)
    z, a = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    return np.stack([np.sqrt(1 - z**2) * np.cos(a), np.sqrt(1 - z**2) * np.sin(a), z], 1).astype(np.float32)


POOL = [
    dict(manifold="line", labels="random", codimension=1, points_per_side=10),
    dict(manifold="sine", labels="alternating", codimension=1, points_per_side=10, activation="tanh"),
    dict(manifold="plane", codimension=1, points_per_side=4),
    dict(manifold="spiral", labels="alternating", codimension=1, points_per_side=10),
    dict(manifold="wave", codimension=1, points_per_side=4),
]


def test_never_longer_than_a_dense_search(train):
    excess = []
    for fields in POOL:
        for seed, steps in ((0, (0, 25)), (1, (4, 200))):
            recording = train(**fields, hidden_layers=2, width=40, steps=200, learning_rate=0.01, seed=seed)
            for step in steps:
                x, shells = recording.data.x, (np.arange(80, dtype=np.float32) + 1) / 80
                logit = nets.logit(recording.world)
                truth = np.asarray(dense(logit, recording.params(step), x, fan(x.shape[1]), shells))
                got = minimal("free", recording, step).distance
                near = np.isfinite(truth)
                excess.append(got[near] / truth[near] - 1)
    excess = np.concatenate(excess)
    assert len(excess) > 150
    assert np.mean(excess < 0.01) >= 0.99, np.sort(excess)[-10:]


def crossings(recording, step, side):
    """Zeros of f on the edges of a grid of the parameter box: (parameters, the edges' nodes, places of all nodes)."""
    manifold, world = recording.world.geometry, recording.world
    axes = [np.linspace(low, high, side) for low, high in manifold.domain]
    u = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)
    y = np.asarray(point(manifold, world.n, 0.0, jnp.asarray(u)))
    f = np.asarray(nets.logit(world)(recording.params(step), y))
    number = np.arange(len(u)).reshape(side, side)
    edges = np.concatenate([np.stack([number[:-1].ravel(), number[1:].ravel()], 1),
                            np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], 1)])
    edges = edges[(f[edges[:, 0]] > 0) != (f[edges[:, 1]] > 0)]
    low, high = u[edges[:, 0]], u[edges[:, 1]]
    for _ in range(14):
        middle = (low + high) / 2
        value = nets.logit(world)(recording.params(step), point(manifold, world.n, 0.0, jnp.asarray(middle)))
        same = ((np.asarray(value) > 0) == (f[edges[:, 0]] > 0))[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return (low + high) / 2, edges, y


def test_on_the_manifold_no_grid_point_is_nearer(train):
    excess = []
    for manifold in ("plane", "torus", "sphere"):
        recording = train(manifold=manifold, codimension=1, points_per_side=5, hidden_layers=2, width=40, steps=150,
                          learning_rate=0.01)
        for step in (15, recording.last_step):
            roots, _, _ = crossings(recording, step, 401)
            found = minimal("on", recording, step)
            if not len(roots):
                assert np.isinf(found.distance).all()
                continue
            y = np.asarray(point(recording.world.geometry, recording.world.n, 0.0, jnp.asarray(roots)))
            truth = np.array([np.linalg.norm(y - a, axis=1).min() for a in recording.data.x])
            assert (found.distance >= truth * 0.97 - 5e-3).all()  # the grid is .0025 .. .008 coarse
            excess.append((found.distance - 1e-5) / truth - 1)
    # Spikes of the boundary thinner than the chart's grid may lose their tip.
    assert np.mean(np.concatenate(excess) < 0.01) >= 0.99


@pytest.mark.parametrize("manifold", ["paraboloid", "wave", "swiss-roll"])
def test_no_path_over_a_grid_is_shorter_than_the_geodesic(train, manifold):
    recording = train(manifold=manifold, codimension=1, points_per_side=5, hidden_layers=2, width=40, steps=150,
                      learning_rate=0.01)
    side, step = 61, recording.last_step
    roots, edges, y = crossings(recording, step, side)
    assert len(roots)
    i, j = np.divmod(np.arange(side * side), side)
    links = []
    for di, dj in ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1), (1, 3), (3, 1), (1, -3), (3, -1)):
        a = np.flatnonzero((i + di < side) & (j + dj >= 0) & (j + dj < side))
        links.append(np.stack([a, a + di * side + dj], 1))
    a, b = np.concatenate(links).T
    graph = coo_array((np.linalg.norm(y[a] - y[b], axis=1), (a, b)), shape=(side**2, side**2))
    quarter = (side - 1) // 4  # the training points are nodes
    starts = np.concatenate([(p * quarter) * side + np.arange(5) * quarter for p in range(5)])
    np.testing.assert_allclose(y[starts], recording.data.x, atol=1e-6)
    paths = dijkstra(graph.tocsr(), directed=False, indices=starts)
    z = np.asarray(point(recording.world.geometry, recording.world.n, 0.0, jnp.asarray(roots)))
    truth = np.min([(paths[:, end] + np.linalg.norm(z - y[end], axis=1)).min(1) for end in edges.T], 0)
    got = minimal("on", recording, step).geodesic
    assert (got <= truth * 1.005 + 1e-4).all(), (got / truth).max()


@pytest.mark.parametrize("manifold", ["plane", "wave", "sphere"])
def test_never_longer_than_the_extracted_mesh(train, manifold):
    recording = train(manifold=manifold, codimension=1, points_per_side=5, hidden_layers=2, width=40, steps=150,
                      learning_rate=0.01)
    step = recording.last_step
    window = windows.window(recording, View(window="ambient", half_height=0.3))
    params, x = recording.params(step), recording.data.x
    mesh = boundary.extract(window.field(params), window.low, window.high, 64)
    assert len(mesh.vertices)
    vertex = np.linalg.norm(mesh.vertices[None] - x[:, None], axis=2).min(1)
    got = minimal("free", recording, step).distance
    assert (got <= vertex * 1.01 + 1e-6).all()
    arrows = attacks.within_window(window, params, mesh, x)
    assert (arrows.distance <= vertex * 1.001 + 1e-6).all()
    sure = ~arrows.hidden
    assert sure.any()
    np.testing.assert_allclose(arrows.distance[sure], got[sure], rtol=0.02, atol=1e-4)
    np.testing.assert_allclose(attacks.nearest_on_boundary(window, params, mesh, x), arrows.foot)


# ---- inside a window ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [
    dict(codimension=3),
    dict(manifold="sphere", codimension=3),
    dict(manifold="line", labels="alternating", codimension=4),
], ids=str)
def test_arrows_in_a_window(train, fields):
    recording = train(**fields, points_per_side=5, hidden_layers=2, width=40, steps=150, learning_rate=0.01)
    params = recording.params(recording.last_step)
    window = windows.window(recording, View())
    mesh = boundary.extract(window.field(params), window.low, window.high, 48 if window.dim == 3 else 128)
    z = window.display(recording.data.u, recording.data.x)
    arrows = attacks.within_window(window, params, mesh, z)
    start, foot = np.asarray(window.to_ambient(z)), np.asarray(window.to_ambient(arrows.foot))
    np.testing.assert_allclose(np.linalg.norm(foot - start, axis=1), arrows.distance, rtol=1e-4, atol=1e-6)
    vertices = np.asarray(window.to_ambient(mesh.vertices.astype(np.float32)))
    nearest = np.stack([np.linalg.norm(vertices - a, axis=1).min() for a in start])
    assert (arrows.distance <= nearest * 1.001 + 1e-5).all()
    assert (np.array(window.low) <= arrows.foot + 1e-6).all() and (arrows.foot <= np.array(window.high) + 1e-6).all()
    free = minimal("free", recording, recording.last_step).distance
    assert (arrows.distance >= free * 0.99 - 1e-5).all()
    assert arrows.hidden.dtype == bool


def test_walls_hide_what_lies_outside(train):
    recording = linear(World(codimension=1, **SMALL), np.array([0, 0, 1.0]), -0.05)
    window = windows.window(recording, View(window="ambient", half_height=0.2))
    params = recording.params(0)
    mesh = boundary.extract(window.field(params), window.low, window.high, 32)
    arrows = attacks.within_window(window, params, mesh, recording.data.x)
    np.testing.assert_allclose(arrows.distance, 0.05, rtol=1e-3)
    gap = np.minimum(recording.data.x - np.array(window.low), np.array(window.high) - recording.data.x).min(1)
    assert (arrows.hidden == (gap < 0.05)).all()
    none = attacks.within_window(window, params, SimpleNamespace(vertices=np.zeros((0, 3))), recording.data.x)
    assert np.isinf(none.distance).all() and np.isnan(none.foot).all() and none.hidden.all()


# ---- the machine ----------------------------------------------------------------------------------------------


def test_no_recompilation_for_another_step_seed_or_knob(train):
    fields = dict(codimension=3, width=40, points_per_side=5, hidden_layers=2, labels="half-space")
    first, second = train(**fields), train(**fields, seed=5, learning_rate=0.02, offset=0.3)

    def everything(recording, step, seeds=None):
        for kind in ATTACKS:
            minimal(kind, recording, step, seeds)
        attacks.within(recording, step, attacks.random_subspaces(recording))

    everything(first, 20)  # by then all of them find a boundary
    before = rays.shortest._cache_size(), sqp.polish._cache_size(), sqp.chords._cache_size()
    everything(first, 3)
    everything(second, 20, seeds=second.data.x)
    assert (rays.shortest._cache_size(), sqp.polish._cache_size(), sqp.chords._cache_size()) == before


def test_wrong_inputs_name_the_field(train):
    recording = train()
    for call, match in (
        (lambda: minimal("sideways", recording, 0), r"attack must be one of \[free, on, off\], got 'sideways'"),
        (lambda: minimal([], recording, 0), r"attack must be one of .*, got \[\]"),
        (lambda: minimal("free", recording, 10**6), "step must be"),
        (lambda: minimal("off", recording, 0, seeds=np.zeros((2, 2))), "seeds must be"),
        (lambda: attacks.within(recording, 0, np.ones((5, 1))), "basis must be orthonormal"),
        (lambda: attacks.within(recording, 0, np.eye(3)), "basis must be of shape"),
    ):
        with pytest.raises(FieldError, match=match):
            call()
    window = windows.window(recording, View())
    with pytest.raises(FieldError, match="display coordinates"):
        attacks.within_window(window, recording.params(0), SimpleNamespace(vertices=np.zeros((0, 3))), recording.data.x)


def test_a_point_on_the_boundary_has_no_way_to_go():
    """A net without a living neuron is 0 everywhere: every distance is 0, on the manifold too."""
    world, knobs = tiny(manifold="line", labels="alternating", hidden_layers=1, width=4, steps=1)
    recording = Recording(world, knobs)
    dead = jax.tree.map(jnp.zeros_like, recording.params(0))
    recording._begin(recording.state(0)._replace(params=dead))
    for kind in ATTACKS:
        found = minimal(kind, recording, 0)
        assert (found.distance == 0).all() and (found.delta == 0).all()
        if kind == "on":
            assert (found.geodesic == 0).all() and (found.boundary_u == recording.data.u).all()


def test_off_a_flat_manifold_the_way_inside_it_is_what_the_chord_leaves(train):
    recording = train(points_per_side=4, codimension=2, noise=0.1, steps=30)
    found, data = minimal("on", recording, 30), recording.data
    gap = np.linalg.norm(data.x - np.asarray(point(recording.world.geometry, recording.world.n, 0.0, data.u)), axis=1)
    there = np.isfinite(found.distance)
    assert there.any() and gap.min() > 0
    np.testing.assert_allclose(found.geodesic[there], (gap + np.sqrt(found.distance**2 - gap**2))[there], rtol=1e-3)
