"""Per-step quantities of a recording, each with its unit and, for a share, its chance level.

Two tiers: `measure` reads the boundary's heights and the gradients (milliseconds a step); `distances` solves for
the minimal perturbations (tens of milliseconds a step).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Float

from toy import attacks, nets, theory
from toy.heights import Heights, heights
from toy.manifolds import point
from toy.recording import Recording
from toy.windows import Window, gradient, measuring_height, normal_chart, parameter_grid, phase_height, split
from toy.world import View, World

PERMUTATIONS = 999
ALL = 10_000  # labellings, up to which none is left to chance
GRID_SIDE = {1: 257, 2: 25}  # nodes a side of the dense manifold grid, by k


@dataclass(frozen=True)
class Measure:
    """Unit and one line of help; `chance` gives the level that directions drawn at random would have.

    null: instead, the measure that tells that level step by step.
    """

    unit: str
    help: str
    chance: Callable[[World], float] | None = None
    null: str = ""


def robust_sheet(points: Float[np.ndarray, "m e"], h: Float[np.ndarray, " m"]) -> Callable[[np.ndarray], np.ndarray]:
    """The affine function of phi(u) fitted to heights h by soft-L1 least squares, so that other sheets and
    edges weigh little: min sum 2 s^2 (sqrt(1 + (r / s)^2) - 1), s the median absolute deviation. Lengths.
    """
    design = np.column_stack([np.ones(len(points)), points])
    start = np.linalg.lstsq(design, h, rcond=None)[0]
    start[0] += np.median(h - design @ start)
    scale = max(float(np.median(np.abs(h - design @ start))), 1e-9)

    def residual(a: np.ndarray) -> np.ndarray:
        return design @ a - h

    def slope(_: np.ndarray) -> np.ndarray:
        return design

    best = scipy.optimize.least_squares(residual, start, jac=slope, loss="soft_l1", f_scale=scale).x
    return lambda where: np.column_stack([np.ones(len(where)), where]) @ best


def dimple_amplitude(r: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], side: float) -> float:
    """B = side / 2 (mean of r over class +1 - mean over class -1), a length; NaN when a class is missing."""
    if not (y > 0).any() or not (y < 0).any():
        return float("nan")
    return float(side / 2 * (r[y > 0].mean() - r[y < 0].mean()))


def permutation_level(
    r: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], side: float, level: float = 0.95, seed: int = 0
) -> float:
    """The `level` quantile of B over shuffled labels: a length. seed: of the shuffles.

    Up to ALL ways to deal the labels out are all looked at, whatever the seed; of more, PERMUTATIONS are drawn.
    NaN when a class is missing, or the labels can be dealt out in so few ways that the right one alone is more than
    1 - level of them: then no B could rise above the quantile.
    """
    ways = math.comb(len(y), plus := int((y > 0).sum()))
    if ways * (1 - level) < 1:
        return float("nan")
    if ways <= ALL:
        positive = _labellings(len(y), plus)
    else:
        positive = np.random.default_rng(seed).permuted(np.tile(y > 0, (PERMUTATIONS, 1)), axis=1)
    up, down = (positive @ r) / positive.sum(1), (~positive @ r) / (~positive).sum(1)
    return float(np.quantile(side / 2 * (up - down), level))


@lru_cache(maxsize=32)
def _labellings(count: int, plus: int) -> np.ndarray:
    """All ways to make `plus` of `count` points class +1, (ways, count)."""
    chosen = np.array(list(combinations(range(count), plus)))
    found = np.zeros((len(chosen), count), bool)
    np.put_along_axis(found, chosen, True, axis=1)
    return found


def roughness(points: Float[np.ndarray, "m e"], h: Float[np.ndarray, " m"], k: int) -> float:
    """Root mean square slope of heights h over a grid of m = side^k points of M, 1; NaN without two neighbours.

    sqrt(sum over the k grid lines of the mean of (difference of h / distance)^2 of neighbours that both have a height):
    a jump from sheet to sheet counts as the slope it is.
    """
    side = round(len(h) ** (1 / k))
    field, place = h.reshape((side,) * k), points.reshape((side,) * k + (-1,))
    total = 0.0
    for axis in range(k):
        slope = np.diff(field, axis=axis) / np.linalg.norm(np.diff(place, axis=axis), axis=-1)
        known = slope[np.isfinite(slope)]
        total += float((known**2).mean()) if len(known) else float("nan")
    return total**0.5


@lru_cache(maxsize=32)
def _grid(world: World, side: int) -> tuple[np.ndarray, np.ndarray]:
    u = parameter_grid(world, side)
    return u, np.asarray(point(world.geometry, world.n, 0.0, jnp.asarray(u)))[:, : world.geometry.e]


def measure(recording: Recording, chart: Window | None, step: int, grid_side: int | None = None,
            shuffles: int = 0) -> dict[str, float]:
    """The measures of one step that need no attack; names as in MEASURES, undefined ones NaN.

    chart: `windows.normal_chart`, or None without normal directions (ell = 0). grid_side: nodes a side of the dense
    grid, None for GRID_SIDE. shuffles: seed of the label permutations.
    """
    step = recording.check_step(step)
    params = recording.params(step)
    return {
        "loss": float(recording.loss[step]),
        "accuracy": float(recording.accuracy[step]),
        **_gradients(recording, params),
        **_theory(recording, step),
        **(_sheet(recording, chart, params, grid_side, shuffles) if chart is not None else {}),
    }


def random_sheets(recording: Recording, step: int, grid_side: int | None = None) -> dict[str, float]:
    """Single-sheet and missing share along one random unit normal direction instead of the chart's: their null.

    Nothing where no other direction is normal: for ell < 2, and for hypersurfaces in their own space.
    """
    world = recording.world
    chart = normal_chart(recording, View(direction="random"))
    if chart is None or chart.note == "the normal":
        return {}
    u, _ = _grid(world, grid_side or GRID_SIDE[world.k])
    beyond = phase_height(world) / measuring_height(world)  # as in `_sheet`, so that nothing else is compiled
    found = heights(chart, recording.params(recording.check_step(step)), np.concatenate([u, recording.data.u]), beyond)
    single, missing = _sheets(found, len(u), chart.high[-1])
    return {"random_single_sheet_share": single, "random_missing_share": missing}


def _sheets(found: Heights, nodes: int, most: float) -> tuple[float, float]:
    """Share of the first lines that meet the boundary exactly once, and not at all, up to a height."""
    missing = ~(np.abs(found.nearest[:nodes]) <= most)
    return float((found.count[:nodes] == 1).mean()), float(missing.mean())


def _sheet(recording: Recording, chart: Window, params: nets.Params, grid_side: int | None,
           shuffles: int) -> dict[str, float]:
    world, data, most = recording.world, recording.data, chart.high[-1]
    beyond = phase_height(world) / measuring_height(world)
    u, embedded = _grid(world, grid_side or GRID_SIDE[world.k])
    own = np.asarray(point(world.geometry, world.n, 0.0, jnp.asarray(data.u)))[:, : world.geometry.e]
    found = heights(chart, params, np.concatenate([u, data.u]), beyond)
    places, slope = np.concatenate([embedded, own]), found.slope[: len(u)]
    near = np.where(np.abs(found.nearest) <= most, found.nearest, np.nan)
    grid = near[: len(u)]
    met = np.isfinite(grid)
    single, missing = _sheets(found, len(u), most)
    out = {
        "gap": float(np.where(met, np.abs(grid), most).mean()),
        "single_sheet_share": single,
        "missing_share": missing,
        **_dimples(world.k, places, near, slope, data.y, most, shuffles),
    }
    far = _dimples(world.k, places, found.nearest, slope, data.y, beyond * most, shuffles)
    out |= {f"far_{name}": value for name, value in far.items() if name != "side"}
    rough = roughness(embedded, grid, world.k)
    if math.isfinite(rough):
        out["roughness"] = rough
    signed = np.asarray(recording.logit(params, jnp.asarray(data.x))) * data.y
    crossed = np.isfinite(near[len(u) :])
    if crossed.any():
        out["depth_median"] = float(np.median((np.sign(signed) * np.abs(near[len(u) :]))[crossed]))
    return out


def _dimples(k: int, places: np.ndarray, h: np.ndarray, slope: np.ndarray, y: np.ndarray, most: float,
             shuffles: int) -> dict[str, float]:
    """Sheet offset, side and dimple amplitude from heights h over grid nodes, then training points, at places (m, e).

    slope: of the grid nodes alone. y: of the training points. most: what a missing crossing counts as; a length.
    """
    nodes = len(slope)
    met, crossed = np.isfinite(h[:nodes]), np.isfinite(h[nodes:])
    if met.sum() < k + 1:
        return {"sheet_offset": float(most)}
    grid, own = places[:nodes], places[nodes:]
    sheet = robust_sheet(grid[met], h[:nodes][met])
    values = np.full(nodes, most)
    values[met] = sheet(grid[met])
    side = -float(np.sign(np.median(slope[met])))
    out = {"sheet_offset": float(np.sqrt(np.mean(values**2))), "side": side}
    if crossed.any():
        r, label = h[nodes:][crossed] - sheet(own[crossed]), y[crossed]
        out["dimple_amplitude"] = dimple_amplitude(r, label, side)
        out["dimple_null_95"] = permutation_level(r, label, side, seed=shuffles)
    return out


def _gradients(recording: Recording, params: nets.Params) -> dict[str, float]:
    world, data = recording.world, recording.data
    grads = gradient(recording.logit, params, jnp.asarray(data.x))
    # In float64: the squares of a net about to diverge leave the range of float32.
    parts = split(world, jnp.asarray(data.u), grads)
    lateral, vertical = (np.linalg.norm(np.asarray(part, float), axis=1) for part in parts)
    total = lateral**2 + vertical**2
    alive = total > 0
    out = {
        "vertical_gradient": float(vertical.mean()),
        "lateral_gradient": float(lateral.mean()),
        "gradient_normal_share": float((vertical[alive] ** 2 / total[alive]).mean()) if alive.any() else float("nan"),
    }
    if world.codimension and (lateral**2).sum() > 0:
        out["rho"] = float(((vertical**2).sum() / world.codimension) / ((lateral**2).sum() / world.k))
    return out


def _theory(recording: Recording, step: int) -> dict[str, float]:
    """Predictions of `toy.theory` beside what they are held against, for our own nets on flat M with normals."""
    if not recording.world.geometry.flat or not recording.world.codimension or recording.net is not None:
        return {}
    return {
        "predicted_vertical_gradient": float(theory.predicted_vertical_gradient(recording, step).mean()),
        "normal_weight_factor": theory.normal_weight_factor(recording, step),
        "predicted_decay": theory.predicted_decay(recording, step),
    }


def rho_null(world: World) -> tuple[float, float]:
    """2.5 % and 97.5 % quantiles of rho for N random directions in R^n: what chance allows; NaN for ell = 0.

    Of Gaussian directions both sums are chi-squared, so rho is F-distributed with N ell and N k degrees of freedom.
    """
    freedom = world.point_count * world.codimension, world.point_count * world.k
    low, high = scipy.stats.f.ppf([0.025, 0.975], *freedom)
    return float(low), float(high)


def distances(recording: Recording, step: int, pause: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Medians over the training points of the three minimal perturbations of one step; inf where half have none.

    pause: called before each of the three, some 50 ms apart; it may wait while others need the processor.

    `first_order_error` says how far the parts of the free one mislead: were the boundary flat, the shortest ways on
    and off the manifold would be |d|^2 / |d_T| and |d|^2 / |d_N|. Median of the larger of the two relative errors
    |d_on |d_T| / |d|^2 - 1| and |d_off |d_N| / |d|^2 - 1|; 0 for a linear net, NaN where
    no point has all three.
    """
    out, errors = {}, []
    for kind in ("free", "on", "off"):
        if kind == "off" and recording.world.codimension == 0:
            continue
        pause()
        found = attacks.minimal(kind, recording, step)
        if kind == "free":
            free, parts = found.distance, {"on": found.tangent_share**0.5, "off": found.normal_share**0.5}
        else:
            with np.errstate(invalid="ignore"):
                errors.append(np.abs(found.distance * parts[kind] / free - 1))
        out[f"distance_{kind}_median"] = float(np.median(found.distance))
        if kind == "on":
            out["distance_geodesic_median"] = float(np.median(found.geodesic))
        if kind == "free":
            share = np.asarray(found.normal_share)
            out["perturbation_normal_share"] = float(np.nanmean(share)) if np.isfinite(share).any() else float("nan")
    if len(errors) == 2:
        worst = np.max(errors, axis=0)
        known = worst[np.isfinite(worst)]
        out["first_order_error"] = float(np.median(known)) if len(known) else math.nan
    return out


