"""Every experiment: documented, repeatable, its verdicts a function of its table that can come out either way."""

import math
from dataclasses import replace
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest

from toy import simulate
from toy.experiment import Evidence, evidence, setups
from toy.experiments import EXPERIMENTS, three_arrows
from toy.experiments import numbers as of
from toy.link import Setup, build
from toy.manifolds import MANIFOLDS
from toy.origin import Origin
from toy.trials import trainer, trial

RANDOM_TABLES = 4000
NAMES = sorted(EXPERIMENTS)


def small(setup: Setup) -> Setup:
    """The same case on a world that trains in milliseconds: what is tested is the machinery, not the claim."""
    world, knobs = setup.world, setup.knobs
    normal = max(world.geometry.e - world.k, min(world.codimension, 3))
    shape = next(m.name for m in MANIFOLDS.values() if (m.k, m.e) == (world.k, world.geometry.e))
    world = world.replace(manifold=shape, codimension=normal, points_per_side=3, hidden_layers=1, width=8, batch_size=0)
    return replace(setup, world=world, knobs=knobs.replace(steps=min(knobs.steps, 10)), origin=early(setup.origin))


def early(origin: Origin | None) -> Origin | None:
    """The same origin in a run of at most 10 steps."""
    if origin is None:
        return None
    changes = tuple((name, min(value, 10) if name == "steps" else value) for name, value in origin.changes)
    return Origin(changes, min(origin.step, 5), early(origin.origin))


def run(name: str, seed: int = 0) -> Evidence:
    def train(setup: Setup):
        setup = small(setup)
        return simulate(setup.world, setup.knobs, origin=setup.origin)

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
        # A common level and common signs now and then: some claims ask the same of every row.
        level, spread, odd = rng.normal(0, 2), rng.uniform(0, 3), rng.choice([0, 0.2])
        size = sum(map(len, table.values()))
        signs = rng.choice([-1, 0, 1], size, p=[odd / 2, odd / 2, 1 - odd])
        drawn = iter(np.exp(rng.normal(level, spread, size)) * signs)
        shuffled = {row: {column: float(next(drawn)) for column in columns} for row, columns in table.items()}
        for claim, result in experiment.judge(shuffled).items():
            seen[claim].add(result.holds)
    assert all(verdicts >= {True, False} for verdicts in seen.values()), seen


@pytest.mark.parametrize("name", NAMES)
def test_tables_made_by_hand_have_the_rows_and_columns_of_measured_ones(name):
    from test_verdicts import MADE, whole

    made, table = MADE[name].table, reduced(name).table
    assert set(whole(name)) == set(table)
    assert all(set(columns) <= set(table[row]) for row, columns in made.items())


def test_guessing_level_is_a_quantile_of_guesses():
    rng = np.random.default_rng(0)
    guesses = (rng.integers(0, 2, (100_000, 25)) == 1).mean(1)
    level = of.guessing_level(25)
    assert (guesses <= level + 1e-9).mean() >= 0.95 > (guesses < level - 1e-9).mean()


def test_the_hero_world_has_a_dimple_a_point_and_shuffled_labels_have_not(hero):
    from toy.experiments.dimpled_sheet import own_dimples

    share, level = own_dimples(hero)
    assert share >= 0.8 > level


def test_ways_on_and_off_are_those_of_a_linear_net(train, monkeypatch):
    from test_measures import Still

    base = train(codimension=3)
    w = np.array([1.0, 0, 0, 0, 2.0], np.float32)
    params = {"layer0": {"kernel": jnp.asarray(np.outer(w, np.eye(8)[0]), jnp.float32),
                         "bias": jnp.full(8, 8.0)}, "layer1": {"kernel": jnp.eye(8)[:, :1], "bias": jnp.full(1, -8.4)}}
    found = three_arrows.row(Still(base.world, base.knobs, base.data, params))
    f = np.asarray(base.data.x) @ w - 0.4
    assert np.isclose(found["distance_on_median"], np.median(np.abs(f)), rtol=1e-3)
    assert np.isclose(found["distance_off_median"], np.median(np.abs(f)) / 2, rtol=1e-3)


def test_without_a_direction_off_the_manifold_a_seed_has_no_evidence_and_says_why():
    setup = build("dimpled-sheet", {"codimension": 0, "width": 8, "hidden_layers": 1, "steps": 3})
    found = trial(EXPERIMENTS["dimpled-sheet"], setup, trainer())
    assert "codimension must be at least 1, got 0" in found.error
    assert all(result.holds is None for result in found.results.values())


def test_class_signal_of_points_made_by_hand(rng):
    from toy import World
    from toy.experiments.wrong_labels import class_signal
    from toy.labels import Data

    world, y = World(codimension=3), np.repeat([1.0, -1.0], 50)
    u, z = rng.uniform(size=(100, 2)), 0.1 * rng.standard_normal((100, 3))
    told = np.hstack([u, z + 0.2 * y[:, None] * np.array([0, 0, 1])]).astype(np.float32)
    step, mu, level = class_signal(world, Data(u.astype(np.float32), told, y))
    assert np.allclose(step, [0, 0, 0, 0, 0.4], atol=0.07) and level < 0.6
    assert math.isclose(mu, 0.4 / (0.1 * math.sqrt(3)), rel_tol=0.2)  # the tangent part counts for nothing
    untold = np.hstack([u, z]).astype(np.float32)
    mus = [class_signal(world, Data(u.astype(np.float32), untold, rng.permutation(y)))[1:] for _ in range(40)]
    assert sum(a > b for a, b in mus) <= 6  # about 2 of 40
    assert math.isnan(class_signal(world, Data(u.astype(np.float32), untold, np.ones(100)))[1])
