"""Sweeps: an exhibit over seeds and field values, one row a run; broken off, it goes on from the rows in its file.

Runs are made one by one, each exactly as `python -m toy run` makes it: batching seeds with vmap gains nothing on a
processor and changes the last bits. They are spread over processes, or over machines, by concurrent.futures.
"""

import itertools
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from toy import report, rows
from toy.cache import use_compilation_cache
from toy.errors import FieldError
from toy.link import Setup, build
from toy.recording import simulate
from toy.rows import Row
from toy.world import FIELDS, View, bounds

MOST_RUNS = 10_000
PATIENCE = 10.0  # seconds for a scheduler to answer
INSTALL_DASK = "python -m pip install -r requirements-cluster.txt"

_stop: Event | None = None  # in a worker process: set when the sweep is broken off


@dataclass(frozen=True)
class Sweep:
    """The runs of a sweep in the order of their rows: the first varied field slowest, seeds fastest."""

    varied: tuple[str, ...]
    setups: tuple[Setup, ...]


def whole(flag: str, value: Any, low: int) -> int:
    """A whole number of at least `low` from text or a number; FieldError names the flag."""
    try:
        if isinstance(value, str) and not re.fullmatch("-?[0-9]{1,18}", value.strip()):
            raise ValueError
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = low - 1
    if number < low or number != (int(value) if isinstance(value, str) else value):
        raise FieldError(flag, f"a whole number of at least {low}", value)
    return number


def check_seeds(first: int, count: int) -> None:
    """FieldError naming --first-seed when the last of the seeds would be none."""
    most = int(bounds("seed")[1]) - count + 1
    if first > most:
        raise FieldError("--first-seed", f"at most {most} for so many seeds", first)


def plan(exhibit: str, vary: Mapping[str, Sequence[Any]], seeds: Any = 1, first_seed: Any = 0,
         fixed: Mapping[str, Any] | None = None) -> Sweep:
    """Every combination of the varied fields' values, each with `seeds` seeds from `first_seed` on.

    All runs are validated here; raises FieldError for the first that cannot be, for a field named twice and for
    more than MOST_RUNS runs.
    """
    fixed, seeds, first = dict(fixed or {}), whole("--seeds", seeds, 1), whole("--first-seed", first_seed, 0)
    for name in (*vary, *fixed):
        if name == "seed":
            raise FieldError("--vary and --set", "about other fields than the seed", name, "use --seeds, --first-seed")
    for name, values in vary.items():
        if not values:
            raise FieldError("--vary", "about at least one value a field", name)
        if name in fixed:
            raise FieldError("--vary", "about fields that --set leaves alone", name)
        if FIELDS.get(name) is View and name not in rows.VIEW_FIELDS:
            raise FieldError("--vary", "about fields that change the numbers", name)
    count = seeds
    for values in vary.values():
        count *= len(values)
    if count > MOST_RUNS:
        raise FieldError("runs", f"at most {MOST_RUNS}", count, "fewer seeds or values")
    check_seeds(first, seeds)
    setups = tuple(
        build(exhibit, {**fixed, **dict(zip(vary, values)), "seed": seed})
        for values in itertools.product(*vary.values()) for seed in range(first, first + seeds)
    )
    if len({rows.key_of(setup) for setup in setups}) < count:
        given = ", ".join(f"{name}={','.join(map(str, values))}" for name, values in vary.items())
        raise FieldError("--vary", "different values", given)
    return Sweep(tuple(vary), setups)


def broken_off() -> bool:
    """Whether this is a worker process that has been told to stop."""
    return _stop is not None and _stop.is_set()


def one(setup: Setup, cancelled: Callable[[], bool] = broken_off) -> Row:
    """Train and measure one run: its row; CancelledError when told to stop."""
    def check(*_: int) -> None:
        if cancelled():
            raise CancelledError

    began = time.perf_counter()
    recording = simulate(setup.world, setup.knobs, cancelled=cancelled, origin=setup.origin)
    seconds = time.perf_counter() - began
    check()
    return rows.row_of(setup, report.summary(setup, recording, seconds, check))


def run(sweep: Sweep, out: str | Path, workers: Any = 1, scheduler: str | None = None,
        progress: Callable[[int, int], None] | None = None) -> list[Row]:
    """Make the runs that `out` does not hold yet, add each row as it comes, and return all in the sweep's order.

    workers: processes (1: this one); scheduler: address of a dask scheduler, used instead. progress(done, total)
    is called before the first run and after each. The finished file is the same whatever the workers, and whether
    or not the sweep was broken off, but for `seconds`. Raises FieldError before anything runs.
    """
    workers = whole("--workers", workers, 1)
    keys = [rows.key_of(setup) for setup in sweep.setups]
    done = rows.resume(out, keys)
    left = [setup for name, setup in zip(keys, sweep.setups) if name not in done]
    if progress:
        progress(len(done), len(keys))
    with closing(_results(left, workers, scheduler)) as results:
        for row in results:
            rows.append(out, row)
            done[rows.key(row)] = row
            if progress:
                progress(len(done), len(keys))
    ordered = [done[name] for name in keys]
    rows.arrange(out, ordered)
    return ordered


def _results(setups: Sequence[Setup], workers: int, scheduler: str | None) -> Generator[Row]:
    """The rows as they are finished."""
    if not setups:
        return
    if scheduler is None and min(workers, len(setups)) == 1:
        yield from map(one, setups)
        return
    with processes(min(workers, len(setups))) if scheduler is None else _cluster(scheduler) as executor:
        futures = [executor.submit(_remote, setup) for setup in setups]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenExecutor:
            why = "a worker process died, perhaps for want of memory; the same command goes on from the rows it has"
            raise FieldError("--workers", "as few as fit into memory", workers, why) from None
        finally:
            for future in futures:
                future.cancel()


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """Processes, each with its own JAX; they end soon after the block does, in the middle of a run if need be.

    Not threads: over a quarter of a run holds the interpreter, and two processes beat two threads in all of 7
    interleaved rounds of the hero world. Spawned, because a forked JAX can hang. Starting one costs about as much
    as two hero runs.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, _begin, (stop,))
    try:
        yield pool
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _begin(stop: Event) -> None:
    """Start a worker process: Ctrl-C reaches it too, but the first process tells it when to stop; or dies."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """Nobody would read what an orphan computes: a killed sweep or report leaves no process behind."""
    parent.join()
    os._exit(1)


def _remote(setup: Setup) -> Row:
    use_compilation_cache()  # a world compiled by one worker is read from disk by the others
    return one(setup)


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    """A dask cluster's workers; they and the scheduler need this repository and its requirements."""
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise FieldError("--scheduler", "left out, or dask installed", address, INSTALL_DASK) from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise FieldError("--scheduler", "the address of a running dask scheduler", address, str(error)) from None
    with client:
        here = client.run_on_scheduler(lambda: find_spec("toy") is not None)
        if not here or not all(client.run(lambda: find_spec("toy") is not None).values()):
            why = "start them with python -m dask scheduler and python -m dask worker in this repository's folder"
            raise FieldError("--scheduler", "a cluster that can import toy", address, why)
        try:
            yield client.get_executor(pure=False)
        except (KilledWorker, CancelledError) as error:
            why = f"{type(error).__name__}: {error}".partition(". ")[0]
            raise FieldError("--scheduler", "a cluster that stays up", address, why) from error
