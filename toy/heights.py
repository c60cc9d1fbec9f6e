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

SAMPLES = 65  # up to the chart's height: a pair of crossings closer than 1/32 of it is not seen
HALVINGS = 12


@dataclass(frozen=True)
class Heights:
    """Crossings of the lines through m parameters u.

    nearest: (m,) h(u), the signed distance along v to the nearest zero of f, NaN without one; lengths.
    count: (m,) number of crossings up to the chart's height. slope: (m,) df/dv at the nearest; logits per length.
    """

    nearest: np.ndarray
    count: np.ndarray
    slope: np.ndarray


@partial(jax.jit, static_argnums=(0, 1))
def _scan(logit: Callable, samples: int, params: nets.Params, chart: Window, u: Array, height: Array, far: Array
          ) -> tuple[Array, Array, Array]:
    seen = through(logit, params, chart)

    def field(v: Array, t: Array) -> Array:
        return seen(jnp.concatenate([v, t[:, None]], axis=1))

    steps = jnp.linspace(-far, far, samples)
    values = jax.lax.map(lambda t: field(u, jnp.full(len(u), t)), steps)  # (samples, m): one block a height
    values = jnp.where(values == 0, 1e-30, values)
    change = (values[:-1] > 0) != (values[1:] > 0)
    # Linear estimate of each crossing decides which is the nearest; that one is then refined by bisection.
    # False position would end on a kink of a piecewise linear net, where the slope below is not defined.
    share = values[:-1] / jnp.where(change, values[:-1] - values[1:], 1.0)
    estimate = steps[:-1, None] + share * (steps[1] - steps[0])
    distance = jnp.where(change, jnp.abs(estimate), jnp.inf)
    best = jnp.argmin(distance, axis=0)
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
    return jnp.where(change.any(0), t, jnp.nan), (distance <= height).sum(0), slope


def heights(chart: Window, params: nets.Params, u: Float[np.ndarray, "m k"], beyond: float = 1.0) -> Heights:
    """Nearest crossing, number of crossings and slope on the line through each phi(u), up to the chart's height.

    beyond: the nearest crossing is searched up to so many times the chart's height, at least 1.
    """
    height = chart.high[-1]
    samples = 1 + round((SAMPLES - 1) * beyond)
    out = _scan(chart.logit, samples, params, shape(chart), jnp.asarray(u, jnp.float32), jnp.float32(height),
                jnp.float32(beyond * height))
    nearest, count, slope = (np.asarray(a) for a in out)
    return Heights(nearest, count, slope)
