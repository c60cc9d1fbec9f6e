"""One direction for all: a vector off the manifold, its sign set by the class, and what it does to other nets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import bounded, nets
from toy.errors import FieldError
from toy.recording import Recording
from toy.windows import gradient

DRAWS = 16  # random directions of a null
LENGTHS = np.geomspace(1e-3, 1.0, 61)  # of the manifold's extent


@dataclass(frozen=True)
class Universal:
    """How many points one direction flips, by length.

    direction: (n,) unit vector normal to M everywhere; a point moves to x - y t v. lengths: (E,) values of t.
    flipped: (E,) share of the points that were right and are wrong at x - y t v. chance, chance_95: (E,) mean and 95 %
    quantile of the same over random normal directions, each with the better of its two signs.
    """

    direction: Float[np.ndarray, " n"]
    lengths: Float[np.ndarray, " E"]
    flipped: Float[np.ndarray, " E"]
    chance: Float[np.ndarray, " E"]
    chance_95: Float[np.ndarray, " E"]

    @property
    def all_flip(self) -> float:
        """The least of the lengths at which every point flips; inf without one."""
        whole = self.lengths[self.flipped == 1]
        return float(whole[0]) if len(whole) else float("inf")

    @property
    def own_eps(self) -> float:
        """The least of the lengths at which most points flip: `all_flip` where that is finite."""
        return float(self.lengths[self.flipped.argmax()])


@dataclass(frozen=True)
class Transfer:
    """What flips nets a (rows) carries over to nets b (columns): shares of b's right points, each (A, A).

    eps: (A,) lengths, each a's own. direction: a's universal direction; points: a's own PGD perturbation of each point,
    off the manifold, of length at most eps. direction_chance, points_chance: the same of random normal directions as
    long, one for all with the better sign, or one a point.
    """

    eps: Float[np.ndarray, " A"]
    direction: Float[np.ndarray, "A A"]
    points: Float[np.ndarray, "A A"]
    direction_chance: Float[np.ndarray, "A A"]
    points_chance: Float[np.ndarray, "A A"]


def universal(
    recording: Recording, step: int, lengths: Sequence[float] | None = None, seed: int = 0
) -> Universal:
    """The mean off-manifold gradient as one direction for all points after `step` updates.

    v = P sum_i grad f(x_i), made a unit vector; P keeps the dimensions that are normal to all of M: every normal one of
    a flat manifold, the appended ones of a curved one. lengths: t >= 0, by default .001 to 1 of the manifold's extent.
    seed: of the null. Raises FieldError without such dimensions, for lengths that are none, for a step outside.
    Source: Moosavi-Dezfooli et al., CVPR 2017, arXiv:1610.08401, for universal perturbations.
    """
    t = recording.world.geometry.extent * LENGTHS if lengths is None else _lengths(lengths)
    v = _normal(recording, np.asarray(_slopes(recording, step)).sum(0))
    drawn = _flips(recording, step, _random(recording, seed), t).mean(2)
    best = drawn.reshape(2, DRAWS, len(t)).max(0)
    own = _flips(recording, step, v[None], t)[0].mean(1)
    return Universal(v, t, own, best.mean(0), np.quantile(best, 0.95, axis=0))


def transfer(recordings: Sequence[Recording], steps: Sequence[int], seed: int = 0) -> Transfer:
    """Direction and per-point perturbations of each net against every other, at the first one's own eps.

    The eps of a is `Universal.own_eps`. Raises FieldError when the nets do not see the same points, or as `universal`.
    """
    if not recordings:
        raise FieldError("recordings", "one at least", "none")
    first = recordings[0].data
    for other in recordings[1:]:
        if other.data.x.shape != first.x.shape or (other.data.x != first.x).any() or (other.data.y != first.y).any():
            raise FieldError("recordings", "runs on the same points with the same labels", "others")
    if len(steps) != len(recordings):
        raise FieldError("recordings", f"as many as steps, {len(steps)}", len(recordings))
    own = [universal(a, step, seed=seed) for a, step in zip(recordings, steps)]
    out = np.zeros((4, len(own), len(own)))
    for i, (a, one) in enumerate(zip(recordings, own)):
        eps = np.array([one.own_eps])
        delta = bounded.attack("pgd-l2", a, steps[i], one.own_eps, "off", seed).delta
        scattered = one.own_eps * _scattered(a, seed)
        for j, (b, step) in enumerate(zip(recordings, steps)):
            drawn = _flips(b, step, _random(b, seed), eps).mean((1, 2)).reshape(2, DRAWS)
            out[:, i, j] = (_flips(b, step, one.direction[None], eps).mean(), _moved(b, step, delta[None]).mean(),
                            drawn.max(0).mean(), _moved(b, step, scattered).mean())
    return Transfer(np.array([one.own_eps for one in own]), *out)


def _lengths(values: Sequence[float]) -> np.ndarray:
    try:
        t = np.asarray(values, float)
    except (TypeError, ValueError):
        t = np.empty(0)
    if t.ndim != 1 or not len(t) or not (np.isfinite(t) & (t >= 0)).all():
        raise FieldError("lengths", "a list of lengths, 0 or more", values)
    return t


def _slopes(recording: Recording, step: int) -> Array:
    return gradient(recording.logit, recording.params(step), jnp.asarray(recording.data.x))


def _normal(recording: Recording, vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., n) as unit vectors in the dimensions normal to all of M; 0 for what has no such part."""
    world = recording.world
    if world.n == world.geometry.e:
        least = world.geometry.e - world.k + 1
        raise FieldError("codimension", f"at least {least} for manifold {world.manifold!r}", world.codimension,
                         "no direction is normal to all of it")
    kept = np.where(np.arange(world.n) >= world.geometry.e, vectors, 0)
    length = np.linalg.norm(kept, axis=-1, keepdims=True)
    return (kept / np.where(length > 0, length, 1)).astype(np.float32)


