"""Heights: where the lines phi(u) + t v(u) meet the boundary."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import nets
from toy.boundary import BLOCKS
from toy.charts import Window, through

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


def _outwards(samples: int, beyond: float, most: int) -> tuple[np.ndarray, int]:
    """Numbers of heights -beyond .. beyond in blocks of about `most`, from the middle outwards; and how many blocks
    reach past -1 and 1. Both signs of a height are in one block: what it meets is nearer than what the next one does.
    """
    above = np.arange(samples // 2, samples)
    pairs = np.stack([samples - 1 - above, above], axis=1)
    near = len(pairs) - int((samples - 1) / 2 * (1 - 1 / beyond))
    rows = min(len(pairs), max(1, most // 2))
    blocks = -(-len(pairs) // rows)
    padded = np.pad(pairs, ((0, blocks * rows - len(pairs)), (0, 0)), mode="edge")
    return padded.reshape(blocks, 2 * rows), -(-near // rows)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _scan(logit: Callable, samples: int, beyond: float, params: nets.Params, chart: Window, u: Array, height: Array
          ) -> tuple[Array, Array, Array]:
    count = len(u)
    blocks, near = _outwards(samples, beyond, BLOCKS[0] // count)
    steps = jnp.linspace(-beyond * height, beyond * height, samples)

    def field(v: Array, t: Array) -> Array:
        return through(logit, params, chart, jnp.concatenate([v, t[:, None]], axis=1))

    def crossed(values: Array) -> Array:
        known = ~jnp.isnan(values)
        return ((values[:-1] > 0) != (values[1:] > 0)) & known[:-1] & known[1:]

    def unfinished(carry: tuple[Array, Array]) -> Array:
        done, values = carry
        return (done < near) | ((done < len(blocks)) & ~crossed(values).any(0).all())

    def further(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        done, values = carry
        at = jnp.asarray(blocks)[done]
        found = field(jnp.tile(u, (len(at), 1)), jnp.repeat(steps[at], count)).reshape(len(at), count)
        return done + 1, values.at[at].set(jnp.where(found == 0, 1e-30, found))

    # Beyond the height it goes on only while a line has met nothing: most have, once the boundary clings.
    _, values = jax.lax.while_loop(unfinished, further, (jnp.int32(0), jnp.full((samples, count), jnp.nan)))
    change = crossed(values)
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
    where, folded = chart.seen(params)
    out = _scan(chart.logit, samples, beyond, folded, where, jnp.asarray(u, jnp.float32), jnp.float32(height))
    nearest, count, slope = (np.asarray(a) for a in out)
    return Heights(nearest, count, slope)
