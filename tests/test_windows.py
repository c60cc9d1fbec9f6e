"""Windows: isometric slices, exact unrolled charts, and a field that is the logit of what is shown."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import tiny, with_seed
from hypothesis import given
from hypothesis import strategies as st

from toy import FieldError, View, World, attacks, boundary, charts, sqp, windows
from toy.charts import split
from toy.heights import _scan, heights
from toy.manifolds import MANIFOLDS, point, safe_height, tangent
from toy.nets import logit
from toy.windows import (
    MARGIN,
    WINDOWS,
    follow,
    gradient,
    kind_of,
    measuring_height,
    normal_chart,
    parameter_grid,
    phase_height,
    window,
)

# One world of each kind of map: affine in its own space, slices, normals of a hypersurface, interpolated directions.
# All have nine points in three or five dimensions, so that they share two compiled steps.
CURVE = {"points_per_side": 9}
WORLDS = {
    "ambient-3": {"manifold": "helix", "codimension": 2, **CURVE},
    "slice-2": {"manifold": "line", "codimension": 4, "offset": 0.3, **CURVE},
    "slice-3": {"manifold": "plane", "codimension": 3, "offset": -0.2, "noise": 0.05},
    "normal-3": {"manifold": "sphere", "codimension": 1, "window": "unrolled"},
    "own-2": {"manifold": "spiral", "codimension": 4, "offset": 0.3, **CURVE},
    "own-3": {"manifold": "torus", "codimension": 3},
    "own-flat": {"manifold": "plane", "codimension": 3, "offset": -0.2, "window": "unrolled"},
}


@pytest.fixture(params=WORLDS)
def shown(request, train):
    """(recording, view, window) of each of the worlds."""
    values = dict(WORLDS[request.param])
    view = View(window=values.pop("window", "auto"))
    recording = train(**values)
    return recording, view, window(recording, view)


def inside(shown, count, rng):
    return rng.uniform(shown.low, shown.high, (count, shown.dim)).astype(np.float32)


def test_a_window_describes_itself(shown):
    recording, view, win = shown
    assert win.kind == kind_of(recording.world, view) and win.world == recording.world
    assert win.dim == len(win.low) == len(win.high) == len(win.labels) in (2, 3)
    assert all(low < high for low, high in zip(win.low, win.high)) and len(set(win.labels)) == win.dim
    assert win.half_height > 0 and win.note
    if win.kind != "ambient":
        assert win.high[-1] == win.half_height == -win.low[-1] and win.labels[-1] == "t"


def test_the_field_is_the_logit_of_what_is_shown(shown, rng):
    recording, _, win = shown
    z = inside(win, 64, rng)
    params = recording.params(20)
    x = np.asarray(win.to_ambient(z))
    assert x.shape == (64, recording.world.n)
    expected = np.asarray(logit(recording.world)(params, jnp.asarray(x)))
    assert np.allclose(win.field(params)(z), expected, atol=2e-5 * (1 + np.abs(expected).max()))
    assert not np.allclose(win.field(recording.params(0))(z), expected, atol=1e-3)


def test_display_undoes_to_ambient(shown, rng):
    recording, _, win = shown
    world = recording.world
    z = inside(win, 64, rng)
    x = np.asarray(win.to_ambient(z))
    u = z[:, : world.k]
    assert np.allclose(win.display(u, x), z, atol=3e-6)
    if win.kind != "ambient":  # points of the manifold are flat
        on = np.asarray(point(world.geometry, world.n, recording.knobs.offset, jnp.asarray(u)))
        assert np.allclose(win.display(u, on), np.pad(u, ((0, 0), (0, 1))), atol=1e-6)


def test_the_data_stands_inside_the_window(shown):
    recording, _, win = shown
    z = np.asarray(win.display(recording.data.u, recording.data.x))
    assert z.shape == (len(recording.data.u), win.dim)
    assert (z[:, :-1] >= np.array(win.low)[:-1] - 1e-6).all() and (z[:, :-1] <= np.array(win.high)[:-1] + 1e-6).all()


@pytest.mark.parametrize("name", [name for name in WORLDS if not name.startswith("ambient")])
def test_lines_leave_the_manifold_at_right_angles(name, rng):
    recording = CACHE[name]
    world, win = recording.world, normal_chart(recording, View())
    u = inside(win, 200, rng)[:, :-1]
    t = np.full((200, 1), 0.01, np.float32)
    foot, up = (np.asarray(win.to_ambient(np.concatenate([u, h], 1)), float) for h in (0 * t, t))
    v = (up - foot) / 0.01
    frame = np.asarray(tangent(world.geometry, world.n, jnp.asarray(u)))
    assert np.allclose(np.linalg.norm(v, axis=1), 1, atol=1e-4)
    assert np.abs(np.einsum("mnk,mn->mk", frame, v)).max() < 1e-4
    assert np.allclose(foot, point(world.geometry, world.n, recording.knobs.offset, jnp.asarray(u)), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in WORLDS if not name.startswith(("normal", "own"))])
@given(seed=st.integers(0, 10**6))
def test_slices_are_isometric(name, seed):
    win = window(CACHE[name], View())
    a, b = np.random.default_rng(seed).uniform(-3, 3, (2, 32, win.dim)).astype(np.float32)
    there = np.linalg.norm(np.asarray(win.to_ambient(a)) - np.asarray(win.to_ambient(b)), axis=1)
    assert np.allclose(there, np.linalg.norm(a - b, axis=1), rtol=1e-5, atol=1e-5)


@pytest.fixture(autouse=True, scope="module")
def _recordings(train):
    """Hypothesis cannot take a fixture for each example."""
    for name, values in WORLDS.items():
        CACHE[name] = train(**{field: v for field, v in values.items() if field != "window"})


CACHE: dict = {}


# ---- which window a world has


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("manifold", MANIFOLDS)
def test_every_window_fits_or_says_why_not(kind, manifold):
    shape = MANIFOLDS[manifold]
    for ell in (0, 1, 2, 3, 1000):
        if ell < shape.e - shape.k or shape.k + ell < 2:
            continue
        world = World(manifold=manifold, codimension=ell)
        fits = {"ambient": world.n <= 3, "slice": shape.flat and ell > 0, "unrolled": ell > 0}[kind]
        assert kind_of(world, View()) in WINDOWS
        if fits:
            assert kind_of(world, View(window=kind)) == kind
        else:
            with pytest.raises(FieldError) as caught:
                kind_of(world, View(window=kind))
            assert caught.value.field == "window" and caught.value.got == kind and caught.value.advice
            assert kind_of(world, View()) in caught.value.allowed


@pytest.mark.parametrize("manifold, ell, kind", [
    ("plane", 0, "ambient"), ("plane", 1, "ambient"), ("plane", 2, "slice"), ("line", 2, "ambient"),
    ("line", 3, "slice"),
    ("wave", 1, "ambient"), ("wave", 2, "unrolled"), ("circle", 5, "unrolled"),
])
def test_auto_prefers_the_whole_space(manifold, ell, kind):
    assert kind_of(World(manifold=manifold, codimension=ell), View()) == kind


def test_a_flat_world_without_normal_directions_has_no_chart(train):
    recording = train(codimension=0)
    assert normal_chart(recording, View()) is None
    win = window(recording, View())
    assert (win.kind, win.dim, win.half_height, win.note) == ("ambient", 2, 0.0, "")
    assert np.allclose(win.low, -MARGIN) and np.allclose(win.high, 1 + MARGIN)


def test_ambient_windows_hold_the_manifold_and_room_around_it(train):
    recording = train(manifold="circle", codimension=2, **CURVE)
    win = window(recording, View())
    assert win.kind == "ambient" and np.allclose(win.to_ambient(np.eye(3, dtype=np.float32)), np.eye(3))
    assert np.allclose(np.array(win.high)[:2], 0.5 + win.half_height, atol=1e-2)
    assert np.isclose(win.high[2], win.half_height) and np.isclose(win.low[2], -win.half_height)
    wider = window(recording, View(half_height=0.4))
    assert wider.half_height == 0.4 and np.isclose(wider.high[2], 0.4)


# ---- direction


def test_the_direction_is_the_mean_off_manifold_gradient(train):
    recording = train()
    world = recording.world
    chart = normal_chart(recording, View(reference_step=7))
    grads = gradient(logit(world), recording.params(7), jnp.asarray(recording.data.x))
    mean = np.asarray(split(world, jnp.asarray(recording.data.u), grads)[1]).mean(0)
    v = np.asarray(chart.basis)[-1]
    assert np.allclose(v, mean / np.linalg.norm(mean), atol=1e-5) and np.allclose(v[:2], 0)
    assert "step 7" in chart.note and "step 20" in normal_chart(recording, View()).note
    assert not np.allclose(v, normal_chart(recording, View()).basis[-1], atol=1e-4)


@pytest.mark.parametrize("name", ["slice-3", "own-3"])
def test_a_random_direction_is_normal_fixed_and_seeded(name):
    recording = CACHE[name]
    view = View(direction="random")
    one, two = normal_chart(recording, view), normal_chart(recording, view.replace(reference_step=3))
    z = np.random.default_rng(0).uniform(0, 1, (9, 3)).astype(np.float32)
    assert np.array_equal(one.to_ambient(z), two.to_ambient(z)) and "random" in one.note
    twin = SimpleNamespace(world=recording.world, data=recording.data, knobs=with_seed(recording.knobs, 7), net=None,
                           last_step=recording.last_step)
    assert not np.allclose(one.to_ambient(z), normal_chart(twin, view).to_ambient(z), atol=1e-3)
    assert not np.allclose(one.to_ambient(z), normal_chart(recording, View()).to_ambient(z), atol=1e-3)


def test_hypersurfaces_are_unrolled_along_their_geometric_normal():
    recording = CACHE["normal-3"]
    win = window(recording, View(window="unrolled"))
    u = np.random.default_rng(0).uniform((0, -1.3), (1, 1.3), (20, 2)).astype(np.float32)
    x = np.asarray(win.to_ambient(np.column_stack([u, np.full(20, 0.1, np.float32)])))
    radius = np.linalg.norm(x, axis=1)
    assert np.allclose(radius, 0.6, atol=1e-5) or np.allclose(radius, 0.4, atol=1e-5)


def test_a_flat_world_is_unrolled_along_the_nets_own_gradient_at_each_place():
    recording = CACHE["own-flat"]
    win = window(recording, View(window="unrolled"))
    u = parameter_grid(recording.world, charts.GRID)[::7]
    foot = np.column_stack([u, np.full((len(u), 3), -0.2, np.float32) * [1, 0, 0]]).astype(np.float32)
    v = (np.asarray(win.to_ambient(np.column_stack([u, np.full(len(u), 0.5, np.float32)]))) - foot) / 0.5
    own = np.array(windows.gradient(recording.logit, recording.params(recording.last_step), jnp.asarray(foot)))
    own[:, :2] = 0  # along the plane
    assert np.allclose(v, own / np.linalg.norm(own, axis=1, keepdims=True), atol=1e-4)
    assert np.ptp(v, axis=0).max() > 0.01  # it turns, where the slice's does not
    # at random it is one direction, as in the slice
    z = np.random.default_rng(0).uniform(0, 0.5, (9, 3)).astype(np.float32)
    bent, slice_ = (window(recording, View(window=kind, direction="random")) for kind in ("unrolled", "slice"))
    assert np.allclose(bent.to_ambient(z), slice_.to_ambient(z), atol=1e-5)


@pytest.mark.parametrize("step", [21, 100_000])
def test_reference_steps_beyond_the_run_are_refused(step, train):
    with pytest.raises(FieldError, match=r"reference_step must be between -1 and 20, got"):
        window(train(), View(reference_step=step))


# ---- height


@pytest.mark.parametrize("manifold", MANIFOLDS)
def test_the_measuring_height_is_that_of_the_manifold_alone(manifold):
    for ell in (2, 50):
        world = World(manifold=manifold, codimension=ell)
        assert measuring_height(world) == safe_height(MANIFOLDS[manifold])
        assert measuring_height(world) <= phase_height(world) <= 2 * measuring_height(world)


def test_heights_beyond_the_reach_are_refused():
    recording = CACHE["own-3"]
    most = measuring_height(recording.world)
    with pytest.raises(FieldError) as caught:
        window(recording, View(half_height=most * 1.01))
    assert caught.value.field == "half_height" and "reach" in caught.value.allowed
    assert window(recording, View(half_height=most * 0.99)).half_height == most * 0.99
    assert window(CACHE["slice-3"], View(half_height=2.0)).half_height == 2.0  # a plane has no reach to exceed


def test_the_picture_is_three_times_as_high_as_most_of_the_boundary(train, monkeypatch):
    run = train()
    for scale in (0.02, 0.001, 9.0):
        h = scale * np.random.default_rng(0).normal(size=209)
        monkeypatch.setattr(windows, "heights", lambda *_, h=h: SimpleNamespace(nearest=h))
        want = np.clip(3 * np.quantile(np.abs(h), 0.8), 0.02, measuring_height(run.world))
        assert np.isclose(follow(run, normal_chart(run, View())), want)


def test_the_picture_follows_the_dimples(hero):
    chart, win = normal_chart(hero, View()), window(hero, View())
    assert chart.half_height == measuring_height(hero.world) == 0.5
    assert 0.02 <= win.half_height < 0.5  # the dimples of the hero world are shallow
    assert normal_chart(hero, View(half_height=0.1)).half_height == 0.5  # what is measured does not follow the picture


def test_a_window_without_boundary_shows_the_whole_measuring_height():
    recording = CACHE["slice-3"]
    win = normal_chart(recording, View())
    params = jax.tree.map(jnp.zeros_like, recording.params(20))
    params["layer1"]["bias"] = jnp.ones(1)
    still = type("Still", (), {"world": recording.world, "data": recording.data, "last_step": 20,
                               "params": lambda self, step: params})()
    assert follow(still, win) == measuring_height(recording.world)


def test_parameter_grids_cover_the_box():
    world = tiny(manifold="sphere")[0]
    grid = parameter_grid(world, 5)
    assert grid.shape == (25, 2) and grid.dtype == np.float32
    assert grid.min(0).tolist() == [0, np.float32(-1.3)] and grid.max(0).tolist() == [1, np.float32(1.3)]
    line = parameter_grid(tiny(manifold="line", sampling="five-point")[0], 3)
    assert np.allclose(line[:, 0], [0, 0.55, 1.1])


def test_nothing_is_traced_again_for_another_step_seed_or_direction(train):
    z = np.zeros((16, 3), np.float32)

    def use(recording, view):
        win = window(recording, view)
        win.field(recording.params(recording.last_step))(z)
        return win.to_ambient(z)

    def sizes():
        return charts.through._cache_size(), charts.fold._cache_size(), charts.to_ambient._cache_size()

    use(train(), View())
    before = sizes()
    use(train(seed=5), View(reference_step=3, half_height=0.1))
    use(train(steps=30), View(direction="random"))
    assert before == sizes()


def test_what_draws_an_affine_window_is_compiled_once_for_every_codimension(train):
    def use(recording):
        win, params = window(recording, View()), recording.params(recording.last_step)
        mesh = boundary.extract(win.field(params), win.low, win.high, 24)
        assert len(mesh.vertices)
        attacks.within_window(win, params, mesh, win.display(recording.data.u, recording.data.x))
        heights(normal_chart(recording, View()), params, recording.data.u)

    def sizes():
        return [f._cache_size() for f in (charts.through, sqp.polish, sqp.chords, attacks._nearest, _scan)]

    use(train(codimension=4))
    before = sizes()
    use(train(codimension=900))
    use(train(codimension=1))  # the whole space
    assert before == sizes()
