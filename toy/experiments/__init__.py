"""The experiments, one file an exhibit; each EXPERIMENT is found here under its exhibit's name."""

from toy.experiment import Experiment
from toy.experiments import dimpled_sheet

EXPERIMENTS: dict[str, Experiment] = {
    "dimpled-sheet": dimpled_sheet.EXPERIMENT,
}
