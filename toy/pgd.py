"""Projected gradient ascent of the loss in an eps-ball; pure functions, traceable inside a training step."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy import nets
from toy.manifolds import Manifold, point

Project = Callable[[Array], Array]  # (N, n) -> (N, n): the part in the allowed space
Box = tuple[tuple[float, float], ...]  # k pairs (low, high)
NORMS = ("l2", "linf")
STEP = 2.5  # eps / steps: far enough to cross the ball, and to come back


def _downhill(logit: nets.Logit, params: nets.Params, x: Array, y: Array) -> Array:
    # Each point's logistic loss rises where y f falls, and the steps keep the direction alone; the loss itself would
    # lose its gradient to rounding where the net is sure. A sum, so that each point's gradient is its own.
    return jnp.sum(-y * logit(params, x))


def size(v: Float[Array, "N n"], norm: str) -> Float[Array, " N"]:
    """Length of each row in the norm "l2" or "linf"."""
    return jnp.linalg.norm(v, axis=1) if norm == "l2" else jnp.abs(v).max(1)


def _scaled(v: Float[Array, "N d"], length: Float[Array, " N"]) -> Float[Array, "N d"]:
    """v / length, 0 where the length is 0."""
    return jnp.where(length[:, None] > 0, v / jnp.where(length > 0, length, 1.0)[:, None], 0.0)


def within_ball(delta: Float[Array, "N n"], eps: Array, norm: str) -> Float[Array, "N n"]:
    """The displacement scaled back to |delta| <= eps, which keeps it in its space; norm "l2" or "linf"."""
    long = size(delta, norm)
    return delta * jnp.where(long > eps, eps / jnp.where(long > 0, long, 1.0), 1.0)[:, None]


def ascend(
    logit: nets.Logit, params: nets.Params, x: Float[Array, "N n"], y: Float[Array, " N"], eps: Array, norm: str,
    project: Project, steps: int,
) -> Float[Array, "N n"]:
    """Points x' = x + delta of high loss for y, |delta| <= eps, delta in the space that `project` keeps.

    delta <- ball(delta + a d), d the unit gradient ("l2") or its sign ("linf") within the space, a = 2.5 eps / steps,
    from delta = 0. eps: length. In a subspace the linf ball is met by scaling, not by clipping, which would leave it.
    One step of "linf" is FGSM. Source: Madry et al., ICLR 2018, arXiv:1706.06083; Goodfellow et al., arXiv:1412.6572.
    """
    slope = jax.grad(lambda at: _downhill(logit, params, at, y))

    def step(_: int, delta: Array) -> Array:
        g = project(slope(x + delta))
        d = _scaled(g, size(g, "l2")) if norm == "l2" else project(jnp.sign(g))
        return within_ball(delta + STEP * eps / steps * d, eps, norm)

    return x + jax.lax.fori_loop(0, steps, step, jnp.zeros_like(x))


def climb(
    logit: nets.Logit, params: nets.Params, manifold: Manifold, box: Box, shift: Float[Array, "N n"],
    u: Float[Array, "N k"], y: Float[Array, " N"], eps: Array, norm: str, steps: int,
) -> Float[Array, "N k"]:
    """The same inside the manifold: parameters u' of high loss at phi(u') + shift, |phi(u') - phi(u)| <= eps.

    Steps are of equal length on M: du = a (J^T J)^-1 g, scaled to |J du| = a in the norm, g the gradient in the
    parameters. A step out of the ball is shortened in the parameters until the chord fits; u' stays in the box, but
    goes round where M is periodic. Source: Stutz, Hein, Schiele, CVPR 2019, arXiv:1812.00740.
    """
    place = lambda v: point(manifold, shift.shape[1], 0.0, v)  # noqa: E731
    start, (low, high) = place(u), jnp.array(box).T
    low, high = (jnp.where(jnp.array(manifold.period) > 0, end, bound) for end, bound in
                 ((-jnp.inf, low), (jnp.inf, high)))
    slope = jax.grad(lambda v: _downhill(logit, params, place(v) + shift, y))
    spread = jax.vmap(jax.jacfwd(lambda v: place(v[None])[0]))

    def step(_: int, v: Array) -> Array:
        g, jacobian = slope(v), spread(v)
        metric = jnp.einsum("mnk,mnl->mkl", jacobian, jacobian) + 1e-9 * jnp.eye(u.shape[1])
        # The unit gradient first: a steep net's own would overflow in the solve.
        up = jnp.linalg.solve(metric, _scaled(g, size(g, "l2"))[..., None])[..., 0]
        d = _scaled(up, size(jnp.einsum("mnk,mk->mn", jacobian, up), norm))
        end = jnp.clip(v + STEP * eps / steps * d, low, high)
        return shorten(lambda w: size(place(w) - start, norm) <= eps, u, end)

    return jax.lax.fori_loop(0, steps, step, u)


def shorten(fits: Callable[[Array], Array], u: Float[Array, "N k"], v: Float[Array, "N k"]) -> Float[Array, "N k"]:
    """The furthest point found by halving on the straight way from u, which fits, to v."""
    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        near, far = ends
        middle = (near + far) / 2
        ok = fits(u + middle[:, None] * (v - u))
        return jnp.where(ok, middle, near), jnp.where(ok, far, middle)

    share = jax.lax.fori_loop(0, 12, halve, (jnp.zeros(len(v)), jnp.ones(len(v))))[0]
    return jnp.where(fits(v)[:, None], v, u + share[:, None] * (v - u))


def ascend_on(
    logit: nets.Logit, params: nets.Params, manifold: Manifold, box: Box, u: Float[Array, "N k"],
    x: Float[Array, "N n"], y: Float[Array, " N"], eps: Array, steps: int,
) -> Float[Array, "N n"]:
    """Points x' = x + phi(u') - phi(u) with the u' of `climb` in the l2 ball: noise off M stays what it is."""
    place = lambda v: point(manifold, x.shape[1], 0.0, v)  # noqa: E731
    start = place(u)
    return x + place(climb(logit, params, manifold, box, x - start, u, y, eps, "l2", steps)) - start
