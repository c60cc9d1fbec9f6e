"""Exhibit one-direction: one direction off the manifold flips every point, and other nets too."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from toy import attacks
from toy.experiment import Case, Claim, Experiment, Numbers, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording
from toy.universal import Universal, transfer, universal

NETS = ("net 1", "net 2", "net 3")  # independent; with no noise they see the same data
HALF = 0.5


def reaches(found: Universal, shares: Float[np.ndarray, " E"], share: float) -> float:
    """The least of the lengths from which on a curve of shares has reached one; the longest where it never does."""
    return float(found.lengths[(shares >= share).argmax()] if (shares >= share).any() else found.lengths[-1])


def alone(recording: Recording) -> Numbers:
    """What a net's own direction does to its own points, and what it takes each point alone."""
    step = recording.last_step
    found, own = universal(recording, step), attacks.minimal("off", recording, step).distance
    at = int(np.flatnonzero(found.lengths == found.own_eps)[0])
    return {
        "accuracy": float(recording.accuracy[-1]), "own_eps": found.own_eps, "flipped": float(found.flipped[at]),
        "flipped_chance": float(found.chance[at]), "flipped_chance_95": float(found.chance_95[at]),
        "half_length": reaches(found, found.flipped, HALF), "half_length_chance": reaches(found, found.chance, HALF),
        "distance_off_median": of.median(own),
    }


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a net, then a row a pair of nets, from the one that is attacked to the one that is shown the result."""
    runs = list(recordings.values())
    found = transfer(runs, [run.last_step for run in runs])
    pairs = {
        f"{a} to {b}": of.numbers({
            "direction": found.direction[i, j], "direction_chance": found.direction_chance[i, j],
            "points": found.points[i, j], "points_chance": found.points_chance[i, j],
        })
        for i, a in enumerate(recordings) for j, b in enumerate(recordings) if i != j
    }
    return {**{name: alone(run) for name, run in recordings.items()}, **pairs}


def mean(table: Table, column: str) -> float | None:
    """A column's mean over the pairs of independent nets."""
    values = [table[f"{a} to {b}"][column] for a in NETS for b in NETS if a != b]
    return None if any(v is None for v in values) else float(np.mean(values))  # type: ignore[arg-type]


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    net, shared = table["net 1"], table["net 1 to shared normal weights"]
    whole = net["flipped"] is not None and net["flipped"] >= 1
    every = of.above(net["flipped"], net["flipped_chance_95"])
    return {
        "flips-all": every._replace(holds=None if every.holds is None else every.holds and whole),
        "short": of.below(net["half_length"], net["half_length_chance"]),
        "direction-transfers": of.above(mean(table, "direction"), mean(table, "direction_chance")),
        "points-transfer": of.above(mean(table, "points"), mean(table, "points_chance")),
        "start-shares-it": of.above(shared["direction"], mean(table, "direction")),
    }


EXPERIMENT = Experiment(
    cases={
        **{name: Case(seed_shift=1000 * i) for i, name in enumerate(NETS)},
        "shared normal weights": Case({"start": "normal-weights", "from.step": 0}),
    },
    measure=measure,
    judge=judge,
    claims=(
        Claim("flips-all", "One direction off the manifold, its sign set by the class, flips every point.",
              "share of points flipped, at the least length at which the direction flips the most; "
              "holds when all are, and above chance",
              "95 % level of random normal directions as long, each with the better sign"),
        Claim("short", "That direction needs less length than others.",
              "length at which the direction flips half of the points",
              "length at which random normal directions do; the longest tried where they never do", "length"),
        Claim("direction-transfers", "The direction of one net flips the points of independent nets.",
              "share flipped, mean over the six pairs of three nets", "the same of random normal directions as long"),
        Claim("points-transfer", "Each point's own perturbation off the manifold flips it in independent nets too.",
              "share flipped, mean over the six pairs of three nets", "the same of random normal directions as long"),
        Claim("start-shares-it", "What two nets share off the manifold is where their normal weights started.",
              "share that the direction flips in another net that started with the same normal weights",
              "the same between independent nets"),
    ),
    columns={
        **of.units("accuracy", "distance_off_median"), "own_eps": "length", "flipped": "1", "flipped_chance": "1",
        "flipped_chance_95": "1", "half_length": "length", "half_length_chance": "length", "direction": "1",
        "direction_chance": "1", "points": "1", "points_chance": "1",
    },
)
