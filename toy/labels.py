"""Sampling training points on a manifold and labelling them +1 or -1."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from toy import own
from toy.manifolds import Manifold, point, tangent

if TYPE_CHECKING:  # world reads this file's maps
    from toy.world import Knobs, World


@dataclass(frozen=True)
class Data:
    """Training data: parameters u (N, k), points x (N, n), labels y (N,) of +-1."""

    u: np.ndarray
    x: np.ndarray
    y: np.ndarray


def grid(manifold: Manifold, side: int, key: Array) -> Float[Array, "N k"]:
    """A regular grid over the unit box, ends included; along a periodic parameter the last end is left out."""
    axes = [
        jnp.arange(side) / (side if period else side - 1) for period in manifold.period
    ]
    return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), -1).reshape(-1, manifold.k)


def at_random(manifold: Manifold, side: int, key: Array) -> Float[Array, "N k"]:
    """side^k independent points, uniform in the parameters."""
    return jax.random.uniform(key, (side**manifold.k, manifold.k))


FIVE = np.array([0.05, 0.30, 0.55, 0.80, 1.05])


def five_point(manifold: Manifold, side: int, key: Array) -> Float[Array, "N k"]:
    """The authors' line: x = .05 .30 .55 .80 1.05 (arXiv:2106.10151, project page), whatever `side` says."""
    return jnp.asarray(FIVE)[:, None]


def alternating(unit: Array, cell: Array, side: int, key: Array) -> Array:
    """+1, -1, +1, ... by cell along the first parameter: rows of a grid alike."""
    return 1 - 2 * (cell[:, 0] % 2)


def chessboard(unit: Array, cell: Array, side: int, key: Array) -> Array:
    """The colour of the cell: parity of the sum of its indices."""
    return 1 - 2 * (cell.sum(1) % 2)


def at_random_balanced(unit: Array, cell: Array, side: int, key: Array) -> Array:
    """Random labels, as many +1 as -1 (one more +1 for an odd number)."""
    count = len(unit)
    return jax.random.permutation(key, 1 - 2 * (jnp.arange(count) % 2))


def half_space(unit: Array, cell: Array, side: int, key: Array) -> Array:
    """+1 in the lower half of the first parameter."""
    return jnp.where(unit[:, 0] < 0.5, 1, -1)


def rings(unit: Array, cell: Array, side: int, key: Array) -> Array:
    """Bands of distance from the middle of the parameter box, as wide as a quarter of it."""
    return _banded(unit, 4)


def fine_rings(unit: Array, cell: Array, side: int, key: Array) -> Array:
    """Bands as wide as a fifth of the box: on five points a side of a surface they are a chessboard."""
    return _banded(unit, 5)


def _banded(unit: Array, bands: int) -> Array:
    radius = jnp.abs(unit - 0.5).max(1) if unit.shape[1] == 1 else jnp.linalg.norm(unit - 0.5, axis=1)
    # A band's outer edge belongs to it, whatever rounding does: the ends of a grid stand exactly there.
    return 1 - 2 * (jnp.ceil(radius * bands - 0.5001).astype(int) % 2)


def domain(manifold: Manifold, sampling: str) -> tuple[tuple[float, float], ...]:
    """The parameter box in use: the manifold's own, or the visible part of the authors' line, [0, 1.1]."""
    return ((0.0, 1.1),) if sampling == "five-point" else manifold.domain


def cells(manifold: Manifold, sampling: str, side: int, unit: Float[Array, "N k"]) -> Int[Array, "N k"]:
    """Index of each point's cell along each parameter, 0 .. side - 1: a grid has one point in each cell."""
    if sampling == "five-point":
        return jnp.arange(len(unit))[:, None]
    if sampling == "random":
        return jnp.clip(jnp.floor(unit * side), 0, side - 1).astype(int)
    ends = jnp.array([0 if period else 1 for period in manifold.period])
    return jnp.round(unit * (side - ends)).astype(int)


def _ruled(world: "World", where: Array, label_key: Array) -> tuple[Array, Array]:
    """Parameters and labels by the world's sampling and label rule."""
    manifold, side = world.geometry, world.points_per_side
    unit = SAMPLINGS[world.sampling](manifold, side, where)
    low, high = jnp.array(manifold.domain).T
    y = LABELS[world.labels](unit, cells(manifold, world.sampling, side, unit), side, label_key)
    return low + unit * (high - low), y


def sample(world: "World", knobs: "Knobs") -> tuple[Array, Array, Array]:
    """(u, x, y) of a world: (N, k), (N, n), (N,).

    x = phi(u) + class_signal y e + noise z, e the first appended dimension (none: no signal), z standard normal in the
    normal space of M; each label is flipped with probability `label_noise`. A function of the seed alone; traceable.
    """
    manifold = world.geometry
    where, label_key, flip, off = jax.random.split(jax.random.fold_in(jax.random.key(knobs.seed), 1), 4)
    u, y = own.parse(world.points, manifold) if world.sampling == "own" else _ruled(world, where, label_key)
    u, y = jnp.asarray(u), jnp.asarray(y)
    y = jnp.where(jax.random.uniform(flip, y.shape) < knobs.label_noise, -y, y)
    x = point(manifold, world.n, knobs.offset + knobs.class_signal * y, u)
    frame = tangent(manifold, world.n, u)
    # One row of noise per dimension, so that worlds of different codimension share the draws they can share.
    z = jax.random.normal(off, (world.n, len(u))).T
    z = z - jnp.einsum("ink,ik->in", frame, jnp.einsum("ink,in->ik", frame, z))
    return u, x + knobs.noise * z, y.astype(jnp.float32)


# Beside these, "own" points are read from the world.
SAMPLINGS: dict[str, Callable] = {"grid": grid, "random": at_random, "five-point": five_point}

LABELS: dict[str, Callable] = {
    "alternating": alternating,
    "chessboard": chessboard,
    "random": at_random_balanced,
    "half-space": half_space,
    "rings": rings,
    "fine-rings": fine_rings,
}

# What rules were called in links of version 2 and recordings of format 2: rings were a fifth wide then.
FORMERLY = {"rings": "fine-rings"}
