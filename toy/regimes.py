"""Training regimes: what a step makes of a batch before it follows the gradient."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy import nets, pgd
from toy.manifolds import Manifold, tangent

PGD_STEPS = 8


class Ground(NamedTuple):
    """What a regime knows of the world: the manifold, the dimension of the ambient space, the box of u; static."""

    manifold: Manifold
    n: int
    box: pgd.Box


class Batch(NamedTuple):
    """Training points of one step: parameters u (m, k), points x (m, n), labels y (m,) of +-1, and a random key."""

    u: Array
    x: Array
    y: Array
    key: Array


Place = Ground | None  # None for a regime that does not look at the manifold
Outcome = tuple[Float[Array, ""], Float[Array, " m"] | None]  # (loss to be lowered, logits at x or None)
Regime = Callable[[nets.Logit, nets.Params, Any, Batch, Place], Outcome]


def logistic_loss(logits: Float[Array, " N"], y: Float[Array, " N"]) -> Float[Array, ""]:
    """Mean of log(1 + exp(-y f)): binary cross-entropy on labels +-1."""
    return jnp.mean(jax.nn.softplus(-y * logits))


def standard(logit: nets.Logit, params: nets.Params, knobs: Any, batch: Batch, ground: Place) -> Outcome:
    """The mean logistic loss at the points themselves."""
    logits = logit(params, batch.x)
    return logistic_loss(logits, batch.y), logits


def _within(ground: Place, batch: Batch, space: str) -> Callable[[Array], Array]:
    """v (m, n) -> its part in a space at each point: all of it ("free") or its normal part ("off")."""
    if space == "free":
        return lambda v: v
    assert ground is not None
    frame = tangent(ground.manifold, ground.n, batch.u)
    return lambda v: v - jnp.einsum("mnk,mk->mn", frame, jnp.einsum("mnk,mn->mk", frame, v))


def adversarial(
    logit: nets.Logit, params: nets.Params, knobs: Any, batch: Batch, ground: Place, norm: str = "l2",
    space: str = "free",
) -> Outcome:
    """The loss at the worst points that projected gradient ascent finds in the ball |x' - x| <= eps.

    norm: "l2" or "linf". space: "free" all of R^n, "off" the normal spaces alone. eps: length.
    Source: Madry et al., ICLR 2018, arXiv:1706.06083; off the manifold: Altinisik et al. 2024, arXiv:2405.17130.
    """
    project = _within(ground, batch, space)
    found = pgd.ascend(logit, params, batch.x, batch.y, knobs.eps, norm, project, PGD_STEPS)
    return logistic_loss(logit(params, jax.lax.stop_gradient(found)), batch.y), None


def adversarial_on(logit: nets.Logit, params: nets.Params, knobs: Any, batch: Batch, ground: Place) -> Outcome:
    """The same inside the manifold: x' = x + phi(u') - phi(u), |phi(u') - phi(u)| <= eps.

    Source: Stutz, Hein, Schiele, CVPR 2019, arXiv:1812.00740.
    """
    assert ground is not None
    found = pgd.ascend_on(logit, params, ground.manifold, ground.box, batch.u, batch.x, batch.y, knobs.eps, PGD_STEPS)
    return logistic_loss(logit(params, jax.lax.stop_gradient(found)), batch.y), None


def gradient_penalty(logit: nets.Logit, params: nets.Params, knobs: Any, batch: Batch, ground: Place) -> Outcome:
    """Adds gradient_penalty x the mean of |grad f(x)|^2 to the loss; 1 / (logits per length)^2.

    Source: Drucker, Le Cun, IEEE Trans. Neural Networks 3 (1992); Ross, Doshi-Velez, AAAI 2018, arXiv:1711.09404.
    """
    logits, back = jax.vjp(partial(logit, params), batch.x)
    slope = back(jnp.ones_like(logits))[0]
    return logistic_loss(logits, batch.y) + knobs.gradient_penalty * jnp.mean(jnp.sum(slope**2, 1)), logits


def noise(logit: nets.Logit, params: nets.Params, knobs: Any, batch: Batch, ground: Place) -> Outcome:
    """The loss at x + input_noise z, z standard normal in R^n, drawn anew in every step; length.

    Source: Bishop, Neural Computation 7 (1995).
    """
    moved = batch.x + knobs.input_noise * jax.random.normal(batch.key, batch.x.shape)
    return logistic_loss(logit(params, moved), batch.y), None


def smoothing(logit: nets.Logit, params: nets.Params, knobs: Any, batch: Batch, ground: Place) -> Outcome:
    """The loss when a share label_smoothing of each target belongs to the other class.

    mean of (1 - a) log(1 + exp(-y f)) + a log(1 + exp(y f)). Source: Szegedy et al., CVPR 2016, arXiv:1512.00567.
    """
    logits, a = logit(params, batch.x), knobs.label_smoothing
    return (1 - a) * logistic_loss(logits, batch.y) + a * logistic_loss(logits, -batch.y), logits


REGIMES: dict[str, Regime] = {
    "standard": standard,
    "adversarial": adversarial,
    "adversarial-linf": partial(adversarial, norm="linf"),
    "adversarial-on": adversarial_on,
    "adversarial-off": partial(adversarial, space="off"),
    "gradient-penalty": gradient_penalty,
    "noise": noise,
    "smoothing": smoothing,
}

# Passes over the net that a step takes, as a multiple of the standard one's.
COST = {name: PGD_STEPS + 1.0 if name.startswith("adversarial") else 3.0 if name == "gradient-penalty" else 1.5
        for name in REGIMES} | {"standard": 1.0}
