"""A run's end as a small picture: the boundary's height over the manifold, and the training points."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from toy import nets, windows
from toy.heights import heights
from toy.labels import domain
from toy.manifolds import point
from toy.recording import Recording
from toy.world import View

SIDE = 33


class Picture(NamedTuple):
    """What a small picture shows, as JSON can hold it.

    kind: "height" (h(u), a length; None where no boundary is in reach), or "logit" (f on the manifold) for a world
    without normal directions. box: k pairs (low, high) of u. values: SIDE^k numbers, the last parameter fastest.
    u: the training points' parameters, N lists of k; y: their classes; right: which are on their right side.
    """

    kind: str
    box: list[list[float]]
    values: list[float | None]
    u: list[list[float]]
    y: list[int]
    right: list[bool]


def picture(recording: Recording, view: View) -> Picture:
    """The last step of a run."""
    world, data = recording.world, recording.data
    params = recording.params(recording.last_step)
    u = windows.parameter_grid(world, SIDE)
    chart = windows.normal_chart(recording, view)
    f = nets.logit(world)
    if chart is None:
        values = np.asarray(f(params, point(world.geometry, world.n, recording.knobs.offset, jnp.asarray(u))))
    else:
        values = heights(chart, params, u).nearest
    right = np.asarray(f(params, jnp.asarray(data.x))) * data.y > 0
    box = [[float(low), float(high)] for low, high in domain(world.geometry, world.sampling)]
    return Picture("logit" if chart is None else "height", box, _short(values), [_short(row) for row in data.u],
                   data.y.astype(int).tolist(), right.tolist())


def _short(values: np.ndarray) -> list[Any]:
    """Four digits, which is more than a small picture shows; None where undefined."""
    return [float(f"{v:.4g}") if np.isfinite(v) else None for v in values]


__all__ = ["SIDE", "Picture", "picture"]
