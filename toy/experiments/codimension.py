"""Exhibit codimension: the more directions off the manifold, the shallower the dimples, like ell^-1/2."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from toy import nets
from toy.attacks import Perturbations
from toy.charts import split
from toy.experiment import Case, Claim, Experiment, Numbers, Plot, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording
from toy.stability import READINGS, agreement, read
from toy.windows import gradient
from toy.world import View

ELLS = (1, 3, 10, 30, 100, 300, 1000)
LAW = ELLS[1:]  # where the slopes are fitted: at ell = 1 the boundary is walls, not a sheet
HE = (3, 30, 300)  # the same with weights that shrink as the fan-in grows
SAMPLES = 257  # along a ray
READ_AT = (1, 3, 10)  # where the verdict on the phases depends most on how the run is read
SLOPES = ("depth_median", "gap", "distance_off_median", "distance_off_linf_median", "distance_on_median")


def largest_coordinate(recording: Recording, off: Perturbations) -> Float[np.ndarray, " N"]:
    """Upper bound of each training point's l-infinity distance to the boundary off a flat manifold; (N,), lengths.

    The smaller of max |delta_j| of the l2-shortest way and of the first crossing along -sign(f) sign(normal part of
    grad f), the steepest direction for a bound on the largest coordinate: exact where f is linear.
    """
    world, data = recording.world, recording.data
    logit, params = nets.logit(world), recording.params(recording.last_step)
    x = jnp.asarray(data.x)
    value = np.asarray(logit(params, x))
    normal = np.asarray(split(world, jnp.asarray(data.u), gradient(logit, params, x))[1])
    ray = -np.sign(value)[:, None] * np.sign(np.where(np.abs(normal) > 1e-12, normal, 0.0))
    best = np.where(np.isfinite(off.distance), np.abs(off.delta).max(1), np.inf)
    reach = np.where(np.isfinite(best), best, 0.0)
    share = np.linspace(0, 1, SAMPLES)
    along = np.stack([np.asarray(logit(params, jnp.asarray(data.x + (s * reach)[:, None] * ray, jnp.float32)))
                      for s in share])  # (SAMPLES, N)
    crossed = (along > 0) != (value > 0)
    met = crossed.any(0)
    first = crossed.argmax(0)[met]
    before, after = along[first - 1, met], along[first, met]
    best[met] = reach[met] * (share[first - 1] + before / (before - after) / (SAMPLES - 1))
    return best


def row(recording: Recording) -> Numbers:
    """The numbers of one codimension."""
    world, found = recording.world, of.lengths(recording, "free", "on", "off")
    share = np.asarray(found["free"].normal_share)
    return {
        **of.at(recording),
        "single_sheet_random": of.at(recording, view=View(direction="random"))["single_sheet_share"],
        "distance_free_median": of.median(found["free"].distance),
        "distance_on_median": of.median(found["on"].distance),
        "distance_off_median": of.median(found["off"].distance),
        "distance_off_linf_median": of.median(largest_coordinate(recording, found["off"])),
        "perturbation_normal_share": of.number(np.nanmean(share)) if np.isfinite(share).any() else None,
        "normal_share_chance": world.codimension / world.n,
    }


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a codimension, and the phases of the lowest ones, read in every way."""
    return {
        **{name: row(recording) for name, recording in recordings.items()},
        **{f"ell {ell}, {name}": of.phase_row(read(recordings[f"ell {ell}"], reading))
           for ell in READ_AT for name, reading in READINGS.items()},
    }


