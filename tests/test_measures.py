"""Measures against nets whose boundary is known, and statistics against their own claims."""

import math
from itertools import permutations
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import tiny

from toy import FieldError, Knobs, View, World, attacks, measures, nets, report
from toy.labels import Data
from toy.link import Setup
from toy.measures import (
    MEASURES,
    dimple_amplitude,
    distances,
    measure,
    permutation_level,
    random_sheets,
    rho_null,
    robust_sheet,
    roughness,
)
from toy.phases import phases
from toy.windows import normal_chart, split

SIDE = 9  # nodes of the manifold grid in these tests


class Still:
    """A recording of one step with a net made by hand."""

    loss = accuracy = np.zeros(1, np.float32)
    last_step, net = 0, None

    def __init__(self, world, knobs, data, params):
        self.world, self.knobs, self.data = world, knobs, data
        self._params, self.logit = params, nets.logit(world)

    def params(self, step):
        return self._params

    def check_step(self, step):
        return step


@pytest.fixture
def linear(train):
    """linear(w, b, **fields) -> recording of f = w . x + b on the data of a tiny world."""

    def make(w, b, **values):
        base = train(**values)
        w = np.asarray(w, np.float32)
        rows = np.zeros((base.world.width, base.world.n), np.float32)
        rows[0] = w
        bias, out = np.zeros(len(rows), np.float32), np.zeros((len(rows), 1), np.float32)
        bias[0], out[0] = b + 8, 1  # so that the ReLU bends far from the boundary, where its gradient would be 0
        params = {"layer0": {"kernel": jnp.asarray(rows.T), "bias": jnp.asarray(bias)},
                  "layer1": {"kernel": jnp.asarray(out), "bias": jnp.full(1, -8.0)}}
        return Still(base.world, base.knobs, base.data, params)

    return make


# ---- one step


def test_a_tilted_plane_is_a_sheet_without_dimples(linear):
    w = np.array([0.1, -0.2, 0, 0, 2.0])
    recording = linear(w, 0.06)
    chart = normal_chart(recording, View(reference_step=0))
    sign = float(np.asarray(chart.basis)[-1, -1])
    assert abs(sign) == 1.0  # the mean off-manifold gradient
    got = measure(recording, chart, 0, SIDE)
    axis = np.linspace(0, 1, SIDE)
    h = -(0.1 * axis[:, None] - 0.2 * axis + 0.06) / 2
    assert math.isclose(got["gap"], np.abs(h).mean(), rel_tol=1e-3)
    assert math.isclose(got["sheet_offset"], math.sqrt((h**2).mean()), rel_tol=1e-3)
    assert (got["single_sheet_share"], got["missing_share"], got["side"]) == (1.0, 0.0, -1.0)
    assert abs(got["dimple_amplitude"]) < 1e-4 and abs(got["dimple_null_95"]) < 1e-4
    own = (recording.data.x @ w + 0.06) * recording.data.y
    assert math.isclose(got["depth_median"], np.median(own / 2), abs_tol=1e-4)
    assert math.isclose(got["vertical_gradient"], 2, rel_tol=1e-5)
    assert math.isclose(got["lateral_gradient"], math.hypot(0.1, 0.2), rel_tol=1e-5)
    assert math.isclose(got["gradient_normal_share"], 4 / 4.05, rel_tol=1e-5)
    assert math.isclose(got["rho"], (4 / 3) / (0.05 / 2), rel_tol=1e-4)


def test_a_boundary_out_of_reach_is_missing_everywhere(linear):
    recording = linear([0, 0, 0, 0, 1.0], 5.0)
    got = measure(recording, normal_chart(recording, View(reference_step=0)), 0, SIDE)
    assert (got["gap"], got["sheet_offset"], got["missing_share"], got["single_sheet_share"]) == (0.5, 0.5, 1.0, 0.0)
    assert not {"dimple_amplitude", "dimple_null_95", "depth_median", "side"} & set(got)


