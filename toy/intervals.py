"""Values over seeds with 95 % intervals: medians, shares, and log-log slopes over codimension."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

LEVEL = 0.95
RESAMPLES = 9999


@dataclass(frozen=True)
class Estimate:
    """A value, its interval low .. high, and how many of `total` seeds it rests on; NaN where undefined."""

    value: float
    low: float
    high: float
    used: int
    total: int


def over_seeds(values: Sequence[float | None],
               statistic: Callable[..., Float[np.ndarray, "..."]] = np.median) -> Estimate:
    """A statistic of one number a seed, with its bootstrap percentile interval.

    values: None or not finite where a seed has none; those seeds are left out and show in `used`. With fewer than
    two the interval is NaN. Few seeds give rough intervals: from 5, 8, 16, 32 normal numbers they hold the true
    median in 94, 93, 94, 94 % of cases and the true mean in 83, 89, 92, 94 % (4000 trials).
    Source: Efron, Tibshirani, An Introduction to the Bootstrap, chapter 13.
    """
    known = np.array([v for v in values if v is not None and math.isfinite(v)], float)
    if not len(known):
        return Estimate(math.nan, math.nan, math.nan, 0, len(values))
    value = float(statistic(known))
    if len(known) < 2:
        return Estimate(value, math.nan, math.nan, len(known), len(values))
    found = scipy.stats.bootstrap((known,), statistic, n_resamples=RESAMPLES, confidence_level=LEVEL,
                                  method="percentile", rng=np.random.default_rng(0))
    low, high = found.confidence_interval
    return Estimate(value, float(low), float(high), len(known), len(values))


def share(holds: Sequence[bool]) -> Estimate:
    """The share of seeds in which something holds, with Wilson's interval: a bootstrap of 16 in 16 has no width."""
    count, total = sum(map(bool, holds)), len(holds)
    if not total:
        return Estimate(math.nan, math.nan, math.nan, 0, 0)
    low, high = scipy.stats.binomtest(count, total).proportion_ci(LEVEL, method="wilson")
    return Estimate(count / total, float(low), float(high), total, total)


def slope(ell: Sequence[float], values: Sequence[Sequence[float | None]]) -> Estimate:
    """Exponent b of value ~ ell^b: least squares of log value on log ell over all seeds, seeds resampled whole.

    ell: (L,) codimensions, at least two different ones above 0. values: (S, L), a row a seed. Seeds are paired
    across ell - on the manifold the net of a seed can be the same function at every ell - so a resample keeps or
    drops a seed's whole row. As all rows share ell, the refitted slope is the mean of the rows' own slopes. Rows
    with a value that is missing or not above 0 have no logarithm and are left out, which shows in `used`.
    """
    x = np.log(np.asarray(ell, float))
    x = x - x.mean()
    rows = np.array([[np.nan if v is None else v for v in row] for row in values], float).reshape(len(values), len(x))
    whole = rows[(np.isfinite(rows) & (rows > 0)).all(1)]
    found = over_seeds(list(np.log(whole) @ x / (x @ x)), np.mean)
    return Estimate(found.value, found.low, found.high, found.used, len(values))


__all__ = ["Estimate", "over_seeds", "share", "slope"]