def excess(table: Table, column: str) -> float | None:
    """Mean of a share above its chance level ell / n over the rows of the law."""
    values = [table[f"ell {ell}"][column] for ell in LAW]
    chance = [table[f"ell {ell}"]["normal_share_chance"] for ell in LAW]
    if any(v is None for v in (*values, *chance)):
        return None
    return float(np.mean(np.subtract(values, chance)))  # type: ignore[arg-type]


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    law = {f"ell {ell}": float(ell) for ell in LAW}
    b = {column: of.exponent(table, law, column) for column in SLOPES}
    he = of.exponent(table, {f"he, ell {ell}": float(ell) for ell in HE}, "gap")
    own = of.exponent(table, {f"ell {ell}": float(ell) for ell in HE}, "gap")
    shares = [[table[f"ell {ell}"][c] for ell in ELLS if ell >= 10]
              for c in ("single_sheet_share", "single_sheet_random")]
    agree = [agreement([table[f"ell {ell}, {name}"]["two_phases"] for name in READINGS]) for ell in READ_AT]
    stands = None if None in agree else float(np.mean(agree))  # type: ignore[arg-type]
    sheet, random = (None if any(v is None for v in s) else float(np.mean(s)) for s in shares)  # type: ignore[arg-type]
    return {
        "depth-law": of.near_half(b["depth_median"], 0.0, -0.5),
        "gap-law": of.near_half(b["gap"], 0.0, -0.5),
        "off-law": of.near_half(b["distance_off_median"], 0.0, -0.5),
        "linf-law": of.near_half(b["distance_off_linf_median"], 0.0, -1),
        "on-stays": of.near_half(b["distance_on_median"], b["distance_off_median"], 0),
        "initialisation": of.above(he, own),
        "gradient-off": of.above(excess(table, "gradient_normal_share"), 0.0),
        "perturbation-off": of.above(excess(table, "perturbation_normal_share"), 0.0),
        "single-sheet": of.above(sheet, random),
        "verdict-stands": Result(stands, 1.0, None if stands is None else stands == 1),
    }


_EXPONENT = "exponent b of {} ~ ell^b over ell = 3 .. 1000; holds when the nearest multiple of 1/2 is {}"
EXPERIMENT = Experiment(
    cases={
        **{f"ell {ell}": Case({"codimension": ell}) for ell in ELLS},
        **{f"he, ell {ell}": Case({"codimension": ell, "init": "he", "steps": 2000}) for ell in HE},
    },
    measure=measure,
    judge=judge,
    claims=(
        Claim("depth-law", "The depth of the dimples falls like ell^-1/2.",
              _EXPONENT.format("median depth", "-1/2"), "0: no change with ell"),
        Claim("gap-law", "The gap between manifold and boundary falls like ell^-1/2.",
              _EXPONENT.format("gap", "-1/2"), "0: no change with ell"),
        Claim("off-law", "The way to the boundary straight off the manifold falls like ell^-1/2.",
              _EXPONENT.format("median l2 distance", "-1/2"), "0: no change with ell"),
        Claim("linf-law", "Counted by the largest coordinate, the way off the manifold falls like 1/ell.",
              _EXPONENT.format("median l-infinity distance (an upper bound)", "-1"), "0: no change with ell"),
        Claim("on-stays", "The way to the boundary inside the manifold does not depend on ell.",
              _EXPONENT.format("median on-manifold distance", "0"), "the exponent off the manifold"),
        Claim("initialisation", "Much of the law is initialisation: weights that shrink with the fan-in flatten it.",
              "exponent of the gap with He's weights over ell = 3, 30, 300, trained 2000 steps",
              "the same with first-layer weights N(0, 1), trained 400 steps"),
        Claim("gradient-off", "The gradient points off the manifold more than counting dimensions says.",
              "mean over ell = 3 .. 1000 of the gradient's normal share minus ell / n", "0: a random direction"),
        Claim("perturbation-off",
              "The minimal perturbation points off the manifold more than counting dimensions says.",
              "mean over ell = 3 .. 1000 of its normal share minus ell / n", "0: a random direction"),
        Claim("single-sheet",
              "Seen along the net's own off-manifold gradient the boundary is one sheet over more of the manifold than "
              "along a random direction.",
              "mean over ell >= 10 of the share of normal lines that meet it exactly once",
              "the same along a random normal direction"),
        Claim("verdict-stands",
              "Whether there are two phases at ell = 1, 3 and 10 does not depend on how the run is read.",
              "share of readings with the same verdict: heights halved and doubled, coarser grid, fewer steps, "
              "other label shuffles", "1: all of them"),
    ),
    columns={
        **of.units(*of.CHEAP, "distance_free_median", "distance_on_median", "distance_off_median",
                   "perturbation_normal_share"),
        "single_sheet_random": "1", "distance_off_linf_median": "length", "normal_share_chance": "1",
        **of.PHASE_COLUMNS,
    },
    plots=(Plot("codimension", SLOPES, tuple(f"ell {ell}" for ell in LAW), law=-0.5),),
    note="Seeds are paired: with N(0, 1) entries one seed's net is the same function on the manifold at every ell.",
)
