"""Minimal L2 perturbations against foolbox's best here; the whole table over many nets is bench/attacks.py."""

import numpy as np
import pytest

from bench.attacks import PEERS, ratios, theirs

NETS = [  # worlds of other tests, whose search is compiled already
    {"codimension": 3, "points_per_side": 5, "width": 40, "hidden_layers": 2, "steps": 80, "learning_rate": 0.01},
    {"codimension": 20, "points_per_side": 5, "width": 40, "hidden_layers": 3, "steps": 60},
]


@pytest.mark.parametrize("fields", NETS, ids=lambda fields: f"n={fields['codimension'] + 2}")
def test_ours_is_never_one_percent_longer_and_mostly_shorter(train, fields):
    r = ratios(train(**fields))
    assert len(r) >= 20 and r.max() <= 1.01 and (r < 1).mean() > 0.5


def test_what_the_peer_finds_is_judged_and_not_believed(train):
    """An attack that claims success for the points themselves has found nothing."""

    class Lies:
        def __call__(self, model, inputs, labels, epsilons):
            return inputs, inputs, labels

    recording = train(**NETS[0])
    assert np.isinf(theirs(recording, {"lies": Lies()})).all()
    assert np.isfinite(theirs(recording, {"ddn": PEERS["ddn"]})).mean() > 0.8