def test_a_wall_is_missing_beside_it(linear):
    """f = u1 + t / 2 - .52 within .5: met from u1 = .27 to .77."""
    recording = linear([1.0, 0, 0, 0, 0.5], -0.52)
    got = measure(recording, normal_chart(recording, View(reference_step=0)), 0, SIDE)
    axis = np.linspace(0, 1, SIDE)
    h = np.abs(axis - 0.52) * 2
    assert math.isclose(got["missing_share"], (h > 0.5).mean(), abs_tol=1e-9)
    assert math.isclose(got["gap"], np.minimum(h, 0.5).mean(), rel_tol=1e-3)
    assert math.isclose(got["sheet_offset"], math.sqrt((np.minimum(h, 0.5) ** 2).mean()), rel_tol=1e-2)


def test_the_null_of_the_sheet_shares_is_a_random_normal_direction(linear, train):
    """f = u1 + t w.v - .52: met where |u1 - .52| <= .5 |w.v|, once."""
    w = np.array([1.0, 0, 0.3, -0.2, 0.5])
    recording = linear(w, -0.52)
    chart = normal_chart(recording, View(direction="random"))
    met = np.abs(np.linspace(0, 1, SIDE) - 0.52) <= 0.5 * abs(np.asarray(chart.basis)[-1] @ w)
    got = random_sheets(recording, 0, SIDE)
    assert 0 < met.mean() < 1
    assert got["random_single_sheet_share"] == pytest.approx(met.mean())
    assert got["random_missing_share"] == pytest.approx(1 - met.mean())
    for fields in ({"codimension": 1}, {"codimension": 0}, {"manifold": "sphere", "codimension": 1}):
        assert random_sheets(train(**fields), 0) == {}
    assert {*random_sheets(train(manifold="sphere"), 3)} == {*got}
    assert all(MEASURES[name].null in MEASURES for name in ("single_sheet_share", "missing_share"))


@pytest.mark.parametrize("height, near, far", [(0.2, 0.2, 0.2), (0.7, 0.5, 0.7), (1.3, 0.5, 1.0)])
def test_the_phases_look_twice_as_far_as_the_other_measures(linear, height, near, far):
    recording = linear([0, 0, 0, 0, 1.0], height)
    got = measure(recording, normal_chart(recording, View(reference_step=0)), 0, SIDE)
    assert math.isclose(got["sheet_offset"], near, rel_tol=1e-4)
    assert math.isclose(got["far_sheet_offset"], far, rel_tol=1e-4)
    assert got["missing_share"] == (height > 0.5) and ("dimple_amplitude" in got) == (height < 0.5)
    assert ("far_dimple_amplitude" in got) == (height < 1)


def test_a_constant_net_has_no_direction_and_no_boundary(linear):
    recording = linear([0.0] * 5, 1.0)
    got = measure(recording, normal_chart(recording, View(reference_step=0)), 0, SIDE)
    assert got["missing_share"] == 1 and got["vertical_gradient"] == 0 and "rho" not in got
    assert math.isnan(got["gradient_normal_share"])


def test_points_of_one_class_have_no_amplitude(linear):
    recording = linear([0.1, 0, 0, 0, 2.0], 0.0)
    recording.data = Data(recording.data.u, recording.data.x, np.ones_like(recording.data.y))
    got = measure(recording, normal_chart(recording, View(reference_step=0)), 0, SIDE)
    assert math.isnan(got["dimple_amplitude"]) and math.isnan(got["dimple_null_95"]) and got["gap"] > 0


def test_without_normal_directions_only_the_net_is_measured(train):
    recording = train(codimension=0)
    got = measure(recording, normal_chart(recording, View()), 20)
    assert set(got) == {"loss", "accuracy", "vertical_gradient", "lateral_gradient", "gradient_normal_share"}
    assert got["vertical_gradient"] == pytest.approx(0, abs=1e-5) and got["lateral_gradient"] > 0
    assert not {"distance_off_median", "sheet_offset"} & set(distances(recording, 20))


@pytest.mark.parametrize(
    "values", [{}, {"manifold": "torus", "codimension": 1},
               {"manifold": "line", "codimension": 4, "points_per_side": 9},
               {"manifold": "helix", "codimension": 4, "points_per_side": 9}], ids=str)
