"""Intervals over seeds against cases with known answers; what a sweep says about made-up rows."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from toy import overview
from toy.intervals import over_seeds, share, slope


def test_a_median_and_its_interval():
    got = over_seeds(list(range(101)))
    assert got.value == 50 and got.low < 50 < got.high
    # A median's standard error is 1 / (2 f sqrt(n)), here with f = 1/101.
    assert got.high - got.low == pytest.approx(2 * norm.ppf(0.975) * 101 / (2 * math.sqrt(101)), rel=0.15)


def test_the_same_seeds_give_the_same_interval(rng):
    values = rng.normal(size=16).tolist()
    assert over_seeds(values) == over_seeds(values)


def test_seeds_without_a_value_are_counted_and_left_out():
    got = over_seeds([1.0, None, 3.0, math.inf, math.nan])
    assert (got.value, got.used, got.total) == (2.0, 2, 5)


@pytest.mark.parametrize("values, value", [([], math.nan), ([None], math.nan), ([4.0], 4.0)])
def test_too_few_seeds_have_no_interval(values, value):
    got = over_seeds(values)
    assert got.value == value or math.isnan(got.value)
    assert math.isnan(got.low) and math.isnan(got.high)


def test_equal_values_have_an_interval_without_width():
    got = over_seeds([2.0] * 4)
    assert (got.value, got.low, got.high) == (2, 2, 2)


def test_shares_keep_a_width_when_all_seeds_agree():
    got = share([True] * 16)
    z = norm.ppf(0.975) ** 2
    assert got.value == 1 and got.low == pytest.approx(16 / (16 + z)) and got.high == pytest.approx(1)
    assert math.isnan(share([]).value)


def test_an_exact_power_law_whatever_the_seeds_factor(rng):
    ell = [1, 3, 10, 30]
    factor = np.exp(rng.normal(size=16))
    got = slope(ell, factor[:, None] * np.array(ell, float) ** -0.5)
    # Paired seeds: their spread cancels. Unpaired ones would give an interval as wide as the spread.
    assert got.value == pytest.approx(-0.5) and got.high - got.low < 1e-9


def test_the_slope_is_the_fit_to_all_seeds_at_once(rng):
    ell, values = np.array([1.0, 10, 100]), np.exp(rng.normal(size=(8, 3)))
    fit = np.polyfit(np.tile(np.log(ell), 8), np.log(values).ravel(), 1)[0]
    got = slope(ell, values)
    assert got.value == pytest.approx(fit) and got.low < fit < got.high
    resampled = [np.polyfit(np.tile(np.log(ell), 8), np.log(values[rng.integers(0, 8, 8)]).ravel(), 1)[0]
                 for _ in range(3000)]
    assert (got.low, got.high) == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=0.02)


def test_seeds_without_a_logarithm_are_left_out_whole():
    got = slope([1, 4], [[2, 1], [2, None], [-1, 1], [0, 1], [2, 1]])
    assert got.value == pytest.approx(-0.5) and (got.used, got.total) == (2, 5)


def test_a_null_over_seeds_is_its_median():
    rows = [made_up(1, seed, 0.1) | {"gradient_normal_share_chance": null} for seed, null in enumerate((0.1, 0.2, 0.9))]
    found = {f.name: f.against for f in overview.findings(rows, ("codimension",))}
    assert found["gradient_normal_share"] == 0.2


def made_up(ell: int, seed: int, rate: float) -> dict:
    depth = (1 + seed) * ell**-0.5 if ell else None
    row = dict.fromkeys((*overview.SHOWN, *filter(None, overview.SHOWN.values())), 0.25)
    return {**row, "codimension": ell, "learning_rate": rate, "seed": seed, "two_phases": seed < 3,
            "depth_median": depth, "gap_end": None}


def test_what_a_sweep_says():
    rows = [made_up(ell, seed, rate) for ell in (0, 1, 4) for rate in (0.1, 0.2) for seed in range(4)]
    varied = ("codimension", "learning_rate")
    found = {(f.values, f.name): f for f in overview.findings(rows, varied)}
    assert found[(4, 0.2), "two_phases"].estimate.value == 0.75
    assert found[(4, 0.2), "depth_median"].estimate.value == 1.25
    assert found[(0, 0.1), "depth_median"].estimate.used == 0
    assert found[(1, 0.1), "gradient_normal_share"].against == 0.25
    slopes = {(f.values, f.name): f.estimate for f in overview.slopes(rows, varied)}
    assert set(slopes) == {((rate,), f"slope of {name}") for rate in (0.1, 0.2) for name in overview.SLOPES}
    assert slopes[(0.1,), "slope of depth_median"].value == pytest.approx(-0.5)
    assert slopes[(0.1,), "slope of gap_end"].used == 0


def test_no_slope_without_two_codimensions():
    rows = [made_up(1, 0, 0.1)]
    assert overview.slopes(rows, ("learning_rate",)) == [] and overview.slopes(rows, ("codimension",)) == []
