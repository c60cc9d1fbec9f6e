"""The boundary points nearest to x in a chart: the manifold's own, or a window's.

The zero set in the chart is known first - roots, curves or a mesh - and its vertices nearest to x, one for each
stretch of it, are polished by sequential quadratic programming in the metric J^T J of the chart.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise, product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import boundary, nets
from toy.manifolds import Manifold, point
from toy.rays import bisect

Place = Callable[[Any, Array], Array]  # (where, z (m, d)) -> (m, n); a static jit argument, `where` is traced
Logit = Callable[[nets.Params, Array], Array]

SIDE = {1: 2049, 2: 97}  # samples along each parameter of the manifold
BLOCK = 1024  # vertices measured in one call
CANDIDATES = 8  # stretches of the boundary that are looked at closely
SEGMENTS = 16  # of a geodesic
STEPS = (1.0, 0.5, 0.25, 0.1, 0.03, 0.0)  # step lengths tried side by side


@lru_cache(maxsize=256)
def placement(manifold: Manifold, n: int) -> Place:
    """(offset, u (m, k)) -> phi(u) (m, n); the same function object for the same manifold."""
    return lambda offset, u: point(manifold, n, offset, u)


@partial(jax.jit, static_argnums=(0, 1))
def _through(logit: Logit, place: Place, params: nets.Params, where: Any, z: Array) -> Array:
    return logit(params, place(where, z))


def zeros(
    logit: Logit, place: Place, params: nets.Params, where: Any, box: np.ndarray
) -> tuple[Float[np.ndarray, "V k"], np.ndarray]:
    """Zero set of f on the manifold: (vertices, segments (S, 2) of their numbers); points alone for k = 1.

    box: (k, 2) parameter box. Two zeros closer than a cell (1 / 2048 of the side for k = 1, 1 / 96 for k = 2) can
    be missed.
    """
    field = partial(_through, logit, place, params, where)
    if len(box) == 2:
        curves = boundary.extract(field, box[:, 0], box[:, 1], SIDE[2])
        return curves.vertices, curves.cells
    u = np.linspace(box[0, 0], box[0, 1], SIDE[1])
    f = np.asarray(field(jnp.asarray(u[:, None], jnp.float32)), float)
    f = np.where(f == 0, 1e-30, f)
    i = np.flatnonzero((f[:-1] > 0) != (f[1:] > 0))
    roots = u[i] + (u[i + 1] - u[i]) * f[i] / (f[i] - f[i + 1])
    return roots[:, None], np.zeros((0, 2), int)


def _way(place: Place, where: Any, a: Array, b: Array, parts: int) -> Array:
    """Length of the chart's straight line from a (..., d) to b, as the sum of `parts` chords: (...)."""
    s = jnp.linspace(0, 1, parts + 1)[:, None]
    path = a[..., None, :] + s * (b - a)[..., None, :]
    y = place(where, path.reshape(-1, path.shape[-1]))
    return jnp.linalg.norm(jnp.diff(y.reshape(*path.shape[:-1], -1), axis=-2), axis=-1).sum(-1)


@partial(jax.jit, static_argnums=0)
def chords(place: Place, where: Any, x: Array, z: Array) -> Array:
    """Distances (N, V) from x to the places of z."""
    y = place(where, z)
    return jax.lax.map(lambda a: jnp.linalg.norm(y - a, axis=1), x)


@partial(jax.jit, static_argnums=0)
def ways(place: Place, where: Any, u: Array, z: Array, shifts: Array) -> Array:
    """Straight ways (N, V) in the chart from u to z, the shortest over the periodic images z + shift."""
    return jax.lax.map(lambda a: _way(place, where, a, z[:, None] + shifts, 6).min(1), u)


