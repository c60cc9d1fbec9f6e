"""The hero net's refined boundary mesh against one call for the whole grid and unrefined marching cubes."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from skimage.measure import marching_cubes

import toy
from toy import windows
from toy.boundary import extract
from toy.recording import log_spaced

SIDES = (32, 48, 64, 96, 128)
CHUNK = 8192


def _grid(window: windows.Window, side: int) -> jax.Array:
    axes = [np.linspace(low, high, side) for low, high in zip(window.low, window.high)]
    return jnp.asarray(np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3), jnp.float32)


def _surface(values: Any, side: int) -> None:
    volume = np.array(values).reshape(side, side, side)
    if volume.min() < 0 < volume.max():
        marching_cubes(volume, 0.0)


def whole_grid(window: windows.Window, params: Any, side: int) -> Callable[[], None]:
    """All side^3 samples in one call, then marching cubes; vertices as interpolated."""
    grid, field = _grid(window, side), window.field(params)
    return lambda: _surface(field(grid), side)


def chunked_grid(window: windows.Window, params: Any, side: int) -> Callable[[], None]:
    """All side^3 samples in calls of 8192, then marching cubes: the dense peer of a time line."""
    grid, field = _grid(window, side), window.field(params)
    parts = [grid[i : i + CHUNK] for i in range(0, len(grid), CHUNK)]
    return lambda: _surface(np.concatenate([np.asarray(field(part)) for part in parts]), side)


def ours(window: windows.Window, params: Any, side: int) -> Callable[[], None]:
    """The product's mesh, refined."""

    def run() -> None:
        extract(window.field(params), window.low, window.high, side)

    return run


def _median(run: Callable[[], None], rounds: int = 5) -> float:
    run()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def bench() -> dict[str, float]:
    """Medians at the last step of the hero world, growth with the side, and a time line of 120 steps at 48 a side."""
    recording = toy.simulate(toy.World(), toy.Knobs())
    window = windows.window(recording, toy.View())
    params = recording.params(recording.last_step)
    out: dict[str, float] = {}
    for side in SIDES:
        out[f"ours_ms_{side}"] = 1e3 * _median(ours(window, params, side))
    out["whole_grid_ms_64"] = 1e3 * _median(whole_grid(window, params, 64))
    out["ratio_64"] = out["whole_grid_ms_64"] / out["ours_ms_64"]
    steps = log_spaced(recording.last_step, 160)[:120]
    nets = [recording.params(step) for step in steps]
    for name, one in (("ours", ours), ("chunked", chunked_grid)):
        one(window, nets[0], 48)()
        began = time.perf_counter()
        for net in nets:
            one(window, net, 48)()
        out[f"time_line_s_{name}"] = time.perf_counter() - began
    out["time_line_ratio"] = out["time_line_s_chunked"] / out["time_line_s_ours"]
    return out
