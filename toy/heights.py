"""Heights: where the lines phi(u) + t v(u) meet the boundary."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import nets
from toy.charts import Window, shape, through

SAMPLES = 65  # along each line: a pair of crossings closer than 1/32 of the measuring height is not seen
HALVINGS = 12


@dataclass(frozen=True)
class Heights:
    """Crossings of the lines through m parameters u.

    nearest: (m,) h(u), the signed distance along v to the nearest zero of f, NaN without one; lengths.
    count: (m,) number of crossings up to the measuring height. slope: (m,) df/dv there; logits per length.
    """

    nearest: np.ndarray
    count: np.ndarray
    slope: np.ndarray


@partial(jax.jit, static_argnums=(0,))
def _scan(logit: Callable, params: nets.Params, chart: Window, u: Array, height: Array) -> tuple[Array, Array, Array]:
    seen = through(logit, params, chart)

    def field(v: Array, t: Array) -> Array:
        return seen(jnp.concatenate([v, t[:, None]], axis=1))

    steps = jnp.linspace(-height, height, SAMPLES)
    values = jax.lax.map(lambda t: field(u, jnp.full(len(u), t)), steps)  # (SAMPLES, m): one block a height
    values = jnp.where(values == 0, 1e-30, values)
    change = (values[:-1] > 0) != (values[1:] > 0)
    # Linear estimate of each crossing decides which is the nearest; that one is then refined by bisection.
    # False position would end on a kink of a piecewise linear net, where the slope below is not defined.
    share = values[:-1] / jnp.where(change, values[:-1] - values[1:], 1.0)
    estimate = steps[:-1, None] + share * (steps[1] - steps[0])
    best = jnp.argmin(jnp.where(change, jnp.abs(estimate), jnp.inf), axis=0)
    low, high = steps[best], steps[best + 1]
    below = jnp.take_along_axis(values, best[None], 0)[0] > 0

    def halve(_: Array, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        a, b = bracket
        middle = (a + b) / 2
        same = (field(u, middle) > 0) == below
        return jnp.where(same, middle, a), jnp.where(same, b, middle)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (low, high))
    t = (low + high) / 2
    slope = jax.jvp(lambda s: field(u, s), (t,), (jnp.ones_like(t),))[1]
    count = change.sum(0)
    return jnp.where(count > 0, t, jnp.nan), count, slope


def heights(chart: Window, params: nets.Params, u: Float[np.ndarray, "m k"]) -> Heights:
    """Nearest crossing, number of crossings and slope on the line through each phi(u), up to the chart's height."""
    logit, height = chart.logit, jnp.float32(chart.high[-1])
    out = _scan(logit, params, shape(chart), jnp.asarray(u, jnp.float32), height)
    nearest, count, slope = (np.asarray(a) for a in out)
    return Heights(nearest, count, slope)
