"""Exhibit rival-views: where dimples and stretchy or non-robust features predict different things."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
import scipy

from toy import attacks, measures
from toy.experiment import Case, Claim, Experiment, Numbers, Result, Table
from toy.experiments import numbers as of
from toy.experiments import wrong_labels
from toy.manifolds import tangent
from toy.phases import FALL
from toy.recording import Recording

DRAWS = 4  # random subspaces a point
SIGNALS = (0, 0.05, 0.2)  # class signals, lengths: none, as far as the boundary is off the manifold, much further
# Some noise off the manifold gives the class signal a spread to be held against.
FRESH = {"training_set": "wrong-labels", "start": "other", "noise": 0.02}


def subspaces(recording: Recording) -> Numbers:
    """Median shortest ways within the tangent space, and within random spaces of its dimension."""
    world, step = recording.world, recording.last_step
    frame = np.asarray(tangent(world.geometry, world.n, jnp.asarray(recording.data.u)))
    random = [attacks.within(recording, step, attacks.random_subspaces(recording, seed)).distance
              for seed in range(DRAWS)]
    return {
        "distance_tangent_median": of.median(attacks.within(recording, step, frame).distance),
        "distance_random_subspace_median": of.median(np.concatenate(random)),
    }


def clinging(recording: Recording) -> Numbers:
    """The phases of a run, and its last sheet."""
    found, end = of.phase_numbers(recording, count=36), of.at(recording)
    return {name: found[name] for name in ("t_cling", "t_dimple", "fall")} | {
        name: end[name] for name in ("accuracy", "gap", "single_sheet_share", "missing_share")}


def energy(recording: Recording) -> Numbers:
    """rho at the start, halfway and at the end, and its 97.5 % level for random directions."""
    steps = (0, recording.last_step // 2, recording.last_step)
    start, half, end = (measures.measure(recording, None, step).get("rho") for step in steps)
    return of.numbers({"rho_start": start, "rho_half": half, "rho": end,
                       "rho_null_975": measures.rho_null(recording.world)[1]})


def near(recording: Recording, eps: float | None) -> Numbers:
    """Median free distance; share of the points no further than eps from the boundary."""
    distance = attacks.minimal("free", recording, recording.last_step).distance
    return {
        "accuracy": float(recording.accuracy[-1]), "distance_free_median": of.median(distance),
        "near_share": None if eps is None else float((distance <= eps).mean()),
        "half_share_05": float(scipy.stats.binom.ppf(0.05, len(distance), 0.5) / len(distance)),
    }


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a world, with what the claims need of it."""
    hero = recordings["hero"]
    eps = near(hero, None)["distance_free_median"]
    return {
        "hero": {**clinging(hero), **energy(hero), **subspaces(hero), **near(hero, eps)},
        **{name: clinging(recordings[name]) for name in ("half-space", "half-space, ell 1")},
        "ell 0": near(recordings["ell 0"], eps),
        **{name: wrong_labels.row(run) for name, run in recordings.items() if name.startswith("transfer")},
    }


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    hero, alone = table["hero"], table["ell 0"]
    without, much = table[f"transfer, signal {SIGNALS[0]}"], table[f"transfer, signal {SIGNALS[-1]}"]

    def clings(row: Numbers) -> Result:
        fall = row["fall"]
        return Result(fall, FALL, None if fall is None else fall >= FALL and row["t_cling"] is not None)

    return {
        "tangent-is-longer": of.above(hero["distance_tangent_median"], hero["distance_random_subspace_median"]),
        "low-frequency-clings": clings(table["half-space"]),
        "low-frequency-clings-at-1": clings(table["half-space, ell 1"]),
        "normal-energy": of.above(hero["rho"], hero["rho_null_975"]),
        "transfer-without-signal": of.above(without["accuracy"], without["guessing_95"]),
        "transfer-with-signal": of.above(much["accuracy"], much["guessing_95"]),
        "signal-carries-it": of.above(much["accuracy"], without["accuracy"]),
        "vanish-without-codimension": of.below(alone["near_share"], alone["half_share_05"]),
    }


_FRESH = "accuracy on clean data of a fresh net trained on adversarial examples with wrong labels"
_GUESS = "accuracy that guessing stays below or at in 95 % of cases"
_FALL = f"times that the sheet offset C falls; holds from {FALL:g} on, if C stays below half of its start"
_FALL_NULL = f"{FALL:g}: the fall asked for; a wall stands where it is, about 1"
EXPERIMENT = Experiment(
    cases={
        "hero": Case(),
        "half-space": Case({"labels": "half-space"}),
        "half-space, ell 1": Case({"labels": "half-space", "codimension": 1}),
        "ell 0": Case({"codimension": 0}),
        **{f"transfer, signal {signal}": Case({**FRESH, "class_signal": signal}) for signal in SIGNALS},
    },
    measure=measure,
    judge=judge,
    claims=(
        Claim("tangent-is-longer", "The way to the boundary inside the tangent space is longer than elsewhere.",
              "median shortest way within the tangent space",
              "the same within random k-dimensional subspaces; stretchy features: equal", "length"),
        Claim("low-frequency-clings", "Even for half-plane labels the boundary clings to the manifold.",
              _FALL + "; ell = 30", _FALL_NULL),
        Claim("low-frequency-clings-at-1", "It does so with a single direction off the manifold.",
              _FALL + "; ell = 1", _FALL_NULL),
        Claim("normal-energy", "The gradient has more energy per normal than per tangent dimension.",
              "rho at the last step", "97.5 % level of rho for random directions; the rival view: near it"),
        Claim("transfer-without-signal", "Wrong labels teach a fresh net the clean ones though the data does not "
              "tell the classes off the manifold.", _FRESH + "; class signal 0", _GUESS),
        Claim("transfer-with-signal", "They do so when the data tells the classes off the manifold.",
              f"{_FRESH}; class signal {SIGNALS[-1]}", _GUESS),
        Claim("signal-carries-it", "The rival view: what transfers is the class signal off the manifold.",
              f"{_FRESH}; class signal {SIGNALS[-1]}", "the same without class signal"),
        Claim("vanish-without-codimension", "Without directions off the manifold the short perturbations are gone.",
              "at ell = 0, share of points within the median free distance of ell = 30",
              "5 % level if half of the points were, as at ell = 30"),
    ),
    columns={
        **of.units("accuracy", "gap", "single_sheet_share", "missing_share", "rho", "distance_free_median"),
        **{name: of.PHASE_COLUMNS[name] for name in ("t_cling", "t_dimple", "fall")},
        **wrong_labels.COLUMNS, "rho_start": "1", "rho_half": "1", "rho_null_975": "1",
        "distance_tangent_median": "length", "distance_random_subspace_median": "length",
        "near_share": "1", "half_share_05": "1",
    },
)
