"""The boundary point nearest to x in a linear space through x: rays, scanned and shortened.

Rays from x are scanned for their first change of sign, and the best are shortened: the direction turns towards the
nearest point of the linearised boundary (sequential quadratic programming), and is kept if the boundary is met
sooner along it. So every iterate is a true crossing, however rough f is.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import nets

Logit = Callable[[nets.Params, Array], Array]
Field = Callable[[Array], Array]

SAMPLES = 20  # along each ray, denser near x; rays are offset against each other, so together they see finer
FIXED = {2: 48, 3: 48}  # directions that are tried everywhere, by dimension: in few dimensions they see all round
RANDOM = 24  # and in more
NEAR = 12  # neighbours whose gradients, positions and feet give directions
SEEDS = 4  # directions a caller can add
ROUGH, FINE = (32, 6), (4, 8)  # (starts, iterations): many starts beat many iterations on ReLU nets
BATCH = 6_000_000  # numbers in the largest array of one call: more points are done in turns
BLENDS, PAIRED = (1.0, 0.5, 0.25, 0.1, 0.03), (1.0, 0.5, 0.2)  # step lengths tried side by side


def _unit(v: Array) -> Array:
    length = jnp.linalg.norm(v, axis=-1, keepdims=True)
    return v / jnp.where(length > 0, length, 1.0)


def _project(frame: Array, weights: Array, v: Array) -> Array:
    """weights[0] v + weights[1] Q Q^T v for frames Q (n, k): (1, 0) keeps all, (1, -1) the normal part, (0, 1) Q's."""
    return weights[0] * v + weights[1] * ((v @ frame) @ frame.T)


def _fixed(n: int) -> np.ndarray:
    """Fixed directions in pairs +-d: evenly spread in the plane and, by a Fibonacci spiral, in space; else random."""
    half = FIXED.get(n, RANDOM) // 2
    at = np.arange(half) + 0.5
    if n == 2:
        d = np.stack([np.cos(np.pi * at / half), np.sin(np.pi * at / half)], 1)
    elif n == 3:
        z, angle = at / half, np.pi * (3 - 5**0.5) * at
        d = np.concatenate([(1 - z**2)[:, None] ** 0.5 * np.stack([np.cos(angle), np.sin(angle)], 1), z[:, None]], 1)
    else:
        d = np.random.default_rng(0).standard_normal((half, n))
    return np.concatenate([d, -d]).astype(np.float32)


def _deepfool(logit: Field, project: Field, x: Array, reach: Array) -> Array:
    """Eight DeepFool steps d - (f / |g|^2) g from every x, of which every second is kept: (N, 4, n)."""

    def step(d: Array, _: None) -> tuple[Array, Array]:
        f, back = jax.vjp(logit, x + d)
        g = project(back(jnp.ones_like(f))[0])
        size = jnp.maximum(jnp.linalg.norm(g, axis=1), 1e-12)
        d = d - (jnp.clip(1.02 * f / size, -reach / 4, reach / 4) / size)[:, None] * g
        return d, d

    return jnp.swapaxes(jax.lax.scan(step, jnp.zeros_like(x), None, length=8)[1], 0, 1)[:, 1::2]


def _scan(field: Field, unit: Array, ends: Array) -> Array:
    """A distance just beyond the first change of sign along each ray, at most `ends`; inf without one."""
    jitter = 0.1 + 0.9 * ((jnp.arange(len(ends)) * 0.6180339887) % 1.0)

    def step(j: Array, first: Array) -> Array:
        t = ends * ((j + jitter) / SAMPLES) ** 2
        return jnp.where(jnp.isinf(first) & (t > 0) & (field(t[:, None] * unit) <= 0), t, first)

    return jax.lax.fori_loop(0, SAMPLES, step, jnp.full_like(ends, jnp.inf))


def bisect(flipped: Callable[[Array], Array], low: Array, high: Array, count: int) -> Array:
    """The far end, still flipped, of brackets halved `count` times."""

    def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        yes = flipped(middle)
        return jnp.where(yes, low, middle), jnp.where(yes, middle, high)

    return jax.lax.fori_loop(0, count, halve, (low, high))[1]


def _cast(field: Field, project: Field, rays: Array, ends: Array, best: int) -> tuple[Array, Array]:
    """The `best` rays that cross first: (unit directions, distances just beyond the crossing or inf)."""
    kept = project(rays)
    # What rounding leaves of a ray outside the subspace is no direction.
    usable = jnp.linalg.norm(kept, axis=1) > 1e-4 * jnp.linalg.norm(rays, axis=1)
    unit = _unit(project(_unit(kept)))
    top, index = jax.lax.top_k(-_scan(field, unit, jnp.where(usable, ends, 0.0)), min(best, len(rays)))
    return unit[index], -top


