"""The experiments, one file an exhibit; each EXPERIMENT is found here under its exhibit's name."""

from toy.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {}