def _normal_chance(world: World) -> float:
    """ell / n: mean squared cosine of a random direction with the normal space."""
    return world.codimension / world.n


MEASURES: dict[str, Measure] = {
    "loss": Measure("", "Mean logistic loss over the training points."),
    "accuracy": Measure("1", "Share of training points on their right side."),
    "sheet_offset": Measure("length", "C: rms distance of the fitted sheet from the manifold."),
    "dimple_amplitude": Measure("length", "B: how far the boundary bulges to the right side of the points."),
    "dimple_null_95": Measure("length", "What B reaches in 95 % of label shuffles."),
    "far_sheet_offset": Measure("length", "C up to twice the measuring height: what its fall is read from."),
    "far_dimple_amplitude": Measure("length", "B up to twice the measuring height: what dimpling is read from."),
    "far_dimple_null_95": Measure("length", "What that B reaches in 95 % of label shuffles."),
    "side": Measure("", "Which way a bulge has to go for class +1."),
    "gap": Measure("length", "D: mean distance from the manifold to the boundary along the normal line."),
    "single_sheet_share": Measure(
        "1", "Share of normal lines that meet the boundary exactly once.", null="random_single_sheet_share"
    ),
    "random_single_sheet_share": Measure("1", "The same along one normal direction drawn at random."),
    "missing_share": Measure("1", "Share of normal lines that meet no boundary.", null="random_missing_share"),
    "random_missing_share": Measure("1", "The same along one normal direction drawn at random."),
    "roughness": Measure("1", "Root mean square slope of the boundary over the manifold."),
    "depth_median": Measure("length", "Median dimple depth; positive means on the right side."),
    "vertical_gradient": Measure("logits per length", "Mean norm of the gradient's normal part."),
    "predicted_vertical_gradient": Measure(
        "logits per length", "The same for normal weights that stay as they were drawn."
    ),
    "normal_weight_factor": Measure("1", "What is left of the first layer's weights off the manifold."),
    "predicted_decay": Measure("1", "What weight decay alone leaves of them, with sgd and adamw."),
    "lateral_gradient": Measure("logits per length", "Mean norm of the gradient's tangent part."),
    "gradient_normal_share": Measure("1", "Share of the gradient that points off the manifold.", _normal_chance),
    "rho": Measure("1", "Gradient energy per normal dimension over energy per tangent dimension.", lambda world: 1.0),
    "distance_free_median": Measure("length", "Median distance to the nearest boundary point."),
    "distance_on_median": Measure("length", "Median distance to the nearest boundary point on the manifold (chord)."),
    "distance_geodesic_median": Measure("length", "The same along the manifold."),
    "distance_off_median": Measure("length", "Median distance to the boundary straight off the manifold."),
    "perturbation_normal_share": Measure(
        "1", "Share of the minimal perturbation that points off the manifold.", _normal_chance
    ),
    "first_order_error": Measure(
        "1", "Error of telling the ways on and off from the parts of the shortest arrow; large: the boundary bends."
    ),
}

__all__ = ["MEASURES", "Measure", "distances", "measure", "measuring_height", "random_sheets", "rho_null"]
