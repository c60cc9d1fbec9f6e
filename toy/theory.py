"""What theory says of the first layer's normal weights, beside what a run did: self-tests of the simulator.

Data that lies in a linear subspace never moves the first-layer weights orthogonal to it: the gradient of the loss
is sum_i c_i x_i^T, a combination of the data. So plain gradient descent leaves them where they started, weight
decay shrinks them by (1 - learning_rate weight_decay) a step, and the gradient off the manifold stays that of
random weights. What breaks the premise - noise off the manifold, a penalty on the weights, adversarial examples -
shows as a departure from the prediction.
Source: Melamed, Yehudai, Vardi, NeurIPS 2023, arXiv:2303.00783.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import nets
from toy.recording import Recording


def first_unseen(recording: Recording) -> int:
    """First of the input coordinates that are 0 at every training point: e, one more for an offset (or noise)."""
    used = np.flatnonzero(np.any(recording.data.x != 0, axis=0))
    return int(used[-1]) + 1 if len(used) else 0


def predicted_decay(recording: Recording, step: int) -> float:
    """(1 - learning_rate weight_decay)^step: what weight decay leaves of the normal weights; 1 without it.

    NaN with weight decay where it passes through the optimiser's memory (momentum, adam) and no such law holds.
    """
    knobs = recording.knobs
    if knobs.weight_decay and recording.world.optimizer not in ("sgd", "adamw"):
        return float("nan")
    return float((1 - knobs.learning_rate * knobs.weight_decay) ** recording.check_step(step))


def _weights(recording: Recording, step: int) -> tuple[Float[np.ndarray, "n width"], Float[np.ndarray, " width"]]:
    layer = recording.params(step)["layer0"]
    return np.asarray(layer["kernel"], float), np.asarray(layer["bias"], float)


def normal_weight_factor(recording: Recording, step: int) -> float:
    """<W_t, W_0> / |W_0|^2 over the first-layer weights of unseen coordinates; NaN without any."""
    first = first_unseen(recording)
    now, start = (_weights(recording, at)[0][first:] for at in (step, 0))
    return float((now * start).sum() / (start**2).sum()) if start.any() else float("nan")


def _drift(recording: Recording, step: int, part: slice) -> float:
    now, start = (_weights(recording, at)[0][part] for at in (step, 0))
    if not start.any():
        return float("nan")
    return float(np.linalg.norm(now - predicted_decay(recording, step) * start) / np.linalg.norm(start))


def normal_weight_drift(recording: Recording, step: int) -> float:
    """|W_t - (1 - rate decay)^t W_0| / |W_0| over the weights of unseen coordinates; exactly 0 without decay."""
    return _drift(recording, step, slice(first_unseen(recording), None))


def seen_weight_drift(recording: Recording, step: int) -> float:
    """The same over the coordinates that the data uses: how far training moved what it could move."""
    return _drift(recording, step, slice(0, first_unseen(recording)))


def offset_weight_drift(recording: Recording, step: int) -> float:
    """Drift of W_z - z0 b for flat data at height z0 in the first normal coordinate z, relative to its start.

    |(W_z - z0 b)_t - (1 - rate decay)^t (W_z - z0 b)_0| / |(W_z - z0 b)_0|. Each gradient step adds z0 c to W_z and c
    to b, so plain gradient descent conserves it up to rounding; an optimiser with a rate for each weight does not.
    NaN without normal coordinates.
    """
    z, z0 = recording.world.geometry.e, recording.knobs.offset
    if z >= recording.world.n:
        return float("nan")
    (weights, bias), (weights0, bias0) = _weights(recording, step), _weights(recording, 0)
    now, start = weights[z] - z0 * bias, weights0[z] - z0 * bias0
    size = np.linalg.norm(start)
    return float(np.linalg.norm(now - predicted_decay(recording, step) * start) / size) if size else float("nan")


def rounding(recording: Recording, step: int) -> float:
    """What `step` float32 additions can drift at most, relative to the numbers added to: step x 2^-24."""
    return max(1, recording.check_step(step)) * 2.0**-24


@partial(jax.jit, static_argnums=0)
def _signal(logit: nets.Logit, params: nets.Params, x: Array) -> Array:
    """|df / d(first-layer pre-activation)| at each x, (N,)."""
    def one(point: Array) -> Array:
        def shifted(shift: Array) -> Array:
            first = params["layer0"]
            return logit({**params, "layer0": {**first, "bias": first["bias"] + shift}}, point[None])[0]

        return jnp.linalg.norm(jax.grad(shifted)(jnp.zeros_like(params["layer0"]["bias"])))

    return jax.vmap(one)(x)


def predicted_vertical_gradient(recording: Recording, step: int) -> Float[np.ndarray, " N"]:
    """Norm of the normal part of grad f that frozen random normal weights give at each training point; (N,).

    |g| = beta |1 - rate decay|^t sqrt(ell) |s(x)|, s = df / d(first-layer pre-activation), beta the root mean square of
    the starting weights of the normal coordinates; logits per length. For two layers, f = sum u_i relu(w_i . x) with
    u_i = +-1 / sqrt(m), |s| = sqrt(k_active / m): the beta sqrt(k_active ell / m) of the source. The weights do not
    see the normal directions, so |g|^2 / (beta |s|)^2 is chi-squared with ell degrees of freedom over Gaussian draws.
    All NaN without normal coordinates or with curved M, whose normal space turns.
    """
    world = recording.world
    if not world.geometry.flat or not world.codimension:
        return np.full(world.point_count, np.nan)
    beta = np.sqrt((_weights(recording, 0)[0][world.k :] ** 2).mean())
    signal = np.asarray(_signal(nets.logit(world), recording.params(step), jnp.asarray(recording.data.x)), float)
    return beta * abs(predicted_decay(recording, step)) * np.sqrt(world.codimension) * signal


__all__ = ["first_unseen", "normal_weight_drift", "normal_weight_factor", "offset_weight_drift", "predicted_decay",
           "predicted_vertical_gradient", "rounding", "seen_weight_drift"]
