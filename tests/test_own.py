"""Points that a person places, and nets that come from elsewhere."""

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import tiny
from hypothesis import given
from hypothesis import strategies as st

import toy
from toy import FieldError, Knobs, View, World, attacks, boundary, measures, own, report, simulate, windows
from toy.link import Setup, build, parse, query
from toy.manifolds import MANIFOLDS, point

POINTS = "0.1_0.2_a~0.8_0.3_b~0.5_0.9_a~0.2_0.7_b"


def test_placed_points_are_the_training_data():
    world, knobs = tiny(sampling="own", points=POINTS)
    run = simulate(world, knobs)
    assert world.point_count == 4 and run.data.y.tolist() == [1, -1, 1, -1]
    assert np.allclose(run.data.u, [[0.1, 0.2], [0.8, 0.3], [0.5, 0.9], [0.2, 0.7]])
    assert np.allclose(run.data.x[:, :2], run.data.u) and run.loss[-1] < run.loss[0]
    setup = build("dimpled-sheet", {"sampling": "own", "points": POINTS})
    assert parse(query(setup)) == setup and "%" not in query(setup)


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 999), st.booleans()), min_size=2, max_size=30,
                unique_by=lambda p: p[:2]))
def test_text_and_points_lose_nothing(rows):
    u, y = np.array([r[:2] for r in rows]) / 999, np.array([1.0 if r[2] else -1.0 for r in rows])
    back, signs = own.parse(own.text(u, y), MANIFOLDS["plane"])
    assert np.abs(back - u).max() < 5e-4 and np.array_equal(signs, y)


@pytest.mark.parametrize("points", [
    "", "0.1_0.2_a", "0.1_a~0.2_b", "0.1_0.2_c~0.3_0.4_b", "x_0.2_a~0.3_0.4_b", "0.1_1.2_a~0.3_0.4_b", "~", "0.1_0.2",
    "nan_0.2_a~0.3_0.4_b", "0.1_0.2_a~0.1_0.2_b", "~".join(f"0.{i:03}_0.5_a" for i in range(200)), "1e400_0_a~0_0_b",
])
def test_points_that_cannot_be_are_named(points):
    with pytest.raises(FieldError) as caught:
        build("dimpled-sheet", {"sampling": "own", "points": points})
    assert caught.value.field == "points"


@pytest.mark.parametrize("name, points", [
    ("circle", "0_a~0.3_b~1_b"), ("torus", "0.2_0_a~0.5_0.5_a~0.2_1_b"), ("torus", "1_0.3_a~0_0.3_a")])
def test_the_ends_of_a_period_are_one_place(name, points):
    manifold = MANIFOLDS[name]
    low, high = np.array(manifold.domain).T
    ends = "~".join("_".join([*(f"{v:.4g}" for v in low + np.array(row[:-1], float) * (high - low)), row[-1]])
                    for row in (point.split("_") for point in points.split("~")))
    with pytest.raises(FieldError, match="in different places"):
        own.parse(ends, manifold)


def test_files_hold_parameters_or_coordinates():
    plane = MANIFOLDS["plane"]
    assert own.read_csv("u1,u2,label\n# a remark\n\n0.1,0.2,a\n0.8,0.3,-1\n", plane, 5, 0.0) == "0.1_0.2_a~0.8_0.3_b"
    assert own.read_csv("0.1,0.2,0.5,0,0,1\n0.8,0.3,0.5,0,0,0", plane, 5, 0.5) == "0.1_0.2_a~0.8_0.3_b"


@pytest.mark.parametrize("name", [name for name, manifold in MANIFOLDS.items() if not manifold.flat])
def test_coordinates_on_a_curved_manifold_find_their_parameters(name):
    manifold = MANIFOLDS[name]
    low, high = np.array(manifold.domain).T
    u = low + np.random.default_rng(1).uniform(0.1, 0.9, (4, manifold.k)) * (high - low)
    x = np.asarray(point(manifold, manifold.e + 1, 0.2, jnp.asarray(u, jnp.float32)))
    lines = "\n".join(",".join(map(str, [*row, sign])) for row, sign in zip(x.tolist(), "abab"))
    found, _ = own.parse(own.read_csv(lines, manifold, manifold.e + 1, 0.2), manifold)
    again = np.asarray(point(manifold, manifold.e + 1, 0.2, jnp.asarray(found)))
    assert np.abs(again - x).max() < 2e-3 * manifold.extent


@pytest.mark.parametrize("content, says", [
    ("0.1,0.2\n0.3,0.4", "line 1"), ("u1,u2,label\n0.1,0.2,a\n0.3,x,b", "line 3"), ("0.1,0.2,q\n0.3,0.4,b", "line 1"),
    ("0.1,0.2,0.3,0,0,a\n0.1,0.2,0,0,0,b", "line 1"), ("", "points must be"), ("\x00", "must be"),
    ("nan,0,a\n0,0,b", "line 1"), ("1e999,0,a\n0,0,b", "line 1"), ('"' + "x" * 140_000, "file must be"),
    ("0.1,0.2,0,0,0,a\n" * 151, "2 to 150 points, got 151"),
])
def test_files_that_cannot_be_read_say_the_line(content, says):
    with pytest.raises(FieldError, match=says):
        own.read_csv(content, MANIFOLDS["plane"], 5, 0.0)