def _random(recording: Recording, seed: int) -> np.ndarray:
    """DRAWS random normal directions, then their opposites: (2 DRAWS, n)."""
    v = _normal(recording, np.random.default_rng(seed).standard_normal((DRAWS, recording.world.n)))
    return np.concatenate([v, -v])


def _scattered(recording: Recording, seed: int) -> np.ndarray:
    """DRAWS random normal directions for each point: (DRAWS, N, n)."""
    size = (DRAWS, *recording.data.x.shape)
    return _normal(recording, np.random.default_rng(seed + 1).standard_normal(size))


def _flips(recording: Recording, step: int, directions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Whether x - y t v is wrong, for D directions (D, n) and E lengths, of the M points that were right: (D, E, M)."""
    y = recording.data.y[:, None]
    moves = -y * (lengths[:, None] * directions[:, None])[:, :, None]  # (D, E, N, n)
    return _moved(recording, step, moves.reshape(-1, *recording.data.x.shape)).reshape(*moves.shape[:2], -1)


def _moved(recording: Recording, step: int, moves: np.ndarray) -> np.ndarray:
    """Whether x + move is wrong, for J moves (J, N, n), of the M points that were right: (J, M)."""
    data, logit, params = recording.data, recording.logit, recording.params(step)
    margins = np.asarray(_margins(logit, params, jnp.asarray(data.x), jnp.asarray(data.y), jnp.asarray(moves)))
    right = np.asarray(logit(params, jnp.asarray(data.x))) * data.y > 0
    if not right.any():
        raise FieldError("step", "one at which some point is right", step)
    return margins[:, right] <= 0


@partial(jax.jit, static_argnums=0)
def _margins(logit: nets.Logit, params: nets.Params, x: Array, y: Array, moves: Array) -> Array:
    return jax.lax.map(lambda move: y * logit(params, x + move), moves)


__all__ = ["Transfer", "Universal", "transfer", "universal"]
