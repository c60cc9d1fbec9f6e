"""Minimal perturbations: the shortest delta with f(x + delta) = 0 - free, on the manifold, off it, in a subspace."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from toy import charts, nets, rays, sqp
from toy.charts import Window, split
from toy.errors import FieldError, one_of
from toy.labels import domain
from toy.manifolds import tangent
from toy.recording import Recording
from toy.world import World

REACH = 2.0  # of the manifold's extent: a boundary further away counts as none
BOXES, STARTS = 6, 4  # a window's side is cut into so many boxes; of those with boundary the nearest give a start each


@dataclass(frozen=True)
class Perturbations:
    """Minimal perturbations of N points; without a boundary in reach distance and geodesic are inf, the rest NaN.

    foot, delta: (N, n), foot = x + delta, lengths; the foot is on the boundary or less than 1e-6 beyond it.
    distance: (N,) |delta|, a length. geodesic: (N,) for `on`, the shortest way to the boundary inside M, plus the
    distance of x from phi(u); NaN for kinds that leave M. normal_share: (N,) |delta_normal|^2 / |delta|^2, the split
    taken at phi(u). chance: its mean for random directions in R^n, ell / n. residual: (N,) |f| / |grad f| at the
    foot, a length. boundary_u: (N, k) parameters of the foot for `on`, else NaN.
    """

    kind: str
    foot: Float[np.ndarray, "N n"]
    delta: Float[np.ndarray, "N n"]
    distance: Float[np.ndarray, " N"]
    geodesic: Float[np.ndarray, " N"]
    normal_share: Float[np.ndarray, " N"]
    residual: Float[np.ndarray, " N"]
    boundary_u: Float[np.ndarray, "N k"]
    chance: float

    @property
    def tangent_share(self) -> Float[np.ndarray, " N"]:
        """|delta_tangent|^2 / |delta|^2, (N,)."""
        return 1 - self.normal_share


@dataclass(frozen=True)
class Arrows:
    """Shortest ways to the boundary inside a window; JAX may still be computing them, and who reads them waits.

    foot: (N, d) display coordinates, NaN without a boundary in the window. distance: (N,) ambient length, inf
    without. hidden: (N,) the window's wall is nearer than the foot, so a nearer sheet may lie outside.
    """

    foot: Float[Array | np.ndarray, "N d"]
    distance: Float[Array | np.ndarray, " N"]
    hidden: Bool[Array | np.ndarray, " N"]


def minimal(kind: str, recording: Recording, step: int, seeds: np.ndarray | None = None) -> Perturbations:
    """Minimal perturbations of one kind of all training points after `step` updates.

    seeds: (N, s, n) points to look towards first, such as the feet of an earlier step (at most 4 a point are used;
    `on` searches all of M and needs none).
    Raises FieldError for an unknown kind, a step outside the recording, or seeds of a wrong shape.
    """
    if not isinstance(kind, str) or kind not in ATTACKS:
        raise FieldError("attack", one_of(ATTACKS), kind)
    return ATTACKS[kind](recording, step, seeds)


def free(recording: Recording, step: int, seeds: np.ndarray | None = None) -> Perturbations:
    """min |delta| with f(x + delta) = 0, delta in R^n."""
    return _linear("free", recording, step, seeds, (1.0, 0.0))


def off(recording: Recording, step: int, seeds: np.ndarray | None = None) -> Perturbations:
    """The same with delta in the normal space at phi(u), delta = (I - T T^T) delta."""
    return _linear("off", recording, step, seeds, (1.0, -1.0))


def within(recording: Recording, step: int, basis: np.ndarray, seeds: np.ndarray | None = None) -> Perturbations:
    """The same with delta in the span of `basis`, orthonormal columns (n, b), or (N, n, b) for one a point.

    With random k-dimensional subspaces this is the null of the on-manifold attack. Raises FieldError naming `basis`
    for a wrong shape or columns that are not orthonormal.
    """
    x = recording.data.x
    raw = np.asarray(basis, np.float32)
    if raw.ndim not in (2, 3) or raw.shape[-2] != x.shape[1] or (raw.ndim == 3 and len(raw) != len(x)):
        raise FieldError("basis", f"of shape (n, b) or (N, n, b) with n = {x.shape[1]}, N = {len(x)}", raw.shape)
    if not np.abs(np.swapaxes(raw, -1, -2) @ raw - np.eye(raw.shape[-1])).max(initial=0) < 1e-3:
        raise FieldError("basis", "orthonormal columns", "others", "numpy.linalg.qr makes them so")
    frame = jnp.broadcast_to(raw, (len(x), *raw.shape[-2:]))
    return _linear("within", recording, step, seeds, (0.0, 1.0), frame)


def random_subspaces(recording: Recording, seed: int = 0) -> Float[np.ndarray, "N n k"]:
    """Uniformly random k-dimensional subspaces of R^n, one a point, for `within`."""
    world = recording.world
    raw = np.random.default_rng(seed).standard_normal((world.point_count, world.n, world.k))
    return np.linalg.qr(raw)[0].astype(np.float32)


def _linear(
    kind: str, recording: Recording, step: int, seeds: np.ndarray | None, weights: tuple[float, float],
    frame: Array | None = None,
) -> Perturbations:
    world, data = recording.world, recording.data
    if frame is None:
        frame = tangent(world.geometry, world.n, jnp.asarray(data.u))
    delta = rays.shortest(
        recording.logit, recording.params(step), jnp.asarray(data.x), frame, jnp.array(weights),
        jnp.asarray(_seeds(seeds, data.x)), jnp.float32(REACH * world.geometry.extent),
    )
    return _result(kind, recording, step, np.asarray(delta))


def _seeds(seeds: np.ndarray | None, x: np.ndarray) -> Float[np.ndarray, "N s n"]:
    """The nearest `rays.SEEDS` seeds of each point, filled up with NaN."""
    out = np.full((len(x), rays.SEEDS, x.shape[1]), np.nan, np.float32)
    if seeds is None:
        return out
    seeds = np.asarray(seeds, np.float32)
    if seeds.ndim == 2:
        seeds = seeds[:, None]
    if seeds.ndim != 3 or (len(seeds), seeds.shape[2]) != x.shape:
        raise FieldError("seeds", f"of shape (N, s, n) with N = {len(x)}, n = {x.shape[1]}", seeds.shape)
    order = np.argsort(np.linalg.norm(seeds - x[:, None], axis=2), axis=1)[:, : rays.SEEDS]  # NaN comes last
    best = np.take_along_axis(seeds, order[:, :, None], 1)
    out[:, : best.shape[1]] = best
    return out


def on(recording: Recording, step: int, seeds: np.ndarray | None = None) -> Perturbations:
    """min |phi(v) - x| with f(phi(v)) = 0 (the chord), and the shortest way inside M beside it (the geodesic).

    All zeros of f in the chart are found to the resolution of `sqp.zeros`; M ends at its parameter box.
    """
    world, data, manifold = recording.world, recording.data, recording.world.geometry
    logit, params, place = recording.logit, recording.params(step), sqp.placement(manifold, world.n)
    where, box = jnp.float32(recording.knobs.offset), np.array(domain(manifold, world.sampling))
    x, u = jnp.asarray(data.x), jnp.asarray(data.u)
    gap = np.linalg.norm(data.x - np.asarray(_place(place, where, u)), axis=1)
    there = (np.asarray(logit(params, x)) == 0) & (gap == 0)  # on the boundary already

    def result(delta: np.ndarray, way: np.ndarray, v: np.ndarray) -> Perturbations:
        return _result("on", recording, step, np.where(there[:, None], 0, delta), np.where(there, 0, way),
                       np.where(there[:, None], data.u, v))

    vertices, segments = sqp.zeros(logit, place, params, where, box)
    if not len(vertices):
        far = np.full(len(data.x), np.inf, np.float32)
        return result(np.full_like(data.x, np.nan), far, np.full_like(data.u, np.nan))
    shifts = jnp.asarray(sqp.images(manifold))
    found = [sqp.nearest_vertices(lambda z: sqp.chords(place, where, x, z), vertices, segments)]
    if not manifold.flat:
        found.append(sqp.nearest_vertices(lambda z: sqp.ways(place, where, u, z, shifts), vertices, segments))
    ends = np.where(np.array(manifold.period)[:, None] > 0, [-np.inf, np.inf], box).astype(np.float32)
    cell = jnp.float32(2 * manifold.extent / sqp.SIDE[2])
    z = jnp.asarray(np.concatenate(found, 1))
    feet, lengths = sqp.polish(logit, place, params, where, x, z, ends[:, 0], ends[:, 1], cell)
    best = np.asarray(lengths).argmin(1)
    v = np.take_along_axis(np.asarray(feet), best[:, None, None], 1)[:, 0]
    delta = np.asarray(_place(place, where, v)) - data.x
    if manifold.flat:  # the noise is normal to M, so that what is left of the chord is the way inside M
        inside = np.sqrt(np.maximum(_lengths(delta) ** 2 - gap**2, 0))
    else:
        inside = np.asarray(sqp.geodesics(place, where, u, feet, lengths, shifts, ends[:, 0], ends[:, 1]))
    return result(delta, gap + inside, v)


@partial(jax.jit, static_argnums=0)
def _place(place: sqp.Place, where: Array, v: Array) -> Array:
    return place(where, v)


def _lengths(delta: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(delta, axis=1)
    return np.where(np.isfinite(length), length, np.inf)


def _result(
    kind: str, recording: Recording, step: int, delta: np.ndarray, geodesic: np.ndarray | None = None,
    boundary_u: np.ndarray | None = None,
) -> Perturbations:
    world, data = recording.world, recording.data
    normal, residual = _shares(world, recording.logit, recording.params(step), data.u, data.x, delta)
    return Perturbations(
        kind, data.x + delta, delta, _lengths(delta),
        np.full(len(delta), np.nan, np.float32) if geodesic is None else geodesic, np.asarray(normal),
        np.asarray(residual), np.full_like(data.u, np.nan) if boundary_u is None else boundary_u,
        world.codimension / world.n,
    )


@partial(jax.jit, static_argnums=(0, 1))
def _shares(world: World, logit: rays.Logit, params: nets.Params, u: Array, x: Array, delta: Array) -> tuple:
    """Normal share of delta, and |f| / |grad f| at the foot."""
    total = jnp.sum(delta**2, 1)
    normal = jnp.minimum(1, jnp.sum(split(world, u, delta)[1] ** 2, 1) / jnp.where(total > 0, total, jnp.nan))
    f, back = jax.vjp(partial(logit, params), x + delta)
    size = jnp.linalg.norm(back(jnp.ones_like(f))[0], axis=1)
    return normal, jnp.abs(f) / jnp.where(size > 0, size, jnp.nan)


def within_window(window: Window, params: nets.Params, mesh: Any, z: np.ndarray) -> Arrows:
    """The shortest arrows inside a window: from each point z (N, d) to the nearest boundary point shown.

    z are display coordinates (`window.display`), d = window.dim; mesh is the boundary in the window
    (`boundary.extract`). Lengths are ambient: an arrow may look longer than another in a stretched picture.
    Raises FieldError for points of another dimension.
    """
    z = np.asarray(z, np.float32)
    if z.ndim != 2 or z.shape[1] != window.dim:
        raise FieldError("z", f"display coordinates of shape (N, {window.dim})", z.shape)
    (where, folded), (low, high) = window.seen(params), np.array([window.low, window.high], np.float32)
    x = np.asarray(charts.to_ambient(where, z))
    if not len(mesh.vertices) or not len(z):
        return Arrows(np.full_like(z, np.nan), np.full(len(z), np.inf, np.float32), np.ones(len(z), bool))
    share = np.clip((mesh.vertices - low) / (high - low), 0, 1 - 1e-9)
    label = np.ravel_multi_index((share * BOXES).astype(int).T, (BOXES,) * window.dim)
    seeds = sqp.nearest_vertices(lambda v: sqp.chords(charts.to_ambient, where, x, v), mesh.vertices, label, STARTS)
    cell = np.float32(np.max(high - low) / 32)
    feet, lengths = sqp.polish(window.logit, charts.to_ambient, folded, where, x, seeds, low, high, cell)
    return Arrows(*_nearest(where, z, low, high, feet, lengths))


@jax.jit
def _nearest(where: Window, z: Array, low: Array, high: Array, feet: Array, lengths: Array) -> tuple[Array, ...]:
    """The nearest of each point's feet (N, F, d), its length, and whether the box's wall is nearer, to first order."""
    jacobian = jax.vmap(jax.jacfwd(lambda v: charts.to_ambient(where, v[None])[0]))(z)
    metric = jnp.einsum("mnd,mne->mde", jacobian, jacobian)
    # The plane z_j = c is gap / sqrt((G^-1)_jj) away in the metric G.
    reach = jnp.sqrt(jnp.diagonal(jnp.linalg.inv(metric), axis1=1, axis2=2))
    wall = jnp.maximum(jnp.minimum(z - low, high - z) / reach, 0.0).min(1)
    best, length = lengths.argmin(1), lengths.min(1)
    return jnp.take_along_axis(feet, best[:, None, None], 1)[:, 0], length, length > wall


def nearest_on_boundary(
    window: Window, params: nets.Params, mesh: Any, z: Float[np.ndarray, "N d"]
) -> Float[np.ndarray, "N d"]:
    """Feet of `within_window` alone: (N, d) display coordinates, NaN without a boundary in the window."""
    return np.asarray(within_window(window, params, mesh, z).foot)


ATTACKS: dict[str, Callable[[Recording, int, np.ndarray | None], Perturbations]] = {"free": free, "on": on, "off": off}