def _tighten(field: Field, unit: Array, start: Array, r: Array, end: Array) -> Array:
    """Three Illinois steps (regula falsi) on [0, r], from f = start > 0 to f = end <= 0; the flipped end."""

    def step(_: int, state: tuple[Array, ...]) -> tuple[Array, ...]:
        low, f_low, high, f_high, side = state
        share = f_low / jnp.where(f_low > f_high, f_low - f_high, 1.0)
        t = low + jnp.clip(share, 0.02, 0.98) * (high - low)
        f = field(t[:, None] * unit)
        flipped = f <= 0
        f_low = jnp.where(flipped, jnp.where(side > 0, f_low / 2, f_low), f)
        f_high = jnp.where(flipped, f, jnp.where(side < 0, f_high / 2, f_high))
        return jnp.where(flipped, low, t), f_low, jnp.where(flipped, t, high), f_high, jnp.where(flipped, 1, -1)

    state = jnp.zeros_like(r), jnp.broadcast_to(start, r.shape), r, end, jnp.zeros(r.shape, int)
    return jax.lax.fori_loop(0, 3, step, state)[2]


def _shorten(field: Field, project: Field, start: Array, unit: Array, r: Array, count: int) -> tuple[Array, Array]:
    """Turn directions so that they cross sooner.

    At the crossing z with downhill unit gradient e, the linearised boundary is e.d = b and its nearest point b e;
    the nearest point of it and of the last iterate's plane together resolves a kink of a ReLU net. Directions
    between z and both are tried at length r; the one furthest beyond the boundary has a crossing below r.
    """
    slope = jax.grad(lambda d: (lambda f: (f.sum(), f))(field(d)), has_aux=True)

    def iterate(_: int, state: tuple[Array, ...]) -> tuple[Array, ...]:
        unit, r, e_old, b_old = state
        z = r[:, None] * unit
        g, f = slope(z)
        g = project(g)
        size = jnp.linalg.norm(g, axis=1)
        size = jnp.where(size > 0, size, 1.0)
        e = -g / size[:, None]
        b = jnp.maximum(jnp.sum(e * z, 1) + f / size, 0.05 * r)
        c = jnp.sum(e * e_old, 1)
        both = 1 - c * c
        one, old = b - c * b_old, b_old - c * b
        kink = ((both > 1e-5) & (one > 0) & (old > 0))[:, None]
        plane = b[:, None] * e
        edge = jnp.where(kink, (one[:, None] * e + old[:, None] * e_old) / jnp.where(kink, both[:, None], 1.0), plane)
        tried = [*((1 - a) * z + a * plane for a in BLENDS), *((1 - a) * z + a * edge for a in PAIRED)]
        turned = _unit(jnp.stack(tried))
        values = field((r[:, None] * turned).reshape(-1, z.shape[1])).reshape(len(tried), -1)
        best = jnp.argmin(jnp.where(jnp.isfinite(values), values, jnp.inf), 0)[None]
        new = jnp.take_along_axis(turned, best[..., None], 0)[0]
        end = jnp.take_along_axis(values, best, 0)[0]
        shorter = _tighten(field, new, start, r, end)
        return jnp.where(end[:, None] <= 0, new, unit), jnp.where(end <= 0, shorter, r), e, b

    found = jnp.isfinite(r)
    state = unit, jnp.where(found, r, 0.0), jnp.zeros_like(unit), jnp.zeros_like(r)
    unit, r = jax.lax.fori_loop(0, count, iterate, state)[:2]
    return unit, jnp.where(found, r, jnp.inf)


def _finish(field: Field, start: Array, unit: Array, r: Array, reach: Array) -> Array:
    """The shortest crossing as a displacement (n,), bracketed to float precision on the far side; NaN for none."""
    best = jnp.argmin(r)
    unit, r = unit[best], r[best]
    found = jnp.isfinite(r)
    high = jnp.where(found, r, 0.0)
    r = bisect(lambda t: field((t * unit)[None])[0] <= 0, 0 * high, high, 26)
    return jnp.where(start == 0, 0.0, jnp.where(found & (r <= reach), r * unit, jnp.nan))


