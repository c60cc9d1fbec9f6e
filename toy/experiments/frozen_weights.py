"""Exhibit frozen-weights: what plain gradient descent never changes, and the gradient off the manifold it leaves."""

import math
from collections.abc import Mapping

from toy import theory
from toy.experiment import Case, Claim, Experiment, Numbers, Result, Table
from toy.experiments import numbers as of
from toy.recording import Recording

PLAIN = {"sgd, z0 = 0, ell 3": 3.0, "sgd, z0 = 0": 30.0, "sgd, z0 = 0, ell 300": 300.0}  # ell of the plain runs


def row(recording: Recording) -> Numbers:
    """The invariants at the last step, and the gradient measured over predicted."""
    world, step, measured = recording.world, recording.last_step, of.at(recording)
    predicted = float(theory.predicted_vertical_gradient(recording, step).mean())
    lateral = predicted * math.sqrt(world.k / world.codimension)
    return of.numbers({
        "accuracy": measured["accuracy"], "gap": measured["gap"],
        "vertical_gradient": measured["vertical_gradient"], "predicted_vertical_gradient": predicted,
        "vertical_over_predicted": of.ratio(measured["vertical_gradient"], predicted),
        "lateral_gradient": measured["lateral_gradient"],
        "lateral_over_predicted": of.ratio(measured["lateral_gradient"], lateral),
        "sampling_error": 1.96 / math.sqrt(2 * world.codimension),
        "normal_weight_drift": theory.normal_weight_drift(recording, step),
        "seen_weight_drift": theory.seen_weight_drift(recording, step),
        "offset_weight_drift": theory.offset_weight_drift(recording, step),
        "normal_weight_factor": theory.normal_weight_factor(recording, step),
        "predicted_decay": theory.predicted_decay(recording, step),
        "rounding": theory.rounding(recording, step),
    })


def measure(recordings: Mapping[str, Recording]) -> Table:
    """A row a case."""
    return {name: row(recording) for name, recording in recordings.items()}


def judge(table: Table) -> dict[str, Result]:
    """See the claims."""
    plain, raised, adam, decayed = (table[name] for name in ("sgd, z0 = 0", "sgd, z0 = .5", "adam, z0 = .5", "decay"))
    frozen, seen = plain["normal_weight_drift"], plain["seen_weight_drift"]
    factor = of.ratio(decayed["normal_weight_factor"], decayed["predicted_decay"])
    wide, vertical, lateral = decayed["rounding"], plain["vertical_over_predicted"], plain["lateral_over_predicted"]
    b = {c: of.exponent(table, PLAIN, c) for c in ("vertical_gradient", "lateral_gradient")}
    error = plain["sampling_error"]
    return {
        "frozen": Result(frozen, seen, None if frozen is None or seen is None else frozen == 0 < seen),
        "offset-conserved": of.no_more(raised["offset_weight_drift"], raised["rounding"]),
        "adam-breaks-it": of.above(adam["offset_weight_drift"], adam["rounding"]),
        "decay-predicted": Result(
            factor, of.ratio(plain["normal_weight_factor"], decayed["predicted_decay"]),
            None if factor is None or wide is None else abs(factor - 1) <= wide),
        "vertical-predicted": Result(
            vertical, lateral, None if vertical is None or error is None else abs(vertical - 1) <= error),
        "vertical-law": of.near_half(b["vertical_gradient"], b["lateral_gradient"], 0.5),
    }


EXPERIMENT = Experiment(
    cases={
        "sgd, z0 = 0": Case({"offset": 0.0}),
        "sgd, z0 = 0, ell 3": Case({"offset": 0.0, "codimension": 3}),
        "sgd, z0 = 0, ell 300": Case({"offset": 0.0, "codimension": 300}),
        "sgd, z0 = .5": Case(),
        "adam, z0 = .5": Case({"optimizer": "adam", "learning_rate": 1e-3}),
        "decay": Case({"offset": 0.0, "weight_decay": 0.002}),
    },
    measure=measure,
    judge=judge,
    claims=(
        Claim("frozen", "Gradient descent never changes the first layer's weights orthogonal to the data.",
              "relative drift of those weights; holds when exactly 0 while the others moved",
              "drift of the weights that see the data"),
        Claim("offset-conserved", "On a plane at height z0 it conserves the combination W_z - z0 b.",
              "relative drift of W_z - z0 b", "what rounding allows: steps x 2^-24"),
        Claim("adam-breaks-it", "Adam, with a rate for each weight, does not conserve it.",
              "relative drift of W_z - z0 b under Adam", "what rounding allows: steps x 2^-24"),
        Claim("decay-predicted", "Weight decay shrinks the normal weights by (1 - learning_rate weight_decay) a step.",
              "what is left of them over the prediction; holds when 1 up to steps x 2^-24", "the same without decay"),
        Claim("vertical-predicted", "The gradient off the manifold stays that of the random weights at the start.",
              "mean norm of the gradient's normal part over the prediction for frozen weights; holds when 1 up to what "
              "random draws differ by, 1.96 / sqrt(2 ell)",
              "the same ratio along the manifold, where weights did change"),
        Claim("vertical-law", "The gradient off the manifold grows like ell^1/2.",
              "exponent over ell = 3, 30, 300; holds when the nearest multiple of 1/2 is 1/2",
              "exponent of the gradient along the manifold"),
    ),
    columns={
        **of.units("accuracy", "gap", "vertical_gradient", "predicted_vertical_gradient", "lateral_gradient",
                   "normal_weight_factor", "predicted_decay"),
        **dict.fromkeys(("vertical_over_predicted", "lateral_over_predicted", "sampling_error", "normal_weight_drift",
                         "seen_weight_drift", "offset_weight_drift", "rounding"), "1"),
    },
    note="One hidden layer, as in the theorem, wide; plain descent learns most of the chessboard in its steps.",
)
