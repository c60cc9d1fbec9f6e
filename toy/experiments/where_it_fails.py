"""Exhibit where-it-fails: with no or one direction off the manifold, does the boundary still cling to the data?"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy

from toy import nets
from toy.charts import split
from toy.experiment import Case, Claim, Experiment, Numbers, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording
from toy.windows import gradient
from toy.world import World

LABELS: dict[str, dict[str, Any]] = {
    "half-plane": {"labels": "half-space"}, "2x2": {"points_per_side": 2}, "chess": {}, "random": {"labels": "random"},
}
SHEET = {"chess, ell 30": Case({"codimension": 30})}  # what clinging looks like
SHOWN = ("accuracy", "gap", "single_sheet_share", "missing_share", "gradient_normal_share")


def chance_angle(world: World) -> float:
    """Mean angle, in degrees, of a random direction in R^n with the normal space of M; 90 without one.

    Its squared cosine is Beta(ell / 2, k / 2).
    """
    if not world.codimension:
        return 90.0
    law = scipy.stats.beta(world.codimension / 2, world.k / 2)
    return float(np.degrees(law.expect(lambda share: np.arccos(np.sqrt(np.clip(share, 0, 1))))))


def row(recording: Recording) -> Numbers:
    """The last boundary, its distance, and the angle at which it crosses the manifold.

    The angle is that of grad f, the boundary's normal, with the normal space of M, at the boundary points on M that
    are nearest to the training points: 0 degrees for a sheet along M, 90 for a wall across it.
    """
    world, step = recording.world, recording.last_step
    end, start = of.at(recording), of.at(recording, 0)
    kinds = ("free", "on", "off") if world.codimension else ("free", "on")
    found = of.lengths(recording, *kinds)
    on, angle = found["on"], None
    met = np.isfinite(on.distance)
    if world.codimension and met.any():
        g = gradient(nets.logit(world), recording.params(step), jnp.asarray(on.foot))
        lateral, normal = (np.linalg.norm(np.asarray(part, float), axis=1)
                           for part in split(world, jnp.asarray(on.boundary_u), g))
        angle = of.number(np.degrees(np.arctan2(lateral[met], normal[met])).mean())
    return {
        **{name: end[name] for name in SHOWN}, "gap_start": start["gap"],
        "distance_free_median": of.median(found["free"].distance), "distance_on_median": of.median(on.distance),
        "distance_off_median": of.median(found["off"].distance) if "off" in found else None,
        "boundary_angle": angle, "boundary_angle_chance": chance_angle(world),
    }


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a world."""
    return {name: row(recording) for name, recording in recordings.items()}


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    out = {}
    for name in LABELS:
        thin = table[f"{name}, ell 1"]
        start = thin["gap_start"]
        out[f"{name}-clings"] = of.below(thin["gap"], None if start is None else start / 2)
        out[f"{name}-lies-flat"] = of.below(thin["boundary_angle"], thin["boundary_angle_chance"])
    control = table["chess, ell 30"]
    out["codimension-clings"] = of.below(of.ratio(control["gap"], control["gap_start"]),
                                         of.ratio(table["chess, ell 1"]["gap"], table["chess, ell 1"]["gap_start"]))
    for name in ("chess", "random"):
        share = of.ratio(table[f"{name}, ell 1"]["distance_free_median"],
                         table[f"{name}, ell 0"]["distance_free_median"])
        out[f"{name}-needs-codimension"] = Result(share, 1.0, None if share is None else share < 0.5)
    return out


_SAY = {"half-plane": "a half-plane", "2x2": "a 2 x 2 chessboard", "chess": "the chessboard", "random": "random labels"}
EXPERIMENT = Experiment(
    cases={
        **{f"{name}, ell {ell}": Case({**changes, "codimension": ell})
           for name, changes in LABELS.items() for ell in (0, 1)},
        **SHEET,
    },
    measure=measure,
    judge=judge,
    claims=(
        *(Claim(f"{name}-clings",
                f"With one normal direction the boundary of {_SAY[name]} comes to lie along the data.",
                "gap of the last step", "half of the gap at the start", "length") for name in LABELS),
        *(Claim(f"{name}-lies-flat", f"With one normal direction the boundary of {_SAY[name]} is a sheet, not a wall.",
                "mean angle of the boundary's normal with the normal space, where the boundary crosses the manifold",
                "mean angle of a random direction", "degrees") for name in LABELS),
        Claim("codimension-clings", "It is codimension that lets the boundary cling.",
              "gap at the end over gap at the start, chessboard at ell = 30", "the same at ell = 1"),
        *(Claim(f"{name}-needs-codimension",
                f"For {_SAY[name]} a direction off the manifold is what brings the boundary near.",
                "median distance to the boundary at ell = 1 over that at ell = 0; holds below 1/2", "1: no difference")
          for name in ("chess", "random")),
    ),
    columns={
        **of.units(*SHOWN, "distance_free_median", "distance_on_median", "distance_off_median"),
        "gap_start": "length", "boundary_angle": "degrees", "boundary_angle_chance": "degrees",
    },
    note="Predictions as the model makes them for every world: here they are expected to break.",
)