def nearest_vertices(
    measure: Callable[[Array], Array], vertices: np.ndarray, groups: np.ndarray, count: int = CANDIDATES
) -> np.ndarray:
    """For each of N points the best vertex of each of its `count` best neighbourhoods: (N, count, d).

    measure: vertices (BLOCK, d) -> lengths (N, BLOCK). groups: (S, 2) pairs of neighbours - then a vertex counts if
    no neighbour is nearer - or (V,) labels - then the best of each label counts. Missing ones are NaN.
    """
    padded = np.concatenate([vertices, np.repeat(vertices[-1:], -len(vertices) % BLOCK, 0)]).astype(np.float32)
    parts = [measure(jnp.asarray(padded[i : i + BLOCK])) for i in range(0, len(padded), BLOCK)]
    far = np.concatenate([np.asarray(part) for part in parts], 1)[:, : len(vertices)].T.copy()  # (V, N)
    if groups.ndim == 2:
        least = np.full_like(far, np.inf)
        np.minimum.at(least, groups[:, 0], far[groups[:, 1]])
        np.minimum.at(least, groups[:, 1], far[groups[:, 0]])
        chosen, index = np.where(far <= least, far, np.inf), np.broadcast_to(np.arange(len(far))[:, None], far.shape)
    else:
        order = np.argsort(groups, kind="stable")
        bounds = np.flatnonzero(np.diff(groups[order], prepend=-1, append=-1))
        index = np.stack([order[a:b][far[order[a:b]].argmin(0)] for a, b in pairwise(bounds)])
        chosen = np.take_along_axis(far, index, 0)
    best = np.argsort(chosen, axis=0)[:count]
    picked = np.take_along_axis(index, best, 0).T
    seeds = vertices[picked].astype(np.float32)
    seeds[~np.isfinite(np.take_along_axis(chosen, best, 0).T)] = np.nan
    return np.pad(seeds, ((0, 0), (0, count - seeds.shape[1]), (0, 0)), constant_values=np.nan)


@partial(jax.jit, static_argnums=(0, 1))
def polish(
    logit: Logit, place: Place, params: nets.Params, where: Any, x: Array, z: Array, low: Array, high: Array,
    cell: Array,
) -> tuple[Array, Array]:
    """Feet near seeds z (N, S, d): (coordinates (N, 2 S, d), lengths |place(z) - x| (N, 2 S), inf for no foot).

    SQP: minimise |J dz - (x - y)|^2 with f + a.dz = 0, y = place(z), a the slope of f in the chart; the best of six
    step lengths by the merit |y - x| + 2 |f| / |a|. Seeds and polished points are then moved along the slope, by at
    most two `cell` lengths, on to the boundary, ending just beyond it as seen from x. All stay in the box low .. high.
    """
    count, seeds, d = z.shape
    target, sign = jnp.repeat(x, seeds, 0), jnp.where(logit(params, x) >= 0, 1.0, -1.0)
    spread = jax.vmap(jax.jacfwd(lambda v: place(where, v[None])[0]))

    def model(v: Array, target: Array) -> tuple[Array, ...]:
        """f, a, the step to the nearest point of the chart, the direction up of unit length, and |a|."""
        y, jacobian = place(where, v), spread(v)
        f, back = jax.vjp(partial(logit, params), y)
        a = jnp.einsum("mnd,mn->md", jacobian, back(jnp.ones_like(f))[0])
        metric = jnp.einsum("mnd,mne->mde", jacobian, jacobian)
        metric = metric + (1e-6 * jnp.trace(metric, axis1=1, axis2=2)[:, None, None] + 1e-12) * jnp.eye(d)
        pull = jnp.einsum("mnd,mn->md", jacobian, target - y)
        free, up = jnp.moveaxis(jnp.linalg.solve(metric, jnp.stack([pull, a], -1)), -1, 0)
        size = jnp.sqrt(jnp.maximum(jnp.sum(a * up, 1), 1e-20))
        # On a ReLU kink the slope may be 0: then the way to the target is the only direction there is.
        way = jnp.sqrt(jnp.maximum(jnp.einsum("md,mde,me->m", free, metric, free), 1e-20))
        up = jnp.where(size[:, None] > 1e-10, up / size[:, None], free / way[:, None])
        return f, a, free, up, size

    def iterate(_: int, v: Array) -> Array:
        f, a, free, up, size = model(v, target)
        dz = free - ((f + jnp.sum(a * free, 1)) / size)[:, None] * up
        tried = jnp.stack([jnp.clip(v + s * dz, low, high) for s in STEPS])
        y = place(where, tried.reshape(-1, d))
        gap = jnp.linalg.norm(y.reshape(len(STEPS), *target.shape) - target, axis=2)
        merit = gap + 2 * jnp.abs(logit(params, y).reshape(gap.shape)) / size
        best = jnp.argmin(jnp.where(jnp.isfinite(merit), merit, jnp.inf), 0)
        return jnp.take_along_axis(tried, best[None, :, None], 0)[0]

    start = jnp.clip(z, low, high)
    end = jax.lax.fori_loop(0, 6, iterate, start.reshape(-1, d)).reshape(z.shape)
    v = jnp.concatenate([start, end], 1).reshape(-1, d)
    up, toward = model(v, jnp.repeat(x, 2 * seeds, 0))[3], jnp.repeat(sign, 2 * seeds)

    def beyond(t: Array) -> Array:
        return toward * _through(logit, place, params, where, jnp.clip(v + t[:, None] * up, low, high)) <= 0

    t, found = _crossings(beyond, jnp.isfinite(v).all(1), cell)
    v = jnp.where(found[:, None], jnp.clip(v + t[:, None] * up, low, high), jnp.nan)
    length = jnp.linalg.norm(place(where, v) - jnp.repeat(x, 2 * seeds, 0), axis=1)
    return v.reshape(count, -1, d), jnp.where(found, length, jnp.inf).reshape(count, -1)


