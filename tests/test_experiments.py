"""Every experiment: documented, repeatable, its verdicts a function of its table that can come out either way."""

import math
from functools import cache

import numpy as np
import pytest

from toy import simulate
from toy.experiment import Evidence, evidence, setups
from toy.experiments import EXPERIMENTS
from toy.experiments import numbers as of
from toy.link import Setup, build

RANDOM_TABLES = 4000
NAMES = sorted(EXPERIMENTS)


def small(setup: Setup) -> Setup:
    """The same case on a world that trains in milliseconds: what is tested is the machinery, not the claim."""
    world, knobs = setup.world, setup.knobs
    normal = max(world.geometry.e - world.k, min(world.codimension, 3))
    world = world.replace(codimension=normal, points_per_side=3, hidden_layers=1, width=8, batch_size=0)
    return Setup(setup.exhibit, world, knobs.replace(steps=min(knobs.steps, 20)), setup.view)


def run(name: str, seed: int = 0) -> Evidence:
    def train(setup: Setup):
        setup = small(setup)
        return simulate(setup.world, setup.knobs)

    return evidence(EXPERIMENTS[name], build(name, {"seed": seed}), train)


reduced = cache(run)


@pytest.mark.parametrize("name", NAMES)
def test_claims_and_columns_are_documented(name):
    experiment, found = EXPERIMENTS[name], reduced(name)
    assert experiment.claims and len({claim.name for claim in experiment.claims}) == len(experiment.claims)
    for claim in experiment.claims:
        assert claim.prediction.endswith(".") and claim.value and claim.unit
    assert set(found.results) == {claim.name for claim in experiment.claims}
    assert {column for row in found.table.values() for column in row} == set(experiment.columns)
    for row in found.table.values():
        assert all(value is None or (isinstance(value, float) and math.isfinite(value)) for value in row.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_case_is_a_run_of_its_own(name):
    planned = setups(EXPERIMENTS[name], build(name, {"seed": 7}))
    assert len({(s.world, s.knobs) for s in planned.values()}) == len(planned)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_regenerate(name):
    assert run(name) == reduced(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_follows_from_the_table_alone_and_can_come_out_either_way(name):
    experiment, table = EXPERIMENTS[name], reduced(name).table
    assert experiment.judge(table) == experiment.judge(table)
    empty = experiment.judge({row: dict.fromkeys(columns) for row, columns in table.items()})
    assert not any(result.holds for result in empty.values())
    rng, seen = np.random.default_rng(0), {claim.name: set() for claim in experiment.claims}
    for _ in range(RANDOM_TABLES):
        if all(verdicts >= {True, False} for verdicts in seen.values()):
            break
        spread = rng.uniform(0, 3)
        shuffled = {
            row: {column: float(np.exp(rng.normal(0, spread))) * rng.choice([-1, 0, 1], p=[0.1, 0.1, 0.8])
                  for column in columns}
            for row, columns in table.items()
        }
        for claim, result in experiment.judge(shuffled).items():
            seen[claim].add(result.holds)
    assert all(verdicts >= {True, False} for verdicts in seen.values()), seen


def test_guessing_level_is_a_quantile_of_guesses():
    rng = np.random.default_rng(0)
    guesses = (rng.integers(0, 2, (100_000, 25)) == 1).mean(1)
    level = of.guessing_level(25)
    assert (guesses <= level + 1e-9).mean() >= 0.95 > (guesses < level - 1e-9).mean()


def test_the_hero_world_has_a_dimple_a_point_and_shuffled_labels_have_not(hero):
    from toy.experiments.dimpled_sheet import own_dimples

    share, level = own_dimples(hero)
    assert share >= 0.8 > level
