"""Experiments over seeds: one file a seed and exhibit, so that what was broken off goes on from what there is.

Processes take whole experiments, longest first: the seeds of an experiment share their compiled functions.
"""

import hashlib
import json
import platform
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, wait
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from toy import sweep
from toy.cache import use_compilation_cache
from toy.errors import FieldError
from toy.experiment import Experiment, Result, Simulate, Table, evidence, setups
from toy.experiments import EXPERIMENTS
from toy.files import whole_file
from toy.gallery import Picture, picture
from toy.link import Setup, build, query
from toy.recording import Recording, simulate
from toy.world import step_flops

LIBRARIES = ("jax", "flax", "optax", "numpy", "scipy")
RUN_FLOPS = 3e10  # what measuring a run costs beside training it: about a second of a slow core


class Trial(NamedTuple):
    """What one seed of an experiment gave. error: why nothing could be measured, else ""; picture: of the base run."""

    seed: int
    table: Table
    results: dict[str, Result]
    picture: Picture | None
    error: str
    seconds: float


def trainer(cancelled: Callable[[], bool] = lambda: False) -> Simulate:
    """`simulate` that trains a run once, however many cases come from it; CancelledError when told to stop."""
    made: dict[Hashable, Recording] = {}

    def train(setup: Setup) -> Recording:
        if setup.run not in made:
            parent = train(setup.parent) if setup.parent else None
            made[setup.run] = simulate(setup.world, setup.knobs, None, cancelled, setup.origin, parent)
            if cancelled():
                raise CancelledError
        return made[setup.run]

    return train


def trial(experiment: Experiment, base: Setup, train: Simulate) -> Trial:
    """One seed. Where a case cannot be run (FieldError), every claim is undefined and the reason is kept."""
    began = time.perf_counter()
    try:
        found, error = evidence(experiment, base, train), ""
    except FieldError as wrong:
        found, error = None, str(wrong)
    seed, seconds = base.knobs.seed, round(time.perf_counter() - began, 3)
    if found is None:
        return Trial(seed, {}, {claim.name: Result(None, None, None) for claim in experiment.claims}, None, error,
                     seconds)
    return Trial(seed, found.table, found.results, picture(train(base), base.view), "", seconds)


@cache
def source() -> str:
    """A fingerprint of this package's code: what an earlier version measured is measured again."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def versions() -> dict[str, str]:
    """What the numbers depend on besides the seed."""
    return {"toy": source(), "python": platform.python_version(), **{name: version(name) for name in LIBRARIES},
            "machine": f"{platform.system()} {platform.machine()}"}


def links(experiment: Experiment, base: Setup) -> dict[str, str]:
    """The link of every case."""
    return {name: query(setup) for name, setup in setups(experiment, base).items()}


def cost(name: str, seed: int = 0) -> float:
    """A guess at the work of one seed: floating-point operations of all its runs."""
    planned = setups(EXPERIMENTS[name], build(name, {"seed": seed})).values()
    return sum(RUN_FLOPS + run.knobs.steps * step_flops(run.world) for setup in planned for run in setup.line)


def _file(folder: Path, name: str, seed: int) -> Path:
    return folder / "trials" / f"{name}-{seed}.json"


def _key(name: str, seed: int) -> dict[str, Any]:
    """What a file must say of itself to be used again."""
    return {"exhibit": name, "seed": seed, "versions": versions(),
            "runs": links(EXPERIMENTS[name], build(name, {"seed": seed}))}


def read(folder: Path, name: str, seed: int) -> Trial | None:
    """An earlier trial; None when there is none, or only a damaged one or another version's."""
    try:
        stored = json.loads(_file(folder, name, seed).read_text(encoding="utf-8"))
        if any(stored[field] != wanted for field, wanted in _key(name, seed).items()):
            return None
        results = {claim: Result(*result) for claim, result in stored["results"].items()}
        shown = stored["picture"] and Picture(**stored["picture"])
        return Trial(seed, stored["table"], results, shown, stored["error"], stored["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(folder: Path, name: str, found: Trial) -> None:
    """Keep a trial: its file is whole or not there."""
    path = _file(folder, name, found.seed)
    content = {**_key(name, found.seed), **found._asdict(), "picture": found.picture and found.picture._asdict()}
    with whole_file(path) as file:
        file.write(json.dumps(content, allow_nan=False).encode() + b"\n")


def make(folder: Path, name: str, seeds: Sequence[int]) -> None:
    """Run the seeds of an experiment that have no file yet."""
    for seed in seeds:
        if read(folder, name, seed) is None:
            train = trainer(sweep.broken_off)
            write(folder, name, trial(EXPERIMENTS[name], build(name, {"seed": seed}), train))


def _remote(folder: Path, name: str, seeds: Sequence[int]) -> None:
    use_compilation_cache()
    make(folder, name, seeds)


def collect(folder: Path, names: Sequence[str], seeds: Sequence[int], workers: int = 1,
            progress: Callable[[int, int, str], None] = lambda *_: None) -> Mapping[str, list[Trial]]:
    """All trials of some experiments, those that `folder` does not hold made first.

    workers: processes (1: this one). progress(done, total, exhibits going on) is called every two seconds.
    """
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    total = len(names) * len(seeds)

    def tell(going: str) -> None:
        progress(sum(read(folder, name, seed) is not None for name in names for seed in seeds), total, going)

    left = [name for name in sorted(names, key=cost, reverse=True)
            if any(read(folder, name, seed) is None for seed in seeds)]
    if min(workers, len(left)) <= 1:
        for name in left:
            for seed in seeds:
                tell(name)
                make(folder, name, [seed])
    else:
        with sweep.processes(min(workers, len(left))) as pool:
            futures = {pool.submit(_remote, folder, name, seeds): name for name in left}
            going = set(futures)
            try:
                while going:
                    tell(", ".join(futures[f] for f in going if f.running()))
                    ended, going = wait(going, timeout=2.0, return_when="FIRST_COMPLETED")
                    for future in ended:
                        future.result()
            except BrokenExecutor:
                why = "a worker process died, perhaps for want of memory; the same command goes on"
                raise FieldError("--workers", "as few as fit into memory", workers, why) from None
    tell("")
    return {name: [found for seed in seeds if (found := read(folder, name, seed))] for name in names}


__all__ = ["Trial", "collect", "links", "trainer", "trial", "versions"]