def test_every_measure_is_finite_known_and_repeatable(values, train):
    recording = train(**values)
    chart = normal_chart(recording, View())
    got = measure(recording, chart, 20)
    assert set(got) <= set(MEASURES)
    np.testing.assert_equal(got, measure(recording, chart, 20))
    assert got["loss"] == recording.loss[20] and got["accuracy"] == recording.accuracy[20]
    for share in ("single_sheet_share", "missing_share", "gradient_normal_share", "accuracy"):
        assert 0 <= got[share] <= 1
    assert 0 <= got["gap"] <= chart.high[-1] + 1e-6 and got["sheet_offset"] >= 0
    assert all(math.isfinite(value) for name, value in got.items() if not name.endswith("null_95"))  # of few points


def test_dimples_of_few_points_have_no_level_to_rise_above():
    """Two of five points can be chosen in ten ways: the right one alone is a tenth of all shuffles."""
    r, y = np.arange(6.0), np.array([-1, 1, -1, 1, -1, 1.0])  # twenty ways: the right one is just five in a hundred
    assert math.isfinite(permutation_level(r, y, 2)) and math.isnan(permutation_level(r[:5], y[:5], 2))
    perfect = [dimple_amplitude(y, y, 1.0) > permutation_level(y, y, 1.0, seed=seed) for seed in range(8)]
    assert all(perfect)  # one way in twenty, whatever the seed


def test_steps_outside_the_run_are_refused(train):
    recording = train()
    with pytest.raises(FieldError, match="step"):
        measure(recording, normal_chart(recording, View()), 21)


def test_roughness_is_the_slope_of_a_plane_and_grows_with_a_jump(linear):
    recording = linear([0.3, -0.1, 0, 0, 2.0], 0.1)
    got = measure(recording, normal_chart(recording, View()), 0, SIDE)
    assert got["roughness"] == pytest.approx(math.hypot(0.3, 0.1) / 2, rel=1e-2)
    x = np.linspace(0, 2, 9)[:, None]
    wave, missing = np.sin(x[:, 0]), np.where(np.arange(9) == 4, np.nan, 0.5 * x[:, 0])
    assert roughness(x, wave, 1) == pytest.approx(math.sqrt(np.mean((np.diff(wave) / 0.25) ** 2)))
    assert roughness(x, missing, 1) == pytest.approx(0.5)
    assert roughness(x, np.where(x[:, 0] > 1, 0.3, 0.0), 1) == pytest.approx(0.3 / 0.25 / math.sqrt(8))
    assert math.isnan(roughness(x, np.full(9, np.nan), 1))


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_documents_itself(name):
    entry = MEASURES[name]
    assert entry.help[0].isupper() and entry.help.endswith(".") and isinstance(entry.unit, str)
    if entry.chance:
        assert 0 < entry.chance(World()) <= 1
    elif name.endswith("share") and not name.startswith("random"):
        assert entry.null in MEASURES, "a share without its chance level"


def test_chance_levels_are_those_of_random_directions(train, rng):
    recording = train(manifold="torus")
    world = recording.world
    u = np.repeat(recording.data.u, 400, axis=0)
    lateral, normal = split(world, jnp.asarray(u), jnp.asarray(rng.normal(size=(len(u), world.n)), jnp.float32))
    energy = np.sum(np.asarray(normal) ** 2, 1), np.sum(np.asarray(lateral) ** 2, 1)
    share = (energy[0] / (energy[0] + energy[1])).mean()
    for name in ("gradient_normal_share", "perturbation_normal_share"):
        assert abs(share - MEASURES[name].chance(world)) < 0.01
    rho = (energy[0].reshape(9, 400).sum(0) / 3) / (energy[1].reshape(9, 400).sum(0) / 2)
    low, high = rho_null(world)
    assert low < MEASURES["rho"].chance(world) < high
    assert abs(np.mean((rho > low) & (rho < high)) - 0.95) < 0.05


