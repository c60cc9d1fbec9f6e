"""The experiments, one file an exhibit; each EXPERIMENT is found here under its exhibit's name."""

from toy.experiment import Experiment
from toy.experiments import authors_line, codimension, dimpled_sheet, frozen_weights, three_arrows

EXPERIMENTS: dict[str, Experiment] = {
    "authors-line": authors_line.EXPERIMENT,
    "codimension": codimension.EXPERIMENT,
    "dimpled-sheet": dimpled_sheet.EXPERIMENT,
    "frozen-weights": frozen_weights.EXPERIMENT,
    "three-arrows": three_arrows.EXPERIMENT,
}