@partial(jax.jit, static_argnames="logit")
def shortest(
    logit: Logit, params: nets.Params, x: Float[Array, "N n"], frame: Float[Array, "N n k"],
    weights: Float[Array, "2"], seeds: Float[Array, "N s n"], reach: Float[Array, ""],
) -> Float[Array, "N n"]:
    """Shortest displacements d with f(x + d) = 0 in a subspace at each x; NaN where none is found within reach.

    d lies in the image of v -> weights[0] v + weights[1] Q Q^T v for the orthonormal columns Q of `frame`: (1, 0) is
    all of R^n, (1, -1) the complement of Q, (0, 1) Q itself. `seeds` are points to look towards, NaN for none.
    Everything but `logit` is traced: one compilation serves all kinds, steps, seeds and knobs.
    """
    count, n = x.shape
    beyond = 2 * reach  # a direction may meet the boundary there and be shortened into reach
    near, tries = min(NEAR, count), ROUGH[0] * (len(BLENDS) + len(PAIRED))
    wide = max(n, 1, *(max(a.shape, default=1) for a in jax.tree.leaves(params)))
    batch = max(1, min(count, BATCH // (tries * wide)))
    value, back = jax.vjp(partial(logit, params), x)
    slope = back(jnp.ones_like(value))[0]
    sign = jnp.where(value >= 0, 1.0, -1.0)
    each = jax.vmap(_project, (0, None, 0))
    walks = _deepfool(partial(logit, params), lambda v: each(frame, weights, v), x, reach)
    apart = jnp.sqrt(jnp.maximum(jnp.sum(x**2, 1)[:, None] - 2 * x @ x.T + jnp.sum(x**2, 1)[None], 0.0))
    mates = jax.lax.top_k(-apart, near)[1]
    foes = jax.lax.top_k(-jnp.where(sign[:, None] != sign, apart, jnp.inf), near)[1]

    def local(i: Array) -> tuple[Field, Field]:
        return lambda d: sign[i] * logit(params, x[i] + d), partial(_project, frame[i], weights)

    def first(i: Array) -> tuple[Array, Array]:
        field, project = local(i)
        down, mean = -sign[i] * slope[i], slope.mean(0)
        along = jnp.stack([down, -down, mean, -mean])
        long = jnp.concatenate([along, -sign[i] * slope[mates[i]], walks[i], _fixed(n)])
        others = jnp.where((sign[foes[i]] != sign[i])[:, None], x[foes[i]] - x[i], 0.0)
        short = jnp.concatenate([others, seeds[i] - x[i]])
        short = jnp.where(jnp.isfinite(short), short, 0.0)
        # In many dimensions a fixed ray meets the boundary too far away to be of use.
        sloped = jnp.arange(len(long)) < len(long) - (0 if n in FIXED else RANDOM)
        aimed = jnp.minimum(1.5 * jnp.linalg.norm(short, axis=1), beyond)
        ends = jnp.concatenate([jnp.where(sloped, beyond, reach), aimed])
        unit, r = _cast(field, project, jnp.concatenate([long, short]), ends, ROUGH[0])
        unit, r = _shorten(field, project, jnp.abs(value[i]), unit, r, ROUGH[1])
        top, index = jax.lax.top_k(-r, FINE[0])
        return unit[index], -top

    unit, r = jax.lax.map(first, jnp.arange(count), batch_size=batch)
    step = jnp.where(jnp.isfinite(r[:, :1]), r[:, :1] * unit[:, 0], jnp.nan)
    feet = x + jnp.nan_to_num(step)
    away = jnp.sum(feet**2, 1)[None] - 2 * x @ feet.T  # + |x|^2, the same for all feet
    theirs = jax.lax.top_k(-jnp.where(jnp.isnan(step[:, 0])[None], jnp.inf, away), near)[1]

    def second(args: tuple[Array, Array, Array]) -> Array:
        i, unit, r = args
        field, project = local(i)
        # Neighbours' feet, and their ways there, are directions too.
        rays = jnp.nan_to_num(jnp.concatenate([x[theirs[i]] + step[theirs[i]] - x[i], step[theirs[i]]]))
        more, far = _cast(field, project, rays, jnp.minimum(1.5 * jnp.linalg.norm(rays, axis=1), beyond), FINE[0])
        unit, r = jnp.concatenate([unit, more]), jnp.concatenate([r, far])
        unit, r = _shorten(field, project, jnp.abs(value[i]), unit, r, FINE[1])
        return _finish(field, value[i], _unit(project(unit)), r, reach)

    return jax.lax.map(second, (jnp.arange(count), unit, r), batch_size=batch)
