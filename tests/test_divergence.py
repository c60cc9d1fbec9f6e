"""Why a run diverged: every setting named is one that, changed alone, carries the run on."""

from conftest import DIVERGING, tiny

from toy import Origin, simulate
from toy.divergence import causes

_, USUAL = tiny(steps=60)


def test_the_settings_that_alone_help_are_named_and_no_other():
    setting = {"learning_rate": 5.0, "weight_decay": 1.0, "first_layer_penalty": 0.1}
    diverged = simulate(*tiny(**{**DIVERGING, **setting}))
    why, reach = causes(diverged, USUAL), 2 * diverged.diverged_at + 20
    assert why == {"learning_rate": USUAL.learning_rate, "weight_decay": 0}
    for name in setting:
        usual = {**setting, name: getattr(USUAL, name), "steps": min(reach, 60)}
        assert (simulate(*tiny(**{**DIVERGING, **usual})).diverged_at is None) == (name in why)


def test_a_usual_learning_rate_is_tried_at_a_tenth():
    world, knobs = tiny(**DIVERGING)
    assert causes(simulate(world, knobs), knobs) == {"learning_rate": knobs.learning_rate / 10}


def test_a_branch_keeps_the_data_and_the_run_it_comes_from():
    origin = Origin((("learning_rate", 0.01), ("weight_decay", 0.0), ("steps", 20)), 20)
    world, knobs = tiny(**{**DIVERGING, "start": "branch", "learning_rate": 5.0, "noise": 0.1})
    diverged = simulate(world, knobs, origin=origin)
    assert causes(diverged, USUAL) == {"learning_rate": USUAL.learning_rate, "weight_decay": 0}


def test_a_healthy_run_has_no_cause():
    world, knobs = tiny(**{**DIVERGING, "learning_rate": 0.1})
    assert causes(simulate(world, knobs), USUAL) == {}