def _crossings(beyond: Callable[[Array], Array], sound: Array, cell: Array) -> tuple[Array, Array]:
    """How far (m,) along its slope each sound row meets the boundary, just beyond it; and whether within two cells.

    The slope may mislead at a kink, so both ways are searched, until every sound row has met both sides.
    """
    trial = jnp.array([3e-4, 3e-3, 0.03, 0.1, 0.3, 1.0, 2.0]) * cell

    def looked(met: Array, t: Array) -> Array:
        """met (2, m): where this side of the boundary was met first, and where the other; inf as long as it was not."""
        side = beyond(jnp.full(len(sound), t))
        return jnp.where(jnp.isinf(met) & jnp.stack([~side, side]), t, met)

    def unmet(state: tuple[Any, Array]) -> Array:
        done, met = state
        return (done < len(trial)) & (jnp.isinf(met).any(0) & sound).any()

    def further(state: tuple[Any, Array]) -> tuple[Any, Array]:
        done, met = state
        return done + 1, looked(looked(met, trial[done]), -trial[done])

    at_once = looked(jnp.full((2, len(sound)), jnp.inf), jnp.zeros(()))
    met = jax.lax.while_loop(unmet, further, (0, at_once))[1]
    found = jnp.isfinite(met).all(0) & sound
    near, far = jnp.where(found, met, 0.0)
    return bisect(beyond, near, far, 20), found


def images(manifold: Manifold) -> Float[np.ndarray, "i k"]:
    """Shifts of a parameter point to its periodic images, itself first."""
    steps = [(0.0, -p, p) if p else (0.0,) for p in manifold.period]
    return np.array(list(product(*steps)), np.float32)


@partial(jax.jit, static_argnums=0)
def geodesics(
    place: Place, where: Any, u: Array, feet: Array, lengths: Array, shifts: Array, low: Array, high: Array
) -> Float[Array, " N"]:
    """Length of the shortest path in M from phi(u) (N, k) to one of the feet (N, F, k); inf without any.

    For the CANDIDATES feet and images with the shortest straight way in the chart, a path of SEGMENTS pieces is
    relaxed to least energy, sum |phi(u_i+1) - phi(u_i)|^2, by damped Gauss-Newton steps. Its length is the sum of
    four chords a piece, so it never falls below the chord.
    """
    inner = jnp.linspace(0, 1, SEGMENTS + 1)[1:-1, None]

    def whole(a: Array, b: Array, path: Array) -> Array:
        return jnp.concatenate([a[None], path.reshape(-1, len(a)), b[None]])

    def relax(a: Array, b: Array) -> Array:
        def strain(path: Array) -> Array:
            return jnp.diff(place(where, whole(a, b, path)), axis=0).ravel()

        def iterate(_: int, path: Array) -> Array:
            r, jacobian = strain(path), jax.jacfwd(strain)(path)
            square = jacobian.T @ jacobian
            square = square + (1e-5 * jnp.trace(square) / len(path) + 1e-12) * jnp.eye(len(path))
            step = -jnp.linalg.solve(square, jacobian.T @ r)
            tried = jnp.stack([path + s * step for s in (1.0, 0.5, 0.2, 0.05, 0.0)]).reshape(5, -1, len(a))
            tried = jnp.clip(tried, low, high).reshape(5, -1)
            return tried[jnp.argmin(jax.vmap(lambda p: jnp.sum(strain(p) ** 2))(tried))]

        path = jax.lax.fori_loop(0, 8, iterate, (a + inner * (b - a)).ravel())
        points = whole(a, b, path)
        return _way(place, where, points[:-1], points[1:], 4).sum()

    def one(args: tuple[Array, Array, Array]) -> Array:
        a, b, length = args
        ends = (b[:, None] + shifts).reshape(-1, len(a))
        way = jnp.where(jnp.repeat(jnp.isfinite(length), len(shifts)), _way(place, where, a[None], ends, 8), jnp.inf)
        least, index = jax.lax.top_k(-way, CANDIDATES)
        relaxed = jax.vmap(relax, (None, 0))(a, jnp.nan_to_num(ends[index]))
        return jnp.where(jnp.isfinite(least), relaxed, jnp.inf).min()

    return jax.lax.map(one, (u, feet, lengths), batch_size=64)
