"""The experiments, one file an exhibit; each EXPERIMENT is found here under its exhibit's name."""

from toy.experiment import Experiment
from toy.experiments import (
    authors_line,
    codimension,
    curved_worlds,
    dimpled_sheet,
    frozen_weights,
    one_direction,
    rival_views,
    robustness_or_accuracy,
    smoother_boundaries,
    three_arrows,
    walls_or_dimples,
    where_it_fails,
    wrong_labels,
)

EXPERIMENTS: dict[str, Experiment] = {
    "authors-line": authors_line.EXPERIMENT,
    "codimension": codimension.EXPERIMENT,
    "curved-worlds": curved_worlds.EXPERIMENT,
    "dimpled-sheet": dimpled_sheet.EXPERIMENT,
    "frozen-weights": frozen_weights.EXPERIMENT,
    "one-direction": one_direction.EXPERIMENT,
    "rival-views": rival_views.EXPERIMENT,
    "robustness-or-accuracy": robustness_or_accuracy.EXPERIMENT,
    "smoother-boundaries": smoother_boundaries.EXPERIMENT,
    "three-arrows": three_arrows.EXPERIMENT,
    "walls-or-dimples": walls_or_dimples.EXPERIMENT,
    "where-it-fails": where_it_fails.EXPERIMENT,
    "wrong-labels": wrong_labels.EXPERIMENT,
}
