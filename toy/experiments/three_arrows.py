"""Exhibit three-arrows: how far the other class is on the manifold, off it, and by the shortest way."""

from collections.abc import Mapping

import numpy as np

from toy import attacks
from toy.experiment import Case, Claim, Experiment, Numbers, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording

DRAWS = 4  # random subspaces a point
MUCH = 0.5  # "much shorter": less than half


def row(recording: Recording) -> Numbers:
    """Medians over the points of the three ways and of the way inside random k-dimensional subspaces."""
    world, found = recording.world, of.lengths(recording, "free", "on", "off")
    free, on, off = (found[kind].distance for kind in ("free", "on", "off"))
    random = [attacks.within(recording, recording.last_step, attacks.random_subspaces(recording, seed)).distance
              for seed in range(DRAWS)]
    share = np.asarray(found["free"].normal_share)
    return {
        "accuracy": float(recording.accuracy[-1]),
        "distance_free_median": of.median(free), "distance_on_median": of.median(on),
        "distance_off_median": of.median(off), "distance_random_subspace_median": of.median(np.concatenate(random)),
        "perturbation_normal_share": of.number(np.nanmean(share)) if np.isfinite(share).any() else None,
        "normal_share_chance": world.codimension / world.n,
    }


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a codimension."""
    return {name: row(recording) for name, recording in recordings.items()}


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    hero = table["ell 30"]
    ratio = of.ratio(hero["distance_off_median"], hero["distance_on_median"])
    flat = of.ratio(table["ell 1"]["distance_off_median"], table["ell 1"]["distance_on_median"])
    return {
        "off-much-shorter": of.below(ratio, 1.0)._replace(holds=None if ratio is None else ratio < MUCH),
        "codimension-shortens": of.below(ratio, flat),
        "on-longer-than-chance": of.above(hero["distance_on_median"], hero["distance_random_subspace_median"]),
        "shortest-is-off": of.above(hero["perturbation_normal_share"], hero["normal_share_chance"]),
    }


EXPERIMENT = Experiment(
    cases={f"ell {ell}": Case({"codimension": ell}) for ell in (1, 3, 30)},
    measure=measure,
    judge=judge,
    claims=(
        Claim("off-much-shorter", "The way to the boundary off the manifold is much shorter than the way inside it.",
              "median distance off over median distance on the manifold at ell = 30; holds below 1/2",
              "1: no difference"),
        Claim("codimension-shortens", "It is codimension that makes the way off the manifold short.",
              "the same ratio at ell = 30", "the ratio at ell = 1"),
        Claim("on-longer-than-chance",
              "Inside the manifold the boundary is further than inside a random subspace of the same dimension.",
              "median distance on the manifold at ell = 30",
              "the same inside random k-dimensional subspaces", "length"),
        Claim("shortest-is-off", "The shortest way points off the manifold more than counting dimensions says.",
              "mean normal share of the minimal perturbation at ell = 30", "ell / n, a random direction"),
    ),
    columns={
        **of.units("accuracy", "distance_free_median", "distance_on_median", "distance_off_median",
                   "perturbation_normal_share"),
        "distance_random_subspace_median": "length", "normal_share_chance": "1",
    },
)
