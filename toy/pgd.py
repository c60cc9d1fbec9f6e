"""Projected gradient ascent of the loss in an eps-ball; pure functions, traceable inside a training step."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy import nets
from toy.manifolds import Manifold, point

Project = Callable[[Array], Array]  # (N, n) -> (N, n): the part in the allowed space
STEP = 2.5  # eps / steps: far enough to cross the ball, and to come back


def _loss(logit: nets.Logit, params: nets.Params, x: Array, y: Array) -> Array:
    # A sum, so that each point's gradient is its own.
    return jnp.sum(jax.nn.softplus(-y * logit(params, x)))


def _unit(v: Float[Array, "N d"]) -> Float[Array, "N d"]:
    """v / |v|, 0 where v is 0."""
    length = jnp.linalg.norm(v, axis=1, keepdims=True)
    return jnp.where(length > 0, v / jnp.where(length > 0, length, 1.0), 0.0)


def within_ball(delta: Float[Array, "N n"], eps: Array, norm: str) -> Float[Array, "N n"]:
    """The displacement scaled back to |delta| <= eps, which keeps it in its space; norm "l2" or "linf"."""
    size = jnp.linalg.norm(delta, axis=1) if norm == "l2" else jnp.abs(delta).max(1)
    share = jnp.where(size > eps, eps / jnp.where(size > 0, size, 1.0), 1.0)
    return delta * share[:, None]


def ascend(
    logit: nets.Logit, params: nets.Params, x: Float[Array, "N n"], y: Float[Array, " N"], eps: Array, norm: str,
    project: Project, steps: int,
) -> Float[Array, "N n"]:
    """Points x' = x + delta of high loss for y, |delta| <= eps, delta in the space that `project` keeps.

    delta <- ball(delta + a d), d the unit gradient ("l2") or its sign ("linf") within the space, a = 2.5 eps / steps,
    from delta = 0. eps: length. In a subspace the linf ball is met by scaling, not by clipping, which would leave it.
    Source: Madry et al., ICLR 2018, arXiv:1706.06083.
    """
    slope = jax.grad(lambda at: _loss(logit, params, at, y))

    def step(_: int, delta: Array) -> Array:
        g = project(slope(x + delta))
        d = _unit(g) if norm == "l2" else project(jnp.sign(g))
        return within_ball(delta + STEP * eps / steps * d, eps, norm)

    return x + jax.lax.fori_loop(0, steps, step, jnp.zeros_like(x))


def ascend_on(
    logit: nets.Logit, params: nets.Params, manifold: Manifold, n: int, u: Float[Array, "N k"],
    x: Float[Array, "N n"], y: Float[Array, " N"], eps: Array, steps: int,
) -> Float[Array, "N n"]:
    """The same inside the manifold: x' = x + phi(u') - phi(u), |phi(u') - phi(u)| <= eps, u' in the parameter box.

    Steps are of equal length on M: du = a (J^T J)^-1 g / |g| in the metric of phi, g the gradient in the parameters.
    A step out of the ball is shortened in the parameters until the chord fits. Source: Stutz, Hein, Schiele, CVPR 2019,
    arXiv:1812.00740.
    """
    place = lambda v: point(manifold, n, 0.0, v)  # noqa: E731
    start, (low, high) = place(u), jnp.array(manifold.domain).T
    low, high = (jnp.where(jnp.array(manifold.period) > 0, end, bound) for end, bound in
                 ((-jnp.inf, low), (jnp.inf, high)))
    slope = jax.grad(lambda v: _loss(logit, params, x + place(v) - start, y))
    spread = jax.vmap(jax.jacfwd(lambda v: place(v[None])[0]))

    def fits(v: Array) -> Array:
        return jnp.linalg.norm(place(v) - start, axis=1) <= eps

    def shorten(v: Array) -> Array:
        """The furthest of the halved ways from u to v that stays in the ball."""
        def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            near, far = ends
            middle = (near + far) / 2
            ok = fits(u + middle[:, None] * (v - u))
            return jnp.where(ok, middle, near), jnp.where(ok, far, middle)

        share = jax.lax.fori_loop(0, 12, halve, (jnp.zeros(len(v)), jnp.ones(len(v))))[0]
        return jnp.where(fits(v)[:, None], v, u + share[:, None] * (v - u))

    def step(_: int, v: Array) -> Array:
        g, jacobian = slope(v), spread(v)
        metric = jnp.einsum("mnk,mnl->mkl", jacobian, jacobian) + 1e-9 * jnp.eye(u.shape[1])
        up = jnp.linalg.solve(metric, g[..., None])[..., 0]
        size = jnp.sqrt(jnp.maximum(jnp.sum(g * up, 1, keepdims=True), 0.0))
        d = jnp.where(size > 0, up / jnp.where(size > 0, size, 1.0), 0.0)
        return shorten(jnp.clip(v + STEP * eps / steps * d, low, high))

    return x + place(jax.lax.fori_loop(0, steps, step, u)) - start
