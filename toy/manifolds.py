"""Manifolds: smooth maps phi from parameters u in R^k into R^e, placed in R^n.

Everything but phi itself - tangent frames, unit normals, metric - follows by automatic differentiation.
The n - e appended coordinates are 0, except the first, which is `offset`. All maps are jitted: run op by op, each
primitive would be compiled alone for every new shape.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@dataclass(frozen=True)
class Manifold:
    """A chart phi: box in R^k -> R^e.

    domain: k pairs (low, high); reach: a distance up to which the nearest point of M is unique
    (None where the smallest radius of curvature, `focal`, is what bounds it);
    period: k lengths after which phi repeats, 0 where it does not.
    """

    name: str
    k: int
    e: int
    embed: Callable[[Array], Array]
    domain: tuple[tuple[float, float], ...]
    reach: float | None = None
    period: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.period:
            object.__setattr__(self, "period", (0.0,) * self.k)

    @property
    def flat(self) -> bool:
        """Whether M is a piece of a linear space (e = k)."""
        return self.e == self.k

    @property
    def extent(self) -> float:
        """Longest side of the parameter box for flat M, else of the bounding box of M; a length."""
        return float(_extent(self))


@partial(jax.jit, static_argnums=0)
def _extent(manifold: Manifold) -> Array:
    axes = [jnp.linspace(low, high, 65) for low, high in manifold.domain]
    u = jnp.stack(jnp.meshgrid(*axes, indexing="ij"), -1).reshape(-1, manifold.k)
    points = jax.vmap(manifold.embed)(u)
    return jnp.max(points.max(0) - points.min(0))


@partial(jax.jit, static_argnums=(0, 1))
def point(manifold: Manifold, n: int, offset: Array | float, u: Float[Array, "m k"]) -> Float[Array, "m n"]:
    """Points phi(u) in R^n: (phi_e(u), offset, 0, ..., 0)."""
    embedded = jax.vmap(manifold.embed)(u)
    extra = n - manifold.e
    if extra == 0:
        return embedded
    rest = jnp.zeros((len(u), extra)).at[:, 0].set(offset)
    return jnp.concatenate([embedded, rest], axis=1)


@partial(jax.jit, static_argnums=(0, 1))
def jacobian(manifold: Manifold, n: int, u: Float[Array, "m k"]) -> Float[Array, "m n k"]:
    """d phi / d u at each u, by forward-mode differentiation; rows beyond e are 0."""
    inner = jax.vmap(jax.jacfwd(manifold.embed))(u)
    return jnp.pad(inner, ((0, 0), (0, n - manifold.e), (0, 0)))


@partial(jax.jit, static_argnums=(0, 1))
def tangent(manifold: Manifold, n: int, u: Float[Array, "m k"]) -> Float[Array, "m n k"]:
    """Orthonormal basis of the tangent space span(d phi), as columns: the Q of a QR of the Jacobian.

    Only the e x k block is factorised, so the cost does not grow with the codimension.
    """
    inner = jnp.linalg.qr(jax.vmap(jax.jacfwd(manifold.embed))(u))[0]
    return jnp.pad(inner, ((0, 0), (0, n - manifold.e), (0, 0)))


@partial(jax.jit, static_argnums=0)
def unit_normal(manifold: Manifold, u: Float[Array, "m k"]) -> Float[Array, "m e"]:
    """Unit normal of a hypersurface (e = k + 1): the generalised cross product of the columns of d phi.

    Oriented by the parametrisation, so it varies smoothly along M. Raises ValueError for e != k + 1.
    """
    if manifold.e != manifold.k + 1:
        raise ValueError(f"{manifold.name} is no hypersurface of R^{manifold.e}")
    d = jax.vmap(jax.jacfwd(manifold.embed))(u)
    normal = jnp.stack([-d[:, 1, 0], d[:, 0, 0]], axis=1) if manifold.k == 1 else jnp.cross(d[:, :, 0], d[:, :, 1])
    return normal / jnp.linalg.norm(normal, axis=1, keepdims=True)


def line(u: Array) -> Array:
    """phi(u) = u: a straight segment."""
    return u


def sine(u: Array) -> Array:
    """phi(u) = (u, .15 sin 2 pi u)."""
    return jnp.stack([u[0], 0.15 * jnp.sin(2 * jnp.pi * u[0])])


def circle(u: Array) -> Array:
    """phi(u) = .5 (cos 2 pi u, sin 2 pi u): radius and reach .5."""
    return 0.5 * jnp.stack([jnp.cos(2 * jnp.pi * u[0]), jnp.sin(2 * jnp.pi * u[0])])


def spiral(u: Array) -> Array:
    """phi(u) = r (cos t, sin t), t = 4 pi u, r = .1 + .4 u: an Archimedean spiral of two turns, .2 apart."""
    angle, radius = 4 * jnp.pi * u[0], 0.1 + 0.4 * u[0]
    return radius * jnp.stack([jnp.cos(angle), jnp.sin(angle)])


def helix(u: Array) -> Array:
    """phi(u) = (.3 cos 4 pi u, .3 sin 4 pi u, u): two turns of pitch .5, whose nearness bounds the reach (.2415)."""
    return jnp.stack([0.3 * jnp.cos(4 * jnp.pi * u[0]), 0.3 * jnp.sin(4 * jnp.pi * u[0]), u[0]])


def plane(u: Array) -> Array:
    """phi(u) = u: the unit square."""
    return u


def wave(u: Array) -> Array:
    """phi(u) = (u1, u2, .08 sin 2 pi u1 cos 2 pi u2)."""
    return jnp.stack([u[0], u[1], 0.08 * jnp.sin(2 * jnp.pi * u[0]) * jnp.cos(2 * jnp.pi * u[1])])


def paraboloid(u: Array) -> Array:
    """phi(u) = (u1, u2, .5 (u1^2 + u2^2)) on [-.5, .5]^2; largest curvature 1, at the vertex."""
    return jnp.stack([u[0], u[1], 0.5 * (u[0] ** 2 + u[1] ** 2)])


def sphere(u: Array) -> Array:
    """phi(u) = .5 (cos a cos b, sin a cos b, sin b), longitude a = 2 pi u1, latitude b; the poles are cut off."""
    a, b = 2 * jnp.pi * u[0], u[1]
    return 0.5 * jnp.stack([jnp.cos(a) * jnp.cos(b), jnp.sin(a) * jnp.cos(b), jnp.sin(b)])


def torus(u: Array) -> Array:
    """phi(u) = ((R + r cos b) cos a, (R + r cos b) sin a, r sin b), R = .4, r = .18, a, b = 2 pi u; reach r."""
    a, b = 2 * jnp.pi * u[0], 2 * jnp.pi * u[1]
    ring = 0.4 + 0.18 * jnp.cos(b)
    return jnp.stack([ring * jnp.cos(a), ring * jnp.sin(a), 0.18 * jnp.sin(b)])


def swiss_roll(u: Array) -> Array:
    """phi(u) = (r cos t, u2, r sin t), t = pi (1 + 2 u1), r = .1 + .35 u1: one turn, rolled up."""
    t, r = jnp.pi * (1 + 2 * u[0]), 0.1 + 0.35 * u[0]
    return jnp.stack([r * jnp.cos(t), u[1], r * jnp.sin(t)])


def focal(manifold: Manifold, resolution: int = 129) -> float:
    """Smallest radius of curvature of M over a dense grid: an upper bound of the reach, in lengths.

    For directions w in the tangent plane the curvature is |II(w, w)| / |w|^2; its largest value over a fan
    of directions is taken. Bottlenecks between far parts of M are not seen: `reach` covers those.
    """
    side = resolution if manifold.k == 1 else resolution // 4
    axes = [jnp.linspace(low, high, side) for low, high in manifold.domain]
    u = jnp.stack(jnp.meshgrid(*axes, indexing="ij"), -1).reshape(-1, manifold.k)
    angle = jnp.linspace(0, jnp.pi, 12, endpoint=False)
    fan = jnp.ones((1, 1)) if manifold.k == 1 else jnp.stack([jnp.cos(angle), jnp.sin(angle)], 1)

    def curvature(v: Array, w: Array) -> Array:
        first, second = jax.jvp(lambda a: jax.jvp(manifold.embed, (a,), (w,))[1], (v,), (w,))
        q = jnp.linalg.qr(jax.jacfwd(manifold.embed)(v))[0]
        normal = second - q @ (q.T @ second)
        return jnp.linalg.norm(normal) / jnp.sum(first**2)

    largest = jax.jit(jax.vmap(jax.vmap(curvature, (None, 0)), (0, None)))(u, fan).max()
    return float("inf") if largest == 0 else float(1 / largest)


def safe_height(manifold: Manifold, extents: float = 0.5) -> float:
    """So many times the extent, capped at 95 % of the reach (or focal radius); a length."""
    limit = manifold.reach if manifold.reach is not None else focal(manifold)
    return float(min(extents * manifold.extent, 0.95 * limit))


UNIT = (0.0, 1.0)

MANIFOLDS: dict[str, Manifold] = {
    m.name: m
    for m in (
        Manifold("line", 1, 1, line, (UNIT,), math.inf),
        Manifold("sine", 1, 2, sine, (UNIT,)),
        Manifold("circle", 1, 2, circle, (UNIT,), 0.5, (1.0,)),
        Manifold("spiral", 1, 2, spiral, (UNIT,), 0.09),
        Manifold("helix", 1, 3, helix, (UNIT,), 0.24),
        Manifold("plane", 2, 2, plane, (UNIT, UNIT), math.inf),
        Manifold("wave", 2, 3, wave, (UNIT, UNIT)),
        Manifold("paraboloid", 2, 3, paraboloid, ((-0.5, 0.5), (-0.5, 0.5)), 1.0),
        Manifold("sphere", 2, 3, sphere, (UNIT, (-1.3, 1.3)), 0.5, (1.0, 0.0)),
        Manifold("torus", 2, 3, torus, (UNIT, UNIT), 0.18, (1.0, 1.0)),
        Manifold("swiss-roll", 2, 3, swiss_roll, (UNIT, UNIT)),
    )
}