def test_the_null_of_rho_narrows_with_the_number_of_points_and_needs_no_memory():
    few, many = (rho_null(World(points_per_side=side, codimension=1000)) for side in (2, 32))
    assert few[0] < many[0] < 1 < many[1] < few[1]
    assert all(math.isnan(value) for value in rho_null(World(codimension=0)))


# ---- the sheet


def plane_points(rng, count=300):
    points = rng.uniform(size=(count, 2))
    return points, 0.1 + points @ np.array([0.2, -0.3])


def test_the_sheet_of_a_plane_is_the_plane(rng):
    points, h = plane_points(rng)
    assert np.allclose(robust_sheet(points, h)(points), h, atol=1e-9)
    assert np.allclose(robust_sheet(points[:3], h[:3])(points), h, atol=1e-6)  # as few as it can be


def test_small_noise_averages_out(rng):
    points, h = plane_points(rng)
    fitted = robust_sheet(points, h + rng.normal(size=len(h)) * 0.01)(points)
    assert np.abs(fitted - h).max() < 0.005


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_another_sheet_far_away_weighs_little(share, rng):
    points, h = plane_points(rng)
    wrong = h + rng.normal(size=len(h)) * 0.005
    wrong[rng.uniform(size=len(h)) < share] = 0.9
    plain = np.column_stack([np.ones(len(h)), points])
    square = plain @ np.linalg.lstsq(plain, wrong, rcond=None)[0]
    robust = robust_sheet(points, wrong)(points)
    assert np.abs(robust - h).max() < 0.03 and np.abs(robust - h).max() < 0.2 * np.abs(square - h).max()


def test_dimples_do_not_move_the_sheet():
    points = np.stack(np.meshgrid(*[np.linspace(0, 1, 25)] * 2), -1).reshape(-1, 2)
    h = 0.1 + points @ np.array([0.2, -0.3])
    bumps = 0.03 * np.cos(4 * np.pi * points[:, 0]) * np.cos(4 * np.pi * points[:, 1])
    assert np.abs(robust_sheet(points, h + bumps)(points) - h).max() < 0.003


def test_the_sheet_works_in_the_space_of_the_manifold():
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    circle = 0.5 * np.column_stack([np.cos(angle), np.sin(angle)])
    assert np.allclose(robust_sheet(circle, 0.2 * circle[:, 0] - 0.1)(circle), 0.2 * circle[:, 0] - 0.1, atol=1e-8)


# ---- amplitude and its null


def test_amplitude_is_half_the_difference_of_the_means():
    r, y = np.array([0.1, 0.3, -0.2, -0.4]), np.array([1.0, 1, -1, -1])
    assert math.isclose(dimple_amplitude(r, y, 1.0), 0.25)
    assert math.isclose(dimple_amplitude(r, y, -1.0), -0.25) and math.isclose(dimple_amplitude(r, -y, -1.0), 0.25)
    assert math.isclose(dimple_amplitude(r + 7, y, 1.0), 0.25)  # the height of the sheet is not in it
    assert math.isnan(dimple_amplitude(r, np.ones(4), 1.0)) and math.isnan(permutation_level(r, np.ones(4), 1.0))


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("plus, heavy", [(12, False), (6, True)], ids=["balanced", "unbalanced and skewed"])
def test_shuffled_labels_exceed_their_level_one_time_in_twenty(side, plus, heavy, rng, monkeypatch):
    monkeypatch.setattr(measures, "PERMUTATIONS", 399)
    y, exceeded, runs = np.where(np.arange(25) < plus, 1.0, -1.0), 0, 600
    for _ in range(runs):
        r = rng.exponential(size=25) ** 2 if heavy else rng.normal(size=25)
        shuffled = rng.permutation(y)
        exceeded += dimple_amplitude(r, shuffled, side) > permutation_level(r, shuffled, side)
    assert abs(exceeded / runs - 0.05) < 4 * math.sqrt(0.05 * 0.95 / runs)


def test_few_labellings_are_all_looked_at(rng):
    y, r = np.where(np.arange(7) < 3, 1.0, -1.0), rng.normal(size=7)
    shuffled = [dimple_amplitude(r, np.array(labels), 1.0) for labels in set(permutations(y))]
    assert len(shuffled) == 35
    for seed in (0, 1):
        assert math.isclose(permutation_level(r, y, 1.0, seed=seed), np.quantile(shuffled, 0.95), rel_tol=1e-6)


