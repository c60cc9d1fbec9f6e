"""Exhibit wrong-labels: nets trained on adversarial examples with their wrong labels, judged on clean data."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from toy import nets
from toy.charts import split
from toy.experiment import Case, Claim, Experiment, Numbers, Result, Table
from toy.experiments import numbers as of
from toy.labels import Data
from toy.recording import Recording
from toy.world import World

SHUFFLES = 999
STARTS = {"fresh": "other", "shared normal weights": "normal-weights", "warm": "branch"}


def class_signal(world: World, data: Data) -> tuple[Float[np.ndarray, " n"], float, float]:
    """The step between the classes off the manifold, its size mu, and mu's 95 % level over shuffled labels.

    d = mean of the normal parts (I - T T^T) x of class +1 - mean of class -1, (n,), a length; mu = |d| / rms distance
    of a normal part from the mean of its class. NaN with one class only, or no spread.
    """
    normal = np.asarray(split(world, jnp.asarray(data.u), jnp.asarray(data.x))[1], float)

    def step(y: Float[np.ndarray, " m"]) -> tuple[np.ndarray, float]:
        if not (y > 0).any() or not (y < 0).any():
            return np.full(world.n, np.nan), float("nan")
        up, down = normal[y > 0], normal[y < 0]
        d, rest = up.mean(0) - down.mean(0), np.concatenate([up - up.mean(0), down - down.mean(0)])
        spread = np.sqrt((rest**2).sum(1).mean())
        return d, float(np.linalg.norm(d) / spread) if spread > 1e-6 else float("nan")

    rng = np.random.default_rng(0)
    return *step(data.y), float(np.quantile([step(rng.permutation(data.y))[1] for _ in range(SHUFFLES)], 0.95))


def row(recording: Recording) -> Numbers:
    """Accuracy on clean data and on the training set, and what class signal either carries off the manifold.

    signal_cosine: cosine between the two sets' steps from class to class; -1 where the training set's is turned round.
    """
    world, seen = recording.world, recording.training
    logits = np.asarray(nets.logit(world)(recording.params(recording.last_step), jnp.asarray(seen.x)))
    clean, trained = class_signal(world, recording.data), class_signal(world, seen)
    sizes = np.linalg.norm(clean[0]) * np.linalg.norm(trained[0])
    return of.numbers({
        "accuracy": recording.accuracy[-1], "fit": (logits * seen.y > 0).mean(), "points": len(seen.y),
        "guessing_95": of.guessing_level(world.point_count),
        "mu_clean": clean[1], "mu_clean_null_95": clean[2], "mu_trained": trained[1], "mu_trained_null_95": trained[2],
        "signal_cosine": clean[0] @ trained[0] / sizes if sizes > 1e-9 else None,
    })


COLUMNS = {"accuracy": "1", "fit": "1", "points": "points", "guessing_95": "1", "mu_clean": "1",
           "mu_clean_null_95": "1", "mu_trained": "1", "mu_trained_null_95": "1",
           "signal_cosine": "1"}


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a training."""
    return {name: row(recording) for name, recording in recordings.items()}


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    fresh, warm = table["fresh, wrong labels"], table["warm, wrong labels"]
    shared = table["shared normal weights, wrong labels"]
    return {
        "fresh": of.above(fresh["accuracy"], fresh["guessing_95"]),
        "shared-normal-weights": of.above(shared["accuracy"], shared["guessing_95"]),
        "warm": of.above(warm["accuracy"], warm["guessing_95"]),
        "fresh-control": of.above(fresh["accuracy"], table["fresh, mislabelled"]["accuracy"]),
        "warm-control": of.above(warm["accuracy"], table["warm, mislabelled"]["accuracy"]),
        "sharing-helps": of.above(shared["accuracy"], fresh["accuracy"]),
    }


_CLEAN = "accuracy on the clean data"
_GUESS = "accuracy that guessing stays below or at in 95 % of cases"
EXPERIMENT = Experiment(
    cases={f"{name}, {kind}": Case({"training_set": kind.replace(" ", "-"), "start": start})
           for kind in ("wrong labels", "mislabelled") for name, start in STARTS.items()},
    measure=measure,
    judge=judge,
    claims=(
        Claim("fresh", "A fresh net trained only on adversarial examples with wrong labels classifies clean data.",
              _CLEAN, _GUESS),
        Claim("shared-normal-weights", "So does a net that starts with the first one's normal weights.",
              _CLEAN, _GUESS),
        Claim("warm", "So does the first net itself when it is trained on.", _CLEAN, _GUESS),
        Claim("fresh-control", "It takes the perturbation: a fresh net shown the same wrong labels does worse.",
              _CLEAN + ", fresh net", "the same, trained on the same labels at the unperturbed points"),
        Claim("warm-control", "The same holds for the first net when it is trained on.",
              _CLEAN + ", warm start", "the same, trained on the same labels at the unperturbed points"),
        Claim("sharing-helps", "A net with the first one's normal weights reads its examples better than a fresh one.",
              _CLEAN + ", shared normal weights", "the same of the fresh net"),
    ),
    columns=COLUMNS,
    note="A warm start may just remember: it was right on all clean points when its training on wrong labels began.",
)
