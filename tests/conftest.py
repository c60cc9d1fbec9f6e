"""What several tests share: settings, tiny worlds, trained recordings."""

import gc
import os
from functools import cache

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the bits and the tolerances of the tests are the processor's
# Most programs run once or twice: compiled plainly, in a third of the time, they lose less than that.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0")

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

install_import_hook("toy", "shapes.checked")  # before anything of toy is loaded

from toy import Knobs, Recording, World, simulate
from toy.cache import use_compilation_cache
from toy.exhibits import EXHIBITS
from toy.world import FIELDS

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.filter_too_much]
)
settings.load_profile("repeatable")
gc.set_threshold(50_000, 20, 50)  # jax keeps gigabytes of what it has traced, which is looked through each time

TINY = {"points_per_side": 3, "codimension": 3, "hidden_layers": 1, "width": 8, "steps": 20}
# Decay times rate above 2 multiplies the weights by -9 in every step.
DIVERGING = {"optimizer": "sgd", "activation": "softplus", "learning_rate": 10.0, "weight_decay": 1.0, "steps": 60}


def pytest_configure(config):
    """Keep compiled functions beside pytest's own cache, for all workers, the processes they start and the next run."""
    if hasattr(config, "cache"):
        os.environ["XDG_CACHE_HOME"] = str(config.cache.mkdir("home"))
        use_compilation_cache()


def tiny(**values) -> tuple[World, Knobs]:
    """World and knobs that train in milliseconds, with some fields changed."""
    values = {**TINY, **values}
    world = World(**{name: v for name, v in values.items() if FIELDS[name] is World})
    return world, Knobs(**{name: v for name, v in values.items() if FIELDS[name] is Knobs})


def with_seed(knobs: Knobs, seed) -> Knobs:
    """The knobs with a seed that may be a tracer."""
    leaves, tree = jax.tree.flatten(knobs)
    at = list(Knobs.model_fields).index("seed")
    return jax.tree.unflatten(tree, [seed if i == at else leaf for i, leaf in enumerate(leaves)])


@cache
def _trained(world: World, knobs_json: str) -> Recording:
    return simulate(world, Knobs.model_validate_json(knobs_json))


@pytest.fixture(scope="session")
def train():
    """train(**fields) -> Recording of a tiny world, trained once a session."""

    def trained(**values) -> Recording:
        world, knobs = tiny(**values)
        return _trained(world, knobs.model_dump_json())

    return trained


@pytest.fixture(scope="session")
def hero() -> Recording:
    """The finished run of the exhibit dimpled-sheet."""
    exhibit = EXHIBITS["dimpled-sheet"]
    return _trained(exhibit.world, exhibit.knobs.model_dump_json())


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)