def test_real_dimples_exceed_the_level(rng):
    y = np.where(np.arange(25) % 2, 1.0, -1.0)
    r = 0.02 * y + rng.normal(size=25) * 0.02
    assert dimple_amplitude(r, y, 1.0) > permutation_level(r, y, 1.0) > 0
    assert dimple_amplitude(r, y, -1.0) < 0 < permutation_level(r, y, -1.0)


# ---- distances


def test_medians_of_the_minimal_perturbations_of_a_plane(linear):
    w = np.array([0.6, -0.3, 0.8, -1.0, 2.0])
    recording = linear(w, -0.2)
    f = np.abs(recording.data.x @ w - 0.2)
    got = distances(recording, 0)
    assert math.isclose(got["distance_free_median"], np.median(f) / np.linalg.norm(w), rel_tol=1e-3)
    assert math.isclose(got["distance_off_median"], np.median(f) / np.linalg.norm(w[2:]), rel_tol=1e-3)
    assert math.isclose(got["perturbation_normal_share"], (w[2:] ** 2).sum() / (w**2).sum(), rel_tol=1e-3)
    assert got["distance_on_median"] >= np.median(f) / np.linalg.norm(w[:2]) * 0.999  # the square has edges
    assert got["distance_geodesic_median"] >= got["distance_on_median"] - 1e-6
    assert set(got) <= set(MEASURES)


def test_the_parts_of_the_shortest_arrow_tell_the_ways_on_and_off_only_where_the_boundary_is_flat(linear, train):
    flat = linear([1.0, 0.1, 0.5, 0, 1.0], -0.31)
    assert distances(flat, 0)["first_order_error"] < 0.01  # the square ends, so some ways on it are a little longer
    bent = train(steps=60)
    free, on, off = (attacks.minimal(kind, bent, 60) for kind in ("free", "on", "off"))
    wrong = np.maximum(np.abs(on.distance * free.tangent_share**0.5 / free.distance - 1),
                       np.abs(off.distance * free.normal_share**0.5 / free.distance - 1))
    assert math.isclose(distances(bent, 60)["first_order_error"], np.median(wrong), rel_tol=1e-5)
    assert np.median(wrong) > 0.02


def test_others_may_go_before_each_kind_of_distance(linear):
    waited = []
    assert distances(linear([0.6, -0.3, 0.8, -1.0, 2.0], -0.2), 0, lambda: waited.append(1))
    assert len(waited) == 3


def test_no_boundary_is_an_infinite_distance(linear):
    got = distances(linear([0.0] * 5, 1.0), 0)
    assert math.isnan(got["first_order_error"])
    for kind in ("free", "on", "off", "geodesic"):
        assert got[f"distance_{kind}_median"] == math.inf
    assert math.isnan(got["perturbation_normal_share"])


# ---- the whole run of the hero world


@pytest.fixture(scope="module")
def hero_table(hero):
    return report.table(hero, normal_chart(hero, View()))


def test_a_table_has_a_row_for_each_measured_step(hero, hero_table):
    assert hero_table["steps"] == hero.measured_steps
    assert set(hero_table) - {"steps"} <= set(MEASURES)
    assert all(len(column) == len(hero_table["steps"]) for column in hero_table.values())
    assert hero_table["loss"] == [float(hero.loss[step]) for step in hero.measured_steps]


def test_the_hero_world_clings_and_then_dimples(hero, hero_table):
    found = phases(hero_table["steps"], hero_table, hero.accuracy, hero.margin)
    assert found.two_phases and found.t_cling < found.t_dimple and found.accuracy_at_t_cling < 0.9
    end = {name: column[-1] for name, column in hero_table.items()}
    assert end["accuracy"] == 1 and end["single_sheet_share"] > 0.9 and end["depth_median"] > 0
    assert end["dimple_amplitude"] > 2 * end["dimple_null_95"] > 0
    assert end["gap"] < hero_table["gap"][0] / 3