def test_lines_may_end_as_on_any_system():
    for end in ("\n", "\r\n", "\r"):
        assert own.read_csv(end.join(["0.1,0.2,a", "0.3,0.4,b", ""]), MANIFOLDS["plane"], 5, 0.0)


def circle(params, x):
    """f = r - |x - c| on R^3: its boundary is a sphere."""
    return params["r"] - jnp.linalg.norm(x - params["c"], axis=1)


@pytest.fixture
def foreign():
    steps = [{"r": jnp.float32(r), "c": jnp.array([0.5, 0.5, 0.0])} for r in (0.2, 0.3, 0.4)]
    return toy.record(circle, steps, World(codimension=1, points_per_side=5), Knobs())


def test_a_net_from_elsewhere_is_looked_at_like_our_own(foreign):
    assert foreign.last_step == 2 and len(foreign.loss) == 3
    away = np.linalg.norm(foreign.data.x - [0.5, 0.5, 0], axis=1)
    assert foreign.accuracy[1] == np.float32(((0.3 - away) * foreign.data.y > 0).mean())
    window = windows.window(foreign, View(half_height=0.45))
    mesh = boundary.extract(window.field(foreign.params(2)), window.low, window.high, 32)
    assert np.abs(np.linalg.norm(mesh.vertices - [0.5, 0.5, 0], axis=1) - 0.4).max() < 1e-3
    found = attacks.minimal("free", foreign, 1)
    assert np.allclose(found.distance, np.abs(0.3 - away), rtol=0.01, atol=1e-4)
    table = measures.measure(foreign, windows.normal_chart(foreign, View()), 2)
    assert 0 < table["gap"] < 1
    numbers = report.summary(Setup("dimpled-sheet", foreign.world, foreign.knobs, View()), foreign, 0.0)
    assert numbers["steps"] == 2 and numbers["distance_free_median"] > 0


def test_a_slice_of_a_net_from_elsewhere_is_its_own():
    def bowl(params, x):
        return (params - jnp.sum(x[:, 2:] ** 2, 1) + 0.1 * x[:, 0])[:, None]

    run = toy.record(bowl, [jnp.float32(0.01)], World(codimension=5, points_per_side=3))
    window = windows.window(run, View(direction="random", half_height=0.5))
    mesh = boundary.extract(window.field(run.params(0)), window.low, window.high, 32)
    assert np.abs(mesh.vertices[:, 2] ** 2 - 0.1 * mesh.vertices[:, 0] - 0.01).max() < 1e-4


@pytest.mark.parametrize("apply_fn, params, field", [
    (circle, [], "params_by_step"), (lambda p, x: x, [0.0], "apply_fn"), (lambda p, x: p["no"], [{}], "apply_fn"),
    (circle, None, "params_by_step"), (circle, (p for p in [0.0]), "params_by_step"),
    (circle, {0: 0.0}, "params_by_step"),
    (lambda p, x: p * x[:, 0], [0.0, np.nan], "params_by_step"),
    (lambda p, x: p * x[:, 0], [0.0, np.zeros(2)], "params_by_step"),
    (lambda p, x: p * x[:, 0], range(100_002), "params_by_step"),
    (lambda p, x: jnp.zeros(3), [0.0], "apply_fn"), (lambda p, x: jnp.zeros(len(x), int), [0.0], "apply_fn"),
])
def test_functions_that_are_no_net_are_named(apply_fn, params, field):
    with pytest.raises(FieldError) as caught:
        toy.record(apply_fn, params, World())
    assert caught.value.field == field


@pytest.mark.parametrize("given, field", [((None, None), "world"), ((World(), "x"), "knobs")])
def test_a_world_that_is_none_is_named(given, field):
    with pytest.raises(FieldError) as caught:
        toy.record(circle, [0.0], *given)
    assert caught.value.field == field


def test_a_net_from_elsewhere_is_neither_saved_nor_branched(foreign, tmp_path):
    with pytest.raises(FieldError, match="trained here"):
        foreign.save(tmp_path / "run.npz")
    with pytest.raises(FieldError, match="trained here"):
        simulate(foreign.world.replace(start="branch"), foreign.knobs, parent=foreign)


def test_a_net_from_elsewhere_is_shown_in_the_page(foreign):
    import json

    from fastapi.testclient import TestClient

    from app.show import application
    from toy.exhibits import EXHIBITS

    try:
        with TestClient(application(foreign, "my-ball")) as client:
            heard = [json.loads(line) for line in client.get("/api/run?exhibit=my-ball&v=2").text.splitlines()]
            ready = next(event for event in heard if event["event"] == "ready")
            assert ready["last_step"] == 2 and heard[-1]["event"] == "done"
            assert np.allclose(ready["series"]["accuracy"], foreign.accuracy, atol=1e-3)
            assert client.get("/api/frame?exhibit=my-ball&v=2&step=1").json()["meta"]["step"] == 1
        with pytest.raises(FieldError, match="a new name"):
            application(foreign, "wall")
    finally:
        EXHIBITS.pop("my-ball", None)
