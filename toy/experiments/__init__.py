"""The experiments, one file an exhibit; each EXPERIMENT is found here under its exhibit's name."""

from toy.experiment import Experiment
from toy.experiments import (
    authors_line,
    codimension,
    dimpled_sheet,
    frozen_weights,
    one_direction,
    rival_views,
    three_arrows,
    wrong_labels,
)

EXPERIMENTS: dict[str, Experiment] = {
    "authors-line": authors_line.EXPERIMENT,
    "codimension": codimension.EXPERIMENT,
    "dimpled-sheet": dimpled_sheet.EXPERIMENT,
    "frozen-weights": frozen_weights.EXPERIMENT,
    "one-direction": one_direction.EXPERIMENT,
    "rival-views": rival_views.EXPERIMENT,
    "three-arrows": three_arrows.EXPERIMENT,
    "wrong-labels": wrong_labels.EXPERIMENT,
}