def test_a_summary_says_the_start_the_end_and_the_chance_of_what_its_names_say(train, monkeypatch):
    recording, names = train(), list(MEASURES)
    columns = {"steps": [0, 20], **{name: [float(i), i + 0.5] for i, name in enumerate(names, 1)}}
    monkeypatch.setattr(report, "table", lambda *_: columns)
    got = report.summary(Setup("dimpled-sheet", recording.world, recording.knobs, View()), recording, 0.0)
    for name, where in (("sheet_offset_start", 0), ("sheet_offset_end", 1), ("gap_start", 0), ("gap_end", 1),
                        ("dimple_amplitude_end", 1)):
        assert got[name] == columns[name.rpartition("_")[0]][where], name
    for name in ("dimple_null_95", "depth_median", "single_sheet_share", "missing_share", "gradient_normal_share"):
        assert got[name] == columns[name][1], name
    null = random_sheets(recording, 20)
    assert got["single_sheet_share_chance"] == null["random_single_sheet_share"]
    assert got["missing_share_chance"] == null["random_missing_share"]


def test_gradients_are_means_over_the_points(train):
    run = train(steps=60)
    found, x = measure(run, None, 60), jnp.asarray(run.data.x)
    slope = np.asarray(jax.vmap(jax.grad(lambda z: run.logit(run.params(60), z[None])[0]))(x), float)
    on, off = (np.linalg.norm(part, axis=1) for part in (slope[:, :2], slope[:, 2:]))
    on, off = on[on + off > 0], off[on + off > 0]  # dead points have no direction
    share = off**2 / (on**2 + off**2)
    assert np.isclose(found["gradient_normal_share"], share.mean(), rtol=1e-4)
    assert np.isclose(found["vertical_gradient"], off.sum() / len(x), rtol=1e-4)
    assert np.isclose(found["lateral_gradient"], on.sum() / len(x), rtol=1e-4)
    ratio = (off**2).sum() / (on**2 + off**2).sum()
    assert not np.isclose(share.mean(), ratio, rtol=1e-3) and not np.isclose(off.mean(), np.median(off), rtol=1e-3)


def test_distances_are_medians_and_the_share_a_mean(linear, monkeypatch):
    length = np.array([1.0, 2.0, 9.0])
    found = SimpleNamespace(distance=length, geodesic=10 * length, tangent_share=1 - length / 10,
                            normal_share=np.array([0.1, np.nan, 0.7]))
    monkeypatch.setattr(attacks, "minimal", lambda *_: found)
    got = distances(linear([1, 0, 0, 0, 1], -0.5), 0)
    assert [got[f"distance_{kind}_median"] for kind in ("free", "on", "off", "geodesic")] == [2, 2, 2, 20]
    assert np.isclose(got["perturbation_normal_share"], 0.4)


def test_other_shuffles_are_others(rng):
    r, y = rng.normal(size=25), np.where(np.arange(25) % 2, 1.0, -1.0)
    levels = [permutation_level(r, y, 1, seed=seed) for seed in (0, 0, 1)]
    assert levels[0] == levels[1] != levels[2]


def test_a_summary_is_flat_and_json_ready(train):
    world, knobs = tiny(label_noise=0.1)
    recording = train(label_noise=0.1)
    seen = []
    got = report.summary(Setup("dimpled-sheet", world, knobs, View()), recording, 1.23456,
                         lambda done, total: seen.append((done, total)))
    assert tuple(got) == report.NAMES and got["seconds"] == 1.235 and got["steps"] == 20
    assert got["world"]["label_noise"] == 0.1 and "seed" not in got["world"] and got["seed"] == 0
    assert set(got["world"]) == (set(World.model_fields) | set(Knobs.model_fields)) - {"seed"}
    assert seen[-1] == (len(recording.measured_steps), len(recording.measured_steps))
    for name, value in got.items():
        assert isinstance(value, (str, bool, int, list, dict, type(None))) or math.isfinite(value), name
    assert got["gradient_normal_share_chance"] == 3 / 5
